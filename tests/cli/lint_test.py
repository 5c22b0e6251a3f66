"""bld lint, bld build --check and --call, and lint while building."""

import base64
import json

from support import BLD, CliTest, main, run

ODD = """# a comment of the file

ARG TAG=1
# final is it
FROM scratch as Final
MAINTAINER nobody
COPY a.txt $TAG $oops /
"""
RULES = ["FromAsCasing", "StageNameCasing", "MaintainerDeprecated", "UndefinedVar", "UndefinedVar"]
FINE = "FROM scratch\nCOPY a.txt /\n"


class Lint(CliTest):
    def lint(self, *args, input=None, cwd=None):
        return run([BLD, "--root", self.dir / "no-store", "lint", *args], ok=False, input=input,
                   cwd=cwd or self.dir)

    def rules(self, done):
        return [w["ruleName"] for w in json.loads(done.stdout)["warnings"]]

    def test_findings_have_place_caret_and_address(self):
        context = self.context(ODD)
        done = self.lint(cwd=context)
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = done.stdout.splitlines()
        at = lines.index("[Warning] Containerfile:5:17: StageNameCasing: Stage name 'Final' should be lowercase")
        shown, caret, url = lines[at + 1:at + 4]
        self.assertEqual(shown[caret.index("^"):][:5], "Final")
        self.assertEqual(caret.count("^"), 5)
        self.assertIn("https://docs.docker.com/reference/build/checks/stage-name-casing/", url)
        self.assertEqual(lines[-1], "5 findings.")
        self.assertFalse((self.dir / "no-store").exists(), "lint makes no store")

    def test_which_file(self):
        context = self.context(ODD, {"sub/Dockerfile": FINE})
        self.assertEqual(self.lint(context).returncode, 1)
        self.assertEqual(self.lint("--context", context / "sub").returncode, 0)
        self.assertEqual(self.lint(context / "sub").stdout, "No findings.\n")
        self.assertEqual(self.lint("-", input=FINE).returncode, 0)
        both = self.lint("--format=json", context / "sub" / "Dockerfile", context / "Containerfile")
        document = json.loads(both.stdout)
        self.assertEqual({w["location"]["sourceIndex"] for w in document["warnings"]}, {1})
        self.assertEqual([s["filename"] for s in document["sources"]],
                         [str(context / "sub" / "Dockerfile"), str(context / "Containerfile")])
        self.assert_fails(self.lint(), "no Containerfile or Dockerfile")
        self.assert_fails(self.lint("missing"), "missing", "no such file")

    def test_json_has_the_shape_of_docker(self):
        done = self.lint("--format=json", "-", input=ODD)
        self.assertEqual(self.rules(done), RULES)
        document = json.loads(done.stdout)
        [source] = document["sources"]
        self.assertEqual((source["filename"], base64.b64decode(source["data"]).decode()), ("-", ODD))
        warning = document["warnings"][1]
        self.assertEqual(warning["detail"], "Stage name 'Final' should be lowercase")
        self.assertEqual(warning["url"], "https://docs.docker.com/reference/build/checks/stage-name-casing/")
        self.assertEqual(warning["location"]["ranges"],
                         [{"start": {"line": 5, "character": 16}, "end": {"line": 5, "character": 21}}])

    def test_sarif(self):
        context = self.context("FROM scratch\nLABEL a=é b=$c\nRUNN x\n", {"f i.le": "FROM scratch\nLABEL a=é b=$c\n"})
        done = self.lint("--format=sarif", "f i.le", "Containerfile", cwd=context)
        self.assertEqual(done.returncode, 125)
        document = json.loads(done.stdout)
        self.assertEqual(document["version"], "2.1.0")
        self.assertIn("sarif-2.1.0", document["$schema"])
        [sarif] = document["runs"]
        self.assertEqual(sarif["tool"]["driver"]["name"], "bld")
        rules = {rule["id"]: rule for rule in sarif["tool"]["driver"]["rules"]}
        for rule in rules.values():
            self.assertTrue(rule["shortDescription"]["text"])
        finding, error = sarif["results"]
        self.assertEqual(finding["ruleId"], "UndefinedVar")
        self.assertEqual(finding["level"], "warning")
        place = finding["locations"][0]["physicalLocation"]
        self.assertEqual(place["artifactLocation"]["uri"], "f%20i.le")
        # Characters, not bytes.
        self.assertEqual(sarif["columnKind"], "unicodeCodePoints")
        self.assertEqual(place["region"], {"startLine": 2, "startColumn": 13, "endColumn": 15})
        self.assertEqual((error["ruleId"], error["level"]), ("ParseError", "error"))
        self.assertIn("RUNN", error["message"]["text"])
        self.assertTrue({finding["ruleId"], error["ruleId"]} <= set(rules))

    def test_errors_come_with_all_their_places(self):
        done = self.lint("-", input="FROM\nRUNN x\nCOPY a\n")
        self.assert_fails(done, "-:1:1", "-:2:1", "-:3:", "did you mean RUN?")
        self.assertEqual(done.stdout, "")
        document = json.loads(self.lint("--format=json", "-", input="FROM\nRUNN x\n").stdout)
        self.assertIn("FROM", document["buildError"]["message"])
        self.assertEqual(len(document["errors"]), 2)

    def test_rules_are_chosen(self):
        self.assertEqual(self.rules(self.lint("--format=json", "--skip=UndefinedVar,fromascasing", "-", input=ODD)),
                         ["StageNameCasing", "MaintainerDeprecated"])
        self.assertEqual(self.lint("--skip=all", "-", input=ODD).returncode, 0)
        self.assertEqual(self.lint("--error=false", "-", input=ODD).returncode, 0)
        self.assertEqual(self.lint("-", input="# check=skip=all\n" + ODD).returncode, 0)
        override = "--build-arg=BUILDKIT_DOCKERFILE_CHECK=skip=UndefinedVar"
        self.assertEqual(self.rules(self.lint("--format=json", override, "-", input="# check=skip=all\n" + ODD)),
                         [rule for rule in RULES if rule != "UndefinedVar"])
        described = "# no description\nFROM scratch AS a\n"
        self.assertEqual(self.lint("-", input=described).returncode, 0)
        self.assertEqual(self.rules(self.lint("--format=json", "--experimental=all", "-", input=described)),
                         ["InvalidDefinitionDescription"])
        self.assert_fails(self.lint("--skip=StageNameCasin", "-", input=ODD), "did you mean StageNameCasing?")
        self.assert_fails(self.lint("--format=xml", "-", input=ODD), "text, json or sarif")
        self.assert_fails(self.lint("-", input="# check=skp=all\n" + ODD), "-:1:", "did you mean skip=")

    def test_the_ignore_file_of_the_context(self):
        context = self.context("FROM scratch\nCOPY a.txt b.txt /\n", {".dockerignore": "b*\n"})
        done = self.lint("--format=json", cwd=context)
        self.assertEqual(self.rules(done), ["CopyIgnoredFile"])
        self.assertEqual(self.lint(context / "Containerfile").returncode, 0, "no context is known")
        self.assertEqual(self.lint("--context", context, context / "Containerfile").returncode, 1)


