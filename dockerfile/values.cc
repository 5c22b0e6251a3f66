#include "dockerfile/values.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace bld::dockerfile {

namespace {

constexpr unsigned long long kLastPort = 65535;

std::optional<std::pair<unsigned, unsigned>> parse_port_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = base::parse_unsigned(text.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : base::parse_unsigned(text.substr(dash + 1));
  if (!first || !last || *first > *last || *last > kLastPort) return std::nullopt;
  return std::pair{static_cast<unsigned>(*first), static_cast<unsigned>(*last)};
}

// Nanoseconds in a unit; 0 if there is no such unit.
long long unit_ns(std::string_view unit) {
  static constexpr std::array<std::pair<std::string_view, long long>, 8> kUnits = {
      {{"ns", 1},
       {"us", 1000},
       {"\xc2\xb5s", 1000},
       {"\xce\xbcs", 1000},
       {"ms", 1'000'000},
       {"s", 1'000'000'000},
       {"m", 60'000'000'000},
       {"h", 3'600'000'000'000}}};
  for (const auto& [name, value] : kUnits) {
    if (name == unit) return value;
  }
  return 0;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// One number with its unit from the front of `text`. The fraction is read to nine digits, which is
// a nanosecond even of an hour's.
std::optional<long long> take_part(std::string_view& text) {
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  const std::string_view whole = text.substr(0, at);
  std::string_view fraction;
  if (at < text.size() && text[at] == '.') {
    const std::size_t begin = ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
    fraction = text.substr(begin, at - begin);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  text.remove_prefix(at);
  const auto unit_end =
      std::find_if(text.begin(), text.end(), [](char c) { return c == '.' || is_digit(c); });
  const std::string_view unit = text.substr(0, static_cast<std::size_t>(unit_end - text.begin()));
  text.remove_prefix(unit.size());
  const long long scale = unit_ns(unit);
  const auto number = whole.empty() ? std::optional{0ULL} : base::parse_unsigned(whole);
  constexpr long long kMaximum = std::numeric_limits<long long>::max();
  if (scale == 0 || !number || *number > static_cast<unsigned long long>(kMaximum / scale)) {
    return std::nullopt;
  }
  long double rest = 0;
  long double digit_value = 1;
  for (const char c : fraction.substr(0, 18)) rest += (digit_value /= 10) * (c - '0');
  const auto nanoseconds = static_cast<long long>(*number) * scale;
  const auto more = static_cast<long long>(rest * static_cast<long double>(scale) + 1e-6L);
  if (nanoseconds > kMaximum - more) return std::nullopt;
  return nanoseconds + more;
}

}  // namespace

std::vector<std::string> exposed_ports(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string protocol =
      slash == std::string_view::npos ? "tcp" : base::to_lower(text.substr(slash + 1));
  std::string_view ports = text.substr(0, slash);
  // An address or a port of the host may be in front; an image has no use for them.
  if (const std::size_t colon = ports.rfind(':'); colon != std::string_view::npos) {
    ports.remove_prefix(colon + 1);
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    base::Error error("invalid port '{}': unknown protocol '{}'", base::printable(text),
                      base::printable(protocol));
    throw error.hint("the protocols are tcp, udp and sctp");
  }
  const auto range = parse_port_range(ports);
  if (!range) {
    base::Error error("invalid port '{}'", base::printable(text));
    throw error.hint("write PORT, FIRST-LAST or PORT/PROTOCOL, with ports from 0 to 65535");
  }
  std::vector<std::string> result;
  for (unsigned port = range->first; port <= range->second; ++port) {
    result.push_back(fmt::format("{}/{}", port, protocol));
  }
  return result;
}

void check_stop_signal(std::string_view text) {
  static constexpr std::array<std::string_view, 37> kNames = {
      "ABRT", "ALRM", "BUS",   "CHLD",  "CLD",    "CONT",  "FPE",   "HUP",  "ILL",  "INT",
      "IO",   "IOT",  "KILL",  "PIPE",  "POLL",   "PROF",  "PWR",   "QUIT", "SEGV", "STKFLT",
      "STOP", "SYS",  "TERM",  "TRAP",  "TSTP",   "TTIN",  "TTOU",  "URG",  "USR1", "USR2",
      "XCPU", "XFSZ", "RTMIN", "RTMAX", "VTALRM", "WINCH", "UNUSED"};
  if (const auto number = base::parse_unsigned(text);
      number && *number > 0 && *number <= INT32_MAX) {
    return;
  }
  const std::string upper = base::to_upper(text);
  std::string_view name = upper;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return;
  for (const auto& [prefix, most] : {std::pair{"RTMIN+", 15U}, std::pair{"RTMAX-", 14U}}) {
    const auto offset =
        name.starts_with(prefix) ? base::parse_unsigned(name.substr(6)) : std::nullopt;
    if (offset && *offset >= 1 && *offset <= most) return;
  }
  base::Error error("invalid signal '{}'", base::printable(text));
  if (const auto meant = base::nearest(name, kNames)) error.hint("did you mean SIG" + *meant + "?");
  throw error;
}

long long parse_duration_ns(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return 0;
  long long total = 0;
  bool valid = !rest.empty();
  while (valid && !rest.empty()) {
    const auto part = take_part(rest);
    valid = part && *part <= std::numeric_limits<long long>::max() - total;
    if (valid) total += *part;
  }
  if (!valid) {
    base::Error error("invalid duration '{}'", base::printable(text));
    throw error.hint("write a number with a unit: 500ms, 30s, 1m30s, 2h");
  }
  return negative ? -total : total;
}

}  // namespace bld::dockerfile
