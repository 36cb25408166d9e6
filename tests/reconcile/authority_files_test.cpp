// An authority's public files are lost: who says so, who brings them back, and what a rebuild does without them.
#include "authority/authority.h"
#include "authority/crl.h"
#include "inventory/authorities.h"
#include "pki/crl.h"
#include "reconcile/doctor.h"
#include "reconcile/plan.h"
#include "reconcile/recover.h"
#include "reconcile/site.h"
#include "reconcile/verbs/backup.h"
#include "reconcile/verbs/ca_crl.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/revoke.h"

#include <functional>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;

struct FilesSite : Site {
  std::string file(std::string_view name) const { return fmt::format("{}/authorities/corp/{}", host.state, name); }
  std::string complaints() const {
    std::string lines;
    for (const Complaint& one : examine(host)) lines += fmt::format("{}: {} ({})\n", one.rule, one.what, one.command);
    return lines;
  }
  bool is_known() const {
    inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, now);
    return inventory::Authorities(store).active_generation(Name::parse("corp")).has_value();
  }
};

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// What a rebuild says of the authority that it could not bring back whole.
Outcome failed_rebuild(const Site& site) {
  const Verdict verdict = rebuild(site.host);
  CHECK(verdict.exit_code() != 0);
  const auto told = std::ranges::find_if(verdict.outcomes, [](const Outcome& one) {
    return one.subject == "authority/corp" && one.result == Result::failed;
  });
  REQUIRE(told != verdict.outcomes.end());
  return *told;
}

// Somebody was revoked, and the database is lost with crl.der; gives where a copy of that lies.
std::string lose_revocations(const FilesSite& site) {
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  REQUIRE(revoke(site.host, {.name = Name::parse("www"), .certificate = {}, .reason = {}}).exit_code() == 0);
  const std::string published = site.root / "published.crl";
  std::filesystem::rename(site.file("crl.der"), published);
  site.lose_database();
  return published;
}

// Why the authority's next steps are what they are.
std::string planned(const Site& site) {
  std::string lines;
  for (const PlannedSubject& subject : reconcile::plan(site.host, {}))
    for (const PlannedStep& step : subject.steps)
      for (const auto& reason : step.why) lines += reason.text + "\n";
  return lines;
}

