#include "inventory/backup.h"

#include "base/lock.h"
#include "fakes/unsynced_file_system.h"
#include "inventory/authorities.h"
#include "inventory/managed.h"
#include "inventory/replace.h"
#include "inventory/support.h"
#include "pki/crl.h"
#include "sql/query.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>

using namespace everseal;
using namespace everseal::inventory;
using base::Error;
using base::Fault;
using pki::RevocationReason;

namespace {

const Name kCorp = named("corp");

// A store with an authority whose CA certificate is the test key's.
struct AuthorityState : TestState {
  pki::Certificate ca =
      make_certificate({.names = {}, .not_after = kNow + 3650 * kDay, .common_name = "ca", .is_ca = true});
  AuthorityState() {
    Authorities authorities(store);
    authorities.put({.name = kCorp, .settings = "{}"});
    authorities.put_certificate({.authority = kCorp, .fingerprint = ca.fingerprint(), .der = ca.der()});
  }
  void issue(const std::string& serial) {
    Authorities(store).add_issued({.authority = kCorp, .serial = serial, .not_after = kNow + 90 * kDay});
  }
  void put_crl(std::uint64_t number) {
    Authorities(store).put_crl(
        {.authority = kCorp, .number = number, .this_update = kNow, .next_update = kNow + kDay, .der = {1}});
  }
  void write_crl_file(std::uint64_t number, std::vector<pki::RevokedEntry> entries) {
    const auto corp = base::Directory::create(path + "/authorities/corp", 0700);
    corp.replace("crl.der",
                 pki::make_crl(
                     {.number = number, .this_update = kNow, .next_update = kNow + kDay, .entries = std::move(entries)},
                     ca, test_key()));
  }
  // Closes the store and brings `file` back.
  Replacement restore_from(const std::string& file, Time now = kNow + kDay) {
    { const Store closed = std::move(store); }
    const Replacement restored = restore(path, file, now);
    store = Store::open(path, sql::Access::read_write, kNow + kDay);
    return restored;
  }
  std::string backup_file = directory / "backup";
};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> serials(Store& store) {
  std::vector<std::string> found;
  for (const auto& issued : Authorities(store).revoked(kCorp, 1, kNow)) found.push_back(issued.serial);
  std::sort(found.begin(), found.end());
  return found;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("a backup is one private file that appears complete and overwrites nothing") {
  TestState test;
  test.store.set_setting("kept", "yes");
  const std::string file = test.directory / "backup";
  backup(test.store, file);
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0600);
  for (const char* other : {".partial", "-wal", "-shm", "-journal"}) CHECK_FALSE(std::filesystem::exists(file + other));
  const std::string before = contents(file);
  CHECK(error_of([&] { backup(test.store, file); }).fault() == Fault::exists);
  CHECK(contents(file) == before);
  CHECK_FALSE(std::filesystem::exists(file + ".partial"));
  // Of one that was killed, wherever it was.
  std::ofstream(test.directory / "other.partial") << "half";
  std::ofstream(test.path + "/everseal.db.backing-up") << "half";
  backup(test.store, test.directory / "other");
  CHECK(contents(test.directory / "other").size() == before.size());
  CHECK_FALSE(std::filesystem::exists(test.path + "/everseal.db.backing-up"));
  const std::string half = test.directory / ".b1.db.0123456789abcdef01234567";
  const std::string note = test.directory / ".note.0123456789abcdef01234567";
  std::ofstream(half, std::ios::binary) << before.substr(0, 100);
  std::ofstream(note) << "no database";
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  for (const std::string& file_of_old : {half, note}) std::filesystem::last_write_time(file_of_old, long_ago);
  backup(test.store, test.directory / "next");
  CHECK_FALSE(std::filesystem::exists(half));
  CHECK(std::filesystem::exists(note));
  const auto held = base::FileLock::try_acquire(base::Directory::open(test.path + "/locks"), "backup");
  CHECK(error_of([&] { backup(test.store, test.directory / "third"); }).fault() == Fault::busy);
  CHECK_THROWS_AS(backup(test.store, test.directory / "none" + "/backup"), Error);
}

TEST_CASE("a backup can be taken from a store that is opened for reading") {
  TestState test;
  test.store.set_setting("kept", "yes");
  Store reader = Store::open(test.path, sql::Access::read_only, kNow);
  backup(reader, test.directory / "backup");
  const auto copy = sql::open(test.directory / "backup", sql::Access::read_only);
  CHECK_NOTHROW(copy->check_integrity());
}

TEST_CASE("a restore brings the backup back and keeps what was there") {
  AuthorityState test;
  test.store.set_setting("colour", "old");
  Events(test.store).add("a.b", "x", {}, kNow);
  backup(test.store, test.backup_file);
  test.store.set_setting("colour", "new");
  Events(test.store).add("a.c", "x", {}, kNow);
  const Anchor anchor = Events(test.store).head(Chain::run);

  const Replacement restored = test.restore_from(test.backup_file);
  CHECK(test.store.setting("colour") == "old");
  CHECK(restored.problems.empty());
  CHECK(restored.forgotten->text() == anchor.text());
  CHECK(restored.replaced.starts_with(test.path + "/everseal.db.before-restore-"));
  {
    const auto kept = sql::open(restored.replaced, sql::Access::read_only);
    CHECK_NOTHROW(kept->check_integrity());
    Store former = Store::over(test.path, sql::open(restored.replaced, sql::Access::read_only));
    CHECK(former.setting("colour") == "new");
  }
  EventRecord last;
  Events(test.store).each({.subject = "", .limit = 1}, [&](const EventRecord& event) { last = event; });
  CHECK(last.action == "store.restored");
  CHECK(last.detail.find(anchor.text()) != std::string::npos);
  CHECK(Events(test.store).verify().intact());
  CHECK_FALSE(Events(test.store).verify(std::array{anchor}).intact());
  struct stat found {};
  REQUIRE(::stat((test.path + "/everseal.db").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0600);
  CHECK_FALSE(std::filesystem::exists(test.path + "/everseal.db.restoring"));
  CHECK_NOTHROW(test.store.database().check_integrity());
}

TEST_CASE("restores within one second keep every database that they replace") {
  TestState test;
  backup(test.store, test.directory / "backup");
  struct Row {
    std::string colour;
    Time now;
    std::string replaced;
  };
  std::vector<Row> rows{{"red", kNow, {}}, {"green", kNow, {}}, {"blue", kNow, {}}, {"grey", kNow + kDay, {}}};
  for (Row& row : rows) {
    test.store.set_setting("colour", row.colour);
    { const Store closed = std::move(test.store); }
    row.replaced = restore(test.path, test.directory / "backup", row.now).replaced;
    test.store = Store::open(test.path, sql::Access::read_write, row.now);
  }
  CHECK(std::ranges::is_sorted(rows, {}, &Row::replaced));
  for (const Row& row : rows) {
    Store kept = Store::over(test.path, sql::open(row.replaced, sql::Access::read_only));
    CHECK(kept.setting("colour") == row.colour);
  }
}

TEST_CASE("an older backup forgets no serial, revocation, CRL number or version number") {
  AuthorityState test;
  const auto certificate = add_certificate(test.store, {});
  ManagedRecord www;
  www.name = named("www");
  Managed(test.store).put(www);
  for (const char* serial : {"01", "02", "03"}) test.issue(serial);
  Authorities(test.store).revoke(kCorp, "01", kNow, RevocationReason::superseded);
  test.put_crl(1000);
  backup(test.store, test.backup_file);
  Authorities(test.store).revoke(kCorp, "02", kNow, RevocationReason::key_compromise);
  test.issue("04");
  test.issue("05");
  Authorities(test.store).revoke(kCorp, "05", kNow, RevocationReason::unspecified);
  test.put_crl(2000);
  Certificates(test.store).set_revoked(certificate.fingerprint(), kNow, RevocationReason::key_compromise);
  VersionRecord version;
  version.name = www.name;
  version.number = 6;
  Versions(test.store).put(version);

  const Replacement restored = test.restore_from(test.backup_file);
  CHECK(restored.serials == 2);
  CHECK(restored.revocations == 3);  // one of them at another CA
  CHECK(restored.crls == 1);
  CHECK(serials(test.store) == Strings{"01", "02", "05"});
  Authorities authorities(test.store);
  CHECK(authorities.find_issued(kCorp, "02")->reason == RevocationReason::key_compromise);
  CHECK(authorities.find_issued(kCorp, "01")->reason == RevocationReason::superseded);
  CHECK(authorities.has_serial(kCorp, "04"));
  CHECK(authorities.newest_crl(kCorp, 1)->number == 2000);
  CHECK(authorities.find(kCorp)->crl_dirty);
  CHECK(Certificates(test.store).find(certificate.fingerprint())->revoked_at == kNow);
  CHECK(Versions(test.store).next_number(www.name) == 7);
}

TEST_CASE("numbers of versions in the archive are not given again, even where the database is lost") {
  AuthorityState test;
  ManagedRecord www;
  www.name = named("www");
  Managed(test.store).put(www);
  backup(test.store, test.backup_file);
  for (const char* directory : {"www/2", "www/10", "www/.11", "www/12x", "www/x", "other/3", "..bad/9"})
    std::filesystem::create_directories(test.path + "/archive/" + directory);
  std::ofstream(test.path + "/archive/file") << "no directory";
  { const Store closed = std::move(test.store); }
  std::filesystem::remove(test.path + "/everseal.db");
  const Replacement restored = restore(test.path, test.backup_file, kNow + kDay);
  test.store = Store::open(test.path, sql::Access::read_write, kNow + kDay);
  CHECK(Versions(test.store).next_number(www.name) == 11);
  CHECK(Versions(test.store).next_number(named("other")) == 4);
  CHECK(Versions(test.store).next_number(named("new")) == 1);
  CHECK(restored.problems.empty());  // a file is nobody's archive
}

TEST_CASE("a newer backup is not set back by an older database") {
  AuthorityState test;
  test.issue("01");
  backup(test.store, test.directory / "older");
  Authorities(test.store).revoke(kCorp, "01", kNow, RevocationReason::key_compromise);
  test.put_crl(2000);
  backup(test.store, test.backup_file);
  test.restore_from(test.directory / "older");
  const Replacement restored = test.restore_from(test.backup_file, kNow + 2 * kDay);
  CHECK(restored.revocations == 0);
  CHECK(Authorities(test.store).newest_crl(kCorp, 1)->number == 2000);
  CHECK(serials(test.store) == Strings{"01"});
}

TEST_CASE("what only the published CRL knows survives a database that is lost") {
  AuthorityState test;
  test.issue("01");
  test.put_crl(1000);
  backup(test.store, test.backup_file);
  test.write_crl_file(3000, {{"01", kNow, RevocationReason::key_compromise}, {"0abc", kNow, {}}});
  const auto lose = [&] {
    { const Store closed = std::move(test.store); }
    std::fstream raw(test.path + "/everseal.db", std::ios::in | std::ios::out | std::ios::binary);
    raw << std::string(8192, 'x');
  };
  SUBCASE("damaged") {
    lose();
    const std::string damaged = contents(test.path + "/everseal.db");
    const Replacement restored = restore(test.path, test.backup_file, kNow + kDay);
    CHECK(restored.problems.size() == 1);
    CHECK(contents(restored.replaced) == damaged);
    CHECK_FALSE(restored.forgotten);
  }
  SUBCASE("gone") {
    { const Store closed = std::move(test.store); }
    std::filesystem::remove(test.path + "/everseal.db");
    const Replacement restored = restore(test.path, test.backup_file, kNow + kDay);
    CHECK(restored.problems.empty());
    CHECK(restored.replaced.empty());
  }
  test.store = Store::open(test.path, sql::Access::read_write, kNow + kDay);
  CHECK(serials(test.store) == Strings{"01", "0abc"});
  Authorities authorities(test.store);
  CHECK(authorities.newest_crl(kCorp, 1)->number == 3000);
  CHECK(authorities.find_issued(kCorp, "0abc")->not_after == test.ca.not_after());
  CHECK(authorities.find(kCorp)->crl_dirty);
}

TEST_CASE("a CRL that the authority did not sign changes nothing") {
  AuthorityState test;
  test.issue("01");
  backup(test.store, test.backup_file);
  const auto directory = base::Directory::create(test.path + "/authorities/corp", 0700);
  SUBCASE("another signature") {
    auto crl = pki::make_crl({.number = 3000,
                              .this_update = kNow,
                              .next_update = kNow + kDay,
                              .entries = {{"01", kNow, RevocationReason::key_compromise}}},
                             test.ca, test_key());
    crl.back() ^= 1;
    directory.replace("crl.der", crl);
  }
  SUBCASE("garbage") { directory.replace("crl.der", base::as_bytes("garbage")); }
  const Replacement restored = test.restore_from(test.backup_file);
  REQUIRE(restored.problems.size() == 1);
  CHECK(restored.problems[0].find("crl.der of corp") != std::string::npos);
  CHECK(serials(test.store).empty());
  CHECK_FALSE(Authorities(test.store).newest_crl(kCorp, 1));
}

TEST_CASE("a state that is gone comes back from its backup alone") {
  AuthorityState test;
  test.store.set_setting("kept", "yes");
  backup(test.store, test.backup_file);
  const std::string elsewhere = test.directory / "elsewhere";
  const Replacement restored = restore(elsewhere, test.backup_file, kNow + kDay);
  CHECK(restored.replaced.empty());
  CHECK(Store::open(elsewhere, sql::Access::read_write, kNow + kDay).setting("kept") == "yes");
}

TEST_CASE("a file that is no sound backup is refused before anything is changed") {
  AuthorityState test;
  for (int i = 0; i < 500; ++i) test.issue(std::to_string(1000 + i));
  backup(test.store, test.backup_file);
  { const Store closed = std::move(test.store); }
  const std::string before = contents(test.path + "/everseal.db");
  const std::string bad = test.directory / "bad";
  Fault expected = Fault::corrupt;
  SUBCASE("absent") { expected = Fault::not_found; }
  SUBCASE("garbage") { std::ofstream(bad) << std::string(5000, 'x'); }
  SUBCASE("empty") {
    std::ofstream(bad).close();
    expected = Fault::invalid;
  }
  SUBCASE("cut off") {
    std::filesystem::copy_file(test.backup_file, bad);
    std::filesystem::resize_file(bad, std::filesystem::file_size(bad) / 8192 * 4096);
  }
  SUBCASE("flipped bytes") {
    std::filesystem::copy_file(test.backup_file, bad);
    std::fstream raw(bad, std::ios::in | std::ios::out | std::ios::binary);
    raw.seekp(static_cast<std::streamoff>(std::filesystem::file_size(bad)) - 6000);
    raw << std::string(4000, '\x5a');
  }
  SUBCASE("another program's") {
    REQUIRE(std::system(("sqlite3 " + bad + " 'create table theirs (x)'").c_str()) == 0);
    expected = Fault::invalid;
  }
  SUBCASE("newer") {
    std::filesystem::copy_file(test.backup_file, bad);
    sql::open(bad, sql::Access::read_write)->execute("insert into migration values (9999, '9999_later.sql', 0)");
    expected = Fault::newer;
  }
  CHECK(error_of([&] { restore(test.path, bad, kNow); }).fault() == expected);
  CHECK(contents(test.path + "/everseal.db") == before);
  for (const auto& entry : std::filesystem::directory_iterator(test.path))
    CHECK(entry.path().filename().string().find("incoming") == std::string::npos);
}

TEST_CASE("a daily copy is kept once a day, the newest few of them, and none on a full disk") {
  TestState test;
  const auto copies = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(test.path + "/backups"))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  };
  CHECK_FALSE(newest_daily_copy(test.path));
  for (int day = 0; day < 9; ++day) {
    test.store.set_setting("day", std::to_string(day));
    keep_daily_copy(test.store, kNow + day * kDay);
    test.store.set_setting("day", "later");
    keep_daily_copy(test.store, kNow + day * kDay + std::chrono::minutes(1));
  }
  CHECK(copies().size() == 5);
  REQUIRE(newest_daily_copy(test.path));
  Store copy = Store::over(test.path, sql::open(*newest_daily_copy(test.path), sql::Access::read_only));
  CHECK(copy.setting("day") == "8");
  // After a clock that was years ahead the copies of today are kept all the same.
  keep_daily_copy(test.store, kNow + 3000 * kDay);
  for (int day = 9; day < 14; ++day) keep_daily_copy(test.store, kNow + day * kDay);
  CHECK(copies().size() == 5);
  CHECK(copies().back() < "everseal-2030");
}

