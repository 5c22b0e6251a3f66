#include "runtime/network.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/error.h"
#include "base/file_io.h"
#include "base/process.h"
#include "base/text.h"

namespace bld::runtime {
namespace {

struct ResolvConf {
  std::vector<std::string> nameservers, searches, options;
};

// Words after the keyword of a line, up to a comment.
std::vector<std::string> words_of(std::string_view line) {
  std::string text(line.substr(0, line.find_first_of("#;")));
  std::replace(text.begin(), text.end(), '\t', ' ');
  std::vector<std::string> words;
  for (std::string& word : base::split(base::trim(text), ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

ResolvConf read_resolv_conf(const std::filesystem::path& path) {
  ResolvConf result;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return result;
  for (const std::string& line : base::split(base::read_file(path, 1 << 20), '\n')) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() < 2) continue;
    const std::vector<std::string> values(words.begin() + 1, words.end());
    if (words[0] == "nameserver") result.nameservers.push_back(values[0]);
    // The last line of these counts, as resolv.conf(5) says.
    if (words[0] == "search" || words[0] == "domain") result.searches = values;
    if (words[0] == "options") {
      result.options.insert(result.options.end(), values.begin(), values.end());
    }
  }
  return result;
}

bool uses_slirp() {
  return base::find_program("pasta").empty() && !base::find_program("slirp4netns").empty();
}

std::string user_mode_nameserver() {
  return std::string(uses_slirp() ? kSlirpNameserver : kForwardedNameserver);
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

// The gateway of the default route, from the kernel's table: hexadecimal, in network byte order.
std::string default_gateway() {
  for (const std::string& line : base::split(base::read_file("/proc/net/route", 1 << 20), '\n')) {
    const auto fields = base::split(line, '\t');
    if (fields.size() < 3 || fields[1] != "00000000") continue;
    const auto gateway = base::parse_unsigned(fields[2], 16);
    if (!gateway || *gateway == 0) continue;
    const in_addr address{static_cast<in_addr_t>(*gateway)};
    char text[INET_ADDRSTRLEN];
    if (::inet_ntop(AF_INET, &address, text, sizeof text) != nullptr) return text;
  }
  return "";
}

// pasta takes what goes to the gateway for the host's own loopback, if it is let.
std::string host_gateway(NetworkMode mode) {
  if (mode == NetworkMode::kHost) return "127.0.0.1";
  const std::string address = mode == NetworkMode::kNone ? ""
                              : uses_slirp()             ? std::string(kSlirpGateway)
                                                         : default_gateway();
  if (!address.empty()) return address;
  throw base::Error("--add-host: {} has no address here: there is no {}", kHostGateway,
                    mode == NetworkMode::kNone ? "network" : "default route");
}

// "ADDRESS<tab>NAMES" of the host's file, a line each, in the words of this network.
std::string host_names(NetworkMode mode, const std::filesystem::path& file) {
  std::string text;
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return text;
  for (const std::string& line : base::split(base::read_file(file, 1 << 20), '\n')) {
    std::vector<std::string> words = words_of(line);
    if (words.size() < 2) continue;
    const std::string address = words[0];
    words.erase(words.begin());
    if (is_loopback(address)) {
      if (mode != NetworkMode::kHost) continue;  // the host's loopback is not the container's
      std::erase(words, "localhost");
    }
    if (!words.empty()) text += address + "\t" + base::join(words, " ") + "\n";
  }
  return text;
}

}  // namespace

std::string resolv_conf_for(NetworkMode mode, const ResolvConfOptions& options) {
  ResolvConf conf = read_resolv_conf(options.host_file);
  if (mode == NetworkMode::kNone) conf.nameservers.clear();
  if (mode == NetworkMode::kPrivate) {
    const std::size_t before = conf.nameservers.size();
    std::erase_if(conf.nameservers, is_loopback);
    // A resolver on the host's loopback: its own servers answer us as well.
    if (conf.nameservers.empty() && before != 0) {
      conf.nameservers = read_resolv_conf(options.upstream_file).nameservers;
      std::erase_if(conf.nameservers, is_loopback);
      if (conf.nameservers.empty()) conf.nameservers = {user_mode_nameserver()};
    }
  }
  if (!options.nameservers.empty()) conf.nameservers = options.nameservers;
  if (!options.searches.empty()) conf.searches = options.searches;
  if (!options.options.empty()) conf.options = options.options;
  std::string text;
  for (const std::string& server : conf.nameservers) text += "nameserver " + server + "\n";
  if (!conf.searches.empty()) text += "search " + base::join(conf.searches, " ") + "\n";
  if (!conf.options.empty()) text += "options " + base::join(conf.options, " ") + "\n";
  return text;
}

std::string hosts_file(NetworkMode mode, std::string_view hostname,
                       const std::vector<HostName>& extra, const std::filesystem::path& host_file) {
  std::string text =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n";
  for (const auto& [name, address] : extra) {
    text += (address == kHostGateway ? host_gateway(mode) : address) + "\t" + name + "\n";
  }
  if (!hostname.empty()) text += fmt::format("127.0.1.1\t{}\n", hostname);
  return text + host_names(mode, host_file);
}

}  // namespace bld::runtime
