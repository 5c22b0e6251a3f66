"""One case built by several builders, and what their images differ in.

A case is a folder of cases/: a build context with its Containerfile. These files of it are for the comparison, and are
taken out of the context:

  Containerfile.base     built first, by each builder, as localhost/case-base
  prepare                a shell script that makes the rest of the context, in the context
  flags                  flags of the build, one a line
  fails                  the build is to fail, and bld's message has these words
  mtimes                 paths whose modification time is compared, one a line
  expected-differences   lines "BUILDER SUBJECT FACT: REASON", words as a shell reads them, * ? [] as in file names.
                         REASON is the title of a row in docs/differences.md

The base image of all is localhost/busybox."""

import fnmatch
import json
import pathlib
import shlex
import shutil
import tarfile

import oci_layout
import support
from support import TOP, Store, environment, run

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "cases"
DIFFERENCES = TOP / "docs" / "differences.md"
ABOUT_THE_CASE = ("Containerfile.base", "prepare", "flags", "fails", "mtimes", "expected-differences")

CONFIG = ("Env", "Cmd", "Entrypoint", "WorkingDir", "User", "Labels", "Volumes", "ExposedPorts", "Healthcheck",
          "StopSignal", "OnBuild", "Shell")
IDENTITY = ("io.bld.", "io.buildah.")  # labels that say who built the image


class Case:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.name = self.directory.name
        self.flags = self.lines("flags")
        self.mtimes = self.lines("mtimes")
        self.fails = self.lines("fails")
        self.expected = [Expected(line) for line in self.lines("expected-differences")]

    def lines(self, name):
        file = self.directory / name
        return [line for line in file.read_text().splitlines() if line] if file.exists() else []

    def context(self, place):
        """The build context, made in `place`; and that of the base image, or None."""
        context = place / "context"
        shutil.copytree(self.directory, context, symlinks=True, ignore=shutil.ignore_patterns(*ABOUT_THE_CASE))
        if (self.directory / "prepare").exists():
            run(["sh", "-eu", self.directory / "prepare"], cwd=context)
        base = None
        if (self.directory / "Containerfile.base").exists():
            base = place / "base"
            base.mkdir()
            shutil.copy(self.directory / "Containerfile.base", base / "Containerfile")
        return context, base


class Expected:
    """A difference that has its reason."""

    def __init__(self, line):
        pattern, _, self.reason = line.partition(": ")
        self.builder, self.subject, self.fact = shlex.split(pattern)
        self.line, self.used = line, False

    def matches(self, difference):
        return all(fnmatch.fnmatchcase(*pair) for pair in (
            (difference.builder, self.builder), (difference.subject, self.subject), (difference.fact, self.fact)))


class Difference:
    """One fact that `builder` sees otherwise than bld."""

    def __init__(self, builder, subject, fact, ours, theirs):
        self.builder, self.subject, self.fact, self.ours, self.theirs = builder, subject, fact, ours, theirs

    def __str__(self):
        return f"{self.builder} {shlex.quote(self.subject)} {self.fact}: bld {self.ours!r}, {self.builder} {self.theirs!r}"


def reasons():
    """The titles of the rows of docs/differences.md."""
    rows = [line.split("|")[1].strip() for line in DIFFERENCES.read_text().splitlines() if line.startswith("| ")]
    return set(rows[1:])


def cases(names=()):
    return [Case(CASES / name) for name in names or sorted(p.name for p in CASES.iterdir())]


