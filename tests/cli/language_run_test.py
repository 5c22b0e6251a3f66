"""RUN by the facts of the language's reference: its flags, its environment, and each option of --mount."""

import os
import re

from support import OnBusybox, environment, main


class Commands(OnBusybox):
    def test_environment_user_and_files(self):
        self.assertEqual(self.seen("""COPY <<A /etc/passwd
root:x:0:0:root:/root:/bin/sh
app:x:7:8:app:/home/app:/bin/sh
A
COPY <<A /etc/group
root:x:0:
app:x:8:
one:x:21:app
two:x:22:root,app
A
RUN echo $HOME $(id -u):$(id -g) $(umask) $(pwd); cat | wc -c
USER app
RUN echo $HOME $(id -u):$(id -g) $(id -G)
USER app:two
RUN id -G
USER 7
RUN echo $HOME $(id -G)
USER 99
RUN echo $HOME $(id -u):$(id -g)
USER 99:98
ENV HOME=/mine
RUN echo $HOME $(id -u):$(id -g)
USER root
WORKDIR /a/b
RUN pwd; sleep 1000 & echo left behind
RUN ! pidof sleep
"""), ["/root 0:0 0022 /", "0", "/home/app 7:8 8 21 22", "22", "/home/app 8 21 22", "/ 99:0", "/mine 99:98", "/a/b", "left behind"])
        for user in ("nosuch", "root:nosuch"):
            with self.subTest(user):
                self.assertIn("nosuch", self.fails(f"USER {user}\nRUN true\n"))

    def test_exec_form_is_looked_up_in_the_images_path(self):
        self.assertEqual(self.seen('RUN mkdir /other && ln -s /bin/busybox /other/echo && cp /bin/busybox /other/wc && rm /bin/wc\n'
                                   'ENV PATH=/other:/bin\nRUN ["wc", "-c"]\nRUN ["echo", "$PATH", "a  b"]\n'), ["0", "$PATH a  b"])

    def test_the_shell_form_is_untouched(self):
        self.assertEqual(self.seen("RUN echo  'a   b'  \"$((1+1))\" \\$x # not said\nSHELL [\"/bin/awk\", \"BEGIN{print ARGV[1]}\"]\nRUN  two  'words'  \n"),
                         ["a   b 2 $x", "two  'words'"])

    def test_network(self):
        count = "ls /sys/class/net 2>/dev/null | wc -w; readlink /proc/self/ns/net"
        self.assertEqual(self.seen("RUN --network=none cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '\n"), ["lo"])
        self.assertEqual(self.seen("RUN --network=host readlink /proc/self/ns/net\n"), [os.readlink("/proc/self/ns/net")])
        self.assertNotEqual(self.seen("RUN --network=default true; readlink /proc/self/ns/net\nRUN --network=none " + count + "\n")[-1],
                            os.readlink("/proc/self/ns/net"))
        message = self.fails("RUN --network=bridge true\n")
        self.assertIn("bridge", message)
        self.assertIn("Containerfile:2", message)

    def test_devices(self):
        done = self.bld("build", self.context("FROM localhost/busybox\nRUN --device=vendor.com/class=name echo without\n"))
        self.assertRegex(done.stdout, "(?m)^without$")
        self.assertIn("Containerfile:2:5: the command does without the device vendor.com/class=name", done.stdout + done.stderr)
        message = self.fails("RUN --device=a --device=b,required true\n")
        self.assertIn("the device b is required", message)
        self.assertIn("Containerfile:2:16", message)

    def test_unknown_security(self):
        self.assertIn("--security=none", self.fails("RUN --security=none true\n"))


