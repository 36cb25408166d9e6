#include "inventory/authorities.h"

#include "inventory/certificates.h"
#include "inventory/subjects.h"
#include "inventory/support.h"

#include <limits>

using namespace everseal;
using namespace everseal::inventory;
using base::Fault;
using pki::RevocationReason;

namespace {

void add_authority(Store& store, std::string_view name) {
  Authorities(store).put({.name = named(name), .settings = "{}", .crl_dirty = false});
  Subjects(store).rest(authority_subject(named(name)), kNow + 10 * kDay);
}

IssuedRecord issued(std::string_view authority, const std::string& serial, Time not_after = kNow + kDay) {
  return {.authority = named(authority), .generation = 1, .serial = serial, .not_after = not_after};
}

std::vector<std::string> serials(const std::vector<IssuedRecord>& records) {
  std::vector<std::string> found;
  for (const auto& record : records) found.push_back(record.serial);
  return found;
}

using Strings = std::vector<std::string>;

CrlRecord crl(std::uint64_t number, int generation = 1) {
  return {.authority = named("corp"),
          .generation = generation,
          .number = number,
          .this_update = kNow,
          .next_update = kNow + kDay,
          .der = {1, 2}};
}

// With a certificate that the authority corp signed.
struct SignedState : TestState {
  pki::Certificate certificate = add_certificate(store, {});

  SignedState() {
    add_authority(store, "corp");
    auto record = issued("corp", certificate.serial());
    record.fingerprint = certificate.fingerprint();
    Authorities(store).add_issued(record);
  }
};

}  // namespace

TEST_CASE("an authority comes back as it was put, and new settings change nothing else") {
  TestState test;
  Authorities authorities(test.store);
  add_authority(test.store, "corp");
  add_authority(test.store, "lab");
  CHECK(authorities.all().size() == 2);
  authorities.mark_crl_dirty(named("corp"), kNow);
  authorities.put({.name = named("corp"), .settings = "{\"x\":1}", .crl_dirty = false});
  CHECK(authorities.find(named("corp"))->settings == "{\"x\":1}");
  CHECK(authorities.find(named("corp"))->crl_dirty);
  CHECK(Subjects(test.store).look_again(authority_subject(named("corp"))) == Time{});
  CHECK_FALSE(authorities.find(named("none")));
}

TEST_CASE("generations of an authority live side by side, the root first") {
  TestState test;
  Authorities authorities(test.store);
  add_authority(test.store, "corp");
  AuthorityCertificateRecord record{.authority = named("corp"),
                                    .role = AuthorityRole::intermediate,
                                    .generation = 2,
                                    .state = GenerationState::prepared,
                                    .der = {1},
                                    .key_file = "i2.pem"};
  authorities.put_certificate(record);
  record.generation = 1;
  record.state = GenerationState::active;
  authorities.put_certificate(record);
  record.role = AuthorityRole::root;
  record.key_file.clear();
  authorities.put_certificate(record);
  const auto found = authorities.certificates(named("corp"));
  REQUIRE(found.size() == 3);
  CHECK(found[0].role == AuthorityRole::root);
  CHECK(found[0].key_file.empty());
  CHECK(found[1].generation == 1);
  CHECK(found[2].generation == 2);
  CHECK(found[2].state == GenerationState::prepared);
  record.authority = named("none");
  CHECK(error_of([&] { authorities.put_certificate(record); }).fault() == Fault::exists);
}

TEST_CASE("a serial is taken once for an authority, for ever") {
  TestState test;
  Authorities authorities(test.store);
  add_authority(test.store, "corp");
  add_authority(test.store, "lab");
  authorities.add_issued(issued("corp", "4f"));
  CHECK(authorities.has_serial(named("corp"), "4f"));
  CHECK_FALSE(authorities.has_serial(named("lab"), "4f"));
  CHECK(error_of([&] { authorities.add_issued(issued("corp", "4f")); }).fault() == Fault::exists);
  authorities.add_issued(issued("lab", "4f"));
  CHECK(authorities.find_issued_by_serial("4f").size() == 2);
  CHECK(authorities.find_issued_by_serial("50").empty());
  CHECK(authorities.find_issued(named("lab"), "4f")->authority == named("lab"));
  CHECK_FALSE(authorities.find_issued(named("lab"), "50"));
}

