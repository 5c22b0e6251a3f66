"""Each command and flag that both bld and Debian's buildah have, by both, in the same order: the same standard output,
exit status, and kind of standard error. What differs on purpose is in docs/buildah.md."""

import json
import re

from support import Buildah, CliTest, is_root, main, need

LISTINGS = ("containers", "ls", "ps", "list", "images")


def in_order(text):
    """What was made within one second may be listed in any order."""
    if not text.startswith("["):
        return "\n".join(sorted(text.splitlines()))
    return json.dumps(sorted(json.loads(text), key=json.dumps), indent=4)


class Pair:
    """What both tools say to one command line, in words that do not depend on the tool."""

    def __init__(self, tool, name):
        self.tool, self.name = tool, name

    def normal(self, text):
        text = re.sub(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b", lambda match: f"ID{len(match.group(0))}", text)
        text = re.sub(r"\b20\d\d-\d\d-\d\d[T ][0-9:.]+( ?[-+]\d{4} UTC|Z)?", "TIME", text)
        text = re.sub(r"Less than a second ago|About a minute ago|\d+ (second|minute)s? ago", "AGO", text)
        text = re.sub(r'("created": )1\d{9}\b', r'\1"SECONDS"', text)
        return re.sub(r" +\n", "\n", text)

    def __call__(self, *words, **options):
        done = self.tool(*words, ok=False, **options)
        text = self.normal(done.stdout)
        if words[0] in LISTINGS:
            text = in_order(text)
        return done.returncode, text, kind(done.stderr), done


def kind(text):
    """An error or none; progress and the words are another matter."""
    return "error" if re.search(r"^Error:|level=(error|fatal)", text, re.M) else ""


class SameAsBuildah(CliTest):
    def setUp(self):
        super().setUp()
        need("buildah")
        if is_root():
            self.skipTest("once is enough")
        self.bld.import_busybox()
        archive = self.dir / "busybox.tar"
        self.bld("push", "busybox", f"oci-archive:{archive}:localhost/busybox:latest")
        buildah = Buildah(self.dir / "buildah")
        buildah("pull", "-q", f"oci-archive:{archive}")
        buildah("rm", "-a")
        self.pair = (Pair(self.bld, "bld"), Pair(buildah, "buildah"))
        (self.dir / "src" / "sub").mkdir(parents=True)
        (self.dir / "src" / "f").write_text("text\n")
        (self.dir / "src" / "sub" / "g").write_text("more\n")

    def both(self, *lines, stderr=True):
        """Each line is words, split at blanks where it is a text."""
        for line in lines:
            words = line.split() if isinstance(line, str) else [str(word) for word in line]
            with self.subTest(" ".join(words)):
                ours, theirs = (tool(*words, cwd=self.dir / "src") for tool in self.pair)
                self.assertEqual((ours[0], ours[1]), (theirs[0], theirs[1]),
                                 f"\nbld: {ours[3].stderr}\nbuildah: {theirs[3].stderr}")
                if stderr:
                    self.assertEqual(ours[2], theirs[2], f"\nbld: {ours[3].stderr}\nbuildah: {theirs[3].stderr}")

    def test_from_containers_rm(self):
        self.both("containers", "containers --json", "containers -q", "from -q localhost/busybox", "from -q busybox",
                  "from scratch", "from --name mine -q busybox", "from --name mine -q busybox", "containers",
                  "containers -n", "containers -q", "containers --notruncate", "containers --json",
                  "ls", "ps -a", "list -a", "containers --filter name=mine", "containers -f ancestor=busybox -q",
                  ("containers", "--format", "{{.ContainerName}}={{.ImageName}}={{.Builder}}"),
                  ("containers", "--format", "{{.ContainerID}}:{{.ImageID}}"),
                  "containers --filter nosuch=x", "containers -q --json", "containers extra",
                  "from --pull=never -q localhost/nosuch", "from", "from a b",
                  "from -q --authfile /nosuch/auth.json busybox", "commit -q --authfile /nosuch/auth.json mine x", "from -q UPPER/case",
                  "from --cidfile /nosuch/dir/file -q busybox", "rm mine", "rm mine", "rm", "rm -a x", "rm nosuch",
                  "rm -a", "rm -a", "containers", "delete nosuch")
        # Names of containers come from those of the image, however it is meant.
        busybox = self.pair[0].tool("images", "-q", "--no-trunc", "busybox").stdout.strip().removeprefix("sha256:")
        for tool in self.pair:
            tool("from", "-q", "--name", "c", "busybox")
            tool("config", "--label", f"of={tool.name}", "c")
            tool("commit", "-q", "c", "lab/other:1")
        self.both(f"from -q {busybox}", f"from -q {busybox[:10]}", f"from -q sha256:{busybox}", "from -q localhost/lab/other:1",
                  "rename c busybox-working-container", "rename c c", "rename c", "rename nosuch x", "containers")
        taken = [tool.tool("rename", "c", "busybox-working-container", ok=False).stderr for tool in self.pair]
        self.assertEqual(*[re.sub("[0-9a-f]{64}", "ID", text) for text in taken])

    def test_run(self):
        self.both("from -q busybox", "run busybox-working-container echo hi", "run busybox-working-container -- echo hi",
                  "run busybox-working-container", "run busybox-working-container --", "run nosuch true", "run",
                  "run busybox-working-container -- sh -c exit\\ 9", ("run", "busybox-working-container", "--", "sh", "-c", "exit 9"),
                  "run --user 5:6 busybox-working-container id -u", "run --user nobody busybox-working-container id -un",
                  "run --workingdir /tmp busybox-working-container pwd", "run -e A=1 -e B=2 busybox-working-container sh -c env\\ x",
                  ("run", "-e", "A=1", "busybox-working-container", "sh", "-c", "echo $A"),
                  ("run", "--env", "A=1", "busybox-working-container", "--", "sh", "-c", "echo out; echo err >&2"),
                  ("run", "-v", f"{self.dir}/src:/src:ro", "busybox-working-container", "--", "cat", "/src/f"),
                  ("run", "--mount", f"type=bind,src={self.dir}/src,dst=/src", "busybox-working-container", "cat", "/src/f"),
                  ("run", "--mount", "type=tmpfs,dst=/t", "busybox-working-container", "touch", "/t/x"),
                  "run --cap-drop ALL busybox-working-container grep CapEff /proc/self/status",
                  "run --network host busybox-working-container true", "run --isolation chroot busybox-working-container true",
                  "run --nosuch busybox-working-container true", 
                  "run --workingdir", "run -v relative:/x busybox-working-container true",
                  "run --user nosuchuser busybox-working-container true", "run --isolation nosuch busybox-working-container true")

    def test_copy_and_add(self):
        self.both("from -q busybox", "copy busybox-working-container f /f", "copy -q busybox-working-container f /f2",
                  "copy busybox-working-container . /all", "copy busybox-working-container f sub /many/",
                  "copy --chown 5:6 busybox-working-container f /owned", "copy --chmod 600 busybox-working-container f /moded",
                  ("run", "busybox-working-container", "--", "stat", "-c", "%n %u:%g %a", "/f", "/owned", "/moded", "/many/g", "/all/sub/g"),
                  "copy busybox-working-container nosuch /x", "copy busybox-working-container", "copy", "copy nosuch f /x",
                  "copy --ignorefile x busybox-working-container f /x", "copy --contextdir /nosuch busybox-working-container f /x",
                  "copy --from busybox busybox-working-container /etc/passwd /passwd", "copy --from nosuchimage:1 --retry 0 busybox-working-container /a /b",
                  "copy --chmod nonsense busybox-working-container f /x", "copy --chown nosuchuser busybox-working-container f /x",
                  "add busybox-working-container f /added", "add -q busybox-working-container f /added2", "add busybox-working-container",
                  "add busybox-working-container nosuch /x", "copy busybox-working-container f", "run busybox-working-container cat /f f")

    # What is given of several sources, of patterns, and of a context with an ignore file.
    def test_copy_of_several(self):
        context = self.dir / "src" / "context"
        (context / "d").mkdir(parents=True)
        for name in ("a", "b", "d/c"):
            (context / name).write_text(name)
        (context / ".containerignore").write_text("b\n")
        self.both("from -q --name c busybox", "copy -q c f sub /several", "copy -q c context/? /pattern", "copy -q c nothing* /x",
                  "copy c f nothing /x", "run c touch /file", "copy c f sub /file", "copy c f /x --quiet", "add c f /x --quiet",
                  ("copy", "-q", "--contextdir", context, "c", "/", "/whole"), ("copy", "-q", "--contextdir", context, "c", "/b", "/x"),
                  ("copy", "-q", "--contextdir", context, "c", context / "d", "/inside"), "copy --ignorefile f c f /x",
                  "run c -- find /several /whole /inside", "copy -q --add-history c f sub /h/",
                  "copy -q --add-history c sub /h/", "add -q --add-history c f /h/", "commit -q c made",
                  ("inspect", "-f", "{{range .OCIv1.History}}{{.CreatedBy}};{{end}}", "made"))

    FACTS = ("{{.OCIv1.Config.User}}|{{.OCIv1.Config.Env}}|{{.OCIv1.Config.Entrypoint}}|{{.OCIv1.Config.Cmd}}|"
             "{{.OCIv1.Config.Volumes}}|{{.OCIv1.Config.WorkingDir}}|{{.OCIv1.Config.Labels}}|"
             "{{.OCIv1.Config.StopSignal}}|{{.OCIv1.Config.ExposedPorts}}|{{.OCIv1.Author}}|{{.OCIv1.Architecture}}|"
             "{{.OCIv1.OS}}|{{.Docker.Config.Shell}}|{{.Docker.Config.OnBuild}}|{{.Docker.Config.Hostname}}|"
             "{{.Docker.Config.Domainname}}|{{.Docker.Comment}}|{{.ImageCreatedBy}}|{{range $k, $v := .ImageAnnotations}}{{$k}}={{$v}};{{end}}|"
             "{{with .Docker.Config.Healthcheck}}{{.Test}} {{.Retries}} {{printf `%d %d %d` .Interval .Timeout .StartPeriod}}{{end}}")

    # After each change, all that it could have changed is the same by both.
    def test_config(self):
        for tool in self.pair:
            tool("from", "-q", "--name", "c", "--format", "docker", "busybox")
            # What the base image says of its builder is not the point.
            tool("config", "--label", "-", "--hostname", "first", "c")
        changes = [("--author", "me"), ("--comment", "why"), ("--created-by", "x y"), ("--history-comment", "z"),
                   ("--hostname", "h"), ("--domainname", "d"), ("--user", "5:6"), ("-u", "nobody"), ("--workingdir", "/w"),
                   ("--stop-signal", "SIGTERM"), ("--stop-signal", "9"), ("--shell", "/bin/sh -e -c"), ("--cmd", "a b 'c d'"),
                   ("--cmd", '["a", "b c"]'), ("--entrypoint", "run it"), ("--entrypoint", '["/x", "y z"]'), ("--entrypoint", ""),
                   ("--env", "A=1"), ("-e", "B=2 3"), ("-e", "A-"), ("--label", "l=1"), ("-l", "m"), ("-l", "l-"), ("-l", "n=a=b"),
                   ("--annotation", "a=1"), ("-a", "b=2"), ("-a", "a-"), ("--port", "80"), ("-p", "53/udp"), ("-p", "80-"),
                   ("--volume", "/v"), ("-v", "/v2"), ("-v", "/v-"), ("--onbuild", "RUN x"), ("--onbuild", "COPY a b"),
                   ("--os", "linux"), ("--arch", "arm64"), ("--variant", "v8"), ("--os-version", "1.2"),
                   ("--healthcheck", "CMD curl x"), ("--healthcheck", "CMD-SHELL curl x"),
                   ("--healthcheck", "NONE"), ("--env", "A=1", "--env", "A=2"),
                   ("--env", "B=$A:${A}$", "--env", "C=$B"), ("--port", "81,82/udp"), ("--volume", "/v3,/v4"),
                   ("--healthcheck", "CMD-SHELL curl x", "--healthcheck-interval", "5s"), ("--healthcheck", ""), ("--cmd", ""), ("--env", "-"), ("--label", "-")]
        for change in changes:
            self.both(("config", *change, "c"), ("inspect", "--format", self.FACTS, "c"))
        self.both("config", "config nosuch", "config --nosuch x c", "config c --env A=1", "config --env c", "config --healthcheck-interval soon c",
                  "config --cmd x c c")

    # What only Docker's format has, and the history that changes of the configuration leave.
    def test_config_history_and_formats(self):
        history = ("inspect", "-f", "{{range .OCIv1.History}}{{.CreatedBy}}|{{.Comment}}|{{.EmptyLayer}};{{end}}", "made")
        dockers = ("{{.Docker.Config.Hostname}}|{{.Docker.Config.Domainname}}|{{.Docker.Comment}}|"
                   "{{if .Docker.Parent}}parent{{end}}|{{.OCIv1.Author}}")
        self.both("from -q --name c busybox", "run c touch /x",
                  ("config", "--add-history", "--label", "a=1", "--label", "b=x y", "--env", "A=1", "-e", "B=2", "-p", "80",
                   "-p", "81,82", "--volume", "/v,/w", "--cmd", '["a", "b"]', "--entrypoint", "x y", "--workingdir", "/w",
                   "--user", "5", "--stop-signal", "9", "--onbuild", "RUN x", "--onbuild", "RUN y",
                   "--healthcheck", "CMD a b", "--healthcheck-timeout", "3s", "--author", "me", "c"),
                  "commit -q c made", history, "config --shell /bin/sh\ -e --history-comment said --created-by who c",
                  "commit -q c made", history, "commit -q --squash c made", history,
                  "config --hostname h --domainname d --comment why c", "commit -q --format oci c made",
                  ("inspect", "-f", dockers, "made"), ("inspect", "-f", dockers, "c"), "commit -q -f docker c made",
                  ("inspect", "-f", dockers, "made"))
        warning = self.bld("config", "--comment", "why", "c").stderr
        self.assertIn("COMMENT is not supported for OCI image format, comment why will be ignored. Must use `docker` format",
                      warning)
        self.bld("from", "--format", "docker", "--name", "d", "busybox")
        self.assertEqual(self.bld("config", "--comment", "why", "d").stderr, "")

    def test_inspect_templates(self):
        for tool in self.pair:
            tool("from", "-q", "--name", "c", "--format", "docker", "--ipc", "host", "--net", "none", "busybox")
            tool("config", "--label", "-", "--label", "a=1", "--label", "b=x y", "--healthcheck", "CMD-SHELL true",
                 "--env", "A=1", "--port", "80", "--volume", "/v", "--annotation", "k=v", "--cmd", '["a","b c"]', "c")
        fields = ("{{.OCIv1}}", "{{.Docker.Config.Healthcheck.Interval}} {{.Docker.Config.StopTimeout}}",
                  "{{.Docker.History}} {{.Docker.RootFS}} {{.Docker.Created}} {{.Docker.Size}} {{.Docker.OSFeatures}}",
                  "{{.ConfigureNetwork}} {{.IDMappingOptions}} {{.Devices}}|{{.MountPoint}}|{{.ProcessLabel}}|{{.CNIConfigDir}}",
                  "{{range .NamespaceOptions}}{{if ne .Name `cgroup`}}{{.}}{{end}}{{end}}", "{{.ImageAnnotations.k}}",
                  "{{range $i, $e := .OCIv1.Config.Env}}{{if $i}},{{end}}{{$e}}{{end}}",
                  "{{range $k, $v := .Docker.Config.Labels}}{{printf `%q=%s;` $k $v}}{{end}}",
                  '{{printf "%q %+v %#v %T" .OCIv1.Config.Labels .OCIv1.RootFS .OCIv1.Config.Env .Docker.Config.Healthcheck}}',
                  '{{printf "%5s|%-5s|%05d|%x|%t|%c|%.2f|%d|%s" "a" "b" 42 255 true 65 1.5 "x" 5}}',
                  '{{html "<a>"}} {{urlquery "a b"}} {{print 1 2 "a" 3}} {{slice .FromImageID 0 4 | len}}',
                  '{{define "T"}}[{{.}}]{{end}}{{template "T" .Type}}{{block "B" .Type}}<{{.}}>{{end}}',
                  "{{range .OCIv1.Config.Env}}{{.}}{{break}}{{end}}{{with $x := .Type}}{{$x}}{{end}}{{/* no */}}",
                  "{{index .OCIv1.Config.Labels `nosuch`}}|{{.OCIv1.Config.Labels.nosuch}}|{{.OCIv1.Config.Volumes}}\\n")
        self.both(("inspect", "--format", "\n".join(fields), "c"))
        for template in ("{{.Nosuch}}", "{{.OCIv1.Config.Env.X}}", "{{index .OCIv1.Config.Env 9}}", "{{nosuch .}}", "{{range}}",
                         "{{if .Type}}x", "{{end}}", "plain", "{{"):
            with self.subTest(template):
                errors = [tool.tool("inspect", "--format", template, "c", ok=False).stderr for tool in self.pair]
                self.assertEqual(*errors)

    def test_commit_images_inspect(self):
        self.both("from -q --name c busybox", "run c touch /x", "commit c made", "config --label v=2 c", "commit -q c made:2",
                  "config --label v=3 c", "commit -q --squash c other/made", "commit c UPPER", "commit nosuch x", "commit",
                  "commit -q --format docker c other/docker", "commit --format nosuch c x", "config --label v=4 c",
                  "commit -q --rm c removed", "containers -q",
                  ("inspect", "-f", "{{.Type}} {{.FromImage}} {{len .OCIv1.RootFS.DiffIDs}} {{.OCIv1.Config.Cmd}}", "made"),
                  ("inspect", "-f", "{{range .OCIv1.History}}{{.CreatedBy}}={{.EmptyLayer}};{{end}}", "made"),
                  "inspect nosuch", "inspect", "inspect -f {{.Nosuch}} made", "inspect -f {{ made", "inspect --type container made",
                  "inspect --type nosuch made", "inspect --type image -f {{.FromImage}} made",
                  "images --format {{.Name}}:{{.Tag}}", "images nosuch", "images -q nosuch", "images -q made", "images -q --no-trunc made",
                  "images --format {{.Name}}={{.Tag}}={{.ReadOnly}} made", "images --filter nosuch=x", "images -n -f dangling=true",
                  "images --json made", "images a b", "images --json -q made", "images -q --format x",
                  "tag made tagged tagged:2 example.com/x/y:z", "tag made", "tag nosuch x", "tag made UPPER",
                  "rmi tagged:2", "rmi nosuch", "rmi", "rmi -a x", "rmi -a -p", "rmi -p", "rmi example.com/x/y:z tagged",
                  "images --format {{.Name}}:{{.Tag}} made", "rename a b", "rename a", "push", "push nosuch", "pull", "pull a b",
                  "from -q --name c2 made", "rename c2 c3", "rename c3 c3", "containers --format {{.ContainerName}}", "rm c3")

    def test_push_pull(self):
        at = self.dir / "out"
        at.mkdir()
        for tool in self.pair:
            (at / tool.name).mkdir()
        self.both("push -q busybox nosuchtransport:x", "push busybox docker://127.0.0.1:1/x --retry 0 -q",
                  "pull -q --policy=never localhost/nosuch", "pull -q --policy nonsense busybox", "pull -q oci:/nosuch:x")
        seen = []
        for tool in self.pair:
            place = at / tool.name
            results = [tool("push", "-q", "--digestfile", place / "digest", "busybox", f"oci:{place}/oci:x")[:3],
                       tool("push", "-q", "busybox", f"dir:{place}/dir")[:3],
                       tool("push", "-q", "busybox", f"docker-archive:{place}/tar:busybox:1")[:3],
                       tool("push", "-q", "--format", "v2s2", "busybox", f"dir:{place}/v2s2")[:3],
                       tool("pull", "-q", f"oci:{place}/oci:x")[:3],
                       tool("from", "-q", "--name", "from-oci", f"oci:{place}/oci:x")[:3]]
            results.append(sorted(path.name for path in place.iterdir()))
            manifest = json.loads((place / "v2s2" / "manifest.json").read_text())
            results.append((manifest["mediaType"], manifest["config"]["mediaType"], manifest["layers"][0]["mediaType"]))
            seen.append(results)
        self.assertEqual(*seen)

    def test_names_of_what_comes_from_files(self):
        at = self.dir / "files"
        at.mkdir()
        places = [f"oci:{at}/layout:tag", f"oci-archive:{at}/named.tar:app:2", f"oci-archive:{at}/short.tar:2",
                  f"oci-archive:{at}/plain.tar", f"docker-archive:{at}/docker.tar:app/x:1", f"docker-archive:{at}/none.tar"]
        for place in places:
            self.bld("push", "-q", "busybox", place)
        self.both("rmi -a")
        for place in places + [f"docker-archive:{at}/docker.tar:@0", f"oci-archive:{at}/named.tar", f"docker-archive:{at}/docker.tar"]:
            self.both(("pull", "-q", place), ("images", "-n", "--format", "{{.Name}}:{{.Tag}}"), ("from", "-q", place), "rm -a", "rmi -a")

    def test_mount_and_others(self):
        self.both("from -q --name c busybox", "mount nosuch", "umount nosuch", "umount", "version extra", "info extra",
                  "unshare true", "unshare false", ("unshare", "sh", "-c", "echo hi; exit 7"), 
                  "login", "logout", "logout localhost:1", "login --get-login localhost:1", "nosuchcommand", "--nosuch", "images --nosuch",
                  "manifest exists nosuch", "manifest inspect", "manifest create", "manifest add", "manifest rm nosuch", "manifest rm",
                  "manifest remove x", "manifest push", "manifest annotate x", "manifest create l busybox", "manifest exists l",
                  "manifest create l", "manifest add l busybox", "manifest rm l", "manifest exists l")


if __name__ == "__main__":
    main()
