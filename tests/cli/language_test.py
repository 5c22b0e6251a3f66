"""The Containerfile language as it is carried out, by the facts of its reference: each line of a build
asserts one of them, in the image's own shell where the shell can see it."""

import json
import os
import tarfile
import time

from support import OnBusybox, environment, main


def facts(path, *formats):
    return f"stat -c '{' '.join(formats or ('%a', '%u:%g'))}' {path}"


class Text(OnBusybox):
    """From bytes to instructions."""

    def test_byte_order_mark_line_ends_and_continuations(self):
        text = ("\ufeff# escape=\\\r\nFROM localhost/busybox\r\n  # indented comment\r\n\tRUN ec\\\r\n"
                "# skipped \\\r\n  \t# too\r\nho o\\ \t\r\n  ne # data\r\n\r\nru\\\r\nn ec\\\r\nho two\\\r\n")
        (self.dir / "file").write_text(text, newline="")
        context = self.context("")
        done = self.bld("build", "-f", self.dir / "file", context)
        self.assertRegex(done.stdout, r"(?m)^o ne$")
        self.assertRegex(done.stdout, r"(?m)^two$")

    def test_lines_of_any_length(self):
        long = "x" * 100_000
        self.assertEqual(self.seen(f"ENV LONG={long}\nRUN echo ${{#LONG}}\n# {long}\nRUN : {long} && echo reached\n"),
                         ["100000", "reached"])

    def test_backtick_as_escape(self):
        text = ("# escape=`\nFROM localhost/busybox\nENV A=1\nENV B=`$A C=\"`$A`\"``\" D=c:\\dir\\$A\nRUN echo \"$B $C $D\" `\n  "
                "&& echo 'a\\\\b'\nCOPY <<END /f\n\\$A ` \\\\\nEND\nRUN cat /f\n")
        context = self.context(text)
        out = self.bld("build", context).stdout
        self.assertRegex(out, r'(?m)^\$A \$A"` c:\\dir\\1$')
        self.assertRegex(out, r"(?m)^a\\\\b$")
        self.assertRegex(out, r"(?m)^\$A ` \\$")

    def test_flags_are_booleans_strings_or_errors(self):
        files = {"d/f": "", "d/g": ""}
        self.assertEqual(self.seen("COPY --parents=true d/f /a/\nCOPY --parents=false d/f /b/\nCOPY --parents d/f /c/\n"
                                   "COPY --chmod=\"6\"'0'\\0 -- d/f /m\nRUN ls -d /a/d/f /b/f /c/d/f && " + facts("/m", "%a") + "\n", files=files),
                         ["/a/d/f", "/b/f", "/c/d/f", "600"])
        for line, said in (("COPY --parents=yes d/f /", "--parents"), ("COPY --chmod d/f /", "--chmod"),
                           ("COPY --link --link d/f /", "--link"), ("COPY --chmdo=1 d/f /", "did you mean --chmod"),
                           ("RUN --network=none --network=none true", "--network")):
            with self.subTest(line):
                message = self.fails(line + "\n", files=files)
                self.assertIn(said, message)
                self.assertIn("Containerfile:2", message)

    def test_the_whole_file_is_checked_before_anything_runs(self):
        failed = self.bld("build", self.context("FROM localhost/busybox AS unneeded\nNOSUCH x\nFROM localhost/busybox\nRUN echo ran\n"), ok=False)
        self.assertIn("Containerfile:2", failed.stderr)
        self.assertNotIn("ran", failed.stdout)

    def test_json_or_shell(self):
        self.assertEqual(self.seen("ENV X=x\nRUN [\"printf\", \"%s,\\u00e9\\n\", \"$X\"]\nRUN [ \"a\" = 'a' ] && echo words\n"),
                         ["$X,\u00e9", "words"])
        self.assertIn("Containerfile:2", self.fails("RUN [\"a\", 1]\n"))


