#include "registry/auth.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace bld::registry {

namespace {

constexpr std::size_t kMaxTokenAnswer = 1 << 20;
constexpr std::size_t kMaxChallenges = 32;
constexpr std::chrono::seconds kTokenTimeout{30};

bool is_token_char(unsigned char c) {
  return std::isalnum(c) != 0 || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string::npos;
}

// Reads the pieces of a WWW-Authenticate header.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  void skip(std::string_view characters) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size()));
  }

  void skip_one() { rest_.remove_prefix(1); }

  std::string token() {
    std::size_t end = 0;
    while (end < rest_.size() && is_token_char(static_cast<unsigned char>(rest_[end]))) ++end;
    const std::string taken(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return taken;
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    skip_one();
    return true;
  }

  std::string quoted() {  // behind the opening quote
    std::string value;
    while (!at_end() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) skip_one();
      value += rest_.front();
      skip_one();
    }
    if (!at_end()) skip_one();
    return value;
  }

 private:
  std::string_view rest_;
};

std::string form_encoded(std::string_view text) {
  return Url::parse("http://x/").with_query("k", text).str().substr(11);
}

bool is_below(const std::string& host, const std::string& domain) {
  return host.size() > domain.size() + 1 && host.ends_with(domain) &&
         host[host.size() - domain.size() - 1] == '.' && domain.find('.') != std::string::npos;
}

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Cursor cursor(header);
  while (challenges.size() < kMaxChallenges) {
    cursor.skip(" \t,");
    if (cursor.at_end()) break;
    const std::string word = base::to_lower(cursor.token());
    if (word.empty()) {  // nothing that can be understood
      cursor.skip_one();
      continue;
    }
    cursor.skip(" \t");
    if (cursor.take('=') && !challenges.empty()) {
      cursor.skip(" \t");
      std::string value = cursor.take('"') ? cursor.quoted() : cursor.token();
      challenges.back().params.emplace(word, std::move(value));
      continue;
    }
    challenges.push_back({word, {}});
  }
  return challenges;
}

Token parse_token(std::string_view text) try {
  const base::Json json = base::Json::parse(text, kMaxTokenAnswer);
  Token token;
  token.value = json.string("token");
  if (token.value.empty()) token.value = json.string("access_token");
  const bool is_clean = std::all_of(token.value.begin(), token.value.end(),
                                    [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (token.value.empty() || !is_clean) throw base::Error("there is no token in it");
  const base::Json* lifetime = json.find("expires_in");
  // Some servers say it as text; a minute is what the specification gives to those who say nothing.
  if (lifetime != nullptr && lifetime->is_number() && lifetime->as_number() > 60) {
    token.lifetime =
        std::chrono::seconds(static_cast<std::int64_t>(std::min(lifetime->as_number(), 86400.0)));
  }
  return token;

} catch (base::Error& error) {
  error.add_context("answer of the token server");
  throw;
}

bool is_own_realm(const Url& registry, const Url& realm) {
  if (realm.scheme() != registry.scheme()) return false;
  if (realm.host() == registry.host()) {
    // A neighbour on the same machine, but another port, is somebody else where that is common.
    return !registry.is_loopback() || realm.origin() == registry.origin();
  }
  if (registry.host() == "registry-1.docker.io") return realm.host() == "auth.docker.io";
  return is_below(registry.host(), realm.host());
}

Authorizer::Authorizer(Http& http, image::Reference repository, std::vector<std::string> scopes,
                       const ConnectionOptions& options)
    : http_(http),
      repository_(std::move(repository)),
      scopes_(std::move(scopes)),
      options_(options) {}

std::string Authorizer::authorization() {
  base::MutexLock lock(mutex_);
  if (bearer_ && std::chrono::steady_clock::now() >= renew_at_) {
    authorization_ = fetch_token(*bearer_, *registry_);
  }
  return authorization_;
}

bool Authorizer::answer(const std::vector<std::string>& challenges, const Url& registry,
                        const std::string& used) {
  base::MutexLock lock(mutex_);
  if (authorization_ != used) return true;  // another thread was faster
  std::vector<Challenge> all;
  for (const std::string& header : challenges) {
    for (Challenge& challenge : parse_challenges(header)) all.push_back(std::move(challenge));
  }
  registry_ = registry;
  for (const Challenge& challenge : all) {
    if (challenge.scheme != "bearer" || !challenge.params.contains("realm")) continue;
    const std::string fresh = fetch_token(challenge, registry);
    bearer_ = challenge;
    if (fresh == used) return false;
    authorization_ = fresh;
    return true;
  }
  for (const Challenge& challenge : all) {
    if (challenge.scheme != "basic" || !credentials()) continue;
    const std::string fresh =
        "Basic " + encode_base64(credentials()->user + ":" + credentials()->password);
    if (fresh == used) return false;  // refused already
    authorization_ = fresh;
    return true;
  }
  return false;
}

const std::optional<Credentials>& Authorizer::credentials() {
  if (!looked_) credentials_ = find_credentials(repository_, options_);
  looked_ = true;
  return credentials_;
}

std::optional<Credentials> Authorizer::credentials_for(const Url& registry, const Url& realm) {
  if (is_own_realm(registry, realm)) return credentials();
  // Another's server: what the user has for that one, never what was meant for this registry.
  // Unverified, anybody on the way could name any realm and would be sent its password.
  if (!options_.tls_verify && !realm.is_loopback()) return std::nullopt;
  return find_host_credentials(realm.host_and_port(), options_);
}

std::string Authorizer::fetch_token(const Challenge& challenge, const Url& registry) {
  Url url = Url::parse(challenge.params.at("realm"));
  const auto service = challenge.params.find("service");
  const std::optional<Credentials> who = credentials_for(registry, url);
  HttpRequest request;
  request.url = url;
  request.timeout = kTokenTimeout;
  if (who && !who->identity_token.empty()) {
    request.method = "POST";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body = "grant_type=refresh_token&client_id=bld&refresh_token=" +
                   form_encoded(who->identity_token) +
                   "&scope=" + form_encoded(base::join(scopes_, " "));
    if (service != challenge.params.end()) {
      request.body += "&service=" + form_encoded(service->second);
    }
  } else {
    if (service != challenge.params.end()) url = url.with_query("service", service->second);
    for (const std::string& scope : scopes_) url = url.with_query("scope", scope);
    request.url = url;
    if (who) request.authorization = "Basic " + encode_base64(who->user + ":" + who->password);
  }
  const HttpResponse response = http_.send(request, kMaxTokenAnswer);
  if (response.status != 200) {
    base::Error error("{}: no token: status {}", url.shown(), response.status);
    if (!who && !is_own_realm(registry, url)) {
      error.hint("passwords for " + repository_.registry() + " are not sent to " + url.host() +
                 "; add credentials for that host if it is to be trusted");
    }
    throw error;
  }
  const Token token = parse_token(response.body);
  renew_at_ = std::chrono::steady_clock::now() + token.lifetime - std::chrono::seconds(10);
  return "Bearer " + token.value;
}

}  // namespace bld::registry
