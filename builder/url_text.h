// URLs as text.
#pragma once

#include <string>
#include <string_view>

namespace bld::builder {

// "%41" becomes "A"; what is no escape stays.
std::string unescape_url(std::string_view text);

// "https://user:password@host/…" taken apart; user and password unescaped.
struct SplitUrl {
  std::string url;  // without them
  std::string user, password;
};

SplitUrl split_userinfo(std::string_view url);

// For messages: without "user:password@"; and also without query and fragment, where secrets may
// be.
std::string without_userinfo(std::string_view url);
std::string shown_url(std::string_view url);

// The last part of the path, unescaped; empty where there is none that can name a file.
std::string file_name_of_url(std::string_view url);

// The name in a Content-Disposition header, under the same rule.
std::string file_name_of_disposition(std::string_view header);

// `text` with the password of each URL in it replaced by "xxxxx", as others show it: for what is
// kept or shown of an instruction.
std::string without_passwords(std::string_view text);

// The same with "x" for each byte: for what must stay where it is in a line.
std::string with_masked_passwords(std::string_view text);

}  // namespace bld::builder
