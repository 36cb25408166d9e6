// What an installation's authorities sign, and what was added to a machine's trust by hand.
#include "scan/own_authorities.h"

#include "fakes/temporary_directory.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "pki/issued.h"
#include "scan/standards.h"
#include "scan/trust_stores.h"

#include <array>
#include <fstream>

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::scan;
namespace t = everseal::pki::testing;

namespace {

constexpr base::Seconds kADay{86'400};

struct Installation {
  fakes::TemporaryDirectory directory;
  inventory::Store store = inventory::Store::create(directory / "state", t::kNow);
  t::Authority root = t::make_root();
  t::Authority issuing = t::make_intermediate(root);
  base::Name corp = base::Name::parse("corp");
  config::Config config;

  Installation() {
    inventory::Authorities authorities(store);
    authorities.put({.name = corp, .settings = "{}"});
    inventory::Certificates(store).add(std::array{root.certificate, issuing.certificate}, t::kNow);
    put(root.certificate, inventory::AuthorityRole::root);
    put(issuing.certificate, inventory::AuthorityRole::intermediate);
  }
  void put(const pki::Certificate& certificate, inventory::AuthorityRole role) {
    inventory::Authorities(store).put_certificate({.authority = corp,
                                                   .role = role,
                                                   .fingerprint = certificate.fingerprint(),
                                                   .der = {certificate.der().begin(), certificate.der().end()},
                                                   .key_file = {}});
  }
  config::Authority& said() {
    return config.authorities.try_emplace(corp, config::Authority{.name = corp}).first->second;
  }
};

}  // namespace

TEST_CASE("an authority needs as long as what it signs lives") {
  Installation here;
  const auto signs = [&](const pki::Certificate& certificate) {
    return own_authorities(here.store, here.config).signs.at(certificate.fingerprint());
  };
  CHECK(signs(here.issuing.certificate).longest == 90 * kADay);
  CHECK(signs(here.issuing.certificate).settle == 7 * kADay);
  CHECK(signs(here.root.certificate).longest ==
        here.issuing.certificate.not_after() - here.issuing.certificate.not_before() + base::Seconds{1});
  const base::Name device = base::Name::parse("device");
  here.config.profiles[device].lifetime = 200 * kADay;
  CHECK(signs(here.issuing.certificate).longest == 200 * kADay);
  here.config.certificates[device].lifetime = 300 * kADay;
  CHECK(signs(here.issuing.certificate).longest == 300 * kADay);
  here.said().longest = 100 * kADay;
  here.said().settle = 2 * kADay;
  CHECK(signs(here.issuing.certificate).longest == 100 * kADay);
  CHECK(signs(here.issuing.certificate).settle == 2 * kADay);
  CHECK(own_authorities(here.store, here.config).roots == std::vector{here.root.certificate});
}

TEST_CASE("a CA certificate that was seen once names what a chain lacks, and makes none trusted") {
  Installation here;
  const t::Authority foreign = t::make_root(pki::KeyType::ecdsa_p256, 7, "Foreign");
  const t::Authority between = t::make_intermediate(foreign, pki::KeyType::ecdsa_p256, 8, "Between");
  inventory::Certificates(here.store).add(std::array{between.certificate}, t::kNow);
  config::Settings settings;
  settings.audit.trust = {};
  const auto leaf = t::issue(t::server_template("a.example", t::key_of(pki::KeyType::ecdsa_p256, 2)), here.issuing);
  const auto other = t::issue(t::server_template("b.example", t::key_of(pki::KeyType::ecdsa_p256, 2)), between);
  Standards standards(settings, {}, own_authorities(here.store, here.config), t::kNow);
  const auto verdict = standards.of({}).chains->judge(std::array{leaf});
  REQUIRE(verdict->stores.size() == 1);
  CHECK_FALSE(verdict->stores[0].trusted);
  CHECK(verdict->stores[0].absent == std::vector{here.issuing.certificate});
  CHECK_FALSE(standards.of({}).chains->judge(std::array{other, between.certificate})->stores[0].trusted);
}

TEST_CASE("what somebody added to the machine's trust is told from public roots") {
  const fakes::TemporaryDirectory folder;
  const t::Authority company = t::make_root(), web = t::make_root(pki::KeyType::ecdsa_p256, 7, "Web"),
                     left = t::make_root(pki::KeyType::ecdsa_p256, 8, "Left");
  std::ofstream(folder / "company.crt") << company.certificate.pem();
  std::ofstream(folder / "left.crt") << left.certificate.pem();
  std::ofstream(folder / "notes.txt") << "nothing\n";
  const std::vector<pki::Certificate> system{company.certificate, web.certificate};
  CHECK(local_anchors(system, {folder.path()}) == std::vector{company.certificate});
  CHECK(local_anchors(system, {folder / "none"}).empty());
  CHECK(local_anchors({}, {folder.path()}).empty());
}