TEST_CASE("a restore or rebuild that is cut leaves the old database or the new one, and one name for each") {
  using Kind = fakes::Mishap::Kind;
  for (const bool rebuilds : {false, true}) {
    for (const Kind kind : {Kind::power_cut, Kind::kill}) {
      for (int at = 1;; ++at) {
        CAPTURE(rebuilds);
        CAPTURE(at);
        AuthorityState test;
        const fakes::TemporaryDirectory scratch;
        test.store.set_setting("colour", "old");
        backup(test.store, test.backup_file);
        test.store.set_setting("colour", "new");
        test.issue("0a");
        { const Store closed = std::move(test.store); }
        const auto end = fakes::run_in_child(scratch.path(), {.kind = kind, .at = at}, [&] {
          if (rebuilds)
            rebuild(test.path, kNow + kDay);
          else
            restore(test.path, test.backup_file, kNow + kDay);
        });
        struct stat found {};
        REQUIRE(::stat((test.path + "/everseal.db").c_str(), &found) == 0);
        CHECK(found.st_nlink == 1);
        test.store = Store::open(test.path, sql::Access::read_write, kNow + kDay);
        CHECK_NOTHROW(test.store.database().check_integrity());
        const bool done = end.how == fakes::ChildEnd::How::done;
        const std::string colour = *test.store.setting("colour");
        CHECK((colour == "new" || (colour == "old" && !rebuilds)));
        if (done && !rebuilds) CHECK(colour == "old");
        CHECK(Authorities(test.store).has_serial(kCorp, "0a"));
        if (done) {
          CHECK(at > 3);
          break;
        }
        REQUIRE(end.how == fakes::ChildEnd::How::cut);
        test.restore_from(test.backup_file, kNow + 2 * kDay);
        CHECK(test.store.setting("colour") == "old");
        CHECK(Authorities(test.store).has_serial(kCorp, "0a"));
        CHECK_FALSE(std::filesystem::exists(test.path + "/everseal.db.incoming"));
      }
    }
  }
}

