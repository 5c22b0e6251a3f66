"""Odd and large filesystems come out of a build as they went in."""

import os
import pathlib
import sys
import time

from support import CliTest, main, run

# What is tried on each file system that a store can lie on; the others take long.
EVERYWHERE = ("deletions", "replaced_directories", "replaced_directory_hides_what_was_below", "hard_links",
              "hard_links_across_layers", "names", "names_that_are_not_utf8", "long_paths", "modes_owners_and_special_files",
              "a_bundle_of_steps_has_no_links", "what_is_mounted_for_a_run_is_not_kept")


def try_everywhere(case, *prefix, place):
    """In the directory `place`, behind the words of `prefix`."""
    done = run([*prefix, sys.executable, "-B", pathlib.Path(__file__).resolve(), *[f"Filesystem.test_{name}" for name in EVERYWHERE]],
               ok=False, env=dict(os.environ, TMPDIR=str(place)))
    case.assertEqual(done.returncode, 0, done.stderr)
    case.assertIn(f"Ran {len(EVERYWHERE)} tests", done.stderr)


class Filesystem(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()

    def built(self, containerfile, files=None, *args):
        self.bld.build(self.context("FROM localhost/busybox\n" + containerfile, files), "-t", "t", *args)
        self.image = self.bld.layout("t", self.dir / "out")
        return self.image.files()

    def test_deletions(self):
        files = self.built("RUN mkdir -p /a/b && touch /a/b/c /a/d\nRUN rm -r /a/b\nRUN rm /etc/passwd\n"
                           "RUN test ! -e /a/b && test ! -e /etc/passwd && test -e /a/d\n")
        self.assertIn("/a/d", files)
        self.assertNotIn("/a/b", files)
        self.assertNotIn("/etc/passwd", files)
        names = self.image.layer_names(2)
        self.assertIn("a/.wh.b", [n.rstrip("/") for n in names])

    def test_replaced_directories(self):
        files = self.built("RUN mkdir -p /dir/sub /file && touch /dir/old /dir/sub/old\n"
                           "RUN rm -r /dir && mkdir /dir && touch /dir/new\n"
                           "RUN rm -r /file && echo now > /file\nRUN rm /file && mkdir /file && touch /file/in\n"
                           "RUN rm -r /dir && ln -s file /dir && ls /dir/in\n")
        self.assertEqual(files["/dir"].target, "file")
        self.assertEqual(files["/file"].type, "dir")
        self.assertIn("/file/in", files)
        self.assertFalse([p for p in files if p.startswith("/dir/")])

    def test_replaced_directory_hides_what_was_below(self):
        files = self.built("RUN mkdir /dir && touch /dir/old\nRUN rm -r /dir && mkdir /dir && touch /dir/new\n"
                           "RUN ls /dir > /seen\n")
        self.assertEqual(files["/seen"].data, b"new\n")
        self.assertEqual([p for p in files if p.startswith("/dir/")], ["/dir/new"])

    def test_hard_links(self):
        files = self.built("RUN echo x > /one && ln /one /two && mkdir /d && ln /one /d/three\n"
                           "RUN test /two -ef /d/three && test /one -ef /d/three\n")
        self.assertEqual(files["/one"].names, {"/one", "/two", "/d/three"})

    def test_numbers_of_hard_links(self):
        self.built("RUN echo x > /one && ln /one /two && mkdir /d && ln /one /d/three\nRUN test $(stat -c %h /one) = 3\n")

    def test_hard_links_across_layers(self):
        files = self.built("RUN echo x > /one\nRUN ln /one /two\n"
                           "RUN mkdir /d && mv /two /d/two\nRUN cat /one /d/two > /both\n")
        self.assertEqual(files["/both"].data, b"x\nx\n")
        self.assertEqual((files["/one"].data, files["/d/two"].data), (b"x\n", b"x\n"))
        self.assertNotIn("/two", files)
        # A layer cannot name an inode of another one: the link's layer brings the file along.
        names = [name.rstrip("/") for name in self.image.layer_names(2)]
        self.assertEqual([n for n in names if n in ("one", "two")], ["one", "two"])

    def test_a_deleted_name_of_a_hard_link(self):
        files = self.built("RUN echo x > /one && ln /one /two\nRUN rm /one\nRUN cat /two\n")
        self.assertNotIn("/one", files)
        self.assertEqual(files["/two"].data, b"x\n")

    def test_names(self):
        odd = ["new\nline", " leading and trailing ", "quote'\"", "back\\slash", "st*r", "ünïcödé", "-dash", "x" * 255]
        context = {f"tree/{name}": name for name in odd}
        files = self.built("COPY tree /t\nRUN for f in /t/*; do cp \"$f\" \"$f-\" 2>/dev/null || true; done\n"
                           "RUN cd /t && rm -- 'quote'\"'\"'\"'\n", context)
        for name in odd:
            if name != "quote'\"":
                self.assertEqual(files["/t/" + name].data.decode(), name, name)
        self.assertIn("/t/new\nline-", files)
        self.assertNotIn("/t/quote'\"", files)

    def test_names_that_are_not_utf8(self):
        files = self.built("RUN touch \"/$(printf 'a\\377b')\"\nRUN ls / | grep -q a\n")
        self.assertIn("/a\udcffb", files)

    def test_long_paths(self):
        deep = "/".join("d%02d" % i * 10 for i in range(30))
        files = self.built(f"RUN mkdir -p /{deep} && echo deep > /{deep}/file\nRUN cat /{deep}/file\n")
        self.assertEqual(files[f"/{deep}/file"].data, b"deep\n")

    def test_modes_owners_and_special_files(self):
        files = self.built("RUN echo > /s && chown 5:6 /s && chmod 6755 /s && mkdir -m 1777 /sticky && mkfifo -m 620 /p\n"
                           "RUN chown -h 7:8 $(ln -s nowhere /l && echo /l)\nUSER 65534:65534\nRUN touch /sticky/mine\n")
        self.assertEqual(files["/s"].facts()[:4], ("file", "0o6755", 5, 6))
        self.assertEqual(files["/sticky"].facts()[:2], ("dir", "0o1777"))
        self.assertEqual(files["/p"].facts()[:2], ("fifo", "0o620"))
        self.assertEqual((files["/l"].uid, files["/l"].gid, files["/l"].target), (7, 8, "nowhere"))
        self.assertEqual((files["/sticky/mine"].uid, files["/sticky/mine"].gid), (65534, 65534))

    def test_a_sparse_gigabyte(self):
        started = time.monotonic()
        files = self.built("RUN truncate -s 1G /sparse && echo end >> /sparse\nRUN tail -c 4 /sparse > /end\n")
        self.assertEqual(files["/sparse"].size, (1 << 30) + 4)
        self.assertEqual(files["/end"].data, b"end\n")
        used = sum(os.lstat(os.path.join(d, f)).st_blocks * 512
                   for d, _, names in os.walk(self.bld.root) for f in names
                   if os.path.exists(os.path.join(d, f)))
        self.assertLess(used, 200 << 20, "the hole is kept as a hole, and the blob is compressed")
        self.assertLess(time.monotonic() - started, 120)

    def test_more_steps_than_the_kernel_stacks(self):
        """500 directories are the kernel's limit; what a step deletes or replaces stays hidden in all that follow."""
        steps = "".join(f"RUN echo {i} >> /log; touch /f{i}; rm -f /f{i - 20}; rm -rf /d; mkdir /d; touch /d/{i}; ls -A / /d > /seen\n"
                        for i in range(520))
        files = self.built(steps)
        self.assertEqual(files["/log"].data.split(), [str(i).encode() for i in range(520)])
        self.assertEqual(sorted(path for path in files if path.startswith(("/f", "/d/"))),
                         sorted([f"/f{i}" for i in range(500, 520)] + ["/d/519"]))
        seen = files["/seen"].data.split()
        self.assertEqual([name for name in seen if name.startswith(b"f")], sorted(f"f{i}".encode() for i in range(500, 520)))
        self.assertEqual(seen[seen.index(b"/d:") + 1:], [b"519"])
        self.assertEqual(len(self.image.manifest["layers"]), 521)
        container = self.bld("from", "t").stdout.strip()
        self.assertEqual(self.bld("run", container, "ls", "/d").stdout, "519\n")

    def test_a_bundle_of_steps_has_no_links(self):
        steps = "RUN echo one > /a\n" + "".join(f"RUN touch /f{i}\n" for i in range(40))
        files = self.built(steps + "RUN stat -c '%h %a' /a /f3 > /seen && ln /a /b\n")
        self.assertEqual(files["/seen"].data, b"1 644\n1 644\n")
        self.assertEqual(files["/b"].data, b"one\n")

    def test_what_is_mounted_for_a_run_is_not_kept(self):
        files = self.built("RUN test -s /etc/resolv.conf || true; test -e /dev/null && test -e /proc/self && echo 127.9.9.9 x >> /etc/hosts || true\n")
        for path in files:
            self.assertFalse(path.startswith(("/proc/", "/sys/", "/dev/")), path)
        for path in ("/etc/hosts", "/etc/resolv.conf"):
            self.assertEqual(files[path].data if path in files else b"", b"", path)

    def test_only_what_a_step_makes_of_its_mount_points_is_kept(self):
        """The image has no /etc: the container's is there for its mounts."""
        self.bld.build(self.context("FROM scratch\nCOPY --from=localhost/busybox /bin /bin\nENV PATH=/bin\n"), "-t", "bin")
        etc = lambda step: self.built(f"FROM bin\nRUN {step}\n").get("/etc")
        self.assertIsNone(etc("test -f /etc/hosts"))
        self.assertIsNone(etc("chown 0:0 /etc && test -d /etc"), "nothing changed")
        self.assertEqual(etc("chmod 700 /etc").mode & 0o777, 0o700)
        self.assertIsNotNone(etc("touch -d 2001-01-01 /etc"))
        files = self.built("FROM bin\nRUN echo made > /etc/issue\nRUN ls /etc > /seen\n")
        self.assertEqual((files["/etc"].mode & 0o777, files["/etc/issue"].data), (0o755, b"made\n"))
        self.assertEqual(sorted(path for path in files if path.startswith("/etc/")), ["/etc/issue"])
        self.assertEqual(files["/seen"].data.split(), [b"hostname", b"hosts", b"issue", b"resolv.conf"])


if __name__ == "__main__":
    main()
