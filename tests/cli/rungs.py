"""What works on each rung of the isolation ladder: one list of features, which rungs_test.py tries where it is (the quick
ones), and scripts/rungs on all rungs, for the table of docs/isolation.md."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from support import BLD, EXAMPLES, TOP, Store, busybox_context, environment, files_of_bld, need, place_rootfs, remove_tree, run, scratch_directory

DOCUMENT = TOP / "docs" / "isolation.md"
DEFAULT = ("chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod "
           "audit_write setfcap").split()


class Refused(Exception):
    """bld said no, and why."""


class Rung:
    """A bld as it is on one of them, with a store and a directory of its own, which is a context manager's."""

    name = title = ""
    as_root = False

    def __enter__(self):
        self.dir = scratch_directory()
        self.store = self.make_store()
        self.warnings = []
        self.count = 0
        context = self.dir / "base"
        context.mkdir()
        busybox_context(context)
        self.bld("build", "-q", "-t", "localhost/busybox", context)
        return self

    def __exit__(self, *_):
        remove_tree(self.dir)

    def make_store(self):
        return Store(self.dir / "store")

    def environment(self):
        return environment()

    def bld(self, *args, ok=True):
        """Its result. An error of bld's own is Refused; warnings are collected."""
        done = run(self.store.command(*args), env=self.environment(), ok=False)
        self.warnings += re.findall(r"^\[Warning\] (.*)$", done.stderr, re.MULTILINE)
        if done.returncode == 125:
            errors = re.findall(r"^Error: (.*)$", done.stderr, re.MULTILINE)
            raise Refused(errors[-1] if errors else done.stderr)
        if ok and done.returncode != 0:
            raise AssertionError(f"exit status {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done

    def context(self, lines, files=None):
        self.count += 1
        place = self.dir / f"context{self.count}"
        place.mkdir()
        (place / "Containerfile").write_text(lines)
        for name, content in (files or {}).items():
            (place / name).write_text(content)
        return place

    def build(self, lines, *flags, files=None, ok=True, base="localhost/busybox"):
        return self.bld("build", "--no-cache", "-t", "t", *flags, self.context(f"FROM {base}\n{lines}\n", files), ok=ok)

    def step(self, script, *flags, **options):
        """One RUN; what it printed."""
        done = self.build(f"RUN <<'END'\nset -e\n{script}\nEND", *flags, **options)
        return done.stdout

    def files(self, image="t"):
        self.count += 1
        return self.store_layout(image, self.dir / f"layout{self.count}")

    def store_layout(self, image, place):
        import oci_layout
        self.bld("push", image, f"oci:{place}:latest")
        return oci_layout.Image(place, "latest").files()


class Ranges(Rung):
    name, title = "ranges", "user with subordinate ids"


class Single(Rung):
    """Neither newuidmap nor newgidmap is found, but the program of the network is."""

    name, title = "single", "user with one id"

    def environment(self):
        programs = self.dir / "bin"
        programs.mkdir(exist_ok=True)
        for program in ("pasta", "crun"):
            found = shutil.which(program)
            if found and not (programs / program).exists():
                (programs / program).symlink_to(found)
        return environment(PATH=programs)


class Root(Rung):
    name, title, as_root = "root", "root", True


class Chroot(Rung):
    """Root with Docker's default capabilities and the usual files around it: quicker than Docker itself."""

    name, title, as_root = "chroot", "", True

    def make_store(self):
        class WithoutRights(Store):
            def command(self, *args):
                held = ",".join(f"+{name}" for name in DEFAULT)
                return ["setpriv", f"--bounding-set=-all,{held}", *super().command(*args)]

        need("setpriv")
        return WithoutRights(self.dir / "store")


class Docker(Rung):
    """`docker run` without any flag that gives rights; the store is in the container."""

    name, title, as_root = "docker", "in a stock `docker run`", True

    def __enter__(self):
        from chroot_test import dockerd
        self.stack = contextlib.ExitStack()
        with self.stack:
            self.client = self.stack.enter_context(dockerd())
            entered = super().__enter__()
            self.stack = self.stack.pop_all()
            return entered

    def __exit__(self, *_):
        with self.stack:
            run([*self.client, "rm", "-f", "rung"], ok=False)
        super().__exit__()

    def make_store(self):
        root = self.dir / "root"
        for name in ("etc", "tmp", "var/tmp", "bin"):
            (root / name).mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), root / "bin" / "busybox")
        extra = [path for name in ("curl", "archive") for path in sorted(pathlib.Path("/usr/lib").glob(f"*/lib{name}*.so.*"))][:4]
        run(["cp", "-L", "--parents", *files_of_bld(), *[p for p in extra if p.exists()], root])
        with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run([*self.client, "import", "-", "bld"], stdin=tar.stdout, check=True, stdout=subprocess.DEVNULL)
        run([*self.client, "run", "-d", "--init=false", "--name", "rung", "--network=host", f"--volume={self.dir}:{self.dir}",
             "bld", "/bin/busybox", "sleep", "100000"])
        client = self.client

        class Inside(Store):
            def command(self, *args):
                proxies = [f"--env={name}" for name in os.environ if name.lower().endswith("_proxy")]
                return [*client, "exec", *proxies, "rung", *super().command(*args)]

        return Inside("/var/lib/bld")


