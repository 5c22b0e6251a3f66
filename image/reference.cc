#include "image/reference.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/text.h"

namespace bld::image {

namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxTag = 128;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_tag(std::string_view tag) {
  if (tag.empty() || tag.size() > kMaxTag || tag.front() == '.' || tag.front() == '-') return false;
  return std::all_of(tag.begin(), tag.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  });
}

// [a-z0-9]+ ((. | _ | __ | -+) [a-z0-9]+)*
bool is_path_component(std::string_view text) {
  std::size_t at = 0;
  const auto take_word = [&] {
    const std::size_t start = at;
    while (at < text.size() && is_lower_alnum(text[at])) ++at;
    return at > start;
  };
  if (!take_word()) return false;
  while (at < text.size()) {
    const std::size_t start = at;
    if (text[at] == '-') {
      while (at < text.size() && text[at] == '-') ++at;
    } else if (text[at] == '_') {
      while (at < text.size() && text[at] == '_') ++at;
      if (at - start > 2) return false;
    } else if (text[at] == '.') {
      ++at;
    } else {
      return false;
    }
    if (!take_word()) return false;
  }
  return true;
}

bool is_registry(std::string_view text) {
  return text == "localhost" || text.find_first_of(".:") != std::string_view::npos;
}

// [a-zA-Z0-9] ([a-zA-Z0-9-]* [a-zA-Z0-9])?, joined by dots: never "." or "..", which would mean
// something else where a host's name becomes the name of a file.
bool is_host(std::string_view host) {
  const std::vector<std::string> labels = base::split(host, '.');
  return std::all_of(labels.begin(), labels.end(), [](const std::string& label) {
    return !label.empty() && label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(),
                       [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
  });
}

bool is_registry_syntax(std::string_view text) {
  if (text.size() > kMaxName) return false;
  const bool is_v6 = text.starts_with('[');
  const std::size_t end = is_v6 ? text.find(']') : text.find(':');
  if (is_v6 && end == std::string_view::npos) return false;
  const std::string_view rest =
      end == std::string_view::npos ? "" : text.substr(is_v6 ? end + 1 : end);
  const std::string_view host = is_v6 ? text.substr(1, end - 1) : text.substr(0, end);
  if (!rest.empty()) {
    const auto port = base::parse_unsigned(rest.substr(1));
    if (rest.front() != ':' || !port || *port > 65535) return false;
  }
  if (!is_v6) return is_host(host);
  return !host.empty() && host.find_first_not_of("0123456789abcdefABCDEF:") == host.npos;
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw base::Error("invalid reference \"{}\": {}", base::printable(text.substr(0, 300)), why);
}

void check_repository(std::string_view text, std::string_view repository) {
  if (base::to_lower(repository) != repository) refuse(text, "repository name must be lowercase");
  for (const std::string& component : base::split(repository, '/')) {
    if (!is_path_component(component)) refuse(text, "invalid reference format");
  }
}

struct Parts {
  std::string name, tag;
  std::optional<Digest> digest;
};

Parts take_apart(std::string_view text) {
  Parts parts;
  std::string_view rest = text;
  const std::size_t at = rest.find('@');
  if (at != std::string_view::npos) {
    try {
      parts.digest = Digest::parse(rest.substr(at + 1));
    } catch (const base::Error& error) {
      refuse(text, error.what());
    }
    rest = rest.substr(0, at);
  }
  const std::size_t colon = rest.rfind(':');
  const std::size_t slash = rest.rfind('/');
  const bool has_tag =
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  if (has_tag) {
    parts.tag = rest.substr(colon + 1);
    if (!is_tag(parts.tag)) refuse(text, "invalid tag");
    rest = rest.substr(0, colon);
  }
  parts.name = rest;
  if (parts.name.empty()) refuse(text, "the name is empty");
  return parts;
}

}  // namespace

Reference Reference::parse(std::string_view text) {
  Parts parts = take_apart(text);
  Reference reference;
  reference.tag_ = std::move(parts.tag);
  reference.digest_ = std::move(parts.digest);
  const std::size_t slash = parts.name.find('/');
  const std::string first = parts.name.substr(0, slash);
  if (slash != std::string::npos && is_registry(first)) {
    if (!is_registry_syntax(first)) refuse(text, "invalid registry");
    reference.registry_ = first;
    reference.repository_ = parts.name.substr(slash + 1);
  } else {
    reference.registry_ = "docker.io";
    reference.repository_ = parts.name;
  }
  if (reference.registry_ == "index.docker.io") reference.registry_ = "docker.io";
  check_repository(text, reference.repository_);
  if (reference.registry_ == "docker.io" && reference.repository_.find('/') == std::string::npos) {
    reference.repository_.insert(0, "library/");
  }
  if (reference.repository_.size() > kMaxName) {
    refuse(text, "the name is longer than 255 characters");
  }
  return reference;
}

Reference Reference::parse_local(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos && is_registry(text.substr(0, slash))) return parse(text);
  try {
    return parse("localhost/" + std::string(text));
  } catch (const base::Error&) {
    parse(text);  // for a message about what was written
    throw;
  }
}

Reference Reference::with_tag(std::string_view tag) const {
  if (!is_tag(tag)) refuse(tag, "invalid tag");
  Reference result = *this;
  result.tag_ = tag;
  return result;
}

Reference Reference::with_digest(Digest digest) const {
  Reference result = *this;
  result.digest_ = std::move(digest);
  return result;
}

Reference Reference::with_default_tag() const {
  return tag_.empty() && !digest_ ? with_tag("latest") : *this;
}

std::string Reference::name() const { return registry_ + "/" + repository_; }

std::string Reference::str() const {
  std::string text = name();
  if (!tag_.empty()) text += ":" + tag_;
  if (digest_) text += "@" + digest_->str();
  return text;
}

std::string Reference::familiar() const {
  std::string text = str();
  if (registry_ != "docker.io") return text;
  const std::string_view first = std::string_view(repository_).substr(0, repository_.find('/'));
  if (is_registry(first)) return text;  // would be taken for a registry
  const bool is_official = first == "library" && repository_.rfind('/') == first.size();
  return text.substr(is_official ? 18 : 10);  // "docker.io/library/", "docker.io/"
}

}  // namespace bld::image
