#include "inventory/certificates.h"

#include "inventory/managed.h"
#include "inventory/subjects.h"
#include "inventory/support.h"
#include "sql/query.h"

#include <algorithm>

using namespace everseal;
using namespace everseal::inventory;
using base::Fault;

namespace {

// The subjects of the rows, in their order.
std::vector<std::string> subjects(Store& store, const CertificateFilter& filter) {
  std::vector<std::string> found;
  Certificates(store).each(filter, [&](const CertificateRecord& row) { found.push_back(row.subject.raw()); });
  return found;
}

using Strings = std::vector<std::string>;

// `certificate` becomes version `number` of `name`.
void make_version(Store& store, std::string_view name, int number, VersionState state,
                  const pki::Certificate& certificate, const std::string& environment, std::string_view issuer) {
  ManagedRecord managed;
  managed.name = named(name);
  managed.environment = environment;
  Managed(store).put(managed);
  VersionRecord version;
  version.name = named(name);
  version.number = number;
  version.state = state;
  version.issuer = named(issuer);
  version.certificate = certificate.fingerprint();
  Versions(store).put(version);
}

}  // namespace

TEST_CASE("a certificate is remembered as it was read, once") {
  TestState test;
  const auto certificate = make_certificate({.names = {"www.example.org", "10.0.0.1"}, .common_name = "www"});
  Certificates certificates(test.store);
  CHECK(certificates.add(std::vector{certificate, certificate}, kNow) == 1);
  CHECK(certificates.add(std::vector{certificate}, kNow + kDay) == 0);
  const auto record = certificates.find(certificate.fingerprint());
  REQUIRE(record);
  CHECK(record->fingerprint == certificate.fingerprint());
  CHECK(record->serial == certificate.serial());
  CHECK(record->subject == certificate.subject());
  CHECK(record->issuer == certificate.issuer());
  CHECK(record->names.raw() == "www.example.org, 10.0.0.1");
  CHECK(record->not_before == certificate.not_before());
  CHECK(record->not_after == certificate.not_after());
  CHECK(record->key == "ECDSA P-256");
  CHECK_FALSE(record->is_ca);
  CHECK(record->first_seen == kNow);
  CHECK_FALSE(record->revoked_at);
  CHECK_FALSE(record->managed);
  CHECK_FALSE(record->version);
  CHECK(record->environment.empty());
  CHECK(record->issuer_name.empty());
  CHECK(certificates.der(certificate.fingerprint()) == certificate.der());
  CHECK_FALSE(certificates.find(pki::Fingerprint{}));
  CHECK_FALSE(certificates.der(pki::Fingerprint{}));
}

TEST_CASE("certificates are found by serial and by the beginning of their fingerprint") {
  TestState test;
  const auto certificate = add_certificate(test.store, {});
  add_certificate(test.store, {});
  Certificates certificates(test.store);
  REQUIRE(certificates.find_by_serial(certificate.serial()).size() == 1);
  CHECK(certificates.find_by_serial("00").empty());
  const std::string digits = certificate.fingerprint().text();
  std::string upper = digits.substr(0, 9);
  std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
  for (const std::string& prefix : {digits.substr(0, 8), digits.substr(0, 9), digits.substr(0, 63), digits, upper,
                                    digits.substr(0, 2) + ":" + digits.substr(2, 6)}) {
    CAPTURE(prefix);
    const auto found = certificates.find_by_prefix(prefix);
    REQUIRE(found.size() == 1);
    CHECK(found[0].fingerprint == certificate.fingerprint());
  }
  for (const std::string& refused : {std::string{}, digits.substr(0, 7), digits + "0", std::string("xyzxyzxyz")}) {
    CAPTURE(refused);
    CHECK(error_of([&] { certificates.find_by_prefix(refused); }).fault() == Fault::usage);
  }
}

