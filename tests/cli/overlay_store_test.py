"""A store on an overlay, where the kernel mounts no other: fuse-overlayfs does, or steps work on copies."""

from filesystem_test import try_everywhere
from support import BLD, CliTest, is_root, main, need, run


class OverlayStore(CliTest):
    def setUp(self):
        super().setUp()
        need("fuse-overlayfs", "unshare")
        for name in ("lower", "upper", "work", "merged"):
            (self.dir / name).mkdir()
        self.place = self.dir / "merged"

    def inside(self, more=":"):
        """The words in front of a command that finds `place` to be an overlay; `more` is done in the shell before."""
        names = ["unshare", "--mount"] if is_root() else ["unshare", "--user", "--map-root-user", "--map-auto", "--mount"]
        options = f"lowerdir={self.dir}/lower,upperdir={self.dir}/upper,workdir={self.dir}/work,userxattr"
        return [*names, "sh", "-ec", f'mount -t overlay -o {options} none {self.place}; {more}; exec "$@"', "sh"]

    def bld_inside(self, more, *words, **options):
        return run([*self.inside(more), *self.bld.command(*words)], **options)

    def test_fuse_overlayfs(self):
        try_everywhere(self, *self.inside(), place=self.place)

    def test_copies(self):
        try_everywhere(self, *self.inside("mount --bind /dev/null /dev/fuse"), place=self.place)

    def test_all_drivers_make_the_same_layers(self):
        context = self.context(
            "FROM localhost/busybox AS base\nRUN mkdir -p /d/sub /e && touch /d/old /d/sub/x /e/f && echo 1 > /one && ln /one /two\n"
            "RUN rm -r /d /etc/passwd && mkdir /d && touch /d/new && mv /e /g && chmod 700 /tmp\n"
            "RUN mkdir -p /made/deep && rm /g/f && ln -s one /link && chown 5:6 /g\n"
            "FROM base\nRUN --mount=type=bind,from=base,target=/m,rw ls /m/d /m/g > /seen && touch /m/x && ls / /d /g >> /seen\n")

        self.bld.import_busybox()
        build = ["build", "--timestamp", "0", "-q", "--no-cache", context]
        wanted = self.bld(*build).stdout.split()[-1]
        archive = self.dir / "busybox.tar"
        self.bld("push", "localhost/busybox", f"oci-archive:{archive}:localhost/busybox:latest")
        self.bld.root = self.place / "store"
        for name, more in (("fuse-overlayfs", ":"), ("copies", "mount --bind /dev/null /dev/fuse")):
            with self.subTest(name):
                ours = f'"{BLD}" --root {self.bld.root}'
                pull = f"{more}; {ours} tag $({ours} pull -q oci-archive:{archive}) localhost/busybox"
                done = self.bld_inside(pull, *build)
                self.assertEqual(done.stdout.split()[-1], wanted, done.stderr)
                self.assertEqual("works on a copy" in done.stderr, name == "copies", done.stderr)

    def test_working_containers_and_doctor(self):
        need("busybox")
        steps = "\n".join(f'"{BLD}" --root {self.place}/store {words}' for words in (
            "from --name c scratch", "copy -q c $(command -v busybox) /bin/sh", "run c -- sh -c 'echo 1 > /one; echo 2 > /two'",
            "commit -q c made", "from --name d made", "run d -- sh -c 'rm /one; echo 3 > /three'", "run d -- sh -c 'echo 4 > /one'",
            "run d -- sh -c 'rm /one /two'", "commit -q d again", "from --name e again", "run e -- sh -c 'echo /*'", "check", "doctor"))
        done = run([*self.inside(f"cd {self.dir}; set -e\n{steps}"), "true"], ok=False)
        self.assertIn("/three\n", done.stdout)
        self.assertNotIn("/one", done.stdout)
        self.assertNotIn("/two", done.stdout)
        self.assertIn("fuse-overlayfs", done.stdout)


if __name__ == "__main__":
    main()
