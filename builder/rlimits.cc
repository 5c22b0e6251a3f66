#include "builder/rlimits.h"

#include <sys/resource.h>

#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace bld::builder {

namespace {

constexpr std::array<std::pair<std::string_view, int>, 16> kLimits = {{
    {"as", RLIMIT_AS},
    {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
    {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
}};

int resource_of(std::string_view name) {
  std::vector<std::string_view> known;
  for (const auto& [candidate, resource] : kLimits) {
    if (candidate == name) return resource;
    known.push_back(candidate);
  }
  base::Error error("--ulimit: unknown limit \"{}\"", base::printable(name));
  if (const auto meant = base::nearest(name, known)) error.hint("did you mean " + *meant + "?");
  throw error;
}

std::uint64_t value_of(std::string_view text) {
  if (text == "-1" || text == "unlimited") return RLIM_INFINITY;
  const auto value = base::parse_unsigned(text);
  if (!value) throw base::Error("--ulimit: \"{}\" is not a number", base::printable(text));
  return *value;
}

}  // namespace

std::vector<runtime::Rlimit> parse_ulimits(const std::vector<std::string>& ulimits) {
  std::vector<runtime::Rlimit> limits;
  for (const std::string& text : ulimits) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      throw base::Error("--ulimit \"{}\": expected NAME=SOFT[:HARD]", base::printable(text));
    }
    const std::vector<std::string> values =
        base::split(std::string_view(text).substr(equals + 1), ':');
    if (values.size() > 2)
      throw base::Error("--ulimit \"{}\": too many values", base::printable(text));
    const runtime::Rlimit limit{.resource = resource_of(std::string_view(text).substr(0, equals)),
                                .soft = value_of(values.front()),
                                .hard = value_of(values.back())};
    if (limit.soft > limit.hard) {
      throw base::Error("--ulimit \"{}\": the soft limit is above the hard one",
                        base::printable(text));
    }
    limits.push_back(limit);
  }
  return limits;
}

}  // namespace bld::builder
