"""The commands around a build: names, listings, containers, as scripts use them."""

import json
import re

from support import BLD, TOP, CliTest, is_root, main, run


class Commands(CliTest):
    def setUp(self):
        super().setUp()
        self.id = self.bld.import_busybox()

    def test_build_prints_the_id_last(self):
        context = self.context("FROM localhost/busybox\nRUN echo said by the step\nENV A=1\n")
        done = self.bld("build", "-t", "one", "-t", "two:2", context)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[-1], "^[0-9a-f]{64}$")
        self.assertIn("STEP 1/3: FROM localhost/busybox", lines)
        self.assertIn("STEP 2/3: RUN echo said by the step", lines)
        self.assertIn("said by the step", lines)
        self.assertIn("Successfully tagged localhost/one:latest", lines)
        self.assertIn("Successfully tagged localhost/two:2", lines)

    def test_stages_are_counted_as_in_the_file(self):
        context = self.context("ARG BASE=busybox\nFROM --platform=$BUILDPLATFORM $BASE as first\nRUN echo 1 > /one\nFROM nosuch AS unused\nRUN x\n"
                               "FROM first AS last\nRUN echo 2 > /two\nFROM last\n")
        done = self.bld("build", "--target", "last", "-t", "x", "--from", "localhost/busybox:latest", context)
        self.assertEqual([re.sub("[0-9a-f]{12,}", "ID", line) for line in done.stdout.splitlines()],
                         ["[1/3] STEP 1/2: FROM localhost/busybox:latest AS first", "[1/3] STEP 2/2: RUN echo 1 > /one", "--> ID",
                          "[3/3] STEP 1/2: FROM first AS last", "[3/3] STEP 2/2: RUN echo 2 > /two", "[3/3] COMMIT x", "--> ID",
                          "Successfully tagged localhost/x:latest", "ID"])
        again = self.bld("build", "--target", "last", context).stdout
        self.assertRegex(again, r"--> Using cache [0-9a-f]{64}\n--> [0-9a-f]{12}\n\[3/3\] STEP 1/2: FROM first AS last\n")
        self.assertIn("[3/3] STEP 1/2: FROM busybox", self.bld("build", self.context("FROM scratch\nFROM scratch\nARG A\nFROM busybox\nENV A=b\n", name="b")).stdout)

    def test_quiet_and_iidfile(self):
        context = self.context("FROM localhost/busybox\nENV A=1\n")
        image = self.bld("build", "-q", context).stdout
        self.assertRegex(image, r"^[0-9a-f]{64}\n$")
        self.bld("build", "--iidfile", self.dir / "iid", context)
        self.assertEqual((self.dir / "iid").read_text().strip(), "sha256:" + image.strip())

    def test_bud_is_build(self):
        context = self.context("FROM localhost/busybox\nENV A=1\n")
        self.assertEqual(self.bld("bud", "-q", context).stdout, self.bld("build", "-q", context).stdout)

    def test_containerfile_places(self):
        context = self.context("FROM localhost/busybox\nENV A=context\n")
        other = self.dir / "Other"
        other.write_text("FROM localhost/busybox\nENV A=other\n")
        self.bld("build", "-f", other, "-t", "other", context)
        self.bld("build", "-f", "-", "-t", "stdin", context, input="FROM localhost/busybox\nENV A=stdin\n")
        (context / "Containerfile").rename(context / "Dockerfile")
        self.bld("build", "-t", "dockerfile", context)
        for name, value in (("other", "other"), ("stdin", "stdin"), ("dockerfile", "context")):
            self.assertIn(f"A={value}", self.config(name)["Env"])
        self.bld("build", "-t", "here", cwd=context)

    def config(self, name):
        return self.bld.layout(name, self.dir / f"layout-{name}").config["config"]

    def test_label_and_build_arg(self):
        context = self.context("FROM localhost/busybox\nARG A=1\nENV B=$A\n")
        self.bld("build", "--label", "k=v", "--build-arg", "A=2", "-t", "t", context)
        config = self.config("t")
        self.assertEqual(config["Labels"]["k"], "v")
        self.assertIn("B=2", config["Env"])

    def test_names(self):
        self.bld("tag", self.id, "other:1", "registry.example.com/x/y:z")
        names = {name for image in self.bld.images() for name in image["names"]}
        self.assertEqual(names, {"localhost/busybox:latest", "localhost/other:1", "registry.example.com/x/y:z"})
        self.assertEqual(self.bld("rmi", "other:1").stdout.strip(), "untagged: localhost/other:1")
        self.bld("rmi", "registry.example.com/x/y:z")
        gone = self.bld("rmi", self.id).stdout
        self.assertIn(self.id, gone)
        self.assertEqual(self.bld.images(), [])

    def test_images(self):
        lines = self.bld("images").stdout.splitlines()
        self.assertRegex(lines[0], r"^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE")
        self.assertRegex(lines[1], rf"^localhost/busybox +latest +{self.id[:12]} ")
        self.assertEqual(self.bld("images", "-q").stdout.split(), [self.id[:12]])
        self.assertEqual(self.bld("images", "-q", "--no-trunc").stdout.strip().removeprefix("sha256:"), self.id)

    def test_inspect(self):
        seen = json.loads(self.bld("inspect", "localhost/busybox").stdout)
        self.assertEqual(seen["FromImageID"], self.id)
        self.assertEqual(seen["OCIv1"]["config"]["Env"], ["PATH=/bin"])
        self.assertEqual(self.bld("inspect", "--type", "image", "-f", "{{.FromImageID}}", "busybox").stdout.strip(), self.id)

    def test_a_container(self):
        container = self.bld("from", "busybox").stdout.strip()
        self.assertEqual(container, "busybox-working-container")
        self.assertEqual(self.bld("from", "busybox").stdout.strip(), "busybox-working-container-1")
        self.assertEqual(self.bld("run", container, "--", "sh", "-c", "echo kept > /f; id -u").stdout, "0\n")
        self.assertEqual(self.bld("run", container, "cat", "/f").stdout, "kept\n")
        self.assertEqual(self.bld("run", container, "--", "sh", "-c", "exit 9", ok=False).returncode, 9)
        self.assertRegex(self.bld("rm", container).stdout, "^[0-9a-f]{64}\n$")
        self.assertEqual(self.bld("run", container, "true", ok=False).returncode, 125)

    def test_run_as_another_user(self):
        container = self.bld("from", "--name", "named", "busybox").stdout.strip()
        self.assertEqual(container, "named")
        self.assertEqual(self.bld("run", "--user", "65534:65534", container, "id", "-u").stdout, "65534\n")

    def test_networks(self):
        for network in ("host", "none"):
            with self.subTest(network):
                self.bld("build", "--no-cache", "--network", network, self.context(
                    "FROM localhost/busybox\nRUN ip -o link > /links\n"), "-t", f"net-{network}")
        files = self.bld.layout("net-none", self.dir / "net").files()
        self.assertEqual(len(files["/links"].data.splitlines()), 1, "nothing but loopback")

    def test_info_and_version(self):
        info = json.loads(self.bld("info").stdout)
        self.assertIn(str(self.bld.root), json.dumps(info["store"]))
        self.assertRegex(self.bld("--version").stdout, r"^bld version \S+ \(image-spec 1\.\d")
        self.assertIn("bld", self.bld("version").stdout.lower() + "bld")

    def test_unshare(self):
        if is_root():
            self.skipTest("root need not unshare")
        self.assertEqual(self.bld("unshare", "id", "-u").stdout, "0\n")
        maps = self.bld("unshare", "cat", "/proc/self/uid_map").stdout.split("\n")
        self.assertGreaterEqual(len([m for m in maps if m]), 2)
        self.assertEqual(self.bld("unshare", "sh", "-c", "exit 5", ok=False).returncode, 5)

    def test_help(self):
        self.assertIn("build", self.bld("--help").stdout)
        self.assertIn("--build-arg", self.bld("build", "--help").stdout)

    def test_completion_in_bash(self):
        script = f"""source <({BLD} completion bash)
            complete_words() {{
                COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
                _bld
                echo "${{COMPREPLY[@]}}"
            }}
            complete_words {BLD} comm
            complete_words {BLD} --root {self.bld.root} rmi localh
            complete_words {BLD} build --ignoref
        """
        self.assertEqual(run(["bash", "-c", script]).stdout.splitlines(),
                         ["commit", "localhost/busybox:latest", "--ignorefile"])
        self.assertIn("compdef", self.bld("completion", "zsh").stdout)
        self.assertIn("complete -c bld", self.bld("completion", "fish").stdout)
        self.assertIn("Register-ArgumentCompleter", self.bld("completion", "powershell").stdout)
        self.assertEqual(self.bld("__complete", "--marked", "--", "=comm").stdout.split("\t")[0], "commit")
        self.assertEqual(self.bld("completion", "tcsh", ok=False).returncode, 125)

    def test_accepted_flags_are_documented(self):
        pages = "".join((TOP / "docs" / name).read_text() for name in ("buildah.md", "build.md"))
        commands = re.findall(r"^  (\w+) ", self.bld("--help").stdout.split("Commands:")[1].split("\n\n")[0], re.MULTILINE)
        found = set()
        for command in commands:
            for line in self.bld(command, "--help").stdout.splitlines():
                if "accepted, changes nothing" in line:
                    found.add(re.search(r"--[\w-]+", line)[0])
        self.assertIn("--runroot", found)
        self.assertEqual([flag for flag in sorted(found) if f"`{flag}" not in pages], [])

    def test_check(self):
        self.bld("check")


if __name__ == "__main__":
    main()
