// Addresses of registries, and what belongs to one origin.
#pragma once

#include <string>
#include <string_view>

namespace bld::registry {

// An absolute http or https address; anything else does not become one.
class Url {
 public:
  // Throws Error for other schemes, missing hosts and text that is no URL.
  static Url parse(std::string_view text);

  // What a Location header means here: absolute or relative.
  Url resolve(std::string_view location) const;
  Url with_query(std::string_view name, std::string_view value) const;  // one more, encoded

  const std::string& scheme() const { return scheme_; }  // "http", "https"

  const std::string& host() const { return host_; }  // lower case, without port

  // As images and credentials name a registry: without a port that the scheme implies.
  std::string host_and_port() const;

  bool is_loopback() const;

  std::string origin() const { return scheme_ + "://" + host_ + ":" + port_; }

  std::string str() const { return text_; }  // without userinfo and fragment

  // For messages: the query may hold signatures.
  std::string shown() const { return text_.substr(0, text_.find('?')); }

 private:
  std::string text_, scheme_, host_, port_;
};

}  // namespace bld::registry
