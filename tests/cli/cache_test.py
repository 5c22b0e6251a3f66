"""The step cache: what did not change is not executed again, what did is."""

import os

from support import CliTest, main

MARK = "RUN head -c 16 /dev/urandom | od -An -tx1 > /mark\n"


class Cache(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.number = 0

    def mark(self, image="t"):
        """The random bytes that the RUN in question wrote."""
        self.number += 1
        return self.bld.layout(image, self.dir / f"out{self.number}").files()["/mark"].data

    def test_an_unchanged_rebuild_executes_nothing(self):
        context = self.context("FROM localhost/busybox\nCOPY a /a\n" + MARK + "ENV X=1\nRUN cat /a\n", {"a": "a"})
        first = self.bld.build(context, "-t", "t")
        mark = self.mark()
        second = self.bld.build(context, "-t", "t")
        self.assertEqual(first, second)
        self.assertEqual(self.mark(), mark)

    def test_touching_a_file_changes_nothing(self):
        context = self.context("FROM localhost/busybox\nCOPY a /a\n" + MARK, {"a": "a"})
        self.bld.build(context, "-t", "t")
        mark = self.mark()
        os.utime(context / "a", (1, 1))
        self.bld.build(context, "-t", "t")
        self.assertEqual(self.mark(), mark)

    def test_what_makes_a_difference(self):
        base = "FROM localhost/busybox\nARG ONE=1\nCOPY a /a\n"
        context = self.context(base + MARK, {"a": "a"})
        self.bld.build(context, "-t", "t")
        seen = {self.mark()}

        def changed(*args):
            self.bld.build(context, "-t", "t", *args)
            mark = self.mark()
            self.assertNotIn(mark, seen)
            seen.add(mark)

        (context / "a").write_text("b")
        changed()
        (context / "a").chmod(0o755)
        changed()
        changed("--build-arg", "ONE=2")
        changed("--no-cache")
        (context / "Containerfile").write_text(base + "ENV E=1\n" + MARK)
        changed()
        (context / "Containerfile").write_text(base + "ENV E=1\nUSER 5\nUSER 0\nWORKDIR /tmp\n" + MARK)
        changed()

    def test_a_file_that_is_not_copied_changes_nothing(self):
        context = self.context("FROM localhost/busybox\nCOPY a /a\n" + MARK, {"a": "a", "b": "b"})
        self.bld.build(context, "-t", "t")
        mark = self.mark()
        (context / "b").write_text("other")
        self.bld.build(context, "-t", "t")
        self.assertEqual(self.mark(), mark)

    def test_a_changed_file_of_the_same_size_is_seen(self):
        context = self.context("FROM localhost/busybox\nCOPY a /a\n" + MARK, {"a": "one"})
        marks = set()
        for content in ("one", "two", "six", "ten"):
            (context / "a").write_text(content)
            self.bld.build(context, "-t", "t")
            self.assertEqual(self.bld.layout("t", self.dir / content).files()["/a"].data.decode(), content)
            marks.add(self.mark())
        self.assertEqual(len(marks), 4)

    def test_a_stage_with_the_same_result_rebuilds_nothing_after_it(self):
        def context(comment):
            return self.context(f"FROM localhost/busybox AS a\nRUN echo {comment} > /dev/null; echo same > /out; touch -d @1 /out\n"
                                "FROM localhost/busybox\nCOPY --from=a /out /out\n" + MARK)
        self.bld.build(context("one"), "-t", "t")
        mark = self.mark()
        self.bld.build(context("two"), "-t", "t")
        self.assertEqual(self.mark(), mark)

    def test_cached_steps_are_shown(self):
        context = self.context("FROM localhost/busybox\n" + MARK)
        self.bld.build(context, "-t", "t")
        again = self.bld("build", "-t", "t", context)
        self.assertIn("Using cache", again.stdout)

    def test_unused_stages_are_not_built(self):
        context = self.context("FROM localhost/busybox AS broken\nRUN false\nFROM localhost/busybox AS good\nRUN true\n"
                               "FROM localhost/busybox AS last\nRUN false\n")
        self.bld.build(context, "--target", "good")


if __name__ == "__main__":
    main()