class Builds(CliTest):
    def check(self, context, *args, **options):
        return self.bld("bud", *args, context, ok=False, **options)

    def test_check_builds_nothing_and_says_what_lint_says(self):
        context = self.context(ODD, {"a.txt": ""})
        done = self.check(context, "--check", "-t", "never")
        self.assertEqual(done.returncode, 1, done.stderr)
        linted = run([BLD, "lint", context / "Containerfile"], ok=False)
        self.assertEqual(done.stdout, linted.stdout.replace(f"{context}/", ""))
        self.assertEqual(self.bld.images(), [])
        done = self.check(context, "--call=check,format=json")
        self.assertEqual(done.returncode, 1)
        self.assertEqual([w["ruleName"] for w in json.loads(done.stdout)["warnings"]], RULES)
        self.assertEqual(self.check(self.context(FINE), "--check").returncode, 0)
        self.assert_fails(self.check(self.context("FROM scratch\nRUNN x\n"), "--check"), "Containerfile:2:1")

    def test_a_target_narrows_the_check(self):
        context = self.context("FROM scratch AS a\nCMD a\nFROM scratch AS b\nCMD b\n")
        for target, count in (("", "2 findings."), ("a", "1 finding."), ("b", "1 finding.")):
            self.assertEqual(self.check(context, "--check", f"--target={target}").stdout.splitlines()[-1], count)

    def test_the_variables_of_the_base_are_known(self):
        self.bld.build(self.context("FROM scratch\nENV KNOWN=1\n"), "-t", "localhost/base")
        context = self.context("FROM localhost/base\nLABEL a=$KNOWN b=$ELSEWHERE\n")
        for done in (self.check(context, "--call=check,format=json"), self.bld("lint", "--format=json", context, ok=False)):
            warnings = json.loads(done.stdout)["warnings"]
            self.assertEqual([w["detail"] for w in warnings], ["Usage of undefined variable '$ELSEWHERE'"])
        done = self.check(context)
        self.assertEqual(done.returncode, 0)
        self.assertIn("UndefinedVar: Usage of undefined variable '$ELSEWHERE'", done.stderr)
        self.assertNotIn("$KNOWN'", done.stderr)

    def test_a_base_of_another_platform(self):
        self.bld.build(self.context("FROM scratch\nENV A=1\n"), "--platform=linux/s390x", "-t", "localhost/big")
        context = self.context("FROM localhost/big\nLABEL a=$A\n")
        [warning] = json.loads(self.check(context, "--call=check,format=json").stdout)["warnings"]
        self.assertEqual(warning["ruleName"], "InvalidBaseImagePlatform")
        self.assertIn('"linux/s390x"', warning["detail"])
        self.assertEqual(self.check(context, "--check", "--platform=linux/s390x").returncode, 0)

    def test_while_building_findings_are_lines(self):
        context = self.context("FROM scratch AS Final\nCOPY a.txt /\n", {"a.txt": ""})
        line = "[Warning] Containerfile:1:17: StageNameCasing: Stage name 'Final' should be lowercase"
        done = self.check(context)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([text for text in done.stderr.splitlines() if "Casing" in text], [line])
        self.assertNotIn("^", done.stderr)
        self.assertEqual(self.check(context, "--quiet").stderr, "")
        raw = [json.loads(text) for text in self.check(context, "--progress=rawjson").stderr.splitlines()]
        [warning] = [event for event in raw if event["type"] == "warning"]
        self.assertEqual((warning["rule"], warning["line"], warning["column"]), ("StageNameCasing", 1, 17))

    def test_many_findings_are_cut_short(self):
        context = self.context("FROM scratch\n" + "ENV a b\n" * 50)
        done = self.check(context)
        self.assertEqual(done.stderr.count("LegacyKeyValueFormat"), 20)
        self.assertIn("lint has 30 more findings", done.stderr)

    def test_error_true_fails_the_build(self):
        odd = "FROM scratch AS Final\nMAINTAINER nobody\n"
        for text, args in (("# check=error=true\n" + odd, ()),
                           (odd, ("--build-arg", "BUILDKIT_DOCKERFILE_CHECK=error=true"))):
            done = self.check(self.context(text), *args)
            self.assert_fails(done, "StageNameCasing", "MaintainerDeprecated", "^^^^^")
            self.assertEqual(self.bld.images(), [])
        self.assertEqual(self.check(self.context("# check=error=true;skip=all\n" + odd)).returncode, 0)
        # bld's own rules are no part of it: what builds elsewhere builds here.
        own = "# check=error=true\nFROM scratch AS a\nENV A=1\nCMD [\"x\", \"$A\"]\n"
        self.assertEqual(self.check(self.context(own)).returncode, 0)
        self.assertEqual(self.check(self.context(own), "--check").returncode, 1)
        self.assert_fails(self.check(self.context("# check=eror=1\n" + odd)), "Containerfile:1:3", "invalid check option")

    def test_calls(self):
        context = self.context("# V of it\nARG V=1\n# one builds\nFROM localhost/x:$V AS one\nARG MODE\n"
                               "FROM one\nRUN --mount=type=secret,id=s,required --mount=type=ssh y\n")
        done = self.check(context, "--call", "targets")
        self.assertEqual([line.rstrip() for line in done.stdout.splitlines()],
                         ["TARGET        BASE             DESCRIPTION",
                          "one           localhost/x:$V   builds",
                          "1 (default)   one"])
        targets = json.loads(self.check(context, "--call=targets,format=json").stdout)["targets"]
        self.assertEqual([(t.get("name"), t.get("default"), t.get("description"), t["base"]) for t in targets],
                         [("one", None, "builds", "localhost/x:$V"), (None, True, None, "one")])
        done = self.check(context, "--call=outline", "--build-arg", "MODE=fast")
        self.assertEqual([line.split() for line in done.stdout.splitlines()],
                         [["TARGET:", "(default)"], [], ["BUILD", "ARG", "VALUE", "DESCRIPTION"],
                          ["V", "1", "of", "it"], ["MODE", "fast"], [], ["SECRET", "REQUIRED"], ["s", "true"],
                          [], ["SSH", "REQUIRED"], ["default"]])
        outline = json.loads(self.check(context, "--call=outline,format=json", "--target=one").stdout)
        self.assertEqual(outline["name"], "one")
        self.assertEqual([(a["name"], a.get("value"), a.get("description")) for a in outline["args"]],
                         [("V", "1", "of it"), ("MODE", None, None)])
        self.assertNotIn("secrets", outline)
        self.assert_fails(self.check(context, "--call=outline", "--target=none"), "none", "one")
        self.assert_fails(self.check(context, "--call=targts"), "did you mean targets?")
        self.assertEqual(self.check(self.context(FINE, {"a.txt": ""}), "--call=build").returncode, 0)


if __name__ == "__main__":
    main()