USER_RUNGS = [Ranges, Single]
ROOT_RUNGS = [Root, Docker]
FEATURES = []


def feature(title, *, slow=False, machine=False):
    """`machine`: whether there is a warning depends on the machine and not on the rung."""
    def add(function):
        FEATURES.append((title, function, slow, machine))
        return function
    return add


def plain(message):
    """Without what differs from run to run, and where in a file it was."""
    message = re.sub(r"^(\S*Containerfile:\d+(:\d+)?: )?((RUN|COPY) .*?: )?", "", message.strip())
    message = re.sub(r"/var/tmp/bld-cli-\w+", "DIR", message)
    return message.replace("|", "\\|")


def expect(condition, seen):
    if not condition:
        raise AssertionError(f"wrong: {seen}")


@feature("`RUN` as root")
def run_as_root(rung):
    seen = rung.step("test $(id -u) = 0; echo text > /made; cat /made; rm /etc/passwd")
    files = rung.files()
    expect("text\n" in seen and files["/made"].data == b"text\n" and "/etc/passwd" not in files, seen)


@feature("`RUN` as another user (`USER`)")
def run_as_user(rung):
    seen = rung.build("RUN mkdir -m 1777 /shared\nUSER 1234:5678\nRUN id -u; id -g; touch /shared/mine; "
                      "touch /bin/x 2>/dev/null || echo held\n").stdout
    expect("\n1234\n5678\n" in seen, seen)
    if not rung.warnings:
        entry = rung.files()["/shared/mine"]
        expect("held\n" in seen and (entry.uid, entry.gid) == (1234, 5678), entry.facts())


@feature("`chown` in `RUN`")
def chown(rung):
    seen = rung.step("echo > /f; chown 12:34 /f; chmod 4755 /f; stat -c %u:%g:%a /f")
    entry = rung.files()["/f"]
    expect("12:34:4755\n" in seen and (entry.uid, entry.gid, entry.mode) == (12, 34, 0o4755), seen)


@feature("`COPY --chown`, `--chmod`")
def copy_chown(rung):
    seen = rung.build("COPY --chown=21:43 --chmod=600 f /f\nRUN stat -c %u:%g:%a /f\n", files={"f": "x"}).stdout
    entry = rung.files()["/f"]
    expect("21:43:600\n" in seen and (entry.uid, entry.gid, entry.mode) == (21, 43, 0o600), seen)


@feature("`COPY --from` of a stage, with owners and links")
def copy_from(rung):
    rung.build("RUN mkdir /d && echo x > /d/f && chown 5:6 /d/f && ln /d/f /d/g && ln -s f /d/l\nFROM localhost/busybox\n"
               "COPY --from=0 /d /e\nRUN stat -c %u:%g /e/f | grep -q 5:6\n")
    files = rung.files()
    expect((files["/e/f"].uid, files["/e/l"].target) == (5, "f") and "/d" not in files, list(files))


@feature("named pipes (`mkfifo`)")
def fifo(rung):
    rung.step("mkfifo /pipe; chown 3:4 /pipe")
    entry = rung.files()["/pipe"]
    expect((entry.type, entry.uid) == ("fifo", 3), entry.facts())


@feature("devices (`mknod`)")
def devices(rung):
    done = rung.build("RUN mknod /device c 1 3 && stat -c %F:%t:%T /device\n", "--cap-add", "mknod", ok=False)
    if done.returncode != 0:
        raise Refused("the kernel lets nobody make devices in a user namespace" if "not permitted" in done.stderr else done.stderr[-200:])
    expect(rung.files()["/device"].type == "char", done.stdout)


