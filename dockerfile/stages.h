// FROM … AS …: the stages of a Containerfile, their names, and what a target needs.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/instruction.h"

namespace bld::dockerfile {

struct Stage {
  int index = 0;
  std::string name;  // lower case; empty if there is none
  const Instruction* from_instruction = nullptr;
  std::span<const Instruction> instructions;  // without the FROM

  const From& from() const { return std::get<From>(from_instruction->what); }
};

// A name or number that COPY --from or a mount's from= gives. Whether it means a stage is for
// Stages::source_of() to say.
struct FromReference {
  std::string name;
  Span span;
};

std::vector<FromReference> from_references(const Instruction& instruction);

// What a name in the file and the NAME of a --build-context are compared by: of an image the shortest
// way to write it (alpine for docker.io/library/alpine:latest), of a stage the lower case.
std::string context_name(std::string_view name);

// Refers to the Containerfile that it was made of, which has to outlive it.
class Stages {
 public:
  explicit Stages(const Containerfile& file);

  std::span<const Instruction> global_args() const { return global_args_; }

  std::span<const Stage> all() const { return stages_; }

  const Stage& operator[](int index) const { return stages_.at(static_cast<std::size_t>(index)); }

  // A name in any case, or a number; "" is the last stage. Throws on an unknown one, with the
  // names there are.
  int target(std::string_view name_or_number) const;

  // The stage above `before` that FROM `name` means, the latest of that name; none: an image.
  std::optional<int> base_of(std::string_view name, int before) const;

  // The stage that `--from=name` in stage `user` means: a name or number of a stage above. None:
  // an image or a named context. Throws, without position, if it is `user` itself, and on a
  // number that is no stage above.
  std::optional<int> source_of(std::string_view name, int user) const;

  // Advice for a name in stage `user` that was taken for an image, which does not exist: whether it
  // looks like the name of a stage. "" if it does not.
  std::string hint_for(std::string_view image, int user) const;

 private:
  std::span<const Instruction> global_args_;
  std::vector<Stage> stages_;
  std::map<std::string, std::vector<int>, std::less<>> by_name_;  // indices in ascending order
};

}  // namespace bld::dockerfile
