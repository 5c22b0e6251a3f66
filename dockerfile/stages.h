// FROM … AS …: the stages of a Containerfile, their names, and what a target needs.
#pragma once

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
  // an image or a named context. Throws if it is `user` itself, and on a number that is no stage
  // above.
  std::optional<int> source_of(std::string_view name, int user) const;

  // What stage `user` needs by COPY --from and mount from= in `instructions`: its own, or triggers
  // that run in it. Throws what source_of() does, with the position left to `locate` of the
  // instruction: the error carries no position, but span_of_error is set if not null.
  std::vector<int> sources(std::span<const Instruction> instructions, int user,
                           Span* span_of_error = nullptr) const;

  // `needs[i]` are the stages that stage i needs. Those that `target` reaches, itself last, in
  // the order of the file.
  std::vector<int> reachable(int target, std::span<const std::vector<int>> needs) const;

 private:
  std::span<const Instruction> global_args_;
  std::vector<Stage> stages_;
};

}  // namespace bld::dockerfile
