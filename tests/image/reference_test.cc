// Names of images as people type them, and as they are in full.
#include "image/reference.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::image {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string full(const std::string& text) { return Reference::parse(text).str(); }

std::string complaint(const std::string& text) {
  try {
    return "accepted as " + full(text);
  } catch (const base::Error& error) {
    return error.what();
  }
}

TEST(Reference, ShortNamesAreDockerHubs) {
  EXPECT_EQ(full("alpine"), "docker.io/library/alpine");
  EXPECT_EQ(full("alpine:3.20"), "docker.io/library/alpine:3.20");
  EXPECT_EQ(full("me/app"), "docker.io/me/app");
  EXPECT_EQ(full("docker.io/alpine"), "docker.io/library/alpine");
  EXPECT_EQ(full("index.docker.io/library/alpine"), "docker.io/library/alpine");
  EXPECT_EQ(full("localhost"), "docker.io/library/localhost");
  EXPECT_EQ(full("host:80"), "docker.io/library/host:80");  // a tag
}

TEST(Reference, AFirstPartWithDotColonOrLocalhostIsARegistry) {
  EXPECT_EQ(full("localhost/app"), "localhost/app");
  EXPECT_EQ(full("localhost:5000/a/b:t"), "localhost:5000/a/b:t");
  EXPECT_EQ(full("quay.io/library/x"), "quay.io/library/x");
  EXPECT_EQ(full("host:80/x"), "host:80/x");
  EXPECT_EQ(Reference::parse("host:80/x").registry(), "host:80");
  EXPECT_EQ(Reference::parse("host:80/x").repository(), "x");
}

TEST(Reference, Ipv6Hosts) {
  EXPECT_EQ(full("[::1]/x"), "[::1]/x");
  EXPECT_EQ(full("[fe80::1]:5000/a/b:t"), "[fe80::1]:5000/a/b:t");
  EXPECT_EQ(Reference::parse("[::1]:5000/x").registry(), "[::1]:5000");
  for (const char* text : {"[::1/x", "[]/x", "[::1]5000/x", "[::1]:/x", "[::1]", "[x:y]/x"}) {
    EXPECT_THROW(Reference::parse(text), base::Error) << text;
  }
}

TEST(Reference, TagAndDigestMayBothBeThere) {
  const Reference reference = Reference::parse("a.b/c:t@" + kDigest);
  EXPECT_EQ(reference.tag(), "t");
  EXPECT_EQ(reference.digest()->str(), kDigest);
  EXPECT_EQ(reference.str(), "a.b/c:t@" + kDigest);
  EXPECT_EQ(reference.name(), "a.b/c");
  EXPECT_EQ(full("x@" + kDigest), "docker.io/library/x@" + kDigest);
}

TEST(Reference, LatestIsAddedOnlyWhereNothingIsSaid) {
  EXPECT_EQ(Reference::parse("x").with_default_tag().tag(), "latest");
  EXPECT_EQ(Reference::parse("x:t").with_default_tag().tag(), "t");
  EXPECT_EQ(Reference::parse("x@" + kDigest).with_default_tag().tag(), "");
}

TEST(Reference, UpperCaseIsRefusedInSoManyWords) {
  for (const char* text : {"Alpine", "me/App", "quay.io/Me/x", "localhost/X:t"}) {
    EXPECT_NE(complaint(text).find("repository name must be lowercase"), std::string::npos) << text;
  }
  EXPECT_EQ(full("EXAMPLE.com/x:T"), "EXAMPLE.com/x:T");  // hosts and tags may have it
}

TEST(Reference, TheGrammarOfRepositories) {
  for (const char* text : {"a", "0", "a.b", "a_b", "a__b", "a-b", "a---b", "a/b/c/d", "a-b_c.d"}) {
    EXPECT_NO_THROW(Reference::parse("localhost/" + std::string(text))) << text;
  }
  for (const char* text :
       {"",   "a..b", "a___b",  ".a", "a.",  "-a",    "a-", "_a",  "a_",       "a//b",
        "a/", "/a",   "a/../b", "..", "a b", "a%2fb", "a?", "a\n", "\xc3\xa4", "a/./b"}) {
    EXPECT_THROW(Reference::parse("localhost/" + std::string(text)), base::Error) << text;
    EXPECT_THROW(Reference::parse_local(text), base::Error) << text;
  }
}

