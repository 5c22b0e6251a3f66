"""Builds where namespaces and mounts are refused: with Docker's default capabilities, and inside of a stock `docker run`.

scripts/test runs this file in its second pass, as root."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from support import BLD, CliTest, Store, environment, files_of_bld, is_root, main, need, run

DEFAULT = ("chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod "
           "audit_write setfcap").split()

# Each line leaves something of another kind; the same is built in a container and compared.
CONTAINERFILE = """FROM localhost/busybox AS one
RUN mkdir -p /d/sub /gone /again && echo old > /d/file && echo x > /gone/x && echo x > /again/old
COPY --chown=7:8 f /copied/f
RUN echo new >> /d/file && ln /d/file /d/same && rm -r /gone && rm -r /again && mkdir /again && echo y > /again/new && ln -s file /d/link
RUN chown 12:34 /d/sub && chmod 4755 /copied/f && mkfifo /d/fifo && \\
    echo 'someone:x:1000:1000::/home/someone:/bin/sh' >> /etc/passwd && mkdir -p /home/someone && chown 1000 /home/someone
RUN --mount=type=cache,target=/c --mount=type=bind,target=/context --mount=type=tmpfs,target=/t \\
    cp /context/f /c/f && cp /c/f /t/f && cp /t/f /from-mounts
USER someone
WORKDIR /home/someone/work
RUN touch mine && id -un > who
FROM one
USER root
RUN rm -r /home/someone/work/mine /d/sub
COPY --from=one /d /dd
RUN for name in null zero full random urandom tty; do test -c /dev/$name || exit 1; done; cat /etc/resolv.conf /etc/hosts > /dev/null
"""


class Chroot(Store):
    """bld as root with Docker's default capabilities, which allow neither mounts nor namespaces."""

    def command(self, *args):
        held = ",".join(f"+{name}" for name in DEFAULT)
        return ["setpriv", f"--bounding-set=-all,{held}", *super().command(*args)]


def facts(image):
    """What is in the image, but for times, which differ from build to build."""
    return {path: entry.facts() for path, entry in image.files().items()}