class Heredocs(OnBusybox):
    def test_in_copy(self):
        self.assertEqual(self.seen(r"""ENV V=value
COPY <<one <<-"two" <<'three' <<'empty' ctx /h/
"$V" '${none:-d}' \$V \\ \n
# no comment \
one
	$V\
	  two
	two
${V:-x}
three
empty
COPY --chmod=0755 --chown=3:4 <<f /file
f
RUN cd /h && cat one two three && wc -c < empty && cat ctx && ls
RUN stat -c '%n %a %u:%g' /h/one /file
""", files={"ctx": "from context\n"}),
                         ['"value" \'d\' $V \\ n', "# no comment ", "$V\\", "  two", "${V:-x}", "0", "from context",
                          "ctx", "empty", "one", "three", "two", "/h/one 644 0:0", "/file 755 3:4"])

    def test_in_run(self):
        self.assertEqual(self.seen("""ENV V=value
RUN <<A
v=shell; echo $v "$V"
# a comment \\
echo second
A
RUN <<-A
	echo tabs
	A
RUN <<A
#!/bin/awk BEGIN{print "from awk"} ; {}
A
RUN cat <<A > /f && cat <<'B'
one $V
A
two $V
B
RUN <<A sh -e
echo to sh
A
RUN 3<<A cat <&3
three
A
RUN cat /f; echo $((1<<3)) "<<A"
ENTRYPOINT <<A
"""), ["shell value", "second", "tabs", "from awk", "two $V", "to sh", "three", "one value", "8 <<A"])

    def test_carriage_returns_stay_in_bodies(self):
        text = "FROM localhost/busybox\r\nCOPY <<E /f\r\na\r\nE\r\nRUN od -An -c /f\r\n"
        context = self.context("")
        (context / "Containerfile").write_text(text, newline="")
        self.assertRegex(self.bld("build", context).stdout, r"(?m)^ +a +\\r +\\n$")

    def test_in_a_trigger(self):
        self.bld("build", "-t", "parent", self.context("FROM localhost/busybox\nENV V=old\nONBUILD COPY <<A <<'B' /h/\n$V\nA\n$V\nB\n"
                                                       "ONBUILD RUN <<E\necho $V\nE\n"))
        out = self.bld("build", self.context("FROM localhost/parent\nRUN cat /h/A /h/B\n")).stdout
        self.assertRegex(out, r"(?m)^old$\n(.*\n)*?^old$\n^\$V$")

    def test_errors(self):
        for line, said in (("COPY <<A /x\nno end\n", "A"), ("COPY f <<A\nx\nA\n", "<<A"), ("RUN <<A\nno end\n", "A")):
            with self.subTest(line):
                message = self.fails(line, files={"f": ""})
                self.assertIn("Containerfile:2", message)
                self.assertIn(said, message)


