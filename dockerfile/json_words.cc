#include "dockerfile/json_words.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "dockerfile/lexer.h"

namespace bld::dockerfile {

namespace {

// Takes the strings of the outer array from the parser's events. No document is built, so nesting
// costs a bit a level.
class WordSax : public nlohmann::json::json_sax_t {
 public:
  std::vector<std::string> words;
  bool only_strings = true;

  bool null() override { return other(); }

  bool boolean(bool /*value*/) override { return other(); }

  bool number_integer(number_integer_t /*value*/) override { return other(); }

  bool number_unsigned(number_unsigned_t /*value*/) override { return other(); }

  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return other(); }

  bool string(string_t& value) override {
    if (depth_ == 1) words.push_back(std::move(value));
    return true;
  }

  bool binary(binary_t& /*value*/) override { return other(); }

  bool start_object(std::size_t /*elements*/) override { return open(); }

  bool key(string_t& /*value*/) override { return true; }

  bool end_object() override { return close(); }

  bool start_array(std::size_t /*elements*/) override { return open(); }

  bool end_array() override { return close(); }

  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) override {
    return false;
  }

 private:
  bool other() {
    only_strings = false;
    return true;
  }

  bool open() {
    if (depth_++ > 0) only_strings = false;
    return true;
  }

  bool close() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
};

}  // namespace

std::optional<std::vector<std::string>> parse_json_words(std::string_view text) {
  text = trim_blanks(text);
  if (!text.starts_with('[') || !text.ends_with(']')) return std::nullopt;
  WordSax sax;
  if (!nlohmann::json::sax_parse(text, &sax)) return std::nullopt;
  if (!sax.only_strings) throw base::Error("the JSON form takes only strings: [\"a\", \"b\"]");
  for (const std::string& word : sax.words) {
    if (word.find('\0') != std::string::npos) {
      throw base::Error("a string of the JSON form holds a NUL byte");
    }
  }
  return std::move(sax.words);
}

}  // namespace bld::dockerfile
