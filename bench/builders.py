"""What the benchmarks share: who builds, whose turn it is, and what is said of it. Python, no program."""

import argparse
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent
USER = "bld-test"
# Debian's programs before others of their names.
PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin"


def run(command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def seconds_of(command, **options):
    started = time.perf_counter()
    run(command, **options)
    return time.perf_counter() - started


# ---------------------------------------------------------------- the builders


class Builder:
    """Who builds: how, with what base image, and how its store is emptied."""

    most_steps = 200

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()

    def build(self, context, cached):
        return seconds_of(self.build_command(context, cached), env=self.env())

    def env(self):
        return dict(os.environ)


class Scripted(Builder):
    """A builder with working containers. `self.command`: the program with its store."""

    run_options = ()

    def push(self, name, image="bench"):
        return seconds_of([*self.command, "push", "-q", "--tls-verify=false", image, f"docker://{name}"], env=self.env())

    def pull(self, name):
        """By the same program, with a store of its own that is removed afterwards."""
        with self.empty() as command:
            return seconds_of([*command, "pull", "-q", "--tls-verify=false", f"docker://{name}"], env=self.env())

    def pull_and_run(self, name):
        """And a container of it, which runs a command."""
        with self.empty() as command:
            started = time.perf_counter()
            container = run([*command, "from", "-q", "--tls-verify=false", f"docker://{name}"], env=self.env()).strip()
            run([*command, "run", *self.run_options, container, "--", "sh", "-c", "test -d /tree"], env=self.env())
            return time.perf_counter() - started

    @contextlib.contextmanager
    def empty(self):
        place = self.directory / "empty"
        place.mkdir()
        try:
            yield self.elsewhere(place)
        finally:
            remove(place)

    def script(self, source):
        """from + run + copy + run + config + commit + rm."""
        started = time.perf_counter()

        def call(*words):
            return run([*self.command, *words], env=self.env()).strip()

        container = call("from", "localhost/base")
        call("run", *self.run_options, container, "--", "sh", "-c", "echo 1 > /one")
        call("copy", container, source, "/copied")
        call("run", *self.run_options, container, "--", "sh", "-c", "echo 2 > /two")
        call("config", "--cmd", "sh", "--env", "A=1", container)
        call("commit", "-q", container, "scripted")
        call("rm", container)
        return time.perf_counter() - started


class Bld(Scripted):
    name = "bld"

    def __init__(self, directory, program):
        super().__init__(directory)
        self.program = program
        self.command = self.elsewhere(directory)
        run([*self.command, "build", "-q", "-t", "localhost/base", base_context(directory)])

    def build_command(self, context, cached):
        return [*self.command, "build", "-q", "-t", "bench",
                *([] if cached else ["--no-cache"]), context]

    def elsewhere(self, directory):
        """The program with a store in this directory."""
        return [self.program, "--root", directory / "store"]


class BldHost(Bld):
    """In the host's network, as the others that are measured."""

    name = "bld-host"
    run_options = ("--network", "host")

    def __init__(self, bld):
        self.directory, self.command = bld.directory, bld.command

    def build_command(self, context, cached):
        command = super().build_command(context, cached)
        return [*command[:-1], "--network", "host", command[-1]]


class Buildah(Scripted):
    name = "buildah"
    run_options = ("--isolation", "chroot")  # in the host's network
    most_steps = 100  # more than 128 layers are "max depth exceeded"

    def __init__(self, directory):
        super().__init__(directory)
        self.command = self.elsewhere(directory)
        (directory / "run").mkdir(mode=0o700)
        run([*self.command, "bud", "-q", "-t", "localhost/base", base_context(directory)], env=self.env())

    def env(self):
        return dict(os.environ, XDG_RUNTIME_DIR=str(self.directory / "run"))

    def build_command(self, context, cached):
        return [*self.command, "bud", "-q", "--isolation", "chroot", "--layers", "-t", "bench",
                *([] if cached else ["--no-cache"]), context]

    def elsewhere(self, directory):
        return ["buildah", "--root", directory / "store", "--runroot", directory / "runroot", "--storage-driver", "overlay"]


class BuildKit(Builder):
    """The builder inside dockerd, which runs as root and beside the others."""

    name = "buildkit"
    most_steps = 100  # likewise

    def __init__(self, directory, host):
        super().__init__(directory)
        self.host = host
        run(["docker", "build", "-q", "-t", "localhost/base", "-f", base_context(directory) / "Containerfile",
             directory / "base"], env=self.env())

    def env(self):
        return dict(os.environ, DOCKER_HOST=self.host, DOCKER_BUILDKIT="1")

    def push(self, name, image="bench"):
        run(["docker", "tag", image, name], env=self.env())
        return seconds_of(["docker", "push", "-q", name], env=self.env())

    def pull(self, name):
        images = run(["docker", "images", "-aq"], env=self.env()).split()
        if images:
            run(["docker", "rmi", "-f", *set(images)], env=self.env())
        run(["docker", "builder", "prune", "-af"], env=self.env())
        return seconds_of(["docker", "pull", "-q", name], env=self.env())

    def build_command(self, context, cached):
        return ["docker", "build", "-q", "--network", "host", "-t", "bench", *([] if cached else ["--no-cache"]),
                "-f", context / "Containerfile", context]


@contextlib.contextmanager
def dockerd(directory):
    """A dockerd with private data and socket, open to the user that runs the benchmark."""
    socket = f"unix://{directory}/docker.sock"
    log = open(directory / "dockerd.log", "w")
    process = subprocess.Popen(
        [shutil.which("dockerd", path=PATH), "--iptables=false", "--bridge=none", "--data-root", str(directory / "data"), "--exec-root",
         str(directory / "exec"), "--pidfile", str(directory / "pid"), "-H", socket], stdout=log, stderr=log)
    try:
        for _ in range(200):
            if subprocess.run([shutil.which("docker", path=PATH), "-H", socket, "info"], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        else:
            sys.exit(f"dockerd does not start: {(directory / 'dockerd.log').read_text()[-800:]}")
        os.chmod(directory / "docker.sock", 0o666)
        yield socket
    finally:
        process.terminate()
        process.wait()


def base_context(directory):
    """FROM scratch and a static busybox with a shell: the base image of every case."""
    context = directory / "base"
    context.mkdir(exist_ok=True)
    shutil.copy(shutil.which("busybox"), context / "busybox")
    (context / "Containerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nENV PATH=/bin\nCMD ["sh"]\n')
    return context


# ---------------------------------------------------------------- the run


def measure(builders, runs, work):
    """builder name → seconds of each run; the builders take turns."""
    seconds = {builder.name: [] for builder in builders}
    for _ in range(runs):
        for builder in builders:
            seconds[builder.name].append(work(builder))
    return seconds


class Report:
    def __init__(self):
        self.results = {}

    def add(self, case, seconds):
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        self.results[case] = {"seconds": seconds, "median": medians}
        line = f"{case:10}"
        for name, median in medians.items():
            spread = (max(seconds[name]) - min(seconds[name])) / 2
            line += f"  {name} {1000 * median:10.1f} ms ±{1000 * spread:6.1f}"
            if name != "bld":
                line += f"  ({median / medians['bld']:6.1f} x bld)"
        print(line, flush=True)


def as_user(arguments):
    """Root's part: the program and, if asked for, dockerd; then this script again as the user."""
    if subprocess.run(["id", USER], capture_output=True).returncode != 0:
        run(["bash", "-c", f". {TOP}/scripts/lib.sh; ensure_user {USER}"])
    home = pathlib.Path(pwd.getpwnam(USER).pw_dir)
    with tempfile.TemporaryDirectory(prefix="bld-bench-", dir="/var/tmp") as place, contextlib.ExitStack() as stack:
        place = pathlib.Path(place)
        place.chmod(0o755)
        for file in filter(pathlib.Path.is_file, HERE.iterdir()):
            shutil.copy(file, place)
        shutil.copy(arguments.bld, place / "bld")
        command = ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "env", "-i", f"HOME={home}",
                   f"PATH={PATH}", f"USER={USER}", "python3", "-B", place / pathlib.Path(sys.argv[0]).name,
                   "--bld", place / "bld", "--runs", arguments.runs, *["--only=" + n for n in arguments.only]]
        if arguments.without_buildah:
            command.append("--without-buildah")
        if arguments.buildkit:
            command += ["--docker-host", stack.enter_context(dockerd(place))]
        if arguments.json:
            (place / "json").touch()
            os.chmod(place / "json", 0o666)
            command += ["--json", place / "json"]
        status = subprocess.run([str(c) for c in command], cwd=home).returncode
        if arguments.json:
            shutil.copy(place / "json", arguments.json)
    sys.exit(status)


def remove(directory):
    subprocess.run(["unshare", "--user", "--map-auto", "--map-root-user", "rm", "-rf", directory], check=False)


def main(description, cases):
    """A benchmark's own main. `cases`: name → function of a Bench."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", action="append", default=[], choices=list(cases))
    parser.add_argument("--bld", default=str(TOP / "build" / "release" / "cmd" / "bld"))
    parser.add_argument("--json")
    parser.add_argument("--without-buildah", action="store_true", help="which takes most of the time")
    parser.add_argument("--buildkit", action="store_true")
    parser.add_argument("--docker-host", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not os.access(arguments.bld, os.X_OK):
        sys.exit(f"{arguments.bld} is not there: cmake --preset release && cmake --build build/release, or --bld")
    if os.geteuid() == 0:
        as_user(arguments)
    if arguments.buildkit:
        sys.exit("--buildkit starts a dockerd: run as root")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bld-bench-", dir="/var/tmp"))
    try:
        bench = Bench(directory, arguments)
        for name in arguments.only or cases:
            cases[name](bench)
        if arguments.json:
            pathlib.Path(arguments.json).write_text(json.dumps(bench.report.results, indent=2) + "\n")
    finally:
        remove(directory)


class Bench:
    """What a case needs: a place, the builders, how often, and where results go."""

    def __init__(self, directory, arguments):
        self.directory, self.runs, self.report = directory, arguments.runs, Report()
        self.builders = [Bld(directory / "bld", arguments.bld)]
        if not arguments.without_buildah:
            self.builders.append(Buildah(directory / "buildah"))
        if arguments.docker_host:
            self.builders.append(BuildKit(directory / "buildkit", arguments.docker_host))

    @property
    def bld(self):
        return self.builders[0]

    @property
    def scripted(self):
        return [builder for builder in self.builders if isinstance(builder, Scripted)]

    def measure(self, case, work, builders=None):
        self.report.add(case, measure(builders or self.builders, self.runs, work))
