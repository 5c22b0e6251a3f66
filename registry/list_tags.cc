#include "registry/list_tags.h"

#include "base/error.h"
#include "registry/client.h"
#include "registry/registries_conf.h"

namespace bld::registry {

std::vector<std::string> list_tags(const image::Reference& repository,
                                   const ConnectionOptions& connection, std::stop_token stop) {
  const auto endpoints = RegistriesConf::load().pull_endpoints(repository);
  for (std::size_t i = 0;; ++i) {
    ConnectionOptions options = connection;
    if (endpoints[i].insecure) options.tls_verify = false;
    try {
      return RegistryClient(endpoints[i].reference, options, RegistryClient::Access::kPull, stop)
          .tags();
    } catch (const base::Error&) {
      if (i + 1 == endpoints.size() || stop.stop_requested()) throw;
    }
  }
}

}  // namespace bld::registry
