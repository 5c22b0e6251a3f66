"""bld stopped at its n-th system call that changes the disk, or one of them failing: the store is sound, shows the old
state or the new one, and the same command works afterwards.

BLD_CRASH_STRIDE is how many calls are passed over between two tries (default 211; scripts/crash-test tries all)."""

import os

from support import CliTest, is_root, main, need, remove_tree, run

STRIDE = int(os.environ.get("BLD_CRASH_STRIDE", "211"))

# What changes a disk. strace counts each of them by itself.
CALLS = ("openat", "write", "pwrite64", "copy_file_range", "ftruncate", "fallocate", "rename", "renameat2", "link", "linkat",
         "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "mknodat", "fchmod", "fchmodat", "fchownat", "chmod",
         "utimensat", "fsetxattr", "fsync", "fdatasync", "syncfs")
# Those whose failure a full or broken disk shows.
FAILING = {"ENOSPC": ("write", "pwrite64", "mkdir", "mkdirat", "rename", "renameat2", "linkat", "symlinkat"),
           "EIO": ("write", "pwrite64", "fsync", "fdatasync", "syncfs", "renameat2", "ftruncate")}


class Disturbed(CliTest):
    """A command is disturbed at one of its system calls: what the store is then, and whether it still works."""

    stride = STRIDE

    def setUp(self):
        super().setUp()
        need("strace", "unshare")
        self.prepare()
        self.bld.import_busybox()
        self.work = self.context(
            "FROM localhost/busybox AS one\nRUN echo 1 > /one\nCOPY file /copied\n"
            "FROM localhost/busybox\nCOPY --from=one /one /two\nENV A=1\n", {"file": "text\n"})
        self.saved = self.dir / "saved"
        self.tried = 0

    def prepare(self):
        """Before the store is made."""

    def aftermath(self):
        """What happens to the store, besides, when the command has ended."""

    # Root of a user namespace of our own: strace cannot follow set-uid programs.
    def traced(self, *args):
        prefix = [] if is_root() else ["unshare", "--user", "--map-root-user", "--map-auto", "--mount"]
        return [*prefix, "strace", "-qq", "-f", "-o", self.dir / "trace", *args]

    def keep_store(self):
        run(["cp", "-a", self.bld.root, self.saved] if is_root() else
            ["unshare", "--user", "--map-root-user", "--map-auto", "cp", "-a", self.bld.root, self.saved])

    def restore(self):
        remove_tree(self.bld.root)
        copy = ["cp", "-a", self.saved, self.bld.root]
        run(copy if is_root() else ["unshare", "--user", "--map-root-user", "--map-auto", *copy])

    def counts(self, command):
        """How often the command makes each call, in the thread that makes it most often."""
        self.restore()
        run(self.traced("-e", f"trace={','.join(CALLS)}", *self.bld.command(*command)))
        counts = {}
        for line in (self.dir / "trace").read_text().splitlines():
            thread, _, rest = line.partition(" ")
            call = rest.strip().partition("(")[0]
            if call in CALLS:
                counts.setdefault(call, {}).setdefault(thread, 0)
                counts[call][thread] += 1
        return {call: max(threads.values()) for call, threads in counts.items()}

    def try_all(self, command, inject, calls):
        """Each n-th call of each kind in turn."""
        self.keep_store()
        old = self.bld.state()
        self.restore()
        run(self.bld.command(*command))
        new = self.bld.state()
        points = [(call, n) for call, count in self.counts(command).items() if call in calls
                  for n in range(1, count + 1)]
        for call, n in points[min(self.stride, len(points)) // 2::self.stride]:
            with self.subTest(command=command, call=call, n=n, inject=inject):
                self.restore()
                done = run(self.traced("-e", f"trace={call}", "-e", f"inject={call}:{inject}:when={n}",
                                       *self.bld.command(*command)), ok=False)
                self.aftermath()
                self.tried += 1
                state = self.bld.state()  # also `bld check`
                self.assertIn(state, (old, new))
                if done.returncode == 0:
                    self.assertEqual(state, new)
                elif inject.startswith("error"):
                    self.assertIn("Error:", done.stderr)
                run(self.bld.command(*command))
                self.assertEqual(self.bld.state(), new)
        remove_tree(self.saved)
        self.assertGreater(self.tried, 0)


class Crash(Disturbed):
    def everywhere(self, command):
        self.try_all(command, "signal=SIGKILL", CALLS)
        for error, calls in FAILING.items():
            self.try_all(command, f"error={error}", calls)

    def test_build(self):
        self.everywhere(["build", "-q", "--timestamp", "0", "-t", "made", self.work])

    def test_pull(self):
        self.bld("push", "localhost/busybox", f"oci:{self.dir}/layout:latest")
        self.bld("rmi", "--all")
        self.everywhere(["pull", "-q", f"oci:{self.dir}/layout:latest"])

    def test_commit(self):
        self.bld("from", "--name", "c", "localhost/busybox")
        self.bld("run", "c", "--", "sh", "-c", "echo 1 > /one")
        self.everywhere(["commit", "-q", "--timestamp", "0", "c", "committed"])

    def test_prune(self):
        self.bld("build", "-q", "-t", "made", self.work)
        self.everywhere(["prune", "--all", "--cache"])


if __name__ == "__main__":
    main()
