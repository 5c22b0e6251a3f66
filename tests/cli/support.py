"""What the tests of the command line share: a private store, contexts, images as file lists,
other people's tools, and what is kept between runs (a Debian root filesystem)."""

import contextlib
import fcntl
import io
import json
import os
import secrets
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import uuid

import oci_layout

TOP = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = TOP / "examples" / "Containerfiles"
BLD = os.environ.get("BLD", str(TOP / "build" / "dev" / "cmd" / "bld"))
SKIPPED = 77  # exit status of a file all of whose tests were skipped; tests/cli/CMakeLists.txt


def is_root():
    return os.geteuid() == 0


def need(*programs):
    """Skips unless these are installed (scripts/install-packages test installs all of them)."""
    for program in programs:
        if not shutil.which(program):
            raise unittest.SkipTest(f"{program} is not installed")


def files_of_bld():
    """The program and the libraries that it needs where it reads layers, for images with bld."""
    inflate = sorted(pathlib.Path("/usr/lib").glob("*/libisal.so.2"))  # opened when it is needed, so that ldd does not know it
    linked = [word for word in run(["ldd", BLD]).stdout.split() if word.startswith("/")]
    return [BLD, *linked, *inflate]


def environment(**more):
    """A plain environment: nothing of the caller's leaks into what is tested."""
    keep = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "http_proxy", "https_proxy", "no_proxy",
            "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env["LANG"] = "C.UTF-8"
    env.update({name: str(value) for name, value in more.items() if value is not None})
    return env


def run(args, *, ok=True, timeout=300, input=None, cwd=None, env=None, text=True):
    """Runs a program to its end. `ok`: it must exit with 0; otherwise the caller looks."""
    args = [str(arg) for arg in args]
    done = subprocess.run(args, input=input, stdin=subprocess.DEVNULL if input is None else None,
                          capture_output=True, text=text, timeout=timeout, cwd=cwd,
                          env=environment() if env is None else env)
    if ok and done.returncode != 0:
        raise AssertionError(f"{' '.join(args)}: exit status {done.returncode}\n"
                             f"--- stdout\n{done.stdout[-3000:]}\n--- stderr\n{done.stderr[-3000:]}")
    return done


def remove_tree(path):
    """Removes a tree that may hold files of subordinate ids and directories without permissions."""
    path = str(path)
    if not is_root() and os.path.exists(path):
        subprocess.run(["unshare", "--user", "--map-auto", "--map-root-user", "rm", "-rf", path],
                       stderr=subprocess.DEVNULL)
    shutil.rmtree(path, ignore_errors=True)


def scratch_directory():
    """A new directory; its name can be part of an image's name, which one of mkdtemp cannot always."""
    path = pathlib.Path(os.environ.get("TMPDIR", "/var/tmp")) / f"bld-cli-{uuid.uuid4().hex[:12]}"
    path.mkdir(mode=0o700)
    return path


def cache_directory():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = pathlib.Path(base) / "bld-tests"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def file_lock(path):
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def debian_rootfs():
    """The tar of a minimal Debian, made once and kept between runs."""
    cache = cache_directory()
    rootfs = cache / "debian-bookworm.tar"
    with file_lock(cache / "lock"):
        if not rootfs.exists():
            need("mmdebstrap")
            run([EXAMPLES / "debian" / "make-rootfs", rootfs], timeout=900)
    return rootfs


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, seconds=10, what="condition"):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


class Store:
    """A bld with a store of its own."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def command(self, *args):
        return [BLD, "--root", str(self.root), *[str(a) for a in args]]

    def __call__(self, *args, **options):
        return run(self.command(*args), **options)

    def build(self, context, *args, **options):
        """`bld build`; the image's ID."""
        done = self("build", *args, context, **options)
        lines = done.stdout.strip().splitlines()
        return lines[-1] if lines else ""

    def start(self, *args, **options):
        """Started and not waited for, in a process group of its own."""
        return subprocess.Popen(self.command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=environment(),
                                start_new_session=True, **options)

    def import_busybox(self, name="localhost/busybox"):
        """A base image without any RUN: the static busybox with all its applets as links."""
        with tempfile.TemporaryDirectory(prefix="bld-cli-") as context:
            busybox_context(context)
            return self.build(context, "-t", name)

    def import_debian(self, name="localhost/debian:bookworm"):
        with tempfile.TemporaryDirectory(prefix="bld-cli-") as context:
            shutil.copy(EXAMPLES / "debian" / "Containerfile", context)
            place_rootfs(context)
            return self.build(context, "-t", name)

    def layout(self, image, directory):
        """The image pushed to an OCI layout, as a oci_layout.Image."""
        self("push", image, f"oci:{directory}:latest")
        return oci_layout.Image(directory, "latest")

    def images(self):
        return json.loads(self("images", "--json").stdout or "[]") or []

    def state(self):
        """What must be the same before and after something that fails."""
        self("check")
        return sorted((i["id"], tuple(i.get("names") or ())) for i in self.images())


def place_rootfs(context):
    target = os.path.join(context, "rootfs.tar")
    try:
        os.link(debian_rootfs(), target)
    except OSError:
        shutil.copy(debian_rootfs(), target)


def busybox_context(context):
    need("busybox")
    busybox = shutil.which("busybox")
    applets = run([busybox, "--list"]).stdout.split()
    with tarfile.open(os.path.join(context, "base.tar"), "w") as tar:
        def directory(name, mode=0o755):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, mode
            tar.addfile(info)

        for name in ("bin", "etc", "root"):
            directory(name)
        directory("tmp", 0o1777)
        info = tarfile.TarInfo("bin/busybox")
        data = pathlib.Path(busybox).read_bytes()
        info.mode, info.size = 0o755, len(data)
        tar.addfile(info, io.BytesIO(data))
        for applet in applets:
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname, link.mode = tarfile.SYMTYPE, "busybox", 0o777
                tar.addfile(link)
        passwd = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
        info = tarfile.TarInfo("etc/passwd")
        info.mode, info.size = 0o644, len(passwd)
        tar.addfile(info, io.BytesIO(passwd))
    pathlib.Path(context, "Containerfile").write_text(
        'FROM scratch\nADD base.tar /\nENV PATH=/bin\nCMD ["sh"]\n')


