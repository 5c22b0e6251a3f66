"""FROM, ONBUILD and the instructions that only set configuration, by the facts of the language's reference."""

import os

from support import OnBusybox, main


class Configured(OnBusybox):
    def built(self, text, *flags, name="made"):
        """The whole configuration of the image that a Containerfile gives."""
        self.bld("build", "-t", name, *flags, self.context(text))
        return self.bld.layout(name, self.dir / f"layout-{name}").config

    def config(self, lines, *flags, base="localhost/busybox", name="made"):
        return self.built(f"FROM {base}\n{lines}", *flags, name=name)["config"]


class From(Configured):
    def test_names_stages_and_numbers(self):
        text = """ARG BASE=localhost/busybox EMPTY
ARG WITH=${BASE}
FROM --platform=$TARGETPLATFORM $WITH AS Base-1_2.x
RUN echo one > /f
FROM base-1_2.X AS same
FROM localhost/busybox AS same
RUN echo latest > /f
FROM same AS third
RUN cat /f
FROM scratch AS unneeded
RUN exit 9
FROM third
COPY --from=0 /f /zero
COPY --from=same /f /latest
RUN cat /zero /latest
"""
        out = self.bld("build", self.context(text)).stdout.splitlines()
        self.assertEqual([line for line in out if line in ("one", "latest")], ["latest", "one", "latest"])
        for target in ("same", "SAME", "Base-1_2.x", "0"):
            self.bld("build", "--target", target, self.context(text))
        self.assertIn("nosuch", self.bld("build", "--target", "nosuch", self.context(text), ok=False).stderr)

    def test_a_stage_wins_over_an_image(self):
        self.assertEqual(self.seen("FROM localhost/busybox AS busybox\nRUN echo stage > /f\n"
                                   "FROM busybox\nRUN cat /f\n"), ["stage"])

    def test_scratch(self):
        config = self.config("ENV A=1\n", base="scratch")
        self.assertEqual(config["Env"], ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1"])

    def test_the_base_is_inherited(self):
        self.config('ENV A=1\nLABEL l=1 k=1\nWORKDIR /w\nUSER nobody\nEXPOSE 1\nVOLUME /v\nSTOPSIGNAL 9\nSHELL ["/bin/sh", "-ec"]\n'
                    'HEALTHCHECK CMD x\nCMD ["c"]\nENTRYPOINT ["e"]\nCMD ["d"]\n', name="parent")
        config = self.config("LABEL l=2\nEXPOSE 2/UDP\nVOLUME /u\n", base="localhost/parent")
        self.assertEqual(config["Env"], ["PATH=/bin", "A=1"])
        self.assertEqual((config["Labels"]["l"], config["Labels"]["k"]), ("2", "1"))
        self.assertEqual((config["WorkingDir"], config["User"], config["StopSignal"]), ("/w", "nobody", "9"))
        self.assertEqual(sorted(config["ExposedPorts"]), ["1/tcp", "2/udp"])
        self.assertEqual(sorted(config["Volumes"]), ["/u", "/v"])
        self.assertEqual((config["Shell"], config["Healthcheck"]["Test"]), (["/bin/sh", "-ec"], ["CMD-SHELL", "x"]))
        self.assertEqual((config["Cmd"], config["Entrypoint"]), (["d"], ["e"]))
        config = self.config("ENTRYPOINT later\n", base="localhost/parent")
        self.assertEqual((config.get("Cmd"), config["Entrypoint"]), (None, ["/bin/sh", "-ec", "later"]))

    def test_errors(self):
        for text, said in (("FROM localhost/busybox AS 1st\n", "1st"), ("FROM a b\n", "FROM"), ("FROM\n", "FROM"),
                           ("ARG E\nFROM $E\n", "$E"), ("ARG N=x\nFROM localhost/busybox AS $N\n", "$N"),
                           ("FROM --platform=what/is/this/now localhost/busybox\n", "what/is/this/now"),
                           ("FROM localhost/busybox AS me\nCOPY --from=me /f /\n", "me"), ("ENV a=b\nFROM scratch\n", "FROM"),
                           ("# nothing\n", "no"), ("ARG a\n", "FROM")):
            with self.subTest(text):
                self.assert_fails(self.bld("build", "--pull=never", self.context(text), ok=False), said)


    def test_an_image_of_another_platform_is_not_meant(self):
        own, other = ("amd64", "arm64") if os.uname().machine == "x86_64" else ("arm64", "amd64")
        for flags, said in (((), f"is for linux/{own}, not for linux/{other}"), (("--pull=never",), f"linux/{other} is asked for")):
            with self.subTest(flags):
                done = self.bld("build", *flags, self.context(f"FROM --platform=linux/{other} localhost/busybox\n"), ok=False)
                self.assert_fails(done, "Containerfile:1:", said)


class Metadata(Configured):
    def test_commands(self):
        config = self.config('CMD one\nCMD two  "$X" # all\nSHELL ["/bin/sh", "-xc"]\nENTRYPOINT three\n')
        self.assertEqual(config["Cmd"], ["/bin/sh", "-c", 'two  "$X" # all'])
        self.assertEqual(config["Entrypoint"], ["/bin/sh", "-xc", "three"])
        config = self.config('ENTRYPOINT ["a"]\nENTRYPOINT []\nCMD ["b"]\nCMD []\n')
        self.assertFalse(config.get("Entrypoint"))
        self.assertFalse(config.get("Cmd"))
        self.assertEqual(self.config('CMD ["a", "b"] tail\n')["Cmd"], ["/bin/sh", "-c", '["a", "b"] tail'])

    def test_env_and_label(self):
        config = self.config("""ENV a=1 b="two words" c='$a' d=e\\ f
ENV old  rest  of "the" line
ENV a=again
LABEL k="1 2" 'q q'=x
LABEL legacy  a "b"  c
LABEL k=later
""", "--label", "q q=command line")
        self.assertEqual(config["Env"], ["PATH=/bin", "a=again", "b=two words", "c=$a", "d=e f", "old=rest  of the line"])
        self.assertEqual({k: config["Labels"][k] for k in ("k", "q q", "legacy")}, {"k": "later", "q q": "command line", "legacy": "a b  c"})

    def test_ports_volumes_and_signals(self):
        config = self.config('EXPOSE 80 00081/TCP 90-92/Udp 5/sctp\nVOLUME /a rel\nVOLUME ["/b c"]\nSTOPSIGNAL SIGRTMIN+3\nUSER 1000:staff\n')
        self.assertEqual(sorted(config["ExposedPorts"]), ["5/sctp", "80/tcp", "81/tcp", "90/udp", "91/udp", "92/udp"])
        self.assertEqual(sorted(config["Volumes"]), ["/a", "/b c", "rel"])
        self.assertEqual((config["StopSignal"], config["User"]), ("SIGRTMIN+3", "1000:staff"))
        self.assertNotIn("/a", self.bld.layout("made", self.dir / "again").files(), "VOLUME makes no folder")

    def test_workdir(self):
        self.assertEqual(self.seen("WORKDIR rel\nRUN pwd\nWORKDIR ../x/./y//z/\nRUN pwd\nWORKDIR a b\nRUN pwd\nUSER nobody\nWORKDIR /n/m\n"
                                   "RUN stat -c %a /n /n/m; pwd\n"), ["/rel", "/x/y/z", "/x/y/z/a b", "755", "755", "/n/m"])

    def test_healthcheck(self):
        second = 1_000_000_000
        check = self.config('SHELL ["/bin/sh", "-xc"]\nHEALTHCHECK NONE\nHEALTHCHECK --interval=1m30s --timeout=2s --start-period=3s '
                            "--start-interval=1.5s --retries=4 CMD curl $X\n")["Healthcheck"]
        self.assertEqual(check, {"Test": ["CMD-SHELL", "curl $X"], "Interval": 90 * second, "Timeout": 2 * second, "StartPeriod": 3 * second,
                                 "StartInterval": 1_500_000_000, "Retries": 4})
        self.assertEqual(self.config('HEALTHCHECK --interval=0s CMD ["a"]\n')["Healthcheck"]["Test"], ["CMD", "a"])
        self.assertEqual(self.config("HEALTHCHECK CMD x\nHEALTHCHECK NONE\n")["Healthcheck"]["Test"], ["NONE"])
        for line in ("HEALTHCHECK --interval=1us CMD x", "HEALTHCHECK --interval=5 CMD x", "HEALTHCHECK --timeout=-1s CMD x",
                     "HEALTHCHECK --retries=-1 CMD x", "HEALTHCHECK --retries=x CMD x", "HEALTHCHECK NONE x", "HEALTHCHECK x",
                     "HEALTHCHECK --interval=1s NONE"):
            with self.subTest(line):
                self.assertIn("Containerfile:2", self.fails(line + "\n"))

    def test_maintainer_and_history(self):
        whole = self.built("FROM localhost/busybox\nMAINTAINER Some One <x@y>\nENV A=1\n")
        self.assertEqual(whole["author"], "Some One <x@y>")

    def test_errors(self):
        for line in ("ENV a", "ENV a=b c", "ENV =b", "ENV --x a=b", "LABEL $X", "ARG =x", "EXPOSE 70000", "EXPOSE 1/icmp", "EXPOSE",
                     "STOPSIGNAL SIGNOT", "STOPSIGNAL 0", "SHELL sh", "SHELL []", "WORKDIR", "USER", "VOLUME", "CMD [1]", "ENV a='", "LABEL a=${b"):
            with self.subTest(line):
                self.assertIn("Containerfile:3", self.fails("RUN echo not reached\n" + line + "\n"))


class Onbuild(Configured):
    def test_triggers_run_in_order_after_from_and_are_not_handed_on(self):
        parent = self.config("ENV V=parent\nONBUILD RUN echo \\\n  1 $V > /f\nonbuild ARG A=arg\nONBUILD ENV  E=$A-$V\nONBUILD RUN echo 2 $E >> /f\n"
                             "ONBUILD COPY --from=tools /t /\n", name="parent")
        self.assertEqual(parent["OnBuild"], ["RUN echo   1 $V > /f", "ARG A=arg", "ENV  E=$A-$V", "RUN echo 2 $E >> /f", "COPY --from=tools /t /"])
        text = ("FROM localhost/busybox AS tools\nRUN echo of the child > /t\nFROM localhost/parent AS child\nRUN cat /f /t\n"
                "FROM child\nRUN echo 3 >> /f && cat /f\n")
        done = self.bld("build", "-t", "child", self.context(text))
        said = [line for line in done.stdout.splitlines() if line[:2] in ("1 ", "2 ", "of", "3")]
        self.assertEqual(said, ["1 parent", "2 arg-parent", "of the child", "1 parent", "2 arg-parent", "3"])
        config = self.bld.layout("child", self.dir / "child").config["config"]
        self.assertFalse(config.get("OnBuild"))
        self.assertIn("E=arg-parent", config["Env"])

    def test_of_a_stage_of_the_same_file(self):
        self.assertEqual(self.seen("FROM localhost/busybox AS base\nONBUILD RUN echo triggered\nFROM base\nRUN echo after\n"), ["triggered", "after"])

    def test_forbidden(self):
        for line in ("ONBUILD ONBUILD RUN x", "ONBUILD FROM x", "ONBUILD MAINTAINER x", "ONBUILD", "ONBUILD NOSUCH", "ONBUILD COPY a"):
            with self.subTest(line):
                self.assertIn("Containerfile:2", self.fails(line + "\n"))

    def test_a_failing_trigger_says_so(self):
        self.config("ONBUILD RUN exit 6\n", name="parent")
        failed = self.bld("build", self.context("FROM localhost/parent\n"), ok=False)
        self.assertEqual(failed.returncode, 6)
        self.assertIn("Containerfile:1:1: ONBUILD RUN exit 6: the command", failed.stderr)
        for trigger in ("COPY nosuch /x", "EXPOSE $WHAT", "COPY --chmod=$WHAT nosuch /x"):
            with self.subTest(trigger):
                self.config(f"ENV WHAT=wrong\nONBUILD {trigger}\n", name="parent")
                failed = self.bld("build", self.context("FROM localhost/parent\n"), ok=False)
                self.assert_fails(failed, f"Containerfile:1:1: ONBUILD {trigger}: ")


if __name__ == "__main__":
    main()
