#include "inventory/events.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "reconcile/site.h"
#include "reconcile/verbs/ca_crl.h"
#include "reconcile/verbs/ca_sign.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/revoke.h"

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;

std::string head_of_authorities(const Site& site) {
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
  return inventory::Events(store).head(inventory::Chain::ca).text();
}

TEST_CASE("whatever an authority does, the journal has the new head of its chain") {
  Site site;
  std::vector<std::string> lines;
  site.host.journal = [&](const std::string& line) { lines.push_back(line); };
  const auto check = [&](const char* verb) {
    CAPTURE(verb);
    REQUIRE_FALSE(lines.empty());
    CHECK(lines.back().find(head_of_authorities(site)) != std::string::npos);
    lines.clear();
  };
  issue(site.host, {site.www(), Keep::alive, {}});
  check("issue");
  renew(site.host, {{Name::parse("www")}, Force::yes});
  check("renew");
  const base::Bytes csr = pki::make_csr({{}, {pki::Identifier::parse("a.example.org")}},
                                        pki::PrivateKey::generate(pki::KeyType::ecdsa_p256));
  CaSignRequest request;
  request.authority = Name::parse("corp");
  request.profile = Name::parse("server");
  request.count = 1;
  request.csr = [&](std::size_t) { return csr; };
  std::string serial;
  ca_sign(site.host, request, [&](std::size_t, std::expected<SignedCsr, base::Error> made) {
    REQUIRE(made.has_value());
    serial = made->leaf.serial();
  });
  check("ca sign");
  RevokeRequest revocation;
  revocation.serial = serial;
  revoke(site.host, revocation);
  check("revoke");
  ca_crl(site.host, Name::parse("corp"));
  check("ca crl");
}

}  // namespace
