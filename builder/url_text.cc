#include "builder/url_text.h"

#include "base/text.h"

namespace bld::builder {

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

std::string without_userinfo(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return base::printable(url);
  const std::size_t begin = scheme + 3;
  const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return base::printable(url);
  std::string text(url.substr(0, begin));
  return base::printable(text.append(url.substr(begin + at + 1)));
}

std::string file_name_of_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const std::size_t path = url.find('/');
  if (path == std::string_view::npos) return "";
  std::string name = unescape_url(url.substr(url.rfind('/') + 1));
  const bool usable = name != "." && name != ".." && name.find('/') == std::string::npos &&
                      name.find('\0') == std::string::npos;
  return usable ? name : "";
}

}  // namespace bld::builder