TEST_CASE("rows come in order of expiry, within the bounds asked for") {
  TestState test;
  add_certificate(test.store, {.not_after = kNow + 60 * kDay, .common_name = "later"});
  add_certificate(test.store, {.not_after = kNow + 10 * kDay, .common_name = "soon"});
  add_certificate(test.store, {.not_after = kNow - base::Seconds(1), .common_name = "expired"});
  add_certificate(test.store, {.not_after = kNow + 30 * kDay, .common_name = "ca", .is_ca = true});
  CHECK(subjects(test.store, {.now = kNow}) == Strings{"CN=soon", "CN=later"});
  CHECK(subjects(test.store, {}) == Strings{"CN=expired", "CN=soon", "CN=later"});
  CHECK(subjects(test.store, {.now = kNow, .all = true}) == Strings{"CN=expired", "CN=soon", "CN=ca", "CN=later"});
  CHECK(subjects(test.store, {.expires_before = kNow + 30 * kDay, .now = kNow}) == Strings{"CN=soon"});
  CHECK(subjects(test.store, {.expires_before = kNow + 10 * kDay, .now = kNow}).empty());
  CHECK(subjects(test.store, {.now = kNow, .limit = 1}) == Strings{"CN=soon"});
  CHECK(subjects(test.store, {.now = kNow, .limit = 0}).empty());
}

TEST_CASE("certificates are found by the names that they speak for") {
  TestState test;
  const Time t = kNow + kDay;
  add_certificate(test.store, {.names = {"example.org", "www.example.org"}, .not_after = t, .common_name = "site"});
  add_certificate(test.store, {.names = {"*.example.org"}, .not_after = t + kDay, .common_name = "wild"});
  add_certificate(test.store, {.names = {"a.b.example.org"}, .not_after = t + 2 * kDay, .common_name = "deep"});
  add_certificate(test.store, {.names = {"badexample.org"}, .not_after = t + 3 * kDay, .common_name = "bad"});
  add_certificate(test.store, {.names = {"10.0.0.1", "fd00::1"}, .not_after = t + 4 * kDay, .common_name = "ip"});
  add_certificate(test.store, {.names = {"bücher.example"}, .not_after = t + 5 * kDay, .common_name = "idn"});
  add_certificate(test.store, {.names = {"spiffe://corp/web"}, .not_after = t + 6 * kDay, .common_name = "uri"});
  add_certificate(test.store, {.names = {"joe@example.org"}, .not_after = t + 7 * kDay, .common_name = "mail"});
  const std::vector<std::pair<std::string, Strings>> searches{
      {"www.example.org", {"CN=site"}},
      {"WWW.Example.ORG", {"CN=site"}},
      {"example.org", {"CN=site"}},
      {".example.org", {"CN=site", "CN=wild", "CN=deep"}},
      {"*.example.org", {"CN=site", "CN=wild", "CN=deep"}},
      {"*.b.example.org", {"CN=deep"}},
      {".org", {"CN=site", "CN=wild", "CN=deep", "CN=bad"}},
      {"10.0.0.1", {"CN=ip"}},
      {"1.0.0.10", {}},
      {"FD00:0::1", {"CN=ip"}},
      {"bücher.example", {"CN=idn"}},
      {"xn--bcher-kva.example", {"CN=idn"}},
      {"spiffe://corp/web", {"CN=uri"}},
      {"joe@example.org", {"CN=mail"}},
      {"ample.org", {}},
      {"org", {}},
      {"not a name at all\n", {}},
  };
  for (const auto& [name, expected] : searches) {
    CAPTURE(name);
    CHECK(subjects(test.store, {.now = kNow, .name = name}) == expected);
  }
}

TEST_CASE("a certificate with several matching names is one row") {
  TestState test;
  add_certificate(test.store, {.names = {"a.example.org", "b.example.org", "c.example.org"}});
  CHECK(subjects(test.store, {.name = ".example.org"}).size() == 1);
}

