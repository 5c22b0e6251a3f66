"""What holds the commands of steps in: security options, capabilities, volumes, limits."""

import json
import os

from support import CliTest, is_root, main


class Confinement(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()

    def run_step(self, script, *args, ok=True):
        """The build's result; the script is one RUN."""
        context = self.context(f"FROM localhost/busybox\nRUN {script}\n", name="step")
        done = self.bld("build", "--no-cache", "-t", "t", *args, context, ok=ok)
        # The instruction itself is shown, too.
        done.stdout = "".join(line for line in done.stdout.splitlines(True) if not line.startswith("STEP "))
        return done

    def profile(self, *rules, default="SCMP_ACT_ALLOW"):
        path = self.dir / "profile.json"
        path.write_text(json.dumps({
            "defaultAction": default,
            "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
            "syscalls": list(rules)}))
        return path

    def test_capabilities_are_added_and_dropped(self):
        def effective(*args):
            out = self.run_step("grep CapEff: /proc/self/status", *args).stdout
            return int(out.split("CapEff:")[1].split()[0], 16)

        chown, sys_admin = 1 << 0, 1 << 21
        default = effective()
        self.assertEqual(default & (chown | sys_admin), chown)
        self.assertEqual(effective("--cap-drop", "all"), 0)
        self.assertEqual(effective("--cap-drop", "ALL", "--cap-add", "chown"), chown)
        self.assertEqual(effective("--cap-add", "CAP_SYS_ADMIN"), default | sys_admin)
        self.assertEqual(effective("--cap-add=all", "--cap-drop=sys_admin") & sys_admin, 0)
        self.assert_fails(self.run_step("true", "--cap-add", "fly", ok=False), "fly")

    def test_no_new_privileges(self):
        script = "grep NoNewPrivs /proc/self/status"
        self.assertIn("NoNewPrivs:\t0", self.run_step(script).stdout)
        self.assertIn("NoNewPrivs:\t1", self.run_step(script, "--security-opt", "no-new-privileges").stdout)

    def test_seccomp_unconfined(self):
        self.assertIn("Seccomp:\t2", self.run_step("grep Seccomp: /proc/self/status").stdout)
        out = self.run_step("grep Seccomp: /proc/self/status", "--security-opt", "seccomp=unconfined").stdout
        self.assertIn("Seccomp:\t0", out)

    def test_a_seccomp_profile_of_dockers(self):
        profile = self.profile({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 18},
                               {"names": ["rmdir"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_SYS_BOOT"]}})
        script = "mkdir /x || echo refused; touch /y && rmdir /nothing || echo tried"
        done = self.run_step(script, "--security-opt", f"seccomp={profile}")
        self.assertIn("refused", done.stdout)
        self.assertIn("No such file", done.stdout + done.stderr)
        done = self.run_step("rmdir /nothing || true", "--security-opt", f"seccomp={profile}", "--cap-add", "sys_boot")
        self.assertIn("not permitted", done.stdout + done.stderr)

    def test_masked_files(self):
        look = "cat /etc/passwd /proc/version | wc -c; ls /tmp/; grep -c ' /proc/keys ' /proc/mounts; echo x 2>/dev/null > /proc/sys/kernel/domainname || echo refused"
        self.assertIn("0\n1\nrefused\n", self.run_step(look, "--security-opt", "mask=/etc/passwd:/proc/version:/tmp:/none").stdout)
        self.assertRegex(self.run_step(look, "--security-opt", "unmask=/proc/k*").stdout, r"(?m)^[1-9]\d+\n0\nrefused\n")
        self.run_step("! grep ' /proc/' /proc/mounts", "--security-opt", "unmask=ALL")

    def test_what_cannot_be_done_is_an_error(self):
        for option, words in (("apparmor=mine", ["AppArmor"]), ("seccomp=/no/file", ["/no/file"]),
                              ("nonsense", ["nonsense", "not known"])):
            self.assert_fails(self.run_step("true", "--security-opt", option, ok=False), *words)
        for option in ("label=disable", "apparmor=unconfined"):
            self.run_step("true", "--security-opt", option)

    def test_volumes(self):
        volume = self.dir / "volume"
        volume.mkdir()
        volume.chmod(0o755)
        (volume / "file").write_text("host\n")
        self.assertIn("host", self.run_step("cat /v/file", "-v", f"{volume}:/v").stdout)
        self.assertIn("refused", self.run_step("touch /v/x || echo refused", "-v", f"{volume}:/v:ro").stdout)
        out = self.run_step("echo new > /v/file; rm -f /v/none; mkdir /v/d; cat /v/file", "-v", f"{volume}:/v:O").stdout
        self.assertIn("new", out)
        self.assertEqual((volume / "file").read_text(), "host\n")
        self.assertEqual(os.listdir(volume), ["file"])
        for label in "zZ":
            self.run_step(f"echo {label} > /v/mine", "-v", f"{volume}:/v:{label}")
            self.assertEqual((volume / "mine").read_text(), f"{label}\n")
        out = self.run_step("cp /bin/busybox /v/copy; /v/copy true || echo not executed; grep ' /v ' /proc/mounts",
                            "-v", f"{volume}:/v:noexec,nosuid").stdout
        self.assertIn("not executed", out)
        self.assertRegex(out, "rw,nosuid,nodev,noexec")
        self.assertIn("nosuid,nodev,noexec", self.run_step("grep ' /v ' /proc/mounts", "-v", f"{volume}:/v:O,noexec,nosuid").stdout)
        # What lies deeper is on top, whatever comes first.
        self.assertIn("/v/in/file", self.run_step("ls /v/in/file", "-v", f"{volume}:/v/in", "-v", f"{volume}:/v:O").stdout)
        for options in ("ro,O", "nonsense", "shared"):
            self.assert_fails(self.run_step("true", "-v", f"{volume}:/v:{options}", ok=False), "volume option")
        files = self.bld.layout("t", self.dir / "out").files()
        self.assertNotIn("/v", files)

    def test_a_volume_is_given_to_the_commands_user(self):
        volume = self.dir / "volume"
        (volume / "sub").mkdir(parents=True)
        (volume / "sub/file").write_text("x")
        os.symlink("/etc/passwd", volume / "link")
        context = self.context("FROM localhost/busybox\nUSER 1000:1001\n"
                               "RUN echo $(stat -c %u:%g /v /v/sub/file /v/link) && echo y > /v/sub/file\n")
        done = self.bld("build", "-v", f"{volume}:/v:U", context)
        self.assertIn("\n1000:1001 1000:1001 1000:1001", done.stdout)
        # Back, so that whoever runs the test may remove it.
        self.run_step("true", "-v", f"{volume}:/v:U")
        self.assertEqual((volume / "sub/file").read_text(), "y\n")
        self.assertEqual(os.lstat(volume / "link").st_uid, os.geteuid())
        self.assertEqual(os.stat("/etc/passwd").st_uid, 0)

    def test_users_that_are_nobody_are_never_root(self):
        for user, words in (("4294967295", ["4294967295"]), ("4294967296", ["4294967296"]), ("-1", ["-1"]),
                            ("7:4294967295", ["4294967295"]), ("4294967294", ["4294967294", "not mapped"])):
            if is_root() and user == "4294967294":
                continue
            done = self.bld("build", self.context(f"FROM localhost/busybox\nUSER {user}\nRUN id -u > /id\n"), ok=False)
            self.assert_fails(done, *words)

    def test_user_files_that_are_none(self):
        for make in ("mkfifo /etc/passwd", "ln -s /proc/self/environ /etc/passwd", "ln -s /dev/zero /etc/passwd",
                     "mkdir /etc/passwd", "ln -s passwd /etc/passwd"):
            context = self.context(f"FROM localhost/busybox\nRUN rm /etc/passwd && {make}\nUSER app\nRUN id\n")
            done = self.bld("build", context, ok=False, timeout=20)
            self.assertEqual(done.returncode, 125, done.stderr)
            self.assertIn("Containerfile:3", done.stderr)

    def test_links_of_a_working_directory_stay_inside(self):
        outside = self.dir / "outside"
        outside.mkdir()
        outside.chmod(0o777)
        up = "../" * 30
        done = self.bld("build", "-t", "t", self.context(
            f"FROM localhost/busybox\nRUN ln -s {up}{str(outside)[1:]} /link && ln -s {outside} /other\n"
            "WORKDIR /link/new\nRUN pwd > here\nWORKDIR /other/new\nRUN pwd > here\n"))
        self.assertEqual(os.listdir(outside), [])
        files = self.bld.layout("t", self.dir / "out").files()
        self.assertEqual(files[f"{outside}/new/here"].data, f"{outside}/new\n".encode())

    def test_tmpfs(self):
        done = self.run_step("echo x > /scratch/x; df /scratch; stat -c %a /scratch",
                             "--tmpfs", "/scratch:size=1m,mode=700")
        self.assertIn("1024", done.stdout)
        self.assertIn("700", done.stdout)
        self.assertNotIn("/scratch", self.bld.layout("t", self.dir / "out").files())

    def test_limits_are_enforced_or_told(self):
        done = self.run_step("i=0; while [ $i -lt 60 ]; do sleep 3 & i=$((i+1)); done; echo started $i",
                             "--pids-limit", "16", ok=False)
        if done.returncode == 0:
            self.assertEqual(done.stderr.count("--pids-limit is not enforced"), 1, done.stderr)
        else:
            self.assertIn("fork", done.stdout + done.stderr)
        done = self.run_step("dd if=/dev/zero of=/dev/null bs=200M count=1", "--memory", "16m", ok=False)
        if done.returncode == 0:
            self.assertIn("--memory is not enforced", done.stderr)
        else:
            self.assertIn("out of memory", done.stderr)
        if is_root() and os.path.isdir("/sys/fs/cgroup/pids"):
            self.assertNotEqual(done.returncode, 0)

    def test_limits_that_make_no_sense(self):
        for args, word in ((("--memory-swap", "1g"), "needs --memory"),
                           (("--memory", "2g", "--memory-swap", "1g"), "together"),
                           (("--cpuset-cpus", "a-b"), "a-b"), (("--memory", "much"), "much"),
                           (("--pids-limit", "-7"), "-7")):
            self.assert_fails(self.run_step("true", *args, ok=False), word)

    def test_run_takes_the_same(self):
        container = self.bld("from", "localhost/busybox").stdout.strip()
        out = self.bld("run", "--security-opt", "no-new-privileges", "--cap-drop", "all", "--tmpfs", "/t", container,
                       "--", "sh", "-c", "grep -E 'NoNewPrivs|CapEff' /proc/self/status; grep -c ' /t ' /proc/mounts").stdout
        self.assertIn("NoNewPrivs:\t1", out)
        self.assertIn("CapEff:\t0000000000000000", out)
        self.assertTrue(out.endswith("1\n"))


if __name__ == "__main__":
    main()
