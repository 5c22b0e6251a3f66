"""Users without subordinate ids: one id is mapped, and who owns a file is recorded."""
import os
import tarfile
import unittest

from support import BLD, CliTest, Store, busybox_context, environment, is_root, main, run

# Each file gets a time, so that the same steps make the same layer whoever runs them.
MAKE = """\
FROM localhost/busybox AS made
RUN mkdir -p /d/sub && echo hi > /d/file && chown 100:101 /d/file && chmod 4755 /d/file \\
 && chown -h 5:6 /d/sub && ln -s file /d/link && chown -h 7:8 /d/link && mkfifo /d/pipe \\
 && chown 9:10 /d/pipe && ln /d/file /d/hard && echo 1 > /d/own && chown 11:12 /d/own \\
 && chown 0:0 /d/own && touch -h -t 202001010000 /d/* /d /
RUN stat -c '%n %u:%g %a %F' /d/*
FROM localhost/busybox
RUN mkdir /d && touch -t 202001010000 /d /
COPY --from=made /d/ /d/
COPY --chown=33:44 Containerfile /chowned
RUN stat -c '%n %u:%g %a %F' /d/* /chowned
"""

SEEN = """\
/d/file 100:101 4755 regular file
/d/hard 100:101 4755 regular file
/d/link 7:8 777 symbolic link
/d/own 0:0 644 regular file
/d/pipe 9:10 644 fifo
/d/sub 5:6 755 directory
"""


class SingleStore(Store):
    """A bld that finds neither newuidmap nor newgidmap, nor anything else."""

    def __call__(self, *args, **options):
        return run(self.command(*args), env=environment(PATH="/nonexistent"), **options)


