// Who we are to a registry: --creds, and the credentials files of podman and docker.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "image/reference.h"
#include "registry/transport.h"

namespace bld::registry {

struct Credentials {
  std::string user, password;
  std::string identity_token;  // of an OAuth2 server, instead of a password
};

// The files that are searched, in order: the one that was named, or $REGISTRY_AUTH_FILE, alone;
// else those that podman and docker write.
std::vector<std::filesystem::path> credentials_files(const ConnectionOptions& options);

// What the options or the first file with a match say about this repository: the longest of
// "registry/repository", "registry/namespace", …, "registry". Runs credential helpers.
std::optional<Credentials> find_credentials(const image::Reference& repository,
                                            const ConnectionOptions& options);
// The same for a "HOST[:PORT]" that no image name mentions: a token server.
std::optional<Credentials> find_host_credentials(const std::string& host,
                                                 const ConnectionOptions& options);

// What docker-credential-HELPER answers to one of its verbs.
base::ProcessResult run_credential_helper(const std::string& helper, std::string_view verb,
                                          const std::string& input);

std::string encode_base64(std::string_view bytes);
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace bld::registry
