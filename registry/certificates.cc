#include "registry/certificates.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxCertificate = 1 << 20;

fs::path directory_for(const std::string& host) {
  std::vector<fs::path> candidates;
  if (const fs::path config = user_config_dir(); !config.empty()) {
    candidates.push_back(config / "containers/certs.d");
  }
  candidates.emplace_back("/etc/containers/certs.d");
  candidates.emplace_back("/etc/docker/certs.d");
  for (const fs::path& candidate : candidates) {
    std::error_code ignored;
    if (fs::is_directory(candidate / host, ignored)) return candidate / host;
  }
  return {};
}

}  // namespace

fs::path user_home() {
  const char* home = std::getenv("HOME");
  return home != nullptr ? fs::path(home) : fs::path();
}

fs::path user_config_dir() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config != '\0') return config;
  const fs::path home = user_home();
  return home.empty() ? fs::path() : home / ".config";
}

Certificates find_certificates(const fs::path& cert_dir, const std::string& host) {
  Certificates certificates;
  const fs::path directory = cert_dir.empty() ? directory_for(host) : cert_dir;
  if (directory.empty()) return certificates;
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory, error)) files.push_back(entry.path());
  if (error) throw base::Error::sys("opendir", directory.string(), error.value());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    if (file.extension() == ".crt") {
      certificates.authorities += base::read_file(file, kMaxCertificate) + "\n";
    }
    if (file.extension() != ".cert" && file.extension() != ".key") continue;
    fs::path certificate = file, key = file;
    certificate.replace_extension(".cert");
    key.replace_extension(".key");
    if (!fs::exists(certificate)) throw base::Error("{}: missing", certificate.string());
    if (!fs::exists(key)) throw base::Error("{}: missing", key.string());
    certificates.client_certificate = certificate;
    certificates.client_key = key;
  }
  return certificates;
}

}  // namespace bld::registry
