"""What is in the store and what may go: df, prune, diff, inspect --layers, the limit of bld.conf."""

import json
import os

from support import CliTest, Store, environment, main


class StoreTest(CliTest):
    def setUp(self):
        super().setUp()
        self.id = self.bld.import_busybox()

    def build(self, text, name, *args, **files):
        return self.bld("build", "-t", name, *args, self.context(text, **files))

    def df(self):
        return json.loads(self.bld("df", "--json").stdout)

    def part(self, kind):
        return next(part for part in self.df()["summary"] if part["type"] == kind)

    def test_a_copy_extracts_nothing_and_makes_no_files(self):
        """Where it goes, links on the way and names of users are found in tables of contents."""
        self.build("FROM localhost/busybox\nRUN mkdir -p /data && ln -s data /link && chown 5:6 /data && chmod 700 /data && "
                   "echo u:x:77:78::/:/bin/sh >> /etc/passwd && ln -s /nowhere/x /dangling && touch /file\n", "base")
        self.bld("push", "-q", "base", f"oci:{self.dir}/base:latest")
        steps = ("COPY --chown=u f /link/sub/\nCOPY f /dangling\nWORKDIR /data/sub/new\nCOPY f .\nCOPY --from=one /w /w\n"
                 "USER u\nWORKDIR mine\n")
        context = self.context(f"FROM scratch AS one\nCOPY f /w\nFROM oci:{self.dir}/base:latest\n{steps}", {"f": "x"})
        ids = []
        for name in ("without", "with"):
            store = Store(self.dir / name)
            if name == "with":  # then there are trees
                store.build(self.context(f"FROM oci:{self.dir}/base:latest\nRUN true\n", name="run"))
            ids.append(store.build(context, "--timestamp", "0", "-t", "t"))
            if name == "without":
                self.assertEqual(len(os.listdir(store.root / "trees")), 1, "that of the stage which is copied from")
        self.assertEqual(*ids)
        files = store.layout("t", self.dir / "out").files()
        self.assertEqual(files["/data"].facts()[1:4], ("0o700", 5, 6))
        self.assertEqual((files["/data/sub/f"].uid, files["/data/sub/f"].gid), (77, 78))
        self.assertEqual(files["/data/sub/new/mine"].uid, 77)
        self.assertEqual(files["/nowhere/x"].data, b"x")
        failed = store("build", self.context(f"FROM oci:{self.dir}/base:latest\nCOPY f /file/\n", {"f": ""}, name="wrong"), ok=False)
        self.assert_fails(failed, "not a folder")
        pulled = Store(self.dir / "pulled")
        pulled("pull", "-q", f"oci:{self.dir}/base:latest")
        container = pulled("from", f"oci:{self.dir}/base:latest").stdout.strip()
        self.assertEqual(os.listdir(pulled.root / "trees"), [], "of an image that a container is made from")
        self.assertEqual(pulled("run", container, "stat", "-c", "%u", "/data").stdout, "5\n")
        # Tables that were lost are made again, and go with their layers.
        for name in os.listdir(store.root / "tocs"):
            (store.root / "tocs" / name).write_text("damage")
        self.assertEqual(store.build(context, "--timestamp", "0", "--no-cache"), ids[0])
        store("rmi", "--all", "--force")
        store("prune", "--all", "--cache")
        self.assertEqual(os.listdir(store.root / "tocs"), [])

    def test_df(self):
        self.build("FROM localhost/busybox\nRUN --mount=type=cache,target=/c "
                   "dd if=/dev/zero of=/c/f bs=1M count=3 && dd if=/dev/zero of=/big bs=1M count=2\n", "big")
        self.assertEqual(self.part("Images")["total"], 2)
        caches = self.part("RUN caches")
        self.assertEqual((caches["total"], caches["inUse"]), (1, 0))
        self.assertGreaterEqual(caches["reclaimable"], 3 << 20)
        text = self.bld("df", "--verbose").stdout
        self.assertIn("localhost/big:latest", text)
        self.assertRegex(text, r"(?m)^RUN caches +1 +0 +3\.\d+ MB")
        # Without its image, the layer is only the cache's.
        self.assertEqual(self.part("Step cache")["size"], 0)
        self.bld("rmi", "big")
        self.assertGreaterEqual(self.part("Step cache")["reclaimable"], 2 << 20)

    def test_prune_rules(self):
        step = "FROM localhost/busybox\nRUN echo x > /x\n"
        self.build(step, "x")
        self.bld("prune", "--all", "--filter", "until=1h")
        self.assertEqual(len(self.bld.images()), 2)  # both are younger
        self.bld("prune", "--cache", "--filter", "until=1h")
        self.assertIn("cached", self.bld("build", "--progress", "plain", self.context(step)).stderr.lower())
        self.bld("prune", "--cache")
        self.assertEqual(self.part("Step cache")["total"], 0)
        self.bld("prune", "--filter", "label!=a", "--all")
        self.assertEqual(self.bld.images(), [])
        self.bld("prune")  # what the filter itself had read
        self.assertEqual(self.df()["size"], 0)
        self.assertEqual(self.bld("prune", "--filter", "until=yesterday", ok=False).returncode, 125)
        self.bld("check")

    def test_a_limit_of_the_store(self):
        config = self.dir / "config"
        (config / "bld").mkdir(parents=True)
        (config / "bld/bld.conf").write_text('[store]\nlimit = "1k"\n')
        env = environment(XDG_CONFIG_HOME=config)
        context = self.context("FROM localhost/busybox\nRUN dd if=/dev/zero of=/big bs=1M count=2\n")
        self.bld("build", "-t", "limited", context, env=env)
        self.assertEqual(self.part("Step cache")["total"], 0)
        self.bld("run", self.bld("from", "limited").stdout.strip(), "--", "test", "-f", "/big")
        (config / "bld/bld.conf").write_text('[store]\nlimits = "1k"\n')
        done = self.bld("build", context, env=env, ok=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn(f"{config}/bld/bld.conf", done.stderr)
        self.assertIn('no key "limits"', done.stderr)

    def test_diff(self):
        self.build("FROM localhost/busybox\nRUN echo a > /kept && echo a > /changed && echo a > /gone && mkdir /d && "
                   "echo a > /d/f\nENV A=1\n", "one")
        self.build("FROM localhost/one\nRUN echo bb > /changed && rm /gone && rm -r /d && echo n > /new && "
                   "chmod 600 /kept\nENV A=2\n", "two")
        lines = self.bld("diff", "one", "two").stdout.splitlines()
        self.assertEqual([line for line in lines if not line.startswith("config")],
                         ["C /changed  (content)  +1 B", "D /d", "D /d/f  -2 B", "D /gone  -2 B",
                          "C /kept  (content, mode)", "A /new  +2 B"])
        self.assertEqual([line for line in lines if line.startswith("config")],
                         ['config config.Env: ' + line for line in [
                             json.dumps(self.env("one"), separators=(",", ":")) + " -> " +
                             json.dumps(self.env("two"), separators=(",", ":"))]])
        # The same files from other layers are no difference.
        self.build("FROM localhost/busybox\nRUN echo a > /kept && echo a > /changed\nRUN echo a > /gone && mkdir /d && "
                   "echo a > /d/f\nENV A=1\n", "split")
        self.assertEqual(self.bld("diff", "one", "split").stdout, "")
        # One image alone is compared with what is below its last layer, a container with its image.
        self.assertIn("A /new", self.bld("diff", "two").stdout)
        container = self.bld("from", "two").stdout.strip()
        self.assertEqual(self.bld("diff", container).stdout, "")
        self.bld("run", container, "--", "rm", "/new")
        self.assertEqual(self.bld("diff", container).stdout, "D /new  -2 B\n")
        files = json.loads(self.bld("diff", "--json", "one", "two").stdout)["files"]
        self.assertEqual(files[0], {"kind": "C", "path": "/changed", "oldSize": 2, "newSize": 3, "what": ["content"]})

    def env(self, name):
        return json.loads(self.bld("inspect", "--format", "{{json .OCIv1.Config.Env}}", name).stdout)

    def test_layers(self):
        self.build("FROM localhost/busybox\nRUN dd if=/dev/zero of=/big bs=1M count=2\nRUN rm /big && echo 1 > /small\n",
                   "fat")
        report = json.loads(self.bld("inspect", "--layers", "--json", "fat").stdout)
        base, big, small = report["layers"]
        self.assertGreater(base["added"], 1)
        self.assertEqual((big["added"], big["changed"], big["removed"], big["fileBytes"]), (1, 0, 0, 2 << 20))
        self.assertEqual((small["added"], small["changed"], small["removed"], small["hiddenBytes"]), (1, 0, 1, 2 << 20))
        self.assertIn("dd if=/dev/zero", big["createdBy"])
        self.assertEqual(report["largestFiles"][0]["path"], "/bin/busybox")
        text = self.bld("inspect", "--layers", "fat").stdout
        self.assertIn("2.1 MB of lower layers are hidden by upper ones", text)
        self.assertIn("/bin/busybox", text)


if __name__ == "__main__":
    main()