TEST_CASE("what the authorities did after the backup is known before the files are taken in") {
  for (const bool readable : {true, false}) {
    CAPTURE(readable);
    AuthorityState test;
    Events(test.store).add("authority.created", "authority/corp", {}, kNow, Chain::ca);
    backup(test.store, test.backup_file);
    Authorities(test.store).put({.name = named("later"), .settings = "{}"});
    for (const char* const action : {"authority.created", "certificate.signed", "certificate.revoked"})
      Events(test.store).add(action, "authority/later", {}, kNow, Chain::ca);
    const Anchor head = Events(test.store).head(Chain::ca);
    keep_daily_copy(test.store, kNow);
    { const Store closed = std::move(test.store); }
    if (!readable) std::filesystem::resize_file(test.path + "/everseal.db", 0);
    const auto take_in = [](const Incoming& incoming) {
      CHECK(Authorities(incoming.store).find(named("later")).has_value());
      Events(incoming.store).add("crl.signed", "authority/corp", {}, kNow, Chain::ca);
    };
    const Replacement restored = restore(test.path, test.backup_file, kNow + kDay, take_in);
    CHECK(restored.problems.size() == (readable ? 0 : 1));
    test.store = Store::open(test.path, sql::Access::read_write, kNow + kDay);
    CHECK(Events(test.store).head(Chain::ca).number == head.number + 1);
    CHECK(Events(test.store).verify(std::array{head}).intact());
  }
}

