#include "cmd/go_template.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::cmd {
namespace {

Value sample() {
  const Value labels = Value::map(std::map<std::string, std::string>{{"b", "2"}, {"a", "1"}});
  const Value config = Value::Record{{{"Env", "env", Value::list({"A=1", "B=2"})},
                                      {"Labels", "", labels},
                                      {"User", "user", "", Value::Omit::kIfEmpty}}};
  return Value::Record{{{"Name", "", "app"},
                        {"Count", "", 3},
                        {"Config", "", config},
                        {"None", "", Value()},
                        {"Yes", "", true}}};
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

TEST(GoTemplate, SaysWhatIsWrong) {
  EXPECT_NE(error_of("{{.Nosuch}}").find("can't evaluate field Nosuch"), std::string::npos);
  EXPECT_NE(error_of("{{nosuch .}}").find("function \"nosuch\" not defined"), std::string::npos);
  EXPECT_NE(error_of("{{.Name").find("unclosed action"), std::string::npos);
  EXPECT_NE(error_of("{{if .Name}}").find("without {{end}}"), std::string::npos);
  EXPECT_NE(error_of("{{end}}").find("unexpected {{end}}"), std::string::npos);
  EXPECT_NE(error_of("{{index .Config.Env 7}}").find("out of range"), std::string::npos);
  EXPECT_NE(error_of("{{$x}}").find("undefined variable"), std::string::npos);
  EXPECT_NE(error_of("{{range .Name}}{{end}}").find("can't iterate"), std::string::npos);
}

TEST(GoTemplate, DepthIsBounded) {
  std::string nested;
  for (int i = 0; i < 100000; ++i) nested += "{{if true}}";
  EXPECT_NE(error_of(nested).find("nested too deeply"), std::string::npos);
  EXPECT_NE(error_of("{{" + std::string(100000, '(') + "}}").find("nested too deeply"),
            std::string::npos);
}

TEST(GoTemplate, UnescapesWhatShellsLeave) { EXPECT_EQ(unescaped(R"(a\tb\n\x)"), "a\tb\n\\x"); }

}  // namespace
}  // namespace bld::cmd
