// Tars byte by byte, right or wrong ones, for tests of what reads them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

namespace bld::test {

class TarBuilder {
 public:
  struct Header {
    std::string name;
    char type = '0';
    std::uint64_t size = 0;
    unsigned mode = 0644;
    unsigned uid = 0, gid = 0;
    std::uint64_t mtime = 0;
    std::string link;
    std::string magic = std::string("ustar\0", 6) + "00";
    std::string prefix;
  };

  // A header alone, with a right checksum.
  TarBuilder& header(const Header& header) {
    std::string block(512, '\0');
    put(block, 0, header.name, 100);
    put(block, 100, octal(header.mode, 7), 8);
    put(block, 108, octal(header.uid, 7), 8);
    put(block, 116, octal(header.gid, 7), 8);
    put(block, 124, octal(header.size, 11), 12);
    put(block, 136, octal(header.mtime, 11), 12);
    block[156] = header.type;
    put(block, 157, header.link, 100);
    put(block, 257, header.magic, 8);
    put(block, 345, header.prefix, 155);
    return raw(with_checksum(std::move(block)));
  }

  TarBuilder& file(const std::string& name, const std::string& content, unsigned mode = 0644) {
    Header file;
    file.name = name;
    file.size = content.size();
    file.mode = mode;
    return header(file).body(content);
  }

  TarBuilder& dir(const std::string& name, unsigned mode = 0755) {
    return entry(name, '5', "", mode);
  }

  TarBuilder& symlink(const std::string& name, const std::string& target) {
    return entry(name, '2', target, 0777);
  }

  TarBuilder& hard_link(const std::string& name, const std::string& target) {
    return entry(name, '1', target, 0644);
  }

  TarBuilder& entry(const std::string& name, char type, const std::string& link = "",
                    unsigned mode = 0644) {
    Header plain;
    plain.name = name;
    plain.type = type;
    plain.link = link;
    plain.mode = mode;
    return header(plain);
  }

  // Records for the next entry ('x') or all that follow ('g').
  TarBuilder& pax(const std::string& records, char type = 'x') {
    Header plain;
    plain.name = "pax";
    plain.type = type;
    plain.size = records.size();
    return header(plain).body(records);
  }

  static std::string record(const std::string& key, const std::string& value) {
    const std::size_t fixed = key.size() + value.size() + 3;
    std::size_t length = fixed + 1;
    while (fixed + std::to_string(length).size() != length) {
      length = fixed + std::to_string(length).size();
    }
    return std::to_string(length) + " " + key + "=" + value + "\n";
  }

  // Data, filled up to a whole block.
  TarBuilder& body(const std::string& content) {
    bytes_ += content;
    bytes_.resize((bytes_.size() + 511) / 512 * 512, '\0');
    return *this;
  }

  TarBuilder& raw(const std::string& bytes) {
    bytes_ += bytes;
    return *this;
  }

  // All so far with the end mark.
  std::string finish() const { return bytes_ + std::string(1024, '\0'); }

  const std::string& without_end() const { return bytes_; }

  static std::string with_checksum(std::string block) {
    block.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    block.replace(148, 8, octal(sum, 6) + std::string("\0 ", 2));
    return block;
  }

  static std::string octal(std::uint64_t value, int digits) {
    char text[32];
    std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
    return text;
  }

 private:
  static void put(std::string& block, std::size_t offset, const std::string& text,
                  std::size_t size) {
    block.replace(offset, std::min(text.size(), size), text, 0, size);
  }

  std::string bytes_;
};

}  // namespace bld::test
