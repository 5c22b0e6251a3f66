#include "runtime/foreign_program.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace bld::runtime {
namespace {

constexpr std::array<std::pair<unsigned, std::string_view>, 12> kMachines = {
    {{EM_X86_64, "amd64"},
     {EM_386, "386"},
     {EM_AARCH64, "arm64"},
     {EM_ARM, "arm"},
     {EM_RISCV, "riscv64"},
     {EM_PPC64, "ppc64le"},
     {EM_PPC, "ppc"},
     {EM_S390, "s390x"},
     {EM_MIPS, "mips"},
     {EM_SPARCV9, "sparc64"},
     {EM_IA_64, "ia64"},
     {258, "loong64"}}};

std::string start_of(const base::RootedDir& root, std::string_view path) {
  try {
    const base::UniqueFd file = root.open_regular(path);
    std::string text(256, '\0');
    const ssize_t length = ::pread(file.get(), text.data(), text.size(), 0);
    text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    return text;
  } catch (const base::Error&) {
    return "";
  }
}

// "#! /bin/sh -e" names /bin/sh.
std::string interpreter_of(std::string_view script) {
  std::string_view line = base::trim(script.substr(2, script.find('\n') - 2));
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

std::string own_architecture() {
  const base::UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  char text[64] = {};
  const ssize_t length = ::read(file.get(), text, sizeof text);
  return elf_architecture({text, length < 0 ? 0 : static_cast<std::size_t>(length)});
}

}  // namespace

std::string elf_architecture(std::string_view start) {
  if (start.size() < 20 || !start.starts_with(ELFMAG)) return "";
  const auto byte = [&start](std::size_t at) { return static_cast<unsigned char>(start[at]); };
  const bool big_endian = byte(EI_DATA) == ELFDATA2MSB;
  const unsigned machine = big_endian ? byte(18) * 256U + byte(19) : byte(19) * 256U + byte(18);
  if (machine == EM_PPC64 && big_endian) return "ppc64";
  for (const auto& [number, name] : kMachines) {
    if (number == machine) return std::string(name);
  }
  return fmt::format("ELF machine {}", machine);
}

std::string foreign_architecture(const base::RootedDir& root,
                                 const std::vector<std::string>& programs) {
  static const std::string here = own_architecture();
  for (const std::string& program : programs) {
    std::string start = start_of(root, program);
    if (start.starts_with("#!")) start = start_of(root, interpreter_of(start));
    if (start.empty()) continue;
    const std::string architecture = elf_architecture(start);
    return architecture == here ? "" : architecture;
  }
  return "";
}

}  // namespace bld::runtime
