"""Source images: what bld makes, Debian's buildah takes, and the other way round."""

import json
import tarfile

from support import Buildah, CliTest, Registry, main, run


class Source(CliTest):
    def setUp(self):
        super().setUp()
        (self.dir / "tree" / "sub").mkdir(parents=True)
        (self.dir / "tree" / "sub" / "f").write_text("f")
        (self.dir / "file").write_text("file")
        self.image = self.dir / "source"

    def manifest(self, place=None):
        place = place or self.image
        index = json.loads((place / "index.json").read_text())
        self.assertEqual(len(index["manifests"]), 1)
        blobs = place / "blobs" / "sha256"
        manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
        named = {index["manifests"][0]["digest"], manifest["config"]["digest"], *(l["digest"] for l in manifest["layers"])}
        self.assertEqual({f"sha256:{path.name}" for path in blobs.iterdir()}, named, "nothing else is left there")
        return manifest

    def names(self, layer):
        with tarfile.open(self.image / "blobs" / "sha256" / layer["digest"][7:]) as tar:
            return sorted((member.name, member.uid) for member in tar)

    def test_create_and_add(self):
        self.assertEqual(self.bld("source", "create", "--author", "me", "--time-stamp=false", self.image).stdout, "")
        config = self.image / "blobs" / "sha256" / self.manifest()["config"]["digest"][7:]
        self.assertEqual(json.loads(config.read_text()), {"author": "me"})
        self.bld("source", "add", "--annotation", "a=b", self.image, self.dir / "file")
        self.bld("source", "add", self.image, self.dir / "tree")
        manifest = self.manifest()
        self.assertEqual(manifest["config"]["mediaType"], "application/vnd.oci.source.image.config.v1+json")
        self.assertEqual([layer.get("annotations") for layer in manifest["layers"]], [{"a": "b"}, None])
        self.assertEqual([self.names(layer) for layer in manifest["layers"]],
                         [[("file", 0)], [("sub", 0), ("sub/f", 0)]])

    def test_errors(self):
        self.bld("source", "create", self.image)
        before = self.manifest()
        for words, message in ((("create", self.image), "already exists"), (("add", self.image, "/nosuch"), "/nosuch"),
                               (("add", "/nosuch", self.dir / "file"), "/nosuch"), (("add", self.image), "accepts 2 arg(s)"),
                               (("add", "--annotation", "x", self.image, self.dir / "file"), "key=value"),
                               (("remove", self.image), "unknown command")):
            with self.subTest(words):
                self.assert_fails(self.bld("source", *words, ok=False), message)
        self.assertEqual(self.manifest(), before)

    def test_push_and_pull_by_both(self):
        buildah = Buildah(self.dir / "buildah")
        with Registry(self.dir / "registry") as registry:
            flags = ("-q", "--tls-verify=false")
            self.bld("source", "create", self.image)
            self.bld("source", "add", self.image, self.dir / "tree")
            self.bld("source", "push", *flags, self.image, f"{registry.name}/src:1")
            buildah("source", "pull", *flags, f"{registry.name}/src:1", self.dir / "theirs")
            self.assertEqual(self.manifest(self.dir / "theirs"), self.manifest())
            buildah("source", "add", self.dir / "theirs", self.dir / "file")
            buildah("source", "push", *flags, self.dir / "theirs", f"{registry.name}/src:2")
            self.bld("source", "pull", *flags, f"{registry.name}/src:2", self.dir / "again")
            self.assertEqual(self.manifest(self.dir / "again"), self.manifest(self.dir / "theirs"))
            run(["skopeo", "copy", "-q", f"oci:{self.dir}/again", f"dir:{self.dir}/dir"])
            # An image is no source image.
            self.bld.import_busybox()
            self.bld("push", *flags, "busybox", f"docker://{registry.name}/image:1")
            failed = self.bld("source", "pull", *flags, f"{registry.name}/image:1", self.dir / "no", ok=False)
            self.assert_fails(failed, "unexpected media type")


if __name__ == "__main__":
    main()