class CliTest(unittest.TestCase):
    """Each test has a directory and a store of its own, which are gone afterwards."""

    maxDiff = None

    def setUp(self):
        self.dir = scratch_directory()
        self.addCleanup(remove_tree, self.dir)
        self.bld = Store(self.dir / "store")

    def context(self, containerfile, files=None, name="context"):
        """A build context. `files`: path → text, bytes, or None for a directory."""
        place = self.dir / name
        place.mkdir(exist_ok=True)
        (place / "Containerfile").write_text(containerfile)
        for path, content in (files or {}).items():
            target = place / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                target.mkdir(exist_ok=True)
            elif isinstance(content, bytes):
                target.write_bytes(content)
            else:
                target.write_text(content)
        return place

    def example(self, name):
        """A copy of an example's context, with what its comment says it needs."""
        place = self.dir / f"example-{name}"
        shutil.copytree(EXAMPLES / name, place)
        if name == "hello":
            need("busybox")
            shutil.copy(shutil.which("busybox"), place / "busybox")
        if name == "debian":
            place_rootfs(place)
        if name == "copy":
            run(["tar", "--owner=0", "--group=0", "-C", place / "files", "-czf", place / "data.tar.gz", "."])
        return place

    def in_image(self, image, *command):
        """The output of a command run in a container of the image."""
        container = self.bld("from", image).stdout.strip()
        try:
            return self.bld("run", container, "--", *command).stdout
        finally:
            self.bld("rm", container)

    def assert_fails(self, done, *words, status=125):
        """It failed as it should: with this status, a message with these words, and no crash."""
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        for word in ("terminate called", "Aborted", "Sanitizer", "BLD_CHECK"):
            self.assertNotIn(word, done.stderr)


class OnBusybox(CliTest):
    """Containerfiles whose first line is `FROM localhost/busybox`, which is left out here."""

    def setUp(self):
        super().setUp()
        self.bld.import_busybox()

    def seen(self, lines, *flags, files=None, **options):
        """What the steps of a build printed, without the lines of bld."""
        context = self.context("FROM localhost/busybox\n" + lines, files)
        done = self.bld("build", "--no-cache", *flags, context, **options)
        return [line for line in done.stdout.splitlines()
                if not re.match(r"(\[\d+/\d+\] )?(STEP |COMMIT)|--> |Successfully|[0-9a-f]{64}$", line)]

    def fails(self, lines, *flags, files=None):
        failed = self.bld("build", *flags, self.context("FROM localhost/busybox\n" + lines, files), ok=False)
        self.assertNotEqual(failed.returncode, 0)
        return failed.stderr


class Buildah:
    """Debian's buildah, rootless like the bld beside it, with a store of its own."""

    def __init__(self, directory):
        need("buildah")
        self.directory = pathlib.Path(directory)
        self.runtime = self.directory / "run"
        self.runtime.mkdir(parents=True, mode=0o700)
        # Rootless overlay mounts need a kernel newer than 5.11; vfs works everywhere.
        self.driver = "overlay"
        if run(self.command("from", "scratch"), ok=False, env=self.env()).returncode != 0:
            self.driver = "vfs"

    def env(self):
        return environment(XDG_RUNTIME_DIR=self.runtime, BUILDAH_ISOLATION="chroot")

    def command(self, *args):
        return ["buildah", "--root", str(self.directory / "store"), "--runroot",
                str(self.directory / "runroot"), "--storage-driver", self.driver, *[str(a) for a in args]]

    def __call__(self, *args, **options):
        return run(self.command(*args), env=self.env(), **options)

    def layout(self, image, directory):
        self("push", "-q", image, f"oci:{directory}:latest")
        return oci_layout.Image(directory, "latest")


class Registry:
    """Debian's docker-registry on a loopback port, with an empty storage. A context manager.
    `htpasswd`: the file of those who may use it."""

    def __init__(self, directory, htpasswd=None):
        need("docker-registry")
        self.auth = f"auth: {{htpasswd: {{realm: test, path: {htpasswd}}}}}\n" if htpasswd else ""
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.name = f"localhost:{self.port}"

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "config.yml"
        config.write_text(f"version: 0.1\nlog: {{level: warn}}\n"
                          f"storage: {{filesystem: {{rootdirectory: {self.directory / 'data'}}}}}\n"
                          f"http: {{addr: '127.0.0.1:{self.port}'}}\n" + self.auth)
        self.log = open(self.directory / "log", "w")
        self.process = subprocess.Popen(["docker-registry", "serve", str(config)],
                                        stdout=self.log, stderr=self.log, env=environment())
        wait_for(self.answers, 20, "docker-registry")
        return self

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def processes_of(*needles):
    """Processes (pid → command line) whose command line or environment mentions one of `needles`."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            line = pathlib.Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode(
                errors="replace")
        except OSError:
            continue
        if any(needle in line for needle in needles):
            found[int(entry)] = line
    return found


def end(process):
    """Ends a process group that a test started; for cleanups."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(Exception):
        process.communicate(timeout=10)


def main():
    """unittest.main, with an exit status of its own where every test was skipped."""
    program = unittest.main(module="__main__", verbosity=2, exit=False, catchbreak=False)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun and len(result.skipped) >= result.testsRun else 0)
