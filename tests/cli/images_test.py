"""What a store shows of its images, and what goes when something is to go."""

import io
import json
import shutil
import tarfile

import oci_layout
from support import CliTest, main, run


class Images(CliTest):
    def setUp(self):
        super().setUp()
        self.id = self.bld.import_busybox()

    def rows(self, *flags):
        return self.bld("images", "-n", "--format", "{{.Name}}:{{.Tag}} {{.ID}}", *flags).stdout.splitlines()

    def test_one_id_with_two_manifests_is_one_image(self):
        context = self.context("FROM localhost/busybox\nLABEL a=b\n")
        oci = self.bld("build", "-q", context).stdout.strip()
        elsewhere, named = f"oci:{self.dir}/layout:x", f"localhost{self.dir}/layout:latest"
        self.bld("push", "-q", "--compression-format", "zstd", "--force-compression", oci, elsewhere)
        self.assertEqual(self.bld("pull", "-q", elsewhere).stdout.strip(), oci)
        self.assertEqual(sorted(self.rows()), [f"localhost/busybox:latest {self.id[:12]}", f"{named} {oci[:12]}"])
        # What has no name goes; the same ID under a name stays.
        for words in (("rmi", "--prune"), ("prune",)):
            self.bld("build", "-q", context)
            self.assertEqual(self.bld(*words).stdout, "")
            self.assertIn(f"{named} {oci[:12]}", self.rows())
        self.bld("build", "-q", context)
        self.assertEqual(self.bld("rmi", oci).stdout, f"untagged: {named}\n{oci}\n")
        self.bld("build", "-q", context)
        self.bld("pull", "-q", elsewhere)
        self.assertEqual(sorted(self.bld("rmi", "-a").stdout.split()),
                         sorted(["untagged:", "localhost/busybox:latest", "untagged:", named, oci, self.id]))
        self.bld("check")

    def test_what_a_list_needs_is_not_dangling(self):
        context = self.context("FROM scratch\nLABEL a=b\n")
        self.bld("build", "-q", "--platform", "linux/amd64,linux/arm64", "--manifest", "pair", context)
        self.bld("rmi", "--prune")
        self.bld("prune", "-a")
        self.bld("manifest", "push", "-q", "pair", f"oci:{self.dir}/layout:x")
        self.bld("manifest", "rm", "pair")
        self.assertEqual(len(self.bld("rmi", "--prune").stdout.split()), 2)
        self.assertEqual(self.bld.images(), [])

    def test_times_are_those_of_the_images(self):
        old = self.context("FROM localhost/busybox\nLABEL age=old\n")
        self.bld("build", "-q", "--timestamp", "1000000000", "-t", "old", old)
        self.bld("build", "-q", "--timestamp", "1600000000", "-t", "newer", old)
        rows = {i["names"][0]: i for i in self.bld.images()}
        self.assertEqual(list(rows), ["localhost/busybox:latest", "localhost/newer:latest", "localhost/old:latest"])
        image = rows["localhost/old:latest"]
        self.assertEqual((image["created"], image["createdatraw"]), (1000000000, "2001-09-09T01:46:40Z"))
        self.assertRegex(image["createdat"], "years ago")
        self.assertEqual(self.bld("images", "--format", "{{.Created}} {{.CreatedAtRaw}}", "old").stdout,
                         "1000000000 2001-09-09 01:46:40 +0000 UTC\n")
        # Without a time of its own: when it came here.
        self.assertRegex(rows["localhost/busybox:latest"]["createdat"], "second|minute")
        for wanted, filters in ((["old"], ["before=newer"]), (["busybox", "newer"], ["since=old"]), (["newer"], ["since=old", "until=24h"]),
                                (["newer", "old"], ["until=24h"])):
            shown = self.bld("images", "--format", "{{.Name}}", *[w for f in filters for w in ("--filter", f)]).stdout
            self.assertEqual(shown.split(), [f"localhost/{name}" for name in wanted], filters)

    def test_filters_about_what_an_image_is(self):
        self.bld("manifest", "create", "many", "busybox")
        self.assertEqual([row.split()[0] for row in self.rows("--filter", "manifest=true")], ["localhost/many:latest"])
        self.assertEqual([row.split()[0] for row in self.rows("--filter", "manifest=false")], ["localhost/busybox:latest"])
        self.assertEqual(self.rows("--filter", "containers=true"), [])
        self.bld("from", "busybox")
        self.assertEqual([row.split()[0] for row in self.rows("--filter", "containers=true")], ["localhost/busybox:latest"])
        self.assert_fails(self.bld("images", "--filter", "until=yesterday", ok=False), "not a duration")
        self.assert_fails(self.bld("images", "--filter", "nosuch=x", ok=False), 'unsupported image filter "nosuch"')


