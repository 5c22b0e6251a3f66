#include "base/process.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::base {
namespace {

TEST(RunProcess, GivesStatusAndBothOutputs) {
  const ProcessResult result =
      run_process({.args = {"sh", "-c", "cat; echo $V; echo err >&2; exit 7"},
                   .env = {"V=value"},
                   .inherit_env = true,
                   .directory = "",
                   .input = "in\n"});
  EXPECT_EQ(result.exit_status, 7);
  EXPECT_EQ(result.output, "in\nvalue\n");
  EXPECT_EQ(result.error_output, "err\n");
}

TEST(RunProcess, LargeInputAndOutputDoNotBlockEachOther) {
  const std::string text(3 << 20, 'x');
  EXPECT_EQ(run_process({.args = {"cat"}, .env = {}, .directory = "", .input = text}).output, text);
}

TEST(RunProcess, ASignalIsAStatus) {
  EXPECT_EQ(
      run_process({.args = {"sh", "-c", "kill -9 $$"}, .env = {}, .directory = "", .input = ""})
          .exit_status,
      137);
}

TEST(RunProcess, AMissingProgramIsAnError) {
  EXPECT_THROW(
      run_process({.args = {"no-such-program-here"}, .env = {}, .directory = "", .input = ""}),
      Error);
  EXPECT_THROW(run_process({.args = {"/no/such"}, .env = {}, .directory = "", .input = ""}), Error);
}

}  // namespace
}  // namespace bld::base
