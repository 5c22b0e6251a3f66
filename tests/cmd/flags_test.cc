#include "cmd/flags.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::cmd {
namespace {

class Flags : public testing::Test {
 protected:
  Flags() {
    flags_.add_list("tag,t", "NAME", tags_, "name");
    flags_.add_comma_list("cap-add", "CAP", caps_, "capability");
    flags_.add_text("network,net", "MODE", network_, "network");
    flags_.add_bool("all,a", all_, "all");
    flags_.add_bool("quiet,q", quiet_, "quiet");
    flags_.add_bool("layers", layers_, "layers");
    flags_.add_optional(
        "pull", "POLICY", "true", [this](std::string text) { pull_ = text; }, "pull");
    flags_.refuse({"cache-from", "memory,m"});
  }

  std::vector<std::string> parse(const std::vector<std::string>& words,
                                 FlagPlacement placement = FlagPlacement::kAnywhere) {
    return flags_.parse(words, placement);
  }

  std::string error_of(const std::vector<std::string>& words) {
    try {
      parse(words);
    } catch (const base::Error& error) {
      return error.what();
    }
    return "no error";
  }

  FlagSet flags_;
  std::vector<std::string> tags_, caps_;
  std::string network_, pull_;
  bool all_ = false, quiet_ = false, layers_ = true;
};

using Words = std::vector<std::string>;

TEST_F(Flags, ValuesComeInAllForms) {
  EXPECT_EQ(parse({"--tag", "a", "--tag=b", "-t", "c", "-td", "-t=e", "."}), Words{"."});
  EXPECT_EQ(tags_, (Words{"a", "b", "c", "d", "e"}));
}

TEST_F(Flags, TheWordAfterAFlagIsItsValueWhateverItLooksLike) {
  EXPECT_EQ(parse({"--network", "--tag", "-t", "-"}), Words{});
  EXPECT_EQ(network_, "--tag");
  EXPECT_EQ(tags_, Words{"-"});
}

TEST_F(Flags, BoolsTakeAValueOnlyWithAnEqualsSign) {
  EXPECT_EQ(parse({"--layers=false", "--all", "false"}), Words{"false"});
  EXPECT_FALSE(layers_);
  EXPECT_TRUE(all_);
}

TEST_F(Flags, LettersCluster) {
  parse({"-aqt", "x"});
  EXPECT_TRUE(all_);
  EXPECT_TRUE(quiet_);
  EXPECT_EQ(tags_, Words{"x"});
}

TEST_F(Flags, AnOptionalValueNeverTakesTheNextWord) {
  EXPECT_EQ(parse({"--pull", "always"}), Words{"always"});
  EXPECT_EQ(pull_, "true");
  parse({"--pull=never"});
  EXPECT_EQ(pull_, "never");
}

TEST_F(Flags, OnlyCommaListsAreSplit) {
  parse({"--cap-add", "a,b", "--cap-add=c", "--tag", "a,b"});
  EXPECT_EQ(caps_, (Words{"a", "b", "c"}));
  EXPECT_EQ(tags_, Words{"a,b"});
}

TEST_F(Flags, AliasesSetTheSameFlag) {
  parse({"--net=host"});
  EXPECT_EQ(network_, "host");
  EXPECT_TRUE(flags_.given("network"));
  EXPECT_FALSE(flags_.given("tag"));
}

TEST_F(Flags, TwoDashesEndTheFlags) {
  EXPECT_EQ(parse({"-q", "--", "--all", "-x"}), (Words{"--all", "-x"}));
  EXPECT_FALSE(all_);
}

TEST_F(Flags, TheFirstArgumentMayEndTheFlags) {
  EXPECT_EQ(parse({"-q", "ctr", "--", "ls", "-a"}, FlagPlacement::kBeforeArguments),
            (Words{"ctr", "--", "ls", "-a"}));
  EXPECT_TRUE(quiet_);
  EXPECT_FALSE(all_);
}

TEST_F(Flags, MessagesAreThoseThatScriptsKnow) {
  EXPECT_EQ(error_of({"--nosuch"}), "unknown flag: --nosuch");
  EXPECT_EQ(error_of({"--nosuch=secret"}), "unknown flag: --nosuch");
  EXPECT_EQ(error_of({"-az"}), "unknown shorthand flag: 'z' in -az");
  EXPECT_EQ(error_of({"--tag"}), "flag needs an argument: --tag");
  EXPECT_EQ(error_of({"-at"}), "flag needs an argument: 't' in -at");
  EXPECT_EQ(error_of({"--=x"}), "bad flag syntax: --=x");
  EXPECT_EQ(error_of({"--all=maybe"}),
            "invalid argument \"maybe\" for \"--all\" flag: \"maybe\" is neither true nor false");
}

TEST_F(Flags, WhatIsNotThereYetIsRefusedNotIgnored) {
  EXPECT_EQ(error_of({"--cache-from", "x"}), "--cache-from is not supported by bld yet");
  EXPECT_EQ(error_of({"-m", "1g"}), "--memory is not supported by bld yet");
}

TEST_F(Flags, AMistypedFlagGetsASuggestion) {
  try {
    parse({"--netwrok", "host"});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.hint(), "did you mean --network?");
  }
}

}  // namespace
}  // namespace bld::cmd
