// What every dns kind keeps to, wherever its records stand: for fakes, and for real name servers.
#pragma once

#include "dns/dns.h"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace everseal::contract {

using Values = std::vector<std::string>;

// Records as they are seen from beside, and changed as somebody else would.
struct DnsPlace {
  std::function<Values(const std::string& name)> values;  // sorted
  std::function<void(const std::string& name, const std::string& value)> put;
};

// As long as a challenge's, for servers that take nothing else.
inline std::string challenge_value(char fill) {
  std::string value(43, fill);
  value.back() = '_';
  return value;
}

inline dns::TxtRecord txt(const std::string& name, const std::string& zone, const std::string& value) {
  return {.name = name,
          .zone = zone,
          .value = value,
          .domain = zone,
          .token = {},
          .key_authorization = {},
          .all_domains = {}};
}

inline void keeps_values(dns::Provider& provider, const DnsPlace& place, const std::string& name,
                         const std::string& zone) {
  CAPTURE(name);
  const std::string one = challenge_value('1'), two = challenge_value('2'), others = challenge_value('o');
  // What is absent is gone already.
  CHECK_NOTHROW(provider.remove(txt(name, zone, one), {}));
  CHECK(place.values(name) == Values{});
  // Twice is once.
  for (int i = 0; i < 2; ++i) provider.add(txt(name, zone, one), {});
  CHECK(place.values(name) == Values{one});
  // Several stand beside each other, whoever set them.
  provider.add(txt(name, zone, two), {});
  CHECK(place.values(name) == Values{one, two});
  place.put(name, others);
  CHECK(place.values(name) == Values{one, two, others});
  provider.add(txt(name, zone, others), {});
  CHECK(place.values(name) == Values{one, two, others});
  // Each is taken away alone.
  for (int i = 0; i < 2; ++i) provider.remove(txt(name, zone, one), {});
  CHECK(place.values(name) == Values{two, others});
  provider.remove(txt(name, zone, challenge_value('x')), {});
  CHECK(place.values(name) == Values{two, others});
  provider.remove(txt(name, zone, two), {});
  CHECK(place.values(name) == Values{others});
  provider.remove(txt(name, zone, others), {});
  CHECK(place.values(name) == Values{});
}

}  // namespace everseal::contract
