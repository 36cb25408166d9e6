#include "authority/revoke.h"

#include "authority/crl.h"
#include "fakes/unsynced_file_system.h"
#include "fixture.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include <doctest/doctest.h>

namespace everseal::authority {
namespace {

using pki::RevocationReason;

std::string crl_file(const Fixture& at) { return at.state() + "/authorities/corp/crl.der"; }
pki::Crl published(const Fixture& at) { return pki::Crl::parse(base::read_file(crl_file(at), 1 << 20)); }

bool lists(const pki::Crl& crl, const std::string& serial) {
  return std::ranges::find(crl.entries, serial, &pki::RevokedEntry::serial) != crl.entries.end();
}

// OpenSSL's opinion of a leaf with the CRL that lies on disk.
base::Exit verify_with_crl(const Fixture& at, const pki::Certificate& leaf) {
  const std::string corp = at.state() + "/authorities/corp/";
  run({"openssl", "crl", "-inform", "DER", "-in", corp + "crl.der", "-out", at.path("crl.pem"), "-CAfile",
       corp + "intermediate-1.pem"});
  return attempt({"openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile", at.path("crl.pem"), "-CAfile",
                  corp + "root.pem", "-untrusted", corp + "intermediate-1.pem", at.write("leaf.pem", {leaf})});
}

}  // namespace

TEST_CASE("a revoked certificate fails OpenSSL's CRL check, its neighbour passes") {
  Corp corp;
  const auto bad = corp.sign(request("server", {"bad.example.org"})).leaf;
  const auto good = corp.sign(request("server", {"good.example.org"})).leaf;
  CHECK(verify_with_crl(corp, bad).success());
  const auto before = published(corp);

  const auto done = revoke(corp.authority, bad.serial(), RevocationReason::key_compromise, corp.now);
  CHECK(done.outcome == RevokeOutcome::revoked);
  CHECK(done.certificate.fingerprint == bad.fingerprint());
  CHECK(contains(verify_with_crl(corp, bad).errors, "certificate revoked"));
  CHECK(verify_with_crl(corp, good).success());
  CHECK(*published(corp).number > *before.number);
  CHECK(
      contains(run({"openssl", "crl", "-inform", "DER", "-in", crl_file(corp), "-noout", "-text"}), "Key Compromise"));
  CHECK(run({"certtool", "--crl-info", "--inder", "--infile", crl_file(corp)}).size() > 100);

  const auto row = inventory::Certificates(corp.store).find(bad.fingerprint());
  REQUIRE(row.has_value());
  CHECK(row->revoked_at == corp.now);
  CHECK(row->revocation_reason == RevocationReason::key_compromise);
  CHECK_FALSE(inventory::Authorities(corp.store).find(name("corp"))->crl_dirty);
  CHECK(inventory::Events(corp.store).verify().intact());

  const auto again = revoke(corp.authority, bad, RevocationReason::superseded, corp.now + base::Seconds{9});
  CHECK(again.outcome == RevokeOutcome::was_revoked);
  CHECK(again.certificate.reason == RevocationReason::key_compromise);
}

TEST_CASE("serial and certificate belong to the authority that revokes them") {
  Corp corp;
  const auto leaf = corp.sign(request("server", {"www.example.org"})).leaf;
  Ceremony wanted;
  wanted.name = name("other");
  corp.found(corp.store, wanted);
  auto other = Authority::open(corp.store, name("other"), {});
  CHECK(thrown([&] { revoke(other, leaf, RevocationReason::superseded, corp.now); }).fault == Fault::denied);
  CHECK(thrown([&] { revoke(other, leaf.serial(), RevocationReason::superseded, corp.now); }).fault ==
        Fault::not_found);
  CHECK(thrown([&] { revoke(corp.authority, "00ff", RevocationReason::superseded, corp.now); }).fault ==
        Fault::not_found);
  CHECK_FALSE(inventory::Certificates(corp.store).find(leaf.fingerprint())->revoked_at.has_value());
}

TEST_CASE("a revocation that is cut between the CRL and the database is finished by the next CRL") {
  Fixture prepared;
  std::string serial;
  {
    auto store = prepared.open_store();
    Ceremony wanted;
    wanted.name = name("corp");
    prepared.found(store, wanted);
    auto authority = Authority::open(store, name("corp"), {});
    serial = sign(authority, request("server", {"www.example.org"}), prepared.now).leaf.serial();
  }
  bool published_first = false;
  for (int at_call = 1; at_call <= 40; ++at_call) {
    Fixture at;
    std::filesystem::remove_all(at.state());
    std::filesystem::copy(prepared.state(), at.state(), std::filesystem::copy_options::recursive);
    const std::string scratch = at.path("scratch");
    std::filesystem::create_directory(scratch);
    const auto end = fakes::run_in_child(scratch, {.kind = fakes::Mishap::Kind::kill, .at = at_call}, [&] {
      auto store = at.open_store();
      auto authority = Authority::open(store, name("corp"), {});
      revoke(authority, serial, RevocationReason::superseded, at.now);
    });
    CAPTURE(at_call);
    auto store = at.open_store();
    inventory::Authorities authorities(store);
    const bool in_file = lists(published(at), serial);
    const bool in_database = authorities.find_issued(name("corp"), serial)->revoked_at.has_value();
    CHECK((in_file || !in_database));
    if (end.how == fakes::ChildEnd::How::done) {
      CHECK(in_database);
      break;
    }
    REQUIRE(end.how == fakes::ChildEnd::How::cut);
    if (!in_file) continue;
    published_first = true;
    const auto number = *published(at).number;
    auto authority = Authority::open(store, name("corp"), {});
    const auto fresh = refresh_crl(authority, at.now);
    CHECK(lists(pki::Crl::parse(fresh.der), serial));
    CHECK(fresh.number > number);
    CHECK(authorities.find_issued(name("corp"), serial)->revoked_at == at.now);
    CHECK(inventory::Certificates(store).find_by_serial(serial).at(0).revoked_at == at.now);
  }
  CHECK(published_first);
}

TEST_CASE("an older database brought back forgets neither revocations nor CRL numbers") {
  Corp corp;
  const std::string backup = corp.path("backup.db");
  const auto early = corp.sign(request("server", {"early.example.org"})).leaf;
  corp.store.database().copy_to(backup);
  const auto late = corp.sign(request("server", {"late.example.org"})).leaf;
  for (const auto& leaf : {early, late}) revoke(corp.authority, leaf, RevocationReason::superseded, corp.now);
  const auto number = *published(corp).number;

  fakes::TemporaryDirectory old;
  std::filesystem::copy(backup, old / "everseal.db");
  std::filesystem::copy(corp.state() + "/authorities", old / "authorities", std::filesystem::copy_options::recursive);
  auto store = inventory::Store::open(old.path(), sql::Access::read_write, corp.now);
  CHECK(merge_published_crl(store, name("corp"), corp.now) == 2);
  CHECK(merge_published_crl(store, name("corp"), corp.now) == 0);
  CHECK(inventory::Authorities(store).newest_crl(name("corp"), 1)->number == number);
  CHECK(inventory::Certificates(store).find(early.fingerprint())->revoked_at == corp.now);
  auto authority = Authority::open(store, name("corp"), {});
  const auto fresh = refresh_crl(authority, corp.now);
  CHECK(fresh.number > number);
  const auto crl = pki::Crl::parse(fresh.der);
  CHECK(lists(crl, early.serial()));
  CHECK(lists(crl, late.serial()));
}

TEST_CASE("a number in crl.der that leaves no room behind it stops no revocation") {
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  for (const std::uint64_t number : {largest, largest - 1, largest / 2 + 1}) {
    CAPTURE(number);
    Corp corp;
    const auto leaf = corp.sign(request("server", {"www.example.org"})).leaf;
    const pki::CrlRequest foreign{
        .number = number, .this_update = corp.now, .next_update = corp.now + std::chrono::days{1}, .entries = {}};
    const base::Bytes der = pki::make_crl(foreign, corp.authority.certificate(), corp.authority.signer());
    corp.authority.directory().replace("crl.der", der, {.mode = 0644});
    merge_published_crl(corp.store, name("corp"), corp.now);
    refresh_crl(corp.authority, corp.now);
    revoke(corp.authority, leaf, RevocationReason::superseded, corp.now);
    CHECK(lists(published(corp), leaf.serial()));
    CHECK(published(corp).number < largest / 2);
  }
}

TEST_CASE("where no larger CRL number can be stored none is published") {
  Corp corp;
  inventory::CrlRecord last = refresh_crl(corp.authority, corp.now);
  last.number = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  inventory::Authorities(corp.store).put_crl(last);
  const pki::Crl before = published(corp);
  const Thrown refused = thrown([&] { refresh_crl(corp.authority, corp.now); });
  CHECK(refused.fault == Fault::invalid);
  CHECK(contains(refused.message, "largest number"));
  CHECK(published(corp).der == before.der);
}

TEST_CASE("a crl.der that is damaged or another CA's says nothing and is replaced") {
  Corp corp;
  const auto leaf = corp.sign(request("server", {"www.example.org"})).leaf;
  revoke(corp.authority, leaf, RevocationReason::superseded, corp.now);
  Corp other;
  for (const base::Bytes& bytes : {base::to_bytes("garbage"), base::read_file(crl_file(other), 1 << 20)}) {
    base::write_file(crl_file(corp), bytes);
    CHECK(merge_published_crl(corp.store, name("corp"), corp.now) == 0);
    refresh_crl(corp.authority, corp.now);
    CHECK(lists(published(corp), leaf.serial()));
  }
}

TEST_CASE("a CRL entry leaves only after one CRL past its certificate's end has held it") {
  Corp corp;
  auto wanted = request("server", {"www.example.org"});
  wanted.lifetime = std::chrono::days{1};
  const auto leaf = corp.sign(wanted).leaf;
  revoke(corp.authority, leaf, RevocationReason::superseded, corp.now);
  const Time end = leaf.not_after();
  CHECK(lists(pki::Crl::parse(refresh_crl(corp.authority, end).der), leaf.serial()));
  CHECK(lists(pki::Crl::parse(refresh_crl(corp.authority, end + std::chrono::days{1}).der), leaf.serial()));
  CHECK_FALSE(lists(pki::Crl::parse(refresh_crl(corp.authority, end + std::chrono::days{2}).der), leaf.serial()));
}

TEST_CASE("a CRL ends with its authority, and an authority that ended signs none") {
  Corp corp;
  const Time end = corp.authority.certificate().not_after();
  const base::Seconds minute{60};
  CHECK(pki::Crl::parse(refresh_crl(corp.authority, end - minute).der).next_update == end);
  for (const Time late : {end, end + minute}) CHECK_THROWS_AS(refresh_crl(corp.authority, late), base::Error);
}

TEST_CASE("CRL numbers grow even where the clock stands still or goes back") {
  Corp corp;
  std::uint64_t last = 0;
  for (const auto shift : {std::chrono::days{0}, std::chrono::days{0}, std::chrono::days{-1}, std::chrono::days{1}}) {
    const auto crl = refresh_crl(corp.authority, corp.now + shift);
    CHECK(crl.number > last);
    last = crl.number;
  }
  CHECK(last >= static_cast<std::uint64_t>(base::to_unix(corp.now + std::chrono::days{1})));
}

}  // namespace everseal::authority
