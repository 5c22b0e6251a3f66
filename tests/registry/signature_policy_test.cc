#include "registry/signature_policy.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace bld::registry {

namespace {

constexpr const char* kReject = R"([{"type":"reject"}])";
constexpr const char* kAccept = R"([{"type":"insecureAcceptAnything"}])";

Location docker(const std::string& name) {
  return {.kind = TransportKind::kDocker, .path = {}, .reference = name};
}

// What is said of it; empty: it may be used.
std::string judged(const std::string& policy, const Location& location) {
  try {
    SignaturePolicy::parse(policy, "policy.json").check(location);
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

TEST(SignaturePolicy, WithoutAFileEverythingIsAccepted) {
  EXPECT_NO_THROW(SignaturePolicy().check(docker("a.example/b:1")));
}

TEST(SignaturePolicy, TheDefaultHoldsForAll) {
  const std::string accept = std::string("{\"default\":") + kAccept + "}";
  const std::string reject = std::string("{\"default\":") + kReject + "}";
  EXPECT_EQ(judged(accept, docker("a.example/b:1")), "");
  EXPECT_NE(judged(reject, docker("a.example/b:1")).find("rejected by policy.json"),
            std::string::npos);
  EXPECT_NE(judged(reject, {.kind = TransportKind::kOciLayout, .path = "/x", .reference = ""}), "");
}

TEST(SignaturePolicy, TheMostSpecificScopeWins) {
  const std::string policy =
      std::string("{\"default\":") + kReject +
      ",\"transports\":{\"docker\":{\"a.example\":" + kAccept + ",\"a.example/bad\":" + kReject +
      ",\"a.example/bad/good:1\":" + kAccept + ",\"*.corp.example\":" + kAccept +
      "},\"oci\":{\"/images\":" + kAccept + ",\"/images/bad\":" + kReject +
      "},\"dir\":{\"\":" + kAccept + "}}}";
  EXPECT_EQ(judged(policy, docker("a.example/b:1")), "");
  EXPECT_NE(judged(policy, docker("a.example/bad:1")), "");
  EXPECT_NE(judged(policy, docker("a.example/bad/x:1")), "");
  EXPECT_EQ(judged(policy, docker("a.example/bad/good:1")), "");
  EXPECT_NE(judged(policy, docker("a.example/bad/good:2")), "");
  EXPECT_EQ(judged(policy, docker("x.corp.example/a:1")), "");
  EXPECT_NE(judged(policy, docker("docker.io/library/a:1")), "");
  EXPECT_EQ(
      judged(policy, {.kind = TransportKind::kOciLayout, .path = "/images/a", .reference = ""}),
      "");
  EXPECT_NE(
      judged(policy,
             {.kind = TransportKind::kOciLayout, .path = "/images/x/../bad/y", .reference = "t"}),
      "");
  EXPECT_EQ(judged(policy, {.kind = TransportKind::kDirectory, .path = "/d", .reference = ""}), "");
}

TEST(SignaturePolicy, WantedSignaturesAreAnErrorAndNotPassedOver) {
  const std::string policy =
      R"({"default":[{"type":"insecureAcceptAnything"},{"type":"signedBy","keyType":"GPGKeys"}]})";
  EXPECT_NE(judged(policy, docker("a.example/b:1")).find("cannot verify signatures"),
            std::string::npos);
}

TEST(SignaturePolicy, WhatTheFormatDoesNotKnowIsAnError) {
  for (const char* policy :
       {"", "[]", "{}", R"({"default":[]})", R"({"default":[{"type":"accept"}]})",
        R"({"default":[{"type":"reject"}],"more":1})",
        R"({"default":[{"type":"insecureAcceptAnything","x":1}]})",
        R"({"default":[{"type":"reject"}],"transports":{"docker":{"":[]}}})"}) {
    EXPECT_THROW(SignaturePolicy::parse(policy, "policy.json"), base::Error) << policy;
  }
}

}  // namespace

}  // namespace bld::registry
