"""What bld makes is opened by others' tools, what others make by bld, and digests survive."""

import json
import os

import oci_layout
from support import CliTest, Registry, Store, is_root, need, run, main


class Interop(CliTest):
    def sample(self, bld=None):
        bld = bld or self.bld
        bld.import_busybox()
        return bld.build(self.context(
            "FROM localhost/busybox\nCOPY --chown=3:4 a /dir/a\nRUN rm /etc/passwd && ln /dir/a /dir/b\n"
            "LABEL k=v\nCMD [\"sh\"]\n", {"a": "content"}), "-t", "sample")

    def skopeo(self, *args):
        need("skopeo")
        return run(["skopeo", "--insecure-policy", *args])

    def test_skopeo_to_a_registry_and_back(self):
        self.sample()
        ours = self.bld.layout("sample", self.dir / "out")
        with Registry(self.dir / "registry") as registry:
            there = f"docker://{registry.name}/some/sample:1"
            self.skopeo("copy", "--dest-tls-verify=false", f"oci:{self.dir}/out:latest", there)
            self.skopeo("copy", "--src-tls-verify=false", there, f"oci:{self.dir}/back:latest")
        back = oci_layout.Image(self.dir / "back", "latest")
        self.assertEqual(back.digest, ours.digest)
        self.assertEqual(back.id, ours.id)

    def test_umoci_unpack(self):
        need("umoci")
        self.sample()
        self.bld("push", "sample", f"oci:{self.dir}/out:latest")
        bundle = self.dir / "bundle"
        rootless = [] if is_root() else ["--rootless"]
        run(["umoci", "unpack", *rootless, "--image", f"{self.dir}/out:latest", bundle])
        self.assertEqual((bundle / "rootfs/dir/b").read_text(), "content")
        self.assertFalse((bundle / "rootfs/etc/passwd").exists())
        self.assertTrue(os.path.samefile(bundle / "rootfs/dir/a", bundle / "rootfs/dir/b"))

    def test_push_and_pull(self):
        image = self.sample()
        with Registry(self.dir / "registry") as registry:
            name = f"{registry.name}/sample:1"
            self.bld("push", "--tls-verify=false", "--digestfile", self.dir / "digest", "sample", f"docker://{name}")
            digest = (self.dir / "digest").read_text().strip()
            seen = json.loads(self.skopeo("inspect", "--tls-verify=false", f"docker://{name}").stdout)
            self.assertEqual(seen["Digest"], digest)
            other = Store(self.dir / "other")
            self.assertEqual(other("pull", "--tls-verify=false", name).stdout.strip(), image)
            by_digest = f"{registry.name}/sample@{digest}"
            self.assertEqual(other("pull", "--tls-verify=false", by_digest).stdout.strip(), image)
            other("push", "--tls-verify=false", "--digestfile", self.dir / "again", image,
                  f"docker://{registry.name}/copy:1")
            self.assertEqual((self.dir / "again").read_text().strip(), digest)
            # FROM a registry's image, which is not in the store.
            third = Store(self.dir / "third")
            third.build(self.context(f"FROM {name}\nRUN test -e /dir/b\n", name="from-registry"),
                        "--tls-verify=false", "-t", "derived")

    def test_archives(self):
        image = self.sample()
        for transport, tool_name in (("oci-archive", "oci-archive"), ("docker-archive", "docker-archive")):
            with self.subTest(transport):
                place = self.dir / f"{transport}.tar"
                self.bld("push", "sample", f"{transport}:{place}:sample:1")
                seen = json.loads(self.skopeo("inspect", "--config", f"{tool_name}:{place}").stdout)
                self.assertEqual(seen["config"]["Labels"]["k"], "v")
                other = Store(self.dir / f"store-{transport}")
                pulled = other("pull", f"{transport}:{place}").stdout.strip()
                if transport == "oci-archive":
                    self.assertEqual(pulled, image)
                other.build(self.context(f"FROM {transport}:{place}\nRUN cat /dir/b\n", name=transport))

    def test_an_image_that_skopeo_wrote(self):
        self.sample()
        self.bld("push", "sample", f"oci:{self.dir}/out:latest")
        self.skopeo("copy", f"oci:{self.dir}/out:latest", f"docker-archive:{self.dir}/theirs.tar:theirs:1")
        other = Store(self.dir / "other")
        other("pull", f"docker-archive:{self.dir}/theirs.tar")
        other.build(self.context(f"FROM oci:{self.dir}/out:latest\nRUN test -e /dir/b\n", name="from-oci"))

    def test_docker_format(self):
        self.bld.import_busybox()
        context = self.context("FROM localhost/busybox\nSHELL [\"/bin/ash\", \"-c\"]\nHEALTHCHECK CMD true\n"
                               "ONBUILD RUN true\nCMD hi\n")
        self.bld.build(context, "--format", "docker", "-t", "docker")
        with Registry(self.dir / "registry") as registry:
            self.bld("push", "--tls-verify=false", "docker", f"docker://{registry.name}/d:1")
            raw = json.loads(self.skopeo("inspect", "--raw", "--tls-verify=false",
                                         f"docker://{registry.name}/d:1").stdout)
        self.assertEqual(raw["mediaType"], "application/vnd.docker.distribution.manifest.v2+json")

    def test_history_and_layers_agree(self):
        self.sample()
        config = self.bld.layout("sample", self.dir / "out").config
        with_layer = [h for h in config["history"] if not h.get("empty_layer")]
        self.assertEqual(len(with_layer), len(config["rootfs"]["diff_ids"]))
        self.assertTrue(any("LABEL" in h["created_by"] and h.get("empty_layer") for h in config["history"]))

    def test_clean_stores_give_the_same_image(self):
        first, second = Store(self.dir / "one"), Store(self.dir / "two")
        containerfile = ("FROM localhost/busybox AS a\nCOPY tree /t\nRUN mkdir -p /x/y && echo z > /x/y/z\n"
                         "FROM localhost/busybox\nCOPY --from=a /x /x\nRUN ln -s y /x/w && chmod 700 /x\nENV A=b\n")
        context = self.context(containerfile, {"tree/1": "1", "tree/sub/2": "2"})
        images = []
        for store in (first, second):
            store.import_busybox()
            images.append(store.build(context, "-t", "same", "--timestamp", "1000000", "--rewrite-timestamp"))
        self.assertEqual(images[0], images[1])

    def test_the_image_does_not_depend_on_the_time_of_copying(self):
        """Without any RUN, no option is needed for the same ID."""
        images = []
        for number, store in enumerate((Store(self.dir / "one"), Store(self.dir / "two"))):
            store.import_busybox()
            context = self.context("FROM localhost/busybox\nCOPY a /a\nENV B=c\n", {"a": "a"}, name=f"c{number}")
            os.utime(context / "a", (10**9, 10**9))
            images.append(store.build(context))
        self.assertEqual(images[0], images[1])


if __name__ == "__main__":
    main()
