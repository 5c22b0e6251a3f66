"""RUN: what its flags and mounts, and the build's options for it, make a command see."""

import os
import subprocess
import tempfile

from support import OnBusybox, environment, is_root, main, need, run


class NetworkFiles(OnBusybox):
    def test_dns(self):
        self.assertEqual(self.seen("RUN cat /etc/resolv.conf\n", "--dns", "192.0.2.1,2001:db8::1", "--dns-search",
                                   "a.example", "--dns-option", "ndots:3"),
                         ["nameserver 192.0.2.1", "nameserver 2001:db8::1", "search a.example", "options ndots:3"])

    def test_what_the_image_has_can_stay(self):
        made = "RUN mkdir -p /etc && echo mine > /etc/%s\n"
        for flag, name in (("--dns=none", "resolv.conf"), ("--no-hosts", "hosts"), ("--no-hostname", "hostname")):
            with self.subTest(flag):
                self.assertEqual(self.seen(made % name + f"RUN cat /etc/{name}\n", flag), ["mine"])

    def test_what_it_lacks_is_not_there(self):
        for flag, name in (("--dns=none", "resolv.conf"), ("--no-hosts", "hosts"), ("--no-hostname", "hostname")):
            with self.subTest(flag):
                self.assertEqual(self.seen(f"RUN test ! -e /etc/{name} && echo none\n", flag), ["none"])

    def test_add_host(self):
        lines = self.seen("RUN cat /etc/hosts\n", "--add-host", "there:192.0.2.7", "--add-host", "a;b=2001:db8::1",
                          "--add-host", "c:[::1],d=192.0.2.8", "--add-host", "h:host-gateway", "--network", "host")
        for line in ("192.0.2.7\tthere", "2001:db8::1\ta", "2001:db8::1\tb", "::1\tc", "192.0.2.8\td", "127.0.0.1\th"):
            self.assertIn(line, lines)
        for value, said in (("there", "NAME:ADDRESS"), (":1.2.3.4", "NAME:ADDRESS"), ("there:here", '"here" is no IP address'),
                            ("a b:1.2.3.4", "no name")):
            with self.subTest(value):
                self.assertIn(said, self.fails("RUN true\n", "--add-host", value))

    def test_wrong_values_are_told_before_anything_is_looked_for(self):
        context = self.context("FROM scratch\n")
        for flag, value, said in (("--ulimit", "nofiles=1", "nofiles"), ("--ulimit", "nofile=many", "many"),
                                  ("--cap-add", "NOSUCH", "NOSUCH"), ("--cap-drop", "NOSUCH", "NOSUCH")):
            with self.subTest(value):
                self.assert_fails(self.bld("build", flag, value, context, ok=False), said)

    def test_what_tells_of_a_container(self):
        """HOSTNAME and /run/.containerenv, of which nothing is in the image."""
        self.assertEqual(self.seen("RUN echo $HOSTNAME; . /run/.containerenv; echo ${engine%-*} $rootless\n", "-t", "t"),
                         ["bld", f"bld {0 if is_root() else 1}"])
        self.assertNotIn("/run", self.bld.layout("t", self.dir / "out").files())
        container = self.bld("from", "busybox").stdout.strip()
        out = self.bld("run", "--hostname", "box", container, "sh", "-c", ". /run/.containerenv; echo $HOSTNAME $name ${image##*/}").stdout
        self.assertEqual(out, f"box {container} busybox:latest\n")
        # Where it cannot be shown it is not missed.
        (self.dir / "run").mkdir()
        self.assertEqual(self.seen("RUN ls -A /run\n", "-v", f"{self.dir}/run:/run:ro"), [])

    def test_contradictions(self):
        for flags in (("--no-hosts", "--add-host", "a:1.2.3.4"), ("--dns", "none,1.2.3.4"), ("--dns", "a.example"),
                      ("--add-host", "a"), ("--add-host", "a:b"), ("--add-host", "a b:1.2.3.4"), ("--ulimit", "nofile=x")):
            with self.subTest(flags):
                self.assertIn(flags[0].replace("--no-hosts", "--add-host"), self.fails("RUN true\n", *flags))

    def test_working_containers_have_them_too(self):
        container = self.bld("from", "busybox").stdout.strip()
        self.assertEqual(self.bld("run", "--dns", "192.0.2.1", container, "cat", "/etc/resolv.conf").stdout,
                         "nameserver 192.0.2.1\n")


