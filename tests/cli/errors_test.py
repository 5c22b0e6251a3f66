"""How errors look: the whole of what is written to standard error, word for word."""

from support import CliTest, environment, main, run

BASE = "FROM localhost/busybox AS build\n"


class Errors(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()

    def assert_shown(self, containerfile, expected, *, args=("-q",), files=None, status=125, env=None):
        """`expected` begins with a line break, so that it can be written as it looks."""
        context = self.context(containerfile, files)
        done = self.bld("build", *args, context, ok=False, env=environment(**(env or {})))
        self.assertEqual(done.stderr, expected.lstrip("\n"))
        self.assertEqual(done.returncode, status)


class InTheLanguage(Errors):
    def test_an_unknown_instruction(self):
        self.assert_shown(BASE + "\n# what is wrong\nRUNN echo hi\nRUN true\n", """
Error: Containerfile:4:1: unknown instruction: RUNN
    3 | # what is wrong
    4 | RUNN echo hi
      | ^^^^
    5 | RUN true
hint: did you mean RUN?
""")

    def test_a_word_on_a_continuation_line(self):
        self.assert_shown(BASE + "ENV A=1 \\\n\tB \\\n\tC=3\nRUN true\n", """
Error: Containerfile:3:2: there is no = in 'B': ENV takes NAME=value (in the ENV of line 2)
    1 | FROM localhost/busybox AS build
    2 | ENV A=1 \\
    3 |     B \\
      |     ^
    4 |     C=3
    5 | RUN true
hint: a value with blanks needs quotes
""")

    def test_a_heredoc_with_wide_characters(self):
        self.assert_shown(BASE + "COPY <<A <<B /x/\na\nA\n漢字\t${x:^y}\nB\n", """
Error: Containerfile:5:8: unsupported modifier (:^) in ${x:^ (in the COPY of line 2)
    3 | a
    4 | A
    5 | 漢字    ${x:^y}
      |         ^^^^^
    6 | B
hint: the modifiers are :- - :+ + :? ? # ## % %% / and //
""")


class InTheBuild(Errors):
    def test_several_errors_in_the_order_of_the_file(self):
        self.assert_shown(BASE + "COPY --form=x a b\nRUN true\n\n\nCOPY --from=7 a b\n\n\nCPOY a b\n", """
Error: Containerfile:2:6: COPY has no flag --form
    1 | FROM localhost/busybox AS build
    2 | COPY --form=x a b
      |      ^^^^^^^^
    3 | RUN true
hint: did you mean --from?

Error: Containerfile:6:6: there is no stage 7 above this one, which is stage 0
    6 | COPY --from=7 a b
      |      ^^^^^^^^

Error: Containerfile:9:1: unknown instruction: CPOY
    9 | CPOY a b
      | ^^^^
hint: did you mean COPY?
""")

    def test_sources_that_are_not_there(self):
        self.assert_shown(BASE + "COPY app.conf \\\n     ap.txt /x/\nRUN true\nCOPY scr/main.c /\n", """
Error: Containerfile:3:6: "/ap.txt": not found
    1 | FROM localhost/busybox AS build
    2 | COPY app.conf \\
    3 |      ap.txt /x/
      |      ^^^^^^
    4 | RUN true
    5 | COPY scr/main.c /
hint: did you mean app.txt?

Error: Containerfile:5:6: "/scr/main.c": not found
    3 |      ap.txt /x/
    4 | RUN true
    5 | COPY scr/main.c /
      |      ^^^^^^^^^^
hint: did you mean src/main.c?
""", files={"app.conf": "", "app.txt": "", "src/main.c": ""})

    def test_a_base_with_a_variable_that_has_no_value(self):
        for text, said in (("FROM localhost/busybox:$TAG\n", "TAG is not set: FROM knows what ARG TAG declares above"),
                           ("FROM localhost/busybox:$TAG\nARG TAG=latest\n", "TAG is not set"),
                           ("ARG VERSION\nFROM localhost/busybox:$VERSOIN\n", "did you mean $VERSION?"),
                           ("ARG TAG\nFROM localhost/busybox:$TAG\n", "give it with --build-arg TAG=…")):
            with self.subTest(text):
                self.assertIn(said, self.bld("build", self.context(text), ok=False).stderr)
        self.assert_shown("FROM --platform=linux/x68 localhost/busybox\n", """
Error: Containerfile:1:6: "linux/x68" is not a platform
    1 | FROM --platform=linux/x68 localhost/busybox
      |      ^^^^^^^^^^^^^^^^^^^^
hint: a platform is OS/ARCHITECTURE[/VARIANT], for example linux/arm64
""")

    def test_slips_in_copy(self):
        for line, said in (("COPY app.txt /x # why\n", "a comment has a line of its own"), ("COPY ../up.txt /x\n", '".." does not lead out')):
            with self.subTest(line):
                self.assertIn(said, self.bld("build", self.context(BASE + line, {"app.txt": ""}), ok=False).stderr)
        done = self.bld("build", self.context(BASE + "RUN echo ran\nCOPY --chmod=888 app.txt /x\n"), ok=False)
        self.assertIn("Containerfile:3:6: --chmod", done.stderr)
        self.assertNotIn("ran\n", done.stdout)

    def test_a_wrong_value_of_a_variable_is_told_where_it_is_used(self):
        for line, place in (("EXPOSE 80 $V", "3:11"), ("STOPSIGNAL $V", "3:12"), ("COPY --chmod=$V app.txt /x", "3:6")):
            with self.subTest(line):
                done = self.bld("build", self.context(BASE + "ARG V=what\n" + line + "\n", {"app.txt": ""}), ok=False)
                self.assert_fails(done, f"Containerfile:{place}: ", "what")

    def test_a_failing_script_is_named(self):
        done = self.bld("build", self.context(BASE + "RUN <<E\n#!/bin/sh -e\nfalse\nE\n"), ok=False)
        self.assertIn('the script "#!/bin/sh -e" failed with exit code: 1', done.stderr)

    def test_an_ignored_source(self):
        self.assert_shown(BASE + "COPY hidden.txt /x/\n", """
Error: Containerfile:2:6: "/hidden.txt": not found
    1 | FROM localhost/busybox AS build
    2 | COPY hidden.txt /x/
      |      ^^^^^^^^^^
hint: it is hidden by line 2 of .containerignore: hid*
""", files={"hidden.txt": "", ".containerignore": "# secrets\nhid*\n"})

    def test_an_unknown_owner(self):
        self.assert_shown(BASE + "COPY --chown=nobdy a /x/\n", """
Error: Containerfile:2:6: user "nobdy" is not in the image's /etc/passwd
    1 | FROM localhost/busybox AS build
    2 | COPY --chown=nobdy a /x/
      |      ^^^^^^^^^^^^^
hint: did you mean nobody?
""", files={"a": ""})

    def test_an_unknown_user(self):
        self.assert_shown(BASE + "USER 0:stuff\nENV A=1\nRUN true\n", """
Error: Containerfile:2:6: group "stuff" is not in the image's /etc/group
    1 | FROM localhost/busybox AS build
    2 | USER 0:stuff
      |      ^^^^^^^
    3 | ENV A=1
    4 | RUN true
hint: the image has no /etc/group; a number needs none
""")

    def test_a_misspelt_stage(self):
        self.assert_shown(BASE + "FROM scratch\nCOPY --from=biuld /bin/sh /x\n", """
Error: Containerfile:3:6: biuld: image not known
    1 | FROM localhost/busybox AS build
    2 | FROM scratch
    3 | COPY --from=biuld /bin/sh /x
      |      ^^^^^^^^^^^^
hint: did you mean the stage build?
""", args=("-q", "--pull=never"))
        self.assert_shown(BASE + "FROM biuld\n", """
Error: Containerfile:2:6: biuld: image not known
    1 | FROM localhost/busybox AS build
    2 | FROM biuld
      |      ^^^^^
hint: did you mean the stage build?
""", args=("-q", "--pull=never"))

    def test_a_stage_that_comes_later(self):
        self.assert_shown(BASE + "COPY --from=later /bin/sh /x\nFROM scratch AS later\nFROM build\n", """
Error: Containerfile:2:6: later: image not known
    1 | FROM localhost/busybox AS build
    2 | COPY --from=later /bin/sh /x
      |      ^^^^^^^^^^^^
    3 | FROM scratch AS later
    4 | FROM build
hint: the stage later comes later in the file, and only stages above can be used
""", args=("-q", "--pull=never"))

    def test_a_required_variable(self):
        self.assert_shown(BASE + "ARG VERSION=1\nLABEL version=${VERSOIN:?}\n", """
Error: Containerfile:3:7: VERSOIN: is not allowed to be unset
    1 | FROM localhost/busybox AS build
    2 | ARG VERSION=1
    3 | LABEL version=${VERSOIN:?}
      |       ^^^^^^^^^^^^^^^^^^^^
hint: did you mean VERSION?
""")


class OfACommand(Errors):
    FAILING = "RUN for i in $(seq 25); do \\\n        echo line $i; \\\n    done; \\\n    exit 3\n"
    LINES = "".join(f"line {i}\n" for i in range(6, 26))

    def test_alone(self):
        self.assert_shown(BASE + self.FAILING, self.LINES + """\
Error: Containerfile:2:1: the command "/bin/sh -c for i in $(seq 25); do         echo line $i;     done;     exit 3" failed with exit code: 3
    1 | FROM localhost/busybox AS build
    2 | RUN for i in $(seq 25); do \\
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    3 |         echo line $i; \\
    4 |     done; \\
    5 |     exit 3
""", status=3)

    def test_the_chain_of_stages(self):
        self.assert_shown(BASE + self.FAILING + "FROM scratch AS mid\nCOPY --from=build /bin/sh /x\nFROM mid AS final\n", self.LINES + """\
Error: Containerfile:2:1: the command "/bin/sh -c for i in $(seq 25); do         echo line $i;     done;     exit 3" failed with exit code: 3
    1 | FROM localhost/busybox AS build
    2 | RUN for i in $(seq 25); do \\
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    3 |         echo line $i; \\
    4 |     done; \\
    5 |     exit 3
note: in stage build ← COPY --from=build at Containerfile:7 ← stage mid ← FROM mid at Containerfile:8 ← target final
""", status=3)

    def test_in_the_target(self):
        self.assert_shown(BASE + "FROM build\nRUN exit 4\n", """
Error: Containerfile:3:1: the command "/bin/sh -c exit 4" failed with exit code: 4
    1 | FROM localhost/busybox AS build
    2 | FROM build
    3 | RUN exit 4
      | ^^^^^^^^^^
note: in target 1
""", status=4)

    def test_what_was_shown_is_not_repeated(self):
        context = self.context(BASE + "RUN echo once; false\n")
        for progress, shown in (("plain", "stderr"), ("auto", "stdout"), ("quiet", "stderr")):
            with self.subTest(progress):
                done = self.bld("build", f"--progress={progress}", context, ok=False)
                self.assertEqual(getattr(done, shown).replace("echo once", "").count("once"), 1)


class ForOthers(Errors):
    def test_annotations_of_github(self):
        self.assert_shown(BASE + "RUNN 100%\nCOPY --from=build /a /b\n", """
Error: Containerfile:2:1: unknown instruction: RUNN
    1 | FROM localhost/busybox AS build
    2 | RUNN 100%
      | ^^^^
    3 | COPY --from=build /a /b
hint: did you mean RUN?

Error: Containerfile:3:6: circular dependency: the stage build uses itself
    1 | FROM localhost/busybox AS build
    2 | RUNN 100%
    3 | COPY --from=build /a /b
      |      ^^^^^^^^^^^^
::error file=Containerfile,line=2,col=1::unknown instruction: RUNN%0Ahint: did you mean RUN?
::error file=Containerfile,line=3,col=6::circular dependency: the stage build uses itself
""", env={"GITHUB_ACTIONS": "true"})

    def test_a_file_is_named_as_seen_from_here(self):
        context = self.context("FROM scratch\n", {"sub/My.file": "RUNN\n"})
        for cwd, shown in ((context, "sub/My.file"), (context / "sub", "My.file"), ("/", str(context)[1:] + "/sub/My.file"),
                           (self.dir / "store", "My.file")):
            done = run(self.bld.command("build", "-f", context / "sub" / "My.file", context), ok=False, cwd=cwd,
                       env=environment(GITHUB_ACTIONS="true"))
            self.assertIn(f"Error: {shown}:1:1: unknown instruction", done.stderr)
            self.assertIn(f"::error file={shown},line=1,col=1::", done.stderr)

    def test_a_warning_is_annotated_too(self):
        context = self.context("FROM scratch\nLABEL a=$none\n")
        done = self.bld("build", context, env=environment(GITHUB_ACTIONS="true"))
        self.assertEqual(done.stderr, """\
[Warning] Containerfile:2:9: UndefinedVar: Usage of undefined variable '$none'
::warning file=Containerfile,line=2,col=9::UndefinedVar: Usage of undefined variable '$none'
""")

    def test_colours_are_for_terminals(self):
        context = self.context("RUNN\n")
        forced = self.bld("build", context, ok=False, env=environment(CLICOLOR_FORCE="1"))
        self.assertIn("\x1b[1;31mError: \x1b[0m", forced.stderr)
        self.assertNotIn("\x1b", self.bld("build", context, ok=False).stderr)


if __name__ == "__main__":
    main()
