"""Scripted builds: from, copy, add, run, config, commit, rename, rm, as shell scripts use them."""

import hashlib
import io
import json
import tarfile

import oci_layout
from support import Buildah, CliTest, is_root, main, need


class Containers(CliTest):
    def setUp(self):
        super().setUp()
        self.id = self.bld.import_busybox()
        self.container = self.bld("from", "busybox").stdout.strip()

    def in_container(self, *command):
        return self.bld("run", self.container, "--", *command).stdout

    def inspect(self, template, name=None):
        return self.bld("inspect", "--format", template, name or self.container).stdout.strip()

    def files(self, name="made"):
        return self.bld.layout(name, self.dir / f"layout-{name}").files()

    def test_a_whole_script(self):
        (self.dir / "hello").write_text("hello\n")
        digest = self.bld("copy", self.container, self.dir / "hello", "/opt/app/").stdout
        self.assertRegex(digest, "^[0-9a-f]{64}\n$")
        self.bld("run", self.container, "--", "sh", "-c", "cat /opt/app/hello > /opt/app/again; rm /opt/app/hello")
        self.assertEqual(self.bld("config", "--cmd", "cat '/opt/app/again file'", "--env", "A=1", "--label", "k=v",
                                  "--workingdir", "/opt/app", self.container).stdout, "")
        image = self.bld("commit", self.container, "made").stdout.strip()
        self.assertRegex(image, "^[0-9a-f]{64}$")
        made = self.bld.layout("made", self.dir / "made")
        self.assertEqual(made.files()["/opt/app/again"].data, b"hello\n")
        self.assertNotIn("/opt/app/hello", made.files())
        config = made.config["config"]
        self.assertEqual(config["Cmd"], ["cat", "/opt/app/again file"])
        self.assertIn("A=1", config["Env"])
        self.assertEqual(config["Labels"]["k"], "v")
        self.assertEqual(config["WorkingDir"], "/opt/app")
        # The container is still there, and goes on.
        self.assertEqual(self.in_container("cat", "again"), "hello\n")
        self.bld("rm", self.container)
        self.bld("check")

    def test_commit_reads_only_what_changed(self):
        self.bld("run", self.container, "--", "sh", "-c", "echo x > /new")
        self.bld("commit", self.container, "made")
        base = self.bld.layout("busybox", self.dir / "base")
        made = self.bld.layout("made", self.dir / "made")
        self.assertEqual(made.config["rootfs"]["diff_ids"][:-1], base.config["rootfs"]["diff_ids"])
        self.assertEqual(made.config["history"][-1]["created_by"], "/bin/sh")
        self.bld("commit", "--squash", self.container, "squashed")
        squashed = self.bld.layout("squashed", self.dir / "squashed")
        self.assertEqual(len(squashed.config["rootfs"]["diff_ids"]), 1)
        self.assertEqual(sorted(squashed.files()), sorted(made.files()))

    def test_commit_of_no_change_adds_no_layer(self):
        self.bld("commit", self.container, "made")
        made = self.bld.layout("made", self.dir / "made")
        self.assertEqual(made.config["rootfs"]["diff_ids"],
                         self.bld.layout("busybox", self.dir / "base").config["rootfs"]["diff_ids"])
        self.assertTrue(made.config["history"][-1]["empty_layer"])

    def test_commit_twice_gives_the_same_image(self):
        self.bld("run", self.container, "--", "touch", "-d", "@1000000000", "/f")
        first = self.bld("commit", "--timestamp", "5", self.container).stdout
        self.assertEqual(self.bld("commit", "--timestamp", "5", self.container).stdout, first)

    def test_commit_with_changes_leaves_the_container(self):
        self.bld("commit", "--change", 'CMD ["a", "b"]', "-c", "ENV X=y Z=w", "-c", "ONBUILD RUN true",
                 self.container, "made")
        config = self.bld.layout("made", self.dir / "made").config["config"]
        self.assertEqual(config["Cmd"], ["a", "b"])
        self.assertIn("Z=w", config["Env"])
        self.assertEqual(config["OnBuild"], ["RUN true"])
        self.assertNotIn("X=y", self.inspect("{{.OCIv1.Config.Env}}"))
        failed = self.bld("commit", "--change", "RUN true", self.container, ok=False)
        self.assertEqual(failed.returncode, 125)
        self.assertIn("only instructions that change the configuration", failed.stderr)

    def test_a_working_directory_that_no_file_makes(self):
        self.bld("commit", "-c", "WORKDIR /not/there", self.container, "made")
        self.bld("build", "-t", "built", self.context("FROM localhost/made\nRUN touch here && pwd > /where\n"))
        files = self.files("built")
        self.assertIn("/not/there/here", files)
        self.assertEqual(files["/where"].data, b"/not/there\n")

    def test_commit_elsewhere_and_removal(self):
        target = self.dir / "layout"
        image = self.bld("commit", "-q", "--rm", "--iidfile", self.dir / "iid", self.container,
                         f"oci:{target}:latest").stdout
        self.assertEqual(image, "")
        self.assertRegex((self.dir / "iid").read_text(), "^sha256:[0-9a-f]{64}$")
        self.assertTrue((target / "index.json").exists())
        self.assertEqual(self.bld("containers", "-q").stdout, "")

    def test_config_sets_and_removes(self):
        self.bld("config", "-l", "-", "-a", "-", "-e", "A=1", "-e", "B=2", "-l", "x=y", "-l", "z", "-p", "80", "-p", "53/udp", "-v", "/data",
                 "-a", "an=1", "--author", "me", "--comment", "why", "--user", "1:2", "--stop-signal", "SIGTERM",
                 "--shell", "/bin/sh -e -c", "--entrypoint", '["/init", "now"]', "--onbuild", "RUN x",
                 "--hostname", "h", "--created-by", "a script", "--history-comment", "said", self.container)
        self.assertEqual(self.inspect("{{.OCIv1.Config}}"),
                         "{1:2 map[53/udp:{} 80:{}] [PATH=/bin A=1 B=2] [/init now] [sh] map[/data:{}]  "
                         "map[x:y z:] SIGTERM false}")
        self.assertEqual(self.inspect("{{.Docker.Config.Hostname}} {{.Docker.Config.Shell}} {{.Docker.Comment}} "
                                      "{{.Docker.Author}} {{.ImageCreatedBy}}"),
                         "h [/bin/sh -e -c] why me a script")
        self.assertEqual(self.inspect("{{.ImageAnnotations}}"), "map[an:1]")
        self.bld("config", "-e", "A-", "-l", "x-", "-p", "80-", "-v", "/data-", "-a", "an-", "--entrypoint", "run it",
                 "--onbuild", "-", self.container)
        self.assertEqual(self.inspect("{{.OCIv1.Config}}"),
                         "{1:2 map[53/udp:{}] [PATH=/bin B=2] [/bin/sh -c run it] [sh] map[]  map[z:] SIGTERM false}")
        self.assertEqual(self.inspect("{{.Docker.Config.OnBuild}} {{len .Docker.Config.OnBuild}}"), "[] 0")
        self.assertIsNone(json.loads(self.bld("inspect", self.container).stdout)["Docker"]["config"]["OnBuild"])
        self.bld("commit", self.container, "made")
        entry = self.bld.layout("made", self.dir / "made").config["history"][-1]
        self.assertEqual((entry["created_by"], entry["comment"]), ("a script", "saidFROM localhost/busybox:latest"))

    def test_config_healthcheck(self):
        self.bld("config", "--healthcheck", "CMD-SHELL curl -f x || exit 1", "--healthcheck-interval", "5s",
                 "--healthcheck-timeout", "1m", "--healthcheck-retries", "3", self.container)
        self.bld("commit", self.container, "made")
        self.assertEqual(self.bld.layout("made", self.dir / "made").config["config"]["Healthcheck"],
                         {"Test": ["CMD-SHELL", "curl -f x || exit 1"], "Interval": 5000000000,
                          "Timeout": 60000000000, "Retries": 3})

    def test_config_refuses_nonsense(self):
        for flags in (("--env", "NOT_SET_ANYWHERE"), ("--healthcheck", "ping"), ("--healthcheck-interval", "soon"),
                      ("--port", "99999"), ("--stop-signal", "SIGNO"), ("--cmd", "a 'b"), ("--onbuild", "FROM x")):
            with self.subTest(flags):
                failed = self.bld("config", "--label", "seen=1", *flags, self.container, ok=False)
                self.assertEqual(failed.returncode, 125)
                self.assertIn(flags[0], failed.stderr)
                self.assertEqual(self.inspect('{{index .OCIv1.Config.Labels "seen"}}'), "", "nothing was changed")

    def test_annotations_are_handed_down(self):
        self.bld("config", "-a", "x=1", "-a", "y=2", "-a", "z=3", self.container)
        self.bld("commit", self.container, "first")
        second = self.bld("from", "first").stdout.strip()
        template = "{{.ImageAnnotations.x}} {{.ImageAnnotations.y}} {{.ImageAnnotations.z}}"
        self.assertEqual(self.bld("inspect", "-f", template, second).stdout, "1 2 3")
        self.bld("config", "-a", "x-", second)
        self.bld("commit", "--unsetannotation", "y", "--annotation", "z=4", second, "second")
        annotations = self.bld.layout("second", self.dir / "second").manifest["annotations"]
        self.assertEqual(annotations["z"], "4")
        self.assertEqual(annotations["org.opencontainers.image.base.name"], "localhost/first:latest")
        self.assertEqual({"x", "y"} & annotations.keys(), set())

    def test_history_of_changes(self):
        (self.dir / "f").write_text("f")
        digest = self.bld("copy", "--add-history", self.container, self.dir / "f", "/f").stdout.strip()
        self.bld("config", "--add-history", "-e", "A=1", self.container)
        self.bld("commit", self.container, "made")
        history = self.bld.layout("made", self.dir / "made").config["history"]
        self.assertEqual([entry["created_by"] for entry in history][-3:],
                         [f"/bin/sh -c #(nop) COPY file:{digest}", "/bin/sh -c #(nop) ENV A=1", "/bin/sh"])

    def test_copy_replaces_and_merges(self):
        tree = self.dir / "tree"
        (tree / "sub").mkdir(parents=True)
        (tree / "sub" / "new").write_text("new")
        (tree / "both").write_text("copied")
        self.bld("run", self.container, "--", "sh", "-c",
                 "mkdir -p /t/sub && echo old > /t/both && echo kept > /t/sub/kept && rm -r /etc/nothing || true")
        self.bld("copy", "--chown", "7:8", "--chmod", "640", self.container, tree, "/t")
        self.assertEqual(self.in_container("cat", "/t/both", "/t/sub/new", "/t/sub/kept"), "copiednewkept\n")
        self.assertEqual(self.in_container("stat", "-c", "%u:%g %a", "/t/both"), "7:8 640\n")

    def test_copy_after_a_removal(self):
        self.bld("run", self.container, "--", "sh", "-c", "rm -r /bin/cp; mkdir /d; touch /d/old")
        self.bld("commit", self.container, "withd")
        container = self.bld("from", "withd").stdout.strip()
        self.bld("run", container, "--", "rm", "-r", "/d")
        (self.dir / "d").mkdir()
        (self.dir / "d" / "new").write_text("")
        self.bld("copy", container, self.dir / "d", "/d")
        self.assertEqual(self.bld("run", container, "--", "ls", "/d").stdout, "new\n")
        self.bld("commit", container, "again")
        files = self.files("again")
        self.assertIn("/d/new", files)
        self.assertNotIn("/d/old", files)

    def test_relative_sources_and_destinations(self):
        work = self.dir / "w[1]"
        (work / "a").mkdir(parents=True)
        (work / "a" / "1.txt").write_text("1")
        (work / "a" / "2.md").write_text("2")
        self.bld("config", "--workingdir", "/work", self.container)
        self.bld("copy", "-q", self.container, "a/*.txt", cwd=work)
        self.bld("copy", "-q", self.container, ".", "sub/", cwd=work)
        self.assertEqual(self.in_container("sh", "-c", "cd /work; find . -type f | sort"),
                         "./1.txt\n./sub/a/1.txt\n./sub/a/2.md\n")
        self.bld("copy", "-q", "--contextdir", work / "a", self.container, "/1.txt", "/../2.md", "/c/")
        self.assertEqual(self.in_container("ls", "/c"), "1.txt\n2.md\n")

    def test_from_another_container_and_image(self):
        self.bld("run", self.container, "--", "sh", "-c", "echo other > /other")
        second = self.bld("from", "scratch").stdout.strip()
        self.bld("copy", "--from", self.container, second, "/other", "/from-container")
        self.bld("copy", "--from", "busybox", second, "/bin/busybox", "/bin/sh")
        self.assertEqual(self.bld("run", second, "--", "/bin/sh", "-c", "cat /from-container").stdout, "other\n")

    def test_add_unpacks(self):
        archive = self.dir / "a.tar"
        with tarfile.open(archive, "w") as tar:
            member = tarfile.TarInfo("deep/file")
            member.size = 2
            tar.addfile(member, io.BytesIO(b"ok"))
        self.bld("add", self.container, archive, "/unpacked/")
        self.bld("copy", self.container, archive, "/packed/")
        self.assertEqual(self.in_container("cat", "/unpacked/deep/file"), "ok")
        self.assertEqual(self.in_container("sh", "-c", "sha256sum /packed/a.tar | cut -d' ' -f1").strip(),
                         hashlib.sha256(archive.read_bytes()).hexdigest())

    def test_rename(self):
        self.bld("rename", self.container, "other")
        self.assertEqual(self.bld("containers", "--format", "{{.ContainerName}}").stdout, "other\n")
        self.assertIn("same name", self.bld("rename", "other", "other", ok=False).stderr)
        taken = self.bld("from", "--name", "taken", "busybox").stdout.strip()
        failed = self.bld("rename", "other", taken, ok=False)
        self.assertEqual(failed.returncode, 125)
        self.assertIn("already in use", failed.stderr)

    def test_mount(self):
        if not is_root():
            failed = self.bld("mount", self.container, ok=False)
            self.assertEqual(failed.returncode, 125)
            self.assertIn("bld unshare", failed.stderr)
        self.bld("config", "--workingdir", "/", self.container)
        bld = " ".join(self.bld.command())
        script = f"""set -e
            path=$({bld} mount {self.container})
            test "$({bld} mount)" = "{self.container} $path"
            test "$({bld} mount {self.container})" = "$path"
            echo from outside > $path/new
            {bld} run {self.container} -- sh -c 'cat /new; echo from inside > /other'
            cat $path/other
            {bld} copy -q {self.container} $path/other /third
            cat $path/third
            {bld} umount {self.container}
            {bld} umount {self.container}
            {bld} mount
            test ! -e $path/new
            {bld} run {self.container} -- cat /third
            {bld} mount {self.container} > /dev/null
            {bld} commit -q {self.container} made
            {bld} rm {self.container}
        """
        done = self.bld("unshare", "sh", "-c", script)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:3], ["from outside", "from inside", "from inside"])
        self.assertEqual(lines[4:5], ["from inside"])
        self.assertEqual(lines[6], lines[3], "the ID, by umount and by rm")
        self.assertEqual(self.files()["/new"].data, b"from outside\n")
        self.assertEqual(self.bld("containers", "-q").stdout, "")
        self.bld("check")

    def test_a_root_filesystem_made_from_outside(self):
        bld = " ".join(self.bld.command())
        self.bld("unshare", "sh", "-c", f"""set -e
            c=$({bld} from scratch)
            path=$({bld} mount $c)
            mkdir -p $path/etc
            echo made > $path/etc/issue
            chown 7:8 $path/etc/issue
            {bld} umount $c > /dev/null
            {bld} config --cmd '["/x"]' $c
            {bld} commit -q $c made
        """)
        entry = self.files()["/etc/issue"]
        self.assertEqual((entry.data, entry.uid, entry.gid), (b"made\n", 7, 8))

    def test_clear_errors(self):
        for words, message in ((("copy", "nosuch", "a", "b"), "nosuch: container not known"),
                               (("copy", self.container), "src must be specified"),
                               (("copy", self.container, "nosuchfile", "/"), "nosuchfile"),
                               (("commit", "nosuch"), "nosuch: container not known"),
                               (("commit", self.container, "UPPER"), "lowercase"),
                               (("config", self.container, "--env", "a=b"), "no options"),
                               (("config",), "container ID must be specified")):
            with self.subTest(words):
                failed = self.bld(*words, ok=False)
                self.assertEqual(failed.returncode, 125)
                self.assertIn(message, failed.stderr)


