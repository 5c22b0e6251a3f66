"""bld login and logout against a registry that asks who is there."""

import base64
import json
import os
import stat

from support import CliTest, Registry, environment, main

BCRYPT = "$2b$04$Xba.Bf.7NGeZbjLzSyr3AOaS3375ray1Rm3yp.9f8zzpnfBMjeFPG"  # of "secret word"


class Login(CliTest):
    def setUp(self):
        super().setUp()
        (self.dir / "htpasswd").write_text(f"me:{BCRYPT}\n")
        self.registry = self.enterContext(Registry(self.dir / "registry", self.dir / "htpasswd"))
        self.host = self.registry.name
        self.auth_file = self.dir / "auth.json"
        self.env = environment(REGISTRY_AUTH_FILE=self.auth_file)

    def login(self, *args, password="secret word", to="", **options):
        return self.bld("login", "--tls-verify=false", "-u", "me", "--password-stdin", *args, self.host + to,
                        input=password + "\n", env=self.env, **options)

    def test_login_push_logout(self):
        self.bld.import_busybox()
        push = ("push", "-q", "--tls-verify=false", "busybox", f"docker://{self.host}/x:1")
        self.auth_file.write_text("{}")
        self.assert_fails(self.bld(*push, env=self.env, ok=False), "unauthorized: authentication required", "credentials for")
        self.assertEqual(self.login().stdout, "Login Succeeded!\n")
        self.assertEqual(self.bld("login", "--get-login", self.host, env=self.env).stdout, "me\n")
        self.bld(*push, env=self.env)
        done = self.bld("logout", self.host, env=self.env)
        self.assertEqual(done.stdout, f"Removed login credentials for {self.host}\n")
        failed = self.bld("login", "--get-login", self.host, env=self.env, ok=False)
        self.assertEqual((failed.returncode, failed.stderr), (125, f"Error: not logged into {self.host}\n"))
        failed = self.bld("logout", self.host, env=self.env, ok=False)
        self.assertEqual((failed.returncode, failed.stderr), (125, f"Error: not logged into {self.host}\n"))

    def test_a_wrong_password_is_not_kept(self):
        failed = self.login(password="wrong", ok=False)
        self.assertEqual(failed.returncode, 125)
        self.assertIn(f'logging into "{self.host}": invalid username/password', failed.stderr)
        self.assertNotIn("wrong", failed.stderr)
        self.assertFalse(self.auth_file.exists())

    def test_a_part_of_a_registry(self):
        self.assertEqual(self.login("-v", to="/team").stdout, f"Used:  {self.auth_file}\nLogin Succeeded!\n")
        known = self.bld("login", "--tls-verify=false", f"{self.host}/team/", env=self.env)
        self.assertEqual(known.stdout, f"Authenticating with existing credentials for {self.host}/team\n"
                                       f"Existing credentials are valid. Already logged in to {self.host}\n")
        self.assertEqual(self.bld("login", "--get-login", f"{self.host}/team/x", env=self.env).stdout, "me\n")
        self.assertEqual(self.bld("login", "--get-login", self.host, env=self.env, ok=False).returncode, 125)
        self.assertEqual(self.bld("logout", f"{self.host}/team", env=self.env).stdout,
                         f"Removed login credentials for {self.host}/team\n")

    def test_dockers_own_place(self):
        self.env = environment(DOCKER_CONFIG=self.dir / "docker", HOME=self.dir, XDG_RUNTIME_DIR=self.dir / "run")
        (self.dir / "run" / "containers").mkdir(parents=True)
        (self.dir / "run" / "containers" / "auth.json").write_text(json.dumps({"auths": {self.host: {"auth": "b3RoZXI6eA=="}}}))
        self.login()
        self.assertEqual(list(json.loads((self.dir / "docker" / "config.json").read_text())["auths"]), [self.host])
        self.assertEqual(self.bld("login", "--get-login", self.host, env=self.env).stdout, "me\n")

    def test_the_file_keeps_what_else_is_in_it(self):
        self.auth_file.write_text(json.dumps({"auths": {"other.example": {"auth": "YTpi"}}, "more": [1]}))
        self.login()
        written = json.loads(self.auth_file.read_text())
        self.assertEqual(written["more"], [1])
        self.assertEqual(written["auths"]["other.example"], {"auth": "YTpi"})
        self.assertEqual(base64.b64decode(written["auths"][self.host]["auth"]), b"me:secret word")
        self.assertEqual(stat.S_IMODE(self.auth_file.stat().st_mode), 0o600)
        self.bld("logout", "--all", env=self.env)
        self.assertEqual(json.loads(self.auth_file.read_text()), {"auths": {}, "more": [1]})

    def test_a_helper_keeps_them_where_the_file_says_so(self):
        programs = self.dir / "bin"
        programs.mkdir()
        helper = programs / "docker-credential-test"
        helper.write_text(f'#!/bin/sh\necho "$1" >> {self.dir}/verbs\ncat >> {self.dir}/verbs\n')
        helper.chmod(0o755)
        self.auth_file.write_text(json.dumps({"credHelpers": {self.host: "test"}}))
        self.env["PATH"] = f"{programs}:{os.environ['PATH']}"
        self.login()
        self.assertNotIn("auths", json.loads(self.auth_file.read_text()))
        self.bld("logout", self.host, env=self.env)
        verbs = (self.dir / "verbs").read_text()
        self.assertIn('"Secret":"secret word"', verbs)
        self.assertIn("erase\n" + self.host, verbs)

    def test_clear_errors(self):
        for args, message in (((), "please specify a registry to login to"),
                              (("--password-stdin", "h"), "--password-stdin needs --username"),
                              (("-u", "a", "-p", "b", "127.0.0.1:1"), "127.0.0.1:1")):
            with self.subTest(args):
                failed = self.bld("login", *args, env=self.env, ok=False, input="x\n")
                self.assertEqual(failed.returncode, 125)
                self.assertIn(message, failed.stderr)


if __name__ == "__main__":
    main()
