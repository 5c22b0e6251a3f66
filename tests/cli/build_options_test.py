"""Options of `bld build` that shape the image, and those that are refused."""

import json
import os
import re
import tarfile
import time

from support import CliTest, Registry, Store, environment, free_port, main


class Options(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()

    def image(self, containerfile, *args, files=None, name="context", env=None):
        self.bld("build", "-t", "built", *args, self.context(containerfile, files, name),
                 env=environment(**(env or {})))
        number = sum(entry.name.startswith("layout") for entry in self.dir.iterdir())
        return self.bld.layout("built", self.dir / f"layout{number}")

    def times(self, image):
        """mtimes of all files of the topmost layer."""
        with image.layer_stream(image.manifest["layers"][-1]) as process:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                times = {member.name: member.mtime for member in tar}
            process.stdout.read()
            return times

    def labels(self, image):
        return {k: v for k, v in (image.config["config"].get("Labels") or {}).items() if k != "io.bld.version"}

    # ── labels, annotations, environment ─────────────────────────────────────────────────────────

    def test_labels(self):
        self.bld("build", "-t", "base", self.context("FROM scratch\nLABEL a=1 b=2\n", name="b"))
        text = "FROM localhost/base AS one\nLABEL c=3\nFROM one\nLABEL d=4\n"
        self.assertEqual(self.labels(self.image(text)), {"a": "1", "b": "2", "c": "3", "d": "4"})
        self.assertEqual(self.labels(self.image(text, "--inherit-labels=false")), {"d": "4"})
        self.assertEqual(self.labels(self.image(text, "--unsetlabel", "a,c", "--label", "b=x", "--label", "e")),
                         {"b": "x", "d": "4", "e": ""})

    def test_identity_label(self):
        self.assertIn("io.bld.version", self.image("FROM scratch\n").config["config"]["Labels"])
        plain = self.image("FROM scratch\nLABEL a=1\n", "--identity-label=false")
        self.assertEqual(plain.config["config"]["Labels"], {"a": "1"})

    def test_annotations(self):
        self.bld("build", "-t", "base", "--annotation", "a=1", "--annotation", "b=2",
                 self.context("FROM scratch\nLABEL x=1\n", name="b"))
        text = "FROM localhost/base\nLABEL y=1\n"
        base = self.bld.layout("base", self.dir / "base").manifest["annotations"]
        self.assertEqual(base, {"a": "1", "b": "2"})
        of_base = {"org.opencontainers.image.base.name": "localhost/base:latest"}

        def annotations(*args):
            found = self.image(text, *args).manifest.get("annotations", {})
            found.pop("org.opencontainers.image.base.digest", None)
            return found

        self.assertEqual(annotations(), {"a": "1", "b": "2", **of_base})
        self.assertEqual(annotations("--inherit-annotations=false"), of_base)
        self.assertEqual(annotations("--unsetannotation", "a", "--annotation", "b=x y", "--annotation", "c"),
                         {"b": "x y", "c": "", **of_base})
        created = {"org.opencontainers.image.created": "1970-01-01T00:16:40Z"}
        self.assertEqual(annotations("--timestamp", "1000"), {"a": "1", "b": "2", **of_base, **created})
        self.assertNotIn("org.opencontainers.image.created",
                         annotations("--timestamp", "1000", "--created-annotation=false"))
        self.assertIn("org.opencontainers.image.created", annotations("--created-annotation"))

    def test_docker_format_has_no_annotations_and_says_so(self):
        done = self.bld("build", "-t", "built", "--format", "docker", "--annotation", "a=1",
                        self.context("FROM scratch\nLABEL x=1\n"))
        self.assertIn("--annotation has no effect", done.stderr)
        manifest = json.loads(self.bld("inspect", "-f", "{{.Manifest}}", "built").stdout)
        self.assertNotIn("annotations", manifest)
        self.assertEqual(manifest["mediaType"], "application/vnd.docker.distribution.manifest.v2+json")

    def test_environment(self):
        image = self.image("FROM localhost/busybox\nENV A=1 GONE=x\nRUN echo \"$A $B $GONE\" > /seen\n",
                           "--env", "B=2", "--env", "FROM_HERE", "--env", "MISSING", "--unsetenv", "GONE",
                           env={"FROM_HERE": "yes"})
        variables = [v for v in image.config["config"]["Env"] if not v.startswith("PATH=")]
        self.assertEqual(sorted(variables), ["A=1", "B=2", "FROM_HERE=yes"])
        self.assertEqual(self.in_image("built", "cat", "/seen"), "1 2 x\n")

    def test_system(self):
        self.bld("build", "-t", "base", "--os-version", "10", "--os-feature", "one,two",
                 self.context("FROM scratch\nLABEL x=1\n", name="b"))
        base = self.bld.layout("base", self.dir / "base").config
        self.assertEqual((base["os.version"], base["os.features"]), ("10", ["one", "two"]))
        image = self.image("FROM localhost/base\nLABEL y=1\n", "--os-feature", "one-", "--os-feature", "three").config
        self.assertEqual((image["os.version"], image["os.features"]), ("10", ["two", "three"]))
        arm = self.image("FROM scratch\nLABEL y=1\n", "--os", "linux", "--arch", "arm", "--variant", "v6").config
        self.assertEqual((arm["os"], arm["architecture"], arm["variant"]), ("linux", "arm", "v6"))

    # ── history, times ───────────────────────────────────────────────────────────────────────────

    def test_omit_history(self):
        text = "FROM localhost/busybox\nRUN touch /a\n"
        self.assertGreater(len(self.image(text).config["history"]), 1)
        self.assertFalse(self.image(text, "--omit-history").config.get("history"))

    def test_times(self):
        text = "FROM localhost/busybox\nCOPY old /old\nRUN touch /new && touch -d @500 /old\n"
        files = {"old": "x"}
        zero = self.image(text, files=files)
        self.assertEqual(zero.config["created"], "1970-01-01T00:00:00Z")
        self.assertGreater(self.times(zero)["new"], 1_000_000_000)
        exact = self.image(text, "--timestamp", "1000", files=files)
        self.assertEqual(exact.config["created"], "1970-01-01T00:16:40Z")
        self.assertEqual({h["created"] for h in exact.config["history"][-2:]}, {"1970-01-01T00:16:40Z"})
        self.assertEqual(set(self.times(exact).values()), {1000})
        # A time for config and history alone leaves the files as they are.
        for args, env in ((["--source-date-epoch", "1000"], {}), ([], {"SOURCE_DATE_EPOCH": "1000"}),
                          (["--build-arg", "SOURCE_DATE_EPOCH=1000"], {})):
            with self.subTest(args=args, env=env):
                image = self.image(text, *args, files=files, env=env)
                self.assertEqual(image.config["created"], "1970-01-01T00:16:40Z")
                self.assertGreater(self.times(image)["new"], 1_000_000_000)
        clamped = self.times(self.image(text, "--source-date-epoch", "1000", "--rewrite-timestamp", files=files))
        self.assertEqual((clamped["new"], clamped["old"]), (1000, 500))
        seen = self.image("FROM localhost/busybox\nARG SOURCE_DATE_EPOCH\nRUN echo $SOURCE_DATE_EPOCH > /seen\n",
                          "--source-date-epoch", "77", name="arg")
        self.assertEqual(seen.config["created"], "1970-01-01T00:01:17Z")
        self.assertEqual(self.in_image("built", "cat", "/seen"), "77\n")
        for args in (["--timestamp", "1", "--source-date-epoch", "2"], ["--rewrite-timestamp"], ["--timestamp", "x"]):
            self.assert_fails(self.bld("build", *args, self.dir / "context", ok=False), "time")

    def test_times_of_merged_layers(self):
        text = "FROM localhost/busybox\nRUN touch /a\nRUN touch /b && touch -d @500 /c\n"
        for flag in ("--layers=false", "--squash"):
            with self.subTest(flag):
                self.assertEqual(set(self.times(self.image(text, flag, "--timestamp", "1000")).values()), {1000})
                times = self.times(self.image(text, flag, "--source-date-epoch", "1000", "--rewrite-timestamp"))
                self.assertEqual((times["a"], times["b"], times["c"]), (1000, 1000, 500))
        # Times of a base image stay what they are in its layers, wherever those are read from.
        self.bld("build", "-t", "base", "--timestamp", "1000", self.context(text, name="b"))
        above = "FROM localhost/base\nRUN touch -d @2000 /d\n"
        times = self.times(self.image(above, "--squash"))
        self.assertEqual((times["a"], times["c"], times["d"]), (1000, 1000, 2000))
        self.bld("build", "-o", self.dir / "out", self.dir / "context")
        found = {name: os.lstat(self.dir / "out" / name).st_mtime for name in "abcd"}
        self.assertEqual(found, {"a": 1000, "b": 1000, "c": 1000, "d": 2000})

    # ── layers ───────────────────────────────────────────────────────────────────────────────────

    def test_layers(self):
        text = "FROM localhost/busybox\nRUN touch /a\nRUN touch /b\nRUN rm /a\n"
        base = len(self.bld.layout("busybox", self.dir / "busybox").manifest["layers"])
        for args, env, count in (([], {}, base + 3), (["--layers=false"], {}, base + 1), (["--squash"], {}, 1), (["--squash-all"], {}, 1),
                                 ([], {"BUILDAH_LAYERS": "false"}, base + 1),
                                 (["--layers"], {"BUILDAH_LAYERS": "false"}, base + 3)):
            with self.subTest(args=args, env=env):
                image = self.image(text, *args, env=env)
                self.assertEqual(len(image.manifest["layers"]), count)
                history = image.config["history"]
                self.assertEqual(sum(not h.get("empty_layer") for h in history), count)
                self.assertEqual(self.in_image("built", "ls", "/").split().count("b"), 1)
                self.assertNotIn("a", self.in_image("built", "ls", "/").split())

    # ── what it stands on ────────────────────────────────────────────────────────────────────────

    def test_pull_policies(self):
        other = Store(self.dir / "other")
        place = self.dir / "above"
        with Registry(self.dir / "registry") as registry:
            name = f"{registry.name}/base:1"

            def publish(version):
                other("build", "-t", name, "--push", "--tls-verify=false",
                      self.context(f"FROM scratch\nLABEL version={version}\n", name=f"v{version}"))

            def version(*args):
                done = self.bld("build", "-t", "above", "--tls-verify=false", *args, place)
                number = sum(entry.name.startswith("layout") for entry in self.dir.iterdir())
                image = self.bld.layout("above", self.dir / f"layout{number}")
                return self.labels(image)["version"], "Trying to pull" in done.stdout + done.stderr

            publish(1)
            self.context(f"FROM {name}\nLABEL above=1\n", name="above")
            self.assert_fails(self.bld("build", "--pull=never", place, ok=False), "--pull=never forbids")
            self.assertEqual(version(), ("1", True))
            self.assertEqual(version("--pull=missing"), ("1", False))
            self.assertEqual(version("--pull=newer"), ("1", False))
            self.assertEqual(version("--pull=always"), ("1", True))
            publish(2)
            self.assertEqual(version("--pull=missing"), ("1", False))
            self.assertEqual(version("--pull=never"), ("1", False))
            self.assertEqual(version("--pull=false"), ("1", False))
            self.assertEqual(version("--pull"), ("2", True))
            publish(3)
            self.assertEqual(version("--pull-never"), ("2", False))
            self.assertEqual(version("--pull-always"), ("3", True))
        # A registry that is gone has nothing newer; nor has one the images of this machine.
        self.assertEqual(version("--pull=newer"), ("3", False))
        self.assertIn("of this machine is used", self.bld("build", "--pull", "--retry=0", place).stderr)
        self.assert_fails(self.bld("build", "--pull=always", "--retry=0", place, ok=False), "connection refused")
        own = self.bld("build", "--pull", self.context("FROM localhost/busybox\nLABEL a=b\n", name="own"))
        self.assertEqual(own.stderr, "")

    def test_an_unreachable_registry_is_asked_as_often_as_said(self):
        place = self.context(f"FROM 127.0.0.1:{free_port()}/nosuch\n")
        start = time.monotonic()
        done = self.bld("build", "--retry", "2", "--retry-delay", "100ms", place, ok=False)
        self.assert_fails(done, "nosuch")
        self.assertLess(time.monotonic() - start, 3)

    def test_another_base_target_and_arguments(self):
        self.bld("build", "-t", "one", self.context("FROM localhost/busybox\nLABEL base=one\n", name="one"))
        (self.dir / "arguments").write_text("# comment\nA=file\nB=file\n")
        text = "FROM localhost/busybox AS first\nARG A B=default\nLABEL a=$A b=$B\nFROM first\nLABEL last=1\n"
        image = self.image(text, "--from", "localhost/one", "--target", "first", "--build-arg-file",
                           self.dir / "arguments", "--build-arg", "A=flag")
        self.assertEqual(self.labels(image), {"base": "one", "a": "flag", "b": "file"})

    def test_jobs(self):
        """Two steps that wait for each other need two jobs."""
        wait = "touch /shared/{mine}; for i in 1 2 3 4 5 6; do test -e /shared/{other} && exit 0; sleep 0.5; done; exit 4"
        text = "".join(f"FROM localhost/busybox AS {mine}\nRUN {wait.format(mine=mine, other=other)}\n"
                       for mine, other in (("a", "b"), ("b", "a")))
        text += "FROM localhost/busybox\nCOPY --from=a /etc/passwd /a\nCOPY --from=b /etc/passwd /b\n"
        place = self.context(text)
        for jobs, status in (("2", 0), ("1", 4)):
            shared = self.dir / f"shared{jobs}"
            shared.mkdir()
            done = self.bld("build", "--jobs", jobs, "--no-cache", "-v", f"{shared}:/shared", place, ok=False)
            self.assertEqual(done.returncode, status, done.stderr)

    # ── which steps are done ─────────────────────────────────────────────────────────────────────

    def test_unused_stages(self):
        text = ("FROM localhost/busybox AS unused\nRUN echo unused-was-built\n"
                "FROM localhost/busybox AS final\nRUN echo final-was-built\n"
                "FROM localhost/busybox AS behind\nRUN echo behind-was-built\n")
        place = self.context(text)
        done = self.bld("build", "--target", "final", place)
        self.assertNotIn("\nunused-was-built", done.stdout)
        done = self.bld("build", "--no-cache", "--target", "final", "--skip-unused-stages=false", place)
        self.assertIn("\nunused-was-built", done.stdout)
        self.assertIn("\nfinal-was-built", done.stdout)
        self.assertNotIn("\nbehind-was-built", done.stdout)
        broken = self.context(text.replace("echo unused-was-built", "exit 9"), name="broken")
        self.assertEqual(self.bld("build", broken, "--skip-unused-stages=false", ok=False).returncode, 9)

    def test_no_cache_filter(self):
        text = ("FROM localhost/busybox AS one\nRUN cat /proc/sys/kernel/random/uuid > /uuid; echo one-ran\n"
                "FROM localhost/busybox AS two\nRUN echo two-ran\n"
                "FROM localhost/busybox\nCOPY --from=one /uuid /\nCOPY --from=two /etc/passwd /p\n"
                "RUN echo last-ran\n")
        first = self.image(text)
        self.assertEqual(self.image(text).id, first.id)
        done = self.bld("build", "-t", "built", "--no-cache-filter", "one", self.dir / "context")
        self.assertIn("\none-ran", done.stdout)
        self.assertNotIn("\ntwo-ran", done.stdout)
        self.assertIn("\nlast-ran", done.stdout)  # the uuid is another one
        self.assertNotEqual(self.bld.layout("built", self.dir / "again").id, first.id)
        self.assert_fails(self.bld("build", "--no-cache-filter", "nine", self.dir / "context", ok=False), "nine")

    def test_volumes_as_they_were(self):
        text = ("FROM localhost/busybox\nRUN mkdir -m 750 /v && echo a > /v/kept\nVOLUME /v /missing\n"
                "RUN echo b > /v/forgotten && test -e /v/kept && stat -c %a /v > /mode && echo c > /missing/x\n"
                "COPY copied /v/\nRUN test -e /v/copied && test ! -e /v/forgotten\n")
        self.image(text, "--compat-volumes", files={"copied": "x"})
        self.assertEqual(self.in_image("built", "ls", "/v").split(), ["copied", "kept"])
        self.assertEqual(self.in_image("built", "cat", "/mode"), "750\n")
        self.assertNotIn("missing", self.in_image("built", "ls", "/").split())
        self.image(text.replace("&& test ! -e /v/forgotten", "").replace("echo c > /missing/x", "true"),
                   files={"copied": "x"})
        self.assertEqual(self.in_image("built", "ls", "/v").split(), ["copied", "forgotten", "kept"])

    def test_standard_input(self):
        text = "FROM localhost/busybox\nRUN cat > /read\nRUN cat > /rest\n"
        place = self.context(text)
        self.bld("build", "-t", "built", "--stdin", place, input="from outside\n")
        self.assertEqual(self.in_image("built", "cat", "/read"), "from outside\n")
        self.assertEqual(self.in_image("built", "cat", "/rest"), "")
        self.bld("build", "-t", "built", "--no-cache", place, input="from outside\n")
        self.assertEqual(self.in_image("built", "cat", "/read"), "")

    # ── where the log goes ───────────────────────────────────────────────────────────────────────

    def test_log_file(self):
        place = self.context("FROM localhost/busybox\nRUN echo in-the-log\n")
        done = self.bld("build", "--logfile", self.dir / "log", place)
        self.assertEqual(done.stdout, "")
        self.assertIn("\nin-the-log", (self.dir / "log").read_text())
        self.bld("build", "--logfile", self.dir / "split", "--logsplit", "--arch", "arm64",
                 self.context("FROM scratch\nLABEL a=1\n", name="scratch"))
        self.assertIn("LABEL a=1", (self.dir / "split_linux_arm64").read_text())
        self.assertFalse((self.dir / "split").exists())
        self.assert_fails(self.bld("build", "--logsplit", place, ok=False), "without --logfile")

    # ── the cache, and what a step takes ─────────────────────────────────────────────────────────

    def test_age_of_the_cache(self):
        place = self.context("FROM localhost/busybox\nRUN cat /proc/sys/kernel/random/uuid > /id\n")
        first = self.bld.build(place)
        self.assertEqual(self.bld.build(place, "--cache-ttl", "1h"), first)
        self.assertNotEqual(again := self.bld.build(place, "--cache-ttl", "0"), first)
        time.sleep(2)
        self.assertEqual(self.bld.build(place, "--cache-ttl", "1h"), again)
        self.assertNotEqual(self.bld.build(place, "--cache-ttl", "1s"), again)
        # Without layers each step is done each time, and none has a result to tell.
        done = self.bld("build", "--layers=false", place)
        self.assertNotIn("--> Using cache", done.stdout)
        self.assertEqual(done.stdout.count("-->"), 1)
        self.assertNotEqual(done.stdout.split()[-1], self.bld.build(place, "--layers=false"))

    def test_what_steps_took(self):
        place = self.context("FROM localhost/busybox\nRUN i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done\n")
        line = r"^\d\S*\(system\) \d\S*\(user\) \d\S*\(elapsed\) \d\S* input \d\S* output$"
        lines = self.bld("build", "--log-rusage", place).stdout.splitlines()
        self.assertEqual([bool(re.match(line, text)) for text in lines[:4]], [False, True, False, True], lines)
        self.assertNotIn(" 0s(user)", lines[3])
        done = self.bld("build", "--no-cache", "--log-rusage", "--rusage-logfile", self.dir / "usage", place)
        self.assertNotIn("elapsed", done.stdout)
        self.assertEqual(len((self.dir / "usage").read_text().splitlines()), 2)
        self.assert_fails(self.bld("build", "--rusage-logfile", "x", place, ok=False), "--log-rusage")

    # ── what changes nothing by its nature, and what is refused ──────────────────────────────────

    def test_without_effect(self):
        text = "FROM localhost/busybox\nRUN touch -d @1 /a\n"
        first = self.image(text, "--timestamp=1")
        again = self.image(text, "--timestamp=1", "--rm", "--force-rm", "--force-rm=false", "--compress",
                           "--disable-content-trust", "-D", "--load", "--provenance=false", "--sbom=false",
                           "--all-platforms=false", "--loglevel", "3", "--layer-label=a=b", "--compat-volumes=false", "--layers", "--no-cache")
        self.assertEqual(first.digest, again.digest)

    def test_manifest_list(self):
        place = self.context("FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\n")
        platforms = "linux/amd64,linux/arm64"
        self.bld("build", "--platform", platforms, "--manifest", "list", "--iidfile", self.dir / "id", place)

        def members():
            document = json.loads(self.bld("manifest", "inspect", "list").stdout)
            return {entry["platform"]["architecture"]: entry["digest"] for entry in document["manifests"]}

        both = members()
        self.assertEqual(sorted(both), ["amd64", "arm64"])
        self.bld("build", "--arch", "arm64", "--manifest", "list", "--label", "more=1", place)
        again = members()
        self.assertEqual(again["amd64"], both["amd64"])
        self.assertNotEqual(again["arm64"], both["arm64"])
        self.bld("manifest", "push", "list", f"oci:{self.dir}/pushed:1")
        index = json.loads((self.dir / "pushed/index.json").read_text())
        top = json.loads((self.dir / "pushed/blobs/sha256" / index["manifests"][0]["digest"][7:]).read_text())
        self.assertEqual(len(top["manifests"]), 2)

    def test_refused_with_advice(self):
        place = self.context("FROM scratch\nLABEL a=1\n")
        for flags, advice in (("--rm=false", "no containers"), ("-D=false", "leave the store"),
                              ("--provenance=mode=max", "attestations"), ("--sbom=true", "scanner"),
                              ("--sbom syft", "scanner"), ("--builder x", "leave the flag out"),
                              ("--sign-by x", "cosign"),
                              ("--cw type=snp", "type=tar"),
                              ("--sbom-output x", "scanner"), ("--attest type=sbom", "attestations")):
            with self.subTest(flags):
                done = self.bld("build", *flags.split(), place, ok=False)
                self.assert_fails(done, "not supported by bld yet", advice)
        self.assertFalse([i for i in self.bld.images() if "built" in str(i)])

    def test_an_unknown_flag_gets_the_nearest(self):
        place = self.context("FROM scratch\n")
        for flag, meant in (("--no-cach", "--no-cache"), ("--anotation", "--annotation"), ("--ouput", "--output")):
            self.assert_fails(self.bld("build", flag, place, ok=False), f"unknown flag: {flag}", f"did you mean {meant}?")


if __name__ == "__main__":
    main()
