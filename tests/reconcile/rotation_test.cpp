#include "base/error.h"
#include "config/fragment.h"
#include "fakes/unsynced_file_system.h"
#include "pki/chain.h"
#include "reconcile/facts.h"
#include "reconcile/plan.h"
#include "reconcile/reconcile.h"
#include "reconcile/site.h"
#include "reconcile/verbs/ca_crl.h"
#include "reconcile/verbs/deploy.h"
#include "reconcile/verbs/issue.h"
#include "reconcile/verbs/remove.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/revoke.h"
#include "reconcile/verbs/rollback.h"
#include "reconcile/verbs/verify.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;
using inventory::VersionState;

TEST_SUITE("rotation") {
  TEST_CASE("issue deploys, renewal follows when due, and nothing is done in between") {
    Site site;
    const Verdict first = issue(site.host, {site.www(), Keep::alive, {}});
    REQUIRE(first.exit_code() == 0);
    CHECK(site.live() == 1);
    CHECK(std::filesystem::exists(site.root / "tls/fullchain.pem"));

    CHECK(renew(site.host, {}).outcomes.empty());
    CHECK(site.versions().size() == 1);

    site.now = *site.versions().front().renew_at + std::chrono::seconds(1);
    const Verdict second = renew(site.host, {});
    CHECK(second.exit_code() == 0);
    CHECK(second.renewed == 1);
    CHECK(site.live() == 2);
    CHECK(site.versions().front().state == VersionState::retired);
  }

  TEST_CASE("every outcome about a version says which certificate that is") {
    Site site;
    const auto check = [&](const Verdict& verdict, const char* step, int number) {
      CAPTURE(step);
      REQUIRE_FALSE(verdict.outcomes.empty());
      const Outcome& outcome = verdict.outcomes.back();
      CHECK(outcome.step == step);
      const inventory::VersionRecord version = site.versions().at(static_cast<std::size_t>(number) - 1);
      CHECK(outcome.facts.version == number);
      CHECK(outcome.facts.fingerprint == version.certificate->text());
      CHECK(outcome.facts.serial.size() >= 16);
      CHECK(outcome.facts.not_after == version.not_after);
      CHECK(outcome.facts.renew_at == version.renew_at);
      CHECK(outcome.facts.issuer == "corp");
    };
    check(issue(site.host, {site.www(), Keep::alive, {}}), "deploy", 1);
    check(renew(site.host, {{Name::parse("www")}, Force::yes}), "deploy", 2);
    std::filesystem::rename(site.root / "tls", site.root / "elsewhere");
    check(renew(site.host, {{Name::parse("www")}, Force::yes}), "deploy", 3);  // not deployed
    std::filesystem::rename(site.root / "elsewhere", site.root / "tls");
    check(reconcile::deploy(site.host, {Name::parse("www")}), "deploy", 3);
  }

  TEST_CASE("an outcome names the files that were written or taken away") {
    Site site;
    const auto files_of = [](const Verdict& verdict, std::string_view step) {
      const auto found = std::ranges::find(verdict.outcomes, step, &Outcome::step);
      REQUIRE(found != verdict.outcomes.end());
      return found->facts.files;
    };
    using Files = std::vector<std::string>;
    const Files deployed{site.root / "tls/fullchain.pem", site.root / "tls/privkey.pem"};
    CHECK(files_of(issue(site.host, {site.www(), Keep::alive, {}}), "deploy") == deployed);
    CHECK(files_of(reconcile::deploy(site.host, {Name::parse("www")}), "deploy") == deployed);
    CHECK(files_of(ca_crl(site.host, Name::parse("corp")), "crl") ==
          Files{site.host.state + "/authorities/corp/crl.der"});
    config::Certificate bare = site.www();
    bare.name = Name::parse("bare");
    bare.deployments.clear();
    const std::string version = site.host.state + "/archive/bare/1/";
    CHECK(files_of(issue(site.host, {bare, Keep::alive, {}}), "issue") ==
          Files{version + "privkey.pem", version + "cert.pem", version + "chain.pem", version + "fullchain.pem"});

    std::ofstream(site.root / "config/conf.d/www.toml")
        << "[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n";
    CHECK(files_of(renew(site.host, {}), "retire") == deployed);
  }

  TEST_CASE("a deployment that fails is tried again with the same version, never with another order") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    std::filesystem::rename(site.root / "tls", site.root / "elsewhere");
    const Verdict failed = renew(site.host, {{Name::parse("www")}, Force::yes});
    CHECK(failed.exit_code() == 1);
    CHECK(renew(site.host, {}).exit_code() == 1);  // it stands failed
    CHECK(site.versions().size() == 2);
    std::filesystem::rename(site.root / "elsewhere", site.root / "tls");
    CHECK(renew(site.host, {{Name::parse("www")}, Force::no}).exit_code() == 0);
    CHECK(site.versions().size() == 2);
    CHECK(site.events("certificate.signed") == 2);
  }

  TEST_CASE("a run stopped before it could look whether a reload showed has the next one reload again") {
    Site site;
    const std::string reloads = site.root / "reloads";
    std::ofstream(site.root / "reload") << "#!/bin/sh\necho >>" << reloads << "\n";
    std::filesystem::permissions(site.root / "reload", std::filesystem::perms::owner_all);
    config::Certificate www = site.www(site.root / "reload", {"127.0.0.1:1"});
    www.deployments.front().verify_timeout = std::chrono::seconds(1);
    std::stop_source stop;
    site.host.stop = stop.get_token();
    site.host.clock = [&] {
      if (std::filesystem::exists(reloads)) stop.request_stop();
      return site.now;
    };
    const Verdict stopped = issue(site.host, {www, Keep::alive, {}});
    CHECK(stopped.exit_code() != 0);
    CHECK(stopped.outcomes.back().text.contains("the next run goes on from there"));
    CHECK(std::filesystem::file_size(reloads) == 1);

    site.host.stop = {};
    CHECK(renew(site.host, {}).exit_code() == 1);  // nobody listens
    CHECK(std::filesystem::file_size(reloads) == 2);
  }

  TEST_CASE("what failed says what was the matter and what to do then, and a rollback why there is none") {
    struct Row {
      const char* what;
      std::string reload;
      bool blocked;  // no directory is where one belongs
      std::string_view advice, never;
    };
    const std::string mended = "when that is mended: `everseal deploy www`";
    const std::string set_up = "when the server is set up: `everseal deploy www`";
    const Row rows[] = {
        {"nobody listens yet", "/bin/true", false, set_up, mended},
        {"the reload failed", "/bin/false", false, mended, set_up},
        {"no directory", "/bin/true", true, mended, set_up},
    };
    for (const Row& row : rows) {
      CAPTURE(row.what);
      Site site;
      auto www = site.www(row.reload, {"127.0.0.1:1"});
      www.deployments.front().verify_timeout = std::chrono::seconds(1);
      if (row.blocked) {
        std::filesystem::remove(site.root / "tls");
        std::ofstream(site.root / "tls") << "no directory";
      }
      IssueRequest request(www, Keep::alive, {});
      request.deploy_directory = MissingDirectory::refused;
      const Verdict verdict = issue(site.host, request);
      REQUIRE(is_failure(verdict.outcomes.back().result));
      const std::string said = verdict.outcomes.back().text + "; " + verdict.outcomes.back().facts.hint;
      CHECK(said.find(row.advice) != std::string::npos);
      CHECK(said.find(row.never) == std::string::npos);
      if (row.blocked) continue;
      // Deployed anew, the target had versions before, though none when this one came.
      const Verdict second = deploy(site.host, {www.name});
      CHECK(second.outcomes.back().text.find("there is no previous version") == std::string::npos);
      CHECK(second.outcomes.back().text.find("no other version was in place at this target when it was deployed") !=
            std::string::npos);
    }
  }

  TEST_CASE("whoever asks for what this host lacks is told so before anything is issued, with the file to edit") {
    for (const bool is_there : {true, false}) {
      CAPTURE(is_there);
      Site site;
      std::vector<std::string> warnings;
      site.host.progress = [&](const Progress& progress) {
        if (progress.kind == Progress::Kind::warning && site.versions().empty()) warnings.push_back(progress.text);
      };
      issue(site.host, {site.www(is_there ? "/bin/true" : "/nowhere/reload"), Keep::alive, {}});
      REQUIRE(warnings.empty() == is_there);
      if (is_there) continue;
      CHECK(warnings.front().find("/config/conf.d/www.toml:") != std::string::npos);
      CHECK(warnings.front().find("there is no file /nowhere/reload") != std::string::npos);
    }
  }

  TEST_CASE("a manual rollback stays until it is lifted") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    renew(site.host, {{Name::parse("www")}, Force::yes});
    REQUIRE(site.live() == 2);
    CHECK(rollback(site.host, {Name::parse("www"), std::nullopt}).exit_code() == 0);
    CHECK(site.live() == 1);
    CHECK(renew(site.host, {}).outcomes.empty());
    CHECK(renew(site.host, {{Name::parse("www")}, Force::no}).outcomes.empty());
    CHECK(site.live() == 1);
    CHECK(reconcile::deploy(site.host, {Name::parse("www")}).exit_code() == 0);
    CHECK(site.live() == 2);
    CHECK_THROWS_AS(rollback(site.host, {Name::parse("www"), 9}), base::Error);
  }

  TEST_CASE("a revoked certificate is replaced at once, and the CRL names the old one") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    RevokeRequest request;
    request.name = Name::parse("www");
    request.reason = pki::RevocationReason::key_compromise;
    CHECK(revoke(site.host, request).exit_code() == 0);
    CHECK(site.live() == 2);
    const base::Bytes der = base::read_file(site.host.state + "/authorities/corp/crl.der", 1 << 20);
    CHECK(pki::Crl::parse(der).entries.size() == 1);
    CHECK(site.versions().front().revoked_at);
    CHECK_THROWS_AS(rollback(site.host, {Name::parse("www"), 1}), base::Error);
  }

  TEST_CASE("what vanished from the config is orphaned, and remove forgets it") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    std::filesystem::remove(site.root / "config/conf.d/www.toml");
    site.now += std::chrono::hours(24 * 80);
    CHECK(renew(site.host, {}).renewed == 0);
    const auto planned = reconcile::plan(site.host, {Name::parse("www")});
    CHECK(planned.front().standing.front().rule == everseal::plan::Rule::orphaned);
    // What is asked for by name is refused, not passed over.
    const std::vector<Name> names{Name::parse("www")};
    CHECK_THROWS_AS(renew(site.host, {names, Force::yes}), base::Error);
    CHECK_THROWS_AS(reconcile::deploy(site.host, {names.front()}), base::Error);
    CHECK_THROWS_AS(rollback(site.host, {names.front(), 1}), base::Error);
    CHECK(remove(site.host, {Name::parse("www"), OnRemoval::leave, Keys::keep}).exit_code() == 0);
    CHECK_THROWS_AS(reconcile::plan(site.host, {Name::parse("www")}), base::Error);
  }

  TEST_CASE("a second run gives way") {
    Site site;
    const auto lock = lock_reconciler(site.host);
    try {
      renew(site.host, {});
      FAIL("two runs at once");
    } catch (const base::Error& error) {
      CHECK(error.fault() == base::Fault::busy);
    }
  }

  TEST_CASE("a clock behind the last run orders nothing, says so, and keeps nobody from revoking") {
    Site site;
    site.now += std::chrono::hours(24 * 10);  // the authority's own life has begun, wherever the clock goes
    issue(site.host, {site.www(), Keep::alive, {}});
    site.now -= std::chrono::hours(24 * 9);
    const Verdict verdict = renew(site.host, {{Name::parse("www")}, Force::yes});
    CHECK(verdict.exit_code() == 1);
    REQUIRE(verdict.outcomes.size() == 1);
    CHECK(verdict.outcomes.front().facts.fault == base::Fault::clock);
    CHECK(verdict.outcomes.front().facts.hint.find("--accept-clock") != std::string::npos);
    CHECK(site.versions().size() == 1);
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      inventory::accept_clock(store, site.now);
    }
    CHECK(renew(site.host, {{Name::parse("www")}, Force::yes}).exit_code() == 0);
    CHECK(site.versions().size() == 2);
  }

  TEST_CASE("a clock that the machine's own count does not explain orders nothing, and the right one goes on") {
    Site site;
    base::Seconds up{1000};
    site.host.machine = [&] { return base::MachineClock{.boot_id = "boot", .since_boot = up, .synchronised = {}}; };
    issue(site.host, {site.www(), Keep::alive, {}});
    const Time right = site.now;
    site.now += std::chrono::hours(24 * 365 * 2);
    CHECK(renew(site.host, {}).exit_code() == 4);  // the CRL is signed all the same
    CHECK(renew(site.host, {{Name::parse("www")}, Force::yes}).exit_code() == 1);
    CHECK(site.versions().size() == 1);
    site.now = right + std::chrono::hours(1);
    up += std::chrono::hours(1);
    CHECK(renew(site.host, {{Name::parse("www")}, Force::yes}).exit_code() == 0);
    CHECK(site.versions().size() == 2);
    CHECK(renew(site.host, {}).exit_code() == 0);
  }

  // Files that were not synced are lost, the process is gone; SQLite keeps its own promise. Then the same command
  // again.
  TEST_CASE("power cut or kill at any change of a file: the next run ends live, with one certificate a version") {
#ifdef __SANITIZE_THREAD__
    constexpr int kStride = 10;  // one thread works here; it takes minutes
#else
    constexpr int kStride = 1;
#endif
    for (const auto kind : {fakes::Mishap::Kind::power_cut, fakes::Mishap::Kind::kill}) {
      int cuts = 0;
      for (int at = 1;; at += kStride) {
        CAPTURE(at);
        Site site;
        issue(site.host, {site.www(), Keep::alive, {}});
        const fakes::ChildEnd end = fakes::run_in_child(site.root / "scratch", {kind, at, 0}, [&] {
          renew(site.host, {{Name::parse("www")}, Force::yes});
        });
        if (end.how == fakes::ChildEnd::How::done) break;
        REQUIRE(end.how == fakes::ChildEnd::How::cut);
        ++cuts;

        const archive::Archive archive(site.host.state);
        const int live = site.live();
        REQUIRE(live >= 1);
        const auto version = archive.read(Name::parse("www"), live);
        REQUIRE(version);
        CHECK(pki::key_matches(*archive.key(Name::parse("www"), live), version->chain.front()));

        CHECK(renew(site.host, {{Name::parse("www")}, Force::no}).exit_code() == 0);
        CHECK(site.live() == static_cast<int>(site.versions().size()));
        CHECK(site.events("certificate.signed") == static_cast<std::int64_t>(site.versions().size()));
        CHECK(std::filesystem::read_symlink(site.root / "tls/.everseal/www/current") == std::to_string(site.live()));
        inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
        CHECK(inventory::Events(store).verify().intact());
      }
      CHECK(cuts > 20 / kStride);
    }
  }
}

}  // namespace
