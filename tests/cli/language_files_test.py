"""COPY, ADD and ignore files by the facts of the language's reference."""

import hashlib
import io
import os
import tarfile

from support import OnBusybox, main, need, run


def tar_bytes(*entries, mode="w"):
    """A tar of (name, mode, uid, gid, time), files but for names that end in a slash."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, permissions, uid, gid, mtime in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.uid, info.gid, info.mtime = permissions, uid, gid, mtime
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            tar.addfile(info)
    return out.getvalue()


class Copy(OnBusybox):
    def test_sources_and_destinations(self):
        files = {"a": "a\n", "b b": "b\n", "d/.dot": "", "d/x": "x\n", "d/e": None, "d/s/y": "y\n", "[q]": "q\n", "q": "no\n"}
        context = self.context("", files)
        os.symlink("/d/x", context / "absolute")
        os.symlink("x", context / "d/inside")
        os.chmod(context / "d/x", 0o711)
        self.assertEqual(self.seen("""COPY a /name
COPY a /folder/
COPY ["b b", "/b b"]
COPY ../../a /d/../up
COPY /a abs
COPY d /copied
COPY d/* /star/
COPY a nothing* /some/
COPY [[]q] /bracket
COPY [p-r] /class
COPY ["? b", "/wild"]
COPY absolute /followed
WORKDIR /w
COPY a rel/
RUN ln -s /folder /link && ln -s /late /dangling
COPY d/x /link/
COPY a /dangling
RUN cat /name /folder/a '/b b' /up /abs /some/a /bracket /class /wild /followed /w/rel/a /folder/x
RUN ls -A /copied /star; readlink /copied/inside; stat -c '%a %u:%g' /copied/x /link/x /folder /w/rel; ls -l /dangling | cut -c1; cat /late
""", files=files), ["a", "a", "b", "a", "a", "a", "q", "no", "b", "x", "a", "x", "/copied:", ".dot", "e", "inside", "s", "x", "",
                    "/star:", ".dot", "inside", "x", "y", "x", "711 0:0", "711 0:0", "755 0:0", "755 0:0", "l", "a"])

    def test_owners_and_modes(self):
        files = {"d/run": "", "d/data": "", "d/sub/f": ""}
        os.chmod(self.context("", files) / "d/run", 0o755)
        self.assertEqual(self.seen("""COPY <<P /etc/passwd
root:x:0:0:::
app:x:7:8:::
P
COPY <<G /etc/group
staff:x:50:
G
USER app
COPY d/data /u/root
COPY --chown=7 d/data /u/number
COPY --chown=app d/data /u/name
COPY --chown=app:staff d/data /u/both
COPY --chown=9:10 d /made/on/the/way
COPY --chmod=640 d/data /o/deep/f
COPY --chmod=4750 d/data /set/f
COPY --chmod=u=rwX,go=rX d /x
COPY --chmod=g=u,o-r,u+s d/data /s/f
COPY --chmod=+t d/data /t
USER 0
RUN stat -c '%n %a %u:%g' /u/* /made/on/the/way/data /made /o/deep /o/deep/f /set /set/f /x/run /x/data /x/sub /s /s/f /t
""", files=files), ["/u/both 644 7:50", "/u/name 644 7:8", "/u/number 644 7:7", "/u/root 644 0:0", "/made/on/the/way/data 644 9:10", "/made 755 9:10",
                    "/o/deep 640 0:0", "/o/deep/f 640 0:0", "/set 750 0:0", "/set/f 4750 0:0", "/x/run 755 0:0", "/x/data 644 0:0",
                    "/x/sub 755 0:0", "/s 755 0:0", "/s/f 4660 0:0", "/t 1644 0:0"])
        for line, said in (("COPY --chown=nosuch d /x", "nosuch"), ("COPY --chmod=u=q d /x", "u=q"), ("COPY --chmod=17777 d /x", "17777")):
            with self.subTest(line):
                message = self.fails(line + "\n", files=files)
                self.assertIn(said, message)
                self.assertIn("Containerfile:2", message)

    def test_parents_and_exclude(self):
        files = {"a/b/c.txt": "", "a/b/deep/d.txt": "", "a/e.txt": "", "a/f.md": "", "a/README.md": "", "top.txt": ""}
        self.assertEqual(self.seen("""COPY --parents a/b/c.txt top.txt /p1/
COPY --parents a/./b/c.txt /p2/
COPY --parents ./a/**/*.txt /p3/
COPY --parents a/./**/d.txt /p4/
COPY --exclude=*.txt --exclude=b/deep a /x1/
COPY --exclude=*.md --exclude=!README.md --exclude=**/*.txt a /x2/
COPY --parents --exclude=**/b a/ /x3/
COPY --exclude=*.txt top.txt a/f.md /x4/
RUN for d in p1 p2 p3 p4 x1 x2 x3 x4; do echo $d $(cd /$d && find . -type f | sort); done
""", files=files), ["p1 ./a/b/c.txt ./top.txt", "p2 ./b/c.txt", "p3 ./a/b/c.txt ./a/b/deep/d.txt ./a/e.txt", "p4 ./b/deep/d.txt",
                    "x1 ./README.md ./b/c.txt ./f.md", "x2 ./README.md", "x3 ./a/README.md ./a/e.txt ./a/f.md", "x4 ./f.md"])

    def test_link(self):
        self.assertEqual(self.seen("RUN mkdir /real && ln -s /real /way && ln -s /real /kept\nCOPY --link f /way/\nCOPY f /kept/\n"
                                   "RUN ls -ld /way /kept | cut -c1; ls /way /real\n", files={"f": ""}),
                         ["l", "d", "/real:", "f", "", "/way:", "f"])

    def test_from(self):
        lines = """FROM localhost/busybox AS Named
