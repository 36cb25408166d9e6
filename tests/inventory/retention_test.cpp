#include "inventory/retention.h"

#include "inventory/authorities.h"
#include "inventory/events.h"
#include "inventory/managed.h"
#include "inventory/orders.h"
#include "inventory/support.h"
#include "sql/query.h"

#include <vector>

using namespace everseal;
using namespace everseal::inventory;
using base::Fault;

namespace {

const Time kEnd = kNow + 10 * kDay;                 // of every certificate here
const Time kLongAfter = kEnd + kRemembered + kDay;  // nothing is remembered of it

std::int64_t rows(Store& store, const std::string& table) {
  sql::Query query(store.database(), "select count(*) from " + table);
  query->step();
  return query->integer(0);
}

void add_authority(Store& store) { Authorities(store).put({.name = named("corp"), .settings = "{}"}); }

pki::Certificate add_issued(Store& store, std::optional<Time> revoked_at = {}) {
  const auto certificate = add_certificate(store, {.not_after = kEnd});
  Authorities(store).add_issued({.authority = named("corp"),
                                 .serial = certificate.serial(),
                                 .fingerprint = certificate.fingerprint(),
                                 .not_after = kEnd,
                                 .revoked_at = revoked_at,
                                 .reason = pki::RevocationReason::superseded});
  return certificate;
}

void add_crl(Store& store, std::uint64_t number, Time this_update) {
  Authorities(store).put_crl({.authority = named("corp"),
                              .number = number,
                              .this_update = this_update,
                              .next_update = this_update + 7 * kDay,
                              .der = {1}});
}

void add_version(Store& store, int number, VersionState state, Time not_after = kEnd) {
  Managed(store).put({.name = named("www"), .spec = "{}", .spec_hash = "h", .origin = "a.toml:1"});
  const auto certificate = add_certificate(store, {.not_after = not_after});
  Versions(store).put({.name = named("www"),
                       .number = number,
                       .state = state,
                       .issuer = named("corp"),
                       .certificate = certificate.fingerprint(),
                       .not_before = kNow - kDay,
                       .not_after = not_after});
}

std::vector<int> numbers(Store& store) {
  std::vector<int> found;
  for (const auto& version : Versions(store).of(named("www"))) found.push_back(version.number);
  return found;
}

}  // namespace

TEST_CASE("a certificate that ended long ago goes with its names, its serial and what its issuer said of it") {
  TestState test;
  add_authority(test.store);
  const auto certificate = add_issued(test.store);
  RenewalInfos(test.store).put({.certificate = certificate.fingerprint()});
  prune(test.store, kEnd + kRemembered);
  CHECK(rows(test.store, "certificate") == 1);
  prune(test.store, kLongAfter);
  for (const char* table : {"certificate", "certificate_name", "issued", "renewal_info"}) {
    CAPTURE(table);
    CHECK(rows(test.store, table) == 0);
  }
}

TEST_CASE("what is needed still stays, however long ago it ended") {
  TestState test;
  add_authority(test.store);
  add_certificate(test.store, {.not_after = kEnd, .is_ca = true});
  add_version(test.store, 1, VersionState::live);
  prune(test.store, kLongAfter);
  CHECK(rows(test.store, "certificate") == 2);
}

TEST_CASE("a revoked certificate stays until a CRL signed past its end named it, and another does not") {
  struct Row {
    const char* title;
    std::vector<Time> crls;
    int left;
  };
  const Row rows_of[] = {
      {"no CRL", {}, 1},
      {"one past its end", {kEnd + kDay}, 1},
      {"one before, one past its end", {kNow, kEnd + kDay}, 1},
      {"one at its very end, one past it", {kEnd, kEnd + kDay}, 1},
      {"two past its end", {kEnd + kDay, kEnd + 2 * kDay}, 0},
  };
  for (const Row& row : rows_of) {
    CAPTURE(row.title);
    TestState test;
    add_authority(test.store);
    add_issued(test.store, kNow);
    std::uint64_t number = 0;
    for (const Time this_update : row.crls) add_crl(test.store, ++number, this_update);
    prune(test.store, kLongAfter);
    CHECK(rows(test.store, "issued") == row.left);
    CHECK(rows(test.store, "certificate") == row.left);
  }
}

