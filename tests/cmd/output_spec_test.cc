#include "cmd/output_spec.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::cmd {
namespace {

using builder::OutputKind;

std::string error_of(const std::string& text) {
  try {
    parse_output(text);
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(OutputSpec, ABarePathIsADirectoryAndADashATar) {
  const auto directory = parse_output("/some/dir").output;
  EXPECT_EQ(directory.kind, OutputKind::kDirectory);
  EXPECT_EQ(directory.destination, "/some/dir");
  EXPECT_TRUE(parse_output("out").output.destination.is_absolute());
  EXPECT_EQ(parse_output("a=b").output.destination.filename(), "a=b");
  const auto tar = parse_output("-").output;
  EXPECT_EQ(tar.kind, OutputKind::kTar);
  EXPECT_TRUE(tar.to_standard_output());
}

TEST(OutputSpec, EachTypeHasItsKind) {
  EXPECT_EQ(parse_output("type=local,dest=/d").output.kind, OutputKind::kDirectory);
  EXPECT_EQ(parse_output("dest=/d,type=tar").output.kind, OutputKind::kTar);
  EXPECT_EQ(parse_output("type=oci,dest=/d").output.kind, OutputKind::kOciArchive);
  EXPECT_EQ(parse_output("type=tar,\"dest=/a,b\"").output.destination, "/a,b");
  EXPECT_EQ(parse_output("\"type=local\",dest=/d").output.kind, OutputKind::kDirectory);
  EXPECT_EQ(parse_output("type=oci,dest=/d,tar=false").output.kind, OutputKind::kOciLayout);
  EXPECT_EQ(parse_output("type=docker,dest=-").output.kind, OutputKind::kDockerArchive);
  EXPECT_EQ(parse_output("type=registry,name=example.com/a").output.kind, OutputKind::kRegistry);
  EXPECT_FALSE(parse_output("type=image,name=a").leaves_store);
  EXPECT_TRUE(parse_output("type=image,name=example.com/a,push=true").leaves_store);
}

TEST(OutputSpec, NamesAndCompression) {
  const auto output =
      parse_output("type=oci,dest=/d,name=a,compression=zstd,compression-level=9").output;
  ASSERT_EQ(output.names.size(), 1U);
  EXPECT_EQ(output.names[0].str(), "localhost/a:latest");
  EXPECT_EQ(output.compression, layers::Compression::kZstd);
  EXPECT_EQ(output.compression_level, 9);
}

TEST(OutputSpec, WhatItSaysOfTheImageItself) {
  const auto spec =
      parse_output("type=oci,dest=/d,annotation.a.b=c=d,rewrite-timestamp=true,annotation.e=f");
  EXPECT_TRUE(spec.rewrite_timestamp);
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(spec.annotations, (Pairs{{"a.b", "c=d"}, {"e", "f"}}));
  EXPECT_NE(error_of("type=local,dest=/d,annotation.a=b").find("has no"), std::string::npos);
  EXPECT_NE(error_of("type=docker,dest=/d,annotation.a=b").find("has no"), std::string::npos);
}

TEST(OutputSpec, WhatIsWrongIsNamed) {
  EXPECT_NE(error_of("type=foo,dest=/d").find("unknown type \"foo\""), std::string::npos);
  EXPECT_NE(error_of("dest=/d").find("type= is missing"), std::string::npos);
  EXPECT_NE(error_of("type=docker").find("needs a destination"), std::string::npos);
  EXPECT_NE(error_of("type=local,dest=-").find("standard output"), std::string::npos);
  EXPECT_NE(error_of("type=local,dest=/d,name=x").find("has no \"name\""), std::string::npos);
  EXPECT_NE(error_of("type=tar,dest=/d,dest=/e").find("given twice"), std::string::npos);
  EXPECT_NE(error_of("type=oci,dest=/d,compression=lzma").find("lzma"), std::string::npos);
  EXPECT_NE(error_of("").find("missing"), std::string::npos);
}

}  // namespace
}  // namespace bld::cmd
