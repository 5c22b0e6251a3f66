"""Standard streams of commands: a terminal, input, and output without loss."""

import hashlib
import os
import pty
import select
import subprocess
import time

from support import CliTest, end, environment, main, run


class Streams(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.container = self.bld("from", "localhost/busybox").stdout.strip()

    def test_a_command_can_be_given_a_terminal(self):
        out = self.bld("run", "-t", self.container, "--", "sh", "-c", "tty; test -t 0 && test -t 1 && test -t 2 && echo all; "
                       "echo up > /dev/tty; echo $TERM").stdout
        self.assertEqual(out.replace("\r", "").split("\n")[:3], ["/dev/pts/0", "all", "up"])

    def test_without_it_there_is_none(self):
        done = self.bld("run", self.container, "--", "sh", "-c", "tty; (echo x > /dev/tty) 2>/dev/null || echo none", ok=False)
        self.assertEqual(done.stdout, "not a tty\nnone\n")

    def test_the_exit_status_comes_through_a_terminal(self):
        self.assertEqual(self.bld("run", "-t", self.container, "--", "sh", "-c", "exit 9", ok=False).returncode, 9)
        self.assertEqual(self.bld("run", "-t", self.container, "--", "no-such-program", ok=False).returncode, 127)

    def test_a_user_owns_the_terminal(self):
        out = self.bld("run", "-t", "--user", "1234", self.container, "--", "sh", "-c", "stat -c %u $(tty); echo again > $(tty)").stdout
        self.assertEqual(out.replace("\r", ""), "1234\nagain\n")

    def test_our_terminal_drives_the_commands(self):
        """Ctrl-C and the size of the window reach the command; our settings are as before."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        subprocess.run(["stty", "rows", "33", "cols", "77"], stdin=slave, check=True)
        before = run_stty(slave)
        process = subprocess.Popen(
            self.bld.command("run", self.container, "--", "sh", "-c", "trap 'echo interrupted; exit 3' INT; stty size; "
                             "while :; do sleep 1; done"),
            stdin=slave, stdout=slave, stderr=slave, env=environment(), start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        text = read_until(master, b"33 77")
        os.write(master, b"\x03")
        text += read_until(master, b"interrupted")
        # The error message is printed upon the terminal, which has to be read.
        deadline = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < deadline:
            if select.select([master], [], [], 0.05)[0]:
                os.read(master, 4096)
        self.assertEqual(process.returncode, 3, text)
        self.assertEqual(run_stty(slave), before)
        os.close(slave)

    def test_input_reaches_a_command_whole(self):
        data = os.urandom(3_000_000)
        out = run(self.bld.command("run", self.container, "--", "sha256sum"), input=data, text=False).stdout
        self.assertEqual(out.split()[0].decode(), hashlib.sha256(data).hexdigest())

    def test_two_hundred_megabytes_of_output_are_not_lost(self):
        size = 200_000_000
        out = subprocess.run(self.bld.command("run", self.container, "--", "head", "-c", str(size), "/dev/zero"),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment(), check=True).stdout
        self.assertEqual(len(out), size)

    def test_a_step_prints_two_hundred_megabytes(self):
        """Through the builder's renderer, with bounded memory."""
        context = self.context("FROM localhost/busybox\nRUN yes 0123456789012345678901234567890123456789012345678 | head -n 4000000\n")
        process = subprocess.Popen(self.bld.command("build", context), stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env=environment())
        self.addCleanup(end, process)
        lines, rest = 0, b""
        for block in iter(lambda: process.stdout.read(1 << 20), b""):
            rest += block
            whole = rest.rfind(b"\n") + 1
            lines += rest[:whole].count(b"0123456789012345678901234567890123456789012345678\n")
            rest = rest[whole:]
        self.assert_small(process)
        self.assertEqual(lines, 4_000_000)

    def test_a_step_prints_two_hundred_megabytes_without_a_line_end(self):
        context = self.context("FROM localhost/busybox\nRUN head -c 200000000 /dev/zero | tr '\\0' x\n")
        process = subprocess.Popen(self.bld.command("build", context), stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env=environment())
        self.addCleanup(end, process)
        count = sum(block.count(b"x") for block in iter(lambda: process.stdout.read(1 << 20), b""))
        self.assert_small(process)
        self.assertGreaterEqual(count, 200_000_000)

    def assert_small(self, process):
        """It ended well, and never needed more than 64 MiB."""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        self.assertLess(usage.ru_maxrss, 64 << 10)

    def test_output_of_a_step_is_there_when_it_ends(self):
        done = self.bld("build", "--no-cache", self.context("FROM localhost/busybox\nRUN echo first; (sleep 300 &) ; echo last\n"))
        self.assertIn("first\nlast\n", done.stdout)


def run_stty(fd):
    return subprocess.run(["stty", "-g"], stdin=fd, capture_output=True, text=True, check=True).stdout


def read_until(fd, wanted, seconds=10):
    text = b""
    deadline = time.monotonic() + seconds
    while wanted not in text:
        if time.monotonic() > deadline:
            raise AssertionError(f"{wanted} did not come: {text}")
        if select.select([fd], [], [], 0.1)[0]:
            text += os.read(fd, 4096)
    return text


if __name__ == "__main__":
    main()
