#include "dockerfile/values.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::dockerfile {
namespace {

TEST(Values, PortsAreSpelledOut) {
  using Ports = std::vector<std::string>;
  EXPECT_EQ(exposed_ports("8080"), Ports{"8080/tcp"});
  EXPECT_EQ(exposed_ports("00080/UDP"), Ports{"80/udp"});
  EXPECT_EQ(exposed_ports("7-9/sctp"), (Ports{"7/sctp", "8/sctp", "9/sctp"}));
  EXPECT_EQ(exposed_ports("127.0.0.1:80:443"), Ports{"443/tcp"});
  for (const char* bad : {"", "x", "65536", "9-7", "1-", "80/", "80/icmp", "-1", "1-2-3"}) {
    EXPECT_THROW(exposed_ports(bad), base::Error) << bad;
  }
}

TEST(Values, SignalsByNameAndNumber) {
  for (const char* good : {"9", "SIGTERM", "term", "sigrtmin", "SIGRTMIN+3", "RTMAX-14"}) {
    EXPECT_NO_THROW(check_stop_signal(good)) << good;
  }
  for (const char* bad : {"", "0", "-9", "SIGNO", "SIGRTMIN+16", "SIGRTMIN+", "SIG"}) {
    EXPECT_THROW(check_stop_signal(bad), base::Error) << bad;
  }
}

TEST(Values, DurationsAreThoseOfGo) {
  EXPECT_EQ(parse_duration_ns("0"), 0);
  EXPECT_EQ(parse_duration_ns("1h30m"), 5'400'000'000'000);
  EXPECT_EQ(parse_duration_ns("1.5s"), 1'500'000'000);
  EXPECT_EQ(parse_duration_ns(".1s"), 100'000'000);
  EXPECT_EQ(parse_duration_ns("-3ms"), -3'000'000);
  EXPECT_EQ(parse_duration_ns("7us"), 7'000);
  EXPECT_EQ(parse_duration_ns("7µs"), 7'000);
  for (const char* bad : {"", "5", "s", "1x", "1 s", ".s", "-", "9999999999h", "1s2"}) {
    EXPECT_THROW(parse_duration_ns(bad), base::Error) << bad;
  }
}

}  // namespace
}  // namespace bld::dockerfile
