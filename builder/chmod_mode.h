// The value of --chmod: what chmod(1) understands, octal and symbolic, without a umask.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>
#include <vector>

namespace bld::builder {

// A value; one that exists is well formed.
class ChmodMode {
 public:
  // "755", "04755", "u=rwX,go-w", "+x", "g=u". Throws an Error that names the text.
  static ChmodMode parse(std::string_view text);

  // The new permission bits (07777) of a file with this st_mode; its type matters to "X", and to
  // set-id bits of folders, which "=" keeps unless it names them.
  mode_t apply(mode_t st_mode) const;

  // Nothing if symbolic.
  const std::optional<mode_t>& octal() const { return octal_; }

 private:
  enum class Operator : char { kAdd = '+', kRemove = '-', kSet = '=' };

  // One operator with what follows it: "u=rw-x" is two of them.
  struct Change {
    mode_t who = 0;  // all bits of the classes meant
    Operator op = Operator::kAdd;
    mode_t bits = 0;             // of all classes; `who` selects
    bool conditional_x = false;  // X
    char copy_of = 0;            // 'u', 'g' or 'o'
  };

  std::optional<mode_t> octal_;
  std::vector<Change> changes_;
};

}  // namespace bld::builder