TEST_CASE("versions of managed certificates are told from those only seen") {
  TestState test;
  const auto old = add_certificate(test.store, {.not_after = kNow + kDay, .common_name = "old"});
  const auto current = add_certificate(test.store, {.not_after = kNow + 2 * kDay, .common_name = "current"});
  const auto other = add_certificate(test.store, {.not_after = kNow + 3 * kDay, .common_name = "other"});
  add_certificate(test.store, {.not_after = kNow + 4 * kDay, .common_name = "seen"});
  make_version(test.store, "www", 1, VersionState::live, old, "prod", "internal");
  make_version(test.store, "www", 2, VersionState::issued, current, "prod", "internal");
  make_version(test.store, "api", 1, VersionState::live, other, "staging", "acme");

  Store& store = test.store;
  CHECK(subjects(store, {}) == Strings{"CN=old", "CN=current", "CN=other", "CN=seen"});
  CHECK(subjects(store, {.managed_only = true}) == Strings{"CN=old", "CN=other"});
  Versions(store).set_live(named("www"), 2);
  CHECK(subjects(store, {}) == Strings{"CN=current", "CN=other", "CN=seen"});
  CHECK(subjects(store, {.all = true}) == Strings{"CN=old", "CN=current", "CN=other", "CN=seen"});
  CHECK(subjects(store, {.managed_only = true}) == Strings{"CN=current", "CN=other"});
  CHECK(subjects(store, {.environment = "prod"}) == Strings{"CN=current"});
  CHECK(subjects(store, {.issuer = "acme"}) == Strings{"CN=other"});
  CHECK(subjects(store, {.environment = "prod", .issuer = "acme"}).empty());
  CHECK(
      subjects(store, {.expires_before = kNow + 3 * kDay, .now = kNow, .environment = "prod", .managed_only = true}) ==
      Strings{"CN=current"});

  const auto record = Certificates(store).find(current.fingerprint());
  REQUIRE(record);
  CHECK(record->managed == named("www"));
  CHECK(record->version == 2);
  CHECK(record->environment == "prod");
  CHECK(record->issuer_name == "internal");

  auto www = *Managed(store).find(named("www"));
  www.environment = "test";
  Managed(store).put(www);
  CHECK(Certificates(store).find(current.fingerprint())->environment == "test");
  Managed(store).remove(named("www"));
  const auto left = Certificates(store).find(current.fingerprint());
  REQUIRE(left);
  CHECK_FALSE(left->managed);
  CHECK(left->environment.empty());
  CHECK(left->issuer_name == "internal");
}

TEST_CASE("the first revocation stands") {
  TestState test;
  const auto certificate = add_certificate(test.store, {});
  Certificates certificates(test.store);
  certificates.set_revoked(certificate.fingerprint(), kNow, pki::RevocationReason::key_compromise);
  certificates.set_revoked(certificate.fingerprint(), kNow + kDay, pki::RevocationReason::superseded);
  const auto record = certificates.find(certificate.fingerprint());
  CHECK(record->revoked_at == kNow);
  CHECK(record->revocation_reason == pki::RevocationReason::key_compromise);
}

TEST_CASE("a revocation wakes whose version it is, and nobody a second time") {
  TestState test;
  const auto www = add_certificate(test.store, {.common_name = "www"});
  const auto api = add_certificate(test.store, {.common_name = "api"});
  make_version(test.store, "www", 1, VersionState::live, www, "prod", "internal");
  make_version(test.store, "api", 1, VersionState::live, api, "prod", "internal");
  Subjects subjects(test.store);
  for (const bool is_first : {true, false}) {
    CAPTURE(is_first);
    for (const char* name : {"www", "api"}) subjects.rest(certificate_subject(named(name)), kNow + kDay);
    Certificates(test.store).set_revoked(www.fingerprint(), kNow, pki::RevocationReason::key_compromise);
    CHECK(subjects.look_again(certificate_subject(named("www"))) == (is_first ? kNow : kNow + kDay));
    CHECK(subjects.look_again(certificate_subject(named("api"))) == kNow + kDay);
  }
}

TEST_CASE("a batch that fails adds nothing") {
  TestState test;
  const auto certificate = make_certificate({});
  CHECK_THROWS(test.store.transaction([&] {
    Certificates(test.store).add(std::vector{certificate}, kNow);
    throw base::Error(Fault::io, "no");
  }));
  CHECK(subjects(test.store, {.all = true}).empty());
}