@unittest.skipUnless(is_root(), "only as root")
class InChroot(CliTest):
    def setUp(self):
        super().setUp()
        need("setpriv")
        self.bld = Chroot(self.dir / "store")
        self.bld.import_busybox()

    def build(self, lines, *flags, files=None, **options):
        context = self.context("FROM localhost/busybox\n" + lines, files)
        return self.bld("build", "--no-cache", "-t", "t", *flags, context, **options)

    def files(self):
        return self.bld.layout("t", self.dir / f"out-{time.monotonic_ns()}").files()

    def assert_refused(self, lines, word, *flags):
        failed = self.build(lines, *flags, ok=False)
        self.assert_fails(failed, word)

    def test_the_same_image_as_from_containers(self):
        context = self.context(CONTAINERFILE, {"f": "data\n"})
        done = self.bld("build", "-t", "t", context)
        self.assertEqual(done.stderr.count("note: namespaces and mounts are refused here"), 1)
        ours = self.bld.layout("t", self.dir / "ours")
        usual = Store(self.dir / "usual")
        usual.import_busybox()
        usual.build(context, "-t", "t")
        theirs = usual.layout("t", self.dir / "theirs")
        self.assertEqual(facts(ours), facts(theirs))
        self.assertEqual(len(ours.manifest["layers"]), len(theirs.manifest["layers"]))
        self.bld("check")
        self.assertEqual(self.bld.build(context), self.bld.build(context))

    def test_rights(self):
        seen = self.build("RUN chroot / true; echo status $?; id; ls /proc /sys | wc -l; umask; ls /dev/fd/ 2>&1 | wc -l\n").stdout
        self.assertIn("Operation not permitted", seen + self.build("RUN chroot / true 2>&1 | cat\n").stdout)
        self.assertIn("uid=0(root)", seen)
        self.assertIn("0022", seen)
        self.assert_refused("RUN true\n", "CAP_SYS_ADMIN", "--cap-add", "SYS_ADMIN")
        self.assert_refused("RUN --network=none true\n", "needs a namespace")
        self.assert_refused("RUN true\n", "needs a namespace", "--network", "private")
        self.assert_refused("RUN true\n", "hiding /etc/passwd needs mounts", "--security-opt", "mask=/etc/passwd")
        self.build("RUN test $(ulimit -n) = 77\n", "--ulimit", "nofile=77")
        self.build("RUN mkdir /x && ! mount -t tmpfs none /x\n", "--security-opt", "no-new-privileges")

    def test_an_isolation_that_is_not_to_be_had_is_refused(self):
        for kind in ("oci", "rootless"):
            self.assert_refused("RUN true\n", "the isolation that was asked for needs namespaces", "--isolation", kind)
        failed = self.build("RUN true\n", ok=False, env=environment(BUILDAH_ISOLATION="oci"))
        self.assert_fails(failed, "--isolation=chroot", "Containerfile:2")
        for kind in ("chroot", "default"):
            self.build("RUN true\n", "--isolation", kind)
        self.build("COPY Containerfile /\n", "--isolation", "oci")
        container = self.bld("from", "--isolation", "oci", "localhost/busybox").stdout.strip()
        self.assert_fails(self.bld("run", container, "true", ok=False), "needs namespaces")
        self.assert_refused("RUN true\n", "leave --runtime away", "--runtime", "crun")

    def test_what_needs_mounts_says_so_and_what_does_not_works(self):
        secret = self.dir / "secret"
        secret.write_text("hidden")
        given = ("--secret", f"id=s,src={secret}")
        self.assert_refused("RUN --mount=type=secret,id=s cat /run/secrets/s\n", "a secret as a file", *given)
        seen = self.build("RUN --mount=type=secret,id=s,env=S test ${#S} = 6 && echo right\n", *given).stdout
        self.assertIn("right\n", seen)
        self.assertEqual(run(["grep", "-r", "hidden", self.dir / "store"], ok=False).stdout, "")
        self.assert_refused("RUN --mount=type=tmpfs,target=/t,size=1m true\n", "a tmpfs with a size")
        place = self.dir / "volume"
        place.mkdir()
        (place / "f").write_text("mine\n")
        self.assert_refused("RUN true\n", "a writable directory", "-v", f"{place}:/v")
        self.build("RUN cat /v/f && echo other > /v/f && mv /etc/hosts /etc/resolv.conf /moved-hosts 2>/dev/null; true\n",
                   "-v", f"{place}:/v:ro")
        self.assertEqual((place / "f").read_text(), "mine\n")
        self.assertNotIn("/v", self.files())

    def test_mounts_leave_nothing_even_when_the_command_moves_them(self):
        self.build("RUN mkdir -p /etc/sub && mv /etc /etc2 && mkdir /etc && cp /etc2/passwd /etc\n"
                   "RUN --mount=type=cache,target=/c echo kept > /c/f && mv /c /other && mkdir /c\n"
                   "RUN --mount=type=cache,target=/c cat /c/f > /seen\n"
                   "RUN rm -rf /dev; touch /after\n")
        files = self.files()
        self.assertEqual(files["/seen"].data, b"kept\n")
        for name in ("/etc2/resolv.conf", "/etc2/hosts", "/etc2/hostname", "/etc/hosts", "/other/f", "/other", "/dev/null"):
            self.assertNotIn(name, files)
        self.assertIn("/after", files)

    def test_what_a_step_leaves_running_is_killed(self):
        begun = time.monotonic()
        self.build("RUN (setsid sleep 4711 &) ; (sh -c 'setsid sh -c \"trap : TERM; sleep 4712 & sleep 4713\" &') ; true\n")
        self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual(run(["pgrep", "-f", "sleep 471[123]"], ok=False).stdout, "")

    def test_stopping_and_killing_bld_ends_the_step(self):
        context = self.context("FROM localhost/busybox\nRUN setsid sleep 4714 & sleep 4715\n")
        for stop in ("terminate", "kill"):
            process = self.bld.start("build", "--no-cache", context)
            deadline = time.monotonic() + 20
            while not run(["pgrep", "-f", "sleep 471[45]"], ok=False).stdout and time.monotonic() < deadline:
                time.sleep(0.05)
            getattr(process, stop)()
            process.communicate(timeout=10)
            deadline = time.monotonic() + 5
            while run(["pgrep", "-f", "sleep 471[45]"], ok=False).stdout and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertEqual(run(["pgrep", "-f", "sleep 471[45]"], ok=False).stdout, "", stop)
        self.bld("check")

    def test_working_containers_and_exports(self):
        container = self.bld("from", "localhost/busybox").stdout.strip()
        self.bld("run", container, "--", "sh", "-c", "echo one > /one; rm /etc/passwd")
        (self.dir / "two").write_text("two\n")
        self.bld("copy", container, self.dir / "two", "/in/two")
        self.bld("run", container, "--", "sh", "-c", "cat /one /in/two > /both; rm /one")
        self.bld("commit", container, "t")
        files = self.files()
        self.assertEqual(files["/both"].data, b"one\ntwo\n")
        for name in ("/one", "/etc/passwd"):
            self.assertNotIn(name, files)
        self.assertEqual(self.bld("run", container, "--", "sh", "-c", "exit 7", ok=False).returncode, 7)
        self.assert_fails(self.bld("mount", container, ok=False), "mounts are refused here", "bld run")
        self.build("RUN echo text > /exported\n", "--output", f"type=local,dest={self.dir / 'exported'}")
        self.assertEqual((self.dir / "exported" / "exported").read_text(), "text\n")

    def test_doctor(self):
        done = self.bld("doctor")
        self.assertIn("commands run in a chroot", done.stdout)
        self.assertIn("--cap-add SYS_ADMIN", done.stdout)
        self.assertIn("Builds work here.", done.stdout)