@unittest.skipIf(is_root(), "root needs no subordinate ids")
class SingleId(CliTest):
    def setUp(self):
        super().setUp()
        self.bld = SingleStore(self.dir / "single")
        self.base = self.context("", name="base")
        busybox_context(self.base)
        self.first = self.bld("build", "-q", "-t", "localhost/busybox", self.base)

    def build(self, text, store=None):
        context = self.context(text)
        os.utime(context / "Containerfile", (1e9, 1e9))
        return (store or self.bld)("build", "--network", "none", "--cap-add", "mknod", "-t", "made", context)

    def layers(self, store, image="made"):
        self.place = self.dir / f"layout-{store.root.name}"
        return store.layout(image, self.place)

    def test_what_a_step_owns_is_seen_and_is_the_same_layer_as_with_all_ids(self):
        single = self.build(MAKE)
        self.assertRegex(single.stderr, r"^note: only one id is mapped: .*; ownership is recorded, not set. For more: ")
        self.assertEqual(single.stdout.count(SEEN), 2, single.stdout)
        self.assertIn("/chowned 33:44 644 regular file", single.stdout)
        full = Store(self.dir / "full")
        full("build", "-q", "-t", "localhost/busybox", self.base)
        self.build(MAKE, full)
        self.assertEqual(self.layers(self.bld).config["rootfs"], self.layers(full).config["rootfs"])
        self.bld("check")

    def test_devices_are_in_the_layer(self):
        seen = self.build("FROM localhost/busybox\nRUN umask 027; mknod /null c 1 3; mknod -m 604 /disk b 8 17;"
                          " chown 3:4 /disk; mkfifo /fifo; mknod /null c 1 3; echo $?\n"
                          "RUN stat -c '%n %u:%g %a %F %t:%T' /null /disk /fifo\n").stdout
        self.assertIn("\n1\n", seen)
        self.assertIn("/null 0:0 640 character special file 1:3\n"
                      "/disk 3:4 604 block special file 8:11\n"
                      "/fifo 0:0 640 fifo 0:0\n", seen)
        self.bld("push", "made", f"oci-archive:{self.dir}/made.tar")
        run(["tar", "-xf", self.dir / "made.tar", "-C", self.dir, "blobs"])
        found = {}
        for blob in (self.dir / "blobs/sha256").iterdir():
            if not tarfile.is_tarfile(blob):
                continue
            with tarfile.open(blob) as layer:
                found.update({entry.name: entry for entry in layer})
        disk = found["disk"]
        self.assertEqual((disk.isblk(), disk.devmajor, disk.devminor, disk.uid, disk.gid, disk.mode),
                         (True, 8, 17, 3, 4, 0o604))
        self.assertTrue(found["null"].ischr())
        self.assertTrue(found["fifo"].isfifo())
        self.assertFalse([entry for entry in found.values() if "SCHILY.xattr.user.bld.owner" in entry.pax_headers])

    def test_devices_of_archives_are_left_out_and_those_of_steps_squashed(self):
        context = self.context("FROM localhost/busybox\nADD some.tar /\nRUN mknod /made c 1 5\nRUN ls -l /made; ls /console\n")
        with tarfile.open(context / "some.tar", "w") as tar:
            entry = tarfile.TarInfo("console")
            entry.type = tarfile.CHRTYPE
            tar.addfile(entry)
            entry = tarfile.TarInfo("file")
            entry.uid = 9
            tar.addfile(entry)
        done = self.bld("build", "--network", "none", "--cap-add", "mknod", "--squash", "-t", "made", context, ok=False)
        self.assertIn("ls: /console: No such file", done.stderr)
        (context / "Containerfile").write_text("FROM localhost/busybox\nADD some.tar /\nRUN mknod /made c 1 5\n")
        self.bld("build", "--network", "none", "--cap-add", "mknod", "--squash", "-t", "made", context)
        again = self.build("FROM made\nRUN stat -c '%n %F %u' /file\n").stdout
        self.assertIn("/file regular empty file 9\n", again)
        image = self.layers(self.bld)
        with tarfile.open(fileobj=image.layer_stream(image.manifest["layers"][-1]).stdout, mode="r|") as layer:
            kinds = {entry.name: (entry.type, entry.devminor) for entry in layer}
        self.assertEqual(kinds["made"], (tarfile.CHRTYPE, 5))

    def test_programs_that_change_their_ids_see_that_they_did(self):
        seen = self.build("FROM localhost/busybox\n"
                          "RUN su -s /bin/sh nobody -c 'id; touch /tmp/x; chown 5 /tmp/x; chown 65534 /tmp/x;"
                          " sh -c \"id -un\"'; id -u\n"
                          "USER nobody\nRUN id; chown 1 /tmp/x; echo status $?\n")
        self.assertIn("uid=65534(nobody) gid=65534 groups=65534\n", seen.stdout)
        self.assertIn("\nnobody\n0\n", seen.stdout)
        self.assertIn("status 1\n", seen.stdout)
        self.assertIn("the command is told that it is user 65534", seen.stderr)

    def test_a_dropped_capability_is_not_emulated(self):
        seen = self.bld("build", "--network", "none", "--cap-drop", "chown,mknod", self.context(
            "FROM localhost/busybox\nRUN touch /f; chown 5 /f; echo chown $?; mknod /n c 1 3; echo mknod $?\n"))
        self.assertIn("chown 1\n", seen.stdout)
        self.assertIn("mknod 1\n", seen.stdout)

    def test_a_path_leads_nowhere_but_where_it_leads_the_step(self):
        outside = self.dir / "outside"
        outside.write_text("")
        seen = self.build(
            f"FROM localhost/busybox\nRUN mkdir -p /jail/bin /jail{self.dir} {self.dir}; cp /bin/busybox /jail/bin/;"
            f" touch {outside} /jail{outside} /x; ln -s ../../../../../..{outside} /up; chown 1:2 /up;"
            f" /bin/chroot /jail /bin/busybox chown 3:4 /../{outside}; cd /tmp; chown 5:6 ../x; chown 7 /proc/self/fd/3 3>/y;"
            f" stat -c '%u:%g' {outside} /jail{outside} /x /y; chown 1 /nothing; echo $?\n").stdout
        self.assertIn("1:2\n3:4\n5:6\n7:0\n1\n", seen)
        self.assertEqual(os.listxattr(outside), [])

    def test_a_record_comes_from_no_archive_and_goes_into_none(self):
        context = self.context("FROM scratch\nADD forged.tar /\n")
        with tarfile.open(context / "forged.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            entry = tarfile.TarInfo("file")
            entry.pax_headers = {"SCHILY.xattr.user.bld.owner": "77:88", "SCHILY.xattr.user.kept": "yes"}
            tar.addfile(entry)
        self.bld("build", "-t", "forged", context)
        seen = self.build("FROM localhost/busybox\nCOPY --from=forged /file /file\nRUN stat -c %u:%g /file\n").stdout
        self.assertIn("\n0:0\n", seen)

    def test_other_runtimes_are_refused(self):
        program = self.dir / "crun"
        program.write_text("#!/bin/sh\necho never started\n")
        program.chmod(0o755)
        failed = self.bld("build", "--network", "none", "--runtime", program, self.context("FROM localhost/busybox\nRUN true\n"), ok=False)
        self.assert_fails(failed, "only one id is mapped", "leave --runtime out")
        self.assertNotIn("never started", failed.stdout + failed.stderr)

    def test_a_store_stays_what_it_is(self):
        with_ids = Store(self.bld.root)
        again = with_ids("build", "--network", "none", "-t", "again", self.context(MAKE))
        self.assertIn("was made so; ownership is recorded", again.stderr)
        self.assertIn(SEEN, again.stdout)
        full = SingleStore(self.dir / "full")
        Store(full.root)("build", "-q", "-t", "localhost/busybox", self.base)
        Store(full.root)("build", "-q", "--network", "none", self.context(MAKE))
        self.assert_fails(full("build", self.context(MAKE), ok=False),
                          "needs more than one id", "uidmap", "--root")

    def test_the_first_note_says_what_to_install(self):
        self.assertEqual(self.first.stderr.splitlines()[0],
                         "note: only one id is mapped: newuidmap is not installed; ownership is recorded, not set. "
                         "For more: sudo apt install uidmap (Debian, Ubuntu), sudo dnf install shadow-utils (Fedora)")

    def test_the_doctor_says_what_is_missing(self):
        seen = self.bld("doctor").stdout
        self.assertRegex(seen, r"missing +namespaces +one id is mapped.*: newuidmap is not installed\n"
                               r" +sudo apt install uidmap")

    def test_many_threads_and_processes_at_once(self):
        seen = self.build("FROM localhost/busybox\nRUN mkdir /m; for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3 4 5 6 7 8 9;"
                          " do echo > /m/$i$j; chown $i:$j /m/$i$j; done) & done; wait;"
                          " stat -c '%n %u%g' /m/* | while read name owner; do [ $name = /m/$owner ] || echo wrong; done;"
                          " ls /m | wc -l\n").stdout
        self.assertIn("\n72\n", seen)
        self.assertNotIn("wrong\n", seen.split("STEP 2/2", 1)[1].split("\n", 1)[1])


if __name__ == "__main__":
    main()