@feature("`su` and `setgroups` in `RUN`")
def su(rung):
    seen = rung.step("mkdir -m 777 /shared; su -s /bin/sh nobody -c 'id -u; id -G; touch /shared/x'; id -u")
    expect("\n65534\n65534\n0\n" in "\n" + seen, seen)
    owner = rung.files()["/shared/x"].uid
    if owner != 65534:
        rung.warnings.append("the files that such a process makes are root's")


def setcap_files(place):
    """setcap, getcap and their libraries, below place/tools."""
    need("setcap", "getcap")
    programs = [shutil.which(name) for name in ("setcap", "getcap")]
    libraries = {word for program in programs for word in run(["ldd", program]).stdout.split() if word.startswith("/")}
    (place / "tools").mkdir()
    run(["cp", "-L", "--parents", *programs, *sorted(libraries), place / "tools"])


@feature("file capabilities (`setcap`) in `RUN`")
def file_capabilities(rung):
    place = rung.context("FROM localhost/busybox\nCOPY tools /\nENV PATH=/bin:/sbin:/usr/bin:/usr/sbin\n"
                         "RUN cp /bin/busybox /ping && setcap cap_net_raw+ep /ping && getcap /ping\n")
    setcap_files(place)
    done = rung.bld("build", "--no-cache", "-t", "t", place, ok=False)
    if done.returncode != 0:
        raise Refused("setcap: " + done.stderr.strip().splitlines()[0])
    expect("cap_net_raw" in done.stdout and "security.capability" in rung.files()["/ping"].xattrs, done.stdout)


@feature("`RUN --mount=type=bind`")
def mount_bind(rung):
    seen = rung.build("RUN --mount=type=bind,target=/c cat /c/f; echo other > /c/f 2>/dev/null; true\n", files={"f": "shown\n"})
    expect("shown\n" in seen.stdout and "/c" not in rung.files(), seen.stdout)


@feature("`RUN --mount=type=cache`")
def mount_cache(rung):
    line = "RUN --mount=type=cache,target=/c echo x >> /c/f && wc -l < /c/f\n"
    seen = rung.build(line + "RUN true\n" + line).stdout
    expect("1\n" in seen and "2\n" in seen and "/c" not in rung.files(), seen)


@feature("`RUN --mount=type=tmpfs`")
def mount_tmpfs(rung):
    rung.build("RUN --mount=type=tmpfs,target=/t echo x > /t/f && cat /t/f\n")
    expect("/t" not in rung.files(), "it is in the image")


@feature("… with a size")
def mount_tmpfs_size(rung):
    seen = rung.build("RUN --mount=type=tmpfs,target=/t,size=64k head -c 1000000 /dev/zero > /t/f || echo full\n").stdout
    expect("full\n" in seen, seen)


def secret(rung):
    path = rung.dir / "secret"
    path.write_text("hidden-text")
    return "--secret", f"id=s,src={path}"


@feature("`RUN --mount=type=secret`, as a file")
def mount_secret(rung):
    seen = rung.build("RUN --mount=type=secret,id=s wc -c < /run/secrets/s\n", *secret(rung)).stdout
    expect("11\n" in seen and "/run/secrets" not in rung.files(), seen)


@feature("… as a variable")
def mount_secret_env(rung):
    seen = rung.build("RUN --mount=type=secret,id=s,env=S echo ${#S}\n", *secret(rung)).stdout
    expect("11\n" in seen, seen)


@feature("`RUN --mount=type=ssh`")
def mount_ssh(rung):
    key = rung.dir / "key"
    if not key.exists():
        need("ssh-keygen")
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    import socket
    path = rung.dir / "agent"
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(path))
        agent.listen()
        seen = rung.build("RUN --mount=type=ssh test -S $SSH_AUTH_SOCK && echo there\n", "--ssh", f"default={path}").stdout
    expect("there\n" in seen, seen)


@feature("`--volume`, read-only")
def volume_read_only(rung):
    place = rung.dir / "volume"
    place.mkdir(exist_ok=True)
    (place / "f").write_text("mine\n")
    seen = rung.step("cat /v/f; echo other > /v/f || true", "-v", f"{place}:/v:ro")
    expect("mine\n" in seen and (place / "f").read_text() == "mine\n", seen)


@feature("`--volume`, writable")
def volume(rung):
    place = rung.dir / "writable"
    place.mkdir(exist_ok=True)
    rung.step("echo changed > /v/f", "-v", f"{place}:/v")
    expect((place / "f").read_text() == "changed\n", "not changed")


