"""Build contexts that are no directory: standard input, archives, repositories and addresses."""

import io
import os
import subprocess
import tarfile

from git_server import GitServer, commit, git, make_repository
from http_server import HttpServer
from support import CliTest, environment, main

COPIES = "FROM scratch\nCOPY . /\n"


def tar_of(files, compression=""):
    """Path → bytes, or a link's target as text."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:" + compression) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Contexts(CliTest):
    def built(self, *args, stdin=None):
        """The files of what is built, path → bytes."""
        out = self.dir / f"out-{len(os.listdir(self.dir))}"
        done = subprocess.run([str(a) for a in self.bld.command("build", "-o", out, *args)], input=stdin,
                              stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
                              env=environment(), cwd=self.dir, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}

    def fails(self, *args, stdin=None):
        done = subprocess.run([str(a) for a in self.bld.command("build", *args)], input=stdin, capture_output=True,
                              env=environment(), cwd=self.dir, timeout=60)
        self.assertEqual(done.returncode, 125, done.stderr.decode())
        return done.stderr.decode()

    # ── standard input ───────────────────────────────────────────────────────────────────────────

    def test_a_containerfile_on_standard_input(self):
        self.assertEqual(self.built("-", stdin=b"FROM scratch\nCOPY <<E /made\nx\nE\n"), {"made": b"x\n"})
        self.assertIn('"/nothing": not found', self.fails("-", stdin=b"FROM scratch\nCOPY nothing /\n"))

    def test_an_archive_on_standard_input(self):
        files = {"Containerfile": COPIES.encode(), "a/b": b"1", ".containerignore": b"Containerfile\n.containerignore\n"}
        for compression in ("", "gz", "xz"):
            with self.subTest(compression):
                self.assertEqual(self.built("-", stdin=tar_of(files, compression)), {"a/b": b"1"})

    def test_the_containerfile_alone_on_standard_input(self):
        (self.dir / "here").mkdir()
        (self.dir / "here" / "f").write_text("f")
        self.assertEqual(self.built("-f", "-", "here", stdin=COPIES.encode()), {"f": b"f"})
        self.assertIn("-f names another", self.fails("-f", "-", "-", stdin=b"FROM scratch\n"))

    # ── archives ─────────────────────────────────────────────────────────────────────────────────

    def test_an_archive_of_this_machine(self):
        (self.dir / "context.tar.gz").write_bytes(tar_of({"Dockerfile": COPIES.encode(), "f": b"1"}, "gz"))
        self.assertEqual(self.built("context.tar.gz"), {"Dockerfile": COPIES.encode(), "f": b"1"})

    def test_nothing_of_an_archive_leads_out_of_it(self):
        secret = self.dir / "secret"
        secret.write_text("secret")
        for files in ({"Containerfile": b"FROM scratch\nCOPY link/secret /\n", "link": str(self.dir)},
                      {"Containerfile": str(secret)},
                      {"Containerfile": COPIES.encode(), "../out": b"x"}):
            with self.subTest(files):
                (self.dir / "context.tar").write_bytes(tar_of(files))
                done = subprocess.run([str(a) for a in self.bld.command("build", "-o", self.dir / "leak", "context.tar")],
                                      capture_output=True, env=environment(), cwd=self.dir, timeout=60)
                self.assertNotIn(b"secret\n", done.stdout)
                self.assertFalse((self.dir / "leak" / "secret").exists())
                self.assertFalse((self.dir / "out").exists())

    # ── addresses ────────────────────────────────────────────────────────────────────────────────

    def test_an_archive_of_a_server(self):
        archive = tar_of({"sub/Containerfile": COPIES.encode(), "f": b"1"}, "gz")
        with HttpServer({"/c.tar.gz": archive}) as server:
            files = self.built("-f", "sub/Containerfile", server.url + "/c.tar.gz")
            self.assertEqual(files["f"], b"1")
            self.assertIn("404", self.fails(server.url + "/other.tar.gz"))

    def test_a_containerfile_of_a_server(self):
        text = b"FROM scratch\nCOPY <<E /made\nx\nE\n"
        with HttpServer({"/Containerfile": text, "/copies": COPIES.encode()}) as server:
            self.assertEqual(self.built(server.url + "/Containerfile"), {"made": b"x\n"})
            (self.dir / "here").mkdir()
            (self.dir / "here" / "f").write_text("f")
            self.assertEqual(self.built("-f", server.url + "/copies", "here"), {"f": b"f"})

    def test_a_repository(self):
        repository = self.dir / "git" / "repo"
        make_repository(repository, {"Containerfile": COPIES, "f": "first"})
        git(repository, "tag", "v1")
        commit(repository, {"f": "second", "sub/Containerfile": COPIES, "sub/g": "g"})
        with GitServer(self.dir / "git") as server:
            url = server.url + "/repo"
            self.assertEqual(self.built(url + "#main:sub"),
                             {"Containerfile": COPIES.encode(), "g": b"g"})
            self.assertEqual(self.built(url + "#v1")["f"], b"first")
            files = self.built(url)
            self.assertEqual(files["f"], b"second")
            self.assertNotIn(".git/HEAD", files)
            self.assertIn("nosuch", self.fails(url + "#nosuch"))
            named = self.built("--build-context", f"other={url}#v1", "-f", "-", stdin=b"FROM scratch\nCOPY --from=other f /\n")
            self.assertEqual(named, {"f": b"first"})

    # ── -f ───────────────────────────────────────────────────────────────────────────────────────

    def test_a_containerfile_elsewhere_with_its_ignore_file(self):
        context, elsewhere = self.dir / "context", self.dir / "elsewhere"
        context.mkdir()
        elsewhere.mkdir()
        for name in ("a", "b", "c"):
            (context / name).write_text(name)
        (context / ".dockerignore").write_text("a\n")
        (elsewhere / "My.file").write_text(COPIES)
        self.assertEqual(sorted(self.built("-f", elsewhere / "My.file", context)), [".dockerignore", "b", "c"])
        (elsewhere / "My.file.dockerignore").write_text("b\n.dockerignore\n")
        self.assertEqual(sorted(self.built("-f", elsewhere / "My.file", context)), ["a", "c"])
        (self.dir / "ignore").write_text("*\n!c\n")
        self.assertEqual(sorted(self.built("-f", elsewhere / "My.file", "--ignorefile", self.dir / "ignore", context)), ["c"])

    def test_several_files_are_one(self):
        context = self.dir / "context"
        context.mkdir()
        (context / "one").write_text("FROM scratch AS first\nCOPY <<E /a\n1\nE\n")
        (context / "two.in").write_text("#define PLACE /b\nFROM scratch\nCOPY --from=first /a PLACE\n")
        self.assertEqual(self.built("-f", context / "one", "-f", context / "two.in", context), {"b": b"1\n"})
        self.assertEqual(self.built("-f", context / "one", "-f", context / "two.in", "--cpp-flag=-DMORE=1", context), {"b": b"1\n"})

    def test_what_is_not_there(self):
        self.assertIn("nowhere", self.fails("nowhere"))
        (self.dir / "empty").mkdir()
        message = self.fails("empty")
        self.assertIn("Containerfile", message)
        self.assertIn("Dockerfile", message)


if __name__ == "__main__":
    main()
