"""--output and the files about the result: opened by others' tools."""

import json
import os
import stat
import subprocess
import tarfile

import oci_layout
from support import Buildah, CliTest, Registry, Store, environment, is_root, main, need, run

CONTAINERFILE = """FROM localhost/busybox
COPY --chown=3:4 --chmod=4751 a /dir/a
RUN rm /etc/passwd && ln /dir/a /dir/b && ln -s / /rootlink && ln -s ../../../../../tmp /escape && mkfifo /pipe
RUN echo to-standard-output
"""


class Output(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.place = self.context(CONTAINERFILE, {"a": "content"})

    def skopeo(self, *args):
        need("skopeo")
        return run(["skopeo", "--insecure-policy", *args])

    def names(self):
        return [name for image in self.bld.images() for name in image.get("names") or []]

    def test_directory(self):
        (self.dir / "outside").mkdir()
        out = self.dir / "out"
        out.mkdir()
        (out / "mine").write_text("mine")
        (out / "dir").symlink_to(self.dir / "outside")
        before = self.names()
        self.bld("build", "-o", out, self.place)
        self.assertEqual(self.names(), before)
        self.assertEqual((out / "mine").read_text(), "mine")
        self.assertEqual(os.listdir(self.dir / "outside"), [])
        status = os.lstat(out / "dir/a")
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o4751)
        self.assertEqual((status.st_uid, status.st_gid), (3, 4) if is_root() else (os.getuid(), os.getgid()))
        self.assertTrue(os.path.samefile(out / "dir/a", out / "dir/b"))
        self.assertEqual(os.readlink(out / "rootlink"), "/")
        self.assertFalse((out / "etc/passwd").exists())
        self.assertTrue(stat.S_ISFIFO(os.lstat(out / "pipe").st_mode))

    def test_directory_of_a_hostile_image(self):
        """A layer whose later entries go through a link of an earlier one writes nothing outside."""
        victim = self.dir / "victim"
        victim.mkdir()
        self.bld("build", "-o", self.dir / "out", self.context(
            f"FROM localhost/busybox\nRUN ln -s {victim} /evil\nRUN rm /evil && mkdir /evil && echo x > /evil/file\n"))
        self.assertEqual(os.listdir(victim), [])
        self.assertEqual((self.dir / "out/evil/file").read_text(), "x\n")

    def test_tar_on_standard_output(self):
        def tar():
            done = subprocess.run(self.bld.command("build", "-o", "-", "--timestamp", "1000", self.place),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout, done.stderr.decode()

        content, log = tar()
        self.assertIn("STEP 1/4", log)
        self.assertIn("to-standard-output", log)
        self.assertEqual(tar()[0], content)
        (self.dir / "o.tar").write_bytes(content)
        listing = run(["tar", "--numeric-owner", "-tvf", self.dir / "o.tar"]).stdout
        self.assertRegex(listing, r"-rwsr-x--x 3/4 .* dir/a")
        self.assertIn("dir/b link to dir/a", listing)
        with tarfile.open(self.dir / "o.tar") as opened:
            members = opened.getmembers()
            self.assertEqual(opened.extractfile("dir/a").read(), b"content")
        self.assertEqual({m.mtime for m in members}, {1000})
        self.assertNotIn("etc/passwd", [m.name for m in members])
        self.bld("build", "-o", f"type=tar,dest={self.dir}/file.tar", "--timestamp", "1000", self.place)
        self.assertEqual((self.dir / "file.tar").read_bytes(), content)

    def test_no_archive_on_a_terminal(self):
        need("script")
        command = " ".join(self.bld.command("build", "-o", "-", self.place))
        done = run(["script", "-qec", command, "/dev/null"], ok=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("not written to a terminal", done.stdout)
        self.assertNotIn("STEP 1", done.stdout)

    def test_images_as_files(self):
        image = self.bld.build(self.place, "-t", "app:1", "-t", "other",
                               "-o", f"type=oci,dest={self.dir}/i.oci",
                               "-o", f"type=oci,dest={self.dir}/layout,tar=false,compression=zstd",
                               "-o", f"type=docker,dest={self.dir}/i.tar")
        seen = json.loads(self.skopeo("inspect", "--raw", f"oci-archive:{self.dir}/i.oci:1").stdout)
        self.assertEqual(seen["config"]["digest"], f"sha256:{image}")
        layout = oci_layout.Image(self.dir / "layout", "1")
        self.assertEqual(layout.id, image)
        self.assertIn("zstd", layout.manifest["layers"][-1]["mediaType"])
        with tarfile.open(self.dir / "i.tar") as archive:
            listed = json.load(archive.extractfile("manifest.json"))
        self.assertEqual(listed[0]["RepoTags"], ["localhost/app:1", "localhost/other:latest"])
        for reference in ("1", "latest"):
            self.skopeo("inspect", f"oci-archive:{self.dir}/i.oci:{reference}")
        self.assertEqual(oci_layout.Image(self.dir / "layout", "latest").id, image)
        self.skopeo("copy", f"docker-archive:{self.dir}/i.tar:localhost/other:latest", f"dir:{self.dir}/copy")
        need("umoci")
        self.skopeo("copy", f"oci-archive:{self.dir}/i.oci:1", f"oci:{self.dir}/plain:1")
        rootless = [] if is_root() else ["--rootless"]
        run(["umoci", "unpack", *rootless, "--image", f"{self.dir}/plain:1", self.dir / "bundle"])
        self.assertEqual((self.dir / "bundle/rootfs/dir/b").read_text(), "content")
        other = Store(self.dir / "store2")
        self.assertEqual(other("pull", f"oci-archive:{self.dir}/i.oci").stdout.strip(), image)

    def test_an_oci_archive_of_an_image_in_dockers_format(self):
        self.bld("build", "--format", "docker", "-o", f"type=oci,dest={self.dir}/layout,tar=false,name=x:1", self.place)
        manifest = oci_layout.Image(self.dir / "layout", "1").manifest
        types = {manifest["mediaType"], manifest["config"]["mediaType"], *(b["mediaType"] for b in manifest["layers"])}
        self.assertTrue(all(t.startswith("application/vnd.oci.image.") for t in types), types)

    def test_what_an_output_says_of_the_image(self):
        self.bld("build", "--source-date-epoch", "1000", "-o",
                 f"type=oci,dest={self.dir}/layout,tar=false,name=x:1,rewrite-timestamp=true,annotation.k=v w", self.place)
        image = oci_layout.Image(self.dir / "layout", "1")
        self.assertEqual(image.manifest["annotations"]["k"], "v w")
        self.assertEqual({entry.mtime for path, entry in image.files().items() if path.startswith("/dir/")
                          or path.startswith("dir/")}, {1000})
        done = self.bld("build", "-o", f"type=oci,dest={self.dir}/x,rewrite-timestamp=true", self.place, ok=False)
        self.assert_fails(done, "needs a time")

    def test_buildah_loads_the_archives(self):
        buildah = Buildah(self.dir / "buildah")
        image = self.bld.build(self.place, "-t", "example.com/app:1", "-o", f"type=oci,dest={self.dir}/i.oci",
                               "-o", f"type=docker,dest={self.dir}/i.tar")
        for transport, file in (("docker-archive", "i.tar"), ("oci-archive", "i.oci")):
            with self.subTest(transport):
                self.assertEqual(buildah("pull", "-q", f"{transport}:{self.dir}/{file}").stdout.strip(), image)
                buildah("from", "--name", transport, image)
                seen = buildah("run", transport, "cat", "/dir/b").stdout
                self.assertEqual(seen, "content")
        self.assertIn("example.com/app", buildah("images").stdout)

    def test_an_archive_on_standard_output(self):
        for kind, transport in (("docker", "docker-archive"), ("oci", "oci-archive")):
            with open(self.dir / f"{kind}.tar", "wb") as file:
                file.write(b"")
                done = subprocess.run(self.bld.command("build", "-q", "-o", f"type={kind},dest=-,name=named:2", self.place),
                                      stdout=file, stderr=subprocess.PIPE, env=environment(), timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            reference = "localhost/named:2" if kind == "docker" else "2"
            self.skopeo("inspect", f"{transport}:{self.dir}/{kind}.tar:{reference}")

    def test_push(self):
        need("docker-registry")
        with Registry(self.dir / "registry") as registry:
            for flags, name in (([f"--output=type=registry,name={registry.name}/one"], "one"),
                                ([f"--output=type=image,name={registry.name}/two,push=true"], "two"),
                                (["--push", "-t", f"{registry.name}/three"], "three")):
                with self.subTest(name):
                    metadata = self.dir / f"{name}.json"
                    self.bld("build", "--tls-verify=false", "--metadata-file", metadata, *flags, self.place)
                    said = json.loads(metadata.read_text())
                    place = f"docker://{registry.name}/{name}"
                    seen = json.loads(self.skopeo("inspect", "--tls-verify=false", place).stdout)
                    self.assertEqual(seen["Digest"], said["containerimage.digest"])
                    self.assertEqual(said["image.name"], f"{registry.name}/{name}:latest")
        self.assert_fails(self.bld("build", "--push", self.place, ok=False), "needs a name")
        self.assert_fails(self.bld("build", "--push", "-t", "local", self.place, ok=False), "cannot be pushed")

    def test_an_image_only_is_named(self):
        self.bld("build", "--load", "-o", "type=image,name=named:3", self.place)
        self.assertIn("localhost/named:3", self.names())

    def test_what_cannot_work_is_said_before_the_build(self):
        (self.dir / "file").write_text("")
        for output, words in ((f"type=tar,dest={self.dir}", "is a directory"),
                              (f"type=local,dest={self.dir}/file", "no directory"),
                              (f"type=oci,dest={self.dir}/no/where", "there is no directory"),
                              ("type=docker", "needs a destination"),
                              ("type=ocii,dest=x", "unknown type")):
            with self.subTest(output):
                done = self.bld("build", "-o", output, self.place, ok=False)
                self.assert_fails(done, words)
                self.assertNotIn("STEP", done.stdout)
        for flag in ("--iidfile", "--iidfile-raw", "--metadata-file"):
            done = self.bld("build", flag, self.dir / "no/where", self.place, ok=False)
            self.assert_fails(done, flag, "there is no directory")
            self.assertNotIn("STEP", done.stdout)
        done = self.bld("build", "-o", "-", "-o", "type=oci,dest=-", self.place, ok=False)
        self.assert_fails(done, "only one output")

    def test_files_about_the_result(self):
        done = self.bld("build", "-t", "x", "--iidfile", self.dir / "id", "--iidfile-raw", self.dir / "raw",
                        "--metadata-file", self.dir / "m.json", self.place)
        raw = (self.dir / "raw").read_text()
        self.assertNotIn(raw, done.stdout.splitlines())
        self.assertEqual((self.dir / "id").read_text(), f"sha256:{raw}")
        image = self.bld.layout("x", self.dir / "layout")
        self.assertEqual(image.id, raw)
        said = json.loads((self.dir / "m.json").read_text())
        self.assertEqual(said["containerimage.config.digest"], f"sha256:{raw}")
        self.assertEqual(said["containerimage.descriptor"]["digest"], said["containerimage.digest"])
        self.assertEqual(said["containerimage.descriptor"]["mediaType"], "application/vnd.oci.image.manifest.v1+json")
        self.assertEqual(said["image.name"], "localhost/x:latest")
        self.assertEqual(sorted(os.listdir(self.dir)), sorted(
            ["store", "context", "id", "raw", "m.json", "layout"]))


if __name__ == "__main__":
    main()