class Variables(OnBusybox):
    def config(self, lines, *flags, before=""):
        self.bld("build", "-t", "made", *flags, self.context(before + "FROM localhost/busybox\n" + lines))
        return self.bld.layout("made", self.dir / f"out{len(os.listdir(self.dir))}").config["config"]

    def test_where_they_are_expanded(self):
        config = self.config("""ARG A=a
ENV E=$A K='$A' P="80 443"
ENV Q=$P
LABEL $A-key=${E}-value
WORKDIR /$A/b
USER ${NOBODY:-nobody}
EXPOSE $P ${A:+90}/udp
VOLUME /$A /v
STOPSIGNAL ${none:-SIGINT}
CMD echo $A
HEALTHCHECK CMD echo $A
ONBUILD RUN echo $A
MAINTAINER $A
""")
        self.assertIn("E=a", config["Env"])
        self.assertIn("K=$A", config["Env"])
        self.assertIn("Q=80 443", config["Env"])
        self.assertEqual(config["Labels"]["a-key"], "a-value")
        self.assertEqual(config["WorkingDir"], "/a/b")
        self.assertEqual(config["User"], "nobody")
        self.assertEqual(sorted(config["ExposedPorts"]), ["443/tcp", "80/tcp", "90/udp"])
        self.assertEqual(sorted(config["Volumes"]), ["/a", "/v"])
        self.assertEqual(config["StopSignal"], "SIGINT")
        self.assertEqual(config["Cmd"], ["/bin/sh", "-c", "echo $A"])
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD-SHELL", "echo $A"])
        self.assertEqual(config["OnBuild"], ["RUN echo $A"])

    def test_in_files_and_mounts(self):
        self.assertEqual(self.seen("ARG D=dir\nARG M=0640 O=3:4\nCOPY --chmod=$M --chown=$O ${D}/f /$D/\nADD --chown=$O $D/f /added\n"
                                   "RUN --mount=type=tmpfs,target=/$D/t --mount=source=$D,target=/s stat -c '%a %u:%g' /dir/f /added; "
                                   "stat -f -c %T /dir/t; ls /s\n", files={"dir/f": ""}),
                         ["640 3:4", "644 3:4", "tmpfs", "f"])
        for line in ("COPY --from=$D /f /", "RUN --mount=from=$D,target=/x true"):
            with self.subTest(line):
                self.assertIn("with FROM … AS NAME", self.fails("ARG D=0\n" + line + "\n"))

    def test_one_line_of_env_sees_what_was_before(self):
        self.assertEqual(self.seen("ENV a=old\nENV a=new b=$a\nARG c=1 d=$c\nRUN echo $a $b $c $d\n"), ["new old 1 1"])

    def test_the_later_of_env_and_arg_is_in_force(self):
        self.assertEqual(self.seen("ENV a=env\nARG a=arg\nRUN echo $a\nARG b=arg\nENV b=env\nRUN echo $b\nENV c=env\nARG c\nRUN echo $c\n"),
                         ["arg", "env", "env"])
        self.assertEqual(self.seen("ARG b=arg\nENV b=env\nRUN echo $b\nENV a=env\nARG a\nRUN echo $a\n",
                                   "--build-arg", "a=given", "--build-arg", "b=given"), ["env", "given"])
        self.assertIn("a=env", self.config("ENV a=env\nARG a=arg\n")["Env"])

    def test_scopes(self):
        stages = """ARG G=global
FROM localhost/busybox AS one
RUN echo "1 ${G-none} ${A-none}"
ARG A=stage
ARG NOVALUE
ARG EMPTY=
RUN echo "2 $A ${NOVALUE-absent} ${EMPTY-absent}."
ARG G
RUN echo "3 $G"
FROM one
RUN echo "4 $A $G"
FROM localhost/busybox AS two
COPY --from=1 /bin/sh /x
ARG G=own
RUN echo "5 $G ${A-none}"
"""
        lines = self.bld("build", "--no-cache", self.context(stages)).stdout.splitlines()
        said = sorted(line for line in lines if line[:2] in ("1 ", "2 ", "3 ", "4 ", "5 "))
        self.assertEqual(said, ["1 none none", "2 stage absent .", "3 global", "4 stage global", "5 own none"])
        lines = self.bld("build", "--no-cache", "--build-arg", "G=given", self.context(stages)).stdout.splitlines()
        said = sorted(line for line in lines if line[:2] in ("3 ", "5 "))
        self.assertEqual(said, ["3 given", "5 given none"])

    def test_build_arguments(self):
        env = environment(FROM_ENV="outside")
        lines = "ARG FROM_ENV=default\nARG NOT_THERE=default\nARG twice\nRUN echo $FROM_ENV $NOT_THERE $twice\n"
        self.assertEqual(self.seen(lines, "--build-arg", "FROM_ENV", "--build-arg", "NOT_THERE", "--build-arg", "twice=1",
                                   "--build-arg", "twice=2", env=env), ["outside default 2"])
        done = self.bld("build", "--build-arg", "unused=1", self.context("FROM localhost/busybox\n"))
        self.assertIn("not consumed: [unused]", done.stdout)

    def test_predefined_arguments(self):
        names = [n for name in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY") for n in (name, name.lower())]
        flags = [word for name in names for word in ("--build-arg", f"{name}=of-{name}")]
        self.assertEqual(self.seen("LABEL l=x$HTTP_PROXY\nRUN " + "; ".join(f"echo ${n}" for n in names) + "\n", *flags),
                         [f"of-{n}" for n in names])
        self.bld("build", "-t", "made", *flags, self.context("FROM localhost/busybox\nLABEL l=x$HTTP_PROXY\nRUN touch /f\n"))
        first = self.bld.layout("made", self.dir / "out")
        self.assertEqual(first.config["config"]["Labels"]["l"], "x")
        self.assertNotIn("of-", json.dumps(first.config))
        again = self.bld("build", self.context("FROM localhost/busybox\nLABEL l=x$HTTP_PROXY\nRUN touch /f\n"))
        self.assertIn("cache", again.stdout + again.stderr)

    def test_arguments_about_platform_and_stage(self):
        names = "TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM BUILDOS BUILDARCH BUILDVARIANT TARGETSTAGE".split()
        lines = "RUN echo [" + "".join(f"${{{n}-}}" for n in names) + "]\n" + "".join(f"ARG {n}\n" for n in names) + \
                "ARG TARGETVARIANT=dflt\nRUN echo $TARGETPLATFORM $TARGETOS $TARGETARCH $TARGETVARIANT $BUILDPLATFORM $BUILDOS " \
                "$BUILDARCH [$BUILDVARIANT] $TARGETSTAGE\n"
        arch = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        self.assertEqual(self.seen(lines), ["[]", f"linux/{arch} linux {arch} dflt linux/{arch} linux {arch} [] default"])
        self.assertEqual(self.seen("ARG TARGETARCH\nRUN echo $TARGETARCH\n", "--build-arg", "TARGETARCH=mine"), ["mine"])
        self.bld("build", self.context("FROM --platform=$BUILDPLATFORM localhost/busybox AS named\nARG TARGETSTAGE\nRUN test $TARGETSTAGE = NAMED -o $TARGETSTAGE = named\n"),
                 "--target", "named")

    def test_arguments_that_mean_something_to_the_builder(self):
        names = ("BUILDKIT_INLINE_CACHE=1", "BUILDKIT_MULTI_PLATFORM=1", "BUILDKIT_SANDBOX_HOSTNAME=there", "BUILDKIT_SYNTAX=x/y",
                 "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", "BUILDKIT_CACHE_MOUNT_NS=n", "BUILDKIT_BUILD_NAME=b", "BUILDKIT_DOCKERFILE_CHECK=skip=all")
        flags = [word for name in names for word in ("--build-arg", name)]
        done = self.bld("build", "-t", "made", "--build-arg", "SOURCE_DATE_EPOCH=1000000000", *flags,
                        self.context("FROM localhost/busybox\nRUN hostname; touch /f\n"))
        self.assertNotIn("BUILDKIT", done.stderr)
        self.assertNotIn("SOURCE_DATE_EPOCH", done.stderr)
        self.assertRegex(done.stdout, r"(?m)^there$")
        self.assertTrue(self.bld.layout("made", self.dir / "out").config["created"].startswith("2001-09-09T01:46:40"))
        cached = "RUN --mount=type=cache,target=/c %s\n"
        self.assertEqual(self.seen(cached % "touch /c/f", "--build-arg", "BUILDKIT_CACHE_MOUNT_NS=one"), [])
        self.assertEqual(self.seen(cached % "ls /c", "--build-arg", "BUILDKIT_CACHE_MOUNT_NS=two"), [])
        self.assertEqual(self.seen(cached % "ls /c", "--build-arg", "BUILDKIT_CACHE_MOUNT_NS=one"), ["f"])

    def test_required_ones_fail_with_their_message(self):
        message = self.fails("ARG A\nENV B=${A:?say what A is}\n")
        self.assertIn("say what A is", message)
        self.assertIn("Containerfile:3", message)
        self.assertIn("x", self.fails("COPY <<E /f\n${none?x}\nE\n"))


if __name__ == "__main__":
    main()
