#include "registry/url.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/text.h"

namespace bld::registry {

namespace {

// Stricter than RFC 3986: what is accepted here means the same to every other parser.
bool is_host(std::string_view host) {
  const bool is_v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_v6) host = host.substr(1, host.size() - 2);
  return !host.empty() && host.size() <= 253 &&
         std::all_of(host.begin(), host.end(), [&](unsigned char c) {
           return is_v6 ? std::isxdigit(c) != 0 || c == ':' || c == '.'
                        : std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
         });
}

bool is_rest(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '\\' && c != '"' && c != '<' && c != '>';
  });
}

// For messages. Whatever may be a password, or the signature in a query, is left out.
std::string without_secrets(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const std::size_t start = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t at = text.rfind('@');
  const std::size_t query = std::min(text.find_first_of("?#"), text.size());
  if (at == std::string_view::npos || at < start) return std::string(text.substr(0, query));
  std::string shown = std::string(text.substr(0, start)) + "***";
  if (at < query) shown += text.substr(at, query - at);
  return shown;
}

std::string percent_encoded(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      out += static_cast<char>(c);
    } else {
      out += {'%', kDigits[c >> 4], kDigits[c & 15]};
    }
  }
  return out;
}

}  // namespace

Url Url::parse(std::string_view text) {
  const auto refuse = [shown = without_secrets(text).substr(0, 200)](const char* why) {
    return base::Error("\"{}\" is not an address to talk to: {}", base::printable(shown), why);
  };
  text = text.substr(0, text.find('#'));
  Url url;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) throw refuse("it has no scheme");
  url.scheme_ = base::to_lower(text.substr(0, colon));
  if (url.scheme_ != "http" && url.scheme_ != "https") throw refuse("neither http nor https");
  const std::string_view after = text.substr(colon + 3);
  const std::size_t end = std::min(after.find_first_of("/?"), after.size());
  const std::string_view authority = after.substr(0, end);
  const std::string_view rest = after.substr(end);
  if (authority.find('@') != std::string_view::npos) throw refuse("it holds a user name");
  const std::size_t bracket = authority.rfind(']');
  const std::size_t port = authority.find(':', bracket == authority.npos ? 0 : bracket);
  url.host_ = base::to_lower(authority.substr(0, port));
  url.port_ = url.scheme_ == "https" ? "443" : "80";
  if (port != std::string_view::npos) {
    const auto number = base::parse_unsigned(authority.substr(port + 1));
    if (!number || *number == 0 || *number > 65535) throw refuse("the port is no port");
    url.port_ = std::to_string(*number);
  }
  if (!is_host(url.host_)) throw refuse("the host is no host");
  if (!is_rest(rest)) throw refuse("it holds characters that are not allowed");
  url.text_ = url.scheme_ + "://" + url.host_;
  if (port != std::string_view::npos) url.text_ += ":" + url.port_;
  url.text_ += rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  return url;
}

Url Url::resolve(std::string_view location) const {
  const std::size_t scheme = location.find("://");
  if (scheme != std::string_view::npos && scheme < location.find_first_of("/?#")) {
    return parse(location);
  }
  if (location.starts_with("//")) return parse(scheme_ + ":" + std::string(location));
  const std::size_t path = text_.find('/', scheme_.size() + 3);
  const std::size_t query = text_.find('?');
  if (location.starts_with('/')) return parse(text_.substr(0, path) + std::string(location));
  if (location.starts_with('?')) return parse(text_.substr(0, query) + std::string(location));
  const std::size_t folder = text_.substr(0, query).rfind('/');
  return parse(text_.substr(0, folder + 1) + std::string(location));
}

Url Url::with_query(std::string_view name, std::string_view value) const {
  Url url = *this;
  url.text_ += text_.find('?') == std::string::npos ? '?' : '&';
  url.text_ += std::string(name) + "=" + percent_encoded(value);
  return url;
}

std::string Url::host_and_port() const {
  const bool is_default = port_ == (scheme_ == "https" ? "443" : "80");
  return is_default ? host_ : host_ + ":" + port_;
}

bool Url::is_loopback() const {
  return host_ == "localhost" || host_ == "[::1]" || host_.starts_with("127.");
}

}  // namespace bld::registry
