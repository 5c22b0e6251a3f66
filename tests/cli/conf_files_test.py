"""containers.conf, mounts.conf and BUILD_REGISTRY_SOURCES: read where Buildah reads them."""

import json

from support import CliTest, Registry, environment, main


class ContainersConf(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.container = self.bld("from", "busybox").stdout.strip()

    def conf(self, text, name="containers.conf"):
        path = self.dir / name
        path.write_text(text)
        return path

    def run_with(self, conf, *command, flags=(), **more):
        return self.bld("run", *flags, self.container, "--", *command, env=environment(CONTAINERS_CONF=conf, **more)).stdout

    def test_what_commands_get(self):
        (self.dir / "shown").mkdir()
        (self.dir / "shown" / "f").write_text("shown")
        conf = self.conf(f"""[containers]
            env = ["A=conf", "PATH=/no", "B=conf"]
            default_ulimits = ["nofile=123:456"]
            dns_servers = ["192.0.2.7"]
            dns_searches = ["conf.example"]
            shm_size = "3m"
            volumes = ["{self.dir}/shown:/shown:ro"]
            """)
        script = ("echo $A $B $PATH; ulimit -n; grep -v '^#' /etc/resolv.conf; cat /shown/f; echo; "
                  "df -k /dev/shm | awk 'END {print $2}'")
        self.bld("config", "-e", "B=image", self.container)
        seen = self.run_with(conf, "sh", "-c", script)
        for text in ("conf image /bin\n123\n", "192.0.2.7", "conf.example", "shown\n3072\n"):
            self.assertIn(text, seen)
        # A flag takes the place of what the file says.
        seen = self.run_with(conf, "sh", "-c", "echo $A; grep 192 /etc/resolv.conf; ls /shown 2>&1 || true",
                             flags=("-e", "A=flag", "--volume", f"{self.dir}/shown:/other"))
        self.assertIn("flag\n", seen)
        self.assertIn("No such file", seen)
        # And the same holds for RUN; the image has nothing of it.
        context = self.context("FROM localhost/busybox\nRUN echo $A > /a; ls /shown\n")
        self.bld("build", "-t", "made", context, env=environment(CONTAINERS_CONF=conf))
        made = self.bld.layout("made", self.dir / "made")
        self.assertEqual(made.files()["/a"].data, b"conf\n")
        self.assertNotIn("/shown", made.files())
        self.assertEqual(made.config["config"]["Env"], ["PATH=/bin"])

    def capabilities(self, conf, *flags):
        text = self.run_with(conf, "grep", "CapEff", "/proc/self/status", flags=flags)
        return int(text.split()[1], 16)

    def test_capabilities(self):
        conf = self.conf('[containers]\ndefault_capabilities = ["CHOWN", "cap_kill"]\n')
        chown, kill, net_raw = 1 << 0, 1 << 5, 1 << 13
        self.assertEqual(self.capabilities(conf), chown | kill)
        self.assertEqual(self.capabilities(conf, "--cap-add", "net_raw", "--cap-drop", "KILL"), chown | net_raw)
        self.assertEqual(self.capabilities(conf, "--cap-drop", "ALL", "--cap-add", "KILL"), kill)

    def test_proxies_and_seccomp(self):
        conf = self.conf("[containers]\nhttp_proxy = false\n")
        self.assertEqual(self.run_with(conf, "sh", "-c", "echo =$http_proxy", http_proxy="http://p"), "=\n")
        self.assertEqual(self.run_with(conf, "sh", "-c", "echo =$http_proxy", flags=("--http-proxy",),
                                       http_proxy="http://p"), "=http://p\n")
        profile = self.dir / "seccomp.json"
        profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW",
                                       "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}))
        conf = self.conf(f'[containers]\nseccomp_profile = "{profile}"\n')
        refused = "mkdir /x 2>/dev/null && echo made || echo refused"
        self.assertEqual(self.run_with(conf, "sh", "-c", refused), "refused\n")
        self.assertEqual(self.run_with("/dev/null", "sh", "-c", refused), "made\n")

    def test_files_add_to_each_other(self):
        home = self.dir / "config"
        (home / "containers" / "containers.conf.d").mkdir(parents=True)
        (home / "containers" / "containers.conf").write_text('[containers]\nenv = ["A=1"]\n')
        (home / "containers" / "containers.conf.d" / "1.conf").write_text('[containers]\nenv = ["B=2", {append=true}]\n')
        last = self.conf('[containers]\nenv = ["C=3", {append=true}]\n', "last.conf")
        env = environment(XDG_CONFIG_HOME=home, CONTAINERS_CONF_OVERRIDE=last)
        run = ("run", self.container, "--", "sh", "-c", "echo $A$B$C")
        self.assertEqual(self.bld(*run, env=env).stdout, "123\n")
        last.write_text('[containers]\nenv = ["C=3"]\n')
        self.assertEqual(self.bld(*run, env=env).stdout, "3\n")

    def test_engine(self):
        conf = self.conf('[engine]\nenv = ["BUILDAH_HISTORY=true"]\ncompression_format = "zstd"\n')
        env = environment(CONTAINERS_CONF=conf)
        self.bld("config", "-l", "x=y", self.container, env=env)
        self.bld("commit", "-q", self.container, "made")
        self.assertIn("LABEL x=y", self.bld.layout("made", self.dir / "made").config["history"][-2]["created_by"])
        self.bld("push", "made", f"oci:{self.dir}/zstd:x", env=env)
        manifest = [json.loads(path.read_text()) for path in (self.dir / "zstd" / "blobs" / "sha256").iterdir()
                    if path.read_bytes()[:20].startswith(b'{"schemaVersion"')][0]
        self.assertTrue(manifest["layers"][0]["mediaType"].endswith("zstd"))

    def test_mistakes_name_the_file(self):
        for text in ("[containers\n", "[containers]\nenv = 5\n", '[containers]\nhttp_proxy = "no"\n'):
            conf = self.conf(text)
            failed = self.bld("run", self.container, "true", env=environment(CONTAINERS_CONF=conf), ok=False)
            self.assert_fails(failed, str(conf))

    def test_mounts_conf(self):
        secret = self.dir / "secret"
        secret.mkdir()
        (secret / "key").write_text("key\n")
        conf = self.conf(f"# comment\n{secret}:/run/secrets\n{secret}/key:/one\n/nosuch:/x\n", "mounts.conf")
        done = self.bld("--default-mounts-file", conf, "run", self.container, "--", "sh", "-c",
                        "cat /run/secrets/key /one; echo mine > /run/secrets/new && ls /run/secrets")
        self.assertEqual(done.stdout, "key\nkey\nkey\nnew\n")
        self.assertIn("/nosuch", done.stderr)
        self.assertEqual([path.name for path in secret.iterdir()], ["key"])
        self.bld("commit", "-q", self.container, "made")
        self.assertNotIn("/run/secrets/new", self.bld.layout("made", self.dir / "made").files())
        self.conf("relative:/x\n", "mounts.conf")
        self.assert_fails(self.bld("--default-mounts-file", conf, "run", self.container, "true", ok=False), str(conf))


class Sources(CliTest):
    def test_registry_sources(self):
        self.bld.import_busybox()
        with Registry(self.dir / "registry") as registry:
            name = f"docker://{registry.name}/x:1"

            def push(**sources):
                return self.bld("push", "-q", "--retry", "0", "busybox", name, ok=False,
                                env=environment(BUILD_REGISTRY_SOURCES=json.dumps(sources)))

            self.assertEqual(push(insecureRegistries=[registry.name]).returncode, 0)
            self.assert_fails(push(blockedRegistries=[registry.name]), "denied by policy", "blocked registries list")
            self.assert_fails(push(allowedRegistries=["example.com"]), "not in allowed registries list")
            done = self.bld("from", "-q", "--pull=always", name, ok=False,
                            env=environment(BUILD_REGISTRY_SOURCES=json.dumps({"blockedRegistries": [registry.name]})))
            self.assert_fails(done, "pull from registry", "denied by policy")
            self.assert_fails(self.bld("pull", name, ok=False, env=environment(BUILD_REGISTRY_SOURCES="{")),
                              "BUILD_REGISTRY_SOURCES")


if __name__ == "__main__":
    main()
