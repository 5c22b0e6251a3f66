"""A git repository, and git's own daemon on a loopback port."""

import os
import pathlib
import signal
import socket
import subprocess

from support import environment, free_port, need, run, wait_for

WHO = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
       "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
       "GIT_AUTHOR_DATE": "1000000000 +0000", "GIT_COMMITTER_DATE": "1000000000 +0000"}


def git(directory, *args):
    return run(["git", "-C", directory, *args], env=environment(**WHO)).stdout.strip()


def commit(directory, files):
    """Files (path → text) as one commit of the branch that is checked out; its hash."""
    for path, text in files.items():
        target = pathlib.Path(directory, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "change")
    return git(directory, "rev-parse", "HEAD")


def make_repository(directory, files):
    """A new one with the branch main; the hash of its commit."""
    need("git")
    directory.mkdir(parents=True)
    git(directory, "init", "-q", "-b", "main")
    return commit(directory, files)


class GitServer:
    """Offers all repositories below a directory at `url`/NAME. A context manager."""

    def __init__(self, directory):
        need("git")
        self.directory = directory
        self.port = free_port()
        self.url = f"git://127.0.0.1:{self.port}"

    def __enter__(self):
        self.process = subprocess.Popen(
            ["git", "daemon", "--reuseaddr", "--export-all", "--informative-errors", "--listen=127.0.0.1",
             f"--port={self.port}", f"--base-path={self.directory}", str(self.directory)],
            env=environment(**WHO), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        wait_for(self.answers, 20, "git daemon")
        return self

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
