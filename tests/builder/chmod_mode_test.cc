#include "builder/chmod_mode.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"

namespace bld::builder {
namespace {

mode_t file(std::string_view text, mode_t mode) {
  return ChmodMode::parse(text).apply(S_IFREG | mode);
}

mode_t folder(std::string_view text, mode_t mode) {
  return ChmodMode::parse(text).apply(S_IFDIR | mode);
}

TEST(ChmodMode, OctalReplacesEverything) {
  EXPECT_EQ(file("600", 07777), 0600U);
  EXPECT_EQ(file("04755", 0), 04755U);
  EXPECT_EQ(folder("0", 0755), 0U);
  EXPECT_EQ(ChmodMode::parse("1777").octal(), 01777U);
  EXPECT_FALSE(ChmodMode::parse("u=rw").octal().has_value());
}

TEST(ChmodMode, WithoutClassAllAreMeantWhateverTheUmask) {
  EXPECT_EQ(file("+x", 0604), 0715U);
  EXPECT_EQ(file("a-w", 0666), 0444U);
  EXPECT_EQ(file("=r", 0777), 0444U);
}

TEST(ChmodMode, CapitalXFollowsFoldersAndWhatIsExecutable) {
  EXPECT_EQ(file("u=rwX,go=rX", 0600), 0644U);
  EXPECT_EQ(file("u=rwX,go=rX", 0755), 0755U);
  EXPECT_EQ(folder("u=rwX,go=rX", 0700), 0755U);
}

TEST(ChmodMode, ClassesAreCopied) {
  EXPECT_EQ(file("g=u", 0604), 0664U);
  EXPECT_EQ(file("o+g", 0650), 0655U);
  EXPECT_EQ(file("u-o", 0705), 0205U);
}

TEST(ChmodMode, SpecialBitsBelongToTheirClasses) {
  EXPECT_EQ(file("u+s,+t", 0755), 05755U);
  EXPECT_EQ(file("g+s", 0755), 02755U);
  EXPECT_EQ(file("u+t", 0755), 0755U);
  EXPECT_EQ(file("u=rw", 04755), 0655U);
}

TEST(ChmodMode, EqualsKeepsSetIdBitsOfFolders) {
  EXPECT_EQ(folder("g=rx", 02775), 02755U);
  EXPECT_EQ(folder("g-s", 02775), 0775U);
}

TEST(ChmodMode, SeveralOperatorsInOneClauseComeInOrder) {
  EXPECT_EQ(file("u=r+x-r", 0700), 0100U);
  EXPECT_EQ(file("go-rwx", 0777), 0700U);
}

TEST(ChmodMode, AnythingElseIsAnErrorThatNamesIt) {
  for (const char* text : {"9z9", "", "10000", "u", "u=q", "rw", "u=rw,", "u=ug", "0x1", "-1"}) {
    try {
      ChmodMode::parse(text);
      ADD_FAILURE() << text;
    } catch (const base::Error& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace bld::builder
