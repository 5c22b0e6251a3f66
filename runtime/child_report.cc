#include "runtime/child_report.h"

#include <unistd.h>

#include <cerrno>

namespace bld::runtime {

[[noreturn]] void fail(int channel, Stage stage, int index) {
  Report report;
  report.kind = Report::Kind::kFailed;
  report.stage = stage;
  report.index = index;
  report.error_number = errno;
  (void)!::write(channel, &report, sizeof report);
  ::_exit(127);
}

}  // namespace bld::runtime
