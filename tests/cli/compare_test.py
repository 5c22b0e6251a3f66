"""The comparison of scripts/compare, as far as it is quick: some of its cases by bld and by Debian's buildah. And that
docs/differences.md has the reason of each difference that a case lists."""

import sys
import unittest

from support import TOP, main, need, remove_tree, scratch_directory

sys.path.insert(0, str(TOP / "tests" / "compare"))
import compare  # noqa: E402

QUICK = ("copy-directories", "copy-links-in-source", "ignore-negation", "multi-stage")


class Compare(unittest.TestCase):
    maxDiff = None

    def test_quick_cases(self):
        need("buildah")
        place = scratch_directory()
        self.addCleanup(remove_tree, place)
        builders = compare.start_builders(place, with_buildah=True)
        for case in compare.cases(QUICK):
            with self.subTest(case.name):
                self.assertEqual(compare.compare(case, builders, place / f"case-{case.name}").unexpected, [])

    def test_each_difference_has_its_reason_in_the_docs(self):
        listed = [expected for case in compare.cases() for expected in case.expected] + compare.everywhere()
        self.assertEqual({expected.reason for expected in listed}, compare.reasons())


if __name__ == "__main__":
    main()
