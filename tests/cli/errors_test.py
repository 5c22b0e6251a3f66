"""How errors look: the whole of what is written to standard error, word for word."""

from support import CliTest, environment, main

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
""")


if __name__ == "__main__":
    main()
