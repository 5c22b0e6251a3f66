"""Shell scripts as people write them for buildah, by Debian's buildah and by bld, as an ordinary user: the same output, exit
status, files, configuration and history. BLD_TEST_MMDEBSTRAP=1 fills a root file system with a Debian, too (a minute)."""

import os
import re

import oci_layout
from support import Buildah, CliTest, Registry, is_root, main, need, run

FROM_SCRATCH = """
    container=$($B from scratch)
    echo "working on $container"
    $B inspect --format '{{.OCIv1.Config.Env}}' $container
    $B unshare -- sh -c '
        root=$($0 $1 $2 $3 $4 $5 $6 mount '$container')
        mkdir -p $root/bin $root/etc $root/tmp
        cp '$BUSYBOX' $root/bin/busybox
        ln -s busybox $root/bin/sh
        echo "root:x:0:0:root:/:/bin/sh" > $root/etc/passwd
        chmod 1777 $root/tmp
        chown 7:8 $root/etc/passwd
        $0 $1 $2 $3 $4 $5 $6 umount '$container' > /dev/null' $B
    $B run $container -- sh -c 'busybox id -u; busybox ls -ln /etc/passwd | busybox cut -c1-30'
    $B config --cmd '["/bin/sh"]' --env PATH=/bin --label made=by-hand --author me $container
    $B commit -q $container result
    $B rm $container
    """

DEBIAN = """
    container=$($B from scratch)
    $B unshare -- sh -c '
        root=$($0 $1 $2 $3 $4 $5 $6 mount '$container')
        tar -C $root --exclude=./dev -xf '$ROOTFS'
        $0 $1 $2 $3 $4 $5 $6 umount '$container' > /dev/null' $B
    $B run $container -- sh -c 'cat /etc/debian_version; dpkg --print-architecture; touch /made'
    $B config --cmd bash $container
    $B commit -q $container result
    $B rm $container
    """

WEB_SERVER = """
    mkdir -p www
    echo '<h1>it works</h1>' > www/index.html
    web=$($B from -q localhost/busybox)
    echo $web
    $B copy $web www /srv/www
    $B run $web -- sh -c 'echo web:x:101:101::/srv:/bin/sh >> /etc/passwd'
    $B config --user web --workingdir /srv/www --port 8080/tcp --volume /srv/www \\
        --entrypoint '["httpd", "-f"]' --cmd '-p 8080 -h /srv/www' --stop-signal SIGTERM \\
        --env SITE=example --label org.example.role=web --annotation kind=server $web
    $B run --user 0 $web -- sh -c "httpd -f -p 127.0.0.1:$PORT -h /srv/www &
        until wget -qO- http://127.0.0.1:$PORT/; do usleep 10000; done; kill \\$!"
    $B run $web -- sh -c 'id -un; pwd; echo $SITE; cat index.html'
    $B run $web -- sh -c 'exit 3' || echo "status $?"
    $B commit -q $web result
    $B inspect --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}' result
    $B rm $web
    $B run $web -- true || echo "status $?"
    """

PIPELINE = """
    mkdir -p src
    echo 'echo "built $1"' > src/app.sh
    echo secret > src/.hidden
    builder=$($B from --name builder -q localhost/busybox)
    $B copy -q $builder src /src
    $B config --workingdir /src $builder
    $B run $builder -- sh -c 'mkdir /out && sed s/built/made/ app.sh > /out/app && chmod 755 /out/app && ln -s app /out/link'
    final=$($B from --name final -q localhost/busybox)
    $B copy --from $builder $final /out /opt
    $B copy --chown 3:4 --chmod 640 $final src/app.sh /etc/app.conf
    $B add -q $final src/app.sh /opt/more/
    $B run -e WHO=you $final -- sh -c 'sh /opt/app $WHO; rm /root/x 2>/dev/null; ls -A /opt; stat -c "%a %u:%g" /etc/app.conf'
    $B rename $final renamed
    $B containers --format '{{.ContainerName}}'
    $B config --add-history --env DONE=1 --label l=1 renamed
    $B commit -q --rm renamed result
    $B containers -n --format '{{.ContainerName}}'
    $B rm builder
    """