class Namespaces(OnBusybox):
    def inside(self, *flags):
        lines = self.seen("RUN for n in ipc uts cgroup pid; do readlink /proc/self/ns/$n; done; hostname; cat /etc/hostname; "
                          "ls /sys/fs/cgroup | wc -l\n", *flags)
        return dict(zip(("ipc", "uts", "cgroup", "pid", "hostname", "file", "groups"), lines))

    def test_private_ones_are_the_default(self):
        for flags in ((), ("--ipc=private", "--uts", "container", "--cgroupns", "private", "--pid", "private")):
            inside = self.inside(*flags)
            for name in ("ipc", "uts", "cgroup", "pid"):
                self.assertNotEqual(inside[name], os.readlink(f"/proc/self/ns/{name}"))
            self.assertEqual((inside["hostname"], inside["file"]), ("bld", "bld"))

    def test_those_of_the_host(self):
        for more in (), ("--runtime", "crun"), ("--runtime", "runc"):
            if more:
                need(more[1])
            inside = self.inside("--ipc=host", "--uts=host", "--cgroupns", "host", *more)
            for name in ("ipc", "uts", "cgroup"):
                self.assertEqual(inside[name], os.readlink(f"/proc/self/ns/{name}"), more)
            self.assertNotEqual(inside["pid"], os.readlink("/proc/self/ns/pid"))
            self.assertEqual((inside["hostname"], inside["file"]), (os.uname().nodename,) * 2)
            self.assertEqual(int(inside["groups"]), len(os.listdir("/sys/fs/cgroup")), more)

    def test_shared_memory_of_the_host(self):
        with tempfile.NamedTemporaryFile(dir="/dev/shm", mode="w") as file:
            file.write("shared\n")
            file.flush()
            for more in (), ("--runtime", "crun"):
                self.assertEqual(self.seen(f"RUN cat {file.name}\n", "--ipc=host", *more), ["shared"])
            self.assertEqual(self.seen(f"RUN cat {file.name} || echo none\n"), ["none"])

    def test_what_is_refused(self):
        for flag, words in (("--pid=host", "pid namespace of their own"), ("--ipc=/proc/1/ns/ipc", "not joined"),
                            ("--uts=mine", "private and host")):
            self.assertIn(words, self.fails("RUN true\n", flag))


class Security(OnBusybox):
    INSECURE = "RUN --security=insecure grep -E 'CapEff|Seccomp:' /proc/self/status\n"

    def test_insecure_needs_permission(self):
        message = self.fails(self.INSECURE)
        self.assertIn("Containerfile:2", message)
        self.assertIn("--allow security.insecure", message)

    def test_insecure_has_everything(self):
        lines = dict(line.split(":\t") for line in self.seen(self.INSECURE, "--allow", "security.insecure"))
        self.assertEqual(int(lines["CapEff"], 16) & 0x1ffffffffff, 0x1ffffffffff)
        self.assertEqual(lines["Seccomp"], "0")

    def test_others_have_not(self):
        lines = dict(line.split(":\t") for line in self.seen(self.INSECURE.replace("insecure", "sandbox"),
                                                             "--allow", "security.insecure"))
        self.assertNotEqual(int(lines["CapEff"], 16) & 0x200000, 0x200000, "no CAP_SYS_ADMIN")
        self.assertEqual(lines["Seccomp"], "2")

    def test_unknown_permission(self):
        self.assertIn("security.insecure", self.fails("RUN true\n", "--allow", "everything"))


class CacheSeeds(OnBusybox):
    def test_from_a_stage(self):
        lines = ("RUN mkdir -p /seed/deep && echo first > /seed/deep/file && chown 7:8 /seed/deep/file\n"
                 "FROM localhost/busybox\n"
                 "RUN --mount=type=cache,target=/c,from=0,source=/seed cat /c/deep/file && "
                 "stat -c %u:%g /c/deep/file && echo second > /c/deep/file\n"
                 "RUN --mount=type=cache,target=/c,from=0,source=/seed cat /c/deep/file\n"
                 "RUN --mount=type=cache,target=/c ls /c\n"
                 "RUN ! test -e /c/deep\n")
        self.assertEqual(self.seen(lines), ["first", "7:8", "second"])

    def test_another_stage_is_another_cache(self):
        lines = "RUN echo %s > /f\nFROM localhost/busybox\nRUN --mount=type=cache,id=one,target=/c,from=0 cat /c/f\n"
        self.assertEqual(self.seen(lines % "a"), ["a"])
        self.assertEqual(self.seen(lines % "b"), ["b"])

    def test_from_a_named_context(self):
        (self.dir / "named").mkdir()
        (self.dir / "named" / "f").write_text("from outside\n")
        self.assertEqual(self.seen("RUN --mount=type=cache,target=/c,from=named cat /c/f\n",
                                   "--build-context", f"named={self.dir}/named"), ["from outside"])

    def test_a_missing_folder(self):
        self.assertIn("/nosuch", self.fails("RUN --mount=type=cache,target=/c,from=localhost/busybox,source=/nosuch true\n"))
        self.assertIn("from=", self.fails("RUN --mount=type=cache,target=/c,source=/x true\n"))