TEST_CASE("many go in parts, the next run goes on, and the history says nothing of it") {
  TestState test;
  constexpr int kMany = 5100;  // more than a run takes away
  const auto certificate = make_certificate({.not_after = kEnd});
  test.store.transaction([&] {
    for (int i = 0; i < kMany; ++i) {
      sql::Query query(test.store.database(),
                       "insert into certificate (fingerprint, serial, subject, issuer, names, not_before, not_after, "
                       "key, is_ca, first_seen, der) values ($1, '4f', $2, $2, $2, 0, $3, 'x', 0, 0, $2)");
      pki::Fingerprint fingerprint;
      fingerprint.octets[0] = static_cast<std::uint8_t>(i);
      fingerprint.octets[1] = static_cast<std::uint8_t>(i >> 8);
      query->bind(1, base::BytesView(fingerprint.octets))
          .bind(2, base::BytesView(certificate.der()))
          .bind(3, base::to_unix(kEnd))
          .execute();
    }
  });
  prune(test.store, kLongAfter);
  CHECK(rows(test.store, "certificate") == kMany - 5000);
  prune(test.store, kLongAfter);
  CHECK(rows(test.store, "certificate") == 0);
}

TEST_CASE("a request that was done is forgotten, one that is open never") {
  TestState test;
  Managed(test.store).put({.name = named("www"), .spec = "{}", .spec_hash = "h", .origin = "a.toml:1"});
  Intents intents(test.store);
  intents.add({.kind = IntentKind::deploy, .subject = named("www"), .created = kNow});
  intents.done(intents.add({.subject = named("www"), .created = kNow}), kEnd);
  prune(test.store, kEnd + kRemembered);
  CHECK(rows(test.store, "intent") == 2);
  prune(test.store, kLongAfter);
  CHECK(rows(test.store, "intent") == 1);
  CHECK(intents.open_for(named("www")).size() == 1);
}

TEST_CASE("versions that ended come in order of expiry, without the live one and one that is being made") {
  TestState test;
  add_version(test.store, 1, VersionState::retired, kEnd + kDay);
  add_version(test.store, 2, VersionState::retired);
  add_version(test.store, 3, VersionState::issued);
  add_version(test.store, 4, VersionState::retired, kEnd + 9 * kDay);
  add_version(test.store, 5, VersionState::live);
  Versions(test.store).put({.name = named("www"), .number = 6, .issuer = named("corp")});
  const auto ended = [&](int limit) {
    std::vector<int> found;
    for (const auto& one : Versions(test.store).ended(named("www"), kEnd + kDay, limit)) found.push_back(one.number);
    return found;
  };
  CHECK(ended(9) == std::vector{2, 3, 1});
  CHECK(ended(1) == std::vector{2});
}

TEST_CASE("a version goes with its order, its certificate is one that was only seen then, and no number comes twice") {
  TestState test;
  for (const int number : {1, 2, 3}) add_version(test.store, number, VersionState::retired);
  Orders(test.store).put({.name = named("www"), .version = 1, .issuer = named("corp")});
  const auto certificate = *Versions(test.store).find(named("www"), 1)->certificate;
  Versions(test.store).discard(named("www"), std::vector{1, 2});
  CHECK(numbers(test.store) == std::vector{3});
  CHECK(rows(test.store, "acme_order") == 0);
  CHECK_FALSE(Certificates(test.store).find(certificate)->managed);
  CHECK(Versions(test.store).next_number(named("www")) == 4);
  CHECK(error_of([&] { Versions(test.store).discard(named("www"), std::vector{3}); }).fault() == Fault::internal);
  CHECK(numbers(test.store) == std::vector{3});
  prune(test.store, kLongAfter);
  CHECK(rows(test.store, "certificate") == 1);
}
