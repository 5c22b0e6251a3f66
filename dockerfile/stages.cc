#include "dockerfile/stages.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "dockerfile/run_mount.h"

namespace bld::dockerfile {

namespace {

[[noreturn]] void uses_itself(const Stage& stage) {
  throw base::Error("circular dependency: the stage {} uses itself",
                    stage.name.empty() ? std::to_string(stage.index) : stage.name);
}

}  // namespace

std::vector<FromReference> from_references(const Instruction& instruction) {
  std::vector<FromReference> references;
  if (const auto* copy = std::get_if<Copy>(&instruction.what); copy != nullptr && copy->from) {
    references.push_back({copy->from->text, copy->from->span});
  }
  if (const auto* run = std::get_if<Run>(&instruction.what)) {
    for (const Word& mount : run->mounts) {
      std::string from = run_mount_from(mount.text);
      if (!from.empty()) references.push_back({std::move(from), mount.span});
    }
  }
  return references;
}

std::string context_name(std::string_view name) {
  if (name.find_first_of("/:@") == std::string_view::npos) return base::to_lower(name);
  for (const std::string_view implied : {"docker.io/", "library/"}) {
    if (name.starts_with(implied)) name.remove_prefix(implied.size());
  }
  constexpr std::string_view kLatest = ":latest";
  if (name.ends_with(kLatest)) name.remove_suffix(kLatest.size());
  return std::string(name);
}

Stages::Stages(const Containerfile& file) {
  const std::span<const Instruction> all(file.instructions);
  std::size_t begin = all.size();  // of the stage at hand
  const auto finish_stage = [&](std::size_t end) {
    if (begin == all.size()) return;
    Stage stage;
    stage.index = static_cast<int>(stages_.size());
    stage.from_instruction = &all[begin];
    stage.name = stage.from().name;
    stage.instructions = all.subspan(begin + 1, end - begin - 1);
    stages_.push_back(std::move(stage));
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!std::holds_alternative<From>(all[i].what)) continue;
    if (begin == all.size()) global_args_ = all.first(i);
    finish_stage(i);
    begin = i;
  }
  finish_stage(all.size());
  for (const Stage& stage : stages_) {
    if (!stage.name.empty()) by_name_[stage.name].push_back(stage.index);
  }
}

int Stages::target(std::string_view name_or_number) const {
  BLD_CHECK(!stages_.empty());
  const int count = static_cast<int>(stages_.size());
  if (name_or_number.empty()) return count - 1;
  if (const auto index = base_of(name_or_number, count)) return *index;
  const auto number = base::parse_unsigned(name_or_number);
  if (number && *number < stages_.size()) return static_cast<int>(*number);
  std::vector<std::string_view> names;
  for (const auto& [name, indices] : by_name_) names.push_back(name);
  base::Error error("there is no stage '{}'", base::printable(name_or_number));
  if (const auto meant = base::nearest(name_or_number, names)) {
    error.hint("did you mean " + *meant + "?");
  } else if (names.empty()) {
    error.hint(fmt::format("no stage has a name; their numbers are 0 to {}", count - 1));
  } else {
    constexpr std::size_t kMostNames = 20;
    names.resize(std::min(names.size(), kMostNames));
    const std::vector<std::string> shown(names.begin(), names.end());
    error.hint("the stages are " + base::join(shown, ", "));
  }
  throw error;
}

std::optional<int> Stages::base_of(std::string_view name, int before) const {
  const auto found = by_name_.find(base::to_lower(name));
  if (found == by_name_.end()) return std::nullopt;
  const auto& indices = found->second;
  const auto after = std::lower_bound(indices.begin(), indices.end(), before);
  if (after == indices.begin()) return std::nullopt;
  return *std::prev(after);
}

std::optional<int> Stages::source_of(std::string_view name, int user) const {
  const auto number = base::parse_unsigned(name);
  const auto index = number ? std::optional<int>() : base_of(name, user + 1);
  if (!number) {
    if (index == user) uses_itself((*this)[user]);
    return index;
  }
  if (*number == static_cast<unsigned long long>(user)) uses_itself((*this)[user]);
  if (*number > static_cast<unsigned long long>(user)) {
    throw base::Error("there is no stage {} above this one, which is stage {}", name, user);
  }
  return static_cast<int>(*number);
}

std::string Stages::hint_for(std::string_view image, int user) const {
  if (const auto later = by_name_.find(base::to_lower(image)); later != by_name_.end()) {
    if (later->second.back() == user) return "the stage of this name is this one itself";
    return fmt::format("the stage {} comes later in the file, and only stages above can be used",
                       later->first);
  }
  std::vector<std::string_view> above;
  for (const auto& [name, indices] : by_name_) {
    if (indices.front() < user) above.push_back(name);
  }
  const auto meant = base::nearest(image, above);
  return meant ? fmt::format("did you mean the stage {}?", *meant) : "";
}

}  // namespace bld::dockerfile
