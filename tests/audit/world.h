// A small PKI, and what the judges find in what it shows.
#pragma once

#include "audit/audit.h"
#include "pki/issued.h"
#include "pki/trust.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::audit::testing {

using base::Seconds;
using base::Time;
using pki::Certificate;
using pki::Identifier;
using pki::KeyType;
using pki::testing::Authority;
using pki::testing::ca_template;
using pki::testing::issue;
using pki::testing::key_of;
using pki::testing::kNow;
using pki::testing::make_intermediate;
using pki::testing::make_root;
using pki::testing::server_template;

inline constexpr Seconds kSecond{1};
inline Time day(const char* text) { return *base::parse_time(std::string(text) + "T00:00:00Z"); }

// Begins now and lives for `life`, both ends included.
inline pki::Template lived(pki::Template wanted, Seconds life, Time begin = kNow) {
  wanted.not_before = begin;
  wanted.not_after = begin + life - Seconds(1);
  return wanted;
}

// Root, issuing CA and a leaf of 90 days for www.example.org.
struct World {
  Authority root = make_root();
  Authority issuing = make_intermediate(root);
  pki::PrivateKey key = key_of(KeyType::ecdsa_p256, 2);
  Certificate leaf = issue(lived(server_template("www.example.org", key), 90 * kDay), issuing);

  Certificate leaf_of(Seconds life, Time begin = kNow) const {
    return issue(lived(server_template("www.example.org", key), life, begin), issuing);
  }
  std::vector<pki::TrustStore> stores() const { return {{"own", pki::StoreKind::own, {root.certificate}}}; }
};

inline const World& world() {
  static const World made;
  return made;
}

inline Sight sight(std::vector<Certificate> chain, Time now, std::vector<pki::TrustStore> stores = world().stores(),
                   std::vector<Certificate> known = {}) {
  Sight seen;
  seen.place = "www.example.org:443";
  seen.asked = {Identifier::parse("www.example.org")};
  seen.trust = pki::ChainJudge(std::move(stores), now, std::move(known)).judge(chain);
  seen.chain = std::move(chain);
  return seen;
}
inline Sight sight_of_leaf(const Certificate& leaf, Time now) {
  return sight({leaf, world().issuing.certificate}, now);
}

// "expiring warning", in any order.
using Names = std::multiset<std::string>;
inline Names names_of(const std::vector<Finding>& findings) {
  Names names;
  for (const Finding& one : findings) names.insert(fmt::format("{} {}", one.rule->id, to_string(one.severity)));
  return names;
}
inline Names found_in(const Sight& seen, Time now, const Criteria& criteria = {}) {
  return names_of(judge(seen, criteria, now));
}

}  // namespace everseal::audit::testing

namespace doctest {
template <>
struct StringMaker<everseal::audit::testing::Names> {
  static String convert(const everseal::audit::testing::Names& names) {
    std::string text;
    for (const std::string& name : names) text += "[" + name + "] ";
    return text.c_str();
  }
};
}  // namespace doctest