class Archive:
    """An image as `docker save` writes it: the one form that all builders have, with all of the config."""

    def __init__(self, file, leftovers):
        self.leftovers = leftovers
        self.files = {}
        with tarfile.open(file) as archive:
            manifest = json.load(archive.extractfile("manifest.json"))[0]
            self.config = json.load(archive.extractfile(manifest["Config"]))
            self.layers = manifest["Layers"]
            for name in self.layers:  # which may be a link to a layer that comes twice
                with tarfile.open(fileobj=archive.extractfile(name), mode="r:*", encoding="utf-8",
                                  errors="surrogateescape") as layer:
                    oci_layout.lay_over(self.files, layer)

    def facts(self, mtimes=()):
        """(subject, fact) → value; the subject is a path or "config"."""
        facts = {}
        for path, entry in self.files.items():
            if path == "/":
                continue
            facts[path, "type"] = entry.type
            if entry.type != "link":
                facts[path, "mode"] = f"{entry.mode:04o}"
            facts[path, "owner"] = f"{entry.uid}:{entry.gid}"
            if entry.type == "link":
                facts[path, "target"] = entry.target
            if entry.type == "file":
                facts[path, "content"] = entry.data if entry.size <= 200 else f"{entry.size} {entry.sha256}"
                facts[path, "names"] = sorted(entry.names)
            facts[path, "xattrs"] = {k: v for k, v in entry.xattrs.items() if not k.startswith(self.leftovers)}
            if path in mtimes:
                facts[path, "mtime"] = int(entry.mtime)
        config = self.config.get("config") or {}
        for name in CONFIG:
            facts["config", name] = config.get(name) or None
        labels = config.get("Labels") or {}
        facts["config", "Labels"] = {k: v for k, v in labels.items() if not k.startswith(IDENTITY)}
        facts["config", "WorkingDir"] = config.get("WorkingDir") or "/"
        for name in ("architecture", "os"):
            facts["config", name] = self.config.get(name)
        facts["config", "author"] = self.config.get("author") or None
        return facts

    def notes(self):
        """What is not compared, for people to read."""
        history = [("(empty) " if h.get("empty_layer") else "") + h.get("created_by", "")
                   for h in self.config.get("history", [])]
        return [f"{len(self.layers)} layers", *history]


class Builder:
    """Builds a context; an Archive, or the message of the failure. `name`, `build_command`, `save_command` and `env`
    come from the kind of builder. `leftovers`: prefixes of extended attributes that its storage leaves in layers."""

    leftovers = ()

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)

    def env(self):
        return environment()

    def call(self, command, ok=True):
        return run(command, ok=ok, env=self.env(), timeout=120)

    def build(self, context, flags):
        file = self.directory / "image.tar"
        file.unlink(missing_ok=True)
        for command in (self.build_command("localhost/compared", context, flags),
                        self.save_command("localhost/compared", file)):
            done = self.call(command, ok=False)
            if done.returncode != 0:
                return done.stderr + done.stdout
        return Archive(file, self.leftovers)

    def build_base(self, context):
        self.call(self.build_command("localhost/case-base", context, []))


class Bld(Builder):
    name = "bld"

    def __init__(self, directory, store):
        super().__init__(directory)
        self.store = store

    def build_command(self, name, context, flags):
        return self.store.command("build", "-q", "--format=docker", "-t", name, *flags, context)

    def save_command(self, name, file):
        return self.store.command("push", "-q", name, f"docker-archive:{file}:{name}:latest")


class Buildah(Builder):
    name = "buildah"
    leftovers = ("user.overlay.",)

    def __init__(self, directory, buildah):
        super().__init__(directory)
        self.buildah = buildah

    def env(self):
        return self.buildah.env()

    def load(self, file):
        self.call(self.buildah.command("pull", "-q", f"docker-archive:{file}"))

    def build_command(self, name, context, flags):
        return self.buildah.command("bud", "-q", "--layers", "--format=docker", "-t", name, *flags, context)

    def save_command(self, name, file):
        return self.buildah.command("push", "-q", name, f"docker-archive:{file}")


