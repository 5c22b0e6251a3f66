// Small values with a syntax of their own, after expansion.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bld::dockerfile {

// "8000-8002/TCP" → "8000/tcp", "8001/tcp", "8002/tcp". Throws on what is no port.
std::vector<std::string> exposed_ports(std::string_view text);

// Throws if it is no signal: a name with or without SIG in any case, SIGRTMIN+n, or a number.
void check_stop_signal(std::string_view text);

// A duration as Go writes them ("1h30m", "1.5s", "-3ms"), in nanoseconds. Throws.
long long parse_duration_ns(std::string_view text);

}  // namespace bld::dockerfile
