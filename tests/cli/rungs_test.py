"""The table of docs/isolation.md is true: each feature on the rungs that can be had here. scripts/test runs this file twice,
the second time as root. What stands for `docker run` is root with Docker's capabilities; scripts/rungs takes Docker itself."""

import shutil
import unittest

import rungs
from support import is_root, main


class Rungs(unittest.TestCase):
    maxDiff = None

    def check(self, rung, column):
        documented = rungs.documented()[column]
        with rung() as here:
            results = rungs.try_features(here, with_slow=False)
        wrong = {}
        for title, _, slow, machine in rungs.FEATURES:
            if slow:
                continue
            kind, why = results[title]
            if kind == "skipped":
                print(f"{title}: skipped: {why}")
            elif kind != documented.get(title) and not (machine and {kind, documented.get(title)} == {"yes", "warning"}):
                wrong[title] = f"{kind} ({why}), documented: {documented.get(title)}"
        self.assertEqual(wrong, {})

    @unittest.skipIf(is_root(), "only as an ordinary user")
    def test_a_user_with_ranges(self):
        self.check(rungs.Ranges, "ranges")

    @unittest.skipIf(is_root(), "only as an ordinary user")
    def test_a_user_with_one_id(self):
        self.check(rungs.Single, "single")

    @unittest.skipUnless(is_root(), "only as root")
    def test_root(self):
        self.check(rungs.Root, "root")

    @unittest.skipUnless(is_root() and shutil.which("setpriv"), "only as root")
    def test_a_container_without_rights(self):
        self.check(rungs.Chroot, "docker")

    def test_every_feature_is_in_the_document(self):
        titles = [title for title, *_ in rungs.FEATURES]
        for column in rungs.documented().values():
            self.assertEqual(list(column), titles)


if __name__ == "__main__":
    main()
