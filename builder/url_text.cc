#include "builder/url_text.h"

#include <algorithm>

#include "base/text.h"

namespace bld::builder {

namespace {

bool usable(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
         name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

// `replacement` makes of the size of a password what stands in its place.
template <typename Replacement>
std::string replace_passwords(std::string_view text, Replacement replacement) {
  std::string shown;
  for (std::size_t scheme; (scheme = text.find("://")) != std::string_view::npos;) {
    const std::size_t begin = scheme + 3;
    const std::size_t end = std::min(text.find_first_of("/?# \t\n\"'", begin), text.size());
    const std::string_view authority = text.substr(begin, end - begin);
    const std::size_t at = authority.rfind('@');
    const std::size_t colon = authority.find(':');
    shown += text.substr(0, begin);
    if (at != std::string_view::npos && colon < at) {
      shown.append(authority.substr(0, colon + 1)).append(replacement(at - colon - 1));
      shown.append(authority.substr(at));
    } else {
      shown += authority;
    }
    text.remove_prefix(end);
  }
  return shown.append(text);
}

}  // namespace

std::string unescape_url(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      if (const auto byte = base::parse_unsigned(text.substr(i + 1, 2), 16)) {
        plain += static_cast<char>(*byte);
        i += 2;
        continue;
      }
    }
    plain += text[i];
  }
  return plain;
}

SplitUrl split_userinfo(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {std::string(url), "", ""};
  const std::size_t begin = scheme + 3;
  const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return {std::string(url), "", ""};
  const std::string_view userinfo = authority.substr(0, at);
  const std::size_t colon = userinfo.find(':');
  SplitUrl split;
  split.url = std::string(url.substr(0, begin)).append(url.substr(begin + at + 1));
  split.user = unescape_url(userinfo.substr(0, colon));
  if (colon != std::string_view::npos) split.password = unescape_url(userinfo.substr(colon + 1));
  return split;
}

std::string without_userinfo(std::string_view url) {
  return base::printable(split_userinfo(url).url);
}

std::string shown_url(std::string_view url) {
  return without_userinfo(url.substr(0, url.find_first_of("?#")));
}

std::string file_name_of_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const std::size_t path = url.find('/');
  if (path == std::string_view::npos) return "";
  std::string name = unescape_url(url.substr(url.rfind('/') + 1));
  return usable(name) ? name : "";
}

// RFC 6266, in the forms that servers send: filename="x", filename=x, filename*=UTF-8''x (wins).
std::string file_name_of_disposition(std::string_view header) {
  std::string plain, extended;
  for (std::size_t begin = std::min(header.find(';'), header.size()); begin < header.size();) {
    header.remove_prefix(begin + 1);
    const std::size_t equals = header.find('=');
    if (equals == std::string_view::npos) break;
    const std::string key = base::to_lower(base::trim(header.substr(0, equals)));
    header = header.substr(equals + 1);
    std::string value;
    std::size_t end = 0;
    if (header.starts_with('"')) {
      for (end = 1; end < header.size() && header[end] != '"'; ++end) {
        if (header[end] == '\\' && end + 1 < header.size()) ++end;
        value += header[end];
      }
    } else {
      value = base::trim(header.substr(0, header.find(';')));
    }
    if (key == "filename") plain = value;
    const std::size_t language = value.find("''");
    if (key == "filename*" && language != std::string::npos) {
      extended = unescape_url(std::string_view(value).substr(language + 2));
    }
    begin = std::min(header.find(';', std::min(end, header.size())), header.size());
  }
  const std::string& name = extended.empty() ? plain : extended;
  return usable(name) ? name : "";
}

std::string without_passwords(std::string_view text) {
  return replace_passwords(text, [](std::size_t) { return std::string("xxxxx"); });
}

std::string with_masked_passwords(std::string_view text) {
  return replace_passwords(text, [](std::size_t size) { return std::string(size, 'x'); });
}

}  // namespace bld::builder
