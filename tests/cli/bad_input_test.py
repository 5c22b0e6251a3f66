"""What goes wrong is said clearly, ends with the right status, and leaves the store as it was."""

import os
import time

from support import BLD, CliTest, free_port, is_root, run, main


class BadInput(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.before = self.bld.state()

    def failing(self, containerfile, *words, status=125, args=(), files=None, env=None, timeout=60):
        context = self.context(containerfile, files)
        done = self.bld("build", "-t", "never", *args, context, ok=False, env=env, timeout=timeout)
        self.assert_fails(done, *words, status=status)
        self.assertEqual(self.bld.state(), self.before)
        return done

    def test_syntax_error(self):
        done = self.failing("FROM localhost/busybox\n\nRUNN echo hi\n", "Containerfile:3", "RUNN echo hi", "RUN")
        lines = done.stderr.splitlines()
        shown = next(i for i, line in enumerate(lines) if line.rstrip().endswith("RUNN echo hi") and "|" in line
                     or line.strip() == "RUNN echo hi")
        self.assertIn("^", lines[shown + 1])
        self.assertEqual(lines[shown + 1].index("^"), lines[shown].index("RUNN"), "the caret is under the word")

    def test_other_syntax_errors(self):
        for containerfile, line, word in (
                ("RUN before from\n", 1, "FROM"),
                ("FROM\n", 1, "FROM"),
                ("FROM localhost/busybox\nCOPY one\n", 2, "COPY"),
                ("FROM localhost/busybox\nCOPY --nosuch=1 a b\n", 2, "nosuch"),
                ("FROM localhost/busybox\nRUN <<EOF\nnever ends\n", 2, "EOF"),
                ("FROM localhost/busybox\nEXPOSE 99999999\n", 2, "99999999"),
                ("FROM localhost/busybox\nENV A\n", 2, "ENV"),
                ("FROM localhost/busybox\nCOPY --from=nosuchstage:9 /a /b\n", 2, "nosuchstage")):
            with self.subTest(containerfile):
                self.failing(containerfile, f"Containerfile:{line}", word, args=("--pull=never",))

    def test_an_empty_file(self):
        self.failing("# nothing\n", "Containerfile")

    def test_missing_copy_source(self):
        done = self.failing("FROM localhost/busybox\nCOPY there missing.txt /x/\n", "Containerfile:2",
                            "missing.txt", "COPY there missing.txt /x/", "^", files={"there": ""})
        self.assertNotIn("openat2", done.stderr.splitlines()[0])

    def test_failing_run_keeps_its_status(self):
        self.failing("FROM localhost/busybox\nRUN echo before\nRUN exit 7\n", "Containerfile:3", "exit 7", status=7)
        self.failing("FROM localhost/busybox\nRUN nosuchprogram\n", "Containerfile:2", "nosuchprogram", status=127)

    def test_failing_run_shows_what_it_said(self):
        context = self.context("FROM localhost/busybox\nRUN echo to-stdout; echo to-stderr >&2; false\n")
        done = self.bld("build", context, ok=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("to-stderr", done.stderr + done.stdout)
        self.assertIn("to-stdout", done.stderr + done.stdout)

    def test_unknown_base(self):
        self.failing("FROM localhost/nosuch:9\n", "Containerfile:1", "localhost/nosuch:9", args=("--pull=never",))
        self.failing("FROM localhost/busybox AS a\nFROM oci:/nosuch/layout\n", "Containerfile:2", "/nosuch/layout")

    def test_unreachable_registry(self):
        started = time.monotonic()
        name = f"localhost:{free_port()}/some/image"
        self.failing(f"FROM {name}\n", "Containerfile:1", name.split("/", maxsplit=1)[0], args=("--tls-verify=false",))
        self.assertLess(time.monotonic() - started, 5, "a refused connection is not waited for")
        done = self.bld("pull", "--tls-verify=false", name, ok=False)
        self.assert_fails(done, "connect to localhost")

    def test_no_such_context_or_file(self):
        done = self.bld("build", "-f", self.dir / "nosuch", self.dir, ok=False)
        self.assert_fails(done, "nosuch")
        done = self.bld("build", self.dir / "nowhere", ok=False)
        self.assert_fails(done, "nowhere")

    def test_unknown_target_and_flag(self):
        self.failing("FROM localhost/busybox AS one\n", "nosuch", args=("--target", "nosuch"))
        self.assert_fails(self.bld("build", "--nosuchflag", ".", ok=False), "nosuchflag")
        self.assert_fails(self.bld("nosuchcommand", ok=False), "nosuchcommand")

    def test_unknown_images(self):
        for command in (("push", "nosuch", "oci:/tmp/x:y"), ("rmi", "nosuch"), ("inspect", "nosuch"),
                        ("tag", "nosuch", "other"), ("from", "--pull=never", "localhost/nosuch"), ("run", "nosuch", "true")):
            with self.subTest(command):
                self.assert_fails(self.bld(*command, ok=False, timeout=30), "nosuch")

    def test_no_subordinate_ids(self):
        if is_root():
            self.skipTest("root needs no subordinate ids")
        layout = self.dir / "base"
        self.bld("push", "localhost/busybox", f"oci:{layout}:latest")
        context = self.context(f"FROM oci:{layout}:latest\nRUN echo hi > /x\n")
        empty = self.dir / "empty"
        empty.write_text("")
        # The same user, for whom no file names a range.
        script = ('mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid && '
                  'exec setpriv --ambient-caps -all --inh-caps -all "$@"')
        done = run(["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c", script, empty,
                    BLD, "--root", self.dir / "other-store", "build", "-t", "never", context], ok=False)
        # With the one id there is, and a line about what would give more.
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, "note: only one id is mapped: user .* has no subordinate ids in /etc/subuid.*usermod")

    def test_full_disk(self):
        if is_root():
            self.skipTest("run unprivileged, where a namespace can mount a small file system")
        context = self.context("FROM scratch\nCOPY big /big\n", {"big": os.urandom(24 << 20), "small": "s"})
        small = self.dir / "small"
        small.mkdir()
        (context / "second").write_text("FROM scratch\nCOPY small /small\n")
        bld = f'"{BLD}" --root "{small}/store"'
        script = (f'mount -t tmpfs -o size=16m small "{small}" && '
                  f'{bld} build -q -t kept -f "{context}/second" "{context}" >&2 && '
                  f'{bld} images -q > "{self.dir}/before" || exit 99; '
                  f'{bld} build -t never "{context}"; status=$?; '
                  f'{bld} images -q > "{self.dir}/after"; {bld} check >&2 || exit 98; '
                  f'{bld} build -q -t again -f "{context}/second" "{context}" >&2 || exit 97; exit $status')
        done = run(["unshare", "--user", "--map-auto", "--map-root-user", "--mount", "sh", "-c", script], ok=False)
        self.assert_fails(done, "no space left on device", "Containerfile:2")
        self.assertEqual((self.dir / "before").read_text(), (self.dir / "after").read_text())

    def test_read_only_store(self):
        if is_root():
            self.skipTest("permissions do not stop root")
        context = self.context("FROM localhost/busybox\nRUN echo hi > /x\n")
        script = ('mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"')
        done = run(["unshare", "--user", "--map-auto", "--map-root-user", "--mount", "sh", "-c", script, "sh",
                    self.bld.root, *self.bld.command("build", "-t", "never", context)], ok=False)
        self.assert_fails(done, str(self.bld.root))
        self.assertRegex(done.stderr, "(?i)read-only")
        self.assertEqual(self.bld.state(), self.before)

    def test_a_store_that_may_not_be_written(self):
        if is_root():
            self.skipTest("permissions do not stop root")
        done = run([BLD, "--root", "/proc/nosuch/store", "images"], ok=False)
        self.assert_fails(done, "/proc/nosuch")

    def test_paths_do_not_leave_the_context(self):
        (self.dir / "secret").write_text("secret")
        context = self.context("FROM localhost/busybox\nCOPY link /x\n")
        (context / "link").symlink_to("../secret")
        done = self.bld("build", "-t", "never", context, ok=False)
        if done.returncode == 0:  # a symlink may be followed inside of the context, never out of it
            files = self.bld.layout("never", self.dir / "out").files()
            self.assertNotEqual(files["/x"].data, b"secret")
        self.failing("FROM localhost/busybox\nCOPY ../secret /x\n", "Containerfile:2", "secret")


if __name__ == "__main__":
    main()
