#include "dockerfile/parser.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::dockerfile {
namespace {

using RunInstruction = Run;  // Run is a member of testing::Test

Containerfile parse_text(const std::string& text) {
  return parse(SourceText("Containerfile", text));
}

// The error of a file whose last line is wrong.
base::Error error_of(const std::string& text) {
  try {
    parse_text(text);
  } catch (const base::Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error in " << text;
  return base::Error("none");
}

template <typename What>
What only(const std::string& line) {
  const Containerfile file = parse_text("FROM scratch\n" + line);
  EXPECT_EQ(file.instructions.size(), 2U);
  return std::get<What>(file.instructions.back().what);
}

std::string refuse(const std::string& line) { return error_of("FROM scratch\n" + line).message(); }

TEST(Parser, DirectivesAreAtTheTopOnly) {
  const auto file =
      parse_text("# Escape = `\n#syntax=docker/dockerfile:1\n# check=skip=all\nFROM scratch\n");
  EXPECT_EQ(file.directives.escape, '`');
  EXPECT_EQ(file.directives.syntax, "docker/dockerfile:1");
  EXPECT_EQ(file.directives.check, "skip=all");
  EXPECT_TRUE(file.warnings.empty());
  EXPECT_EQ(parse_text("# hello\n# escape=`\nFROM scratch\n").directives.escape, '\\');
  EXPECT_EQ(parse_text("\n# escape=`\nFROM scratch\n").directives.escape, '\\');
  EXPECT_EQ(parse_text("# other=1\n# escape=`\nFROM scratch\n").directives.escape, '\\');
  EXPECT_EQ(parse_text("# syntax=me/mine\nFROM scratch\n").warnings.size(), 1U);
  EXPECT_THROW(parse_text("# escape=`\n# escape=`\nFROM scratch\n"), base::Error);
  EXPECT_THROW(parse_text("# escape=/\nFROM scratch\n"), base::Error);
}

TEST(Parser, NamesAreOfAnyCase) {
  const auto file = parse_text("from scratch as Base\nrUn x\n");
  EXPECT_EQ(file.instructions[1].name, "RUN");
  EXPECT_EQ(file.instructions[1].name_as_written, "rUn");
  const auto& from = std::get<From>(file.instructions[0].what);
  EXPECT_EQ(from.name, "base");
  EXPECT_EQ(from.name_as_written, "Base");
}

TEST(Parser, AnErrorPointsAtTheWord) {
  const base::Error error = error_of("FROM scratch\n\n# c\nCOPY --chwon=1 a /\n");
  ASSERT_TRUE(error.position());
  EXPECT_EQ(error.position()->line, 4);
  EXPECT_EQ(error.position()->column, 6);
  EXPECT_EQ(error.position()->length, 9);
  EXPECT_EQ(error.position()->source_line, "COPY --chwon=1 a /");
  EXPECT_EQ(error.hint(), "did you mean --chown?");
}

TEST(Parser, ErrorsOnContinuationLinesAreReportedAtTheWord) {
  const base::Error error = error_of("FROM scratch\nENV A=1 \\\n\tB \\\n    C=3\n");
  EXPECT_EQ(error.position()->line, 3);
  EXPECT_EQ(error.position()->column, 2);
  EXPECT_EQ(error.position()->source_line, "\tB \\");
  EXPECT_NE(error.message().find("in the ENV of line 2"), std::string::npos);
}

TEST(Parser, ErrorsInHeredocsAreReportedAtTheSubstitution) {
  const base::Error error = error_of("FROM scratch\nCOPY <<A <<B /x/\na\nA\nb\nsay ${b:^x}\nB\n");
  EXPECT_EQ(error.position()->line, 6);
  EXPECT_EQ(error.position()->column, 5);
  EXPECT_EQ(error.position()->source_line, "say ${b:^x}");
  EXPECT_EQ(error.position()->lines_before, (std::vector<std::string>{"A", "b"}));
}

TEST(Parser, AllErrorsAreReported) {
  const base::Error error = error_of("FROM scratch\nRNU x\nUSER\nLABEL a=b\nCPOY a b\n");
  EXPECT_EQ(error.position()->line, 2);
  EXPECT_EQ(error.hint(), "did you mean RUN?");
  ASSERT_EQ(error.more().size(), 2U);
  EXPECT_EQ(error.more()[0].position()->line, 3);
  EXPECT_EQ(error.more()[1].hint(), "did you mean COPY?");
}

TEST(Parser, ErrorsAreInTheOrderOfTheFile) {
  const base::Error error = error_of(
      "FROM scratch AS a\nCOPY --from=9 a b\nRNU x\nRUN --mount=from=a,target=/x y\nCOPY --form=a "
      "b\n");
  std::vector<int> lines = {error.position()->line};
  for (const base::Error& more : error.more()) lines.push_back(more.position()->line);
  EXPECT_EQ(lines, (std::vector<int>{2, 3, 4, 5}));
  EXPECT_EQ(error.position()->column, 6);
  // Numbers of stages mean nothing while a FROM is broken.
  EXPECT_TRUE(error_of("FROM a b c d\nFROM scratch\nCOPY --from=1 a b\n").more().empty());
}

TEST(Parser, AFileNeedsFrom) {
  EXPECT_NE(error_of("").message().find("empty"), std::string::npos);
  EXPECT_THROW(parse_text("ARG a\n"), base::Error);
  EXPECT_NO_THROW(parse_text("ARG a\n# c\nFROM $a\n"));
  EXPECT_EQ(error_of("ARG a\nRUN x\nENV a=b\nFROM scratch\n").position()->line, 2);
}

TEST(Parser, FromHasOneOrThreeWords) {
  EXPECT_THROW(parse_text("FROM\n"), base::Error);
  EXPECT_THROW(parse_text("FROM a b\n"), base::Error);
  EXPECT_THROW(parse_text("FROM a to b\n"), base::Error);
  EXPECT_THROW(parse_text("FROM a AS 1b\n"), base::Error);
  EXPECT_THROW(parse_text("FROM a AS b:c\n"), base::Error);
  EXPECT_THROW(parse_text("FROM ''\n"), base::Error);
  const auto file = parse_text("FROM --platform=$P a:1@sha256:0 AS b-1_2.c\n");
  const auto& from = std::get<From>(file.instructions[0].what);
  EXPECT_EQ(from.platform->text, "$P");
  EXPECT_EQ(from.image.text, "a:1@sha256:0");
  EXPECT_EQ(from.name, "b-1_2.c");
}

TEST(Parser, CommandsAreShellTextOrJson) {
  EXPECT_EQ(only<RunInstruction>("RUN  a  \"$b\" # c").command.shell_text, "a  \"$b\" # c");
  const auto exec = only<Cmd>("CMD [ \"a\\u00e9\", \"\\n\" ] ").command;
  EXPECT_FALSE(exec.is_shell);
  EXPECT_EQ(exec.exec, (std::vector<std::string>{"a\xc3\xa9", "\n"}));
  EXPECT_EQ(only<Cmd>("CMD []").command.exec.size(), 0U);
  for (const char* text : {"['a']", "[\"a\"", "[\"a\"] tail", "[a]", "[\"a\",]"}) {
    EXPECT_EQ(only<Entrypoint>(std::string("ENTRYPOINT ") + text).command.shell_text, text);
  }
  EXPECT_NE(refuse("CMD [1]").find("strings"), std::string::npos);
  EXPECT_NE(refuse("CMD [\"a\", [\"b\"]]").find("strings"), std::string::npos);
  refuse("CMD [\"a\\u0000\"]");
  refuse("RUN");
  refuse("RUN []");
}

TEST(Parser, RunFlags) {
  const RunInstruction run = only<RunInstruction>(
      "RUN --network=none --security=insecure --mount=target=/a "
      "--mount=type=cache,target=/b --device=x make");
  EXPECT_EQ(run.network, "none");
  EXPECT_EQ(run.security, "insecure");
  ASSERT_EQ(run.mounts.size(), 2U);
  EXPECT_EQ(run.mounts[1].text, "type=cache,target=/b");
  EXPECT_EQ(run.command.shell_text, "make");
  refuse("RUN --network=bridge x");
  refuse("RUN --security=off x");
  refuse("RUN --mount=type=wrong x");
  refuse("RUN --mount x");
  refuse("RUN --network=none --network=none x");
  const auto devices =
      only<RunInstruction>("RUN --device=v/c=n --device=a,required --device=required=0,name=b x")
          .devices;
  ASSERT_EQ(devices.size(), 3U);
  EXPECT_EQ(devices[0].name, "v/c=n");
  EXPECT_FALSE(devices[0].required);
  EXPECT_EQ(devices[1].name, "a");
  EXPECT_TRUE(devices[1].required);
  EXPECT_EQ(devices[2].name, "b");
  EXPECT_FALSE(devices[2].required);
  refuse("RUN --device=a,required=maybe x");
  refuse("RUN --device=a,b x");
  refuse("RUN --device=required x");
}

TEST(Parser, CopyFlagsAndPaths) {
  const Copy copy = only<Copy>(
      "COPY --from=b --chown=$U --chmod=u+x --link --parents=FALSE "
      "--exclude=*.o --exclude=x a b /c/");
  EXPECT_EQ(copy.from->text, "b");
  EXPECT_EQ(copy.chown->text, "$U");
  EXPECT_TRUE(copy.link);
  EXPECT_FALSE(copy.parents);
  EXPECT_EQ(copy.excludes.size(), 2U);
  EXPECT_EQ(copy.sources.size(), 2U);
  EXPECT_EQ(copy.destination.text, "/c/");
  EXPECT_EQ(std::get<Word>(only<Copy>("COPY [\"a b\", \"/\"]").sources[0]).text, "a b");
  EXPECT_EQ(std::get<Word>(only<Copy>("COPY -- --x /").sources[0]).text, "--x");
  refuse("COPY a");
  refuse("COPY");
  refuse("COPY --link=yes a /");
  refuse("COPY --link= a /");
  refuse("COPY --chown a /");
  refuse("COPY --from=$x a /");
  refuse("COPY \"a b\" /");
  refuse("COPY --checksum=x a /");
}

TEST(Parser, AddFlags) {
  const Add add = only<Add>("ADD --checksum=abcdef0 --unpack=false --keep-git-dir u /");
  EXPECT_EQ(add.checksum->text, "abcdef0");
  EXPECT_EQ(add.unpack, false);
  EXPECT_EQ(add.keep_git_dir, true);
  EXPECT_EQ(only<Add>("ADD u /").unpack, std::nullopt);
  refuse("ADD --from=x u /");
}

TEST(Parser, EnvAndLabelPairs) {
  const Env env = only<Env>("ENV a=\"1 2\" b= 'c d'=$e");
  ASSERT_EQ(env.pairs.size(), 3U);
  EXPECT_FALSE(env.legacy_form);
  EXPECT_EQ(env.pairs[0].value.text, "\"1 2\"");
  EXPECT_EQ(env.pairs[2].key.text, "'c d'");
  const Label old = only<Label>("LABEL k  v = \"w\" ");
  EXPECT_TRUE(old.legacy_form);
  EXPECT_EQ(old.pairs[0].value.text, "v = \"w\"");
  for (const char* bad : {"ENV", "ENV a", "ENV =b", "ENV ''=b", "ENV a=b c", "ENV --x=1 a=b",
                          "ENV a=${b", "LABEL $x", "LABEL =v"}) {
    refuse(bad);
  }
}

TEST(Parser, ArgsMayHaveDefaults) {
  const Arg arg = only<Arg>("ARG a b=\"x y\" c=");
  ASSERT_EQ(arg.args.size(), 3U);
  EXPECT_FALSE(arg.args[0].value);
  EXPECT_EQ(arg.args[1].value->text, "\"x y\"");
  EXPECT_EQ(arg.args[2].value->text, "");
  refuse("ARG");
  refuse("ARG =x");
}

TEST(Parser, OneWordInstructionsTakeTheWholeLine) {
  EXPECT_EQ(only<Workdir>("WORKDIR  /a b  c ").path.text, "/a b  c");
  EXPECT_EQ(only<User>("USER $U:g").user.text, "$U:g");
  EXPECT_EQ(only<StopSignal>("STOPSIGNAL $S").signal.text, "$S");
  EXPECT_EQ(only<Maintainer>("MAINTAINER A B <c>").author, "A B <c>");
  refuse("WORKDIR");
  refuse("STOPSIGNAL SIGNOT");
}

TEST(Parser, ExposeVolumeShell) {
  EXPECT_EQ(only<Expose>("EXPOSE 1 $P 3-4/udp").ports.size(), 3U);
  refuse("EXPOSE 1 70000");
  refuse("EXPOSE");
  EXPECT_EQ(only<Volume>("VOLUME /a /b").paths.size(), 2U);
  EXPECT_EQ(only<Volume>("VOLUME [\"/a b\"]").paths[0].text, "/a b");
  refuse("VOLUME []");
  refuse("VOLUME \"\"");
  EXPECT_EQ(only<Shell>("SHELL [\"sh\", \"-c\"]").shell.size(), 2U);
  refuse("SHELL sh -c");
  refuse("SHELL []");
}

TEST(Parser, Healthchecks) {
  const auto check =
      only<Healthcheck>("HEALTHCHECK --interval=1m --timeout=0s --retries=3 cmd curl \"$X\"");
  EXPECT_EQ(check.interval_ns, 60'000'000'000);
  EXPECT_EQ(check.timeout_ns, 0);
  EXPECT_EQ(check.retries, 3);
  EXPECT_EQ(check.command.shell_text, "curl \"$X\"");
  EXPECT_FALSE(only<Healthcheck>("HEALTHCHECK CMD [\"x\"]").command.is_shell);
  EXPECT_TRUE(only<Healthcheck>("HEALTHCHECK none").none);
  for (const char* bad : {"HEALTHCHECK", "HEALTHCHECK CMD", "HEALTHCHECK NONE x",
                          "HEALTHCHECK curl", "HEALTHCHECK --interval=1us CMD x",
                          "HEALTHCHECK --interval=-1s CMD x", "HEALTHCHECK --retries=-1 CMD x",
                          "HEALTHCHECK --timeout=5 CMD x", "HEALTHCHECK --timeout=5s NONE"}) {
    refuse(bad);
  }
}

TEST(Parser, CopyHeredocsAreSources) {
  const Copy copy = only<Copy>("COPY <<one.txt a <<-'two' /d/\n$x\none.txt\n\tb\n\ttwo");
  ASSERT_EQ(copy.sources.size(), 3U);
  const auto& one = std::get<Heredoc>(copy.sources[0]);
  EXPECT_EQ(one.name, "one.txt");
  EXPECT_EQ(one.body, "$x\n");
  EXPECT_TRUE(one.expand);
  const auto& two = std::get<Heredoc>(copy.sources[2]);
  EXPECT_FALSE(two.expand);
  EXPECT_EQ(two.content(), "b\n");
  refuse("COPY a <<E\nx\nE");
  refuse("COPY <<E /x\nnever");
  refuse("COPY <<E /x\n${bad:!}\nE");
}

TEST(Parser, RunHeredocs) {
  const auto script = only<RunInstruction>("RUN <<E\na\nE").command;
  EXPECT_TRUE(script.only_heredoc);
  EXPECT_EQ(script.heredocs[0].body, "a\n");
  const auto command = only<RunInstruction>("RUN cat <<A 3<<B\n1\nA\nB").command;
  EXPECT_FALSE(command.only_heredoc);
  EXPECT_EQ(command.text_with_bodies(), "cat <<A 3<<B\n1\nA\nB");
  EXPECT_TRUE(only<RunInstruction>("RUN echo $((1<<3)) \"<<E\"").command.heredocs.empty());
}

TEST(Parser, NoHeredocsElsewhere) {
  EXPECT_EQ(only<Cmd>("CMD cat <<E").command.shell_text, "cat <<E");
  EXPECT_EQ(only<Label>("LABEL a=<<E").pairs[0].value.text, "<<E");
  EXPECT_EQ(error_of("FROM scratch\nRUN [\"cat\", \"<<E\"]\nbody\n").position()->line, 3);
}

TEST(Parser, HeredocsCountAsLines) {
  EXPECT_EQ(error_of("FROM scratch\nRUN <<E\nFROM x\n# y \\\nE\nWRONG\n").position()->line, 6);
}

TEST(Parser, CarriageReturnsStayInBodies) {
  EXPECT_EQ(only<RunInstruction>("RUN <<E\r\na\r\nE\r\n").command.heredocs[0].body, "a\r\n");
  EXPECT_EQ(only<Env>("ENV a=b\r\n").pairs[0].value.text, "b");
}

TEST(Parser, OnbuildKeepsItsText) {
  EXPECT_EQ(only<Onbuild>("onbuild  run a \\\n  $b").trigger, "run a   $b");
  EXPECT_EQ(only<Onbuild>("ONBUILD COPY <<E /x\n$y\nE").trigger, "COPY <<E /x\n$y\nE");
  for (const char* bad : {"ONBUILD", "ONBUILD ONBUILD RUN x", "ONBUILD FROM x",
                          "ONBUILD maintainer x", "ONBUILD NONSENSE", "ONBUILD COPY a"}) {
    refuse(bad);
  }
}

TEST(Parser, TriggersAreParsedAlone) {
  const Instruction run = parse_onbuild_trigger("RUN <<E\na\nE");
  EXPECT_EQ(std::get<RunInstruction>(run.what).command.heredocs[0].body, "a\n");
  EXPECT_EQ(parse_onbuild_trigger("env a=b").name, "ENV");
  for (const char* bad : {"", "FROM x", "ONBUILD RUN x", "MAINTAINER x", "WHAT", "RUN a\nRUN b"}) {
    EXPECT_THROW(parse_onbuild_trigger(bad), base::Error) << bad;
  }
}

TEST(Parser, EmptyLinesInContinuationsAreKept) {
  const auto file = parse_text("FROM scratch\nRUN a \\\n\n b\n");
  ASSERT_EQ(file.empty_continuations.size(), 1U);
  EXPECT_EQ(file.empty_continuations[0].line, 3);
}

TEST(Parser, CommentsDirectlyAboveBelongToTheInstruction) {
  const auto file = parse_text(
      "# check=skip=all\n# far\n\n# one \n  #two\nFROM scratch AS a\nRUN a \\\n# in\n b\nRUN c\n");
  EXPECT_EQ(file.instructions[0].comments, (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(file.instructions[1].comments.empty());
  EXPECT_TRUE(file.instructions[2].comments.empty());
  EXPECT_EQ(file.directives.check_span, (Span{1, 3, 14, 1}));
  const auto& from = std::get<From>(file.instructions[0].what);
  EXPECT_EQ(from.as_span, (Span{6, 14, 2, 6}));
  EXPECT_EQ(from.name_span, (Span{6, 17, 1, 6}));
}

TEST(Parser, OriginalIsForDisplay) {
  const auto file = parse_text("FROM scratch\n  RUN a \\\n # c\n  b <<E\nx\nE\n");
  EXPECT_EQ(file.instructions[1].original, "RUN a   b <<E\nx\nE");
  EXPECT_EQ(file.instructions[1].span.line, 2);
  EXPECT_EQ(file.instructions[1].span.last_line, 6);
}

TEST(Parser, BacktickEscapesDoNotTouchJson) {
  const auto file =
      parse_text("# escape=`\nFROM scratch\nCMD [\"a\\\\b\", `\n\"c\"]\nENV a=b` c\n");
  EXPECT_EQ(std::get<Cmd>(file.instructions[1].what).command.exec,
            (std::vector<std::string>{"a\\b", "c"}));
  EXPECT_EQ(std::get<Env>(file.instructions[2].what).pairs[0].value.text, "b` c");
}

TEST(Parser, CommonSlipsGetAdvice) {
  const auto hint = [](const std::string& line) { return error_of("FROM a\n" + line).hint(); };
  EXPECT_NE(hint("ENV A=b # c").find("a comment"), std::string::npos);
  EXPECT_NE(hint("EXPOSE 80 # d").find("a comment"), std::string::npos);
  EXPECT_NE(hint("COPY \"a b\" /c").find("JSON"), std::string::npos);
  EXPECT_NE(hint("VOLUME '/a b'").find("JSON"), std::string::npos);
  EXPECT_NE(hint("RUN\xc2\xa0ls").find("U+00A0"), std::string::npos);
  EXPECT_NE(hint("RUN <<E\na\n E\n").find("line 4"), std::string::npos);
  EXPECT_EQ(hint("RUN <<E\na\nEE\n"), "");
}

TEST(Parser, ChecksumsAreDigestsOrCommits) {
  const std::string digits(64, 'a');
  for (const std::string& good : {"sha256:" + digits, digits, digits.substr(24),
                                  std::string("abcdef0"), std::string("$SUM")}) {
    EXPECT_EQ(only<Add>("ADD --checksum=" + good + " http://h/f /f").checksum->text, good);
  }
  for (const std::string& bad : {std::string("abcdef"), "sha256:" + digits.substr(1),
                                 "md5:" + digits, "sha256:" + std::string(64, 'A')}) {
    EXPECT_NE(refuse("ADD --checksum=" + bad + " http://h/f /f").find("--checksum"),
              std::string::npos);
  }
}

TEST(Parser, HugeLinesAndManyErrorsAreFine) {
  EXPECT_EQ(only<RunInstruction>("RUN " + std::string(5'000'000, 'x')).command.shell_text.size(),
            5'000'000U);
  std::string broken = "FROM scratch\n";
  for (int i = 0; i < 50'000; ++i) broken += "NO\n";
  EXPECT_LT(error_of(broken).more().size(), 100U);
  const std::string nested = "CMD " + std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_NE(refuse(nested).find("strings"), std::string::npos);
  const std::string hashes(1'000'000, '<');
  EXPECT_EQ(only<RunInstruction>("RUN " + hashes).command.heredocs.size(), 0U);
}

}  // namespace
}  // namespace bld::dockerfile
