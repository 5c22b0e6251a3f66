#include "runtime/foreign_program.h"

#include <elf.h>
#include <sys/mount.h>

#include <cstring>
#include <fstream>

#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

using test::ContainerTest;
using test::runtime_here;

std::string elf(unsigned machine, bool big_endian = false) {
  std::string file(64, '\0');
  std::memcpy(file.data(), ELFMAG, 4);
  file[EI_CLASS] = ELFCLASS64;
  file[EI_DATA] = static_cast<char>(big_endian ? ELFDATA2MSB : ELFDATA2LSB);
  file[EI_VERSION] = EV_CURRENT;
  file[big_endian ? 17 : 16] = ET_EXEC;
  file[big_endian ? 19 : 18] = static_cast<char>(machine & 255U);
  file[big_endian ? 18 : 19] = static_cast<char>(machine >> 8U);
  return file;
}

TEST(ForeignProgram, ElfFilesTellTheirArchitecture) {
  EXPECT_EQ(elf_architecture(elf(EM_AARCH64)), "arm64");
  EXPECT_EQ(elf_architecture(elf(EM_X86_64)), "amd64");
  EXPECT_EQ(elf_architecture(elf(EM_S390, true)), "s390x");
  EXPECT_EQ(elf_architecture(elf(EM_PPC64, true)), "ppc64");
  EXPECT_EQ(elf_architecture(elf(EM_PPC64)), "ppc64le");
  EXPECT_EQ(elf_architecture(elf(40000)), "ELF machine 40000");
  EXPECT_EQ(elf_architecture("#!/bin/sh\n and more of it"), "");
  EXPECT_EQ(elf_architecture(std::string(ELFMAG)), "");
}

class ForeignProgramTest : public ContainerTest {
 protected:
  void SetUp() override {
    ContainerTest::SetUp();
    if (!temp_) return;
    const unsigned foreign = elf_architecture(base::read_file("/bin/busybox", 64 << 20)) == "arm64"
                                 ? EM_X86_64
                                 : EM_AARCH64;
    name_ = foreign == EM_AARCH64 ? "arm64" : "amd64";
    program_ = elf(foreign);
    add("foreign/echo", program_);
    add("foreign/script", "#!/foreign/echo\n");
  }

  void add(const std::string& name, const std::string& text) const {
    std::filesystem::permissions(temp_->write("lower/" + name, text), std::filesystem::perms(0755));
  }

  std::string message(const std::vector<std::string>& args, std::string* hint = nullptr) const {
    ContainerSpec wanted = spec("");
    wanted.args = args;
    wanted.env = {"PATH=/foreign"};
    try {
      return run(wanted).output;
    } catch (const base::Error& error) {
      if (hint != nullptr) *hint = error.hint();
      EXPECT_EQ(error.exit_status(), 126);
      return error.what();
    }
  }

  std::string name_, program_;
};

TEST_F(ForeignProgramTest, WhatToInstallIsSaid) {
  const std::string text = "this program is for " + name_ + ", which this machine cannot run";
  std::string hint;
  EXPECT_EQ(message({"/foreign/echo"}, &hint), "exec /foreign/echo: " + text);
  EXPECT_NE(hint.find("qemu-user-static"), std::string::npos);
  EXPECT_EQ(message({"echo"}), "exec echo: " + text);
  EXPECT_EQ(message({"/foreign/script"}), "exec /foreign/script: " + text);
}

// Since Linux 6.7 a user namespace has a binfmt_misc of its own.
TEST_F(ForeignProgramTest, ARegisteredEmulatorRunsIt) {
  if (runtime_here().isolation.kind != IsolationKind::kUserNamespace) {
    GTEST_SKIP() << "would register it for the whole machine";
  }
  const std::filesystem::path place = *temp_ / "binfmt";
  std::filesystem::create_directories(place);
  if (::mount("binfmt_misc", place.c_str(), "binfmt_misc", 0, nullptr) != 0) {
    GTEST_SKIP() << "no binfmt_misc of our own";
  }
  // busybox takes the place of qemu: it runs the applet that is called like the program.
  std::string rule = ":bldtest:M:0:";
  for (const char byte : program_.substr(0, 20)) {
    rule += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  rule += "::/bin/busybox:F";
  std::ofstream(place / "register") << rule << std::flush;
  EXPECT_EQ(message({"/foreign/echo", "emulated"}), "emulated\n");
  std::ofstream(place / "bldtest") << "-1" << std::flush;
  ::umount2(place.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace bld::runtime
