"""RUN for another processor, through binfmt_misc and qemu-user-static.

The emulator is registered in a user namespace of the test's own (Linux 6.7 and newer). QEMU names the program where it is
not installed; ARM64_BUSYBOX, a static busybox for arm64, adds a build of some size."""

import os
import platform
import shutil
import struct
import unittest

from support import CliTest, main, run

QEMU = os.environ.get("QEMU") or shutil.which("qemu-aarch64-static")


def arm64_program(text):
    """A static ELF file that writes `text` and ends well."""
    code = (0xD2800020, 0x100000E1, 0xD2800002 | len(text) << 5, 0xD2800808, 0xD4000001,  # write(1, text, len(text))
            0xD2800000, 0xD2800BA8, 0xD4000001)                                         # exit(0)
    body = struct.pack("<8I", *code) + text
    start, headers = 0x400000, 64 + 56
    size = headers + len(body)
    elf = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1" + bytes(9), 2, 183, 1, start + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return elf + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000) + body


@unittest.skipIf(platform.machine() == "aarch64", "this machine runs these programs itself")
class Emulator(CliTest):
    def context_for_arm64(self):
        context = self.context("FROM scratch\nCOPY program /program\nRUN [\"/program\"]\n", {"program": arm64_program(b"arm64 speaks\n")})
        (context / "program").chmod(0o755)
        return context

    def emulated(self, *words, flags="F"):
        """A command of bld where the emulator is registered."""
        if not QEMU:
            self.skipTest("qemu-user-static is not installed, and QEMU does not name it")
        if os.geteuid() == 0:
            self.skipTest("root would register it for the whole machine")
        place = self.dir / "binfmt"
        place.mkdir(exist_ok=True)
        magic = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
        mask = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
        script = (f"mount -t binfmt_misc none {place} || exit 77; printf '%s' ':qemu:M::{magic}:{mask}:{QEMU}:{flags}' > {place}/register; "
                  'exec "$@"')
        done = run(["unshare", "--user", "--map-root-user", "--map-auto", "--mount", "sh", "-c", script, "sh",
                    *self.bld.command(*words)], ok=False)
        if done.returncode == 77:
            self.skipTest("no binfmt_misc of our own")
        return done

    def test_it_runs(self):
        done = self.emulated("build", "--platform", "linux/arm64", "-t", "t", self.context_for_arm64())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("arm64 speaks", done.stdout)

    def test_an_emulator_that_cannot_be_seen_inside(self):
        done = self.emulated("build", "--platform", "linux/arm64", self.context_for_arm64(), flags="")
        self.assert_fails(done, "this program is for arm64", "with the flag F", status=127)

    def test_what_to_install_is_said(self):
        done = self.bld("build", "--platform", "linux/arm64", self.context_for_arm64(), ok=False)
        if done.returncode == 0:
            self.skipTest("an emulator is registered on this machine")
        self.assert_fails(done, "Containerfile:3", "this program is for arm64", "apt install qemu-user-static", status=126)

    def test_a_build_of_some_size(self):
        busybox = os.environ.get("ARM64_BUSYBOX")
        if not busybox:
            self.skipTest("ARM64_BUSYBOX names no static busybox for arm64")
        context = self.context("FROM scratch\nCOPY busybox /bin/busybox\nENV PATH=/bin\n"
                               "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n"
                               "RUN mkdir -p /etc && echo app:x:7:7::/:/bin/sh > /etc/passwd && uname -m && seq 1 1000 | sort -rn | head -n 1\n"
                               "USER app\nRUN id -un && (sleep 100 & true)\n")
        shutil.copy(busybox, context / "busybox")
        done = self.emulated("build", "--platform", "linux/arm64", "-t", "t", context)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("aarch64\n1000\n", done.stdout)
        self.assertIn("\napp\n", done.stdout)


if __name__ == "__main__":
    main()
