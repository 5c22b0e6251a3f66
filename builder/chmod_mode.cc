#include "builder/chmod_mode.h"

#include <sys/stat.h>

#include <string>

#include "base/error.h"
#include "base/text.h"

namespace bld::builder {

namespace {

constexpr mode_t kUserBits = S_ISUID | S_IRWXU;
constexpr mode_t kGroupBits = S_ISGID | S_IRWXG;
constexpr mode_t kOtherBits = S_ISVTX | S_IRWXO;
constexpr mode_t kAllBits = 07777;
constexpr mode_t kExecuteBits = S_IXUSR | S_IXGRP | S_IXOTH;

mode_t class_bits(char letter) {
  switch (letter) {
    case 'u':
      return kUserBits;
    case 'g':
      return kGroupBits;
    case 'o':
      return kOtherBits;
    case 'a':
      return kAllBits;
    default:
      return 0;
  }
}

mode_t permission_bits(char letter) {
  switch (letter) {
    case 'r':
      return S_IRUSR | S_IRGRP | S_IROTH;
    case 'w':
      return S_IWUSR | S_IWGRP | S_IWOTH;
    case 'x':
      return kExecuteBits;
    case 's':
      return S_ISUID | S_ISGID;
    case 't':
      return S_ISVTX;
    default:
      return 0;
  }
}

// The three bits that one class has, given to all three.
mode_t spread(char letter, mode_t mode) {
  const int shift = letter == 'u' ? 6 : letter == 'g' ? 3 : 0;
  const mode_t three = (mode >> shift) & 07;
  return three << 6 | three << 3 | three;
}

bool is_operator(char letter) { return letter == '+' || letter == '-' || letter == '='; }

}  // namespace

ChmodMode ChmodMode::parse(std::string_view text) {
  ChmodMode result;
  const base::Error bad(
      "--chmod: {} is no mode: neither octal (up to 7777) nor symbolic like u=rwX,go-w",
      base::printable(text));
  if (const auto octal = base::parse_unsigned(text, 8)) {
    if (*octal > kAllBits) throw bad;
    result.octal_ = static_cast<mode_t>(*octal);
    return result;
  }
  for (const std::string& clause : base::split(text, ',')) {
    std::size_t at = 0;
    mode_t who = 0;
    while (at < clause.size() && class_bits(clause[at]) != 0) who |= class_bits(clause[at++]);
    if (who == 0) who = kAllBits;
    if (at == clause.size()) throw bad;
    while (at < clause.size()) {
      if (!is_operator(clause[at])) throw bad;
      Change change;
      change.who = who;
      change.op = static_cast<Operator>(clause[at++]);
      if (at < clause.size() && clause[at] != 'a' && class_bits(clause[at]) != 0) {
        change.copy_of = clause[at++];
      } else {
        for (; at < clause.size() && !is_operator(clause[at]); ++at) {
          change.conditional_x = change.conditional_x || clause[at] == 'X';
          change.bits |= permission_bits(clause[at]);
          if (clause[at] != 'X' && permission_bits(clause[at]) == 0) throw bad;
        }
      }
      result.changes_.push_back(change);
    }
  }
  return result;
}

mode_t ChmodMode::apply(mode_t st_mode) const {
  if (octal_) return *octal_;
  mode_t mode = st_mode & kAllBits;
  for (const Change& change : changes_) {
    mode_t bits = change.bits;
    if (change.copy_of != 0) bits = spread(change.copy_of, mode);
    if (change.conditional_x && (S_ISDIR(st_mode) || (mode & kExecuteBits) != 0)) {
      bits |= kExecuteBits;
    }
    bits &= change.who;
    switch (change.op) {
      case Operator::kAdd:
        mode |= bits;
        break;
      case Operator::kRemove:
        mode &= ~bits;
        break;
      case Operator::kSet: {
        mode_t cleared = change.who;
        if (S_ISDIR(st_mode)) cleared &= ~((S_ISUID | S_ISGID) & ~bits);
        mode = (mode & ~cleared) | bits;
        break;
      }
    }
  }
  return mode;
}

}  // namespace bld::builder
