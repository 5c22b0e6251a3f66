"""Images that podman, buildah and docker have: containers-storage: and docker-daemon:, both ways."""

import shutil
import subprocess

from support import Buildah, CliTest, environment, is_root, main, need, run, wait_for


class ContainersStorage(CliTest):
    def setUp(self):
        super().setUp()
        if is_root():
            self.skipTest("the stores of root are everybody's")
        self.bld.import_busybox()
        self.id = self.bld("inspect", "-f", "{{.FromImageID}}", "busybox").stdout
        # podman's own store, for this test alone.
        (self.dir / "run").mkdir(mode=0o700)
        self.env = environment(XDG_RUNTIME_DIR=self.dir / "run", XDG_DATA_HOME=self.dir / "data", HOME=self.dir,
                               XDG_CONFIG_HOME=self.dir / "conf")

    def ours(self, *words, env=None, **options):
        return self.bld(*words, env=env or self.env, **options)

    def podman(self, *words):
        return run(["podman", *words], env=self.env).stdout.strip()

    def test_podman(self):
        need("podman")
        self.ours("push", "-q", "busybox", "containers-storage:localhost/theirs:1")
        self.assertEqual(self.podman("images", "--format", "{{.Repository}}:{{.Tag}}"), "localhost/theirs:1")
        self.assertEqual(self.podman("inspect", "--format", "{{.Id}}", "localhost/theirs:1"), self.id)
        self.assertEqual(self.ours("rmi", "busybox").stdout.splitlines()[-1], self.id)
        self.assertEqual(self.ours("from", "-q", "containers-storage:localhost/theirs:1").stdout, "theirs-working-container\n")
        self.assertEqual(self.ours("run", "theirs-working-container", "echo", "hi").stdout, "hi\n")
        self.assertEqual(self.ours("inspect", "-f", "{{.FromImageID}} {{.FromImage}}", "theirs-working-container").stdout,
                         f"{self.id} localhost/theirs:1")
        context = self.context("FROM containers-storage:localhost/theirs:1\nRUN echo 1 > /made\n")
        self.ours("build", "-t", "built", context)
        self.ours("commit", "-q", "theirs-working-container", "containers-storage:localhost/committed")
        self.assertIn("localhost/committed:latest", self.podman("images", "--format", "{{.Repository}}:{{.Tag}}").split())
        self.assert_fails(self.ours("from", "-q", "containers-storage:localhost/nosuch", ok=False), "podman save failed")
        self.assert_fails(self.ours("from", "-q", "--pull=never", "containers-storage:localhost/nosuch", ok=False), "not known")
        self.bld("check")

    def test_buildah_where_its_store_is_named(self):
        buildah = Buildah(self.dir / "buildah")
        spec = f"[{buildah.driver}@{buildah.directory}/store+{buildah.directory}/runroot]"
        self.ours("push", "-q", "busybox", f"containers-storage:{spec}localhost/here:2", env=self.without("podman"))
        self.assertIn("localhost/here:2", buildah("images", "--format", "{{.Name}}:{{.Tag}}").stdout)
        self.ours("rmi", "busybox")
        self.assertEqual(self.ours("pull", "-q", f"containers-storage:{spec}localhost/here:2",
                                   env=self.without("podman")).stdout.strip(), self.id)

    def without(self, *programs):
        """An environment whose PATH has not these programs."""
        tools = self.dir / "tools"
        tools.mkdir(exist_ok=True)
        for name in ("buildah", "newuidmap", "newgidmap", "fuse-overlayfs"):
            if name not in programs and shutil.which(name) and not (tools / name).exists():
                (tools / name).symlink_to(shutil.which(name))
        return {**self.env, "PATH": str(tools)}

    def test_programs_that_are_missing(self):
        env = self.without("podman", "buildah", "docker")
        for words in (("from", "containers-storage:x"), ("push", "busybox", "containers-storage:x")):
            self.assert_fails(self.ours(*words, env=env, ok=False), "podman or buildah is not installed", "hint:")
        self.assert_fails(self.ours("from", "docker-daemon:x", env=env, ok=False), "docker is not installed")
        self.assert_fails(self.ours("from", "containers-storage:[x", ok=False), "] is missing")


class DockerDaemon(CliTest):
    def test_both_ways(self):
        need("docker", "dockerd")
        if not is_root():
            self.skipTest("dockerd needs root")
        socket = f"unix://{self.dir}/docker.sock"
        env = environment(DOCKER_HOST=socket)
        log = open(self.dir / "log", "w")
        daemon = subprocess.Popen(["dockerd", "--iptables=false", "--bridge=none", "--data-root", self.dir / "data",
                                   "--exec-root", self.dir / "exec", "--pidfile", self.dir / "pid", "-H", socket],
                                  stdout=log, stderr=log)
        self.addCleanup(log.close)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)
        try:
            wait_for(lambda: run(["docker", "version"], env=env, ok=False).returncode == 0 or daemon.poll() is not None,
                     20, "dockerd")
        except AssertionError:
            self.skipTest("dockerd does not start here")
        if daemon.poll() is not None:
            self.skipTest("dockerd does not start here")
        self.bld.import_busybox()
        image = self.bld("inspect", "-f", "{{.FromImageID}}", "busybox").stdout
        self.bld("push", "-q", "busybox", "docker-daemon:tool:1", env=env)
        self.assertEqual(run(["docker", "inspect", "--format", "{{.Id}}", "tool:1"], env=env).stdout.strip(), f"sha256:{image}")
        self.bld("rmi", "busybox")
        self.assertEqual(self.bld("from", "-q", "docker-daemon:tool:1", env=env).stdout, "tool-working-container\n")
        self.assertEqual(self.bld("run", "tool-working-container", "echo", "hi").stdout, "hi\n")
        self.assert_fails(self.bld("pull", "-q", "docker-daemon:nosuch", env=env, ok=False), "docker save failed")


if __name__ == "__main__":
    main()
