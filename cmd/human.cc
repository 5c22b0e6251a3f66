#include "cmd/human.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cmd/columns.h"

namespace bld::cmd {

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array kUnits{"B", "KB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // What three digits would show as 1000 of a unit is 1 of the next.
  while (value >= (unit == 0 ? 1000 : 999.5) && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g} {}", value, kUnits[unit]);
}

std::string age_text(std::chrono::seconds age) {
  const auto seconds = age.count();
  const auto minutes = seconds / 60;
  const auto hours = (seconds + 1800) / 3600;
  const auto some = [](auto count, std::string_view unit) {
    return fmt::format("{} {} ago", count, unit);
  };
  if (seconds < 1) return "Less than a second ago";
  if (seconds == 1) return "1 second ago";
  if (seconds < 60) return some(seconds, "seconds");
  if (minutes == 1) return "About a minute ago";
  if (minutes < 60) return some(minutes, "minutes");
  if (hours <= 1) return "About an hour ago";
  if (hours < 48) return some(hours, "hours");
  if (hours < 24 * 7 * 2) return some(hours / 24, "days");
  if (hours < 24 * 30 * 2) return some(hours / 24 / 7, "weeks");
  if (hours < 24 * 365 * 2) return some(hours / 24 / 30, "months");
  return some(hours / 24 / 365, "years");
}

std::string duration_text(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds < 60) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<long long>(seconds);
  return fmt::format("{}m{:02}s", whole / 60, whole % 60);
}

std::string go_duration_text(std::chrono::nanoseconds duration) {
  const auto all = std::chrono::round<std::chrono::milliseconds>(duration).count();
  if (all == 0) return "0s";
  if (all < 1000) return fmt::format("{}ms", all);
  const auto minutes = all / 60'000;
  const double seconds = static_cast<double>(all % 60'000) / 1000;
  if (minutes == 0) return fmt::format("{}s", seconds);
  if (minutes < 60) return fmt::format("{}m{}s", minutes, seconds);
  return fmt::format("{}h{}m{}s", minutes / 60, minutes % 60, seconds);
}

std::string go_size_text(std::uint64_t bytes) {
  static constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return fmt::format("{:.4g}{}", value, kUnits[unit]);
}

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - columns_of(row[i]) + 3, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace bld::cmd
