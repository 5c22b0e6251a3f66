"""What commands in working containers see: the flags of `bld run`, and those that `bld from` keeps for it."""

import os

from support import CliTest, environment, main


class ContainerRun(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.container = self.bld("from", "busybox").stdout.strip()

    def run_in(self, *words, container=None, ok=True, **options):
        return self.bld("run", *words[:-1], container or self.container, "--", "sh", "-c", words[-1], ok=ok, **options)

    def test_from_keeps_flags_for_each_run(self):
        kept = self.dir / "kept"
        kept.mkdir()
        (kept / "f").write_text("there\n")
        container = self.bld("from", "--volume", f"{kept}:/kept:ro", "--add-host", "a.example:192.0.2.7", "--cap-drop", "CHOWN",
                             "--shm-size", "1m", "--ulimit", "nofile=77:88", "--dns", "192.0.2.9", "busybox").stdout.strip()
        out = self.run_in("cat /kept/f; grep -c 192.0.2.7 /etc/hosts; ulimit -n; cat /etc/resolv.conf; "
                          "df -k /dev/shm | tail -1 | awk '{print $2}'; chown 1 /etc || echo refused",
                          container=container).stdout
        self.assertEqual(out.split("\n")[:-1], ["there", "1", "77", "nameserver 192.0.2.9", "1024", "refused"])
        # What run itself says comes after it.
        self.assertEqual(self.run_in("--dns", "192.0.2.1", "--cap-add", "NET_ADMIN", "cat /etc/resolv.conf; ulimit -n",
                                     container=container).stdout,
                         "nameserver 192.0.2.9\nnameserver 192.0.2.1\n77\n")

    def test_a_flag_of_from_that_is_wrong_makes_no_container(self):
        before = self.bld("containers", "-q").stdout
        for flags, said in ((("--isolation", "hyperv"), "unrecognized isolation"), (("--volume", "x"), "volume format"),
                            (("--no-hosts", "--add-host", "a:1.2.3.4"), "--no-hosts")):
            with self.subTest(flags):
                failed = self.bld("from", *flags, "busybox", ok=False)
                self.assertEqual(failed.returncode, 125)
                self.assertIn(said, failed.stderr)
        self.assertEqual(self.bld("containers", "-q").stdout, before)

    def test_suffix(self):
        self.assertEqual(self.bld("from", "--suffix", "work", "busybox").stdout, "busybox-work\n")

    def test_hostname(self):
        short_id = self.bld("containers", "-q").stdout[:12]
        self.assertEqual(self.run_in("hostname; echo $HOSTNAME").stdout, f"{short_id}\n{short_id}\n")
        self.assertEqual(self.run_in("--hostname", "there", "-e", "HOSTNAME=mine", "echo $HOSTNAME").stdout, "mine\n")
        self.assertEqual(self.run_in("--hostname", "there", "hostname; cat /etc/hostname").stdout, "there\nthere\n")
        self.bld("config", "--hostname", "configured", self.container)
        self.assertEqual(self.run_in("hostname").stdout, "configured\n")

    def test_a_relative_working_directory_is_below_the_root(self):
        self.assertEqual(self.run_in("--workingdir", "made/here", "pwd").stdout, "/made/here\n")
        self.bld("config", "--workingdir", "made", self.container)
        self.assertEqual(self.run_in("pwd").stdout, "/made\n")

    def test_a_terminal_by_its_other_names(self):
        for flag in ("-t", "--tty", "--terminal"):
            self.assertEqual(self.bld("run", flag, self.container, "tty").stdout.strip(), "/dev/pts/0")

    def test_group_add(self):
        self.run_in("echo staff:x:50: >> /etc/group")
        out = self.run_in("--group-add", "staff,77", "--user", "1000", "id -G").stdout.split()
        self.assertEqual(sorted(out), ["0", "50", "77"])

    def test_device(self):
        self.assertEqual(self.run_in("--device", "/dev/zero:/dev/nought:rwm", "head -c 3 /dev/nought | od -An -tx1").stdout.split(),
                         ["00"] * 3)
        failed = self.run_in("--device", "/dev/no-such-device", "true", ok=False)
        self.assertIn("there is no device /dev/no-such-device", failed.stderr)

    def test_proxy_variables(self):
        env = environment(http_proxy="http://192.0.2.3:1")
        self.assertEqual(self.run_in("echo $http_proxy", env=env).stdout, "http://192.0.2.3:1\n")
        self.assertEqual(self.run_in("--http-proxy=false", "echo $http_proxy", env=env).stdout, "\n")

    def test_mounts(self):
        shown = self.dir / "shown"
        shown.mkdir()
        (shown / "f").write_text("on the host\n")
        bind = f"type=bind,source={shown},target=/shown"
        self.assertEqual(self.run_in("--mount", bind, "cat /shown/f; touch /shown/g 2>/dev/null || echo read-only").stdout,
                         "on the host\nread-only\n")
        self.run_in("--mount", bind + ",rw", "touch /shown/g")
        self.assertTrue((shown / "g").exists())
        self.assertEqual(self.run_in("--contextdir", self.dir, "--mount", "type=bind,source=shown,target=/s", "cat /s/f").stdout,
                         "on the host\n")
        self.assertEqual(self.run_in("--contextdir", shown, "--mount", "type=bind,target=/s", "cat /s/f").stdout, "on the host\n")
        self.assertIn("must set volume source", self.run_in("--mount", "type=bind,target=/s", "true", ok=False).stderr)
        self.run_in("--mount", "type=cache,target=/cache", "echo kept > /cache/f")
        self.assertEqual(self.run_in("--mount", "type=cache,target=/cache", "cat /cache/f").stdout, "kept\n")
        self.assertEqual(self.run_in("--mount", "type=tmpfs,target=/t", "stat -f -c %T /t").stdout, "tmpfs\n")
        self.assertEqual(self.run_in("--mount", "type=bind,from=busybox,source=/bin,target=/other", "ls /other/busybox").stdout,
                         "/other/busybox\n")
        self.assertIn("--volume", self.run_in("--mount", "type=secret,id=x", "true", ok=False).stderr)
        # Nothing of a mount is left.
        self.assertEqual(self.run_in("ls -d /shown /cache /t /other 2>/dev/null || echo none").stdout, "none\n")

    def test_history(self):
        self.bld("run", "--add-history", self.container, "--", "touch", "/made")
        self.run_in("touch /unrecorded")
        self.run_in("touch /recorded", env=environment(BUILDAH_HISTORY="true"))
        self.bld("commit", "-q", self.container, "made")
        texts = [entry["created_by"] for entry in self.bld.layout("made", self.dir / "made").config["history"]]
        self.assertIn("/bin/sh -c touch /made", texts)
        self.assertIn("/bin/sh -c sh -c touch /recorded", texts)
        self.assertNotIn("unrecorded", " ".join(texts))

    def test_isolation_is_read_where_buildah_reads_it(self):
        self.assertEqual(self.run_in("readlink /proc/self/ns/net", env=environment(BUILDAH_ISOLATION="chroot")).stdout.strip(),
                         os.readlink("/proc/self/ns/net"))
        self.assertNotEqual(self.run_in("--network=none", "readlink /proc/self/ns/net").stdout.strip(), os.readlink("/proc/self/ns/net"))
        failed = self.run_in("true", env=environment(BUILDAH_ISOLATION="vm"), ok=False)
        self.assertIn("unrecognized isolation type", failed.stderr)

    # So that podman and its kin use the user's own store in a session of ours.
    def test_unshare_tells_other_tools(self):
        if os.geteuid() == 0:
            self.skipTest("root is in no session")
        out = self.bld("unshare", "env").stdout.splitlines()
        for entry in ("USERNS_CONFIGURED=done", f"ROOTLESS_UID={os.getuid()}", f"ROOTLESS_GID={os.getgid()}"):
            self.assertIn("_CONTAINERS_" + entry, out)

    def test_unshare_mounts_containers(self):
        out = self.bld("unshare", "--mount", f"place={self.container}", "--", "sh", "-c", 'ls "$place/bin/busybox"; echo x > "$place/made"').stdout
        self.assertTrue(out.endswith("/bin/busybox\n"), out)
        self.assertEqual(self.run_in("cat /made").stdout, "x\n")


if __name__ == "__main__":
    main()
