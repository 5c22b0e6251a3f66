// A tar that was unpacked comes back to the byte; an index that names anything else is an Error.
#include "registry/tar_split.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "registry/credentials.h"
#include "tests/support/tar_builder.h"
#include "tests/support/temp_dir.h"

namespace bld::registry {
namespace {

constexpr std::size_t kBlock = 512;

std::string bytes_line(std::string_view bytes) {
  return R"({"type":2,"payload":")" + encode_base64(bytes) + "\"}\n";
}

std::string file_line(const std::string& name, std::size_t size) {
  return R"({"type":1,"name":")" + name + R"(","size":)" + std::to_string(size) +
         R"(,"payload":"AAAA"})" + "\n";
}

// What tar-split keeps of a tar of plain files and directories.
std::string index_of(const std::string& tar) {
  std::string index;
  std::size_t at = 0;
  while (at < tar.size()) {
    const std::string header = tar.substr(at, kBlock);
    const std::string name = header.c_str();
    const std::size_t size = name.empty() ? 0 : std::stoul(header.substr(124, 11), nullptr, 8);
    index += bytes_line(header);
    if (!name.empty()) index += file_line(name, size);
    at += kBlock + size;
    const std::size_t padding = (kBlock - size % kBlock) % kBlock;
    if (padding > 0) index += bytes_line(tar.substr(at, padding));
    at += padding;
  }
  return index;
}

class TarSplit : public testing::Test {
 protected:
  std::string joined(const std::string& index) {
    directory_.write("index", index);
    base::UniqueFd fd(::open((directory_ / "index").c_str(), O_RDONLY | O_CLOEXEC));
    TarSplitSource source(std::move(fd), base::RootedDir::open(directory_ / "files"));
    return base::read_to_end(source, 1 << 26);
  }

  std::string complaint(const std::string& index) {
    try {
      joined(index);
    } catch (const base::Error& error) {
      return error.message();
    }
    return "";
  }

  test::TempDir directory_;
};

TEST_F(TarSplit, TheTarComesBackToTheByte) {
  const std::string large(300000, 'x');
  const std::string tar = test::TarBuilder()
                              .dir("d")
                              .file("d/a", "one")
                              .file("empty", "")
                              .file("large", large)
                              .finish();
  directory_.write("files/d/a", "one");
  directory_.write("files/large", large);
  EXPECT_EQ(joined(index_of(tar)), tar);
}

TEST_F(TarSplit, ANameOfOtherLettersIsThereInBase64) {
  directory_.write("files/\xff", "two");
  EXPECT_EQ(joined(R"({"type":1,"name_raw":"/w==","size":3})"), "two");
}

TEST_F(TarSplit, WhatIsNotThereAsItWasIsAnError) {
  directory_.write("files/a", "one");
  directory_.write("outside", "secret");
  std::filesystem::create_symlink("../outside", directory_ / "files/link");
  EXPECT_NE(complaint(file_line("a", 4)).find("a has 3 bytes, in the tar it has 4"),
            std::string::npos);
  for (const char* name : {"missing", "../outside", "link", "."}) {
    EXPECT_NE(complaint(file_line(name, 6)), "") << name;
  }
  for (const char* line : {"x", "{\"type\":3}", "{\"type\":2,\"payload\":\"*\"}", "[]"}) {
    EXPECT_NE(complaint(line), "") << line;
  }
}

}  // namespace
}  // namespace bld::registry
