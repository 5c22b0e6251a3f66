#include "base/hash.h"

#include <gtest/gtest.h>

namespace bld::base {
namespace {

TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(to_hex(Sha256::of({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(Sha256::of(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, FinishStartsOver) {
  Sha256 hash;
  hash.write(as_bytes("abc"));
  const auto first = hash.finish();
  hash.write(as_bytes("abc"));
  EXPECT_EQ(hash.finish(), first);
}

TEST(Sha256, FieldsDoNotRunTogether) {
  Sha256 a;
  a.write_field("ab");
  a.write_field("c");
  Sha256 b;
  b.write_field("a");
  b.write_field("bc");
  EXPECT_NE(a.finish(), b.finish());
}

TEST(RandomId, IsDifferentEachTime) {
  EXPECT_EQ(random_id().size(), 32U);
  EXPECT_NE(random_id(), random_id());
}

}  // namespace
}  // namespace bld::base
