#include "base/lazy_library.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::base {
namespace {

TEST(LazyLibrary, LoadsAtTheFirstCall) {
  LazyLibrary library("libm.so.6", "libc6");
  LazyFunction<double(double)> root(library, "sqrt");
  EXPECT_EQ(root(9.0), 3.0);
  EXPECT_EQ(root(16.0), 4.0);
}

TEST(LazyLibrary, AMissingOneNamesItsPackage) {
  LazyLibrary library("libnosuch.so.9", "libnosuch9");
  LazyFunction<void()> function(library, "anything");
  try {
    function();
    FAIL() << "there is no such library";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("libnosuch.so.9"), std::string::npos);
    EXPECT_EQ(error.hint(), "install libnosuch9");
  }
}

TEST(LazyLibrary, AMissingFunctionIsAnError) {
  LazyLibrary library("libm.so.6", "libc6");
  LazyFunction<void()> function(library, "no_such_function_at_all");
  EXPECT_THROW(function(), Error);
}

}  // namespace
}  // namespace bld::base