TEST_CASE("a restore knows what is deployed where, and what failed, as the replaced database did") {
  struct Row {
    std::string_view about;
    std::string_view damage;  // of the replaced database
    std::vector<std::string> deployed;
    std::vector<std::string> places;
    std::vector<std::string> failed;
    bool whole = true;
  };
  const Row rows[] = {
      {"sound", "select 1", {"kept 4", "later 4"}, {"/former"}, {"deploy later"}},
      {"one row makes no sense",
       "update deployment set state = 'nonsense' where target = 'later'",
       {"kept 4", "left 1"},
       {"/former"},
       {"deploy later"},
       false},
      {"one table is lost", "drop table former_place", {"kept 4", "later 4"}, {"/old"}, {"deploy later"}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.about);
    AuthorityState test;
    ManagedRecord www;
    www.name = named("www");
    Managed(test.store).put(www);
    Deployments deployments(test.store);
    const auto deploy = [&](const char* target, int version) {
      deployments.put({.owner = www.name,
                       .target = named(target),
                       .version = version,
                       .state = DeploymentState::verified,
                       .changed = kNow});
    };
    const auto leave = [&](const char* spec) {
      deployments.add_former_place({.owner = www.name, .target = named("kept"), .spec = spec, .left_at = kNow});
    };
    const auto fail = [&](const char* target) {
      Attempts(test.store)
          .put({.step = "deploy", .subject = "certificate/www", .target = target, .count = 1, .last = kNow});
    };
    deploy("kept", 1);
    deploy("left", 1);
    leave("/old");
    fail("left");
    backup(test.store, test.backup_file);
    deployments.remove(ArtifactKind::version, www.name, named("left"));
    for (const auto& place : deployments.former_places(ArtifactKind::version, www.name))
      deployments.remove_former_place(place.id);
    Attempts(test.store).clear_all("certificate/www");
    deploy("kept", 4);
    deploy("later", 4);
    leave("/former");
    fail("later");
    test.store.database().execute(row.damage);

    const Replacement restored = test.restore_from(test.backup_file);
    CHECK(restored.whole == row.whole);
    std::vector<std::string> deployed, places, failed;
    Deployments after(test.store);
    for (const auto& one : after.of(ArtifactKind::version, www.name))
      deployed.push_back(fmt::format("{} {}", one.target, one.version));
    for (const auto& one : after.former_places(ArtifactKind::version, www.name)) places.push_back(one.spec);
    for (const auto& one : Attempts(test.store).of("certificate/www"))
      failed.push_back(fmt::format("{} {}", one.step, one.target));
    CHECK(deployed == row.deployed);
    CHECK(places == row.places);
    CHECK(failed == row.failed);
  }
}

