"""bld killed (SIGKILL) at random moments of builds: nothing is left, the store is sound, the next build works.

BLD_KILLS is how often (default 10; scripts/kill-test does it a hundred times), BLD_SEED repeats a run."""

import contextlib
import os
import pathlib
import random
import subprocess
import time
import unittest.mock

from support import CliTest, end, main, wait_for

KILLS = int(os.environ.get("BLD_KILLS", "10"))
SEED = int(os.environ.get("BLD_SEED", time.time_ns() % 1_000_000))


def processes():
    """(pid, start time) → parent's pid."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = pathlib.Path("/proc", entry, "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                found[(int(entry), fields[19])] = int(fields[1])
    return found


def family(pid):
    """The process and all below it. The command lines of containers tell nothing."""
    every = processes()
    found = {key for key in every if key[0] == pid}
    while True:
        pids = {key[0] for key in found}
        more = {key for key, parent in every.items() if parent in pids} - found
        if not more:
            return found
        found |= more


def command_lines(family_keys):
    lines = []
    for pid, _ in family_keys:
        with contextlib.suppress(OSError):
            lines.append(pathlib.Path(f"/proc/{pid}/cmdline").read_text())
    return lines


class Kill(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        (self.dir / "secret").write_text(f"marker-{os.urandom(8).hex()}")
        # Where bld may put what is not in its store: nothing stays there.
        self.elsewhere = [self.dir / "temporary", self.dir / "run", self.dir / "home"]
        for directory in self.elsewhere:
            directory.mkdir(mode=0o700)
        names = dict(zip(("TMPDIR", "XDG_RUNTIME_DIR", "HOME"), map(str, self.elsewhere)))
        patch = unittest.mock.patch.dict(os.environ, names)
        patch.start()
        self.addCleanup(patch.stop)

    def work(self, number):
        """A build of a bit of everything; no step is cached."""
        return self.context(
            "FROM localhost/busybox AS one\n"
            f"RUN echo {number} > /one && (sleep 100 &) && seq 1 20000 > /numbers\n"
            "RUN --mount=type=cache,target=/cache echo x >> /cache/log; cat /cache/log > /log\n"
            "FROM localhost/busybox\n"
            "COPY files /files\n"
            f"RUN --mount=type=secret,id=s test -s /run/secrets/s && echo {number} > /two; trap '' TERM; sleep 0.05\n"
            "COPY --from=one /numbers /one /\n"
            "RUN rm -r /files/d1; mkdir -p /a/b/c; touch /a/b/c/d\n",
            {f"files/d{i}/f{j}": f"{number} {i} {j}\n" * 50 for i in range(4) for j in range(25)}, name=f"work{number % 3}")

    def options(self):
        return ("-t", "killed", "--jobs", "2", "--secret", f"id=s,src={self.dir / 'secret'}")

    def assert_nothing_left(self, relatives, moment):
        wait_for(lambda: not relatives & set(processes()), 5, f"end of the processes ({moment})")
        mounts = [line for line in pathlib.Path("/proc/self/mounts").read_text().splitlines() if str(self.dir) in line]
        self.assertEqual(mounts, [], moment)
        self.assertEqual([list(directory.iterdir()) for directory in self.elsewhere], [[], [], []], moment)
        done = self.bld("check", ok=False)
        self.assertEqual(done.returncode, 0, f"{moment}\n{done.stdout}{done.stderr}")

    def test_at_any_moment(self):
        generator = random.Random(SEED)
        print(f"BLD_SEED={SEED} BLD_KILLS={KILLS}")
        started = time.monotonic()
        self.bld.build(self.work(0), *self.options())
        whole = time.monotonic() - started
        killed = number = 0
        while killed < KILLS and number < 4 * KILLS + 20:
            number += 1
            delay = generator.uniform(0, whole)
            process = self.bld.start("build", *self.options(), str(self.work(number)))
            self.addCleanup(end, process)
            started = time.monotonic()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(delay)
                whole = time.monotonic() - started  # it was faster than the kill
            relatives = family(process.pid)
            process.kill()
            killed += process.wait() == -9
            process.communicate()
            self.assert_nothing_left(relatives, f"BLD_SEED={SEED}, kill {number} after {delay:.3f} s")
            if number % 10 == 0:
                self.bld.build(self.work(number), *self.options())
        self.assertEqual(killed, KILLS)

        # The next build works, and has taken away what the killed ones left.
        self.bld.build(self.work(number + 1), *self.options())
        files = self.bld.layout("killed", self.dir / "out").files()
        self.assertEqual(files["/two"].data, b"%d\n" % (number + 1))
        self.assertNotIn("/files/d1", files)
        self.assertEqual(os.listdir(self.bld.root / "tmp"), [])
        self.assert_secret_is_nowhere()

    def assert_secret_is_nowhere(self):
        """In no file of the store, of whichever owner, nor in other files of memory."""
        words = ["grep", "-r", "-l", "-F", "-f", str(self.dir / "secret"), str(self.bld.root)]
        if os.geteuid() != 0:
            words = ["unshare", "--user", "--map-root-user", "--map-auto", *words]
        found = subprocess.run(words, capture_output=True, text=True)
        self.assertEqual((found.returncode, found.stdout), (1, ""), found.stderr)
        found = subprocess.run(["grep", "-r", "-s", "-l", "-D", "skip", "-F", "-f", str(self.dir / "secret"), "/dev/shm"],
                               capture_output=True, text=True)
        self.assertEqual(found.stdout, "")

    def test_a_secret_that_is_in_use_when_bld_is_killed(self):
        self.bld.build(self.work(0), *self.options())
        for sleep in ("sleep 5", "cp /run/secrets/s /dev/shm/copy; cat /run/secrets/s > /run/copy; sleep 5"):
            context = self.context(f"FROM localhost/busybox\nRUN --mount=type=secret,id=s --mount=type=tmpfs,target=/run/x {sleep}\n")
            process = self.bld.start("build", "--secret", f"id=s,src={self.dir / 'secret'}", str(context))
            self.addCleanup(end, process)
            wait_for(lambda: any("sleep\x005" in line for line in command_lines(family(process.pid))), 20, "the step")
            relatives = family(process.pid)
            process.kill()
            process.communicate()
            self.assert_nothing_left(relatives, "in the step")
            if sleep.startswith("sleep"):
                self.assert_secret_is_nowhere()
        # What a command itself wrote into its layer goes with the next build.
        self.bld.build(self.work(1), *self.options())
        self.assert_secret_is_nowhere()

    def test_eight_builds_at_once_in_one_store(self):
        builds = [self.bld.start("build", "-t", f"t{i}", "--secret", f"id=s,src={self.dir / 'secret'}",
                                 str(self.context(f"FROM localhost/busybox\nRUN --mount=type=secret,id=s echo {i % 3} > /same\n"
                                                  f"RUN echo {i} > /mine\n", name=f"c{i}"))) for i in range(8)]
        for process in builds:
            self.addCleanup(end, process)
            _, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, err)
        self.bld("check")
        for i in range(8):
            files = self.bld.layout(f"t{i}", self.dir / f"out{i}").files()
            self.assertEqual((files["/same"].data, files["/mine"].data), (b"%d\n" % (i % 3), b"%d\n" % i))


if __name__ == "__main__":
    main()