RUN echo named > /f && ln -s /f /l && chown 5:6 /f && chmod 6711 /f && touch -d @1000000000 /f
FROM localhost/busybox
ARG S=Named
COPY --from=NAMED /f /by-name
COPY --from=1 --chown=7:8 ../f /by-number
COPY --from=localhost/busybox bin/busybox /by-image
COPY --from=named l /by-link
COPY --from=named f .dockerignored* /ignored/
RUN cat /by-name /by-number /by-link /ignored/f; stat -c '%Y %a %u:%g' /by-name; stat -c '%u:%g' /by-number; ls /by-image
"""
        self.assertEqual(self.seen(lines, files={".dockerignore": "f\n"}), ["named"] * 4 + ["1000000000 6711 5:6", "7:8", "/by-image"])
        self.assertIn("Containerfile:2", self.fails("COPY --from=later /f /\nFROM localhost/busybox AS later\n", "--target=0", "--pull=never"))

    def test_errors(self):
        files = {"a": "", "b": "", "d/a/x": ""}
        for lines, said in (("COPY missing /x", "missing"), ("COPY a b /x", "/x"), ("COPY [ab] /x", "/x"), ("COPY a", "COPY"),
                            ("RUN mkdir /x /x/a\nCOPY a /x/", "/x/a"), ("RUN mkdir /x && touch /x/a\nCOPY d /x", "/x/a"),
                            ("COPY --parents --parents a /x/", "--parents"), ("COPY --unpack a /x", "unpack"), ("COPY --checksum=sha256:0 a /x", "checksum")):
            with self.subTest(lines):
                self.assertIn(said, self.fails(lines + "\n", files=files))


class Add(OnBusybox):
    def test_archives(self):
        need("xz", "zstd")
        plain = tar_bytes(("./", 0o700, 9, 9, 1), ("f", 0o640, 3, 4, 1_000_000_000), ("d/", 0o750, 3, 4, 1))
        files = {"plain": plain, "no.tar": "text\n"}
        for mode in ("gz", "bz2", "xz"):
            files[f"{mode}.bin"] = tar_bytes((mode, 0o644, 0, 0, 1), mode=f"w:{mode}")
        context = self.context("", files)
        (context / "zstd.tar").write_bytes(tar_bytes(("zstd", 0o644, 0, 0, 1)))
        run(["zstd", "-q", "--rm", "zstd.tar", "-o", "zst.bin"], cwd=context)
        (context / "text").write_text("only compressed\n")
        run(["gzip", "text"], cwd=context)
        self.assertEqual(self.seen("""ADD plain /plain
