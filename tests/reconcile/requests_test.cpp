// What was asked for and is not done when the database is lost.
#include "base/error.h"
#include "reconcile/recover.h"
#include "reconcile/site.h"
#include "reconcile/verbs/backup.h"
#include "reconcile/verbs/cancel.h"
#include "reconcile/verbs/remove.h"
#include "reconcile/verbs/renew.h"

#include <functional>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;
using inventory::IntentKind;
using inventory::IntentRecord;

const Name kAskedFor = Name::parse("www");

struct RequestSite : Site {
  std::string key = host.state + "/authorities/corp/intermediate-1.key.pem";
  std::string kept = host.state + "/archive/www/requests.json";

  RequestSite() {
    REQUIRE(issue(host, {www(), Keep::alive, {}}).exit_code() == 0);
    // Nothing can be signed, and so nothing revoked.
    std::filesystem::rename(key, key + ".away");
    host.keys->drop_all();
  }

  std::vector<IntentRecord> open() const {
    inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, now);
    return inventory::Intents(store).open_for(kAskedFor);
  }

  bool tells_of_loss(const Verdict& verdict) const {
    return std::ranges::any_of(verdict.outcomes, [](const Outcome& one) {
      return one.subject == "store" && one.text.find("asked for and not begun") != std::string::npos;
    });
  }
};

TEST_SUITE("requests") {
  TEST_CASE("a removal or revocation that was begun is open again when the database was lost") {
    struct Way {
      const char* what;
      std::function<Verdict(const RequestSite&)> ask;
      IntentKind kind;
    };
    const Way ways[] = {
        {"revocation", [](const RequestSite& site) { return revoke(site.host, revocation_of_www()); },
         IntentKind::revoke},
        {"removal",
         [](const RequestSite& site) {
           return remove(site.host, {.name = kAskedFor, .certificate = OnRemoval::revoke, .keys = Keys::destroy});
         },
         IntentKind::remove},
    };
    for (const Way& way : ways)
      for (const bool restores : {false, true}) {
        CAPTURE(way.what);
        CAPTURE(restores);
        const RequestSite site;
        backup(site.host, site.root / "backup.db");
        REQUIRE(way.ask(site).exit_code() != 0);
        const auto asked = site.open();
        REQUIRE(asked.size() == 1);
        site.lose_database();
        const Verdict verdict = restores ? restore(site.host, site.root / "backup.db").verdict : rebuild(site.host);
        CHECK(site.tells_of_loss(verdict));
        const auto open = site.open();
        REQUIRE(open.size() == 1);
        CHECK(open.front().kind == way.kind);
        CHECK(open.front().version == asked.front().version);
        CHECK(open.front().reason == asked.front().reason);
        CHECK(open.front().revoke == asked.front().revoke);
        CHECK(open.front().delete_keys == asked.front().delete_keys);
        CHECK(open.front().actor == asked.front().actor);
        CHECK(open.front().created == asked.front().created);

        std::filesystem::rename(site.key + ".away", site.key);
        renew(site.host, {});
        CHECK(site.open().empty());
        CHECK_FALSE(std::filesystem::exists(site.kept));
        CHECK(site.events("certificate.revoked") > 0);
        site.lose_database();
        rebuild(site.host);
        CHECK(site.open().empty());
      }
  }

  TEST_CASE("a removal empties the targets that a database made anew does not know, asked for before or after") {
    for (const bool before : {true, false}) {
      CAPTURE(before);
      const RequestSite site;
      const std::string deployed = site.root / "tls/privkey.pem";
      REQUIRE(std::filesystem::exists(deployed));
      const auto ask = [&] {
        return remove(site.host, {.name = kAskedFor, .certificate = OnRemoval::revoke, .keys = Keys::destroy});
      };
      if (before) {
        // The target cannot be emptied yet.
        std::filesystem::rename(site.root / "tls", site.root / "away");
        std::ofstream(site.root / "tls") << "in the way";
        ask();
        std::filesystem::remove(site.root / "tls");
        std::filesystem::rename(site.root / "away", site.root / "tls");
      }
      site.lose_database();
      rebuild(site.host);
      std::filesystem::rename(site.key + ".away", site.key);
      if (!before) CHECK(ask().exit_code() == 0);
      renew(site.host, {});
      CHECK(site.open().empty());
      CHECK_FALSE(std::filesystem::exists(deployed));
      CHECK_FALSE(std::filesystem::exists(site.root / "tls/.everseal/www"));
    }
  }

  TEST_CASE("what was withdrawn or revoked meanwhile is not open again") {
    for (const bool withdrawn : {true, false}) {
      CAPTURE(withdrawn);
      const RequestSite site;
      REQUIRE(revoke(site.host, revocation_of_www()).exit_code() != 0);
      REQUIRE(std::filesystem::exists(site.kept));
      std::filesystem::copy_file(site.kept, site.root / "kept");
      std::filesystem::rename(site.key + ".away", site.key);
      if (withdrawn) {
        cancel(site.host, {kAskedFor, std::nullopt});
        CHECK_FALSE(std::filesystem::exists(site.kept));
      } else {
        renew(site.host, {.names = {kAskedFor}});
        // A crash between the commit and the file leaves that.
        std::filesystem::copy_file(site.root / "kept", site.kept);
      }
      site.lose_database();
      rebuild(site.host);
      if (withdrawn) CHECK(site.open().empty());
      renew(site.host, {.names = {kAskedFor}});
      CHECK(site.open().empty());
      CHECK_FALSE(std::filesystem::exists(site.kept));
    }
  }

  TEST_CASE("a database that can be read forgets no request, and nothing is said of a loss") {
    const RequestSite site;
    backup(site.host, site.root / "backup.db");
    REQUIRE(revoke(site.host, revocation_of_www()).exit_code() != 0);
    for (const bool restores : {false, true}) {
      CAPTURE(restores);
      const Verdict verdict = restores ? restore(site.host, site.root / "backup.db").verdict : rebuild(site.host);
      CHECK_FALSE(site.tells_of_loss(verdict));
      CHECK(site.open().size() == 1);
    }
  }

  TEST_CASE("requests that cannot be read are told, and keep nothing else from being known") {
    const RequestSite site;
    std::ofstream(site.kept) << "{}";
    site.lose_database();
    const Verdict verdict = rebuild(site.host);
    CHECK(verdict.exit_code() != 0);
    CHECK(std::ranges::any_of(verdict.outcomes, [](const Outcome& one) {
      return one.subject == "certificate/www" && one.result == Result::failed &&
             one.text.find("requests.json") != std::string::npos;
    }));
    CHECK(site.versions().size() == 1);
  }
}

}  // namespace