@contextlib.contextmanager
def dockerd():
    """A dockerd of its own; the command line of its client."""
    need("dockerd")
    docker = shutil.which("docker", path="/usr/bin:/bin") or "docker"
    with tempfile.TemporaryDirectory(prefix="bld-dockerd-", dir="/var/tmp") as name:
        place = pathlib.Path(name)
        client = [docker, "-H", f"unix://{place}/docker.sock"]
        with open(place / "log", "w") as log:
            process = subprocess.Popen(
                ["dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", f"--data-root={place / 'data'}",
                 f"--exec-root={place / 'exec'}", f"--pidfile={place / 'pid'}", "-H", client[2]], stdout=log, stderr=log)
        try:
            for _ in range(200):
                if process.poll() is not None or "API listen on" in (place / "log").read_text():
                    break
                time.sleep(0.1)
            if process.poll() is not None or run([*client, "version"], ok=False).returncode != 0:
                raise unittest.SkipTest("dockerd does not start: " + (place / "log").read_text()[-300:])
            yield client
        finally:
            process.terminate()
            process.wait()
            mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
            for mount in reversed([m for m in mounts if m.startswith(name)]):
                subprocess.run(["umount", "-l", mount], check=False)


def image_with_bld(client, place):
    """An image of bld and the libraries that it needs, and nothing else."""
    root = place / "root"
    for name in ("etc", "tmp", "var/tmp"):
        (root / name).mkdir(parents=True)
    run(["cp", "-L", "--parents", *files_of_bld(), root])
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run([*client, "import", "-", "bld"], stdin=tar.stdout, check=True, stdout=subprocess.DEVNULL)


@unittest.skipUnless(is_root(), "only as root")
class InDocker(CliTest):
    def test_a_stock_container_builds_the_same_image(self):
        self.bld.import_busybox()
        context = self.context(CONTAINERFILE, {"f": "data\n"})
        self.bld.build(context, "-t", "t")
        usual = self.bld.layout("t", self.dir / "usual")
        self.bld("push", "localhost/busybox", f"oci-archive:{context / 'busybox.tar'}")
        text = CONTAINERFILE.replace("localhost/busybox", "oci-archive:/context/busybox.tar")
        (context / "Containerfile").write_text(text)
        (self.dir / "out").mkdir()
        with dockerd() as client:
            image_with_bld(client, self.dir)
            # No flag that gives it any right. The store is in the container, on its overlay.
            done = run([*client, "run", "--rm", "--network=host", f"--volume={context}:/context:ro",
                        f"--volume={self.dir / 'out'}:/out", "bld", BLD, "build", "-t", "t",
                        "--output", "type=oci,dest=/out/t.tar", "/context"])
            self.assertIn("note: namespaces and mounts are refused here", done.stderr)
        self.bld("pull", f"oci-archive:{self.dir / 'out' / 't.tar'}")
        image_id = done.stdout.strip().splitlines()[-1]
        self.assertEqual(facts(self.bld.layout(image_id, self.dir / "ours")), facts(usual))


if __name__ == "__main__":
    main()
