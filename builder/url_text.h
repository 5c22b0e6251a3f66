// URLs as text.
#pragma once

#include <string>
#include <string_view>

namespace bld::builder {

// "%41" becomes "A"; what is no escape stays.
std::string unescape_url(std::string_view text);

// For messages: without "user:password@".
std::string without_userinfo(std::string_view url);

// The last part of the path, unescaped; empty where there is none that can name a file.
std::string file_name_of_url(std::string_view url);

}  // namespace bld::builder
