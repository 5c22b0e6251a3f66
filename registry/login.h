// bld login: whether a registry knows somebody, and where that is kept for later.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "registry/credentials.h"
#include "registry/transport.h"

namespace bld::registry {

// Throws what the registry says where it does not take the options' user and password.
void check_login(const std::string& host, const ConnectionOptions& options, std::stop_token stop);

// The file that is written: the one that was named, or $REGISTRY_AUTH_FILE, or config.json in
// $DOCKER_CONFIG, or the user's containers/auth.json below $XDG_RUNTIME_DIR (else below the
// configuration directory).
std::filesystem::path login_file(const ConnectionOptions& options);

// For a host, or for what is below a folder of it ("HOST/NAMESPACE"). Keeps everything else that is
// in the file, which nobody but the user may read. Where it names a credential helper for the host,
// the helper keeps them instead.
void store_credentials(const std::string& host, const Credentials& credentials,
                       const ConnectionOptions& options);

// False where there were none.
bool remove_credentials(const std::string& host, const ConnectionOptions& options);
void remove_all_credentials(const ConnectionOptions& options);

}  // namespace bld::registry