class BuildKit(Builder):
    """The builder inside dockerd."""

    name = "buildkit"

    def __init__(self, directory, host):
        super().__init__(directory)
        # Debian's client before others: newer ones need a plugin for builds.
        self.docker = shutil.which("docker", path="/usr/bin:/bin") or "docker"
        self.host = host

    def env(self):
        return environment(DOCKER_HOST=self.host, DOCKER_BUILDKIT="1", DOCKER_CONFIG=self.directory)

    def load(self, file):
        self.call([self.docker, "load", "-q", "-i", file])

    def build_command(self, name, context, flags):
        return [self.docker, "build", "--network=host", "-t", name, *flags, "-f", context / "Containerfile", context]

    def save_command(self, name, file):
        return [self.docker, "save", "-o", file, name]


def start_builders(place, with_buildah, docker_host=None):
    """The builders with their stores below `place`, and the base image in each of them; bld is the first."""
    store = Store(place / "store")
    store.import_busybox()
    base = place / "busybox.tar"
    builders = [Bld(place / "bld", store)]
    builders[0].call(builders[0].save_command("localhost/busybox", base))
    if with_buildah:
        builders.append(Buildah(place / "buildah", support.Buildah(place / "buildah-store")))
    if docker_host:
        builders.append(BuildKit(place / "buildkit", docker_host))
    for builder in builders[1:]:
        builder.load(base)
    return builders


def outcome(built, mtimes):
    if isinstance(built, Archive):
        return {("build", "status"): "succeeds"} | built.facts(mtimes)
    return {("build", "status"): "fails"}


def differences(ours, theirs, builder):
    """`ours` and `theirs` are outcomes."""
    subjects = sorted({subject for subject, _ in ours.keys() | theirs.keys()})
    found = []
    if ours["build", "status"] != theirs["build", "status"]:
        return [Difference(builder, "build", "status", ours["build", "status"], theirs["build", "status"])]
    for subject in subjects:
        mine = {fact: value for (s, fact), value in ours.items() if s == subject}
        other = {fact: value for (s, fact), value in theirs.items() if s == subject}
        if not mine or not other:
            found.append(Difference(builder, subject, "exists", *("yes" if side else "no" for side in (mine, other))))
            continue
        for fact in sorted(mine.keys() | other.keys()):
            if mine.get(fact) != other.get(fact):
                found.append(Difference(builder, subject, fact, mine.get(fact), other.get(fact)))
    return found


class Comparison:
    """The outcome of a case. `unexpected`: lines that say what is wrong; none if all is as listed."""

    def __init__(self, case, built, everywhere=()):
        self.notes = {name: b.notes() if isinstance(b, Archive) else b.strip().splitlines()[-2:]
                      for name, b in built.items()}
        self.unexpected, self.listed = [], []
        ours = outcome(built["bld"], case.mtimes)
        failed = ours["build", "status"] == "fails"
        if failed and not case.fails:
            self.unexpected.append("bld fails: " + built["bld"].strip())
        if case.fails and not failed:
            self.unexpected.append("bld is to fail and does not")
        if failed:
            self.unexpected += [f"bld's message lacks {words!r}: {built['bld'].strip()}"
                                for words in case.fails if words not in built["bld"]]
        for name, theirs in built.items():
            if name == "bld":
                continue
            for difference in differences(ours, outcome(theirs, case.mtimes), name):
                known = [e for e in [*case.expected, *everywhere] if e.matches(difference)]
                for expected in known:
                    expected.used = True
                if known:
                    self.listed.append((difference, known[0].reason))
                else:
                    self.unexpected.append(str(difference))
                    if difference.theirs == "fails":
                        self.unexpected += [f"    {name}: {line}" for line in self.notes[name]]
        self.unexpected += [f"listed, but there is no such difference: {expected.line}" for expected in case.expected
                            if not expected.used and any(n != "bld" and fnmatch.fnmatchcase(n, expected.builder) for n in built)]


def everywhere():
    """Differences that any case may have."""
    return [Expected(line) for line in (HERE / "expected-differences").read_text().splitlines() if line]


def compare(case, builders, place):
    place.mkdir()
    context, base = case.context(place)
    built = {}
    for builder in builders:
        if base:
            builder.build_base(base)
        built[builder.name] = builder.build(context, case.flags)
    return Comparison(case, built, everywhere())
