#include "cmd/complete.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cmd/app.h"

namespace bld::cmd {
namespace {

Completion completion_of(const std::vector<std::string>& words) {
  static GlobalOptions ignored;
  static const FlagSet global_flags = [] {
    FlagSet flags;
    declare_globals(flags, ignored);
    return flags;
  }();
  return complete(words, global_flags,
                  {.images = [] { return std::vector<std::string>{"app", "base:1"}; },
                   .containers = [] { return std::vector<std::string>{"app-working-container"}; }});
}

std::vector<std::string> words_of(const std::vector<std::string>& words) {
  std::vector<std::string> found;
  for (const Candidate& candidate : completion_of(words).candidates) found.push_back(candidate.word);
  return found;
}

using Words = std::vector<std::string>;

TEST(Complete, CommandsThatBeginWithTheWord) {
  EXPECT_EQ(words_of({"comm"}), Words{"commit"});
  EXPECT_EQ(words_of({"--root", "/somewhere", "comm"}), Words{"commit"});
  EXPECT_EQ(words_of({"__"}), Words{}) << "what is not listed is not offered";
}

TEST(Complete, FlagsOfACommand) {
  EXPECT_EQ(words_of({"build", "--build-c"}), Words{"--build-context"});
  EXPECT_EQ(words_of({"bud", "--build-c"}), Words{"--build-context"});
  EXPECT_EQ(words_of({"--roo"}), Words{"--root"});
}

TEST(Complete, NoFlagsBehindTheContainer) {
  EXPECT_NE(words_of({"run", "--us"}), Words{});
  EXPECT_EQ(words_of({"run", "c", "--us"}), Words{});
}

TEST(Complete, ValuesOfFlags) {
  EXPECT_EQ(words_of({"build", "--format", "d"}), Words{"docker"});
  EXPECT_TRUE(completion_of({"build", "--file", ""}).files);
  EXPECT_EQ(words_of({"build", "--from", "ba"}), Words{"base:1"});
}

TEST(Complete, NamesInTheStore) {
  EXPECT_EQ(words_of({"rmi", ""}), (Words{"app", "base:1"}));
  EXPECT_EQ(words_of({"rmi", "app", "ba"}), Words{"base:1"});
  EXPECT_EQ(words_of({"config", "--label", "a=b", ""}), Words{"app-working-container"});
  EXPECT_EQ(words_of({"rm", "-a", "x"}), Words{});
}

TEST(Complete, FilesWhereTheyAreMeant) {
  EXPECT_TRUE(completion_of({"build", ""}).files);
  EXPECT_TRUE(completion_of({"copy", "container", ""}).files);
  EXPECT_TRUE(completion_of({"--root", ""}).files);
  EXPECT_FALSE(completion_of({"rmi", ""}).files);
}

TEST(Complete, WordsThatMakeNoSense) {
  EXPECT_EQ(words_of({}), Words{});
  EXPECT_EQ(words_of({"nosuch", ""}), Words{});
  EXPECT_EQ(words_of({"-", "", "="}), Words{});
}

}  // namespace
}  // namespace bld::cmd