ADD *.bin /all/
ADD no.tar /copied/
ADD text.gz /copied/
ADD --unpack=false plain /kept/
ADD --chown=7:8 --chmod=777 plain /owned/
COPY plain /copy/
RUN stat -c '%n %a %u:%g' /plain /plain/f /plain/d /owned/f; stat -c %Y /plain/f; ls /all; cat /copied/no.tar; zcat /copied/text.gz; ls /kept /copy
""", files=files), ["/plain 755 0:0", "/plain/f 640 3:4", "/plain/d 750 3:4", "/owned/f 640 7:8", "1000000000", "bz2", "gz", "xz", "zstd",
                    "text", "only compressed", "/copy:", "plain", "", "/kept:", "plain"])
        self.assertIn("no.tar", self.fails("ADD --unpack no.tar /x/\n", files=files))

    def test_checksum_and_git_flags_are_for_remote_sources(self):
        digest = "sha256:" + hashlib.sha256(b"x").hexdigest()
        for line, said in ((f"ADD --checksum={digest} f /x", "checksum"), ("ADD --checksum=md5:0 http://127.0.0.1:1/f /x", "checksum"),
                           ("ADD --keep-git-dir=perhaps f /x", "--keep-git-dir"), ("ADD --unpack=perhaps f /x", "--unpack"),
                           ("ADD --from=x f /x", "--from")):
            with self.subTest(line):
                message = self.fails(line + "\n", files={"f": "x"})
                self.assertIn(said, message)
                self.assertIn("Containerfile:2", message)


class IgnoreFiles(OnBusybox):
    def copied(self, ignore, names, *flags, name=".dockerignore"):
        files = {n: "" for n in names}
        files[name] = ignore
        lines = "COPY . /c\nRUN cd /c && find . | sort | sed -n 's,^./,,p'\n"
        return [n for n in self.seen(lines, *flags, files=files) if n not in ("Containerfile", name)]

    def test_lines_and_patterns(self):
        ignore = ("\ufeffone\r\n# comment\r\n  two  \r\n\r\n./three//\r\n/four\r\nx/../five\r\n*.log\r\n**/deep.txt\r\nq?\r\n[rs]1\r\n\\*lit\r\n"
                  "dir\r\n!dir/keep\r\n!dir/sub/back\r\nall/**\r\n.dockerignore\r\nContainerfile\r\n").encode()
        names = ["one", "# comment", "two", "three", "four", "five", "a.log", "deep.txt", "q1", "r1", "*lit", "dir/gone", "dir/keep",
                 "dir/sub/back", "dir/sub/gone", "all/x/y",
                 "sub/one", "sub/a.log", "sub/x/deep.txt", "sub/q1", "t1", "xlit", "sub/dir/f"]
        self.assertEqual(self.copied(ignore, names),
                         ["# comment", "all", "dir", "dir/keep", "dir/sub", "dir/sub/back", "sub", "sub/a.log", "sub/dir", "sub/dir/f",
                          "sub/one", "sub/q1", "sub/x", "t1", "xlit"])

    def test_the_last_match_decides(self):
        self.assertEqual(self.copied("*\n!b*\nbad\n!bad/*\nbad/x\n", ["a", "b", "bad/x", "bad/y"]), ["b", "bad", "bad/y"])

    def test_which_file(self):
        context = self.context("", {n: "" for n in "abcde"})
        text = "FROM localhost/busybox\nCOPY [a-e] /c/\nRUN echo left $(ls /c)\n"
        outside = self.dir / "Outside"
        outside.write_text(text)
        (context / "Inside").write_text(text)

        def left(*flags):
            out = self.bld("build", "--no-cache", *flags, context).stdout
            return next(line for line in out.splitlines() if line.startswith("left "))[5:]

        (context / ".dockerignore").write_text("a\n")
        self.assertEqual(left("-f", context / "Inside"), "b c d e")
        (context / ".containerignore").write_text("b\n")
        self.assertEqual(left("-f", context / "Inside"), "a c d e")
        for file in (outside, context / "Inside"):
            file.with_name(file.name + ".dockerignore").write_text("c\n")
            self.assertEqual(left("-f", file), "a b d e")
            file.with_name(file.name + ".containerignore").write_text("d\n")
            self.assertEqual(left("-f", file), "a b c e")
        (self.dir / "chosen").write_text("e\n")
        self.assertEqual(left("-f", outside, "--ignorefile", self.dir / "chosen"), "a b c d")

    def test_what_is_ignored_is_not_found(self):
        files = {"hidden": "", ".dockerignore": "hidden\n.dockerignore\nContainerfile\n"}
        message = self.fails("COPY hidden /x\n", files=files)
        self.assertIn("hidden", message)
        self.assertIn("Containerfile:2", message)
        self.assertEqual(self.seen("COPY <<hidden /h/\nheredoc\nhidden\nRUN cat /h/hidden\n", files=files), ["heredoc"])
        self.assertIn("a[b", self.fails("COPY . /x\n", files={".dockerignore": "a[b\n"}))

    def test_a_named_context_has_its_own(self):
        named = self.dir / "named"
        named.mkdir()
        for name, text in (("a", ""), ("b", ""), (".dockerignore", "a\n")):
            (named / name).write_text(text)
        self.assertEqual(self.seen("COPY --from=other . /c/\nCOPY a /main\nRUN ls /c /main\n", "--build-context", f"other={named}",
                                   files={"a": "", ".dockerignore": "b\n"}), ["/main", "", "/c:", "b"])


if __name__ == "__main__":
    main()