TEST_CASE("certificates and open requests of after the backup are known after it came back") {
  AuthorityState test;
  ManagedRecord www;
  www.name = named("www");
  Managed(test.store).put(www);
  Intents intents(test.store);
  IntentRecord intent;
  intent.subject = www.name;
  intent.kind = IntentKind::deploy;
  intent.created = kNow;
  const std::int64_t early = intents.add(intent);
  backup(test.store, test.backup_file);
  intents.done(early, kNow + kDay);
  intent.kind = IntentKind::revoke;
  intent.version = 3;
  intent.reason = RevocationReason::key_compromise;
  intent.actor = "alice";
  intents.add(intent);
  const auto certificate = add_certificate(test.store, {.names = {"late.example.org"}});
  // Signed by the authority, and of no list but the certificates.
  pki::Template content;
  content.serial = pki::random_serial();
  content.subject = pki::DistinguishedName::parse("CN=signed");
  content.public_key_info = test_key().public_key_info();
  content.not_before = kNow;
  content.not_after = kNow + kDay;
  content.key_usage = {"digitalSignature"};
  const auto signed_one = pki::Certificate::parse(pki::sign_certificate(content, &test.ca, test_key()));
  Certificates(test.store).add(std::vector{signed_one}, kNow);
  Certificates(test.store).set_revoked(signed_one.fingerprint(), kNow, RevocationReason::key_compromise);

  test.restore_from(test.backup_file);
  CHECK(Certificates(test.store).find(certificate.fingerprint()));
  const auto open = Intents(test.store).open_for(www.name);
  REQUIRE(open.size() == 1);
  CHECK(open.front().kind == IntentKind::revoke);
  CHECK(open.front().version == 3);
  CHECK(open.front().reason == RevocationReason::key_compromise);
  CHECK(open.front().actor == "alice");
  const auto issued = Authorities(test.store).find_issued(kCorp, signed_one.serial());
  REQUIRE(issued);
  CHECK(issued->fingerprint == signed_one.fingerprint());
  CHECK(issued->revoked_at);
  CHECK(Authorities(test.store).find(kCorp)->crl_dirty);
}

