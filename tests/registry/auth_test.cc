#include "registry/auth.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::registry {
namespace {

TEST(Challenge, BearerWithQuotedCommas) {
  const auto challenges = parse_challenges(
      R"(Bearer realm="https://a/token",service="b, \"c\"",scope="x:y:pull,push")");
  ASSERT_EQ(challenges.size(), 1U);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].params.at("realm"), "https://a/token");
  EXPECT_EQ(challenges[0].params.at("service"), "b, \"c\"");
  EXPECT_EQ(challenges[0].params.at("scope"), "x:y:pull,push");
}

TEST(Challenge, SeveralInOneHeader) {
  const auto challenges = parse_challenges(R"(Negotiate, Basic realm=a , BEARER realm="b")");
  ASSERT_EQ(challenges.size(), 3U);
  EXPECT_EQ(challenges[1].scheme, "basic");
  EXPECT_EQ(challenges[1].params.at("realm"), "a");
  EXPECT_EQ(challenges[2].scheme, "bearer");
}

TEST(Challenge, NonsenseEnds) {
  parse_challenges("");
  parse_challenges("=,=\"\\");
  parse_challenges("Bearer realm=\"unfinished");
  parse_challenges(std::string(100000, '\x01'));
  EXPECT_LE(
      parse_challenges("a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i")
          .size(),
      32U);
}

TEST(Token, BothNamesAndALifetime) {
  EXPECT_EQ(parse_token(R"({"token":"a"})").value, "a");
  EXPECT_EQ(parse_token(R"({"token":"a"})").lifetime.count(), 60);
  EXPECT_EQ(parse_token(R"({"access_token":"b","expires_in":300})").lifetime.count(), 300);
  EXPECT_EQ(parse_token(R"({"token":"a","expires_in":1e300})").lifetime.count(), 86400);
}

TEST(Token, CannotCarryAHeader) {
  EXPECT_THROW(parse_token(R"({"token":"a\r\nX: y"})"), base::Error);
  EXPECT_THROW(parse_token(R"({"token":""})"), base::Error);
  EXPECT_THROW(parse_token(R"({"token":7})"), base::Error);
  EXPECT_THROW(parse_token("<html>"), base::Error);
}

TEST(Realm, IsTheRegistrysOwn) {
  const auto own = [](const char* registry, const char* realm) {
    return is_own_realm(Url::parse(registry), Url::parse(realm));
  };
  EXPECT_TRUE(own("https://ghcr.io/v2/", "https://ghcr.io/token"));
  EXPECT_TRUE(own("https://registry-1.docker.io/v2/", "https://auth.docker.io/token"));
  EXPECT_TRUE(own("https://registry.gitlab.com/v2/", "https://gitlab.com/jwt/auth"));
  EXPECT_FALSE(own("https://registry.example.com/v2/", "https://evil.com/token"));
  EXPECT_FALSE(own("https://registry.example.com/v2/", "https://com/token"));
  EXPECT_FALSE(own("https://registry.example.com/v2/", "https://xexample.com/token"));
  EXPECT_FALSE(own("https://ghcr.io/v2/", "http://ghcr.io/token"));
  EXPECT_FALSE(own("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5001/token"));
}

}  // namespace
}  // namespace bld::registry
