// Patterns over paths, as Go's filepath.Match has them, for sources, excludes and ignore files.
//
// `*` and `?` stop at `/`; `[a-z]`, `[^a]` and `\x` as in Go. Paths are relative, clean, with `/`.
// Matching takes pattern × path steps at most.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bld::dockerfile {

// What `**` means: the same as `*`, or any number of folders.
enum class DoubleStar { kSameAsStar, kAnyDepth };

class Pattern {
 public:
  // Throws base::Error if the pattern is malformed.
  explicit Pattern(std::string_view text, DoubleStar double_star = DoubleStar::kSameAsStar);

  bool matches(std::string_view path) const;

  // False if no path below the folder can match.
  bool may_match_below(std::string_view folder) const;

  const std::string& text() const { return text_; }

 private:
  enum class Kind : std::uint8_t {
    kByte,       // this byte
    kAnyChar,    // one character, not a slash
    kClass,      // one character of a class
    kStar,       // any bytes but slashes
    kDeepStart,  // the two that follow make (.*/)?
    kDeepLoop,
    kRest,  // anything, to the end
  };

  struct Range {
    char32_t low, high;
  };

  struct Token {
    Kind kind;
    char byte = 0;
    bool negated = false;
    std::vector<Range> ranges;
  };

  void compile(std::string_view text, DoubleStar double_star);
  std::size_t compile_class(std::string_view text, std::size_t at);
  bool in_class(const Token& token, char32_t character) const;
  std::vector<char> states_after(std::string_view path) const;
  void enter(std::vector<char>& states, std::size_t state) const;

  std::string text_;
  std::vector<Token> tokens_;
  bool literal_ = false;
  std::string literal_text_;
};

// Whether the text is to be matched at all: it holds *, ? or [.
bool has_wildcard(std::string_view text);

bool match_path(std::string_view pattern, std::string_view path,
                DoubleStar double_star = DoubleStar::kSameAsStar);

// path.Clean: no empty, `.` or inner `..` parts, no slash at the end; "." if nothing is left.
std::string clean_path(std::string_view path);

}  // namespace bld::dockerfile
