// One file of an http or https server.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

#include "base/rooted_dir.h"
#include "registry/transport.h"

namespace bld::builder {

// How servers other than registries are spoken to: --tls-verify, --cert-dir, BLD_REMOTE_TIMEOUT.
struct RemoteAccess {
  registry::ConnectionOptions connection;
  std::chrono::seconds silence{30};       // without a byte, then the connection counts as broken
  std::uint64_t max_bytes = 64ULL << 30;  // a longer file is an Error
};

// What a server says of a file, so that it can be asked whether it is another one now.
struct Validators {
  std::string etag, last_modified;  // as the server wrote them; empty: it did not

  bool empty() const { return etag.empty() && last_modified.empty(); }
};

struct Downloaded {
  bool unchanged = false;  // the server says that the copy with those validators is good; no file
  Validators validators;
  std::string sha256;     // of the file, as "sha256:…"
  std::string file_name;  // as Content-Disposition calls it; empty: it does not, or no usable name
};

// Whether the text is an address of that kind, in any case of letters.
bool is_http_url(std::string_view text);

// Brings the file to `name` in `folder`, where nothing of that name is: complete, with mode 0600
// and the time of its Last-Modified (1970 without one), or not at all. A connection that breaks is
// tried again. User and password in the URL go to its own origin only and are in no message. An
// https address is not led to http, unless TLS is not verified. A gzip Content-Encoding is undone.
// `known`: of a copy that is here already.
Downloaded download(const std::string& url, const RemoteAccess& access, const Validators& known,
                    const base::RootedDir& folder, const std::string& name, std::stop_token stop);

}  // namespace bld::builder
