"""Build options that change what the words of a Containerfile mean, images of every kind as bases and
sources, and what ADD fetches."""

import contextlib
import functools
import hashlib
import http.server
import os
import tarfile
import threading

from support import OnBusybox, main, need


class Images(OnBusybox):
    def test_transports(self):
        self.bld("build", "-t", "marked", self.context("FROM localhost/busybox\nRUN echo marked > /mark\n"))
        places = [f"oci:{self.dir}/oci:tag", f"oci-archive:{self.dir}/oci.tar", f"docker-archive:{self.dir}/docker.tar:x/y:z",
                  f"dir:{self.dir}/dir"]
        for place in places:
            self.bld("push", "localhost/marked", place)
        places += [f"oci:{self.dir}/oci", f"docker-archive:{self.dir}/docker.tar", "containers-storage:localhost/marked"]
        for place in places:
            with self.subTest(place):
                lines = (f"FROM {place}\nRUN cat /mark\nFROM localhost/busybox\nCOPY --from={place} /mark /copied\n"
                         f"COPY --from=1 /mark /m\nRUN --mount=from={place},target=/mnt cat /mnt/mark /copied /m\n")
                self.assertEqual(self.seen(lines), ["marked"] * 4)

    def test_named_contexts(self):
        self.bld("build", "-t", "marked", self.context("FROM localhost/busybox\nRUN echo image > /mark\n"))
        self.bld("push", "localhost/marked", f"oci:{self.dir}/layout:tag")
        folder = self.dir / "folder"
        folder.mkdir()
        (folder / "mark").write_text("folder\n")
        text = ("FROM localhost/busybox AS stage\nRUN echo stage > /mark\nFROM localhost/busybox\n"
                "COPY --from=stage /mark /copied\nRUN --mount=from=stage,target=/m cat /m/mark /copied; cat /mark 2>/dev/null || true\n")
        for name, what, said in (("nobody", folder, ["stage"] * 2), ("stage", folder, ["folder"] * 2),
                                 ("stage", "docker-image://localhost/marked", ["image"] * 2),
                                 ("stage", "container-image://localhost/marked", ["image"] * 2),
                                 ("stage", f"oci-layout://{self.dir}/layout:tag", ["image"] * 2),
                                 ("localhost/busybox", "docker-image://localhost/marked", ["stage"] * 2 + ["image"])):
            with self.subTest(name, what=what):
                out = self.bld("build", "--no-cache", "--build-context", f"{name}={what}", self.context(text)).stdout.splitlines()
                self.assertEqual([line for line in out if line in ("stage", "folder", "image")], said)

    def test_a_named_context_is_meant_however_the_image_is_written(self):
        self.bld("build", "-t", "marked", self.context("FROM localhost/busybox\nRUN echo image > /mark\n"))
        text = ("FROM docker.io/library/NAME:latest\nRUN --mount=from=NAME,target=/m cat /mark /m/mark\n"
                "FROM localhost/busybox\nCOPY --from=NAME:latest /mark /m\nCOPY --from=0 /mark /n\nRUN cat /m /n\n").replace("NAME", "nosuch")
        for name in ("nosuch", "docker.io/library/nosuch:latest"):
            with self.subTest(name):
                out = self.bld("build", "--no-cache", "--build-context", f"{name}=docker-image://localhost/marked", self.context(text)).stdout
                self.assertEqual(out.splitlines().count("image"), 4)

    def test_a_directory_to_stand_on(self):
        """Also in the place of a stage, of which nothing counts then."""
        folder = self.dir / "folder"
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "f").write_text("folder\n")
        (folder / ".dockerignore").write_text(".dockerignore\n")
        text = ("FROM dir\nENV A=$PATH\nCOPY <<G /g\ng\nG\nFROM localhost/busybox AS stage\nRUN exit 1\nFROM localhost/busybox\n"
                "COPY --from=1 /sub/f /by-number\nCOPY --from=0 / /all/\nRUN cat /by-number /all/sub/f /all/g; find /all | wc -l\n")
        flags = ("--build-context", f"dir={folder}", "--build-context", f"Stage={folder}")
        self.assertEqual([line for line in self.bld("build", *flags, self.context(text)).stdout.splitlines() if line in ("folder", "g", "4")],
                         ["folder", "folder", "g", "4"])
        for target, names in (("stage", ["/sub", "/sub/f"]), ("0", ["/g", "/sub", "/sub/f"])):
            with self.subTest(target):
                self.bld("build", "--target", target, "-t", "made", *flags, self.context(text))
                image = self.bld.layout("made", self.dir / f"layout-{target}")
                self.assertEqual(sorted(image.files()), names)
                self.assertEqual(image.config["config"]["Env"][0][:5], "PATH=")
        self.bld("build", "--target", "0", "--layers=false", "-t", "one", *flags, self.context(text))
        self.assertEqual(len(self.bld.layout("one", self.dir / "one").config["rootfs"]["diff_ids"]), 1)

    def test_another_first_base(self):
        self.bld("build", "-t", "marked", self.context("FROM localhost/busybox\nRUN echo image > /mark\n"))
        self.assertEqual(self.seen("RUN cat /mark\nFROM localhost/busybox\nCOPY --from=0 /mark /m\nRUN cat /m; test -e /mark || echo none\n",
                                   "--from", "localhost/marked"), ["image", "image", "none"])