class PulledFromFiles(CliTest):
    """The names of what Debian's buildah cannot be asked about; all others are in buildah_commands_test.py."""

    def setUp(self):
        super().setUp()
        self.bld.import_busybox()

    def names(self):
        return sorted(name for image in self.bld.images() for name in image["names"] or ())

    def test_a_directory(self):
        self.bld("push", "-q", "busybox", f"dir:{self.dir}/copy")
        self.bld("rmi", "-a")
        self.bld("pull", "-q", f"dir:{self.dir}/copy")
        self.assertEqual(self.names(), [f"localhost{self.dir}/copy:latest"])

    def test_a_layout_holds_what_other_tools_find_there(self):
        self.bld("build", "-q", "--format", "docker", "-t", "docker", self.context("FROM localhost/busybox\nLABEL a=b\n"))
        for place in (f"oci:{self.dir}/layout:x", f"oci-archive:{self.dir}/layout.tar:x"):
            self.bld("push", "-q", "docker", place)
            if shutil.which("skopeo"):
                run(["skopeo", "inspect", place])
        image = oci_layout.Image(self.dir / "layout", "x")
        self.assertEqual(image.manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json")
        self.assertEqual(image.manifest["config"]["mediaType"], "application/vnd.oci.image.config.v1+json")
        self.assert_fails(self.bld("push", "--format", "v2s2", "docker", f"oci:{self.dir}/layout:y", ok=False), "OCI's format only")

    def test_an_image_for_others(self):
        context = self.context("FROM localhost/busybox\n")
        self.assert_fails(self.bld("build", "--platform", "linux/arm64", context, ok=False), "is for linux/amd64, not for linux/arm64")
        self.assert_fails(self.bld("build", "--pull=always", context, ok=False), "no registry has an image of localhost/")

    def test_all_images_of_a_docker_archive(self):
        self.bld("build", "-q", "-t", "other", self.context("FROM localhost/busybox\nLABEL a=b\n"))
        ids = [self.bld("inspect", "-f", "{{.FromImageID}}", name).stdout for name in ("busybox", "other")]
        self.two_in_one(self.dir / "both.tar")
        self.bld("rmi", "-a")
        self.assertEqual(self.bld("pull", "-q", f"docker-archive:{self.dir}/both.tar").stdout.split(), ids)
        self.assertEqual(self.names(), ["docker.io/library/one:1", "example.com/two:2", "localhost/one:latest"])
        self.bld("rmi", "-a")
        self.bld("pull", "-q", f"docker-archive:{self.dir}/both.tar:localhost/one:latest")
        self.assertEqual(self.names(), ["localhost/one:latest"])
        self.assert_fails(self.bld("from", "-q", f"docker-archive:{self.dir}/both.tar", ok=False), "several images", "@0 to @1")

    def two_in_one(self, file):
        """An archive of busybox with two names and of `other`."""
        entries = []
        with tarfile.open(file, "w") as both:
            for name, tags in (("busybox", ["one:1", "localhost/one"]), ("other", ["example.com/two:2"])):
                single = self.dir / f"{name}.tar"
                self.bld("push", "-q", name, f"docker-archive:{single}")
                with tarfile.open(single) as tar:
                    for member in tar.getmembers():
                        if member.name == "manifest.json":
                            entries += [{**json.load(tar.extractfile(member))[0], "RepoTags": tags}]
                        elif member.name not in both.getnames():
                            both.addfile(member, tar.extractfile(member))
            text = json.dumps(entries).encode()
            info = tarfile.TarInfo("manifest.json")
            info.size = len(text)
            both.addfile(info, io.BytesIO(text))


if __name__ == "__main__":
    main()
