"""ADD of files and repositories of servers, good and bad ones."""

import hashlib
import os
import time

from git_server import GitServer, make_repository
from http_server import HttpServer, make_certificate, redirect, send
from support import CliTest, environment, main

TEXT = b"what the server has\n" * 100


class AddRemote(CliTest):
    def build(self, source, *args, flags="", env=None):
        """Of a Containerfile whose third line is the ADD."""
        context = self.context(f"FROM scratch\nLABEL a=1\nADD {flags} {source} /\n")
        return self.bld("build", "-t", "built", "--retry-delay", "10ms", *args, context, ok=False,
                        env=environment(**(env or {})))

    def assert_refused(self, done, *words):
        """With the place of the instruction, and with nothing left behind."""
        self.assert_fails(done, "Containerfile:3:", *words)
        self.assertEqual(self.bld.images(), [])
        self.bld("check")
        self.assertEqual(list((self.bld.root / "tmp").iterdir()), [])

    # ── files ────────────────────────────────────────────────────────────────────────────────────

    def test_a_file_with_its_checksum(self):
        with HttpServer({"/dir/file.txt": TEXT, "/moved": redirect("/dir/file.txt")}) as server:
            digest = "sha256:" + hashlib.sha256(TEXT).hexdigest()
            done = self.build(f"{server.url}/dir/file.txt {server.url}/moved", flags=f"--checksum={digest}")
            self.assertEqual(done.returncode, 125)  # a checksum is of one file
            done = self.build(f"{server.url}/moved", flags=f"--checksum={digest}")
            self.assertEqual(done.returncode, 0, done.stderr)
        again = self.build("http://127.0.0.1:1/moved", flags=f"--checksum={digest}")
        self.assert_fails(again, "Containerfile:3:")

    def test_wrong_checksum(self):
        with HttpServer({"/f": TEXT}) as server:
            wrong = "sha256:" + 64 * "1"
            self.assert_refused(self.build(server.url + "/f", flags=f"--checksum={wrong}"),
                                "checksum mismatch", wrong, hashlib.sha256(TEXT).hexdigest(), server.url)

    def test_missing_file(self):
        with HttpServer({}) as server:
            self.assert_refused(self.build(server.url + "/gone"), "404", server.url + "/gone", "hint:")
            self.assertEqual(server.paths(), ["/gone"])  # which no second try would bring back

    def test_redirect_loop(self):
        with HttpServer({"/a": redirect("/b"), "/b": redirect("/a")}) as server:
            self.assert_refused(self.build(server.url + "/a"), "redirect")
            self.assertLess(len(server.requests), 50)

    def test_truncated_body(self):
        with HttpServer({"/f": lambda handler: send(handler, TEXT, length=len(TEXT) + 1)}) as server:
            self.assert_refused(self.build(server.url + "/f"), server.url + "/f")
            self.assertEqual(len(server.requests), 3)

    def test_a_body_that_breaks_off_once_is_fetched_again(self):
        seen = []

        def answer(handler):
            seen.append(1)
            send(handler, TEXT, length=len(TEXT) + (1 if len(seen) == 1 else 0))

        with HttpServer({"/f": answer}) as server:
            done = self.build(server.url + "/f")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(seen), 2)

    def test_silent_server(self):
        def answer(handler):
            send(handler, TEXT[:10], length=len(TEXT))
            time.sleep(5)

        with HttpServer({"/f": answer}) as server:
            start = time.monotonic()
            done = self.build(server.url + "/f", env={"BLD_REMOTE_TIMEOUT": 1})
            self.assertLess(time.monotonic() - start, 8)
            self.assert_refused(done, server.url + "/f", "says nothing for 1 s")
        self.assert_fails(self.build(server.url + "/f", env={"BLD_REMOTE_TIMEOUT": "soon"}),
                          "BLD_REMOTE_TIMEOUT", "soon")

    def test_a_server_that_does_not_even_begin_to_answer(self):
        with HttpServer({"/f": lambda handler: time.sleep(5)}) as server:
            done = self.build(server.url + "/f", env={"BLD_REMOTE_TIMEOUT": 1})
            self.assert_refused(done, server.url + "/f", "says nothing for 1 s")
            self.assertEqual(len(server.requests), 3)

    def test_an_error_points_at_the_address_and_names_it_once(self):
        done = self.build("http://127.0.0.1:1/f")
        self.assert_refused(done, "Containerfile:3:6:")
        self.assertEqual(done.stderr.split("\n")[0].count("http://127.0.0.1:1/f"), 1)
        with HttpServer({}) as server:
            self.assert_refused(self.build(server.url + "/gone"), "Containerfile:3:6:", server.url + "/gone: ")

    def test_other_addresses(self):
        with HttpServer({"/ftp": redirect("ftp://127.0.0.1/f"), "/file": redirect("file:///etc/passwd"),
                         "/500": lambda handler: send(handler, b"", status=500), "/none": lambda handler: handler.wfile.write(b"no\n")}) as server:
            for path, said in (("/ftp", "neither http nor https"), ("/file", "neither http nor https"), ("/500", "try again later"), ("/none", "HTTP/0.9")):
                with self.subTest(path):
                    self.assert_refused(self.build(server.url + path), said)
        self.assert_refused(self.build("ftp://127.0.0.1/f"), "ADD fetches http, https, git and ssh addresses")
        context = self.context("FROM scratch\nLABEL a=1\nCOPY http://127.0.0.1:1/f /\n")
        self.assert_refused(self.bld("build", context, ok=False), "ADD fetches what is elsewhere")

    def test_https_is_not_led_to_http(self):
        certificate = make_certificate(self.dir / "certificate")
        with HttpServer({"/f": TEXT}) as plain:
            answers = {"/f": TEXT, "/moved": redirect(plain.url + "/f")}
            with HttpServer(answers, certificate / "of-server") as server:
                self.assert_refused(self.build(server.url + "/f"), "certificate")
                trusted = ("--cert-dir", certificate)
                self.assert_refused(self.build(server.url + "/moved", *trusted), "http")
                self.assertEqual(plain.requests, [])
                done = self.build(server.url + "/f", *trusted)
                self.assertEqual(done.returncode, 0, done.stderr)
                done = self.build(server.url + "/f", "--tls-verify=false", "--no-cache")
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_credentials_stay_with_their_server_and_out_of_messages(self):
        with HttpServer({"/f": TEXT}) as other, HttpServer({}) as server:
            server.answers["/f"] = redirect(other.url + "/f")
            with_password = server.url.replace("://", "://me:geheim@")
            done = self.build(with_password + "/f")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("Basic ", server.requests[0][1]["Authorization"])
            self.assertNotIn("Authorization", other.requests[0][1])
            self.assertNotIn("geheim", done.stdout + done.stderr)
            image = self.bld.layout("built", self.dir / "layout")
            self.assertNotIn("geheim", str(image.config))
            done = self.build(with_password + "/gone")
            self.assert_fails(done, "404")
            self.assertNotIn("geheim", done.stdout + done.stderr)

    # ── repositories ─────────────────────────────────────────────────────────────────────────────

    def test_repository(self):
        make_repository(self.dir / "git" / "repo", {"top": "1\n", "sub/below": "2\n"})
        with GitServer(self.dir / "git") as server:
            done = self.build(f"{server.url}/repo#main:sub")
            self.assertEqual(done.returncode, 0, done.stderr)
            out = self.dir / "out"
            self.bld("build", "-o", out, self.dir / "context")
            self.assertEqual(os.listdir(out), ["below"])

    def test_repository_without_the_ref_or_the_folder(self):
        make_repository(self.dir / "git" / "repo", {"top": "1\n"})
        with GitServer(self.dir / "git") as server:
            self.assert_refused(self.build(f"{server.url}/repo#nosuch"), "nosuch", "no such branch")
            self.assert_refused(self.build(f"{server.url}/repo#main:nosuch"), 'no folder "nosuch"')
            self.assert_refused(self.build(f"{server.url}/repo", flags="--checksum=" + 40 * "1"),
                                "checksum mismatch")
            self.assert_refused(self.build(f"{server.url}/other"), f"{server.url}/other")


if __name__ == "__main__":
    main()
