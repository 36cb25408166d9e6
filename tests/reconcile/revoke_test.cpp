// For which reason a certificate is revoked, and who remembers it.
#include "reconcile/verbs/revoke.h"

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "contains.h"
#include "error_of.h"
#include "fakes/acme_server.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "pki/crl.h"
#include "reconcile/doctor.h"
#include "reconcile/overview.h"
#include "reconcile/plan.h"
#include "reconcile/recover.h"
#include "reconcile/site.h"
#include "reconcile/verbs/account.h"
#include "reconcile/verbs/backup.h"
#include "reconcile/verbs/cancel.h"
#include "reconcile/verbs/remove.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/rollback.h"

#include <array>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace {

using namespace everseal;
using namespace everseal::reconcile;
using pki::RevocationReason;
using std::chrono::hours;

const Name kRevoked = Name::parse("www");

pki::Crl crl_of(const Site& site) {
  return pki::Crl::parse(base::read_file(site.host.state + "/authorities/corp/crl.der", 1 << 20));
}

RevokeRequest revocation_of(const inventory::VersionRecord& version, RevocationReason reason) {
  RevokeRequest request;
  request.fingerprint = version.certificate;
  request.reason = reason;
  return request;
}

inventory::Store store_of(const Site& site) {
  return inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
}

// A CA elsewhere, asked by programs; what it was told to revoke stands in a file, a line each.
struct ForeignSite : Site {
  std::string told = root.path() + "/told";

  ForeignSite() {
    now += std::chrono::minutes(1);  // behind the moment at which the programs sign
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "900",
         "-subj", "/CN=Far CA", "-keyout", root / "ca.key", "-out", root / "ca.pem"});
    std::ofstream(root / "names") << "subjectAltName = DNS:www.example.org\n";
    const std::string issue =
        script("issue", fmt::format("exec openssl x509 -req -days 90 -CA {0}/ca.pem -CAkey {0}/ca.key -set_serial "
                                    "0x$(openssl rand -hex 8) -extfile {0}/names",
                                    root.path()));
    const std::string revoke = script("revoke", fmt::format("echo $EVERSEAL_REASON >> {}", told));
    std::ofstream(root / "config/everseal.toml") << fmt::format(
        "config_version = 1\n[issuer.far]\ntype = \"exec\"\ncommand = [\"{}\"]\nrevoke_command = [\"{}\"]\n", issue,
        revoke);
  }
  static void run(std::vector<std::string> argv) {
    base::Command command;
    command.argv = std::move(argv);
    const base::Exit exit = base::run(command);
    REQUIRE_MESSAGE(exit.success(), exit.errors);
  }
  std::string script(const std::string& name, const std::string& text) const {
    std::ofstream(root / name) << "#!/bin/sh\n" << text << "\n";
    std::filesystem::permissions(root / name, std::filesystem::perms::owner_all);
    return root / name;
  }
  config::Certificate far() const {
    config::Certificate certificate = www();
    certificate.issuers = {Name::parse("far")};
    return certificate;
  }
  std::string reasons() const { return std::string(base::as_text(base::read_file(told, 1 << 20))); }
};

void lose_database_and_backups(const Site& site) {
  site.lose_database();
  std::filesystem::remove_all(site.host.state + "/backups");
}

