#include "registry/signature_policy.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "image/reference.h"
#include "registry/certificates.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr std::size_t kMaxPolicyBytes = 1 << 20;

void check_requirements(const Json& requirements) {
  if (requirements.as_array().empty()) throw base::Error("a list of requirements is empty");
  for (const Json& requirement : requirements.as_array()) {
    const std::string type = requirement.string("type");
    if (type == "insecureAcceptAnything" || type == "reject") {
      if (requirement.as_object().size() != 1) throw base::Error("\"{}\" has further keys", type);
    } else if (type != "signedBy" && type != "sigstoreSigned" && type != "signedBaseLayer") {
      throw base::Error("\"{}\" is no type of requirement", type);
    }
  }
}

void check_keys(const Json& policy) {
  for (const auto& [key, value] : policy.as_object()) {
    if (key != "default" && key != "transports") throw base::Error("unknown key \"{}\"", key);
  }
  if (policy.find("default") == nullptr) throw base::Error("\"default\" is missing");
  check_requirements(*policy.find("default"));
  const Json* transports = policy.find("transports");
  if (transports == nullptr) return;
  for (const auto& [transport, scopes] : transports->as_object()) {
    for (const auto& [scope, requirements] : scopes.as_object()) check_requirements(requirements);
  }
}

std::string transport_of(const Location& location) {
  const std::string text = location.str();
  return text.substr(0, text.find(':'));
}

// From the most to the least specific; "" is the transport's own default.
std::vector<std::string> scopes_of(const Location& location) {
  std::vector<std::string> scopes;
  if (location.kind == TransportKind::kDocker) {
    const image::Reference reference = image::Reference::parse(location.reference);
    scopes.push_back(reference.str());
    for (std::string name = reference.name();; name.resize(name.rfind('/'))) {
      scopes.push_back(name);
      if (name.find('/') == std::string::npos) break;
    }
    std::string host = reference.registry();
    for (std::size_t dot; (dot = host.find('.')) != std::string::npos;) {
      host = host.substr(dot + 1);
      scopes.push_back("*." + host);
    }
  } else if (location.kind == TransportKind::kContainersStorage ||
             location.kind == TransportKind::kDockerDaemon) {
    scopes.push_back(location.reference);
  } else {
    fs::path path = fs::absolute(location.path).lexically_normal();
    if (!location.reference.empty()) scopes.push_back(path.string() + ":" + location.reference);
    for (; path.has_relative_path(); path = path.parent_path()) scopes.push_back(path.string());
  }
  scopes.emplace_back();
  return scopes;
}

}  // namespace

SignaturePolicy SignaturePolicy::parse(const std::string& text, const std::string& file) {
  SignaturePolicy policy;
  policy.file_ = file;
  try {
    policy.policy_ = Json::parse(text);
    check_keys(policy.policy_);
  } catch (base::Error& error) {
    error.add_context(file);
    throw;
  }
  return policy;
}

SignaturePolicy SignaturePolicy::load(const fs::path& file) {
  fs::path chosen = file;
  for (const fs::path& directory : {user_config_dir(), fs::path("/etc")}) {
    const fs::path candidate = directory / "containers/policy.json";
    if (chosen.empty() && !directory.empty() && fs::exists(candidate)) chosen = candidate;
  }
  if (chosen.empty()) return {};
  return parse(base::read_file(chosen, kMaxPolicyBytes), chosen.string());
}

const Json& SignaturePolicy::requirements_for(const Location& from, std::string& scope) const {
  const Json* transports = policy_.find("transports");
  const Json* scopes = transports != nullptr ? transports->find(transport_of(from)) : nullptr;
  if (scopes != nullptr) {
    for (const std::string& candidate : scopes_of(from)) {
      const Json* requirements = scopes->find(candidate);
      if (requirements == nullptr) continue;
      scope = transport_of(from) + " \"" + candidate + "\"";
      return *requirements;
    }
  }
  scope = "default";
  return *policy_.find("default");
}

void SignaturePolicy::check(const Location& from) const {
  if (policy_.is_null()) return;
  std::string scope;
  for (const Json& requirement : requirements_for(from, scope).as_array()) {
    const std::string type = requirement.string("type");
    if (type == "insecureAcceptAnything") continue;
    if (type == "reject") {
      throw base::Error("{} is rejected by {} ({})", from.str(), file_, scope);
    }
    throw base::Error("{} wants a signature of {} ({} in {}), and bld cannot verify signatures yet",
                      file_, from.str(), type, scope)
        .hint("verify and fetch it with: skopeo copy " + from.str() + " oci:DIRECTORY");
  }
}

}  // namespace bld::registry
