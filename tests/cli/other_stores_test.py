"""Images that podman, buildah and docker have: containers-storage: and docker-daemon:, both ways."""

import fcntl
import json
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

    def in_place(self, *words, **options):
        """A command of bld that has no other program to read the store with."""
        return self.ours(*words, env=self.without("podman", "buildah"), **options)

    def store(self, driver):
        """The flags of podman, and a store of its own with two images, one of them of two layers."""
        place = self.dir / f"{driver}-store"
        flags = ("--root", str(place), "--runroot", f"{place}/run", "--storage-driver", driver)
        archive = self.dir / "busybox.tar"
        if not archive.exists():
            self.ours("push", "-q", "busybox", f"oci-archive:{archive}:example.com/tools/busybox:1")
        try:
            self.podman(*flags, "load", "-q", "-i", archive)
        except AssertionError as error:
            self.skipTest(f"podman has no {driver} here: {error}")
        context = self.context(f"FROM example.com/tools/busybox:1\nCOPY f /sub/\nCOPY g /\nLABEL driver={driver}\n",
                               {"f": "one", "g": "two\n" * 9000}, name=driver)
        self.podman(*flags, "build", "-q", "--network=none", "-t", "localhost/above", context)
        return place, flags

    def test_read_in_place(self):
        need("podman")
        for driver in ("overlay", "vfs"):
            with self.subTest(driver):
                place, flags = self.store(driver)
                facts = self.podman(*flags, "inspect", "--format", "{{.Id}} {{.Digest}}", "localhost/above")
                self.ours("rmi", "-a", "-f")
                spec = f"containers-storage:[{driver}@{place}+{place}/run]"
                self.assertEqual(self.in_place("pull", "-q", f"{spec}above").stdout.strip(), facts.split()[0])
                self.assertEqual(self.in_place("inspect", "-f", "{{.FromImageID}} {{.FromImageDigest}}", "localhost/above").stdout, facts)
                self.assertEqual(self.in_image("localhost/above", "cat", "/sub/f"), "one")
                self.assertEqual(self.in_image("localhost/above", "wc", "-c", "/g").split()[0], "36000")
                # By a name without its registry, by the beginning of its ID, and with the driver left to find out.
                self.in_place("rmi", "-a")
                self.assertEqual(self.in_place("pull", "-q", f"containers-storage:[{place}]example.com/tools/busybox:1").stdout.strip(), self.id)
                self.assertEqual(self.bld("images", "-n", "--format", "{{.Name}}:{{.Tag}}").stdout, "example.com/tools/busybox:1\n")
                self.in_place("rmi", "-a")
                self.assertEqual(self.in_place("pull", "-q", f"{spec}{self.id[:10]}").stdout.strip(), self.id)
                self.assert_fails(self.in_place("pull", "-q", f"{spec}nosuch", ok=False), "nosuch: image not known")
                self.bld("check")

    def test_the_store_of_the_user_as_storage_conf_says(self):
        need("podman")
        place, flags = self.store("vfs")
        name = self.dir / "storage.conf"
        self.ours("rmi", "-a", "-f")
        text = "FROM localhost/above AS first\nFROM first\nCOPY --from=localhost/above /g /h\n"
        builds = [(f'[storage]\ndriver = "vfs"\ngraphroot = "{place}"\n', text),
                  (f'[storage]\ndriver = "overlay"\nrootless_storage_path = "{self.dir}/none"\n'
                   f'[storage.options]\nadditionalimagestores = ["{place}"]\n', text)]
        env = {**self.without("podman", "buildah"), "CONTAINERS_STORAGE_CONF": str(name)}
        name.write_text(builds[0][0])
        # An image that no registry can have is looked for there without being asked to.
        self.ours("build", "-q", "-t", "built", self.context(text, name="built"), env=env)
        self.assertEqual(self.bld("inspect", "-f", "{{.Docker.Config.Labels.driver}}", "built").stdout, "vfs")
        self.ours("rmi", "-a", "-f")
        self.assert_fails(self.ours("from", "-q", "--pull=never", "localhost/above", env=env, ok=False), "image not known")
        name.write_text(builds[1][0].replace('"overlay"', '""'))
        self.assertEqual(self.ours("from", "-q", "localhost/above", env=env).stdout, "above-working-container\n")
        self.ours("rm", "-a")
        self.ours("rmi", "-a", "-f")
        name.write_text('[storage]\ndriver = "btrfs"\n')
        self.assert_fails(self.ours("from", "-q", "localhost/above", env=env, ok=False), "image not known", "hint:")
        self.assert_fails(self.ours("from", "-q", "containers-storage:above", env=env, ok=False), "driver is btrfs")

    def test_others_write_while_it_is_read(self):
        need("podman")
        place, _ = self.store("vfs")
        spec = f"containers-storage:[vfs@{place}]above"
        self.ours("rmi", "-a", "-f")
        with open(place / "vfs-layers" / "layers.lock", "r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            pull = self.bld.start("pull", "-q", spec)
            with self.assertRaises(subprocess.TimeoutExpired):
                pull.wait(timeout=1)
            fcntl.lockf(lock, fcntl.LOCK_UN)
            self.assertEqual(len(pull.communicate(timeout=60)[0]), 65)
        # A layer that is not what it was is not taken, and without its tar-split podman has to save it.
        self.ours("rmi", "-a", "-f")
        layers = {layer["id"]: layer for layer in json.loads((place / "vfs-layers" / "layers.json").read_text())}
        top = next(i for i in layers if not any(other.get("parent") == i for other in layers.values()))
        changed = place / "vfs" / "dir" / top / "g"
        run(["unshare", "--user", "--map-root-user", "--map-auto", "sh", "-c", f"tr t T < {changed} > {changed}.new; mv {changed}.new {changed}"])
        self.assert_fails(self.in_place("pull", "-q", spec, ok=False), layers[top]["diff-digest"])
        self.assertEqual(self.bld.images(), [])
        (place / "vfs-layers" / f"{top}.tar-split.gz").unlink()
        self.assert_fails(self.in_place("pull", "-q", spec, ok=False), "has no tar-split")

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
        self.assert_fails(self.ours("push", "busybox", "containers-storage:x", env=env, ok=False),
                          "podman or buildah is not installed", "hint:")
        self.assert_fails(self.ours("from", "containers-storage:x", env=env, ok=False), "x: image not known")
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
