"""Every Containerfile under examples/ builds, and what it shows is so."""

import contextlib
import os
import signal
import subprocess
import urllib.request

from support import (CliTest, Store, end, environment, free_port, need, remove_tree, run,
                     scratch_directory, wait_for, main)


class Small(CliTest):
    def test_hello(self):
        self.bld.build(self.example("hello"), "-t", "hello")
        self.assertEqual(self.in_image("hello", "cat", "/greeting"), "Hello from bld!\n")
        image = self.bld.layout("hello", self.dir / "out")
        self.assertEqual(image.config["config"]["Cmd"], ["cat", "/greeting"])
        self.assertEqual(image.config["config"]["Env"], ["PATH=/bin"])
        for layer, diff_id in zip(image.manifest["layers"], image.config["rootfs"]["diff_ids"]):
            self.assertEqual(image.diff_id(layer), diff_id)

    def test_heredoc(self):
        self.bld.build(self.example("hello"), "-t", "hello")
        self.bld.build(self.example("heredoc"), "-t", "heredoc")
        files = self.bld.layout("heredoc", self.dir / "out").files()
        self.assertEqual(files["/srv/www/note"].data, b"made in one step\n")
        self.assertEqual(files["/srv/www/index.html"].data, b"<p>Home is /nowhere.</p>\n")
        self.assertEqual(files["/srv/www/raw.txt"].data, b"Nothing is expanded here: ${HOME}\n")
        self.assertEqual(files["/srv/www/squares"].data, b"1\n4\n9\n")

    def test_args(self):
        self.bld.build(self.example("hello"), "-t", "hello")
        context = self.example("args")
        self.bld.build(context, "-t", "plain")
        self.bld.build(context, "-t", "loud", "--build-arg", "FLAVOUR=loud", "--build-arg", "GREETING=hey")
        self.assertEqual(self.in_image("plain", "cat", "/message"), "hello\n")
        self.assertEqual(self.in_image("loud", "cat", "/message"), "HEY!\n")
        image = self.bld.layout("loud", self.dir / "out")
        self.assertEqual(image.config["config"]["Labels"]["org.example.flavour"], "loud")

    def test_copy(self):
        self.bld.build(self.example("hello"), "-t", "hello")
        self.bld.build(self.example("copy"), "-t", "copy")
        files = self.bld.layout("copy", self.dir / "out").files()
        self.assertEqual(files["/owned.txt"].facts()[:4], ("file", "0o640", 1000, 1000))
        self.assertEqual(sorted(p for p in files if p.startswith("/texts/")), ["/texts/a.txt", "/texts/b.txt"])
        self.assertIn("/unpacked/b.txt", files)
        self.assertNotIn("/all/ignored.log", files)
        self.assertEqual(files["/made/two"].target, "one")


class Debian(CliTest):
    """On a real distribution, with packages from the real mirror."""

    @classmethod
    def setUpClass(cls):
        cls.shared = scratch_directory()
        cls.addClassCleanup(remove_tree, cls.shared)
        cls.debian = Store(cls.shared / "store")
        cls.debian.import_debian()

    def setUp(self):
        super().setUp()
        self.bld = self.debian

    def test_the_base_is_debian(self):
        self.assertIn("bookworm", self.in_image("debian:bookworm", "cat", "/etc/os-release"))
        self.assertRegex(self.in_image("debian:bookworm", "stat", "-c", "%a %U:%G", "/etc/shadow", "/tmp"),
                         r"640 root:shadow\n1777 root:root")

    def test_nginx(self):
        self.bld.build(self.example("nginx"), "-t", "nginx", timeout=600)
        image = self.bld.layout("nginx", self.dir / "out")
        self.assertEqual(image.config["config"]["ExposedPorts"], {"8080/tcp": {}})
        self.assertEqual(image.config["config"]["StopSignal"], "SIGQUIT")
        files = image.files()
        self.assertEqual(files["/usr/sbin/nginx"].type, "file")
        self.assertFalse([p for p in files if p.startswith("/var/lib/apt/lists/deb.debian")])
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            self.assertEqual(files[name].data if name in files else b"", self.base_file(name), name)
        with self.served(self.dir / "out") as port:
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
        self.assertIn(b"image that bld built", page)

    def base_file(self, name):
        base = getattr(type(self), "base", None)
        if base is None:
            base = type(self).base = self.bld.layout("debian:bookworm", self.shared / "base").files()
        return base[name].data if name in base else b""

    @contextlib.contextmanager
    def served(self, layout):
        """The image of `layout` run by podman in the host's network; the port it answers on."""
        need("podman")
        port = free_port()
        site = self.dir / "site.conf"
        site.write_text(f"server {{ listen 127.0.0.1:{port}; root /var/www/html; }}\n")
        runtime = self.dir / "podman"
        runtime.mkdir(mode=0o700)
        env = environment(XDG_RUNTIME_DIR=runtime)
        podman = ["podman", "--root", runtime / "root", "--runroot", runtime / "runroot",
                  "--cgroup-manager", "cgroupfs"]
        self.addCleanup(self.end_pause_process, runtime)
        said = []
        image = run([*podman, "pull", "-q", f"oci:{layout}:latest"], env=env).stdout.strip()
        # Which runtime works depends on the machine's cgroups.
        for options in (["--runtime", "runc"], ["--runtime", "crun"],
                        ["--runtime", "crun", "--cgroups=disabled"]):
            at = options.index("--runtime")
            command = [*podman, *options[at:at + 2], "run", "--rm", "--network", "host", *options[2:],
                       "-v", f"{site}:/etc/nginx/sites-enabled/default:ro", "--name", "nginx", image]
            server = subprocess.Popen([str(a) for a in command], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)
            self.addCleanup(end, server)
            if self.answers(server, port):
                try:
                    yield port
                finally:
                    run([*podman, "rm", "-f", "-t", "1", "nginx"], env=env, ok=False)
                return
            said.append(server.communicate()[1][-400:])
        self.fail("podman could not run the image: " + " | ".join(said))

    def end_pause_process(self, runtime):
        """Podman keeps its user namespace alive by a process that outlives it."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((runtime / "libpod/tmp/pause.pid").read_text()), signal.SIGTERM)

    def answers(self, server, port):
        def open_or_ended():
            if server.poll() is not None:
                return True
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).read()
                return True
            return False

        wait_for(open_or_ended, 30, "nginx")
        return server.poll() is None

    def test_multi_stage(self):
        self.bld.build(self.example("multi-stage"), "-t", "wordcount", timeout=900)
        image = self.bld.layout("wordcount", self.dir / "out")
        files = image.files()
        self.assertEqual(sorted(files), ["/self-test", "/wordcount"])
        self.assertEqual(files["/self-test"].data, b"3 three\n2 two\n1 one\n")
        self.assertEqual(image.config["config"]["Entrypoint"], ["/wordcount"])
        self.assertEqual(image.config["config"]["User"], "65534:65534")
        container = self.bld("from", "wordcount").stdout.strip()
        counted = self.bld("run", container, "--", "/wordcount", input="b a b\n").stdout
        self.assertEqual(counted, "2 b\n1 a\n")


if __name__ == "__main__":
    main()
