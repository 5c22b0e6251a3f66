// How a registry is convinced that we may: challenges, and tokens from token servers.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "image/reference.h"
#include "registry/credentials.h"
#include "registry/http.h"

namespace bld::registry {

// One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1).
struct Challenge {
  std::string scheme;                         // lower case
  std::map<std::string, std::string> params;  // names in lower case
};

// All challenges that can be understood, in order; never throws.
std::vector<Challenge> parse_challenges(std::string_view header);

// The answer of a token server: "Bearer …" and until when it is good. Throws on anything else.
struct Token {
  std::string value;
  std::chrono::seconds lifetime{60};
};

Token parse_token(std::string_view json);

// Whether a token server is the registry's own, so that it may see the registry's password: of the
// same host, of its parent domain, or Docker Hub's.
bool is_own_realm(const Url& registry, const Url& realm);

// The Authorization header for one repository. Any thread.
class Authorizer {
 public:
  Authorizer(Http& http, image::Reference repository, std::vector<std::string> scopes,
             const ConnectionOptions& options);

  // What to send now; empty before the first challenge.
  std::string authorization() EXCLUDES(mutex_);
  // After a 401 to a request that had `used`. False: there is nothing else to try.
  bool answer(const std::vector<std::string>& challenges, const Url& registry,
              const std::string& used) EXCLUDES(mutex_);

 private:
  std::string fetch_token(const Challenge& challenge, const Url& registry) REQUIRES(mutex_);
  std::optional<Credentials> credentials_for(const Url& registry, const Url& realm)
      REQUIRES(mutex_);
  const std::optional<Credentials>& credentials() REQUIRES(mutex_);

  Http& http_;
  const image::Reference repository_;
  const std::vector<std::string> scopes_;
  const ConnectionOptions& options_;
  base::Mutex mutex_;
  std::string authorization_ GUARDED_BY(mutex_);
  std::optional<Challenge> bearer_ GUARDED_BY(mutex_);  // what a new token is asked with
  std::optional<Url> registry_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point renew_at_ GUARDED_BY(mutex_);
  bool looked_ GUARDED_BY(mutex_) = false;
  std::optional<Credentials> credentials_ GUARDED_BY(mutex_);
};

}  // namespace bld::registry
