"""The store on disks of its own: each kind of file system, and machines that lose their power. As root, with loop devices.

Where the power is lost, the file that the disk lies in is copied while the disk is mounted: what bld wrote and nobody has
synced is not in it. The copy, mounted, is what a machine finds when it comes up again."""

import os
import pathlib
import shutil
import sys
import unittest

import crash_test
from support import CliTest, is_root, main, need, run

KINDS = ("ext4", "xfs", "btrfs")
# All but the one with 520 steps and the one of a gigabyte.
EVERYWHERE = ("deletions", "replaced_directories", "replaced_directory_hides_what_was_below", "hard_links",
              "hard_links_across_layers", "names", "names_that_are_not_utf8", "long_paths", "modes_owners_and_special_files",
              "a_bundle_of_steps_has_no_links")


class Disk:
    """A file system in a file, mounted on a directory."""

    def __init__(self, kind, place):
        self.kind, self.file, self.mounted = kind, place / "disk", place / "mounted"
        self.mounted.mkdir()
        with open(self.file, "w") as file:
            file.truncate(400 << 20)
        run([f"mkfs.{kind}", "-q", self.file])

    def mount(self):
        # Nothing reaches the disk for being old.
        options = {"ext4": "loop,commit=300", "btrfs": "loop,commit=300", "xfs": "loop"}[self.kind]
        done = run(["mount", "-t", self.kind, "-o", options, self.file, self.mounted], ok=False)
        if done.returncode != 0:
            raise unittest.SkipTest(f"{self.kind} cannot be mounted: {done.stderr}")

    def unmount(self):
        if os.path.ismount(self.mounted):
            run(["umount", self.mounted])

    def copy(self, target):
        run(["cp", "--sparse=always", self.file, target])

    def replace(self, source):
        self.unmount()
        shutil.copy2(source, self.file)
        self.mount()

    def lose_power(self):
        lost = self.file.with_suffix(".lost")
        self.copy(lost)
        self.unmount()
        lost.rename(self.file)
        self.mount()


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
    def all_is_well(self, place):
        test = pathlib.Path(__file__).with_name("filesystem_test.py")
        done = run([sys.executable, "-B", test, *[f"Filesystem.test_{name}" for name in EVERYWHERE]], ok=False,
                   env=dict(os.environ, TMPDIR=str(place)))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"Ran {len(EVERYWHERE)} tests", done.stderr)

    def test_disks(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.new_disk(kind)
                self.all_is_well(self.disk.mounted)
                self.doCleanups()
                self.setUp()

    def test_tmpfs(self):
        run(["mount", "-t", "tmpfs", "none", self.dir])
        self.addCleanup(run, ["umount", self.dir])
        self.all_is_well(self.dir)


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
    main()