TEST_SUITE("revoke") {
  TEST_CASE("a revocation is published also while the clock is before the authority's begin") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    site.now -= std::chrono::days(30);
    const Verdict verdict = revoke(site.host, revocation_of_www());
    const auto revoked = std::ranges::find(verdict.outcomes, "revoke", &Outcome::step);
    REQUIRE(revoked != verdict.outcomes.end());
    CHECK(revoked->result == Result::done);
    CHECK(crl_of(site).entries.size() == 1);
    CHECK(*crl_of(site).next_update > crl_of(site).this_update);
  }

  TEST_CASE("keyCompromise takes the place of another reason in CRL and database, and the time stays") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const auto first = site.versions().front();
    REQUIRE(revoke(site.host, revocation_of(first, RevocationReason::superseded)).exit_code() == 0);
    const auto earlier = crl_of(site);
    REQUIRE(earlier.entries.size() == 1);
    CHECK(earlier.entries[0].reason == RevocationReason::superseded);

    site.now += hours(5);
    const Verdict verdict = revoke(site.host, revocation_of(first, RevocationReason::key_compromise));
    CHECK(verdict.exit_code() == 0);
    CHECK(verdict.outcomes.front().facts.reason == "keyCompromise");
    const auto later = crl_of(site);
    REQUIRE(later.entries.size() == 1);
    CHECK(later.entries[0].reason == RevocationReason::key_compromise);
    CHECK(later.entries[0].when == earlier.entries[0].when);
    const auto version = site.versions().front();
    CHECK(version.revocation_reason == RevocationReason::key_compromise);
    CHECK(version.revoked_at == earlier.entries[0].when);
    CHECK(site.live() == 2);
    {
      auto store = store_of(site);
      const auto issued = inventory::Authorities(store).find_issued(Name::parse("corp"), later.entries[0].serial);
      REQUIRE(issued);
      CHECK(issued->reason == RevocationReason::key_compromise);
    }
    CHECK(reconcile::plan(site.host, {kRevoked}).front().steps.empty());
    CHECK(examine(site.host).empty());
  }

  TEST_CASE("any other second reason is refused, and the same one is done already") {
    const struct {
      RevocationReason first, second;
      bool refused;
    } rows[] = {
        {RevocationReason::superseded, RevocationReason::cessation_of_operation, true},
        {RevocationReason::key_compromise, RevocationReason::superseded, true},
        {RevocationReason::superseded, RevocationReason::unspecified, true},
        {RevocationReason::superseded, RevocationReason::superseded, false},
        {RevocationReason::key_compromise, RevocationReason::key_compromise, false},
        {RevocationReason::unspecified, RevocationReason::unspecified, false},
    };
    for (const auto& [first, second, refused] : rows) {
      CAPTURE(to_string(first));
      CAPTURE(to_string(second));
      Site site;
      REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
      const auto version = site.versions().front();
      REQUIRE(revoke(site.host, revocation_of(version, first)).exit_code() == 0);
      const auto before = crl_of(site).der;
      if (refused) {
        const base::Error error = error_of([&] { revoke(site.host, revocation_of(version, second)); });
        CHECK(error.fault() == base::Fault::denied);
        CHECK(error.message().find(to_string(first)) != std::string::npos);
      } else {
        const Verdict verdict = revoke(site.host, revocation_of(version, second));
        CHECK(verdict.exit_code() == 0);
        CHECK(verdict.outcomes.front().text.find("since") != std::string::npos);
      }
      CHECK(crl_of(site).der == before);
      CHECK(site.versions().front().revocation_reason == first);
      CHECK(site.events("certificate.revoked") == 2);  // the CA's and the certificate's
      CHECK(reconcile::plan(site.host, {kRevoked}).front().steps.empty());
    }
  }

  TEST_CASE("who gives no reason finds what is revoked as it is wanted, whatever the first reason was") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const auto version = site.versions().front();
    RevokeRequest by_fingerprint, by_serial, by_certificate;
    by_fingerprint.fingerprint = version.certificate;
    {
      auto store = store_of(site);
      by_serial.serial = inventory::Certificates(store).find(*version.certificate)->serial;
      by_certificate.certificate = pki::Certificate::parse(*inventory::Certificates(store).der(*version.certificate));
    }
    REQUIRE(revoke(site.host, revocation_of(version, RevocationReason::superseded)).exit_code() == 0);
    const auto ask = [&](const RevokeRequest& request) {
      const Verdict verdict = revoke(site.host, request);
      CHECK(verdict.exit_code() == 0);
      CHECK(verdict.outcomes.front().text.find("(superseded)") != std::string::npos);
      CHECK(verdict.outcomes.front().facts.reason == "superseded");
      CHECK(crl_of(site).entries.front().reason == RevocationReason::superseded);
    };
    for (const RevokeRequest& request : {by_fingerprint, by_serial, by_certificate}) ask(request);
    {
      auto store = store_of(site);
      inventory::Versions(store).forget(kRevoked);  // to the database it is one of many that were signed
      inventory::Managed(store).remove(kRevoked);
    }
    for (const RevokeRequest& request : {by_fingerprint, by_serial, by_certificate}) ask(request);
  }

  TEST_CASE("what was signed for others is revoked for a graver reason too, and for no other") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const auto version = site.versions().front();
    std::string serial;
    {
      auto store = store_of(site);
      serial = inventory::Certificates(store).find(*version.certificate)->serial;
      inventory::Versions(store).forget(kRevoked);  // to the database it is one of many that were signed
      inventory::Managed(store).remove(kRevoked);
    }
    RevokeRequest request;
    request.serial = serial;
    request.reason = RevocationReason::superseded;
    CHECK(revoke(site.host, request).exit_code() == 0);
    CHECK(revoke(site.host, request).outcomes.front().text.find("since") != std::string::npos);
    request.reason = RevocationReason::cessation_of_operation;
    CHECK_THROWS_AS(revoke(site.host, request), base::Error);
    CHECK(crl_of(site).entries.front().reason == RevocationReason::superseded);
    request.reason = RevocationReason::key_compromise;
    CHECK(revoke(site.host, request).outcomes.front().facts.reason == "keyCompromise");
    CHECK(crl_of(site).entries.front().reason == RevocationReason::key_compromise);
  }

  TEST_CASE("what is wrong with the archive of a certificate keeps nobody from revoking it") {
    namespace fs = std::filesystem;
    for (const bool is_link : {true, false})
      for (const bool removes : {true, false}) {
        CAPTURE(is_link);
        CAPTURE(removes);
        Site site;
        REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
        const std::string entry = site.host.state + "/archive/www";
        fs::rename(entry, site.root / "elsewhere");
        if (is_link)
          fs::create_symlink(site.root / "elsewhere", entry);
        else
          std::ofstream(entry) << "no directory";
        if (removes)
          remove(site.host, {kRevoked, OnRemoval::revoke, Keys::keep});
        else
          revoke(site.host, revocation_of_www(RevocationReason::key_compromise));
        REQUIRE(crl_of(site).entries.size() == 1);
      }
  }

  TEST_CASE("the graver reason outlives an older database") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const auto version = site.versions().front();
    REQUIRE(revoke(site.host, revocation_of(version, RevocationReason::superseded)).exit_code() == 0);
    const std::string copy = site.root / "copy";
    backup(site.host, copy);
    REQUIRE(revoke(site.host, revocation_of(version, RevocationReason::key_compromise)).exit_code() == 0);
    lose_database_and_backups(site);
    restore(site.host, copy);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(crl_of(site).entries.front().reason == RevocationReason::key_compromise);
    CHECK(site.versions().front().revocation_reason == RevocationReason::key_compromise);
  }

  TEST_CASE("what another CA revoked stays revoked when the database is lost, older or put back") {
    ForeignSite site;
    REQUIRE(issue(site.host, {site.far(), Keep::alive, {}}).exit_code() == 0);
    const std::string copy = site.root / "copy";
    backup(site.host, copy);
    const auto first = site.versions().front();
    REQUIRE(revoke(site.host, revocation_of(first, RevocationReason::superseded)).exit_code() == 0);
    REQUIRE(site.live() == 2);
    CHECK(examine(site.host).empty());
    const auto is_known = [&] {
      const auto version = site.versions().front();
      CHECK(version.revoked_at == first.created);
      CHECK(version.revocation_reason == RevocationReason::superseded);
      CHECK_THROWS_AS(rollback(site.host, {kRevoked, 1}), base::Error);
      for (const Complaint& one : examine(site.host))
        if (one.rule == "revocation-unknown" || one.rule == "version-damaged") FAIL_CHECK(one.what);
    };
    SUBCASE("lost") {
      lose_database_and_backups(site);
      CHECK(rebuild(site.host).exit_code() == 0);
      is_known();
    }
    SUBCASE("an older copy is restored") {
      lose_database_and_backups(site);
      CHECK(restore(site.host, copy).verdict.exit_code() == 0);
      is_known();
    }
    SUBCASE("an older copy is put in its place by hand") {
      lose_database_and_backups(site);
      std::filesystem::copy_file(copy, site.host.state + "/everseal.db");
      const auto complaints = examine(site.host);
      CHECK(std::ranges::find(complaints, "revocation-unknown", &Complaint::rule) != complaints.end());
      CHECK(mend(site.host).exit_code() == 0);
      is_known();
    }
    SUBCASE("the manifest is lost, and written again from the database") {
      std::filesystem::remove(site.host.state + "/archive/www/1/manifest.json");
      CHECK_FALSE(examine(site.host).empty());
      CHECK(mend(site.host).exit_code() == 0);
      lose_database_and_backups(site);
      CHECK(rebuild(site.host).exit_code() == 0);
      is_known();
    }
  }

  TEST_CASE("another CA is told the graver reason, and remembered to have been") {
    ForeignSite site;
    REQUIRE(issue(site.host, {site.far(), Keep::alive, {}}).exit_code() == 0);
    const auto first = site.versions().front();
    REQUIRE(revoke(site.host, revocation_of(first, RevocationReason::superseded)).exit_code() == 0);
    CHECK(revoke(site.host, revocation_of(first, RevocationReason::key_compromise)).exit_code() == 0);
    CHECK_THROWS_AS(revoke(site.host, revocation_of(first, RevocationReason::superseded)), base::Error);
    CHECK(site.reasons() == "superseded\nkeyCompromise\n");
    lose_database_and_backups(site);
    CHECK(rebuild(site.host).exit_code() == 0);
    CHECK(site.versions().front().revocation_reason == RevocationReason::key_compromise);
    CHECK(site.versions().front().revoked_at == first.created);
  }

  TEST_CASE("a CA that keeps the earlier reason is asked with the certificate's own key, and nothing else is claimed") {
    ForeignSite site;
    const fakes::AcmeServer ca;
    std::ofstream(site.root / "config/everseal.toml", std::ios::app) << fmt::format(
        "[issuer.le]\ntype = \"acme\"\ndirectory = \"{}\"\nca_file = \"{}\"\n", ca.directory_url(), ca.ca_file());
    REQUIRE(issue(site.host, {site.far(), Keep::alive, {}}).exit_code() == 0);
    account(site.host, {.issuer = Name::parse("le"), .action = AccountAction::make});
    auto first = site.versions().front();
    first.issuer = Name::parse("le");
    {
      auto store = store_of(site);
      inventory::Versions(store).put(first);
    }
    revoke(site.host, revocation_of(first, RevocationReason::superseded));
    REQUIRE(site.versions().front().revoked_at);
    const int asked = ca.count("revokeCert");
    ca.set_rules(
        [](fakes::AcmeExchange& exchange) {
          if (exchange.resource == "revokeCert")
            exchange.answer = fakes::AcmeAnswer::problem(400, "alreadyRevoked", "it is revoked");
        },
        {});
    CHECK(revoke(site.host, revocation_of(first, RevocationReason::key_compromise)).exit_code() != 0);
    CHECK(ca.count("revokeCert") == asked + 2);  // by the account, then by the key
    CHECK(site.versions().front().revocation_reason == RevocationReason::superseded);
    const auto planned = reconcile::plan(site.host, {kRevoked}).front();
    REQUIRE(planned.steps.size() == 1);
    CHECK(planned.steps.front().gate == plan::Gate::needs_operator);
    CHECK(planned.steps.front().why.back().text.find("superseded") != std::string::npos);
    CHECK(cancel(site.host, {kRevoked, inventory::IntentKind::revoke}).exit_code() == 0);
    CHECK(reconcile::plan(site.host, {kRevoked}).front().steps.empty());
  }

  TEST_CASE("a revocation whose manifest cannot be written is done, says so, and is written by mend") {
    ForeignSite site;
    REQUIRE(issue(site.host, {site.far(), Keep::alive, {}}).exit_code() == 0);
    const auto first = site.versions().front();
    std::ofstream(site.host.state + "/archive/www/1/manifest.json") << "{";
    const Verdict verdict = revoke(site.host, revocation_of(first, RevocationReason::superseded));
    const auto told = std::ranges::find(verdict.outcomes, "revoke", &Outcome::step);
    REQUIRE(told != verdict.outcomes.end());
    CHECK(told->result == Result::warned);
    CHECK(told->text.find("doctor --mend") != std::string::npos);
    CHECK(site.versions().front().revoked_at);
    CHECK(mend(site.host).exit_code() == 0);
    lose_database_and_backups(site);
    rebuild(site.host);
    CHECK(site.versions().front().revoked_at);
  }

  TEST_CASE("who withdraws a revocation that a CA was asked for without an answer is told that it may be done") {
    ForeignSite site;
    REQUIRE(issue(site.host, {site.far(), Keep::alive, {}}).exit_code() == 0);
    const auto first = site.versions().front();
    const auto withdrawn = [&] {
      CHECK(revoke(site.host, revocation_of(first, RevocationReason::superseded)).exit_code() != 0);
      return cancel(site.host, {kRevoked, inventory::IntentKind::revoke});
    };
    site.script("revoke", fmt::format("echo $EVERSEAL_REASON >> {}; kill -9 $$", site.told));
    const Verdict verdict = withdrawn();
    REQUIRE(verdict.outcomes.size() == 2);
    CHECK(verdict.outcomes.back().result == Result::warned);
    CHECK(verdict.outcomes.back().text.find("may be revoked") != std::string::npos);

    std::ofstream(site.root / "config/everseal.toml", std::ios::trunc)
        << "config_version = 1\n[issuer.far]\ntype = \"exec\"\ncommand = [\"/bin/false\"]\n";
    CHECK(withdrawn().outcomes.size() == 1);  // nothing there can revoke, so nothing was asked
  }

  TEST_CASE("each version that a CA was asked to revoke is named to who withdraws, with what asks again") {
    ForeignSite site;
    REQUIRE(issue(site.host, {site.far(), Keep::alive, {}}).exit_code() == 0);
    site.script("revoke", "exit 3");
    for (const std::size_t at : {0UL, 1UL})
      CHECK(revoke(site.host, revocation_of(site.versions().at(at), RevocationReason::superseded)).exit_code() != 0);
    const Verdict verdict = cancel(site.host, {kRevoked, inventory::IntentKind::revoke});
    REQUIRE(verdict.outcomes.size() == 3);
    const std::string text = verdict.outcomes.back().text;
    CHECK_MESSAGE(text.find("version 1 and 2") != std::string::npos, text);
    for (const int number : {1, 2})
      CHECK_MESSAGE(text.find(fmt::format("`everseal revoke --cert {}/archive/www/{}/cert.pem`", site.host.state,
                                          number)) != std::string::npos,
                    text);
  }

  TEST_CASE("a revocation that failed names the issuer and the version") {
    ForeignSite site;
    REQUIRE(issue(site.host, {site.far(), Keep::alive, {}}).exit_code() == 0);
    site.script("revoke", "exit 1");
    const auto first = site.versions().front();
    const Verdict verdict = revoke(site.host, revocation_of(first, RevocationReason::superseded));
    const auto json = nlohmann::json::parse(to_json(verdict));
    bool seen = false;
    for (const auto& outcome : json.at("outcomes")) {
      if (outcome.at("step") != "revoke") continue;
      seen = true;
      CHECK(outcome.at("issuer") == "far");
      CHECK(outcome.at("target").is_null());
      CHECK(outcome.at("version") == 1);
      CHECK(outcome.at("reason") == "superseded");
      CHECK(outcome.at("fingerprint") == first.certificate->text());
    }
    CHECK(seen);
  }
}

}  // namespace

