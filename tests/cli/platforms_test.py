"""One build for several platforms: the images, the list that they are in, and where it goes."""

import json

from support import CliTest, Registry, main, need, run

BOTH = ("--platform", "linux/amd64,linux/arm64")
TEXT = "FROM scratch\nARG TARGETARCH\nCOPY file /of-$TARGETARCH\n"


class Platforms(CliTest):
    def setUp(self):
        super().setUp()
        self.place = self.context(TEXT, {"file": "x"})

    def index(self, name):
        return json.loads(self.bld("manifest", "inspect", name).stdout)

    def architectures(self, name):
        return [entry["platform"]["architecture"] for entry in self.index(name)["manifests"]]

    def test_a_tag_is_the_name_of_a_list(self):
        done = self.bld("build", *BOTH, "-t", "app", "-t", "app:2", "--iidfile", self.dir / "id", self.place)
        lines = done.stdout.splitlines()
        for expected in ("[linux/amd64] STEP 3/3: COPY file /of-$TARGETARCH", "[linux/arm64] STEP 1/3: FROM scratch",
                         "[linux/arm64] COMMIT app", "Successfully tagged localhost/app:latest"):
            self.assertEqual(lines.count(expected), 1, done.stdout)
        self.assertEqual(lines[-1], "Successfully tagged localhost/app:2")
        self.assertEqual(self.architectures("app"), ["amd64", "arm64"])
        self.assertEqual(self.index("app"), self.index("app:2"))
        identifier = (self.dir / "id").read_text()
        self.assertEqual(self.bld("manifest", "inspect", identifier.removeprefix("sha256:")).stdout,
                         self.bld("manifest", "inspect", "app").stdout)
        # The list of a later build takes its place; so does an image, and a list that of an image.
        self.bld("build", "-q", "--platform", "linux/s390x,linux/arm64", "-t", "app", self.place)
        self.assertEqual(self.architectures("app"), ["s390x", "arm64"])
        self.bld("build", "-q", "-t", "app", self.place)
        self.assertEqual(self.bld("manifest", "exists", "app", ok=False).returncode, 1)
        self.bld("build", "-q", *BOTH, "-t", "app", self.place)
        self.assertEqual(self.architectures("app"), ["amd64", "arm64"])
        names = [name for image in self.bld.images() for name in image["names"] or ()]
        self.assertEqual(names.count("localhost/app:latest"), 1)
        self.assertEqual(self.bld("build", "-q", *BOTH, "-t", "app", self.place).stdout.count("\n"), 1)

    def test_where_it_goes(self):
        need("skopeo")
        metadata = self.dir / "metadata"
        with Registry(self.dir / "registry") as registry:
            name = f"{registry.name}/app:1"
            self.bld("build", "-q", *BOTH, "-t", name, "--push", "--tls-verify=false", "--metadata-file", metadata,
                     "-o", f"type=oci,dest={self.dir}/app.tar", "-o", f"type=local,dest={self.dir}/files", self.place)
            raw = run(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}"]).stdout
            self.assertEqual([e["platform"]["architecture"] for e in json.loads(raw)["manifests"]], ["amd64", "arm64"])
            told = json.loads(metadata.read_text())
            remote = run(["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{name}"])
            self.assertEqual(told["containerimage.digest"], remote.stdout.strip())
            self.assertEqual((told["image.name"], "containerimage.config.digest" in told), (name, False))
            # --manifest adds, and -t with a transport is a place.
            self.bld("build", "-q", *BOTH, "--manifest", "list", "-t", f"docker://{registry.name}/other", "--tls-verify=false",
                     "-t", f"oci:{self.dir}/layout:x", self.place)
            other = run(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{registry.name}/other:latest"]).stdout
            self.assertEqual(len(json.loads(other)["manifests"]), 2)
        for arch in ("amd64", "arm64"):
            self.assertEqual([p.name for p in (self.dir / f"files/linux_{arch}").iterdir()], [f"of-{arch}"])
            for place in (f"oci-archive:{self.dir}/app.tar", f"oci:{self.dir}/layout:x"):
                config = run(["skopeo", "--override-arch", arch, "inspect", "--config", place]).stdout
                self.assertEqual(json.loads(config)["architecture"], arch)

    def test_without_a_name(self):
        ids = self.bld("build", "-q", *BOTH, self.place).stdout.split()
        self.assertEqual([self.bld("inspect", "-f", "{{.OCIv1.Architecture}}", i).stdout for i in ids], ["amd64", "arm64"])

    def test_all_platforms_of_the_base_images(self):
        self.bld("build", "-q", "--platform", "linux/amd64,linux/arm64,linux/s390x", "-t", "base", self.place)
        self.bld("build", "-q", "--platform", "linux/arm64,linux/s390x,linux/riscv64", "-t", "second", self.place)
        text = "FROM localhost/base\nCOPY --from=localhost/second / /\nCOPY --from=helper /of-s390x /\n"
        helper = "FROM --platform=linux/s390x localhost/second AS helper\n"
        self.bld("build", "-q", "--all-platforms", "--manifest", "all", self.context(helper + text, name="above"))
        self.assertEqual(sorted(self.architectures("all")), ["arm64", "s390x"])
        self.assert_fails(self.bld("build", "--all-platforms", self.place, ok=False), "no base image", "--platform A,B")

    def test_logs(self):
        self.bld("build", *BOTH, "--logfile", self.dir / "log", "--logsplit", self.place)
        for arch in ("amd64", "arm64"):
            self.assertIn(f"[linux/{arch}] STEP 1/3", (self.dir / f"log_linux_{arch}").read_text())
        self.assertEqual(self.bld("build", *BOTH, "--logfile", self.dir / "one", self.place).stdout, "")
        for arch in ("amd64", "arm64"):
            self.assertIn(f"[linux/{arch}] STEP 1/3", (self.dir / "one").read_text())

    def test_clear_errors(self):
        self.bld("build", "-q", "-t", "image", self.place)
        for flags, words in (((*BOTH, "-o", f"type=tar,dest={self.dir}/x"), ("several platforms", "type=oci")),
                             ((*BOTH, "-o", f"type=docker,dest={self.dir}/x"), ("several platforms", "type=oci")),
                             ((*BOTH, "--iidfile", f"{self.dir}/id"), ("--iidfile", "--manifest NAME")),
                             (("--manifest", "image"), ("image: image is not a manifest list",)),
                             (("--manifest", "x", "-t", "x"), ("must not be specified for both '--tag' and '--manifest'",)),
                             (("--platform", "linux/arm64", "--arch", "arm64"), ("invalid --platform may not be used with",)),
                             (("--platform", "linux/arm64", "--all-platforms"), ("used together",))):
            with self.subTest(flags):
                self.assert_fails(self.bld("build", *flags, self.place, ok=False), *words)
        done = self.bld("build", *BOTH, "-f", "-", self.place, input=TEXT, ok=False)
        self.assert_fails(done, "standard input can be read for one platform only")
        self.assert_fails(self.bld("manifest", "create", "image", ok=False), "that name is already in use by an image")


if __name__ == "__main__":
    main()
