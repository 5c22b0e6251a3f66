#include "registry/url.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::registry {
namespace {

TEST(Url, KeepsOriginApartFromPath) {
  const Url url = Url::parse("HTTPS://Registry.Example:5000/v2/a?b=c#d");
  EXPECT_EQ(url.str(), "https://registry.example:5000/v2/a?b=c");
  EXPECT_EQ(url.origin(), "https://registry.example:5000");
  EXPECT_EQ(url.host(), "registry.example");
  EXPECT_EQ(url.shown(), "https://registry.example:5000/v2/a");
}

TEST(Url, DefaultPortIsTheSameOrigin) {
  EXPECT_EQ(Url::parse("https://a/").origin(), Url::parse("https://a:443/x").origin());
  EXPECT_NE(Url::parse("https://a/").origin(), Url::parse("http://a/").origin());
  EXPECT_NE(Url::parse("https://a/").origin(), Url::parse("https://a:444/").origin());
}

TEST(Url, ResolvesWhatLocationHeadersSay) {
  const Url url = Url::parse("http://a:1/v2/x/uploads/?old=1");
  EXPECT_EQ(url.resolve("/v2/y?z=1").str(), "http://a:1/v2/y?z=1");
  EXPECT_EQ(url.resolve("7?s=2").str(), "http://a:1/v2/x/uploads/7?s=2");
  EXPECT_EQ(url.resolve("?s=2").str(), "http://a:1/v2/x/uploads/?s=2");
  EXPECT_EQ(url.resolve("//b/c").str(), "http://b/c");
  EXPECT_EQ(url.resolve("https://b/c").str(), "https://b/c");
  EXPECT_EQ(url.resolve("/x?to=http://b/").str(), "http://a:1/x?to=http://b/");
}

TEST(Url, AddsToAQueryThatIsThere) {
  EXPECT_EQ(Url::parse("http://a/x").with_query("k", "sha256:1 2").str(),
            "http://a/x?k=sha256%3A1%202");
  EXPECT_EQ(Url::parse("http://a/x?y=1").with_query("k", "v").str(), "http://a/x?y=1&k=v");
}

TEST(Url, RefusesWhatParsersDisagreeOn) {
  for (const char* text :
       {"ftp://a/", "file:///etc/passwd", "a/b", "http://", "http:///x", "http://user@a/",
        "http://good\\@evil/", "http://a b/", "http://a:0/", "http://a:99999/", "http://a:/",
        "http://a/\r\nHost: b", "http://a/ b", "http://[::1", "http://a%2fb/"}) {
    EXPECT_THROW(Url::parse(text), base::Error) << text;
  }
}

TEST(Url, PortIsNamedWhereItIsNotImplied) {
  EXPECT_EQ(Url::parse("https://a:443/x").host_and_port(), "a");
  EXPECT_EQ(Url::parse("http://a:443/x").host_and_port(), "a:443");
}

TEST(Url, MessagesHideUserinfoAndQuery) {
  for (const char* text :
       {"https://me:hunter2@a/x", "ftp://me:hunter2@a/", "https://me:hunter2@a:0/?x",
        "https://me:hunter2?@a/", "https://me:hunter2#@a/", "https://a/ ?sig=hunter2",
        "me:hunter2@a/b", "https://me:hun/ter2@a/?hunter2", "https://me:?hunter2@a/",
        "https://me:#hunter2@a:x/"}) {
    try {
      Url::parse(text);
    } catch (const base::Error& error) {
      EXPECT_EQ(std::string(error.what()).find("ter2"), std::string::npos) << error.what();
    }
  }
}

TEST(Url, KnowsThisMachine) {
  EXPECT_TRUE(Url::parse("http://localhost:5000/").is_loopback());
  EXPECT_TRUE(Url::parse("http://127.0.0.1/").is_loopback());
  EXPECT_TRUE(Url::parse("http://[::1]:80/").is_loopback());
  EXPECT_FALSE(Url::parse("http://localhost.example/").is_loopback());
}

}  // namespace
}  // namespace bld::registry