REGISTRY = """
    c=$($B from -q localhost/busybox)
    $B run $c -- sh -c 'echo one > /one'
    $B config --label step=1 $c
    $B commit -q --tls-verify=false $c docker://$REGISTRY/team/$WHO:1 > /dev/null
    $B commit -q $c pushed
    $B push -q --tls-verify=false pushed docker://$REGISTRY/team/$WHO:2
    $B tag pushed $REGISTRY/team/$WHO:3
    $B push -q --tls-verify=false $REGISTRY/team/$WHO:3
    $B rmi pushed | sed 's/[0-9a-f]\\{64\\}/ID/'
    $B rmi $REGISTRY/team/$WHO:3 | grep -c untagged
    $B pull -q --tls-verify=false $REGISTRY/team/$WHO:2
    next=$($B from -q --name next --tls-verify=false $REGISTRY/team/$WHO:2)
    $B run $next -- sh -c 'cat /one; echo two > /two'
    $B commit -q $next result
    $B pull -q --tls-verify=false --retry 0 --retry-delay 1ms $REGISTRY/team/$WHO:9 2>/dev/null || echo "status $?"
    $B rm -a | wc -l
    """


class Scripts(CliTest):
    def setUp(self):
        super().setUp()
        need("buildah", "busybox")
        if is_root():
            self.skipTest("once is enough")
        self.bld.import_busybox()
        archive = self.dir / "busybox.tar"
        self.bld("push", "busybox", f"oci-archive:{archive}:localhost/busybox:latest")
        self.buildah = Buildah(self.dir / "buildah")
        self.buildah("rm", "-a")
        self.buildah("pull", "-q", f"oci-archive:{archive}")

    def by_both(self, script, **variables):
        seen = []
        for name, tool in (("bld", self.bld), ("buildah", self.buildah)):
            place = self.dir / f"work-{name}"
            place.mkdir()
            env = {**self.buildah.env(), "B": " ".join(tool.command()), "BUSYBOX": "/bin/busybox", "WHO": name, **variables}
            done = run(["sh", "-e", "-c", script], cwd=place, env=env, ok=False)
            self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}\n{done.stdout}")
            image = tool.layout("result", self.dir / f"image-{name}")
            text = re.sub(r"\b[0-9a-f]{64}\b", "ID", done.stdout)
            seen.append((text, self.facts(image), oci_layout.comparable(image.files())))
        (ours, our_facts, our_files), (theirs, their_facts, their_files) = seen
        self.assertEqual(ours, theirs)
        self.assertEqual(our_facts, their_facts)
        self.assertEqual({p: f for p, f in our_files.items() if their_files.get(p) != f},
                         {p: f for p, f in their_files.items() if our_files.get(p) != f})
        return ours

    def facts(self, image):
        config = dict(image.config.get("config") or {})
        config["Labels"] = {k: v for k, v in (config.get("Labels") or {}).items() if not k.startswith("io.")}
        history = [(entry.get("created_by"), re.sub(r"/(bld|buildah):", "/WHO:", entry.get("comment", "")), bool(entry.get("empty_layer"))) for entry in image.config["history"]]
        annotations = {k: v for k, v in (image.manifest.get("annotations") or {}).items()
                       if not k.startswith("org.opencontainers.image.")}
        return ({k: v for k, v in config.items() if v}, image.config.get("author"), history, annotations,
                len(image.config["rootfs"]["diff_ids"]))

    def test_from_scratch_with_a_mounted_root(self):
        self.assertIn("0\n-rw", self.by_both(FROM_SCRATCH))

    def test_a_web_server(self):
        from support import free_port
        self.assertIn("it works", self.by_both(WEB_SERVER, PORT=str(free_port())))

    def test_a_pipeline_of_containers(self):
        self.assertIn("made you", self.by_both(PIPELINE))

    def test_commit_and_push_to_a_registry(self):
        with Registry(self.dir / "registry") as registry:
            self.assertIn("status 125", self.by_both(REGISTRY, REGISTRY=registry.name))

    def test_a_debian(self):
        if not os.environ.get("BLD_TEST_MMDEBSTRAP"):
            self.skipTest("BLD_TEST_MMDEBSTRAP is not set")
        from support import debian_rootfs
        self.by_both(DEBIAN, ROOTFS=str(debian_rootfs()))


if __name__ == "__main__":
    main()
