// Documents from outside are read strictly; what is written is the same each time.
#include "base/json.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::base {
namespace {

std::string nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Json, WhatIsWrittenWithoutBlanksStaysToTheByte) {
  for (const std::string text :
       {"null", "true", "-7", "9223372036854775807", "-9223372036854775808", "0.5", "5.0", "1e+300",
        "\"\"", "[]", "{}", R"({"b":1,"a":[{},"x",null]})", R"("\u003c\u0026\u003e\u2028\n\u0001")",
        "\"\xf0\x9f\x90\xb3\""}) {
    EXPECT_EQ(Json::parse(text).str(), text);
    EXPECT_EQ(Json::parse(Json::parse(text).str()), Json::parse(text));
  }
}

TEST(Json, BlanksAndEscapesAreOneSpellingAfterwards) {
  EXPECT_EQ(Json::parse(" { \"a\" : [ 1 , \"\\u0041\\/\" ] } \n").str(), R"({"a":[1,"A/"]})");
  EXPECT_EQ(Json::parse(R"({"a":[1],"b":{}})").str(2),
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}");
}

TEST(Json, BrokenDocumentsAreErrors) {
  for (const std::string& text : {std::string(),
                                  std::string("{"),
                                  std::string("{}}"),
                                  std::string("{} {}"),
                                  std::string("{\"a\":1,}"),
                                  std::string("[1,]"),
                                  std::string("{a:1}"),
                                  std::string("'a'"),
                                  std::string("nul"),
                                  std::string("NaN"),
                                  std::string("01"),
                                  std::string("1."),
                                  std::string("+1"),
                                  std::string("\"\n\""),
                                  std::string("\"\\x41\""),
                                  std::string("\"\\ud800\""),
                                  std::string("// x\n{}"),
                                  std::string("{}\0", 3),
                                  std::string("{}\0{}", 5),
                                  std::string("\xef\xbb\xbf{}")}) {
    EXPECT_THROW(Json::parse(text), Error) << text;
  }
}

TEST(Json, ADoubledKeyIsAnError) {
  EXPECT_THROW(Json::parse(R"({"a":1,"b":2,"a":1})"), Error);
  EXPECT_THROW(Json::parse(R"({"x":{"a":1,"\u0061":1}})"), Error);
  EXPECT_NO_THROW(Json::parse(R"({"a":{"a":1},"b":[{"a":1},{"a":1}]})"));
}

TEST(Json, TextThatIsNoUtf8IsRefusedOnReading) {
  for (const std::string bytes : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_THROW(Json::parse("\"" + bytes + "\""), Error);
    EXPECT_THROW(Json::parse("{\"" + bytes + "\":1}"), Error);
  }
}

TEST(Json, TextThatIsNoUtf8IsReplacedOnWriting) {
  EXPECT_EQ(Json("a\xff\xc3z").str(), R"("a\ufffd\ufffdz")");
  EXPECT_EQ(Json("\xed\xa0\x80").str(), R"("\ufffd\ufffd\ufffd")");
  EXPECT_EQ(Json("\xc3\xa4").str(), "\"\xc3\xa4\"");
  EXPECT_NO_THROW(Json::parse(Json("\xf0\x9f\x90").str()));
}

TEST(Json, DepthIsBounded) {
  EXPECT_NO_THROW(Json::parse(nested(Json::kMaximumDepth)));
  EXPECT_THROW(Json::parse(nested(Json::kMaximumDepth + 1)), Error);
  EXPECT_THROW(Json::parse(std::string(1'000'000, '[')), Error);
}

TEST(Json, LengthIsBounded) {
  const std::string text = "\"" + std::string(Json::kMaximumBytes - 2, 'x') + "\"";
  EXPECT_NO_THROW(Json::parse(text));
  EXPECT_THROW(Json::parse(text + " "), Error);
  EXPECT_THROW(Json::parse("[1,2]", 4), Error);
}

TEST(Json, NumbersOutOfRangeAreErrors) {
  EXPECT_THROW(Json::parse("9223372036854775808"), Error);
  EXPECT_THROW(Json::parse("1e999"), Error);
  EXPECT_THROW(Json::parse("0.5").as_integer(), Error);
  EXPECT_THROW(Json::parse("1e18").as_integer(), Error);
  EXPECT_EQ(Json::parse("1e3").as_integer(), 1000);
}

TEST(Json, AWrongTypeNamesTheKeyAndWhatWasExpected) {
  const Json json = Json::parse(R"({"size":"12","list":["a",1],"map":{"k":2}})");
  const auto message = [](auto read) -> std::string {
    try {
      read();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message([&] { json.integer("size"); }), "\"size\": expected an integer");
  EXPECT_EQ(message([&] { json.strings("list"); }), "\"list\": expected a string");
  EXPECT_EQ(message([&] { json.string_map("map"); }), "\"map\": expected a string");
  EXPECT_EQ(message([&] { json.boolean("map"); }), "\"map\": expected true or false");
  EXPECT_THROW(Json::parse("[]").find("a"), Error);
}

TEST(Json, MissingAndNullMembersAreEmpty) {
  const Json json = Json::parse(R"({"a":null})");
  for (const char* key : {"a", "b"}) {
    EXPECT_EQ(json.find(key), nullptr);
    EXPECT_EQ(json.string(key), "");
    EXPECT_EQ(json.integer(key), 0);
    EXPECT_FALSE(json.boolean(key));
    EXPECT_TRUE(json.strings(key).empty());
    EXPECT_TRUE(json.string_map(key).empty());
  }
}

}  // namespace
}  // namespace bld::base
