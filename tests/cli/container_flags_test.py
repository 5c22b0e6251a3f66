"""Flags of commit, copy, add and pull that scripts written for Buildah use."""

import json
import os

from support import CliTest, Registry, main


class Commit(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.container = self.bld("from", "busybox").stdout.strip()

    def made(self, *flags, name="made"):
        self.bld("commit", "-q", *flags, self.container, name)
        return self.bld.layout(name, self.dir / f"layout-{name}")

    def test_a_file_is_added_to_the_image_only(self):
        source = self.dir / "some[1]"
        source.write_text("added")
        source.chmod(0o4711)
        self.bld("run", self.container, "--", "sh", "-c", "mkdir -m 700 /deep; chown 3:4 /deep; touch /own")
        made = self.made("--add-file", f"{source}:/deep/er/file", "--add-file", source)
        file = made.files()["/deep/er/file"]
        self.assertEqual((file.data, file.mode, file.uid, file.gid), (b"added", 0o644, 0, 0))
        self.assertEqual(made.files()[str(source)].data, b"added")
        folder = made.files()["/deep"]
        self.assertEqual((folder.mode, folder.uid, folder.gid), (0o700, 3, 4))
        base = self.bld.layout("busybox", self.dir / "base")
        self.assertEqual(len(made.config["rootfs"]["diff_ids"]), len(base.config["rootfs"]["diff_ids"]) + 2)
        layered = [entry for entry in made.config["history"] if not entry.get("empty_layer")]
        self.assertEqual(len(layered), len(made.config["rootfs"]["diff_ids"]))
        self.assertEqual(self.bld("run", self.container, "ls", "/deep").stdout, "", "the container has it not")
        squashed = self.made("--squash", "--add-file", f"{source}:/deep/er/file", name="squashed")
        self.assertEqual(len(squashed.config["rootfs"]["diff_ids"]), 1)
        self.assertEqual(squashed.files()["/deep/er/file"].data, b"added")
        # Nothing but the added file: one more layer.
        fresh = self.bld("from", "busybox").stdout.strip()
        self.bld("commit", "-q", "--add-file", f"{source}:/f", fresh, "one")
        one = self.bld.layout("one", self.dir / "one")
        self.assertEqual(len(one.config["rootfs"]["diff_ids"]), len(base.config["rootfs"]["diff_ids"]) + 1)
        self.assert_fails(self.bld("commit", "--add-file", self.dir, self.container, ok=False), "no regular file")
        self.assert_fails(self.bld("commit", "--add-file", "/nosuch", self.container, ok=False), "/nosuch")

    def test_a_configuration_is_merged(self):
        file = self.dir / "config.json"
        file.write_text(json.dumps({"Env": ["A=new", "B=2"], "Labels": {"l": "1"}, "Cmd": ["x", "y"], "User": "7",
                                    "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/v": {}}, "OnBuild": ["RUN true"]}))
        self.bld("config", "-e", "A=old", "-l", "kept=1", "--workingdir", "/w", self.container)
        config = self.made("--config", file, "-c", "USER 8").config["config"]
        self.assertEqual(config["Env"], ["PATH=/bin", "A=new", "B=2"])
        self.assertEqual((config["Labels"]["l"], config["Labels"]["kept"]), ("1", "1"))
        self.assertEqual((config["Cmd"], config["User"], config["WorkingDir"]), (["x", "y"], "8", "/w"))
        self.assertEqual((config["ExposedPorts"], config["Volumes"]), ({"80/tcp": {}}, {"/v": {}}))
        self.assertEqual(config["OnBuild"], ["RUN true"])
        file.write_text("{")
        self.assert_fails(self.bld("commit", "--config", file, self.container, ok=False), "--config", str(file))

    def test_the_image_becomes_part_of_a_list(self):
        image = self.bld("commit", "--manifest", "all", self.container, "made").stdout.strip()
        self.assertRegex(image, "^[0-9a-f]{64}$")
        entries = json.loads(self.bld("manifest", "inspect", "all").stdout)["manifests"]
        self.assertEqual([e["platform"]["os"] for e in entries], ["linux"])
        self.assertEqual(self.bld("inspect", "-f", "{{.FromImageDigest}}", "made").stdout, entries[0]["digest"])

    def test_the_time_of_a_file(self):
        (self.dir / "ref").write_text("")
        os.utime(self.dir / "ref", (1000000000, 1000000000))
        self.bld("run", self.container, "touch", "/new")
        made = self.made("--reference-time", self.dir / "ref")
        self.assertEqual(made.config["created"], "2001-09-09T01:46:40Z")
        self.assertEqual(made.files()["/new"].mtime, 1000000000)

    def test_what_is_not_done_says_what_to_do(self):
        for flags, words in ((("--encryption-key", "jwe:k"), "skopeo copy"), (("--sign-by", "x"), "cosign"),
                             (("--sbom", "syft"), "scanner"), (("--cw", "type=sev"), "disk image")):
            with self.subTest(flags):
                self.assert_fails(self.bld("commit", *flags, self.container, ok=False), flags[0], words)
        self.assert_fails(self.bld("pull", "--decryption-key", "k", "busybox", ok=False), "skopeo copy")

    def test_layers_for_a_directory(self):
        self.bld("run", self.container, "touch", "/new")
        self.bld("commit", "-q", self.container, f"dir:{self.dir}/plain")
        self.bld("commit", "-q", "-D=false", self.container, f"dir:{self.dir}/gzip")
        types = [json.loads((self.dir / name / "manifest.json").read_text())["layers"][-1]["mediaType"][-4:]
                 for name in ("plain", "gzip")]
        self.assertEqual(types, [".tar", "gzip"])


