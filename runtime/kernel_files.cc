#include "runtime/kernel_files.h"

#include <unistd.h>

#include <string>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"

namespace bld::runtime {
namespace {

// "0-3" or "0-1,4-7": numbers may be missing in between, so that counting them is not enough.
long look_up() {
  try {
    const std::string text = base::read_file("/sys/devices/system/cpu/possible", 4096);
    const std::string_view list = base::trim(text);
    const auto last = base::parse_unsigned(list.substr(list.find_last_of(",-") + 1));
    if (last && *last < 1'000'000) return static_cast<long>(*last) + 1;
  } catch (const base::Error&) {
    // No such file: the C library has other ways to know.
  }
  return ::sysconf(_SC_NPROCESSORS_CONF);
}

}  // namespace

long possible_processors() {
  static const long result = look_up();
  return result;
}

}  // namespace bld::runtime