@feature("network of its own (`--network private`)")
def network_private(rung):
    seen = rung.step("ls /proc/net/ > /dev/null; echo interfaces $(grep -c : /proc/net/dev)", "--network", "private")
    expect("interfaces 2" in seen, seen)


@feature("network of the machine (`--network host`)")
def network_host(rung):
    expect("done\n" in rung.step("echo done", "--network", "host"), "")


@feature("no network (`--network none`)")
def network_none(rung):
    expect("interfaces 1" in rung.step("echo interfaces $(grep -c : /proc/net/dev)", "--network", "none"), "")


@feature("`--add-host`, `--dns`")
def name_files(rung):
    seen = rung.step("cat /etc/hosts /etc/resolv.conf", "--add-host", "there:192.0.2.7", "--dns", "192.0.2.53")
    expect("192.0.2.7" in seen and "nameserver 192.0.2.53" in seen and "/etc/hosts" not in rung.files(), seen)


@feature("`--memory`, `--pids-limit`", machine=True)
def limits(rung):
    rung.step("true", "--memory", "64m", "--pids-limit", "50")


@feature("`--ulimit`")
def ulimit(rung):
    expect("\n77\n" in rung.step("ulimit -n", "--ulimit", "nofile=77"), "")


@feature("`--cap-drop`")
def cap_drop(rung):
    expect("held\n" in rung.step("touch /f; chown 5 /f 2>/dev/null || echo held", "--cap-drop", "chown"), "chown works")


@feature("`--cap-add sys_admin`")
def cap_add(rung):
    expect("mounted\n" in rung.step("mkdir /m; mount -t tmpfs x /m; echo mounted", "--cap-add", "sys_admin"), "")


@feature("bld's filter of system calls")
def seccomp(rung):
    done = rung.build("RUN grep -c '^Seccomp_filters:' /proc/self/status; unshare -r true 2>/dev/null || echo held\n", ok=False)
    if "\n1\n" not in "\n" + done.stdout:
        raise Refused("that of the container around bld holds; its own only with --security-opt no-new-privileges")
    expect("held\n" in done.stdout, done.stdout)


@feature("`--security-opt seccomp=FILE`")
def seccomp_profile(rung):
    path = rung.dir / "profile.json"
    path.write_text('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], '
                    '"action": "SCMP_ACT_ERRNO", "errnoRet": 18}]}')
    seen = rung.step("mkdir /x 2>/dev/null || echo held", "--security-opt", f"seccomp={path}")
    expect("held\n" in seen, seen)


@feature("… with `no-new-privileges`")
def seccomp_no_new_privileges(rung):
    path = rung.dir / "profile.json"
    seen = rung.step("mkdir /x 2>/dev/null || echo held", "--security-opt", f"seccomp={path}", "--security-opt", "no-new-privileges")
    expect("held\n" in seen, seen)


@feature("`/proc` and `/sys`, masked and read-only")
def kernel_files(rung):
    done = rung.build("RUN test -d /proc/self || { echo none; exit 0; }; head -c 1 /proc/kcore | wc -c; "
                      "for f in /proc/sys/kernel/hostname /sys/x; do (echo x > $f) 2>/dev/null || echo held; done\n")
    if "none\n" in done.stdout:
        raise Refused("there is no /proc and no /sys in a chroot")
    expect("0\nheld\nheld\n" in done.stdout, done.stdout)


@feature("processes of its own (pid namespace)")
def processes(rung):
    seen = rung.build("RUN exec sh -c 'test $$ -le 3 && echo own || echo shared'\n").stdout
    if "shared\n" in seen:
        raise Refused("the processes are those of the container around bld")
    expect("own\n" in seen, seen)


@feature("background processes end with the step")
def background(rung):
    begun = time.monotonic()
    token = f"{os.getpid()}{int(begun)}"
    rung.step(f"(setsid sleep 1{token} &) ; sh -c 'trap : TERM; sleep 1{token} & sleep 1{token}' > /dev/null 2>&1 & true")
    expect(time.monotonic() - begun < 30 and not run(["pgrep", "-f", f"sleep 1{token}"], ok=False).stdout, "they run on")


@feature("`--runtime crun`")
def other_runtime(rung):
    need("crun")
    path = shutil.which("crun")
    expect("done\n" in rung.step("echo done", "--runtime", path), "")


