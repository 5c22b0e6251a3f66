#include "dockerfile/lint.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "dockerfile/parser.h"

namespace bld::dockerfile {
namespace {

using Strings = std::vector<std::string>;

struct Given {
  std::string target = {};
  std::map<std::string, std::string> build_args = {};
  std::optional<BaseFacts> base = {};
  IgnoreFile ignore = {};
  bool experimental = false;
};

// "RULE LINE:COLUMN+LENGTH" of each finding.
Strings places(const std::string& text, const Given& given = {}, Strings* details = nullptr) {
  const SourceText source("Containerfile", text);
  const Containerfile file = parse(source);
  LintInput input{.source = source, .file = file, .options = check_options_of(source, file)};
  input.options.experimental_all = given.experimental;
  input.build_args = given.build_args;
  if (!given.target.empty()) input.target = given.target;
  input.base = [&](int, const std::string&, const std::string&) { return given.base; };
  input.ignore = &given.ignore;
  Strings found;
  for (const Finding& finding : lint(input)) {
    found.push_back(fmt::format("{} {}:{}+{}", finding.rule->name, finding.span.line,
                                finding.span.column, finding.span.length));
    if (details != nullptr) details->push_back(finding.detail);
  }
  return found;
}

// What is said about one line below FROM.
std::string detail_of(const std::string& text, const Given& given = {}) {
  Strings details;
  places(text, given, &details);
  EXPECT_EQ(details.size(), 1U) << text;
  return details.empty() ? "" : details[0];
}

Given with_env(Strings env) { return {.base = BaseFacts{.env = std::move(env)}}; }

const Strings kNone;

TEST(Lint, RulesHaveSortedNamesAndAddresses) {
  const auto rules = lint_rules();
  for (std::size_t i = 1; i < rules.size(); ++i) EXPECT_LT(rules[i - 1].name, rules[i].name);
  EXPECT_EQ(find_lint_rule("jsonargsrecommended")->url(),
            "https://docs.docker.com/reference/build/checks/json-args-recommended/");
  EXPECT_EQ(find_lint_rule("RunWithoutEffect")->url(), "");
  EXPECT_EQ(find_lint_rule("None"), nullptr);
}

TEST(Lint, NothingIsSaidAboutAnOrdinaryFile) {
  EXPECT_EQ(places("# syntax=docker/dockerfile:1\n"
                   "ARG VERSION=1\n"
                   "FROM golang:$VERSION AS build\n"
                   "ARG VERSION TARGETARCH\n"
                   "WORKDIR /src\n"
                   "COPY . .\n"
                   "RUN --mount=type=cache,target=/root/.cache go build -o /app-$TARGETARCH\n"
                   "FROM scratch\n"
                   "ENV APP=/app\n"
                   "COPY --from=build $APP $APP\n"
                   "EXPOSE 80/tcp\n"
                   "CMD [\"/app\"]\n"),
            kNone);
}

TEST(Lint, ConsistentInstructionCasing) {
  EXPECT_EQ(places("FROM scratch\nLABEL a=b\n  label c=d\n"),
            Strings{"ConsistentInstructionCasing 3:3+5"});
  EXPECT_EQ(detail_of("from scratch\nlabel a=b\nLabel c=d\n"),
            "Command 'Label' should match the case of the command majority (lowercase)");
  EXPECT_EQ(places("from scratch\nlabel a=b\n"), kNone);
}

TEST(Lint, CopyIgnoredFile) {
  Given given{.ignore = IgnoreFile::parse("secret\n*.log\n")};
  EXPECT_EQ(places("FROM scratch\nCOPY a secret/x b.log /\nADD --chown=1 ./c.log /\n", given),
            (Strings{"CopyIgnoredFile 2:8+8", "CopyIgnoredFile 2:17+5", "CopyIgnoredFile 3:15+7"}));
  EXPECT_EQ(places("FROM scratch AS a\nFROM scratch\nCOPY --from=a secret /\n"
                   "ADD https://x.example/b.log /\nCOPY <<secret /\nx\nsecret\n",
                   given),
            kNone);
  given.ignore = IgnoreFile::parse("secret\n!secret/but\n");
  EXPECT_EQ(places("FROM scratch\nCOPY secret /\n", given), kNone);
}

TEST(Lint, DuplicateStageName) {
  EXPECT_EQ(places("FROM scratch AS a\nFROM scratch AS b\nFROM scratch AS a\n"),
            Strings{"DuplicateStageName 3:17+1"});
}

TEST(Lint, Expose) {
  EXPECT_EQ(places("FROM scratch\nEXPOSE 80 127.0.0.1:80:81\n"),
            Strings{"ExposeInvalidFormat 2:11+15"});
  EXPECT_EQ(places("FROM scratch\nEXPOSE 80/tcp 81/Udp\n"), Strings{"ExposeProtoCasing 2:18+3"});
  EXPECT_EQ(detail_of("FROM scratch\nARG P=1/TCP\nEXPOSE $P\n"),
            "Defined protocol '1/TCP' in EXPOSE instruction should be lowercase");
  EXPECT_EQ(places("FROM scratch\nEXPOSE 80-82/udp\n"), kNone);
}

TEST(Lint, FromAsCasing) {
  EXPECT_EQ(places("FROM scratch as a\n"), Strings{"FromAsCasing 1:14+2"});
  EXPECT_EQ(places("from scratch AS a\n"), Strings{"FromAsCasing 1:14+2"});
  EXPECT_EQ(places("from scratch as a\n"), kNone);
}

TEST(Lint, FromPlatforms) {
  EXPECT_EQ(places("FROM --platform=linux/amd64 alpine AS base\n"),
            Strings{"FromPlatformFlagConstDisallowed 1:6+22"});
  EXPECT_EQ(places("FROM --platform=linux/x86_64 alpine AS build-amd64\n"), kNone);
  EXPECT_EQ(places("FROM --platform=$BUILDPLATFORM alpine\n"), kNone);
  EXPECT_EQ(places("FROM --platform=$TARGETPLATFORM alpine\n"),
            Strings{"RedundantTargetPlatform 1:17+15"});
  EXPECT_EQ(places("FROM --platform=${TARGETPLATFORM:-x} alpine\n"), kNone);
}

TEST(Lint, InvalidBaseImagePlatform) {
  const Given given{.base = BaseFacts{.env = {},
                                      .expected_platform = "linux/amd64",
                                      .actual_platform = "linux/arm64"}};
  EXPECT_EQ(places("FROM alpine\n", given), Strings{"InvalidBaseImagePlatform 1:6+6"});
  EXPECT_EQ(places("FROM scratch\n", given), kNone);
}

TEST(Lint, ArgumentsOfFrom) {
  EXPECT_EQ(places("ARG TAG\nFROM busybox:${TAG}\n"), Strings{"InvalidDefaultArgInFrom 2:6+14"});
  EXPECT_EQ(places("ARG TAG\nFROM busybox:${TAG}\n", {.build_args = {{"TAG", "1"}}}),
            Strings{"InvalidDefaultArgInFrom 2:6+14"});
  EXPECT_EQ(places("ARG TAG\nFROM busybox:${TAG:-1}\n"), kNone);
  EXPECT_EQ(places("ARG TAG=1\nFROM busybox:$TAG\n"), kNone);
  EXPECT_EQ(places("ARG VERSION=1\nFROM a:1$VERSOIN\n"), Strings{"UndefinedArgInFrom 2:9+8"});
  EXPECT_EQ(detail_of("ARG VERSION=1\nFROM a:1$VERSOIN\n"),
            "FROM argument 'VERSOIN' is not declared (did you mean VERSION?)");
}

TEST(Lint, InvalidDefinitionDescriptionIsOffUntilAskedFor) {
  const std::string text =
      "# what\nFROM scratch AS base\n# VERSION is it\nARG VERSION\n# no\nARG A B\n";
  EXPECT_EQ(places(text), kNone);
  EXPECT_EQ(places(text, {.experimental = true}),
            (Strings{"InvalidDefinitionDescription 1:1+1", "InvalidDefinitionDescription 5:1+1"}));
  EXPECT_EQ(places("# what\n\nFROM scratch AS base\n# c\nRUN x\n", {.experimental = true}), kNone);
}

TEST(Lint, JsonArgsRecommended) {
  EXPECT_EQ(places("FROM scratch\nCMD a b\nENTRYPOINT  c\n"),
            (Strings{"JSONArgsRecommended 2:5+3", "JSONArgsRecommended 3:13+1"}));
  EXPECT_EQ(places("FROM scratch\nSHELL [\"a\"]\nCMD a b\n"), kNone);
  EXPECT_EQ(places("FROM scratch AS a\nSHELL [\"a\"]\nFROM a\nCMD a b\n"), kNone);
  EXPECT_EQ(places("FROM x\nCMD a b\n", {.base = BaseFacts{.has_shell = true}}), kNone);
}

TEST(Lint, LegacyForms) {
  EXPECT_EQ(places("FROM scratch\nENV a b c\nLABEL d e\nENV f=g\n"),
            (Strings{"LegacyKeyValueFormat 2:5+1", "LegacyKeyValueFormat 3:7+1"}));
  EXPECT_EQ(places("FROM scratch\nMAINTAINER me\n"), Strings{"MaintainerDeprecated 2:1+10"});
}

TEST(Lint, OnlyTheLastOfSeveralCounts) {
  EXPECT_EQ(
      places("FROM scratch\nCMD []\nCMD [\"a\"]\nHEALTHCHECK NONE\nHEALTHCHECK CMD a\n"),
      (Strings{"MultipleInstructionsDisallowed 2:1+3", "MultipleInstructionsDisallowed 4:1+11"}));
  EXPECT_EQ(places("FROM scratch AS a\nCMD []\nFROM a\nCMD [\"a\"]\n"), kNone);
}

TEST(Lint, NoEmptyContinuation) {
  EXPECT_EQ(places("FROM scratch\nLABEL a=b \\\n\n  c=d\n"), Strings{"NoEmptyContinuation 3:1+0"});
  EXPECT_EQ(places("FROM scratch\nLABEL a=b \\\n# c\n  c=d\n"), kNone);
}

TEST(Lint, StageNames) {
  EXPECT_EQ(
      places("FROM alpine AS scratch\nFROM alpine AS Context\n"),
      (Strings{"ReservedStageName 1:16+7", "StageNameCasing 2:16+7", "ReservedStageName 2:16+7"}));
}

TEST(Lint, SecretsUsedInArgOrEnv) {
  EXPECT_EQ(places("FROM scratch\nARG a GITHUB_TOKEN=x\nENV A=b api_key=x\n"),
            (Strings{"SecretsUsedInArgOrEnv 2:7+12", "SecretsUsedInArgOrEnv 3:9+7"}));
  EXPECT_EQ(places("FROM scratch\nARG MONKEY PUBLIC_KEY KEY_FILE TOKENS\n"), kNone);
}

TEST(Lint, UndefinedVarWhereTheBaseIsKnown) {
  EXPECT_EQ(places("FROM scratch\nCOPY $foo .\n"), Strings{"UndefinedVar 2:6+4"});
  EXPECT_EQ(places("FROM scratch\nENV A=1 \\\n  B=x${foo}\n"), Strings{"UndefinedVar 3:6+5"});
  EXPECT_EQ(detail_of("FROM x\nENV PATH=$PAHT:/app\n", with_env({})),
            "Usage of undefined variable '$PAHT' (did you mean $PATH?)");
  EXPECT_EQ(detail_of("FROM x\nENV A=$C\n", with_env({"B=1"})), "Usage of undefined variable '$C'");
  EXPECT_EQ(places("FROM x\nCOPY $foo $bar /\n", with_env({"foo=1"})),
            Strings{"UndefinedVar 2:11+4"});
  EXPECT_EQ(places("FROM scratch\nCOPY <<E /f\na\n  $foo\nE\n"), Strings{"UndefinedVar 4:3+4"});
  EXPECT_EQ(places("FROM scratch\nRUN --mount=type=cache,target=$foo x\n"),
            Strings{"UndefinedVar 2:31+4"});
}

TEST(Lint, VariablesThatAreDefined) {
  EXPECT_EQ(places("FROM scratch\nARG foo\nENV bar=$foo\nLABEL l=$bar p=$PATH\n"), kNone);
  EXPECT_EQ(places("FROM scratch AS a\nARG foo\nFROM a\nCOPY $foo .\n"), kNone);
  EXPECT_EQ(places("FROM scratch\nCOPY ${foo:-a} ${foo+b} \\$foo '$foo' /\n"), kNone);
  EXPECT_EQ(places("FROM scratch\nRUN echo $foo\nCMD [\"$foo\"]\nCOPY <<'E' /\n$foo\nE\n"), kNone);
  EXPECT_EQ(places("FROM scratch\nENV A=1 B=$A\n"), Strings{"UndefinedVar 2:11+2"}) << "the old A";
  EXPECT_EQ(places("FROM scratch\nARG A=1 B=$A\n"), kNone);
}

TEST(Lint, UndefinedVarWithoutTheBaseIsOnlyWhatIsSure) {
  EXPECT_EQ(places("FROM python\nENV V=$PYTHON_VERSION\n"), kNone);
  EXPECT_EQ(places("ARG VERSION=1\nFROM python\nLABEL v=$VERSION\n"),
            Strings{"UndefinedVar 3:9+8"});
  EXPECT_EQ(detail_of("FROM python\nLABEL v=$TARGETARCH\n"),
            "Usage of undefined variable '$TARGETARCH' (ARG TARGETARCH is missing in this stage)");
  EXPECT_EQ(places("FROM python\nENV RELEASE=1 RELEASE2=1\nLABEL v=$RELAESE w=$RELEASE3\n"),
            Strings{"UndefinedVar 3:9+8"});
}

TEST(Lint, WorkdirRelativePath) {
  EXPECT_EQ(places("FROM x\nWORKDIR a\nWORKDIR b\n"), Strings{"WorkdirRelativePath 2:9+1"});
  EXPECT_EQ(places("FROM scratch AS a\nWORKDIR /a\nFROM a\nWORKDIR b\n"), kNone);
  EXPECT_EQ(places("FROM x\nWORKDIR $HOME\n"), kNone);
  EXPECT_EQ(places("FROM x\nARG D=/d\nWORKDIR $D/x\n"), kNone);
}

TEST(Lint, InstallWithoutYes) {
  EXPECT_EQ(places("FROM x\nRUN apt-get update && \\\n  apt-get install git\n"),
            Strings{"InstallWithoutYes 2:5+7"});
  for (const char* fine :
       {"apt-get install -y git", "apt-get -qq install git", "apt-get install $OPTIONS git",
        "yes | apt-get install git", "apt-get update", "echo apt-get install",
        "apt-get install --assume-yes git", "DEBIAN_FRONTEND=x sudo apt-get -yq install git",
        "dnf -y install git",
        "apt-get -o APT::Get::Assume-Yes=true -oAPT::Get::Assume-Yes=1 install a"}) {
    EXPECT_EQ(places(std::string("FROM x\nRUN ") + fine + "\n"), kNone) << fine;
  }
  EXPECT_EQ(places("FROM x\nCOPY c /etc/apt/apt.conf.d/90\nRUN apt-get install git\n"), kNone);
}

TEST(Lint, AptUpdateInOtherRun) {
  EXPECT_EQ(places("FROM x\nRUN apt-get update\nRUN apt-get install -y git\n"),
            Strings{"AptUpdateInOtherRun 3:5+7"});
  EXPECT_EQ(places("FROM x\nRUN apt-get update && apt-get install -y a\n"
                   "RUN apt-get update && apt-get install -y b\n"),
            kNone);
  EXPECT_EQ(places("FROM x\nRUN --mount=type=cache,target=/var/lib/apt apt-get update\n"
                   "RUN --mount=type=cache,target=/var/lib/apt apt-get install -y git\n"),
            kNone);
}

TEST(Lint, RunWithoutEffect) {
  EXPECT_EQ(places("FROM x\nRUN cd /app\n"), Strings{"RunWithoutEffect 2:5+2"});
  EXPECT_EQ(places("FROM x\nRUN export A=1 B=2\nRUN . venv/bin/activate\n"),
            (Strings{"RunWithoutEffect 2:5+6", "RunWithoutEffect 3:5+1"}));
  EXPECT_EQ(places("FROM x\nRUN cd /app && make\nRUN cd /app > /log\nRUN export A=$(touch /x)\n"),
            kNone);
}

TEST(Lint, StageUsedBeforeDefined) {
  EXPECT_EQ(places("FROM x\nCOPY --from=later /a /\nFROM x AS later\n"),
            Strings{"StageUsedBeforeDefined 2:13+5"});
  EXPECT_EQ(places("FROM x AS builder\nFROM x\nRUN --mount=from=bulider,target=/b x\n"),
            Strings{"StageUsedBeforeDefined 3:18+7"});
  EXPECT_EQ(places("FROM x AS builder\nFROM x\nCOPY --from=builder /a /\nCOPY --from=nginx /b /\n"),
            kNone);
}

TEST(Lint, GlobalArgNotInStage) {
  EXPECT_EQ(places("ARG V=1\nFROM x\nRUN echo a && \\\n  get ${V}.tar\n"),
            Strings{"GlobalArgNotInStage 4:7+3"});
  EXPECT_EQ(places("FROM x\nRUN <<E\nmake $TARGETARCH\nE\n"),
            Strings{"GlobalArgNotInStage 3:6+11"});
  EXPECT_EQ(places("ARG V=1\nFROM x\nARG V\nRUN echo $V\n"), kNone);
  EXPECT_EQ(
      places(
          "ARG V=1\nFROM x\nRUN V=2 && echo $V '$V' ${V:-1}\nRUN for V in a; do echo $V; done\n"),
      kNone);
  EXPECT_EQ(places("ARG V=1\nFROM x\nRUN echo $V\n", with_env({"V=2"})), kNone);
}

TEST(Lint, VariableInExecForm) {
  EXPECT_EQ(places("FROM x\nENV JAR=a\nENTRYPOINT [\"java\", \"-jar\", \"${JAR}\"]\n"),
            Strings{"VariableInExecForm 3:30+5"});
  EXPECT_EQ(
      places("FROM x\nENV JAR=a\nCMD [\"sh\", \"-c\", \"java $JAR\"]\nRUN [\"awk\", \"$JAR\"]\n"
             "RUN [\"x\", \"$other\"]\n"),
      kNone);
}

TEST(Lint, MalformedJSONForm) {
  EXPECT_EQ(places("FROM x\nRUN ['a', 'b']\nRUN [\"a\", \"b\"\nRUN [\xe2\x80\x9c"
                   "a\xe2\x80\x9d]\n"
                   "VOLUME ['/a', '/b']\n"),
            (Strings{"MalformedJSONForm 2:5+10", "MalformedJSONForm 3:5+9",
                     "MalformedJSONForm 4:5+9", "MalformedJSONForm 5:8+6"}));
  EXPECT_EQ(places("FROM x\nRUN [ \"a\" = 'a' ] && [ -n \"b\" ]\nRUN [ 'a' ]\nRUN [\"a\"]\n"
                   "RUN [[ \"a\" == b ]]\nVOLUME /a\n"),
            kNone);
}

TEST(Lint, RulesAreSkippedByTheDirective) {
  EXPECT_EQ(places("# check=skip=StageNameCasing, FromAsCasing\nFROM scratch as A\nCMD a\n"),
            Strings{"JSONArgsRecommended 3:5+1"});
  EXPECT_EQ(places("# check=skip=all\nFROM scratch as A\nCMD a\n"), kNone);
  EXPECT_EQ(places("# check=experimental=all;error=true\n# x\nFROM scratch AS a\n"), kNone)
      << "the helper sets experimental itself";
}

TEST(Lint, ATargetNarrowsItToWhatThatNeeds) {
  const std::string text = "FROM scratch AS a\nCMD a\nFROM a AS b\nFROM scratch AS c\nCMD c\n";
  EXPECT_EQ(places(text).size(), 2U);
  EXPECT_EQ(places(text, {.target = "b"}), Strings{"JSONArgsRecommended 2:5+1"});
}

TEST(Lint, TheOwnRulesCanBeLeftOut) {
  const SourceText source("C", "FROM x\nRUN cd /\n");
  const Containerfile file = parse(source);
  LintInput input{.source = source, .file = file};
  EXPECT_EQ(lint(input).size(), 1U);
  input.rules = LintInput::Rules::kBuildkit;
  EXPECT_EQ(lint(input).size(), 0U);
}

TEST(Lint, LongFilesTakeLinearTime) {
  std::string text = "FROM scratch AS s0\n";
  for (int i = 1; i < 5000; ++i) {
    text += fmt::format("FROM s{} AS s{}\nENV V{}=$W\nCOPY --from=t{} a b\n", i - 1, i, i, i);
  }
  EXPECT_EQ(places(text).size(), 4999U);
  std::string distinct = "FROM x\n";
  for (int i = 1; i < 20'000; ++i)
    distinct += fmt::format("ENV A{}=$A{} B{}=$C{}\n", i, i - 1, i, i);
  EXPECT_EQ(places(distinct), kNone);
}

TEST(Lint, VariablesComeThroughALongChainOfStages) {
  std::string text = "FROM scratch AS s0\nENV V=1\n";
  for (int i = 1; i < 400; ++i) text += fmt::format("FROM s{} AS s{}\nENV W{}=$V\n", i - 1, i, i);
  EXPECT_EQ(places(text), kNone);
  EXPECT_EQ(places(text + "LABEL a=$V b=$W1 c=$W399 d=$none\n"), Strings{"UndefinedVar 801:28+5"});
}

TEST(CheckOptions, AreReadStrictly) {
  const CheckOptions options = parse_check_options(" skip=A, B ; error=True;experimental = all ");
  EXPECT_EQ(options.skip, (Strings{"A", "B"}));
  EXPECT_TRUE(options.error);
  EXPECT_TRUE(options.experimental_all);
  EXPECT_TRUE(parse_check_options("skip=all").skip_all);
  EXPECT_FALSE(parse_check_options("error=0").error);
  for (const char* bad : {"skip", "skp=all", "error=yes", "all", "=1"}) {
    EXPECT_THROW(parse_check_options(bad), base::Error) << bad;
  }
  try {
    const SourceText source("C", "# check=eror=true\nFROM scratch\n");
    check_options_of(source, parse(source));
    ADD_FAILURE();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.position()->line, 1);
    EXPECT_EQ(error.hint(), "did you mean error=…?");
  }
}

}  // namespace
}  // namespace bld::dockerfile
