// A database that went another way than the files beside it, or came from another state.
#include "base/file.h"
#include "contains.h"
#include "inventory/backup.h"
#include "pki/key.h"
#include "reconcile/doctor.h"
#include "reconcile/recover.h"
#include "reconcile/site.h"
#include "reconcile/verbs/mend.h"
#include "reconcile/verbs/renew.h"

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::reconcile;

namespace {

namespace fs = std::filesystem;

const Name kTwin = Name::parse("www");

void back_up(const Host& host, const std::string& file, Time now) {
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, now);
  inventory::backup(store, file);
}

Host clone_of(const Site& site) {
  const std::string clone = site.root / "clone";
  fs::copy(site.host.state, clone, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  Host other = site.host;
  other.state = clone;
  other.files = config::files(site.root.path() + "/config/everseal.toml", clone);
  return other;
}

std::string live_certificate(const Site& site) {
  return archive::Archive(site.host.state).read(kTwin, site.live())->chain.front().fingerprint().text();
}

bool is_pair(const Site& site, int number) {
  const archive::Archive archive(site.host.state);
  const auto key = archive.key(kTwin, number);
  return key && pki::key_matches(*key, archive.read(kTwin, number)->chain.front());
}

std::string told(const Verdict& verdict) {
  std::string lines;
  for (const Outcome& one : verdict.outcomes) lines += fmt::format("{} -> {}\n", one.text, one.facts.hint);
  return lines;
}

void check_sound(const Site& site) {
  for (const Complaint& one : examine(site.host)) CHECK_MESSAGE(false, one.what);
}

}  // namespace

TEST_SUITE("a database of another way") {
  TEST_CASE("what another copy of the CA revoked is replaced by the run that reads its CRL") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const Host other = clone_of(site);
    site.now += std::chrono::minutes(1);
    REQUIRE(revoke(other, revocation_of_www(pki::RevocationReason::key_compromise)).exit_code() == 0);
    fs::copy_file(other.state + "/authorities/corp/crl.der", site.host.state + "/authorities/corp/crl.der",
                  fs::copy_options::overwrite_existing);
    REQUIRE(site.versions().size() == 1);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(site.live() == 2);
    CHECK(site.versions().front().revoked_at);
    check_sound(site);
  }

  TEST_CASE("a restore keeps the certificate that the archive holds with its key, and tells of the other") {
    for (const bool mends : {false, true}) {
      CAPTURE(mends);
      Site site;
      REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
      // What a clone of the state made since has the same number.
      const Host other = clone_of(site);
      REQUIRE(renew(other, {{kTwin}, Force::yes}).exit_code() == 0);
      REQUIRE(renew(site.host, {{kTwin}, Force::yes}).exit_code() == 0);
      const std::string served = live_certificate(site);
      const std::string copy = site.root / "clone.db";
      back_up(other, copy, site.now);

      Verdict verdict;
      if (mends) {
        site.lose_database();
        fs::copy_file(copy, site.host.state + "/everseal.db");
        verdict = mend(site.host);
      } else {
        verdict = restore(site.host, copy).verdict;
      }
      CHECK_MESSAGE(contains(told(verdict), "version 2 stays the certificate that the archive holds"), told(verdict));
      CHECK(site.live() == 2);
      CHECK(live_certificate(site) == served);
      CHECK(is_pair(site, 2));
      CHECK(site.versions().back().certificate->text() == served);
      CHECK(renew(site.host, {}).exit_code() == 0);
      CHECK(live_certificate(site) == served);
      check_sound(site);
    }
  }

  TEST_CASE("damaged files are not written again beside the key of another certificate") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    REQUIRE(renew(site.host, {{kTwin}, Force::yes}).exit_code() == 0);
    const auto file = [&](int number, const char* name) {
      return fmt::format("{}/archive/www/{}/{}", site.host.state, number, name);
    };
    fs::copy_file(file(1, "privkey.pem"), file(2, "privkey.pem"), fs::copy_options::overwrite_existing);
    fs::remove(file(2, "cert.pem"));
    const Verdict verdict = mend(site.host);
    CHECK(verdict.exit_code() != 0);
    CHECK_MESSAGE(contains(told(verdict), "the key there is of another certificate"), told(verdict));
    CHECK_FALSE(fs::exists(file(2, "cert.pem")));
    // Beside its own they are.
    fs::remove(file(1, "cert.pem"));
    mend(site.host);
    CHECK(fs::exists(file(1, "cert.pem")));
  }

  TEST_CASE("what undoes a restore of another state is said whole, and leaves a sound state") {
    Site site;
    Site elsewhere;
    fs::remove_all(elsewhere.host.state + "/authorities");
    elsewhere.lose_database();
    {
      inventory::Store store = inventory::Store::create(elsewhere.host.state, elsewhere.now);
      authority::Ceremony wanted;
      wanted.name = Name::parse("corp");
      const base::Secret passphrase{std::string_view("correct horse battery")};
      authority::Passphrases passphrases;
      passphrases.root = &passphrase;
      authority::create_authority(store, wanted, passphrases, elsewhere.now);
    }
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    REQUIRE(issue(elsewhere.host, {elsewhere.www(), Keep::alive, {}}).exit_code() == 0);
    const std::string served = live_certificate(site);
    const std::string copy = site.root / "other.db";
    back_up(elsewhere.host, copy, site.now);

    const Restored restored = restore(site.host, copy, inventory::OtherState::accepted);
    CHECK(live_certificate(site) == served);
    CHECK(is_pair(site, 1));
    const std::string lines = told(restored.verdict);
    CHECK_MESSAGE(contains(lines, "mv " + restored.replacement.replaced), lines);
    CHECK_MESSAGE(contains(lines, "everseal doctor --mend"), lines);

    fs::rename(restored.replacement.replaced, site.host.state + "/everseal.db");
    mend(site.host);
    CHECK(live_certificate(site) == served);
    CHECK(renew(site.host, {}).exit_code() == 0);
    check_sound(site);
  }

  TEST_CASE("what stood in the place of a live link and was mended is no failure any more") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const std::string link = site.host.state + "/live/www";
    fs::remove(link);
    fs::create_directory(link);
    const auto failures = [&] {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
      return inventory::Attempts(store).of(subject_of(kTwin)).size();
    };
    renew(site.host, {{kTwin}, Force::no});
    REQUIRE(failures() == 1);
    mend(site.host);
    CHECK(failures() == 0);
    CHECK(site.live() == 1);
    check_sound(site);
  }
}