@feature("`from`, `run`, `copy`, `commit`")
def working_containers(rung):
    container = rung.bld("from", "localhost/busybox").stdout.strip()
    rung.bld("run", container, "--", "sh", "-c", "echo one > /one; chown 7 /one; rm /etc/passwd")
    (rung.dir / "two").write_text("two\n")
    rung.bld("copy", container, rung.dir / "two", "/in/two")
    expect(rung.bld("run", container, "--", "sh", "-c", "cat /one /in/two; exit 7", ok=False).returncode == 7, "status")
    rung.bld("commit", "--rm", container, "committed")
    files = rung.files("committed")
    expect(files["/one"].uid == 7 and "/etc/passwd" not in files and files["/in/two"].data == b"two\n", list(files))


@feature("`mount` (under `bld unshare` for users)")
def mount(rung):
    container = rung.bld("from", "localhost/busybox").stdout.strip()
    command = [BLD, "--root", str(rung.store.root), "mount", container]
    if rung.as_root:
        rung.bld("mount", container)
        rung.bld("umount", container)
    else:
        rung.bld("unshare", *command)


@feature("`--output` of files")
def output(rung):
    place = rung.dir / f"exported{rung.count}"
    rung.build("RUN echo text > /exported\n", "--output", f"type=local,dest={place}")
    expect((place / "exported").read_text() == "text\n", "")


@feature("`apt-get install` of a package that sets file capabilities (iputils-ping) and of one that makes a group and changes "
         "owners (openssh-client)", slow=True)
def apt(rung):
    base = rung.context("")
    shutil.copy(EXAMPLES / "debian" / "Containerfile", base)
    place_rootfs(base)
    rung.bld("build", "-q", "-t", "localhost/debian", base)
    done = rung.build("RUN apt-get update && apt-get install -y --no-install-recommends iputils-ping openssh-client libcap2-bin\n"
                      "RUN getcap /bin/ping; stat -c %G:%a /usr/bin/ssh-agent", base="localhost/debian", ok=False)
    if done.returncode != 0:
        raise Refused((done.stderr.strip().splitlines() or ["?"])[-1])
    expect("_ssh:2755" in done.stdout and "cap_net_raw" in done.stdout, done.stdout[-1000:])


def try_features(rung, with_slow):
    """Title → ("yes" | "warning" | "no" | "wrong" | "skipped", why)."""
    results = {}
    for title, function, slow, _ in FEATURES:
        if slow and not with_slow:
            continue
        rung.warnings = []
        try:
            function(rung)
            results[title] = ("warning", plain(rung.warnings[0])) if rung.warnings else ("yes", "")
        except Refused as refused:
            results[title] = ("no", plain(str(refused)))
        except Exception as error:  # pylint: disable=broad-except
            kind = "skipped" if type(error).__name__ == "SkipTest" else "wrong"
            results[title] = (kind, f"{type(error).__name__}: {error}"[-3000:])
    return results


SHOWN = {"yes": "yes", "warning": "yes, but", "no": "no"}


def table(results):
    """Markdown of {rung name: try_features()}."""
    rungs = [rung for rung in USER_RUNGS + ROOT_RUNGS if rung.name in results]
    notes, lines = [], ["| | " + " | ".join(rung.title for rung in rungs) + " |", "|---" * (len(rungs) + 1) + "|"]
    for title, *_ in FEATURES:
        cells = []
        for rung in rungs:
            kind, why = results[rung.name].get(title, ("skipped", ""))
            if why and kind in SHOWN and why not in notes:
                notes.append(why)
            cells.append(SHOWN.get(kind, kind) + (f" ({notes.index(why) + 1})" if why and kind in SHOWN else ""))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines + [""] + [f"{number}. {note}" for number, note in enumerate(notes, 1)]) + "\n"


def documented():
    """Rung name → title → what the document says."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in DOCUMENT.read_text().splitlines()
            if line.startswith("| ")]
    columns = {rung.title: rung.name for rung in USER_RUNGS + ROOT_RUNGS}
    head = next(row for row in rows if len(row) > 2 and row[-1] in columns)
    kinds = {shown: kind for kind, shown in SHOWN.items()}
    result = {columns[title]: {} for title in head if title in columns}
    names = [columns[title] for title in head if title in columns]
    for row in rows[rows.index(head) + 1:]:
        for name, cell in zip(names, row[-len(names):]):
            result[name][row[0].removeprefix("| ")] = kinds.get(re.sub(r" \(\d+\)$", "", cell), cell)
    return result


if __name__ == "__main__":
    import sys
    wanted = next(rung for rung in [*USER_RUNGS, *ROOT_RUNGS, Chroot] if rung.name == sys.argv[1])
    with wanted() as here:
        json.dump(try_features(here, "--slow" in sys.argv), sys.stdout, indent=1)