TEST(Reference, TagsHaveUpTo128Characters) {
  EXPECT_EQ(Reference::parse("x:" + std::string(128, 't')).tag().size(), 128u);
  EXPECT_THROW(Reference::parse("x:" + std::string(129, 't')), base::Error);
  EXPECT_EQ(Reference::parse("x:_V1.0-a").tag(), "_V1.0-a");
  for (const char* text :
       {"x:", "x:.a", "x:-a", "x:a b", "x:a/b", "x:a:b", "x:\xc3\xa4", "x:a\n"}) {
    EXPECT_THROW(Reference::parse(text), base::Error) << text;
  }
  EXPECT_THROW(Reference::parse("x").with_tag("a/b"), base::Error);
}

TEST(Reference, DigestsAreStrict) {
  for (const std::string& text :
       {std::string("x@"), std::string("x@sha256:abc"), "x@" + kDigest + "a", "x@" + kDigest + ":t",
        "x@" + kDigest + "@" + kDigest, "@" + kDigest, std::string("x@latest")}) {
    EXPECT_THROW(Reference::parse(text), base::Error) << text;
  }
}

TEST(Reference, NamesHaveUpTo255Characters) {
  EXPECT_NO_THROW(Reference::parse("localhost/" + std::string(255, 'a')));
  EXPECT_THROW(Reference::parse("localhost/" + std::string(256, 'a')), base::Error);
  EXPECT_NO_THROW(Reference::parse(std::string(247, 'a')));  // with "library/"
  EXPECT_THROW(Reference::parse(std::string(248, 'a')), base::Error);
  EXPECT_LT(complaint(std::string(100'000, 'a')).size(), 1000u);
}

TEST(Reference, ARegistryIsNoPathAndNoOption) {
  for (const char* text :
       {"../x", "./x", ".../x", "a..b/x", "-a.b/x", "a.b-/x", ".a/x", "a./x", "a.b:/x",
        "a.b:99999/x", "a.b:x/x", "a.b:1:2/x", "u@a.b/x", ":80/x", "a_b.c/x", "https://a.b/x"}) {
    EXPECT_THROW(Reference::parse(text), base::Error) << text;
  }
}

TEST(Reference, LocalNamesBelongToLocalhost) {
  EXPECT_EQ(Reference::parse_local("app").str(), "localhost/app");
  EXPECT_EQ(Reference::parse_local("app:t").str(), "localhost/app:t");
  EXPECT_EQ(Reference::parse_local("me/app").str(), "localhost/me/app");
  EXPECT_EQ(Reference::parse_local("localhost/app").str(), "localhost/app");
  EXPECT_EQ(Reference::parse_local("quay.io/me/app").str(), "quay.io/me/app");
  EXPECT_EQ(Reference::parse_local("docker.io/app").str(), "docker.io/library/app");
}

TEST(Reference, AComplaintQuotesWhatWasTyped) {
  try {
    Reference::parse_local("App");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "invalid reference \"App\": repository name must be lowercase");
  }
}

TEST(Reference, TheFamiliarNameMeansTheSameImage) {
  EXPECT_EQ(Reference::parse("docker.io/library/alpine:3").familiar(), "alpine:3");
  EXPECT_EQ(Reference::parse("me/app").familiar(), "me/app");
  EXPECT_EQ(Reference::parse("localhost/x").familiar(), "localhost/x");
  for (const char* text : {"alpine", "docker.io/library/a/b", "docker.io/a.b/c",
                           "quay.io/library/x", "docker.io/localhost/x", "docker.io/library/a:t"}) {
    const Reference reference = Reference::parse(text);
    EXPECT_EQ(Reference::parse(reference.familiar()), reference) << text;
    EXPECT_EQ(Reference::parse(reference.str()), reference) << text;
  }
}

}  // namespace
}  // namespace bld::image