TEST_CASE("a rebuild takes over all that a sound database knows, and what of a damaged one can be read") {
  AuthorityState test;
  ManagedRecord www;
  www.name = named("www");
  www.origin = "everseal.toml:7";
  www.pinned = 2;
  Managed(test.store).put(www);
  for (int i = 0; i < 3000; ++i) test.issue(fmt::format("{:040x}", 1000 + i));
  for (int i = 0; i < 300; ++i) Events(test.store).add("a.b", "x", {{"number", std::to_string(i)}}, kNow);
  const Anchor anchor = Events(test.store).head(Chain::run);
  const auto size = [&] { return std::filesystem::file_size(test.path + "/everseal.db"); };
  const auto count = [&] {
    sql::Query query(test.store.database(), "select count(*) from issued");
    query->step();
    return query->integer(0);
  };
  const auto damage = [&](std::uintmax_t from, std::size_t octets) {
    std::fstream raw(test.path + "/everseal.db", std::ios::in | std::ios::out | std::ios::binary);
    raw.seekp(static_cast<std::streamoff>(from));
    raw << std::string(octets, '\x5a');
  };
  Replacement rebuilt;
  SUBCASE("sound") {
    { const Store closed = std::move(test.store); }
    rebuilt = rebuild(test.path, kNow + kDay);
    test.store = Store::open(test.path, sql::Access::read_write, kNow + kDay);
    CHECK(rebuilt.problems.empty());
    CHECK_FALSE(rebuilt.forgotten);
    CHECK(count() == 3000);
    CHECK(Events(test.store).verify(std::array{anchor}).intact());
    CHECK(Managed(test.store).find(www.name)->pinned == 2);
    CHECK(Managed(test.store).find(www.name)->origin == "everseal.toml:7");
  }
  SUBCASE("a page in the middle is damaged, and a daily copy has what it held") {
    keep_daily_copy(test.store, kNow);
    { const Store closed = std::move(test.store); }
    // Somewhere among the pages of the issued serials and events.
    for (std::uintmax_t page = size() / 4096 / 3; page < size() / 4096 / 2; ++page) damage(page * 4096, 4096);
    rebuilt = rebuild(test.path, kNow + kDay);
    test.store = Store::open(test.path, sql::Access::read_write, kNow + kDay);
    CHECK_FALSE(rebuilt.problems.empty());
    CHECK(count() == 3000);
  }
  SUBCASE("nothing can be read") {
    { const Store closed = std::move(test.store); }
    damage(0, 8192);
    rebuilt = rebuild(test.path, kNow + kDay);
    test.store = Store::open(test.path, sql::Access::read_write, kNow + kDay);
    CHECK_FALSE(rebuilt.problems.empty());
    CHECK(count() == 0);
  }
  CHECK_NOTHROW(test.store.database().check_integrity());
  CHECK(Events(test.store).verify().intact());
  CHECK(std::filesystem::exists(rebuilt.replaced));
}