class Containerfiles(OnBusybox):
    def test_preprocessed(self):
        need("cpp")
        context = self.context("", {"Containerfile.in": '#define BASE localhost/busybox\n#include "part"\n#ifdef LOUD\nRUN echo loud\n#endif\n',
                                    "part": "FROM BASE\nRUN echo included\n"})
        out = self.bld("build", "-f", context / "Containerfile.in", "--cpp-flag", "-DLOUD", context).stdout
        self.assertRegex(out, r"(?m)^included$")
        self.assertRegex(out, r"(?m)^loud$")
        self.assertNotRegex(self.bld("build", "--no-cache", "-f", context / "Containerfile.in", context).stdout, r"(?m)^loud$")

    def test_several(self):
        (self.dir / "second").write_text("COPY --from=0 /f /g\nRUN cat /g\n")
        context = self.context("FROM localhost/busybox\nRUN echo first > /f\nFROM localhost/busybox\n")
        out = self.bld("build", "-f", context / "Containerfile", "-f", self.dir / "second", context).stdout
        self.assertRegex(out, r"(?m)^first$")

    def test_containerfile_comes_before_dockerfile(self):
        context = self.context("FROM localhost/busybox\nRUN echo container\n", {"Dockerfile": "FROM localhost/busybox\nRUN echo docker\n"})
        self.assertRegex(self.bld("build", context).stdout, r"(?m)^container$")
        (context / "Containerfile").unlink()
        self.assertRegex(self.bld("build", context).stdout, r"(?m)^docker$")

    def test_mount_options_of_buildah(self):
        self.assertEqual(self.seen("RUN --mount=type=bind,target=/a,z --mount=target=/b,Z,bind-propagation=rslave --mount=target=/c,relabel=shared,nosuid,noexec "
                                   "--mount=type=cache,target=/d,z,U ls /a/f /b/f /c/f; grep ' /c ' /proc/self/mounts | grep -o 'nosuid[^ ]*noexec'\n",
                                   files={"f": ""}), ["/a/f", "/b/f", "/c/f", "nosuid,nodev,noexec"])

    def test_owner_and_flags_of_mounts(self):
        self.assertEqual(self.seen("USER 1000:50\nRUN --mount=type=cache,target=/d,U stat -c %u:%g /d; touch /d/f\n"
                                   "USER 7\nRUN --mount=type=cache,target=/d,U stat -c %u /d /d/f\n"
                                   "USER 0\nRUN --mount=target=/c,rw,nosuid,noexec grep ' /c ' /proc/self/mounts | grep -o 'nosuid[^ ]*noexec'\n"),
                         ["1000:50", "7", "7", "nosuid,nodev,noexec"])
        self.assertEqual(self.seen("RUN mkdir /there && echo kept > /there/f\nUSER 7\nRUN --mount=target=/c,source=d,U stat -c '%n %u' /c /c/f\n"
                                   "RUN --mount=target=/one,source=d/f,U,rw stat -c %u /one && echo changed > /one && cat /one\nUSER 0\n"
                                   "RUN --mount=from=localhost/busybox,source=/etc,target=/e,U ls /e/passwd; ls /there\n", files={"d/f": "x\n"}),
                         ["/c 7", "/c/f 7", "7", "changed", "/e/passwd", "f"])
        self.assertEqual((self.dir / "context/d/f").read_text(), "x\n")

    def test_a_tmpfs(self):
        self.assertEqual(self.seen("RUN mkdir -p /c/d && echo x > /c/d/f && chown 7:8 /c && chmod 711 /c\n"
                                   "RUN --mount=type=tmpfs,target=/c,tmpcopyup cat /c/d/f; stat -c %u:%g:%a /c; rm -r /c/d\n"
                                   "RUN --mount=type=tmpfs,target=/c,tmpcopyup,tmpfs-mode=700,size=1m stat -c %a /c; df /c | grep -o 1024\n"
                                   "RUN --mount=type=tmpfs,target=/c ls /c; stat -c %a /c\n"
                                   "RUN --mount=type=tmpfs,target=/c,tmpfs-mode=700,ro,noexec stat -c %a /c; grep -o '/c tmpfs ro.*noexec' /proc/mounts; ls /c\n"
                                   "RUN --mount=type=tmpfs,target=/m/n --mount=type=tmpfs,target=/m ls /m; cat /c/d/f\n"),
                         ["x", "7:8:711", "700", "1024", "1777", "700", "/c tmpfs ro,nosuid,nodev,noexec", "n", "x"])


class Fetched(OnBusybox):
    @contextlib.contextmanager
    def served(self, directory):
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(directory)))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_urls(self):
        place = self.dir / "served"
        place.mkdir()
        (place / "a file").write_text("fetched\n")
        digest = hashlib.sha256(b"fetched\n").hexdigest()
        os.utime(place / "a file", (1_000_000_000, 1_000_000_000))
        with tarfile.open(place / "t.tar", "w") as tar:
            tar.add(place / "a file", "inside")
        with self.served(place) as url:
            self.assertEqual(self.seen(f"""ARG SUM=sha256:{digest}
ADD {url}/a%20file?x=/y /named/
ADD --checksum=$SUM --chmod=644 --chown=3:4 {url}/a%20file /checked
ADD {url}/t.tar /kept/
ADD --unpack {url}/t.tar /unpacked/
RUN cat '/named/a file'; stat -c '%a %u:%g %Y' '/named/a file'; stat -c '%a %u:%g' /checked; ls /kept; ls /unpacked
"""), ["fetched", "600 0:0 1000000000", "644 3:4", "t.tar", "inside"])
            for line, said in ((f"ADD --checksum=sha256:{'0' * 64} {url}/a%20file /x", digest), (f"ADD {url}/nosuch /x", "404"), (f"ADD {url}/ /x/", "name")):
                with self.subTest(line):
                    message = self.fails(line + "\n")
                    self.assertIn(said, message)
                    self.assertIn("Containerfile:2", message)


if __name__ == "__main__":
    main()
