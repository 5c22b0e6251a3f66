"""What goes wrong with working containers: clear errors, and nothing is lost."""

import os
import random
import signal
import subprocess
import threading
import time

from support import BLD, CliTest, environment, is_root, main, run


class Damage(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.container = self.bld("from", "busybox").stdout.strip()

    def test_the_base_is_removed(self):
        self.assert_fails(self.bld("rmi", "busybox", ok=False), "in use by a container")
        self.assertEqual(self.bld("run", self.container, "echo", "still").stdout, "still\n")
        # Another image of that name: the container stays on its own.
        self.bld("build", "-q", "-t", "busybox", self.context("FROM localhost/busybox\nRUN echo new > /new\n"))
        self.bld("rmi", "-p", ok=False)
        self.bld("prune", ok=False)
        self.assertEqual(self.bld("run", self.container, "ls", "/bin/sh").stdout, "/bin/sh\n")
        self.bld("commit", "-q", self.container, "made")
        self.bld("rmi", "-a", "-f")
        self.assert_fails(self.bld("run", self.container, "true", ok=False), "container not known")
        self.bld("check")

    def test_two_processes_on_one_container(self):
        script = "for i in 1 2 3 4 5; do echo $0 >> /log; sleep 0.05; done"
        started = [self.bld.start("run", self.container, "sh", "-c", script, name) for name in "abc"]
        for process in started:
            self.assertEqual(process.wait(60), 0, process.stderr.read())
            process.communicate()
        self.assertEqual(sorted(self.bld("run", self.container, "cat", "/log").stdout.split()), sorted("abc" * 5))
        both = [self.bld.start("commit", "-q", self.container, "same"), self.bld.start("copy", "-q", self.container, BLD, "/b"),
                self.bld.start("config", "--env", "A=1", self.container), self.bld.start("commit", "-q", self.container, "same")]
        for process in both:
            self.assertEqual(process.wait(60), 0, process.stderr.read())
            process.communicate()
        self.bld("check")

    def test_a_container_is_busy(self):
        running = self.bld.start("run", self.container, "sh", "-c", "echo started; sleep 3")
        running.stdout.readline()
        done = self.bld("run", self.container, "echo", "later")
        self.assertEqual(done.stdout, "later\n")
        self.assertIn(f"waiting until another command in {self.container} ends", done.stderr)
        running.communicate()
        running = self.bld.start("run", self.container, "sh", "-c", "echo started; sleep 1")
        running.stdout.readline()
        self.bld("rm", self.container)
        self.assertIn("the container was removed while the command ran", running.communicate()[1])
        self.assertEqual(running.returncode, 125)
        self.bld("check")

    def test_a_name_is_taken(self):
        failed = self.bld("from", "--name", self.container, "busybox", ok=False)
        self.assert_fails(failed, f'the container name "{self.container}" is already in use by')
        names = set()
        lock = threading.Lock()

        def make():
            name = self.bld("from", "-q", "busybox").stdout.strip()
            with lock:
                names.add(name)

        threads = [threading.Thread(target=make) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(names), 6, "each got a name of its own")

    def test_killed_while_it_commits(self):
        self.bld("run", self.container, "sh", "-c", "for i in $(seq 40); do head -c 300000 /dev/urandom > /f$i; done")
        before = self.bld("run", self.container, "sh", "-c", "cat /f* | sha256sum").stdout
        for attempt in range(6):
            process = self.bld.start("commit", "-q", self.container, "made")
            time.sleep(random.uniform(0.005, 0.15))
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            self.bld("check")
        self.assertEqual(self.bld("run", self.container, "sh", "-c", "cat /f* | sha256sum").stdout, before)
        self.bld("commit", "-q", self.container, "made")
        again = self.bld("from", "made").stdout.strip()
        self.assertEqual(self.bld("run", again, "sh", "-c", "cat /f* | sha256sum").stdout, before)


class FullDisk(CliTest):
    def test_nothing_is_lost(self):
        if is_root():
            self.skipTest("the same as for users")
        place = self.dir / "small"
        place.mkdir()
        archive = self.dir / "busybox.tar"
        self.bld.import_busybox()
        self.bld("push", "-q", "busybox", f"oci-archive:{archive}:localhost/busybox:latest")
        script = f"""
            mount -t tmpfs -o size=100m,mode=700 none {place}
            B="{BLD} --root {place}/store"
            $B pull -q oci-archive:{archive} > {self.dir}/id || exit 10
            c=$($B from $(cat {self.dir}/id)) || exit 11
            $B run $c -- sh -c 'echo kept > /kept; head -c 9000000 /dev/zero | tr "\\0" x > /big' || exit 12
            $B commit -q $c one > /dev/null 2> {self.dir}/commit-error
            echo "commit $?"
            $B run $c -- sh -c 'head -c 190000000 /dev/zero > /more' 2> {self.dir}/run-error
            test $? != 0 || exit 13
            $B copy -q $c {BLD} /bld 2> {self.dir}/copy-error
            echo "copy $?"
            $B run $c -- rm -f /more /bld || exit 14
            $B run $c -- sh -c 'cat /kept; wc -c < /big; rm /big' || exit 15
            $B prune > /dev/null
            $B commit -q $c two > /dev/null || exit 16
            $B check || exit 17
        """
        done = run(["unshare", "--user", "--map-root-user", "--map-auto", "--mount", "sh", "-c", script], ok=False,
                   env=environment())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[1:4], ["copy 125", "kept", "9000000"], done.stdout)
        self.assertIn("no space left", (self.dir / "copy-error").read_text())
        if lines[0] != "commit 0":
            self.assertIn("no space left", (self.dir / "commit-error").read_text())


if __name__ == "__main__":
    main()