TEST_CASE("after a rebuild each chain of the history goes on from what is whole of it") {
  struct Row {
    std::string_view about;
    std::string_view damage;
    std::int64_t run = 0;  // the number of "store.rebuilt"
    std::int64_t ca = 0;   // the number of the head
    bool forgets = false;
    bool keeps_ca = true;
  };
  // 1 to 1200 are pruned; 2201 is their seal.
  const Row rows[] = {
      {"sound", "select 1", 2202, 3},
      {"the newest event of one chain was changed", "update event set detail = '{}' where chain = 'ca' and number = 3",
       2202, 2, false, false},
      {"an event before the seal is missing", "delete from event where chain = 'run' and number = 1300", 1, 3, true},
      {"an event came back that was pruned",
       "update event set number = 7 where chain = 'run' and number = (select min(number) from event where chain = "
       "'run')",
       1, 3, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.about);
    TestState test;
    test.store.transaction([&] {
      Events events(test.store);
      for (int i = 0; i < 2200; ++i) events.add("a.b", "x", {{"number", std::to_string(i)}}, kNow - 500 * kDay);
      for (int i = 0; i < 3; ++i) events.add("c.d", "y", {{"number", std::to_string(i)}}, kNow, Chain::ca);
      REQUIRE(events.prune(kNow) == 1200);
    });
    test.store.database().execute(row.damage);
    { const Store closed = std::move(test.store); }
    const Replacement rebuilt = rebuild(test.path, kNow);
    test.store = Store::open(test.path, sql::Access::read_write, kNow);
    Events events(test.store);
    CHECK(events.verify().intact());
    CHECK(events.head(Chain::run).number == row.run);
    CHECK(events.head(Chain::ca).number == row.ca);
    CHECK(rebuilt.forgotten.has_value() == row.forgets);
    CHECK(std::ranges::none_of(rebuilt.problems, [](const auto& one) { return one.contains("its authorities"); }) ==
          row.keeps_ca);
  }
}

