"""--cache-to and --cache-from: what one machine's build gave, another one need not do."""

import json

from support import CliTest, Registry, Store, main

STEPS = """FROM oci:{base}:latest AS one
RUN cat /proc/sys/kernel/random/uuid > /once
RUN true
COPY f /f
RUN cat /once /f > /two
FROM oci:{base}:latest
COPY --from=one /two /two
"""


class Shared(CliTest):
    def setUp(self):
        super().setUp()
        self.bld.import_busybox()
        self.bld("push", "-q", "busybox", f"oci:{self.dir}/base:latest")
        self.machines = 0

    def machine(self):
        self.machines += 1
        return Store(self.dir / f"store{self.machines}")

    def steps(self, contents="x", text=STEPS):
        return self.context(text.format(base=f"{self.dir}/base"), {"f": contents})

    def build(self, machine, context, *flags, **options):
        return machine("build", "--tls-verify=false", "--timestamp", "0", "-t", "t", *flags, context, **options)

    def image(self, done):
        return done.stdout.strip().splitlines()[-1]

    def check_repository(self, repository):
        context = self.steps()
        first_machine = self.machine()
        first = self.build(first_machine, context, "--cache-to", repository)
        second_machine = self.machine()
        second = self.build(second_machine, context, "--cache-from", repository)
        self.assertEqual(self.image(first), self.image(second))
        self.assertEqual(second.stdout.count("Using cache"), 5)
        self.assertEqual(second_machine("check").returncode, 0)
        for machine in first_machine, second_machine:
            self.assertEqual(len(machine.images()), 2, "base and result: what the steps went in is not kept")
        # Once they came they are here.
        self.assertEqual(self.image(self.build(second_machine, context)), self.image(first))
        # Files of a step that came are there for a step that has to run.
        changed = self.build(self.machine(), self.steps("y"), "--cache-from", repository, "--cache-to", repository)
        self.assertEqual(changed.stdout.count("Using cache"), 2)
        third = self.machine()
        self.assertEqual(self.image(self.build(third, self.steps("y"), "--cache-from", repository)), self.image(changed))
        once = [store.layout("t", self.dir / store.root.name.replace("store", "out")).files()["/two"].data[:36]
                for store in (second_machine, third)]
        self.assertEqual(*once)
        self.assertNotEqual(self.image(self.build(self.machine(), context, "--cache-from", repository, "--no-cache")), self.image(first))

    def test_a_registry(self):
        with Registry(self.dir / "registry") as registry:
            self.check_repository(f"{registry.name}/team/cache")
            # What is there already is not sent again.
            context = self.steps(text="FROM oci:{base}:latest\nRUN echo 1 > /1\nRUN false\n")
            failed = self.build(self.machine(), context, "--cache-to", f"{registry.name}/b", ok=False)
            self.assert_fails(failed, '"/bin/sh -c false" failed', status=1)
            again = self.build(self.machine(), context, "--cache-from", f"type=registry,ref={registry.name}/b", ok=False)
            self.assertEqual(again.stdout.count("Using cache"), 1)

    def test_a_directory(self):
        self.check_repository(f"oci:{self.dir}/cache")
        by_docker = self.build(self.machine(), self.steps(), "--cache-from", f"type=local,src={self.dir}/cache")
        self.assertEqual(by_docker.stdout.count("Using cache"), 5)
        old = self.build(self.machine(), self.steps(), "--cache-from", f"oci:{self.dir}/cache", "--cache-ttl", "1ns")
        self.assertNotIn("Using cache", old.stdout)

    def test_a_layer_that_is_another_one_is_an_error(self):
        self.build(self.machine(), self.steps(), "--cache-to", f"oci:{self.dir}/cache")
        index = json.loads((self.dir / "cache/index.json").read_text())
        for entry in index["manifests"]:
            manifest = json.loads((self.dir / "cache/blobs/sha256" / entry["digest"][7:]).read_text())
            if manifest["layers"]:
                blob = self.dir / "cache/blobs/sha256" / manifest["layers"][0]["digest"][7:]
                blob.chmod(0o644)
                blob.write_bytes(bytes(len(blob.read_bytes())))
        failed = self.build(self.machine(), self.steps(), "--cache-from", f"oci:{self.dir}/cache", ok=False)
        self.assert_fails(failed, "Containerfile:", "sha256:", "without --cache-from")

    def test_what_cannot_be_reached_is_told_of_once(self):
        done = self.build(self.machine(), self.steps(), "--cache-from", "localhost:1/none")
        self.assertEqual(done.stderr.count("--cache-from docker://localhost:1/none is not used"), 1)
        failed = self.build(self.machine(), self.steps(), "--cache-to", "localhost:1/none", ok=False)
        self.assert_fails(failed, "--cache-to", "localhost:1")

    def test_what_makes_no_sense_is_an_error(self):
        for flags, said in (("--cache-from localhost/x:tag", "has a tag"), ("--cache-to dir:/x", "no place for a cache"),
                            ("--cache-to type=gha", "type=registry"), ("--cache-to type=registry,ref=x,mode=min", "mode=max"),
                            ("--layers=false --cache-to localhost/x", "--layers=false")):
            with self.subTest(flags):
                self.assert_fails(self.build(self.machine(), self.steps(), *flags.split(), ok=False), said)


if __name__ == "__main__":
    main()