class Mounts(OnBusybox):
    FILES = {"ctx/deep/f": "in the context\n", "ctx/g": "", "seen": "seen\n", "hidden": "", ".dockerignore": "hidden\n"}

    def test_bind(self):
        self.assertEqual(self.seen("""RUN mkdir -p /from && echo of a stage > /from/f
FROM localhost/busybox
RUN --mount=target=/c,source=ctx cat /c/deep/f; touch /c/x 2>/dev/null || echo read-only
RUN --mount=type=bind,dst=/c,src=ctx,rw echo changed > /c/deep/f && touch /c/new && cat /c/deep/f
RUN --mount=destination=/c,source=/ctx,readwrite=true cat /c/deep/f && ! test -e /c/new && touch /c/new
RUN --mount=TYPE=bind,Target=/c,source=ctx,ro=true touch /c/x 2>/dev/null || echo read-only
RUN --mount=target=/c,from=0,source=/from cat /c/f
RUN --mount=target=/c,from=localhost/busybox,source=/bin ls /c/busybox
RUN --mount=target=/all ls /all
RUN --mount=target=/one,source=seen cat /one
WORKDIR /w
RUN --mount=target=sub,source=ctx ls -d /w/sub/g
RUN "--mount=target=/a" 2>/dev/null; --mount=x 2>/dev/null; ls -d /c /one /all /w/* 2>/dev/null || echo nothing left
""", files=self.FILES), ["in the context", "read-only", "changed", "in the context", "read-only", "of a stage", "/c/busybox",
                         "Containerfile", "ctx", "seen", "seen", "/w/sub/g", "nothing left"])
        self.assertEqual((self.dir / "context/ctx/deep/f").read_text(), "in the context\n")
        self.assertFalse((self.dir / "context/ctx/new").exists())
        self.assertIn("nosuch", self.fails("RUN --mount=target=/c,source=nosuch true\n"))
        self.assertIn("hidden", self.fails("RUN --mount=target=/c,source=hidden true\n", files=self.FILES))

    def test_cache(self):
        self.assertEqual(self.seen("""RUN --mount=type=cache,target=/c,uid=3,gid=4,mode=0700 stat -c '%a %u:%g' /c; echo kept > /c/f
RUN --mount=type=cache,dst=/elsewhere,id=/c cat /elsewhere/f
RUN --mount=type=cache,target=/c,ro cat /c/f; touch /c/x 2>/dev/null || echo read-only
RUN --mount=type=cache,target=/c,id=other ls /c; stat -c '%a %u:%g' /c
WORKDIR /w
RUN --mount=type=cache,target=rel touch rel/x
RUN --mount=type=cache,target=/w/rel ls /w/rel
RUN --mount=type=cache,target=/c,sharing=locked --mount=type=cache,target=/d,sharing=PRIVATE --mount=type=cache,target=/e,sharing=shared ls /c
RUN ls -d /c /w/* /d 2>/dev/null || echo nothing left
"""), ["700 3:4", "kept", "kept", "read-only", "755 0:0", "x", "f", "nothing left"])
        # One cache at two places, both alone: it is locked once.
        self.assertEqual(self.seen("RUN --mount=type=cache,id=two,target=/a,sharing=locked --mount=type=cache,id=two,target=/b,sharing=locked "
                                   "echo x > /a/f; cat /b/f\n"), ["x"])
        for _ in range(2):  # a cache outlives the build
            self.seen("RUN --mount=type=cache,id=count,target=/c echo x >> /c/f\n")
        self.assertEqual(self.seen("RUN --mount=type=cache,id=count,target=/c wc -l < /c/f\n"), ["2"])

    def test_sharing(self):
        """Two stages at once: a locked cache has one user at a time, a private one has two folders."""
        stage = ("FROM localhost/busybox AS {0}\nRUN --mount=type=cache,target=/shared --mount=type=cache,target=/c,sharing={1} "
                 "echo {0} >> /c/users; touch /shared/{1}-{0}; for i in $(seq 20); do test -e /shared/{1}-{2} && break; sleep 0.05; done; "
                 "test -e /shared/{1}-{2} && echo {0} met; wc -l < /c/users > /users\n")
        end = "FROM scratch\nCOPY --from=a /users /a\nCOPY --from=b /users /b\n"
        met = {}
        for sharing in ("shared", "locked", "private"):
            text = stage.format("a", sharing, "b") + stage.format("b", sharing, "a") + end
            done = self.bld("build", "--jobs", "2", "--build-arg", f"BUILDKIT_CACHE_MOUNT_NS={sharing}", "-t", sharing, self.context(text))
            files = self.bld.layout(sharing, self.dir / f"out-{sharing}").files()
            met[sharing] = (len(re.findall("(?m)^(\\[.*\\] )?[ab] met$", done.stdout)) == 2, sorted(int(files[f].data) for f in ("/a", "/b")))
        self.assertEqual(met, {"shared": (True, [2, 2]), "locked": (False, [1, 2]), "private": (True, [1, 1])})

    def test_tmpfs(self):
        self.assertEqual(self.seen("""RUN --mount=type=tmpfs,target=/t,size=1m stat -f -c '%T' /t; df -k /t | awk 'END{print $2}'; head -c 2m /dev/zero > /t/f 2>/dev/null || echo full
RUN mkdir /there && touch /there/f
USER nobody
RUN --mount=type=tmpfs,target=/there ls /there; touch /there/mine && echo writable
USER 0
RUN ls -A /there /t 2>/dev/null || true
"""), ["tmpfs", "1024", "full", "writable", "/there:", "f"])

    def test_secret(self):
        secret = self.dir / "secret"
        secret.write_text("hush\n")
        flags = ("--secret", f"id=token,src={secret}", "--secret", "id=var,env=OUTSIDE", "--secret", "id=IMPLIED",
                 "--secret", f"id=typed,type=file,source={secret}", "--secret", "id=typedenv,type=env,src=OUTSIDE")
        env = environment(OUTSIDE="from outside", IMPLIED="by its name")
        lines = """RUN --mount=type=secret,id=token cat /run/secrets/token; stat -c '%a %u:%g' /run/secrets/token
RUN --mount=type=secret,id=token,target=/etc/tok,mode=0440,uid=3,gid=4 cat /etc/tok; stat -c '%a %u:%g' /etc/tok
RUN --mount=type=secret,target=/x/token cat /x/token
RUN --mount=type=secret,id=token,env=TOK printf %s "$TOK"; ls /run/secrets 2>/dev/null | wc -l
RUN --mount=type=secret,id=token,env=TOK,target=/tok,required=true printf %s "$TOK"; cat /tok
RUN --mount=type=secret,id=var cat /run/secrets/var; echo
RUN --mount=type=secret,id=IMPLIED cat /run/secrets/IMPLIED; echo
RUN --mount=type=secret,id=typed --mount=type=secret,id=typedenv cat /run/secrets/typed /run/secrets/typedenv; echo
RUN --mount=type=secret,id=gone --mount=type=secret,id=gone,env=GONE,required=0 ls /run/secrets/gone 2>/dev/null || echo none [$GONE]
RUN ls -d /run/secrets /etc/tok /tok /x 2>/dev/null || echo nothing left
"""
        self.assertEqual(self.seen(lines, *flags, env=env),
                         ["hush", "400 0:0", "hush", "440 3:4", "hush", "hush", "0", "hush", "hush", "from outside", "by its name",
                          "hush", "from outside", "none []", "nothing left"])
        for option in ("required", "required=true", "required=1"):
            with self.subTest(option):
                message = self.fails(f"RUN --mount=type=secret,id=gone,{option} true\n")
                self.assertIn("gone", message)
                self.assertIn("Containerfile:2", message)

    def test_ssh_without_an_agent(self):
        self.assertEqual(self.seen("RUN --mount=type=ssh echo ${SSH_AUTH_SOCK-none}\n", env=environment()), ["none"])
        self.assertIn("--ssh", self.fails("RUN --mount=type=ssh,required true\n"))

    def test_no_mount_hides_one_below_it(self):
        self.assertEqual(self.seen("RUN --mount=source=ctx,target=/a/b --mount=type=tmpfs,target=/a ls /a/b/g && ls /v/w\n", "-v",
                                   f"{self.context('', self.FILES) / 'ctx'}:/v/w", "--tmpfs", "/v", files=self.FILES), ["/a/b/g", "deep", "g"])

    def test_commas_and_quotes(self):
        self.assertEqual(self.seen('ENV D=/v\nRUN --mount="target=/a b,source=x y" cat "/a b"\nRUN --mount=\'type=tmpfs,"target=/c,d"\' stat -f -c %T "/c,d"\n'
                                   "RUN --mount=type=tmpfs,target=$D/w stat -f -c %T /v/w\n", files={"x y": "quoted\n"}), ["quoted", "tmpfs", "tmpfs"])

    def test_errors(self):
        for mount, said in (("type=bnd,target=/x", "did you mean bind"), ("typ=bind,target=/x", "did you mean type"), ("source=x", "target"),
                            ("target=/x,mode=0700", "mode"), ("type=tmpfs,target=/x,uid=1", "uid"), ("target=/x,sharing=locked", "sharing"),
                            ("type=cache,target=/x,required", "required"), ("type=cache,target=/x,sharing=some", "some"),
                            ("target=/x,rw=maybe", "maybe"), ("type=tmpfs, target=/x", "without blanks"), ("type=cache,target=/x,mode=9", "9")):
            with self.subTest(mount):
                message = self.fails(f"RUN --mount={mount} true\n")
                self.assertIn(said, message)
                self.assertIn("Containerfile:2", message)


if __name__ == "__main__":
    main()
