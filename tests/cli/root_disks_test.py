"""The store on disks of its own: each kind of file system, and machines that lose their power. As root, with loop devices.

Where the power is lost, the file that the disk lies in is copied while the disk is mounted: what bld wrote and nobody has
synced is not in it. The copy, mounted, is what a machine finds when it comes up again."""

import os
import sys
import time
import unittest

import crash_test
from filesystem_test import try_everywhere
from support import CliTest, is_root, main, need, run

OWN_MOUNTS = "BLD_TEST_HAS_OWN_MOUNTS"
KINDS = ("ext4", "xfs", "btrfs")


class Disk:
    """A file system in a file, mounted on a directory."""

    def __init__(self, kind, place):
        self.kind, self.file, self.mounted = kind, place / "disk", place / "mounted"
        self.was_mounted = False
        self.mounted.mkdir()
        with open(self.file, "w") as file:
            file.truncate(400 << 20)
        run([f"mkfs.{kind}", "-q", self.file])

    def mount(self):
        # Nothing reaches the disk for being old.
        options = {"ext4": "loop,commit=300", "btrfs": "loop,commit=300", "xfs": "loop"}[self.kind]
        done = run(["mount", "-t", self.kind, "-o", options, self.file, self.mounted], ok=False)
        if done.returncode != 0 and not self.was_mounted:
            raise unittest.SkipTest(f"{self.kind} cannot be mounted: {done.stderr}")
        assert done.returncode == 0, done.stderr
        self.was_mounted = True

    def unmount(self):
        if os.path.ismount(self.mounted):
            run(["umount", self.mounted])

    def copy(self, target):
        """As it is at one moment: a copy during which something was written is none."""
        while True:
            before = self.file.stat().st_mtime_ns
            run(["cp", "--sparse=always", self.file, target])
            time.sleep(0.01)
            if self.file.stat().st_mtime_ns == before:
                return

    def become(self, other):
        """Another file takes the place: what a loop device still writes to this one is lost."""
        self.unmount()
        other.rename(self.file)
        self.mount()

    def replace(self, source):
        fresh = self.file.with_suffix(".fresh")
        run(["cp", "--sparse=always", source, fresh])
        self.become(fresh)

    def lose_power(self):
        lost = self.file.with_suffix(".lost")
        self.copy(lost)
        self.become(lost)


class OnDisk:
    """For tests that have a store on a Disk."""

    def new_disk(self, kind):
        need("mkfs." + kind)
        self.disk = Disk(kind, self.dir)
        self.addCleanup(self.disk.unmount)
        self.disk.mount()
        self.bld.root = self.disk.mounted / "store"


@unittest.skipUnless(is_root(), "only as root")
class FileSystems(OnDisk, CliTest):
    def test_disks(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.new_disk(kind)
                try_everywhere(self, place=self.disk.mounted)
                self.doCleanups()
                self.setUp()

    def test_tmpfs(self):
        run(["mount", "-t", "tmpfs", "none", self.dir])
        self.addCleanup(run, ["umount", self.dir])
        try_everywhere(self, place=self.dir)


@unittest.skipUnless(is_root(), "only as root")
class PowerLoss(OnDisk, crash_test.Disturbed):
    CALLS = ("fsync", "fdatasync", "syncfs", "rename", "renameat2", "unlink", "unlinkat", "rmdir", "write", "pwrite64", "mkdir")

    stride = max(1, crash_test.STRIDE // 5)  # there are fewer calls

    def prepare(self):
        self.new_disk(self.kind)

    def keep_store(self):
        run(["sync", "-f", self.disk.mounted])
        self.disk.copy(self.saved)

    def restore(self):
        self.disk.replace(self.saved)

    def aftermath(self):
        self.disk.lose_power()


class OnExt4(PowerLoss):
    kind = "ext4"

    def test_what_nobody_synced_is_lost(self):
        (self.disk.mounted / "unsynced").write_text("text")
        synced = self.disk.mounted / "synced"
        synced.write_text("text")
        run(["sync", synced, self.disk.mounted])
        (self.disk.mounted / "later").write_text("text")
        self.aftermath()
        self.assertEqual(synced.read_text(), "text")
        self.assertFalse((self.disk.mounted / "later").exists())

    def test_what_a_build_did_not_sync_would_be_found(self):
        old = self.bld.state()
        run(self.traced("-e", "trace=fsync,fdatasync,syncfs", "-e", "inject=fsync,fdatasync,syncfs:retval=0",
                        *self.bld.command("build", "-q", "-t", "made", self.work)))
        self.aftermath()
        self.assertEqual(self.bld.state(), old, "the machine forgot what bld was told is on the disk")

    def test_build(self):
        self.try_all(["build", "-q", "--timestamp", "0", "-t", "made", self.work], "signal=SIGKILL", self.CALLS)

    def test_commit(self):
        self.bld("from", "--name", "c", "localhost/busybox")
        self.bld("run", "c", "--", "sh", "-c", "echo 1 > /one")
        self.try_all(["commit", "-q", "--timestamp", "0", "c", "committed"], "signal=SIGKILL", self.CALLS)


class OnXfs(PowerLoss):
    kind = "xfs"
    test_build = OnExt4.test_build


class OnBtrfs(PowerLoss):
    kind = "btrfs"
    test_build = OnExt4.test_build


del PowerLoss  # has no tests of its own

if __name__ == "__main__":
    if is_root() and OWN_MOUNTS not in os.environ:
        # Else whoever makes a mount namespace meanwhile keeps our disks mounted in it.
        os.environ[OWN_MOUNTS] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, "-B", *sys.argv])
    main()