class SameAsBuildah(CliTest):
    """One script by both: the same files, the same configuration."""

    def test_script(self):
        need("buildah")
        if is_root():
            self.skipTest("once is enough")
        (self.dir / "src").mkdir()
        (self.dir / "src" / "f").write_text("text")
        self.bld.import_busybox()
        archive = self.dir / "busybox.tar"
        self.bld("push", "busybox", f"oci-archive:{archive}:localhost/busybox:latest")
        results = []
        for tool in (self.bld, Buildah(self.dir / "buildah")):
            if tool is not self.bld:
                tool("pull", "-q", f"oci-archive:{archive}")
            c = tool("from", "localhost/busybox").stdout.strip()
            tool("copy", c, self.dir / "src", "/src")
            tool("run", c, "--", "sh", "-c", "cp /src/f /src/g && rm /src/f && ln -s g /src/l")
            tool("config", "--env", "A=1", "--cmd", "sh -c 'echo hi'", "--entrypoint", "/x y", "--label", "l=1",
                 "--port", "80/tcp", "--volume", "/v", "--user", "5", "--workingdir", "/src", "--author", "me", c)
            tool("commit", "-q", c, "made")
            made = tool.layout("made", self.dir / f"layout-{len(results)}")
            config = made.config["config"]
            config["Labels"] = {k: v for k, v in config["Labels"].items() if not k.startswith("io.")}
            files = {path: f for path, f in oci_layout.comparable(made.files()).items()}
            results.append((c, config, made.config["author"], files))
            tool("rm", c)
        self.assertEqual(*results)


if __name__ == "__main__":
    main()
