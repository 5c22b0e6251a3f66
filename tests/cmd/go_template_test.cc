#include "cmd/go_template.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::cmd {
namespace {

Value sample() {
  const Value labels = Value::map(std::map<std::string, std::string>{{"b", "2"}, {"a", "1"}});
  const Value config = Value::Record{.fields = {{"Env", "env", Value::list({"A=1", "B=2"})},
                                                {"Labels", "", labels},
                                                {"User", "user", "", Value::Omit::kIfEmpty}},
                                     .type = "v1.Config"};
  const Value check = Value::Record{.fields = {{"Every", "", Value::Duration{90'500'000'000}}},
                                    .type = "v1.Check",
                                    .is_pointer = true};
  Value::Field inner{"Inner", "",
                     Value::Record{.fields = {{"Deep", "deep", "down"}}, .type = "v1.Inner"}};
  inner.is_embedded = true;
  return Value::Record{.fields = {{"Name", "", "app"},
                                  {"Count", "", 3},
                                  {"Config", "", config},
                                  {"None", "", Value()},
                                  {"Yes", "", true},
                                  {"Check", "", check},
                                  {"NoCheck", "", Value::NilPointer{"*v1.Check"}},
                                  std::move(inner)},
                       .type = "v1.App"};
}

std::string run(const std::string& text) { return Template::parse(text).run(sample()); }

std::string error_of(const std::string& text) {
  try {
    run(text);
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(GoTemplate, PrintsFieldsAsGoPrintsThem) {
  EXPECT_EQ(run("{{.Name}} {{.Count}} {{.Yes}}"), "app 3 true");
  EXPECT_EQ(run("{{.Config.Env}} {{.Config.Labels}}"), "[A=1 B=2] map[a:1 b:2]");
  EXPECT_EQ(run("{{.Config}}"), "{[A=1 B=2] map[a:1 b:2] }");
  EXPECT_EQ(run("{{.None}}"), "<no value>");
  EXPECT_EQ(run("{{.Config.Labels.nosuch}}"), "<no value>");
}

TEST(GoTemplate, FormatsAsPrintfDoes) {
  EXPECT_EQ(run(R"({{printf "%q %d %s %v%%" .Name .Count .Name .Yes}})"), R"("app" 3 app true%)");
  EXPECT_EQ(run(R"({{printf "%q" .Config.Labels}})"), R"(map["a":"1" "b":"2"])");
  EXPECT_EQ(run(R"({{printf "%q" .Config.Env}})"), R"(["A=1" "B=2"])");
  EXPECT_EQ(run(R"({{printf "%.2s|%5.1s|%c" .Name .Name 65}})"), "ap|    a|A");
  EXPECT_EQ(run(R"({{"\x41\t"}}{{slice .Name 1 2}}{{slice .Config.Env 1}})"), "A\tp[B=2]");
  EXPECT_EQ(run(R"({{printf "%-5s|%5s|%03d" .Name .Name .Count}})"), "app  |  app|003");
}

TEST(GoTemplate, RangesOverListsAndMaps) {
  EXPECT_EQ(run("{{range .Config.Env}}<{{.}}>{{end}}"), "<A=1><B=2>");
  EXPECT_EQ(run("{{range $i, $e := .Config.Env}}{{$i}}={{$e}};{{end}}"), "0=A=1;1=B=2;");
  EXPECT_EQ(run("{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}} {{end}}"), "a:1 b:2 ");
  EXPECT_EQ(run("{{range .None}}x{{else}}none{{end}}"), "none");
  EXPECT_EQ(run("{{range .Config.Env}}{{$.Name}}{{end}}"), "appapp");
}

TEST(GoTemplate, Decides) {
  EXPECT_EQ(run("{{if .Name}}yes{{else}}no{{end}}"), "yes");
  EXPECT_EQ(run("{{if .Config.User}}yes{{else if .Yes}}else{{end}}"), "else");
  EXPECT_EQ(run("{{if and .Yes (eq .Count 3)}}both{{end}}"), "both");
  EXPECT_EQ(run("{{if not .None}}not{{end}}{{if or .None .Name}}or{{end}}"), "notor");
  EXPECT_EQ(run("{{with .Config}}{{index .Env 1}}{{end}}"), "B=2");
}

TEST(GoTemplate, CallsFunctions) {
  EXPECT_EQ(run(R"({{index .Config.Labels "a"}})"), "1");
  EXPECT_EQ(run(R"({{index .Config.Labels "nosuch"}})"), "");
  EXPECT_EQ(run("{{len .Config.Env}}{{len .Name}}"), "23");
  EXPECT_EQ(run(R"({{join .Config.Env ","}})"), "A=1,B=2");
  EXPECT_EQ(run("{{.Name | upper | printf \"%s!\"}}"), "APP!");
  EXPECT_EQ(run("{{json .Config}}"), R"({"env":["A=1","B=2"],"Labels":{"a":"1","b":"2"}})");
  EXPECT_EQ(run("{{println .Name .Count}}"), "app 3\n");
}

TEST(GoTemplate, KeepsVariablesAndTrims) {
  EXPECT_EQ(run("{{$x := .Count}}{{if true}}{{$x = 4}}{{end}}{{$x}}"), "4");
  EXPECT_EQ(run("a  {{- .Name -}}  b"), "aappb");
  EXPECT_EQ(run("{{/* nothing */}}x"), "x");
  EXPECT_EQ(run("{{\"}}\"}}"), "}}");
}

TEST(GoTemplate, PointersShowWhatTheyPointTo) {
  EXPECT_EQ(run("{{.Check}} {{.Check.Every}} {{.NoCheck}}"), "{1m30.5s} 1m30.5s <nil>");
  EXPECT_EQ(run(R"({{printf "%v %d %q" .Check .Check.Every .Check.Every}})"),
            "&{1m30.5s} 90500000000 \"1m30.5s\"");
  EXPECT_EQ(run("{{if .Check}}yes{{end}}{{if .NoCheck}}no{{end}}"), "yes");
  EXPECT_EQ(
      error_of("{{.NoCheck.Every}}"),
      "template: format:1:10: executing \"format\" at <.NoCheck.Every>: nil pointer evaluating "
      "*v1.Check.Every");
}

TEST(GoTemplate, FindsWhatIsEmbedded) {
  EXPECT_EQ(run("{{.Deep}} {{.Inner.Deep}} {{.Inner}}"), "down down {down}");
  EXPECT_EQ(sample().json().str().find("Inner"), std::string::npos);
}

TEST(GoTemplate, PrintfKnowsGosVerbs) {
  EXPECT_EQ(run(R"({{printf "%+v" .Config}})"), "{Env:[A=1 B=2] Labels:map[a:1 b:2] User:}");
  EXPECT_EQ(run(R"({{printf "%#v %#v" .Config.Env .Name}})"), R"([]string{"A=1", "B=2"} "app")");
  EXPECT_EQ(run(R"({{printf "%T %T %T" .Config .Check .Config.Labels}})"),
            "v1.Config *v1.Check map[string]string");
  EXPECT_EQ(run(R"({{printf "%x|%X|%08b|%o|%+d|%6.2f|%e" .Name 255 5 8 3 1.5 1.5}})"),
            "617070|FF|00000101|10|+3|  1.50|1.500000e+00");
  EXPECT_EQ(run(R"({{printf "%d %s %t" .Name .Count .Yes}})"), "%!d(string=app) %!s(int=3) true");
  EXPECT_EQ(run(R"({{printf "%s %s" .Name}} {{printf "%s" .Name 5}} {{printf "%"}})"),
            "app %!s(MISSING) app%!(EXTRA int=5) %!(NOVERB)");
  EXPECT_EQ(run(R"({{printf "%5s|%-6s|%.1s" "äö" "äö" "äö"}})"), "   äö|äö    |ä");
}

TEST(GoTemplate, DefinesAndCallsTemplates) {
  EXPECT_EQ(run(R"({{define "T"}}[{{.}}{{$}}]{{end}}{{template "T" .Name}}{{template "T" 1}})"),
            "[appapp][11]");
  EXPECT_EQ(run(R"({{block "B" .Config}}{{.Env}}{{end}})"), "[A=1 B=2]");
  EXPECT_NE(error_of(R"({{define "T"}}{{template "T"}}{{end}}{{template "T"}})").find("depth"),
            std::string::npos);
  EXPECT_NE(error_of(R"({{template "no"}})").find("template \"no\" not defined"),
            std::string::npos);
}

TEST(GoTemplate, LeavesLoops) {
  EXPECT_EQ(run("{{range .Config.Env}}{{.}}{{break}}{{end}}"), "A=1");
  EXPECT_EQ(run(R"({{range .Config.Env}}{{if eq . "A=1"}}{{continue}}{{end}}{{.}}{{end}})"), "B=2");
}

// In Go's words, which scripts look for.
TEST(GoTemplate, SaysWhatIsWrong) {
  const std::string parsing = "Template parsing error: template: format:1: ";
  EXPECT_EQ(
      error_of("{{.Nosuch}}"),
      "template: format:1:2: executing \"format\" at <.Nosuch>: can't evaluate field Nosuch in "
      "type v1.App");
  EXPECT_EQ(
      error_of("a\nb {{.Config.Env.X}}"),
      "template: format:2:11: executing \"format\" at <.Config.Env.X>: can't evaluate field X in "
      "type []string");
  EXPECT_EQ(
      error_of("{{index .Config.Env 7}}"),
      "template: format:1:2: executing \"format\" at <index .Config.Env 7>: error calling index: "
      "index out of range: 7");
  EXPECT_EQ(error_of("{{nosuch .}}"), parsing + "function \"nosuch\" not defined");
  EXPECT_EQ(error_of("{{.Name"), parsing + "unclosed action");
  EXPECT_EQ(error_of("{{if .Name}}"), parsing + "unexpected EOF");
  EXPECT_EQ(error_of("{{end}}"), parsing + "unexpected {{end}}");
  EXPECT_EQ(error_of("{{$x}}"), parsing + "undefined variable \"$x\"");
  EXPECT_EQ(error_of("{{if true}}{{$y := 1}}{{end}}{{$y}}"), parsing + "undefined variable \"$y\"");
  EXPECT_EQ(error_of("{{break}}"), parsing + "{{break}} outside {{range}}");
  EXPECT_NE(error_of("{{range .Name}}{{end}}").find("<.Name>: range can't iterate over app"),
            std::string::npos);
  EXPECT_NE(error_of("{{len}}").find("wrong number of args for len: want 1 got 0"),
            std::string::npos);
  EXPECT_NE(error_of("{{eq .Name 1}}").find("incompatible types for comparison"),
            std::string::npos);
}

TEST(GoTemplate, DepthIsBounded) {
  std::string nested;
  for (int i = 0; i < 100000; ++i) nested += "{{if true}}";
  EXPECT_NE(error_of(nested).find("nested too deeply"), std::string::npos);
  EXPECT_NE(error_of("{{" + std::string(100000, '(') + "}}").find("max expression depth exceeded"),
            std::string::npos);
}

TEST(GoTemplate, UnescapesWhatShellsLeave) { EXPECT_EQ(unescaped(R"(a\tb\n\x)"), "a\tb\n\\x"); }

}  // namespace
}  // namespace bld::cmd