TEST_CASE("revoking marks the certificate and makes a new CRL due, once") {
  SignedState test;
  Authorities authorities(test.store);
  const pki::Certificate& certificate = test.certificate;

  CHECK(authorities.revoke(named("corp"), certificate.serial(), kNow, RevocationReason::key_compromise));
  CHECK(authorities.find(named("corp"))->crl_dirty);
  CHECK(Subjects(test.store).look_again(authority_subject(named("corp"))) == kNow);
  CHECK(authorities.find_issued(named("corp"), certificate.serial())->revoked_at == kNow);
  CHECK(Certificates(test.store).find(certificate.fingerprint())->revoked_at == kNow);

  authorities.put_crl(crl(1));
  CHECK_FALSE(authorities.revoke(named("corp"), certificate.serial(), kNow + kDay, RevocationReason::superseded));
  CHECK_FALSE(authorities.find(named("corp"))->crl_dirty);
  CHECK(authorities.find_issued(named("corp"), certificate.serial())->reason == RevocationReason::key_compromise);
  CHECK(error_of([&] { authorities.revoke(named("corp"), "00", kNow, {}); }).fault() == Fault::not_found);
}

TEST_CASE("a graver reason takes the place of the earlier one, and makes a new CRL due") {
  SignedState test;
  Authorities authorities(test.store);
  const pki::Certificate& certificate = test.certificate;
  CHECK(authorities.revoke(named("corp"), certificate.serial(), kNow, RevocationReason::superseded));
  authorities.put_crl(crl(1));
  CHECK(authorities.revoke(named("corp"), certificate.serial(), kNow + kDay, RevocationReason::key_compromise));
  CHECK(authorities.find(named("corp"))->crl_dirty);
  const auto known = *authorities.find_issued(named("corp"), certificate.serial());
  CHECK(known.reason == RevocationReason::key_compromise);
  CHECK(known.revoked_at == kNow);
  const auto row = *Certificates(test.store).find(certificate.fingerprint());
  CHECK(row.revocation_reason == RevocationReason::key_compromise);
  CHECK(row.revoked_at == kNow);
}

TEST_CASE("a CRL holds what is revoked and not yet expired, of its generation") {
  TestState test;
  Authorities authorities(test.store);
  add_authority(test.store, "corp");
  auto other_generation = issued("corp", "04", kNow + 9 * kDay);
  other_generation.generation = 2;
  for (const auto& record : {issued("corp", "01", kNow - base::Seconds(1)), issued("corp", "02", kNow + 2 * kDay),
                             issued("corp", "03", kNow), other_generation, issued("corp", "05", kNow + kDay)})
    authorities.add_issued(record);
  for (const char* serial : {"01", "02", "03", "04"})
    authorities.revoke(named("corp"), serial, kNow, RevocationReason::unspecified);
  CHECK(serials(authorities.revoked(named("corp"), 1, kNow)) == Strings{"03", "02"});
  CHECK(serials(authorities.revoked(named("corp"), 2, kNow)) == Strings{"04"});
  CHECK(authorities.revoked(named("lab"), 1, kNow).empty());
}

TEST_CASE("the newest CRL of a generation counts; numbers are not used twice; old ones go") {
  TestState test;
  Authorities authorities(test.store);
  add_authority(test.store, "corp");
  CHECK_FALSE(authorities.newest_crl(named("corp"), 1));
  for (std::uint64_t number = 1795000000; number < 1795000030; ++number) authorities.put_crl(crl(number));
  authorities.put_crl(crl(5, 2));
  CHECK(authorities.newest_crl(named("corp"), 1)->number == 1795000029);
  CHECK(authorities.newest_crl(named("corp"), 2)->number == 5);
  CHECK(authorities.newest_crl(named("corp"), 1)->der == base::Bytes{1, 2});
  CHECK(error_of([&] { authorities.put_crl(crl(1795000029)); }).fault() == Fault::exists);
  CHECK(error_of([&] { authorities.put_crl(crl(std::numeric_limits<std::uint64_t>::max())); }).fault() ==
        Fault::invalid);
  authorities.mark_crl_dirty(named("corp"), kNow);
  CHECK(authorities.find(named("corp"))->crl_dirty);
  authorities.put_crl(crl(1795000030));
  CHECK_FALSE(authorities.find(named("corp"))->crl_dirty);
}
