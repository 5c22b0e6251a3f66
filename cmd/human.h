// Sizes, ages and tables for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bld::cmd {

std::string size_text(std::uint64_t bytes);  // "1.99 MB": decimal, three significant digits

// "2 hours ago"; what lies in the future is less than a second ago.
std::string age_text(std::chrono::seconds age);

// Elapsed time as progress shows it: "0.2s", "1m05s".
std::string duration_text(std::chrono::nanoseconds duration);

// As Go prints them, to the millisecond and with four digits: "1m0.05s", "12ms"; "4.096kB".
std::string go_duration_text(std::chrono::nanoseconds duration);
std::string go_size_text(std::uint64_t bytes);

// Columns three blanks apart, each as wide as its widest cell; a line a row.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace bld::cmd
