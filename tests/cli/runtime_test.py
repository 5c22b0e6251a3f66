"""--runtime: containers that crun and runc make of bld's bundle, with what bld's own containers have."""

import os
import shutil
import signal
import time
import unittest

from support import OnBusybox, end, environment, main, processes_of, wait_for

# What a command can tell of its container; each line is the same under every runtime.
REPORT = r"""
grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status
id; pwd; umask; hostname; ulimit -c; ulimit -n; env | grep -v -E '^(SHLVL|_)=' | sort; ls /dev | grep -v core | sort
for f in kcore keys timer_list interrupts; do cat /proc/$f 2>/dev/null | wc -c; done
for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/x /sys/x; do (echo x > $f) 2>/dev/null || echo refused; done
ls /sys/firmware 2>/dev/null | wc -l; mkdir /sys/fs/cgroup/x 2>/dev/null || echo refused
cat /etc/hosts /etc/resolv.conf /run/file; df /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2
unshare -m true 2>/dev/null || echo no namespaces; mount -t tmpfs x /mnt 2>/dev/null || echo no mounts
ls /proc/self/fd | wc -l
"""


class Runtimes(OnBusybox):
    def setUp(self):
        super().setUp()
        self.runtimes = [name for name in ("crun", "runc") if shutil.which(name)]
        if not self.runtimes:
            raise unittest.SkipTest("neither crun nor runc is installed")

    def each(self):
        print(*self.runtimes, "", end="", flush=True)
        return self.runtimes

    def files(self, image="t"):
        out = self.dir / f"out{len(list(self.dir.iterdir()))}"
        return self.bld.layout(image, out).files()

    def test_the_container_is_the_same(self):
        (self.dir / "file").write_text("shown\n")
        lines = (f"RUN mkdir /work\nWORKDIR /work\nUSER 7:8\nENV A=b\n"
                 f"RUN <<'EOT'\n{REPORT}\nEOT\nUSER 0\nRUN <<'EOT'\n{REPORT}\nEOT\n")
        flags = ["-v", f"{self.dir}/file:/run/file:ro", "--ulimit", "nofile=100:200", "--network", "none",
                 "--shm-size", "1m", "--add-host", "there:192.0.2.7", "--group-add", "55"]
        own = self.seen(lines, *flags)
        self.assertIn("refused", own)
        self.assertIn("no mounts", own)
        for name in self.each():
            self.assertEqual(self.seen(lines, *flags, "--runtime", name), own)

    def test_nothing_of_it_is_in_the_layers(self):
        lines = ("RUN --mount=type=secret,id=s --mount=type=tmpfs,target=/t/deep --mount=type=cache,target=/c "
                 "cat /run/secrets/s && echo x > /t/deep/x && echo y >> /c/y && wc -l < /c/y && echo made > /made\n")
        (self.dir / "secret").write_text("not to be kept\n")
        for name in self.each():
            out = self.seen(lines, "--runtime", name, "--secret", f"id=s,src={self.dir}/secret", "-t", "t",
                            "-v", f"{self.dir}:/volume/here")
            self.assertEqual(out[0], "not to be kept")
            files = self.files()
            self.assertEqual(files["/made"].data, b"made\n")
            for path in ("/run", "/t", "/c", "/volume", "/proc", "/sys", "/dev", "/etc/hosts", "/etc/resolv.conf"):
                self.assertNotIn(path, files)

    def test_views_of_stages_and_parts_of_them(self):
        lines = ("RUN mkdir -p /a/b && echo deep > /a/b/c && ln -s /etc /a/link\n"
                 "FROM localhost/busybox\n"
                 "RUN --mount=from=0,source=/a/b/c,target=/m/file --mount=from=0,source=/a,target=/m/folder,rw "
                 "cat /m/file /m/folder/b/c; echo changed > /m/folder/b/c; cat /m/folder/b/c; touch /m/file || echo refused\n"
                 "RUN --mount=from=0,source=/a,target=/m cat /m/b/c; touch /m/x || echo refused\n")
        for name in self.each():
            self.assertEqual([line for line in self.seen(lines, "--runtime", name) if "touch" not in line],
                             ["deep", "deep", "changed", "refused", "deep", "refused"])

    def test_exit_status_and_output(self):
        for name in self.each():
            self.assertEqual(self.bld("build", "--runtime", name, self.context(
                "FROM localhost/busybox\nRUN exit 7\n"), ok=False).returncode, 7)
            self.assertEqual(self.seen("RUN head -c 300000 /dev/zero | tr '\\0' x\n", "--runtime", name), ["x" * 300000])

    def test_working_containers(self):
        container = self.bld("from", "busybox").stdout.strip()
        for name in self.each():
            env = environment(BUILDAH_RUNTIME=name)
            self.assertEqual(self.bld("run", container, "--", "sh", "-c", "echo $0", name, env=env).stdout, f"{name}\n")
            done = self.bld("run", "--runtime", shutil.which(name), container, "--", "sh", "-c", "exit 9", ok=False)
            self.assertEqual(done.returncode, 9)

    def test_profiles_and_rights(self):
        profile = self.dir / "profile.json"
        profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], '
                           '"action": "SCMP_ACT_ERRNO", "errnoRet": 18}]}')
        for name in self.each():
            self.assertEqual(self.seen("RUN mkdir /x 2>/dev/null || echo refused; grep -c 'NoNewPrivs:.1' /proc/self/status\n",
                                       "--runtime", name, "--security-opt", f"seccomp={profile}",
                                       "--security-opt", "no-new-privileges"), ["refused", "1"])
            self.assertEqual(self.seen("RUN grep -E 'CapEff|Seccomp:' /proc/self/status\n", "--runtime", name, "--cap-drop",
                                       "all", "--security-opt", "seccomp=unconfined"),
                             ["CapEff:\t0000000000000000", "Seccomp:\t0"])

    def test_flags_reach_the_runtime(self):
        log = self.dir / "log"
        program = self.dir / "runc-and-a-note"
        program.write_text(f'#!/bin/sh\necho "$@" > {log}\nexec {shutil.which(self.runtimes[0])} "$@"\n')
        program.chmod(0o755)
        self.bld("build", "--runtime", program, "--runtime-flag", "nonsense=1", self.context(
            "FROM localhost/busybox\nRUN true\n"), ok=False)
        self.assertIn("--nonsense=1 run --bundle", log.read_text())

    def test_what_is_not_there(self):
        for name in ("no-such-runtime", "/no/such/runtime", str(self.dir)):
            message = self.fails("RUN true\n", "--runtime", name)
            self.assertIn(name, message)
            self.assertIn("bld needs none", message)
        self.assertIn("--runtime", self.fails("RUN true\n", "--runtime-flag", "debug"))

    def test_what_goes_wrong_in_it_is_no_exit_status_of_the_command(self):
        for name in self.each():
            failed = self.bld("build", "--runtime", name, self.context(
                'FROM localhost/busybox\nRUN ["/no/such/program"]\n'), ok=False)
            self.assert_fails(failed, f"{name}: ", "/no/such/program")
            self.assertNotIn("exit code", failed.stderr)
            failed = self.bld("build", "--runtime", name, self.context(
                "FROM localhost/busybox\nRUN echo said >&2; exit 1\n"), ok=False)
            self.assert_fails(failed, "exit code: 1", "said", status=1)

    def test_it_ends_with_bld(self):
        token = f"bldtoken{os.urandom(8).hex()}"
        for name in self.each():
            for number in (signal.SIGTERM, signal.SIGKILL):
                context = self.context(f"FROM localhost/busybox\nRUN echo {token}; sleep 300; true {token}\n")
                process = self.bld.start("build", "--runtime", name, str(context))
                self.addCleanup(end, process)
                wait_for(lambda: any("sleep 300" in line for line in processes_of(token).values()), 20, "the start")
                started = time.monotonic()
                process.send_signal(number)
                process.communicate(timeout=20)
                wait_for(lambda: not processes_of(token), 2, "end of the processes")
                self.assertLess(time.monotonic() - started, 2)
            self.bld("check")

    def test_a_terminal(self):
        container = self.bld("from", "busybox").stdout.strip()
        for name in self.each():
            done = self.bld("run", "-t", "--user", "1234", "--runtime", name, container, "--", "sh", "-c",
                            "tty; echo up > /dev/tty; exit 4", ok=False)
            self.assertEqual(done.stdout.replace("\r", "").split("\n")[-2:], ["up", ""], done.stderr)
            self.assertIn("/dev/", done.stdout)
            self.assertEqual(done.returncode, 4)


if __name__ == "__main__":
    main()
