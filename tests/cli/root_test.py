"""The same binary as root: scripts/test runs this file in its second pass."""

import unittest

from support import CliTest, is_root, main


@unittest.skipUnless(is_root(), "only as root")
class Root(CliTest):
    def test_hello(self):
        self.bld.build(self.example("hello"), "-t", "hello")
        self.assertEqual(self.in_image("hello", "cat", "/greeting"), "Hello from bld!\n")

    def test_users_and_files(self):
        self.bld.import_busybox()
        self.bld.build(self.context("FROM localhost/busybox\nRUN touch /f && chown 70000:80000 /f\nUSER 65534\n"
                                    "RUN test $(id -u) = 65534 && touch /tmp/mine\n"), "-t", "t")
        files = self.bld.layout("t", self.dir / "out").files()
        self.assertEqual((files["/f"].uid, files["/f"].gid), (70000, 80000))
        self.assertEqual(files["/tmp/mine"].uid, 65534)

    def test_cache(self):
        self.bld.import_busybox()
        context = self.context("FROM localhost/busybox\nRUN cat /proc/sys/kernel/random/uuid > /mark\n")
        self.assertEqual(self.bld.build(context), self.bld.build(context))


if __name__ == "__main__":
    main()
