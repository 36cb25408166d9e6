// What was asked for and is not done when the database is lost.
#include "base/error.h"
#include "contains.h"
#include "error_of.h"
#include "reconcile/plan.h"
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

  TEST_CASE("one removal of a name is open, and whoever asks again hears how the two differ") {
    struct Row {
      const char* what;
      RemoveRequest first, second;
      bool revokes, deletes;
      pki::RevocationReason reason;
      std::string_view told;
    };
    using enum pki::RevocationReason;
    const RemoveRequest revoking{.name = kAskedFor, .certificate = OnRemoval::revoke};
    RemoveRequest graver = revoking, both = revoking;
    graver.reason = key_compromise;
    both.keys = Keys::destroy;
    const RemoveRequest plain{.name = kAskedFor};
    const Row rows[] = {
        {"the same", revoking, revoking, true, false, cessation_of_operation, "asked for its removal"},
        {"the keys too", revoking, both, true, true, cessation_of_operation, "now for the end of its private keys too"},
        {"a graver reason", revoking, graver, true, false, key_compromise, "now for the reason keyCompromise too"},
        {"a lesser reason", graver, revoking, true, false, key_compromise, "the reason keyCompromise, which stands"},
        {"less", both, plain, true, true, cessation_of_operation,
         "its revocation (cessationOfOperation) and the end of its private keys, which stands"},
    };
    for (const Row& row : rows) {
      CAPTURE(row.what);
      const RequestSite site;
      REQUIRE(remove(site.host, row.first).exit_code() != 0);
      const auto asked = site.open();
      for (int times = 0; times < 3; ++times) {
        const Verdict verdict = remove(site.host, row.second);
        REQUIRE_FALSE(verdict.outcomes.empty());
        if (times == 0) {
          CAPTURE(verdict.outcomes.back().text);
          CHECK(contains(verdict.outcomes.back().text, row.told));
        }
      }
      const auto open = site.open();
      REQUIRE(open.size() == 1);
      CHECK(open.front().revoke == row.revokes);
      CHECK(open.front().delete_keys == row.deletes);
      CHECK(open.front().reason == row.reason);
      CHECK(open.front().created == asked.front().created);
      CHECK(archive::Archive(site.host.state).requests(kAskedFor).size() == 1);
    }
  }

  TEST_CASE("who removes what is removed hears since when, and what of it is not as he asks") {
    const RequestSite site;
    std::filesystem::rename(site.key + ".away", site.key);
    RemoveRequest request{.name = kAskedFor};
    REQUIRE(remove(site.host, request).exit_code() == 0);
    for (int times = 0; times < 2; ++times) {
      const Verdict again = remove(site.host, request);
      REQUIRE(again.outcomes.size() == 1);
      CHECK(again.exit_code() == 0);
      CHECK(contains(again.outcomes.front().text, "is no longer kept alive since "));
    }
    CHECK(site.events("certificate.removed") == 1);
    request.certificate = OnRemoval::revoke;
    request.keys = Keys::destroy;
    const auto refusal = error_of([&] { remove(site.host, request); });
    CHECK(refusal.fault() == base::Fault::denied);
    CHECK(contains(refusal.message(), "the private key of version 1 was kept and version 1 was not revoked"));
    CHECK(contains(refusal.hint(), "everseal revoke --reason cessationOfOperation --cert"));

    RevokeRequest revocation;
    revocation.certificate = archive::Archive(site.host.state).read(kAskedFor, 1)->chain.front();
    REQUIRE(revoke(site.host, revocation).exit_code() == 0);
    std::filesystem::remove(site.host.state + "/archive/www/1/privkey.pem");
    CHECK(remove(site.host, request).exit_code() == 0);
    CHECK(site.events("certificate.removed") == 1);
    const auto unknown = error_of([&] { remove(site.host, {.name = Name::parse("other")}); });
    CHECK(unknown.fault() == base::Fault::not_found);
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

TEST_CASE("a rehearsal of a forced renewal shows the version that would be issued") {
  Site site;
  const Name www = Name::parse("www");
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  for (const Force force : {Force::no, Force::yes}) {
    const auto planned = rehearse(site.host, {.names = {www}, .force = force});
    REQUIRE(planned.size() == 1);
    std::vector<std::string> steps;
    for (const PlannedStep& step : planned.front().steps) steps.push_back(step.text);
    CHECK(steps ==
          (force == Force::yes ? std::vector<std::string>{"issue version 2 at corp"} : std::vector<std::string>{}));
    CHECK(std::ranges::any_of(planned.front().standing, [](const plan::Reason& one) {
            return one.rule == plan::Rule::nothing_due;
          }) == (force == Force::no));
    CHECK(planned.front().rehearsal.has_value() == (force == Force::yes));
  }
  CHECK(site.versions().size() == 1);
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
  CHECK(inventory::Intents(store).open_for(www).empty());
}
