"""The same Containerfile by bld and by Debian's buildah: the same files and the same config.

Left out is where bld follows BuildKit instead: folders that WORKDIR or an octal --chmod makes, a link as the
destination of a COPY."""

import oci_layout
from support import Buildah, CliTest, need, main

# Written by apt, dpkg and ldconfig with the time or a random number in it, in any builder.
VOLATILE = ("/var/log", "/var/cache/ldconfig", "/var/cache/apt", "/var/lib/apt/lists",
            "/var/lib/systemd", "/etc/machine-id", "/etc/ssl/private", "/etc/ld.so.cache")


class SameAsBuildah(CliTest):
    def setUp(self):
        super().setUp()
        need("buildah")
        self.buildah = Buildah(self.dir / "buildah")
        self.images = 0

    def both(self, context, name, *args, ignore=()):
        self.bld.build(context, "-t", name, *args, timeout=900)
        self.buildah("bud", "--layers", "-t", name, *args, context, timeout=900)
        self.images += 1
        ours = self.bld.layout(name, self.dir / f"ours-{self.images}")
        theirs = self.buildah.layout(name, self.dir / f"theirs-{self.images}")
        self.assert_same_files(ours.files(), theirs.files(), ignore)
        self.assertEqual(self.config_of(ours), self.config_of(theirs))
        return ours

    def assert_same_files(self, ours, theirs, ignore):
        ours, theirs = oci_layout.comparable(ours, ignore), oci_layout.comparable(theirs, ignore)
        self.assertEqual({p: f for p, f in ours.items() if theirs.get(p) != f},
                         {p: f for p, f in theirs.items() if ours.get(p) != f})

    def config_of(self, image):
        config = dict(image.config.get("config") or {})
        labels = {k: v for k, v in (config.get("Labels") or {}).items()
                  if not k.startswith(("io.bld.", "io.buildah."))}
        config["Labels"] = labels
        facts = {k: v for k, v in config.items() if v and (k, v) != ("WorkingDir", "/")}
        if "Env" in facts:
            facts["Env"] = sorted(facts["Env"])
        return facts, image.config["architecture"], image.config["os"]

    def hello(self):
        return self.both(self.example("hello"), "localhost/hello:latest")

    def test_hello(self):
        self.hello()

    def test_copy(self):
        self.hello()
        self.both(self.example("copy"), "copy")

    def test_config_instructions(self):
        self.hello()
        self.both(self.context(
            'FROM localhost/hello\nRUN mkdir -p /w/sub /data\n'
            'ARG X=1\nENV A=$X B="two words" C=${A:-none}\n'
            'LABEL one=1 two="2 \\"q\\""\nEXPOSE 80 53/udp\n'
            'WORKDIR /w\nWORKDIR sub\nUSER 12:34\nSTOPSIGNAL SIGINT\nVOLUME /data\n'
            'ENTRYPOINT ["/bin/sh", "-c"]\nCMD echo $A\n'), "config")

    def test_owners_modes_links_and_deletions(self):
        self.hello()
        self.both(self.context(
            "FROM localhost/hello\n"
            "RUN mkdir -p /d/e /gone && echo 1 > /d/e/f && ln /d/e/f /d/hard && ln -s e /d/soft && touch /gone/x\n"
            "RUN chmod 4755 /d/e/f && chown 7:8 /d/e && chmod 1777 /d && mkfifo -m 600 /d/pipe\n"
            "RUN rm -rf /gone && rm /d/soft && mkdir /d/soft && touch /d/soft/now-a-directory\n"
            "COPY --chown=5:6 tree /tree/\n"
            "RUN rm -rf /tree/sub && mkdir /tree/sub && echo new > /tree/sub/only\n",
            {"tree/a": "a", "tree/sub/b": "b", "tree/sub/deep/c": "c"}), "odd")

    def test_debian_nginx_and_multi_stage(self):
        self.both(self.example("debian"), "localhost/debian:bookworm")
        self.both(self.example("nginx"), "nginx", ignore=VOLATILE)
        self.both(self.example("multi-stage"), "wordcount")


if __name__ == "__main__":
    main()