class Copy(CliTest):
    def test_the_time_of_what_is_new(self):
        self.bld.import_busybox()
        container = self.bld("from", "busybox").stdout.strip()
        (self.dir / "tree" / "sub").mkdir(parents=True)
        (self.dir / "tree" / "sub" / "f").write_text("f")
        self.bld("copy", "-q", "--timestamp", "86400", container, self.dir / "tree", "/new/tree")
        seen = self.bld("run", container, "stat", "-c", "%n %Y", "/new", "/new/tree", "/new/tree/sub/f").stdout
        self.assertEqual(seen, "/new 86400\n/new/tree 86400\n/new/tree/sub/f 86400\n")
        self.bld("add", "-q", "--timestamp", "172800", container, self.dir / "tree" / "sub" / "f", "/new/")
        self.assertEqual(self.bld("run", container, "stat", "-c", "%Y", "/new/f").stdout, "172800\n")
        self.assert_fails(self.bld("copy", "--timestamp", "soon", container, self.dir, "/x", ok=False), "--timestamp")


    def test_parents_and_excludes(self):
        self.bld.import_busybox()
        container = self.bld("from", "busybox").stdout.strip()
        (self.dir / "tree" / "sub").mkdir(parents=True)
        for name in ("f", "sub/g", "sub/h.x"):
            (self.dir / "tree" / name).write_text(name)

        def copied(*words):
            self.bld("copy", "-q", *words, "/to/", cwd=self.dir / "tree")
            return self.bld("run", container, "sh", "-c", "cd /to; find . -type f | sort; rm -r /to").stdout.split()

        self.assertEqual(copied("--parents", container, "sub/g", "f"), ["./f", "./sub/g"])
        self.assertEqual(copied("--parents", container, f"{self.dir}/./tree/sub/g"), ["./tree/sub/g"])
        self.assertEqual(copied("--contextdir", self.dir, "--parents", container, "tree/sub/g"), ["./tree/sub/g"])
        self.assertEqual(copied("--exclude", "**/*.x", container, "."), ["./f", "./sub/g"])
        self.assertEqual(copied("--exclude", "sub", "--contextdir", "..", container, "tree"), ["./f"])
        failed = self.bld("copy", "--exclude", "f", container, "f", "/x", cwd=self.dir / "tree", ok=False)
        self.assert_fails(failed, "no such file or directory", "it is excluded")


class FromRegistries(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.registry = Registry(self.dir / "registry")
        self.registry.__enter__()
        self.addCleanup(self.registry.__exit__, None, None, None)
        self.name = f"{self.registry.name}/tool"
        for tag in ("1", "2"):
            container = self.bld("from", "busybox").stdout.strip()
            self.bld("config", "--label", f"tag={tag}", container)
            self.bld("commit", "-q", "--tls-verify=false", container, f"docker://{self.name}:{tag}")

    def test_all_tags(self):
        other = type(self.bld)(self.dir / "other")
        ids = other("pull", "-q", "--all-tags", "--tls-verify=false", self.name).stdout.split()
        self.assertEqual(len(ids), 2)
        self.assertEqual({i["id"] for i in other.images()}, {image[:12] for image in ids})
        self.assertEqual(other("inspect", "-f", '{{index .OCIv1.Config.Labels "tag"}}', f"{self.name}:2").stdout, "2")
        failed = other("pull", "--all-tags", "--tls-verify=false", f"{self.name}:1", ok=False)
        self.assert_fails(failed, "tag can't be used with --all-tags")

    def test_copy_from_an_image_of_a_registry(self):
        other = type(self.bld)(self.dir / "other")
        container = other("from", "scratch").stdout.strip()
        other("copy", "-q", "--tls-verify=false", "--from", f"{self.name}:1", container, "/bin/busybox", "/busybox")
        failed = other("copy", "-q", "--retry", "0", "--from", f"{self.name}:9", container, "/bin/busybox", "/busybox", ok=False)
        self.assertEqual(failed.returncode, 125)
        self.assertEqual(other("run", container, "/busybox", "echo", "there").stdout, "there\n")


if __name__ == "__main__":
    main()