TEST_CASE("rows that make no sense are left behind by a rebuild, alone") {
  AuthorityState test;
  for (const char* name : {"one", "two"}) {
    ManagedRecord record;
    record.name = named(name);
    Managed(test.store).put(record);
  }
  test.store.database().execute("update managed set key_owner = 'nobody' where name = 'one'");
  { const Store closed = std::move(test.store); }
  const Replacement rebuilt = rebuild(test.path, kNow + kDay);
  test.store = Store::open(test.path, sql::Access::read_write, kNow + kDay);
  REQUIRE(rebuilt.problems.size() == 1);
  CHECK(rebuilt.problems.front().find("managed") != std::string::npos);
  CHECK(Managed(test.store).all().size() == 1);
}

TEST_CASE("a database that somebody has open is not replaced") {
  AuthorityState test;
  backup(test.store, test.backup_file);
  test.store.set_setting("colour", "new");
  const Error error = error_of([&] { restore(test.path, test.backup_file, kNow + kDay); });
  CHECK(error.fault() == Fault::busy);
  CHECK(error.hint().find("stop the agent") != std::string::npos);
  CHECK(test.store.setting("colour") == "new");
  test.store.set_setting("colour", "newer");
  CHECK(Store::open(test.path, sql::Access::read_only, kNow).setting("colour") == "newer");
  // Nothing is left behind that would stop the next try.
  CHECK_NOTHROW(test.restore_from(test.backup_file));
}
