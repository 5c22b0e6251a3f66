"""Manifest lists: one name for the images of several platforms."""

import json

from support import CliTest, Registry, environment, main, need, run


class Lists(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        context = self.context("FROM localhost/busybox\nRUN echo amd > /arch\n")
        self.bld("build", "-q", "-t", "amd", context)
        container = self.bld("from", "amd").stdout.strip()
        self.bld("config", "--arch", "arm64", "--variant", "v8", container)
        self.bld("commit", "-q", container, "arm")
        self.list = self.bld("manifest", "create", "both").stdout.strip()

    def inspect(self, name="both"):
        return json.loads(self.bld("manifest", "inspect", name).stdout)

    def test_create_add_inspect(self):
        self.assertRegex(self.list, "^[0-9a-f]{64}$")
        lines = [self.bld("manifest", "add", "both", name).stdout.strip() for name in ("amd", "localhost/arm")]
        entries = self.inspect()["manifests"]
        self.assertEqual(lines, [f"{self.list}: {entry['digest']}" for entry in entries])
        self.assertEqual([entry["platform"]["architecture"] for entry in entries], ["amd64", "arm64"])
        self.bld("manifest", "add", "both", "arm")
        self.assertEqual(len(self.inspect()["manifests"]), 2, "an image is there once")
        self.assertEqual(self.bld("manifest", "inspect", self.list[:12]).stdout,
                         self.bld("manifest", "inspect", "both").stdout)

    def test_create_with_images_and_amend(self):
        self.bld("manifest", "create", "--annotation", "a=b", "more", "amd")
        failed = self.bld("manifest", "create", "more", "arm", ok=False)
        self.assertEqual(failed.returncode, 125)
        self.assertIn("--amend", failed.stderr)
        self.bld("manifest", "create", "--amend", "more", "arm")
        self.assertEqual(len(self.inspect("more")["manifests"]), 2)
        self.assertEqual(self.inspect("more")["annotations"], {"a": "b"})
        self.bld("manifest", "create", "third", "more")
        self.assertEqual(self.inspect("third")["manifests"], self.inspect("more")["manifests"])

    def test_what_an_entry_says(self):
        self.bld("manifest", "add", "--os", "linux", "--arch", "arm", "--variant", "v7", "--annotation", "x=1",
                 "--os-version", "6", "--os-features", "p,q", "both", "arm")
        entry = self.inspect()["manifests"][0]
        self.assertEqual(entry["platform"], {"architecture": "arm", "os": "linux", "variant": "v7",
                                             "os.version": "6", "os.features": ["p", "q"]})
        self.assertEqual(entry["annotations"], {"x": "1"})
        self.bld("manifest", "annotate", "--arch", "s390x", "--annotation", "y=2", "both", entry["digest"])
        entry = self.inspect()["manifests"][0]
        self.assertEqual((entry["platform"]["architecture"], entry["platform"].get("variant")), ("s390x", None))
        self.assertEqual(entry["annotations"], {"x": "1", "y": "2"})
        self.bld("manifest", "annotate", "--index", "--annotation", "of=list", "both")
        self.assertEqual(self.inspect()["annotations"], {"of": "list"})

    def test_exists_remove_rm(self):
        self.bld("manifest", "add", "both", "amd")
        self.assertEqual(self.bld("manifest", "exists", "both").returncode, 0)
        self.assertEqual(self.bld("manifest", "exists", "nosuch", ok=False).returncode, 1)
        digest = self.inspect()["manifests"][0]["digest"]
        self.assertEqual(self.bld("manifest", "remove", "both", digest).stdout, f"{self.list}: {digest}\n")
        self.assertEqual(self.inspect().get("manifests"), [])
        self.assertEqual(self.bld("manifest", "rm", "both").stdout, f"untagged: localhost/both:latest\n{self.list}\n")
        self.assertEqual(self.bld("manifest", "exists", "both", ok=False).returncode, 1)
        self.assertEqual(len(self.bld.images()), 3, "the images stay")

    def test_push_and_rmi_know_lists(self):
        self.bld("manifest", "create", "pair", "busybox")
        place = self.dir / "pushed"
        self.bld("push", "--all", "--compression-format", "zstd", "pair", f"oci:{place}:x")
        index = json.loads((place / "index.json").read_text())
        self.assertEqual(len(index["manifests"]), 1)
        listed = self.bld("manifest", "inspect", "pair").stdout
        self.assertEqual(self.bld("rmi", "pair").stdout.splitlines()[0], "untagged: localhost/pair:latest")
        self.assertIn("manifests", listed)
        self.assertEqual(self.bld("manifest", "exists", "pair", ok=False).returncode, 1)
        self.bld("push", "--rm", "busybox", f"oci:{place}:y")
        self.assertNotIn("busybox", self.bld("images").stdout)

    def test_images_tag_inspect_and_rmi_know_lists(self):
        self.bld("manifest", "create", "full", "arm", "amd")
        self.bld("tag", "full", "other:1")
        rows = {tuple(line.split()[:2]): line.split()[2] for line in self.bld("images").stdout.splitlines()[1:]}
        self.assertEqual(rows["localhost/both", "latest"], self.list[:12])
        self.assertIn(("localhost/other", "1"), rows)
        self.assertEqual(self.inspect("other:1"), self.inspect("full"))
        # Of a list, the image for this machine is shown.
        self.assertEqual(self.bld("inspect", "-f", "{{.OCIv1.Architecture}} {{.FromImage}}", "full").stdout,
                         "amd64 localhost/amd:latest")
        self.assertEqual(self.bld("inspect", "--type", "manifest", "full").stdout,
                         self.bld("manifest", "inspect", "full").stdout)
        self.assert_fails(self.bld("inspect", "both", ok=False), "has no image for linux/amd64")
        self.assertEqual(self.bld("images", "-q", "full").stdout.strip(), rows["localhost/full", "latest"])
        self.assertNotIn("both", self.bld("images", "--filter", "label=x").stdout)
        self.assertIn("both", self.bld("images", "--filter", "label!=x").stdout)
        self.assertIn("untagged: localhost/other:1", self.bld("rmi", "-a", "-f").stdout)
        self.assertEqual(self.bld.images(), [])

    def test_subject(self):
        self.bld("manifest", "add", "both", "amd")
        self.bld("manifest", "annotate", "--index", "--subject", "arm", "both")
        self.assertEqual(self.inspect()["subject"]["digest"],
                         self.bld("inspect", "-f", "{{.FromImageDigest}}", "arm").stdout)
        self.assert_fails(self.bld("manifest", "annotate", "--subject", "arm", "both", "amd", ok=False), "--index")

    def test_each_image_in_two_compressions(self):
        self.bld("manifest", "create", "full", "amd", "arm")
        conf = self.dir / "containers.conf"
        conf.write_text('[engine]\nadd_compression = ["zstd"]\n')
        self.bld("manifest", "push", "-q", "--add-compression", "zstd", "full", f"oci:{self.dir}/layout:both")
        self.bld("manifest", "push", "-q", "full", f"oci:{self.dir}/by-file:both", env=environment(CONTAINERS_CONF=conf))
        self.assertEqual((self.dir / "by-file" / "index.json").read_text(), (self.dir / "layout" / "index.json").read_text())
        blobs = self.dir / "layout" / "blobs"
        entry = json.loads((self.dir / "layout" / "index.json").read_text())["manifests"][0]
        members = json.loads((blobs / entry["digest"].replace(":", "/")).read_text())["manifests"]
        self.assertEqual([m["platform"]["architecture"] for m in members], ["amd64", "arm64"] * 2)
        types = [json.loads((blobs / m["digest"].replace(":", "/")).read_text())["layers"][0]["mediaType"][-4:]
                 for m in members]
        self.assertEqual(types, ["gzip", "gzip", "zstd", "zstd"])
        self.assertEqual([m.get("annotations", {}).get("io.github.containers.compression.zstd") for m in members],
                         [None, None, "true", "true"])

    def test_push_to_a_registry(self):
        need("skopeo")
        self.bld("manifest", "create", "full", "amd", "arm")
        with Registry(self.dir / "registry") as registry:
            name = f"docker://{registry.name}/multi:1"
            self.bld("manifest", "push", "-q", "--tls-verify=false", "--digestfile", self.dir / "digest", "full", name)
            raw = run(["skopeo", "inspect", "--raw", "--tls-verify=false", name]).stdout
            index = json.loads(raw)
            self.assertEqual([e["platform"]["architecture"] for e in index["manifests"]], ["amd64", "arm64"])
            for arch in ("amd64", "arm64"):
                config = json.loads(run(["skopeo", "--override-arch", arch, "inspect", "--config",
                                         "--tls-verify=false", name]).stdout)
                self.assertEqual(config["architecture"], arch)
            # And back: both images of the index into another store's list.
            self.bld("rmi", "-f", "-a")
            self.bld("manifest", "create", "--all", "--tls-verify=false", "again", name)
            self.assertEqual([e["digest"] for e in self.inspect("again")["manifests"]],
                             [e["digest"] for e in index["manifests"]])
            self.bld("manifest", "push", "-q", "again", f"oci:{self.dir}/layout:x")
            self.assertEqual((self.dir / "digest").read_text()[:7], "sha256:")
            shown = self.bld("manifest", "inspect", "--tls-verify=false", name.removeprefix("docker://")).stdout
            self.assertEqual(json.loads(shown), index)
            one = self.bld("manifest", "inspect", "--tls-verify=false", name.replace(":1", f"@{index['manifests'][0]['digest']}"))
            self.assertIn("not a manifest list but a single image", one.stderr)
            self.assertIn("layers", json.loads(one.stdout))

    def test_push_to_a_directory(self):
        need("skopeo")
        self.bld("manifest", "create", "full", "amd", "arm")
        self.bld("manifest", "push", "-q", "full", f"dir:{self.dir}/files")
        run(["skopeo", "copy", "-q", "--all", f"dir:{self.dir}/files", f"dir:{self.dir}/again"])
        self.assertEqual(len(json.loads((self.dir / "again" / "manifest.json").read_text())["manifests"]), 2)
        self.bld("push", "-q", "full", f"oci:{self.dir}/layout:x")
        self.assertEqual(self.bld("from", "-q", "--platform", "linux/arm64", "full").stdout, "full-working-container\n")
        self.assertEqual(self.bld("inspect", "-f", "{{.OCIv1.Architecture}}", "full-working-container").stdout, "arm64")

    def test_push_to_a_layout(self):
        self.bld("manifest", "create", "full", "amd", "arm")
        self.bld("manifest", "push", "-q", "--rm", "full", f"oci:{self.dir}/layout:both")
        self.assertEqual(self.bld("manifest", "exists", "full", ok=False).returncode, 1)
        entry = json.loads((self.dir / "layout" / "index.json").read_text())["manifests"][0]
        index = json.loads((self.dir / "layout" / "blobs" / entry["digest"].replace(":", "/")).read_text())
        self.assertEqual(len(index["manifests"]), 2)
        for member in index["manifests"]:
            self.assertTrue((self.dir / "layout" / "blobs" / member["digest"].replace(":", "/")).exists())

    def test_clear_errors(self):
        self.bld("manifest", "create", "gone", "arm")
        self.bld("rmi", "arm")
        for words, message in ((("inspect", "nosuch"), "nosuch: image not known"),
                               (("inspect", "amd"), "not a manifest list"),
                               (("add", "both"), "must be specified"),
                               (("remove", "both", "sha256:" + "0" * 64), "has no image"),
                               (("push", "both", f"oci:{self.dir}/l"), "the list is empty"),
                               (("push", "gone", f"oci:{self.dir}/l"), "no longer here"),
                               (("push", "gone", f"docker-archive:{self.dir}/a"), "no longer here"),
                               (("creat", "x"), "did you mean create?")):
            with self.subTest(words):
                failed = self.bld("manifest", *words, ok=False)
                self.assertEqual(failed.returncode, 125)
                self.assertIn(message, failed.stderr)
        self.bld("manifest", "create", "one", "amd")
        failed = self.bld("manifest", "push", "one", f"docker-archive:{self.dir}/a", ok=False)
        self.assertIn("not an index", failed.stderr)


if __name__ == "__main__":
    main()