class Ssh(OnBusybox):
    """The agent is OpenSSH's; in the step, a little of its protocol is spoken by hand."""


    def setUp(self):
        super().setUp()
        need("ssh-agent", "ssh-keygen")
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.dir / "key"])

    def step(self, options="", command=None):
        return f"RUN --mount=type=ssh{options} {command or 'ls -ln $SSH_AUTH_SOCK'}\n"

    def agent(self):
        socket = self.dir / "agent"
        process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        while not socket.exists():
            pass
        return socket

    def test_owner_and_mode_of_the_socket(self):
        env = environment(SSH_AUTH_SOCK=self.agent())
        line = self.seen(self.step(",uid=7,gid=8,mode=0640,target=/agent"), "--ssh", "default", env=env)[0]
        self.assertRegex(line, r"^srw-r----- +\d+ 7 +8 ")
        line = self.seen(self.step(), "--ssh", "default", env=env)[0]
        self.assertRegex(line, r"^srw------- +\d+ 0 +0 .* /run/buildkit/ssh_agent.0$")

    def test_a_key_file(self):
        before = self.processes()
        lines = self.seen(self.step(",id=k", "ssh-list"), "--ssh", f"k={self.dir}/key",
                          "-v", f"{self.lister()}:/bin/ssh-list:ro")
        self.assertEqual(lines, ["1 key"])
        self.assertEqual(self.processes(), before, "the agent is gone")

    def test_the_users_agent(self):
        socket = self.agent()
        run(["ssh-add", "-q", self.dir / "key"], env=environment(SSH_AUTH_SOCK=socket))
        lines = self.seen(self.step(",id=u,uid=5", "ssh-list"), "--ssh", f"u={socket}",
                          "-v", f"{self.lister()}:/bin/ssh-list:ro")
        self.assertEqual(lines, ["1 key"])

    def lister(self):
        """A static program that asks the agent how many keys it has."""
        source = self.dir / "list.c"
        source.write_text(r'''
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/socket.h>
            #include <sys/un.h>
            #include <unistd.h>
            int main(void) {
              struct sockaddr_un address = {.sun_family = AF_UNIX};
              strcpy(address.sun_path, getenv("SSH_AUTH_SOCK"));
              int fd = socket(AF_UNIX, SOCK_STREAM, 0);
              unsigned char answer[9] = {0};
              if (connect(fd, (void *)&address, sizeof address) != 0) return perror("connect"), 1;
              if (write(fd, "\0\0\0\1\13", 5) != 5) return 2;
              for (int n = 0, got; n < 9; n += got) if ((got = read(fd, answer + n, 9 - n)) <= 0) return 3;
              printf("%d key\n", answer[8]);
              return answer[4] != 12;
            }''')
        program = self.dir / "ssh-list"
        run(["gcc", "-static", "-o", program, source])
        return program

    def processes(self):
        return {pid for pid in os.listdir("/proc") if pid.isdigit() and self.is_agent(pid)}

    @staticmethod
    def is_agent(pid):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                return "ssh-agent" in file.read() and os.stat(f"/proc/{pid}").st_uid == os.getuid()
        except OSError:
            return False

    def test_clear_errors(self):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", self.dir / "locked"])
        (self.dir / "empty").write_text("")
        for source, message in (("locked", "passphrase"), ("empty", "cannot be used"), ("nosuch", "nosuch")):
            with self.subTest(source):
                self.assertIn(message, self.fails(self.step(",id=k,required"), "--ssh", f"k={self.dir}/{source}"))
        self.assertIn("--ssh other", self.fails(self.step(",id=other,required")))


if __name__ == "__main__":
    main()