TEST_SUITE("authority files") {
  TEST_CASE("doctor names the target at which the newest CRL could not be published, and why") {
    FilesSite site;
    const std::string place = site.root / "pub";
    std::filesystem::create_directory(place);
    std::ofstream(site.root / "config/everseal.toml")
        << "config_version = 1\n[authority.corp.publish.web]\ntype = \"files\"\ndirectory = \"" << place
        << "\"\ncontents = [\"crl\"]\n";
    REQUIRE(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
    REQUIRE(site.complaints().empty());
    std::filesystem::remove_all(place);
    std::ofstream(place) << "a file\n";
    site.now += std::chrono::hours{1};
    CHECK(ca_crl(site.host, Name::parse("corp")).exit_code() == 4);  // signed, and not published
    const std::string complaints = site.complaints();
    CAPTURE(complaints);
    CHECK(holds(complaints, "crl-not-published: corp at the target web: CRL "));
    CHECK(holds(complaints, place));
    CHECK_FALSE(holds(complaints, "no longer the newest"));
  }

  TEST_CASE("a CRL that was signed elsewhere with the CA's key is told, whether its number is followed or not") {
    for (const bool beyond : {false, true}) {
      CAPTURE(beyond);
      FilesSite site;
      REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
      const Name corp = Name::parse("corp");
      {
        inventory::Store store = open_store(site.host, sql::Access::read_write);
        auto authority = authority::Authority::open(store, corp, {});
        const std::uint64_t newest = inventory::Authorities(store).newest_crl(corp)->number;
        const pki::CrlRequest foreign{.number = beyond ? authority::kLargestFollowed + 1 : newest + 7,
                                      .this_update = site.now,
                                      .next_update = site.now + std::chrono::days(7),
                                      .entries = {}};
        authority.directory().replace("crl.der", pki::make_crl(foreign, authority.certificate(), authority.signer()),
                                      {.mode = 0644});
      }
      const std::string complaints = site.complaints();
      CAPTURE(complaints);
      CHECK(complaints.starts_with("crl-unknown: "));
      CHECK(holds(complaints, "(everseal ca crl corp)"));
      CHECK(ca_crl(site.host, corp).exit_code() == 0);
      CHECK(site.complaints().empty());
    }
  }

  TEST_CASE("doctor names each public file that is gone, and mend writes it again") {
    for (const char* name : {"authority.json", "root.pem", "intermediate-1.pem"}) {
      CAPTURE(name);
      FilesSite site;
      REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
      REQUIRE(site.complaints().empty());
      std::filesystem::remove(site.file(name));
      CHECK(site.complaints() ==
            fmt::format("authority-file: {} of authority corp is missing (everseal doctor --mend)\n", name));
      const Verdict verdict = mend(site.host);
      CHECK(verdict.exit_code() == 0);
      REQUIRE(verdict.outcomes.size() == 1);
      CHECK(verdict.outcomes.front().subject == "authority/corp");
      CHECK(holds(verdict.outcomes.front().text, name));
      CHECK(site.complaints().empty());
    }
  }

  TEST_CASE("a directory in the place of a public file is put aside by mend") {
    FilesSite site;
    std::filesystem::remove(site.file("root.pem"));
    std::filesystem::create_directories(site.file("root.pem/mine"));
    CHECK(mend(site.host).exit_code() == 0);
    CHECK(std::filesystem::is_regular_file(site.file("root.pem")));
    CHECK(std::filesystem::exists(site.file(".root.pem.aside/mine")));
    CHECK(site.complaints().empty());
  }

  TEST_CASE("a directory in the place of the CRL is put aside by the next run") {
    FilesSite site;
    std::filesystem::remove(site.file("crl.der"));
    std::filesystem::create_directories(site.file("crl.der/mine"));
    CHECK(renew(site.host, {.all = true}).exit_code() == 0);
    CHECK(std::filesystem::is_regular_file(site.file("crl.der")));
    CHECK(std::filesystem::exists(site.file(".crl.der.aside/mine")));
    CHECK(site.complaints().empty());
  }

  TEST_CASE("a rebuild beside a database that can be read keeps the authority, and writes its files again") {
    for (const char* name : {"authority.json", "root.pem", "intermediate-1.pem"}) {
      CAPTURE(name);
      FilesSite site;
      REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
      std::filesystem::remove(site.file(name));
      CHECK(rebuild(site.host).exit_code() == 0);
      CHECK(site.is_known());
      CHECK(site.complaints().empty());
      CHECK(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
    }
  }

  TEST_CASE("where nothing knows an authority a rebuild says what is missing, and keeps what is there") {
    FilesSite site;
    const std::string aside = site.root / "root.pem";
    std::filesystem::rename(site.file("root.pem"), aside);
    site.lose_database();
    const Outcome told = failed_rebuild(site);
    CHECK(holds(told.text, "root.pem"));
    CHECK_FALSE(site.is_known());
    CHECK(std::filesystem::exists(site.file("intermediate-1.key.pem")));
    const std::string complaints = site.complaints();
    CHECK(holds(complaints, "authority-incomplete"));
    CHECK(holds(complaints, "root.pem"));
    CHECK_FALSE(holds(complaints, "takes it in"));

    std::filesystem::rename(aside, site.file("root.pem"));
    CHECK(holds(site.complaints(), "authority-unknown"));
    CHECK(mend(site.host).exit_code() == 0);
    CHECK(site.is_known());
    CHECK(site.complaints().empty());
  }

  TEST_CASE("a rebuild without a CRL says that nobody knows what was revoked, until a published one is put there") {
    FilesSite site;
    const std::string published = lose_revocations(site);
    const Outcome told = failed_rebuild(site);
    CHECK(holds(told.facts.hint, site.file("crl.der")));
    std::filesystem::copy_file(published, site.file("crl.der"));
    CHECK(rebuild(site.host).exit_code() == 0);
    CHECK(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
    CHECK(pki::Crl::parse(base::read_file(site.file("crl.der"), 1 << 20)).entries.size() == 1);
  }

  TEST_CASE("after a rebuild without a CRL none is signed before the last one is back or a person gives it up") {
    for (const bool back : {true, false}) {
      CAPTURE(back);
      FilesSite site;
      const Name corp = Name::parse("corp");
      const std::string published = lose_revocations(site);
      failed_rebuild(site);
      CHECK(renew(site.host, {}).exit_code() != 0);
      CHECK_FALSE(std::filesystem::exists(site.file("crl.der")));
      CHECK_THROWS_AS(ca_crl(site.host, corp), base::Error);
      // A revocation would publish a CRL of itself alone.
      CHECK(revoke(site.host, {.name = Name::parse("www"), .certificate = {}, .reason = {}}).exit_code() != 0);
      CHECK_FALSE(std::filesystem::exists(site.file("crl.der")));
      if (back) {
        std::filesystem::copy_file(published, site.file("crl.der"));
        CHECK(ca_crl(site.host, corp).exit_code() == 0);
        CHECK(pki::Crl::parse(base::read_file(site.file("crl.der"), 1 << 20)).entries.size() >= 1);
      } else {
        CHECK(ca_crl(site.host, corp, Loss::accepted).exit_code() == 0);
        CHECK(site.events("revocations.given_up") == 1);
      }
      site.now += std::chrono::days(1);
      CHECK(renew(site.host, {}).exit_code() == 0);
    }
  }

  TEST_CASE("a restore that nothing tells what was revoked signs no CRL, and a later recovery does not forget that") {
    const Name corp = Name::parse("corp");
    const auto unreadable = [](const FilesSite& site) {
      site.lose_database();
      std::ofstream(site.host.state + "/everseal.db") << "no database at all";
    };
    struct Way {
      const char* what;
      std::function<void(const FilesSite&)> before;  // the restore
    };
    const Way ways[] = {
        {"no database", [](const FilesSite&) {}},
        {"an unreadable one", unreadable},
        {"one that a rebuild made", [](const FilesSite& site) { failed_rebuild(site); }},
        {"an older crl.der",
         [](const FilesSite& site) { std::filesystem::copy_file(site.root / "older.crl", site.file("crl.der")); }},
    };
    for (const Way& way : ways) {
      CAPTURE(way.what);
      FilesSite site;
      std::filesystem::copy_file(site.file("crl.der"), site.root / "older.crl");
      REQUIRE(ca_crl(site.host, corp).exit_code() == 0);
      const std::string copy = site.root / "backup.db";
      backup(site.host, copy);
      const std::string published = lose_revocations(site);
      way.before(site);
      const Restored restored = restore(site.host, copy);
      CHECK(restored.verdict.exit_code() != 0);
      CHECK(restored.replacement.lost == std::vector{corp});
      for (const bool again : {false, true}) {
        CAPTURE(again);
        if (again) rebuild(site.host);
        CHECK_THROWS_AS(ca_crl(site.host, corp), base::Error);
        CHECK(holds(site.complaints(), "revocations-lost"));
        CHECK(holds(planned(site), "--accept-loss"));
      }
      std::filesystem::copy_file(published, site.file("crl.der"), std::filesystem::copy_options::overwrite_existing);
      CHECK(renew(site.host, {}).exit_code() == 0);
      CHECK(pki::Crl::parse(base::read_file(site.file("crl.der"), 1 << 20)).entries.size() == 1);
      CHECK(site.complaints().empty());
    }
  }

  TEST_CASE(
      "a CRL whose number is beyond 63 bits tells what was revoked, and the next one is signed, with a database or "
      "without") {
    FilesSite site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    REQUIRE(revoke(site.host, {.name = Name::parse("www"), .certificate = {}, .reason = {}}).exit_code() == 0);
    std::string signed_last;
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
      const auto entries = pki::Crl::parse(inventory::Authorities(store).newest_crl(Name::parse("corp"))->der).entries;
      const auto key = pki::PrivateKey::parse(
          base::Secret{base::as_text(base::read_file(site.file("intermediate-1.key.pem"), 1 << 20))});
      const auto chain = pki::Certificate::parse_all(base::read_file(site.file("intermediate-1.pem"), 1 << 20));
      const base::Bytes der = pki::make_crl({.number = (std::uint64_t{1} << 63) + 5,
                                             .this_update = site.now,
                                             .next_update = site.now + std::chrono::days(7),
                                             .entries = entries},
                                            chain.front(), key);
      signed_last = base::as_text(der);
    }
    const auto is_signed_anew = [&] {
      const pki::Crl crl = pki::Crl::parse(base::read_file(site.file("crl.der"), 1 << 20));
      CHECK(crl.number.has_value());
      CHECK(crl.entries.size() == 1);
      CHECK(site.complaints().empty());
    };
    const auto put_it_back = [&] { std::ofstream(site.file("crl.der"), std::ios::binary) << signed_last; };
    put_it_back();
    CHECK(holds(site.complaints(), "crl-without-number"));
    REQUIRE(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
    is_signed_anew();
    put_it_back();
    site.lose_database();
    rebuild(site.host);
    CHECK(renew(site.host, {}).exit_code() == 0);
    is_signed_anew();
  }

  TEST_CASE("a database that tells what was revoked does so without any CRL") {
    FilesSite site;
    const std::string copy = site.root / "backup.db";
    backup(site.host, copy);
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    REQUIRE(revoke(site.host, {.name = Name::parse("www"), .certificate = {}, .reason = {}}).exit_code() == 0);
    std::filesystem::remove(site.file("crl.der"));
    CHECK(restore(site.host, copy).replacement.lost.empty());
    CHECK(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
    CHECK(pki::Crl::parse(base::read_file(site.file("crl.der"), 1 << 20)).entries.size() == 1);
  }

  TEST_CASE("what waited for the revocations is done with the next run after they are back or given up") {
    for (const bool back : {true, false}) {
      CAPTURE(back);
      FilesSite site;
      const std::string published = lose_revocations(site);
      failed_rebuild(site);
      for (int i = 0; i < 3; ++i)
        CHECK(revoke(site.host, {.name = Name::parse("www"), .certificate = {}, .reason = {}}).exit_code() != 0);
      if (back)
        std::filesystem::copy_file(published, site.file("crl.der"));
      else
        CHECK(ca_crl(site.host, Name::parse("corp"), Loss::accepted).exit_code() == 0);
      renew(site.host, {});
      CHECK(renew(site.host, {}).exit_code() == 0);
      CHECK(site.events("certificate.revoked") >= 1);
      CHECK(site.complaints().empty());
    }
  }

  TEST_CASE("of an authority whose certificates alone were lost with a part of the database all is known again") {
    FilesSite site;
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      store.database().execute("delete from authority_certificate");
    }
    REQUIRE_FALSE(site.is_known());
    CHECK(rebuild(site.host).exit_code() == 0);
    CHECK(site.is_known());
    CHECK(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
    CHECK(site.complaints().empty());
  }

  TEST_CASE("the daily copy knows an authority whose files are gone") {
    FilesSite site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      keep_daily_copy(site.host, store);
    }
    site.now += std::chrono::minutes(10);  // behind the moment at which the copy was written
    std::filesystem::remove(site.file("root.pem"));
    site.lose_database();
    rebuild(site.host);
    CHECK(site.is_known());
    CHECK(mend(site.host).exit_code() == 0);
    CHECK(std::filesystem::exists(site.file("root.pem")));
    CHECK(renew(site.host, {}).exit_code() == 0);  // what is deployed is proved again
    CHECK(site.complaints().empty());
    CHECK(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
  }

  TEST_CASE("an older database that knows an authority as waiting learns that it does not") {
    FilesSite site;
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      store.database().execute("delete from crl; delete from authority_certificate");
    }
    REQUIRE_FALSE(site.is_known());
    CHECK(mend(site.host).exit_code() == 0);
    CHECK(site.is_known());
    CHECK(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
  }

  TEST_CASE("what an authority failed at is shown, hurried, and over when its cause is gone") {
    enum class Left { nothing, crl };  // what the run after that has to do
    for (const Left left : {Left::nothing, Left::crl})
      for (const bool hurried : {false, true}) {
        CAPTURE(hurried);
        FilesSite site;
        std::filesystem::rename(site.host.state + "/authorities/corp", site.root / "away");
        REQUIRE(renew(site.host, {}).exit_code() == 1);
        std::filesystem::rename(site.root / "away", site.host.state + "/authorities/corp");
        {
          inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
          auto attempts = inventory::Attempts(store).of("authority/corp");
          REQUIRE(attempts.size() == 1);
          attempts.front().count = 9;
          attempts.front().not_before = site.now + std::chrono::hours{24};
          if (hurried) attempts.front().fault = "unavailable";  // of what no look at the disk tells
          inventory::Attempts(store).put(attempts.front());
        }
        if (left == Left::crl) std::filesystem::remove(site.file("crl.der"));
        std::string told;
        for (const PlannedSubject& subject : reconcile::plan(site.host, {})) {
          for (const plan::Reason& reason : subject.standing) told += reason.text + "\n";
          for (const PlannedStep& step : subject.steps)
            for (const plan::Reason& reason : step.why) told += reason.text + "\n";
        }
        CHECK(holds(told, "authorities/corp is missing"));
        RenewRequest request;
        request.all = hurried;
        const Verdict verdict = renew(site.host, request);
        CHECK(verdict.exit_code() == 0);
        CHECK(verdict.remarks.empty());
        CHECK(verdict.standing_failures == 0);
        CHECK(std::filesystem::exists(site.file("crl.der")));
      }
  }

  TEST_CASE("a publication that could not be taken away is taken away by `renew --all` and by `ca crl`") {
    for (const bool by_crl : {false, true}) {
      CAPTURE(by_crl);
      FilesSite site;
      const std::string place = site.root / "pub";
      std::filesystem::create_directory(place);
      const auto configure = [&](const std::string& more) {
        std::ofstream(site.root / "config/everseal.toml") << "config_version = 1\n" << more;
      };
      configure("[authority.corp.publish.web]\ntype = \"files\"\ndirectory = \"" + place +
                "\"\ncontents = [\"crl\"]\n");
      REQUIRE(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
      std::filesystem::rename(place, site.root / "away");
      configure("");
      REQUIRE(renew(site.host, {}).exit_code() == 1);
      std::filesystem::rename(site.root / "away", place);
      if (by_crl) {
        site.now += std::chrono::seconds{5};
        CHECK(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
      } else {
        const Verdict waits = renew(site.host, {});
        REQUIRE(waits.remarks.size() == 1);
        CHECK(holds(waits.remarks.front().hint, "`everseal renew --all` tries it again"));
        RenewRequest all;
        all.all = true;
        CHECK(renew(site.host, all).exit_code() == 0);
      }
      CHECK_FALSE(std::filesystem::exists(place + "/crl.der"));
    }
  }
}

}  // namespace
