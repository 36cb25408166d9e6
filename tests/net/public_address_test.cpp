#include "net/public_address.h"

#include "net/system_resolver.h"

#include <string>

#include <doctest/doctest.h>

using namespace everseal;

namespace {

bool is_public(const std::string& text) {
  const net::SystemAnswer literal = net::look_up(text, AF_UNSPEC, AI_NUMERICHOST);
  REQUIRE_MESSAGE(literal.addresses.size() == 1, text);
  return net::is_public(reinterpret_cast<const sockaddr&>(literal.addresses.front()));
}

}  // namespace

TEST_CASE("addresses of everybody's internet are public") {
  for (const char* const text :
       {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",   "100.128.0.0",
        "126.255.255.255", "128.0.0.1",       "169.253.255.255", "169.255.0.0",      "172.15.255.255",
        "172.32.0.0",      "192.0.1.1",       "192.167.255.255", "192.169.0.0",      "198.17.255.255",
        "198.20.0.0",      "223.255.255.255", "168.63.129.15",   "2000::1",          "2001:200::1",
        "2606:4700::1",    "3ffe:ffff::1",    "::ffff:1.1.1.1",  "64:ff9b::1.1.1.1", "2002:101:101::1"}) {
    CAPTURE(text);
    CHECK(is_public(text));
  }
}

TEST_CASE("addresses of this host, of its networks, of metadata and of nobody are not public") {
  for (const char* const text : {"0.0.0.0",
                                 "10.0.0.1",
                                 "10.255.255.255",
                                 "100.64.0.1",
                                 "100.100.100.200",
                                 "127.0.0.1",
                                 "127.255.255.254",
                                 "169.254.169.254",
                                 "172.16.0.1",
                                 "172.31.255.255",
                                 "192.0.0.192",
                                 "192.0.2.1",
                                 "192.168.1.1",
                                 "198.18.0.1",
                                 "198.51.100.1",
                                 "203.0.113.1",
                                 "224.0.0.1",
                                 "240.0.0.1",
                                 "255.255.255.255",
                                 "168.63.129.16",
                                 "::",
                                 "::1",
                                 "fe80::1",
                                 "fc00::1",
                                 "fd00:ec2::254",
                                 "ff02::1",
                                 "2001:db8::1",
                                 "2001::1",
                                 "3fff::1",
                                 "4000::1",
                                 "::ffff:127.0.0.1",
                                 "::ffff:169.254.169.254",
                                 "64:ff9b::10.0.0.1",
                                 "64:ff9b:1::1",
                                 "2002:a00:1::1",
                                 "2002:7f00:1::"}) {
    CAPTURE(text);
    CHECK_FALSE(is_public(text));
  }
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNIX;
  CHECK_FALSE(net::is_public(nowhere));
}
