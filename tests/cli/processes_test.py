"""Builds as processes: overlapping stages, two builds at once, and ends by signal."""

import pathlib
import signal
import time
import uuid

from support import CliTest, end, processes_of, wait_for, main


class Processes(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        # Marks every process of a container's command line.
        self.token = f"bldtoken{uuid.uuid4().hex}"
        self.before = self.bld.state()

    def sleeping_build(self, *args):
        context = self.context(f"FROM localhost/busybox\nRUN echo kept > /kept\n"
                               f"RUN trap '' TERM INT; echo {self.token} started; sleep 300; true {self.token}\n")
        process = self.bld.start("build", "-t", "never", *args, str(context))
        self.addCleanup(end, process)
        wait_for(lambda: len(self.container_processes(process)) > 0, 20, "the container's start")
        time.sleep(0.3)
        return process

    def container_processes(self, process):
        return {pid: line for pid, line in processes_of(self.token).items()
                if pid != process.pid and "build -t" not in line}

    def mounts(self):
        return [line for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()
                if str(self.dir) in line]

    def assert_nothing_left(self):
        wait_for(lambda: not processes_of(self.token, str(self.bld.root)), 2, "no process is left")
        self.assertEqual(self.mounts(), [])
        self.assertEqual(self.bld.state(), self.before)
        self.bld("rmi", self.bld.build(self.context("FROM localhost/busybox\nRUN true\n", name="after")))

    def test_interrupt_ends_a_build_at_once(self):
        # The command ignores both: it is killed when its grace of half a second is over.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                process = self.sleeping_build()
                started = time.monotonic()
                process.send_signal(number)
                out, err = process.communicate(timeout=30)
                self.assertLess(time.monotonic() - started, 1.5, err)
                self.assertNotEqual(process.returncode, 0)
                self.assertNotIn("terminate called", err)
                self.assert_nothing_left()

    def test_a_second_signal_does_not_wait_for_the_command(self):
        process = self.sleeping_build()
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assertLess(time.monotonic() - started, 0.45, "the command's grace is half a second")
        self.assertEqual(process.returncode, 130)
        self.assert_nothing_left()

    def test_a_wait_for_what_others_have_is_told_and_can_be_stopped(self):
        container = self.bld("from", "busybox").stdout.strip()
        cached = ("FROM localhost/busybox\nRUN --mount=type=cache,target=/c,sharing=locked sleep 300; true {}\n")
        for first, second in (
                (("build", self.context(cached.format(self.token), name="first")), ("build", self.context(cached.format(1), name="second"))),
                (("run", container, "sh", "-c", f"sleep 300; true {self.token}"), ("run", container, "true"))):
            with self.subTest(first):
                holder = self.bld.start(*first)
                self.addCleanup(end, holder)
                wait_for(lambda: self.container_processes(holder), 20, "the first command's start")
                time.sleep(0.3)
                waiter = self.bld.start(*second)
                self.addCleanup(end, waiter)
                time.sleep(3)
                self.assertIsNone(waiter.poll())
                started = time.monotonic()
                waiter.send_signal(signal.SIGTERM)
                out, err = waiter.communicate(timeout=30)
                self.assertLess(time.monotonic() - started, 1.5)
                self.assertNotEqual(waiter.returncode, 0)
                self.assertIn("waiting", out + err)
                end(holder)
                wait_for(lambda: not processes_of(self.token), 2, "no process is left")

    def test_kill_leaves_no_process(self):
        process = self.sleeping_build()
        process.kill()
        process.wait()
        self.assert_nothing_left()

    def test_kill_at_any_time_leaves_a_sound_store(self):
        steps = "".join(f"RUN echo {i} > /f{i}\n" for i in range(40))
        for delay in (0.01, 0.03, 0.06, 0.1, 0.2, 0.4):
            with self.subTest(delay):
                context = self.context("FROM localhost/busybox\n" + steps + f"RUN echo {self.token}{delay}\n")
                process = self.bld.start("build", "-t", "killed", str(context))
                time.sleep(delay)
                process.kill()
                process.communicate()
                self.bld("check")
        self.bld.build(context, "-t", "whole")
        files = self.bld.layout("whole", self.dir / "out").files()
        self.assertEqual([files[f"/f{i}"].data for i in range(40)], [b"%d\n" % i for i in range(40)])

    def test_independent_stages_overlap(self):
        stages = "".join(f"FROM localhost/busybox AS s{i}\nRUN sleep 2; echo {i} > /out\n" for i in range(2))
        context = self.context(stages + "FROM localhost/busybox\nCOPY --from=s0 /out /0\nCOPY --from=s1 /out /1\n")
        started = time.monotonic()
        self.bld.build(context, "--jobs", "2", "-t", "t")
        overlapped = time.monotonic() - started
        self.assertLess(overlapped, 3.6, "two stages that sleep for 2 s each")
        started = time.monotonic()
        self.bld.build(context, "--jobs", "1", "--no-cache")
        self.assertGreater(time.monotonic() - started, 4)

    def test_two_builds_in_one_store(self):
        builds = []
        for number in range(4):
            context = self.context("FROM localhost/busybox\n" + "".join(
                f"RUN echo {number % 2} {i} > /f{i}\n" for i in range(15)), name=f"context{number}")
            builds.append(self.bld.start("build", "-t", f"t{number}", str(context)))
        for process in builds:
            self.addCleanup(end, process)
            out, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, err)
        self.bld("check")
        for number in range(4):
            files = self.bld.layout(f"t{number}", self.dir / f"out{number}").files()
            self.assertEqual(files["/f14"].data, b"%d 14\n" % (number % 2))

    def test_a_run_leaves_no_background_process(self):
        self.bld.build(self.context(f"FROM localhost/busybox\nRUN (sleep 300; true {self.token}) & true\n"), timeout=60)
        wait_for(lambda: not processes_of(self.token), 2, "no process is left")

    def test_daemons_are_no_reason_to_wait(self):
        """In sessions of their own, deaf to signals, with the step's output in their hands."""
        daemon = f"(trap '' TERM HUP INT; setsid sh -c 'while :; do sleep 300; done; true {self.token}' &)"
        context = self.context("FROM localhost/busybox\nRUN for i in 1 2 3 4 5 6 7 8 9 10; do " + daemon +
                               f"; done; sleep 0.1; ps | grep -c '[{self.token[0]}]{self.token[1:]}'; echo done\n")
        started = time.monotonic()
        done = self.bld("build", context)
        self.assertLess(time.monotonic() - started, 3)
        counted = int(done.stdout.split("\ndone\n")[0].split("\n")[-1])
        self.assertGreaterEqual(counted, 10, done.stdout)
        wait_for(lambda: not processes_of(self.token), 1, "no process is left")


if __name__ == "__main__":
    main()