TEST_CASE("a revocation that is asked for again while the CA is away is one request, and a graver reason takes its place") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const std::string here = site.host.state + "/authorities/corp", there = site.root.path() + "/away";
  std::filesystem::rename(here, there);
  const auto open = [&] {
    inventory::Store store = open_store(site.host, sql::Access::read_only);
    return inventory::Intents(store).open_for(kRevoked);
  };
  for (const auto reason : {RevocationReason::superseded, RevocationReason::superseded,
                            RevocationReason::key_compromise, RevocationReason::superseded}) {
    revoke(site.host, revocation_of_www(reason));
    CHECK(open().size() == 1);
  }
  CHECK(open().front().reason == RevocationReason::key_compromise);
  std::filesystem::rename(there, here);
}

TEST_CASE("a revocation that is open is told by the listing, whether it was tried or not") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const auto state = [&] {
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    return overview(site.host, store).certificates.front().state;
  };
  REQUIRE(state().attention == plan::Attention::none);
  {
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
    inventory::IntentRecord intent;
    intent.kind = inventory::IntentKind::revoke;
    intent.subject = Name::parse("www");
    intent.version = 1;
    intent.reason = pki::RevocationReason::key_compromise;
    intent.created = site.now;
    inventory::Intents(store).add(intent);
  }
  CHECK(state().state == plan::State::failing);
  CHECK(state().attention == plan::Attention::needed);
  CHECK(contains(state().why, "the revocation of version 1 (keyCompromise) is not finished: "));
  std::filesystem::rename(site.host.state + "/authorities/corp", site.root / "away");
  CHECK(renew(site.host, {}).exit_code() != 0);
  CHECK(contains(state().why, "revoke of version 1 failed once"));
  CHECK_FALSE(contains(state().why, "is not finished"));
  std::filesystem::rename(site.root / "away", site.host.state + "/authorities/corp");
  CHECK(renew(site.host, {.names = {Name::parse("www")}}).exit_code() == 0);
  CHECK(state().why.empty());
}

