"""Reads an OCI layout as another implementation would: manifest, config, and all layers laid over
each other as a list of files."""

import hashlib
import json
import os
import posixpath
import subprocess
import tarfile


XATTR = "SCHILY.xattr."


class Entry:
    """One path of an image's root filesystem."""

    def __init__(self, info):
        self.mode, self.uid, self.gid, self.mtime = info.mode & 0o7777, info.uid, info.gid, info.mtime
        self.type = ("dir" if info.isdir() else "link" if info.issym() else "fifo" if info.isfifo()
                     else "char" if info.ischr() else "block" if info.isblk() else "file")
        self.target = info.linkname if info.issym() else None
        self.size, self.sha256, self.data = 0, None, b""
        self.xattrs = {name.removeprefix(XATTR): value for name, value in info.pax_headers.items()
                       if name.startswith(XATTR)}
        self.names = set()  # all paths of this inode, within its layer

    def facts(self):
        """Everything that two builders must agree on; times are not among it."""
        mode = None if self.type == "link" else oct(self.mode)
        hard = tuple(sorted(self.names)) if len(self.names) > 1 else ()
        return (self.type, mode, self.uid, self.gid, self.target, self.size, self.sha256, hard)


def normal(name):
    return posixpath.normpath("/" + name.lstrip("/"))


class Image:
    def __init__(self, directory, tag=None):
        self.directory = str(directory)
        index = self.json_file("index.json")
        named = [m for m in index["manifests"]
                 if tag is None or m.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag]
        self.digest = named[-1]["digest"]
        self.manifest = json.loads(self.blob(self.digest))
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))
        self.id = self.manifest["config"]["digest"].split(":")[1]

    def path(self, digest):
        return os.path.join(self.directory, "blobs", *digest.split(":"))

    def json_file(self, name):
        with open(os.path.join(self.directory, name)) as file:
            return json.load(file)

    def blob(self, digest):
        with open(self.path(digest), "rb") as file:
            data = file.read()
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise AssertionError(f"{digest} does not hold what its name says")
        return data

    def layer_stream(self, layer):
        """A process whose standard output is the uncompressed tar of a layer."""
        path = self.path(layer["digest"])
        with open(path, "rb") as file:
            magic = file.read(4)
        program = ["gzip", "-dc"] if magic[:2] == b"\x1f\x8b" else (
            ["zstd", "-dcq"] if magic == b"\x28\xb5\x2f\xfd" else ["cat"])
        with open(path, "rb") as file:
            return subprocess.Popen(program, stdin=file, stdout=subprocess.PIPE)

    def diff_id(self, layer):
        """sha256 of the uncompressed tar, computed here."""
        digest = hashlib.sha256()
        with self.layer_stream(layer) as process:
            while chunk := process.stdout.read(1 << 20):
                digest.update(chunk)
        return "sha256:" + digest.hexdigest()

    def files(self):
        """path → Entry of the flattened image."""
        tree = {}
        for layer in self.manifest["layers"]:
            with self.layer_stream(layer) as process:
                with tarfile.open(fileobj=process.stdout, mode="r|", encoding="utf-8",
                                  errors="surrogateescape") as tar:
                    lay_over(tree, tar)
                process.stdout.read()
        return tree

    def layer_names(self, number):
        with self.layer_stream(self.manifest["layers"][number]) as process:
            with tarfile.open(fileobj=process.stdout, mode="r|", encoding="utf-8",
                              errors="surrogateescape") as tar:
                return [member.name for member in tar]


def remove(tree, path, fresh=()):
    for name in [n for n in tree if n == path or n.startswith(path.rstrip("/") + "/")]:
        if name not in fresh:
            tree.pop(name).names.discard(name)


def lay_over(tree, tar):
    fresh = set()
    for info in tar:
        path = normal(info.name)
        folder, name = posixpath.split(path)
        if name == ".wh..wh..opq":
            for below in [n for n in tree if n.startswith(folder.rstrip("/") + "/")]:
                if below not in fresh:
                    tree.pop(below).names.discard(below)
            continue
        if name.startswith(".wh."):
            remove(tree, posixpath.join(folder, name[4:]), fresh)
            continue
        if path in tree and not (info.isdir() and tree[path].type == "dir"):
            remove(tree, path)
        if info.islnk():
            entry = tree[normal(info.linkname)]
        else:
            entry = Entry(info)
            if entry.type == "file":
                read_content(entry, tar.extractfile(info))
        if path in tree:
            tree[path].names.discard(path)
        entry.names.add(path)
        tree[path] = entry
        fresh.add(path)


def read_content(entry, file):
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
        entry.size += len(chunk)
        if entry.size <= 4096:
            entry.data += chunk
    entry.sha256 = digest.hexdigest()


# What builders leave behind around a RUN, none of it content of the image; and the directories that
# they make to mount it in, where the image has none.
AROUND_RUN = ("/dev", "/proc", "/sys", "/run/.containerenv", "/etc/hosts", "/etc/resolv.conf",
              "/etc/hostname", "/etc/mtab")
MADE_FOR_IT = ("/etc", "/run")


def comparable(tree, ignore=()):
    """path → facts, without what differs from one builder to the next for no fault of theirs."""
    def ignored(path):
        return path == "/" or any(path == p or path.startswith(p + "/") for p in AROUND_RUN + tuple(ignore))

    facts = {path: entry.facts() for path, entry in tree.items() if not ignored(path)}
    for place in MADE_FOR_IT:
        if not any(path.startswith(place + "/") for path in facts):
            facts.pop(place, None)
    return facts
