#include "registry/login.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/client.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr std::size_t kMaxLoginFileBytes = 1 << 20;

Json read_login_file(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return Json::object();
  try {
    const std::string text = base::read_file(file, kMaxLoginFileBytes);
    if (base::trim(text).empty()) return Json::object();
    Json json = Json::parse(text, kMaxLoginFileBytes);
    json.as_object();
    return json;
  } catch (base::Error& error) {
    error.add_context("credentials file " + file.string());
    throw;
  }
}

void write_login_file(const fs::path& file, const Json& json) {
  if (file.has_parent_path()) fs::create_directories(file.parent_path());
  base::write_file_atomically(file, json.str(4) + "\n", 0600);
}

// `object` with the member replaced, added, or (by nothing) left out.
Json with_member(const Json& object, const std::string& key, std::optional<Json> value) {
  Json result = Json::object();
  for (const auto& [name, member] : object.as_object()) {
    if (name != key) {
      result.add(name, member);
    } else if (value) {
      result.add(name, *std::exchange(value, std::nullopt));
    }
  }
  if (value) result.add(key, std::move(*value));
  return result;
}

Json auths_of(const Json& json) {
  const Json* auths = json.find("auths");
  return auths != nullptr ? *auths : Json::object();
}

// Empty: the file keeps the host's credentials itself.
std::string helper_for(const Json& json, const std::string& host) {
  if (json.find("credHelpers") != nullptr) {
    const auto helpers = json.string_map("credHelpers");
    if (const auto own = helpers.find(host); own != helpers.end()) return own->second;
  }
  return json.string("credsStore");
}

void ask_helper(const std::string& helper, std::string_view verb, const std::string& input) {
  const base::ProcessResult result = run_credential_helper(helper, verb, input);
  if (result.exit_status == 0) return;
  throw base::Error("docker-credential-{} {}: {}", helper, verb,
                    base::printable(base::trim(result.output + result.error_output)));
}

}  // namespace

void check_login(const std::string& host, const ConnectionOptions& options, std::stop_token stop) {
  // The name of a repository is needed to ask for a token; whether there is one does not matter.
  RegistryClient(image::Reference::parse(host + "/login"), options, RegistryClient::Access::kPull,
                 std::move(stop))
      .check_access();
}

fs::path login_file(const ConnectionOptions& options) {
  const std::vector<fs::path> files = credentials_files(options);
  if (files.empty()) throw base::Error("no place to keep credentials: HOME is not set");
  return files.front();
}

void store_credentials(const std::string& host, const Credentials& credentials,
                       const ConnectionOptions& options) {
  const fs::path file = login_file(options);
  const Json json = read_login_file(file);
  if (const std::string helper = helper_for(json, host); !helper.empty()) {
    ask_helper(helper, "store",
               Json::object()
                   .add("ServerURL", host)
                   .add("Username", credentials.user)
                   .add("Secret", credentials.password)
                   .str());
    return;
  }
  const Json entry =
      Json::object().add("auth", encode_base64(credentials.user + ":" + credentials.password));
  write_login_file(file, with_member(json, "auths", with_member(auths_of(json), host, entry)));
}

bool remove_credentials(const std::string& host, const ConnectionOptions& options) {
  const fs::path file = login_file(options);
  const Json json = read_login_file(file);
  if (const std::string helper = helper_for(json, host); !helper.empty()) {
    ask_helper(helper, "erase", host);
    return true;
  }
  const Json auths = auths_of(json);
  if (auths.find(host) == nullptr) return false;
  write_login_file(file, with_member(json, "auths", with_member(auths, host, std::nullopt)));
  return true;
}

void remove_all_credentials(const ConnectionOptions& options) {
  const fs::path file = login_file(options);
  const Json json = read_login_file(file);
  if (json.find("auths") == nullptr) return;
  write_login_file(file, with_member(json, "auths", Json::object()));
}

}  // namespace bld::registry
