"""registries.conf and policy.json, as other tools on the machine have them."""

import json
import os

from support import CliTest, Registry, environment, main


class Registries(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.registry = Registry(self.dir / "registry")
        self.registry.__enter__()
        self.addCleanup(self.registry.__exit__, None, None, None)
        self.id = self.bld("inspect", "--format", "{{.FromImageID}}", "busybox").stdout.strip()
        self.bld("push", "--tls-verify=false", "busybox", f"docker://{self.registry.name}/mirrored/tool:1")

    def conf(self, text):
        path = self.dir / "registries.conf"
        path.write_text(text.replace("REGISTRY", self.registry.name))
        return path

    def test_a_short_name_is_looked_for_where_the_file_says(self):
        conf = self.conf('unqualified-search-registries = ["REGISTRY"]\n[[registry]]\nlocation = "REGISTRY"\ninsecure = true\n')
        self.assertEqual(self.bld("--registries-conf", conf, "pull", "-q", "mirrored/tool:1").stdout.strip(), self.id)
        self.assertIn(f"{self.registry.name}/mirrored/tool", self.bld("images").stdout)
        # And it is what FROM means then.
        context = self.context("FROM mirrored/tool:1\nCOPY . /\n")
        env = environment(CONTAINERS_REGISTRIES_CONF=conf)
        self.bld("build", "-t", "made", "--pull=always", context, env=env)
        self.assertEqual(self.bld.layout("made", self.dir / "made").manifest["annotations"]["org.opencontainers.image.base.name"],
                         f"{self.registry.name}/mirrored/tool:1")

    def test_aliases_and_several_registries(self):
        several = 'unqualified-search-registries = ["127.0.0.1:1", "REGISTRY"]\n[[registry]]\nlocation = "REGISTRY"\ninsecure = true\n'
        pull = ("pull", "--retry=0", "mirrored/tool:1")
        done = self.bld("--registries-conf", self.conf(several), *pull)
        self.assertEqual(done.stdout.strip(), self.id)
        self.assertIn(f'Resolving "mirrored/tool" using unqualified-search registries ({self.dir}/registries.conf)\n'
                      "Trying to pull 127.0.0.1:1/mirrored/tool:1...\n", done.stderr)
        self.assertIn(f"Trying to pull {self.registry.name}/mirrored/tool:1...\n", done.stderr)
        self.bld("rmi", "-f", self.id)
        enforcing = self.conf('short-name-mode = "enforcing"\n' + several)
        self.assert_fails(self.bld("--registries-conf", enforcing, *pull, ok=False), "enforced but cannot prompt without a TTY", "alias")
        # What podman noted down is an alias, too; here, and where the user keeps it.
        notes = self.dir / "containers" / "short-name-aliases.conf"
        notes.parent.mkdir()
        notes.write_text(f'[aliases]\n"mirrored/tool" = "{self.registry.name}/mirrored/tool"\n')
        for flags, env in ((("--short-name-alias-conf", notes), {}), ((), {"XDG_CACHE_HOME": self.dir})):
            done = self.bld("--registries-conf", enforcing, *flags, *pull, "--policy=always", env=environment(**env))
            self.assertIn(f'Resolved "mirrored/tool" as an alias ({notes})\nTrying to pull {self.registry.name}/', done.stderr)
        self.assert_fails(self.bld("--registries-conf", self.conf('short-name-mode = "x"\n'), *pull, ok=False), "invalid short-name mode")

    def test_programs_that_know_the_credentials(self):
        (self.dir / "docker-credential-here").write_text(f'#!/bin/sh\nread host; echo "$1 $host" >> {self.dir}/asked\n'
                                                         'echo \'{"Username": "me", "Secret": "x"}\'\n')
        (self.dir / "docker-credential-here").chmod(0o755)
        conf = self.conf('credential-helpers = ["here", "containers-auth.json"]\n')
        env = environment(CONTAINERS_REGISTRIES_CONF=conf, PATH=f"{self.dir}:{os.environ['PATH']}")
        self.assertEqual(self.bld("login", "--get-login", "registry.example:5000", env=env).stdout, "me\n")
        self.assertEqual((self.dir / "asked").read_text(), "get registry.example:5000\n")

    def test_a_mirror_serves_what_its_registry_is_asked_for(self):
        conf = self.conf('[[registry]]\nprefix = "docker.io/library"\nlocation = "docker.invalid/library"\n'
                         '[[registry.mirror]]\nlocation = "REGISTRY/mirrored"\ninsecure = true\n')
        self.assertEqual(self.bld("--registries-conf", conf, "pull", "-q", "tool:1").stdout.strip(), self.id)
        self.assertIn("docker.io/library/tool", self.bld("images").stdout)
        # What the mirror has not is asked for there.
        missing = self.bld("--registries-conf", conf, "pull", "-q", "--retry", "0", "other:1", ok=False)
        self.assertEqual(missing.returncode, 125)
        self.assertIn("docker.invalid", missing.stderr)

    def test_a_blocked_registry(self):
        conf = self.conf('[[registry]]\nlocation = "REGISTRY"\nblocked = true\n')
        env = environment(CONTAINERS_REGISTRIES_CONF=conf)
        place = f"docker://{self.registry.name}/mirrored/tool:1"
        for command in (("pull", place), ("push", "busybox", place)):
            with self.subTest(command[0]):
                failed = self.bld(*command, ok=False, env=env)
                self.assertEqual(failed.returncode, 125)
                self.assertIn("is blocked in ", failed.stderr)

    def test_an_error_in_the_file_says_where(self):
        failed = self.bld("--registries-conf", self.conf("[[registry]]\nlocation =\n"), "pull", "x", ok=False)
        self.assertRegex(failed.stderr, r"registries\.conf:2:\d+")

    def test_the_policy_decides(self):
        place = f"docker://{self.registry.name}/mirrored/tool:1"
        policy = self.dir / "policy.json"

        def pull(requirements):
            policy.write_text(json.dumps({"default": [{"type": "reject"}],
                                          "transports": {"docker": {self.registry.name + "/mirrored": requirements}}}))
            return self.bld("pull", "-q", "--policy=always", "--tls-verify=false", "--signature-policy", policy, place, ok=False)

        self.assertEqual(pull([{"type": "insecureAcceptAnything"}]).stdout.strip(), self.id)
        self.assertIn("rejected by", pull([{"type": "reject"}]).stderr)
        self.assertIn("cannot verify signatures", pull([{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/x"}]).stderr)
        self.assertIn("no type of requirement", pull([{"type": "acceptAll"}]).stderr)


if __name__ == "__main__":
    main()