TEST_CASE("a removal beside a revocation is told, and each is withdrawn by its own verb") {
  Site site;
  const Name www = Name::parse("www");
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  std::filesystem::rename(site.host.state + "/authorities/corp", site.root / "away");
  revoke(site.host, revocation_of_www());
  remove(site.host, {www, OnRemoval::leave, Keys::keep});
  const auto hint = [&] {
    std::string all;
    for (const Remark& one : renew(site.host, {}).remarks)
      if (one.subject == "certificate/www" && contains(one.text, "revoke of version 1")) all += one.hint + "\n";
    return all;
  };
  const auto standing = [&] {
    std::string all;
    const auto planned = reconcile::plan(site.host, {www});
    for (const plan::Reason& one : planned.front().standing) all += one.text + "\n";
    return all;
  };
  CHECK(contains(standing(), "it is being removed: "));
  CHECK(contains(hint(), "`everseal revoke www --cancel` withdraws it"));
  CHECK_FALSE(contains(hint(), "everseal remove"));
  cancel(site.host, {www, inventory::IntentKind::revoke});
  remove(site.host, {www, OnRemoval::revoke, Keys::keep});
  CHECK(contains(hint(), "`everseal remove www --cancel` withdraws it"));
  CHECK_FALSE(contains(standing(), "it is being removed: "));  // the step says it
}
