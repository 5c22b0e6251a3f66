"""bld doctor: what works here, and what to do about the rest."""

import os

from support import CliTest, environment, is_root, main


class Doctor(CliTest):
    def lines(self, done):
        """Subject → state."""
        return {words[1]: words[0] for words in (line.split() for line in done.stdout.splitlines())
                if words and words[0] in ("ok", "missing", "broken")}

    def path_with(self, *programs):
        directory = self.dir / "bin"
        directory.mkdir()
        for program in programs:
            for place in os.environ["PATH"].split(":"):
                if os.path.exists(f"{place}/{program}"):
                    (directory / program).symlink_to(f"{place}/{program}")
                    break
        return environment(PATH=directory)

    def test_where_builds_work(self):
        done = self.bld("doctor")
        states = self.lines(done)
        self.assertEqual([states[name] for name in ("kernel", "namespaces", "store", "seccomp", "programs")], ["ok"] * 5)
        self.assertIn("emulation", states)
        self.assertIn("\nBuilds work here.\n", done.stdout)

    def test_missing_programs_are_named_with_their_package(self):
        done = self.bld("doctor", env=self.path_with("newuidmap", "newgidmap"))
        self.assertEqual([self.lines(done)[name] for name in ("network", "programs", "store")], ["missing", "missing", "ok"])
        for word in ("apt install passt", "apt install git cpp openssh-client"):
            self.assertIn(word, done.stdout)

    def test_without_newuidmap_one_id_is_mapped(self):
        if is_root():
            self.skipTest("root needs no newuidmap")
        done = self.bld("doctor", env=self.path_with("git"))
        self.assertEqual(self.lines(done)["namespaces"], "missing")
        self.assertIn("one id is mapped", done.stdout)
        self.assertIn("apt install uidmap", done.stdout)
        self.assertIn("Builds work here.", done.stdout)


if __name__ == "__main__":
    main()
