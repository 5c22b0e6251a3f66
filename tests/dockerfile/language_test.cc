// The language by its reference: forms that are easily lost, a line each, through the parser.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "dockerfile/expand.h"
#include "dockerfile/ignore_file.h"
#include "dockerfile/parser.h"
#include "dockerfile/run_mount.h"

namespace bld::dockerfile {
namespace {

using RunInstruction = Run;  // Run is a member of testing::Test

Containerfile whole(const std::string& text) { return parse(SourceText("Containerfile", text)); }

template <typename What>
What last(const std::string& lines) {
  return std::get<What>(whole("FROM scratch\n" + lines).instructions.back().what);
}

// Where the first error is, with its message; "" if there is none.
std::string error_in(const std::string& text) {
  try {
    whole(text);
  } catch (const base::Error& error) {
    const auto place = error.position();
    return (place ? std::to_string(place->line) : "?") + ": " + error.message();
  }
  return "";
}

bool refused(const std::string& line) { return error_in("FROM scratch\n" + line) != ""; }

TEST(Language, HashesAreCommentsOnlyInFrontOfALine) {
  EXPECT_EQ(last<RunInstruction>("RUN a # b #c\n").command.shell_text, "a # b #c");
  EXPECT_EQ(last<RunInstruction>("RUN a \\\n \t# gone \\\n b").command.shell_text, "a  b");
  EXPECT_EQ(whole("FROM scratch\n \t # indented\n  RUN x\n").instructions.size(), 2U);
  EXPECT_EQ(last<Env>("ENV a=#b\n").pairs[0].value.text, "#b");
}

TEST(Language, ContinuationsCutAnywhere) {
  EXPECT_EQ(last<Copy>("CO\\\nPY --fr\\\nom=a\\\nb x \\ \t\n  y").from->text, "ab");
  EXPECT_EQ(last<Cmd>("CMD [\"a\", \\\n# c\n  \"b\"]").command.exec.size(), 2U);
  EXPECT_EQ(last<RunInstruction>("RUN a \\").command.shell_text, "a");
  EXPECT_EQ(last<RunInstruction>("RUN a\\\\\n").command.shell_text, "a\\\\");
  EXPECT_EQ(last<RunInstruction>("RUN a\\\n  b").command.shell_text, "a  b");
  EXPECT_EQ(whole("# escape=`\nFROM scratch\nRUN a `\n b \\\nRUN c\n").instructions.size(), 3U);
}

TEST(Language, OneByteOrderMarkIsDropped) {
  EXPECT_EQ(error_in("\xef\xbb\xbf# escape=`\r\nFROM scratch\r\n"), "");
  EXPECT_NE(error_in("\xef\xbb\xbf\xef\xbb\xbf"
                     "FROM scratch\n"),
            "");
}

TEST(Language, DirectivesOfAnyCaseEndAtTheFirstOther) {
  EXPECT_EQ(whole("#\tESCAPE\t=\t`\t\nFROM scratch\n").directives.escape, '`');
  EXPECT_EQ(whole("# unknown=x\n# escape=`\nFROM scratch\n").directives.escape, '\\');
  EXPECT_EQ(whole("FROM scratch\n# escape=`\n").directives.escape, '\\');
  EXPECT_EQ(error_in("# syntax=docker/dockerfile:1\n# syntax=docker/dockerfile:1\nFROM scratch\n")
                .substr(0, 2),
            "2:");
  EXPECT_EQ(error_in("# ordinary\n# escape=`\n# escape=x\nFROM scratch\n"), "");
}

TEST(Language, FlagsComeOnceBut) {
  for (const char* line :
       {"COPY --from=a --from=a x y", "COPY --chown=1 --chown=1 x y",
        "ADD --checksum=a --checksum=a x y", "RUN --security=sandbox --security=sandbox x",
        "HEALTHCHECK --retries=1 --retries=1 CMD x", "COPY --link --link=false x y"}) {
    EXPECT_TRUE(refused(line)) << line;
  }
  EXPECT_EQ(last<RunInstruction>("RUN --device=a --device=b x").devices.size(), 2U);
  EXPECT_EQ(last<Copy>("COPY --exclude=a --exclude=a x y").excludes.size(), 2U);
  EXPECT_TRUE(last<Copy>("COPY --link=True x y").link);
  EXPECT_FALSE(last<Copy>("COPY --link=FALSE x y").link);
  EXPECT_EQ(last<Copy>("COPY --chown=\"1:2\" --chmod='60'0 x y").chmod->text, "600");
  EXPECT_EQ(last<RunInstruction>("RUN -- --network=none").command.shell_text, "--network=none");
}

TEST(Language, FlagsBelongToTheirInstruction) {
  for (const char* line :
       {"CMD --a x", "ENTRYPOINT --a x", "WORKDIR --a x", "USER --a x", "SHELL --a [\"x\"]",
        "EXPOSE --a 1", "VOLUME --a x", "STOPSIGNAL --a 9", "LABEL --a b=c", "ARG --a b",
        "MAINTAINER --a x", "COPY --unpack x y", "COPY --keep-git-dir x y", "ADD --parents x y",
        "ADD --from=a x y", "RUN --link x", "HEALTHCHECK --every=1s CMD x"}) {
    EXPECT_TRUE(refused(line)) << line;
  }
  EXPECT_FALSE(refused("ADD --link --exclude=x --chmod=1 --chown=1 x y"));
  EXPECT_FALSE(refused("COPY --link --parents --exclude=x x y"));
}

TEST(Language, LinesOfErrorsCountEverythingAbove) {
  EXPECT_EQ(error_in("# c\n\nFROM scratch\nRUN a \\\n # c\n b <<E\nx\nE\n\nNOPE\n").substr(0, 3),
            "10:");
  EXPECT_EQ(error_in("FROM scratch\nRUN cat <<A <<B\nA\nno end\n").substr(0, 2), "2:");
}

TEST(Language, HeredocsBelongToFilesAndRun) {
  const Add add = last<Add>("ADD <<a b/ <<\"c\" /d/\n1\na\n$2\nc\n");
  EXPECT_EQ(add.sources.size(), 3U);
  EXPECT_FALSE(std::get<Heredoc>(add.sources[2]).expand);
  EXPECT_EQ(last<RunInstruction>("RUN cat 3<<-X >&3\n\ta\n\tX\n").command.heredocs.at(0).strip_tabs,
            true);
  for (const char* line : {"ENV a=<<E", "LABEL a=<<E", "WORKDIR <<E", "USER <<E", "CMD <<E",
                           "ENTRYPOINT <<E", "HEALTHCHECK CMD <<E", "VOLUME <<E"}) {
    EXPECT_FALSE(refused(line)) << line;
  }
  EXPECT_EQ(last<RunInstruction>("RUN echo $((1<<3))\n").command.heredocs.size(), 0U);
  EXPECT_EQ(
      last<RunInstruction>("RUN <<E\n# escape=`\nFROM x\n\\\nE\n").command.heredocs.at(0).body,
      "# escape=`\nFROM x\n\\\n");
}

TEST(Language, PairsAreSeenBeforeExpansion) {
  EXPECT_TRUE(refused("LABEL $X"));
  EXPECT_TRUE(refused("ENV a=b $X"));
  EXPECT_FALSE(refused("LABEL $X=y"));
  EXPECT_EQ(last<Env>("ENV a $b c=d").pairs.at(0).value.text, "$b c=d");
}

TEST(Language, VariablesInModifiersAndPatterns) {
  const Lookup lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name == "f") return "a/b/a.c";
    if (name == "p") return "*/";
    return std::nullopt;
  };
  EXPECT_EQ(expand_word("${f#$p}", lookup), "b/a.c");
  EXPECT_EQ(expand_word("${f##${p}}", lookup), "a.c");
  EXPECT_EQ(expand_word("${f%%/*}", lookup), "a");
  EXPECT_EQ(expand_word("${f%/*}", lookup), "a/b");
  EXPECT_EQ(expand_word("${f//a/${none:-$p}}", lookup), "*//b/*/.c");
  EXPECT_EQ(expand_word("${f/\\//_}", lookup), "a_b/a.c");
  EXPECT_EQ(expand_word("$0$12x$@", lookup), "x");
}

TEST(Language, IgnoredPathsBroughtBackBelowAFolder) {
  const auto ignore =
      IgnoreFile::parse("\xef\xbb\xbf# c\r\n/a/../b/\r\n!b/keep\r\n\\#real\r\n [x-z]? \r\n");
  EXPECT_TRUE(ignore.ignored("b/x"));
  EXPECT_FALSE(ignore.ignored("b/keep"));
  EXPECT_TRUE(ignore.ignored("#real"));
  EXPECT_TRUE(ignore.ignored("y1"));
  EXPECT_FALSE(ignore.ignored("y12"));
}

TEST(Language, SourcesOfRemoteFilesAndTheirSums) {
  EXPECT_EQ(last<Add>("ADD --checksum=$SUM https://x/y /").checksum->text, "$SUM");
  EXPECT_EQ(last<Add>("ADD --keep-git-dir=true https://x/y.git /").keep_git_dir, true);
  EXPECT_EQ(last<Add>("ADD --unpack https://x/y /").unpack, true);
  EXPECT_TRUE(refused("ADD --unpack=2 https://x/y /"));
  EXPECT_TRUE(refused("ADD --checksum https://x/y /"));
}

}  // namespace
}  // namespace bld::dockerfile
