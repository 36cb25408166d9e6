#include "archive/archive.h"

#include "archive/manifest.h"
#include "base/error.h"
#include "error_of.h"
#include "fakes/issuing_ca.h"
#include "fakes/temporary_directory.h"
#include "fakes/unsynced_file_system.h"
#include "pki/chain.h"

#include <filesystem>
#include <fstream>
#include <functional>

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace everseal;
using archive::Archive;
using archive::Manifest;
using archive::Name;
using base::Fault;
using pki::KeyType;

namespace {

const Name kWww = Name::parse("www");

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  REQUIRE(file.flush());
}

Manifest manifest_of(int number) {
  return {.name = kWww,
          .number = number,
          .issuer = Name::parse("internal"),
          .spec = R"({"identifiers":["www.example.org"]})",
          .spec_hash = "abc",
          .fingerprint = {},
          .created = base::from_unix(1'795'000'000)};
}

base::Secret staged_pem(const std::string& state, int number) {
  auto text =
      base::Directory::open(state + "/archive/www/." + std::to_string(number)).read_secret("privkey.pem", 65536);
  REQUIRE(text);
  return std::move(*text);
}

void make_version(const Archive& archive, const std::string& state, fakes::IssuingCa& ca, int number) {
  archive.stage_key(kWww, number, KeyType::ecdsa_p256);
  archive.complete(manifest_of(number), ca.issue(staged_pem(state, number)));
}

struct Fixture {
  fakes::TemporaryDirectory directory;
  std::string state = directory.path();
  Archive archive{state};
  fakes::IssuingCa ca;
  std::string version(int number) const { return directory / ("archive/www/" + std::to_string(number)); }
};

}  // namespace

TEST_CASE("opening makes private directories, and none where the state is missing") {
  const fakes::TemporaryDirectory directory;
  const Archive first(directory.path());
  const Archive again(directory.path());
  CHECK(mode_of(directory / "archive") == 0700);
  CHECK(mode_of(directory / "live") == 0700);
  CHECK(again.names().empty());
  CHECK(error_of([&] { const Archive missing(directory / "nowhere"); }).fault() == Fault::not_found);
  CHECK_FALSE(std::filesystem::exists(directory / "nowhere"));
}

TEST_CASE_FIXTURE(Fixture, "a version grows hidden, becomes complete, then live") {
  const pki::Signer key = archive.stage_key(kWww, 1, KeyType::ecdsa_p256);
  CHECK(archive.staged(kWww) == std::vector{1});
  CHECK(archive.numbers(kWww).empty());
  CHECK_FALSE(archive.read(kWww, 1));
  CHECK_FALSE(archive.live(kWww));

  const auto chain = ca.issue(staged_pem(state, 1));
  archive.complete(manifest_of(1), chain);
  CHECK(archive.staged(kWww).empty());
  CHECK(archive.numbers(kWww) == std::vector{1});
  CHECK(archive.names() == std::vector{kWww});
  for (const char* file : {"privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "manifest.json"})
    CHECK(mode_of(version(1) + "/" + file) == 0600);
  CHECK(mode_of(version(1)) == 0700);

  const auto version_1 = archive.read(kWww, 1);
  REQUIRE(version_1);
  CHECK(version_1->chain == chain);
  CHECK(version_1->has_key);
  CHECK(version_1->directory == version(1));
  CHECK(version_1->manifest.fingerprint == chain.front().fingerprint().text());
  CHECK(version_1->manifest.spec == manifest_of(1).spec);
  CHECK(archive.key(kWww, 1)->public_key_info() == key.public_key_info());
  CHECK(pki::PrivateKey::parse(*archive.key_pem(kWww, 1)).public_key_info() == key.public_key_info());

  CHECK_FALSE(archive.live(kWww));
  archive.make_live(kWww, 1);
  CHECK(archive.live(kWww) == 1);
  CHECK(std::filesystem::canonical(archive.live_path(kWww)) == std::filesystem::canonical(version(1)));

  make_version(archive, state, ca, 2);
  CHECK(archive.live(kWww) == 1);
  archive.make_live(kWww, 2);
  archive.make_live(kWww, 2);
  CHECK(archive.live(kWww) == 2);
  archive.make_live(kWww, 1);
  CHECK(archive.live(kWww) == 1);
}

TEST_CASE_FIXTURE(Fixture, "the key of an earlier run is used again, unless another type is wanted") {
  const pki::Signer first = archive.stage_key(kWww, 1, KeyType::ecdsa_p256);
  CHECK(archive.stage_key(kWww, 1, KeyType::ecdsa_p256).public_key_info() == first.public_key_info());
  CHECK(archive.staged_key(kWww, 1)->public_key_info() == first.public_key_info());
  CHECK(archive.stage_key(kWww, 1, KeyType::ed25519).type() == KeyType::ed25519);
  const auto own = pki::PrivateKey::generate(KeyType::ecdsa_p384);
  archive.stage_key(kWww, 1, own);
  archive.stage_key(kWww, 1, own);
  CHECK(archive.staged_key(kWww, 1)->public_key_info() == own.public_key_info());
  CHECK_FALSE(archive.staged_key(kWww, 2));
  archive.discard_staging(kWww, 1);
  archive.discard_staging(kWww, 1);
  CHECK(archive.staged(kWww).empty());
}

TEST_CASE_FIXTURE(Fixture, "completing again changes nothing, and a complete version is never overwritten") {
  const pki::Signer key = archive.stage_key(kWww, 1, KeyType::ecdsa_p256);
  const auto chain = ca.issue(staged_pem(state, 1));
  archive.complete(manifest_of(1), chain);
  CHECK_NOTHROW(archive.complete(manifest_of(1), chain));
  CHECK(archive.stage_key(kWww, 1, KeyType::ecdsa_p256).public_key_info() == key.public_key_info());
  CHECK(archive.staged(kWww).empty());

  const auto other = pki::PrivateKey::generate(KeyType::ecdsa_p256);
  CHECK(error_of([&] { archive.complete(manifest_of(1), ca.issue(other.pem())); }).fault() == Fault::exists);
  CHECK(error_of([&] { archive.stage_key(kWww, 1, other); }).fault() == Fault::exists);
  CHECK(error_of([&] { archive.stage_key(kWww, 1, KeyType::ed25519); }).fault() == Fault::exists);
  CHECK(archive.read(kWww, 1)->chain == chain);
}

TEST_CASE_FIXTURE(Fixture, "what cannot be completed leaves the staging as it was") {
  const auto other = pki::PrivateKey::generate(KeyType::ecdsa_p256);
  const auto for_other_key = ca.issue(other.pem());
  CHECK(error_of([&] { archive.complete(manifest_of(1), for_other_key); }).fault() == Fault::not_found);
  const pki::Signer key = archive.stage_key(kWww, 1, KeyType::ecdsa_p256);
  CHECK(error_of([&] { archive.complete(manifest_of(1), for_other_key); }).fault() == Fault::invalid);
  CHECK(error_of([&] { archive.complete(manifest_of(1), {}); }).fault() == Fault::invalid);
  CHECK(archive.numbers(kWww).empty());
  CHECK(archive.staged_key(kWww, 1)->public_key_info() == key.public_key_info());
}

TEST_CASE_FIXTURE(Fixture, "what an interrupted run left beside the key never gets into the version") {
  archive.stage_key(kWww, 1, KeyType::ecdsa_p256);
  write(directory / "archive/www/.1/.privkey.pem.0123", "half a key");
  write(directory / "archive/www/.1/cert.pem", "half a certificate");
  archive.complete(manifest_of(1), ca.issue(staged_pem(state, 1)));
  CHECK(base::Directory::open(version(1)).list() ==
        std::vector<std::string>{"cert.pem", "chain.pem", "fullchain.pem", "manifest.json", "privkey.pem"});
  CHECK(archive.read(kWww, 1));
}

TEST_CASE_FIXTURE(Fixture, "a version whose key is not its certificate's never goes live") {
  make_version(archive, state, ca, 1);
  make_version(archive, state, ca, 2);
  archive.make_live(kWww, 1);
  const auto other = pki::PrivateKey::generate(KeyType::ecdsa_p256);
  write(version(2) + "/privkey.pem", std::string(other.pem().reveal_text()));
  CHECK(error_of([&] { archive.make_live(kWww, 2); }).fault() == Fault::invalid);
  archive.remove_key(kWww, 2);
  archive.remove_key(kWww, 2);
  CHECK_FALSE(archive.read(kWww, 2)->has_key);
  CHECK(error_of([&] { archive.make_live(kWww, 2); }).fault() == Fault::invalid);
  CHECK(error_of([&] { archive.make_live(kWww, 3); }).fault() == Fault::not_found);
  CHECK(archive.live(kWww) == 1);
}

TEST_CASE_FIXTURE(Fixture, "a version with an external key has none of ours and can go live") {
  Manifest manifest = manifest_of(1);
  manifest.external_key = true;
  archive.complete(manifest, ca.issue(pki::PrivateKey::generate(KeyType::ecdsa_p256).pem()));
  CHECK_FALSE(archive.read(kWww, 1)->has_key);
  CHECK(archive.read(kWww, 1)->manifest.external_key);
  CHECK_FALSE(archive.key(kWww, 1));
  archive.make_live(kWww, 1);
  CHECK(archive.live(kWww) == 1);
}

TEST_CASE_FIXTURE(Fixture, "unreadable content is corrupt, and the message gives its path") {
  const auto json = [&](const std::string& from, const std::string& to) {
    std::string text = archive::to_json(archive.read(kWww, 1)->manifest);
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  make_version(archive, state, ca, 1);
  const std::string certificate = ca.certificate().pem();
  struct Case {
    std::string file, text;
  };
  const Case cases[] = {
      {"manifest.json", ""},
      {"manifest.json", "{"},
      {"manifest.json", "[]"},
      {"manifest.json", "{}"},
      {"manifest.json", std::string(100'000, '[')},
      {"manifest.json", json("\"manifest\": 1", "\"manifest\": 2")},
      {"manifest.json", json("\"number\": 1", "\"number\": 7")},
      {"manifest.json", json("\"number\": 1", "\"number\": -1")},
      {"manifest.json", json("\"number\": 1", "\"number\": 99999999999999")},
      {"manifest.json", json("\"number\": 1", "\"number\": \"1\"")},
      {"manifest.json", json("\"www\"", "\"../www\"")},
      {"manifest.json", json("\"www\"", "\"web\"")},
      {"manifest.json", json("\"external_key\": false", "\"external_key\": 0")},
      {"manifest.json", json("Z\"", "\"")},
      {"manifest.json", json("\"external_key\": false", "\"external_key\": false, \"revoked\": true")},
      {"manifest.json", json("\"external_key\": false", "\"external_key\": false, \"revoked\": {\"at\": 1}")},
      {"fullchain.pem", ""},
      {"fullchain.pem", "garbage"},
      {"fullchain.pem", certificate},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text.substr(0, 300));
    const std::string path = version(1) + "/" + one.file;
    const base::Bytes good = base::read_file(path, 1 << 20);
    write(path, one.text);
    const base::Error error = error_of([&] { archive.read(kWww, 1); });
    CHECK(error.fault() == Fault::corrupt);
    CHECK(error.message().find(path) != std::string::npos);
    CHECK(error_of([&] { archive.make_live(kWww, 1); }).fault() == Fault::corrupt);
    write(path, std::string(base::as_text(good)));
  }
  CHECK(archive.read(kWww, 1));
  for (const char* file : {"manifest.json", "fullchain.pem"}) {
    std::filesystem::rename(version(1) + "/" + file, directory / "away");
    CHECK(error_of([&] { archive.read(kWww, 1); }).fault() == Fault::corrupt);
    std::filesystem::rename(directory / "away", version(1) + "/" + file);
  }
  write(version(1) + "/privkey.pem", "not a key");
  CHECK(error_of([&] { archive.key(kWww, 1); }).fault() == Fault::corrupt);
}

TEST_CASE_FIXTURE(Fixture, "what is not a version is passed over") {
  make_version(archive, state, ca, 1);
  make_version(archive, state, ca, 10);
  make_version(archive, state, ca, 9);
  for (const char* name : {"02", "+3", "4x", "-5", "0", ".06", "..7", "99999999999", "lost+found"})
    std::filesystem::create_directory(directory / ("archive/www/" + std::string(name)));
  write(directory / "archive/www/8", "a file");
  write(directory / "archive/README", "a file");
  std::filesystem::create_directory(directory / "archive/NOT A NAME");
  std::filesystem::create_directory_symlink(version(1), version(11));
  CHECK(archive.numbers(kWww) == std::vector{1, 9, 10});
  CHECK(archive.staged(kWww).empty());
  CHECK(archive.names() == std::vector{kWww});
}

TEST_CASE_FIXTURE(Fixture, "a live link that leads elsewhere is reported, not followed") {
  make_version(archive, state, ca, 1);
  for (const char* target : {"/etc", "../archive/web/1", "../archive/www/01", "../archive/www/1/..", "1"}) {
    CAPTURE(target);
    std::filesystem::remove(directory / "live/www");
    std::filesystem::create_symlink(target, directory / "live/www");
    CHECK(error_of([&] { archive.live(kWww); }).fault() == Fault::corrupt);
  }
}

TEST_CASE_FIXTURE(Fixture, "removing takes the link and every version of one name") {
  make_version(archive, state, ca, 1);
  archive.make_live(kWww, 1);
  archive.stage_key(kWww, 2, KeyType::ecdsa_p256);
  archive.stage_key(Name::parse("other"), 1, KeyType::ecdsa_p256);
  archive.remove(kWww);
  archive.remove(kWww);
  CHECK_FALSE(archive.live(kWww));
  CHECK_FALSE(archive.read(kWww, 1));
  CHECK_FALSE(archive.key_pem(kWww, 1));
  CHECK(archive.names() == std::vector{Name::parse("other")});
}

TEST_CASE_FIXTURE(Fixture, "what stands is told from names alone") {
  make_version(archive, state, ca, 1);
  make_version(archive, state, ca, 2);
  archive.make_live(kWww, 2);
  struct Row {
    std::string about;
    std::function<void()> damage;
    bool complete, has_key, live;
  };
  const std::string saved = directory / "saved";
  const auto remove = [&](const char* file) { return [this, file] { std::filesystem::remove(version(2) + file); }; };
  const Row rows[] = {
      {"nothing is damaged", [] {}, true, true, true},
      {"no key", remove("/privkey.pem"), true, false, true},
      {"no certificate", remove("/cert.pem"), false, true, true},
      {"no chain", remove("/chain.pem"), false, true, true},
      {"no full chain", remove("/fullchain.pem"), false, true, true},
      {"no manifest", remove("/manifest.json"), false, true, true},
      {"no directory", [&] { std::filesystem::remove_all(version(2)); }, false, false, true},
      {"a file in its place",
       [&] {
         std::filesystem::remove_all(version(2));
         write(version(2), "a file");
       },
       false, false, true},
      {"no archive", [&] { std::filesystem::remove_all(directory / "archive"); }, false, false, true},
      {"no link", [&] { std::filesystem::remove(directory / "live/www"); }, true, true, false},
      {"another version live", [&] { archive.make_live(kWww, 1); }, true, true, false},
      {"a longer number",
       [&] {
         std::filesystem::remove(directory / "live/www");
         std::filesystem::create_symlink("../archive/www/22", directory / "live/www");
       },
       true, true, false},
      {"a directory in the link's place",
       [&] {
         std::filesystem::remove(directory / "live/www");
         std::filesystem::create_directory(directory / "live/www");
       },
       true, true, false},
  };
  for (const char* part : {"archive", "live"})
    std::filesystem::copy(directory / part, saved + part,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  for (const Row& row : rows) {
    CAPTURE(row.about);
    for (const char* part : {"archive", "live"}) {
      std::filesystem::remove_all(directory / part);
      std::filesystem::copy(saved + part, directory / part,
                            std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    }
    row.damage();
    const archive::Standing found = archive.standing(kWww, 2);
    CHECK(found.complete == row.complete);
    CHECK(found.has_key == row.has_key);
    CHECK(found.live == row.live);
  }
  CHECK_FALSE(archive.standing(Name::parse("nobody"), 1).live);
}

TEST_CASE_FIXTURE(Fixture, "a live link that leads astray is replaced, and nothing else is") {
  make_version(archive, state, ca, 1);
  for (const char* target : {"/etc", "../archive/www/9", "nowhere"}) {
    CAPTURE(target);
    std::filesystem::remove(directory / "live/www");
    std::filesystem::create_symlink(target, directory / "live/www");
    archive.make_live(kWww, 1);
    CHECK(archive.live(kWww) == 1);
  }
  std::filesystem::remove(directory / "live/www");
  std::filesystem::create_directory(directory / "live/www");
  CHECK(archive.live_link(kWww).kind == archive::LiveLink::Kind::no_link);
  CHECK(error_of([&] { archive.make_live(kWww, 1); }).fault() == Fault::exists);
  CHECK(std::filesystem::is_directory(directory / "live/www"));
}

TEST_CASE_FIXTURE(Fixture, "removing keys takes those that are being made too, and says which are left") {
  for (const int number : {1, 2, 3}) make_version(archive, state, ca, number);
  archive.remove_key(kWww, 1);
  archive.stage_key(kWww, 4, KeyType::ecdsa_p256);
  std::filesystem::rename(version(3), directory / "archive/www/.3.removed");
  std::filesystem::rename(version(2) + "/privkey.pem", directory / "key");
  std::filesystem::create_directory(version(2) + "/privkey.pem");  // what cannot be unlinked, for root neither
  archive::KeyRemoval removal = archive.remove_keys(kWww);
  CHECK(removal.removed.empty());
  REQUIRE(removal.problems.size() == 1);
  CHECK(removal.problems.front().find(version(2) + "/privkey.pem") != std::string::npos);
  CHECK(archive.staged(kWww).empty());
  CHECK_FALSE(std::filesystem::exists(directory / "archive/www/.3.removed"));

  std::filesystem::remove(version(2) + "/privkey.pem");
  std::filesystem::rename(directory / "key", version(2) + "/privkey.pem");
  removal = archive.remove_keys(kWww);
  CHECK(removal.removed == std::vector{2});
  CHECK(removal.problems.empty());
  CHECK(archive.read(kWww, 2));
  CHECK_FALSE(archive.key_pem(kWww, 2));
  removal = archive.remove_keys(Name::parse("nobody"));
  CHECK(removal.removed.empty());
  CHECK(removal.problems.empty());
}

TEST_CASE_FIXTURE(Fixture, "no key of a name is left where something of it was put aside") {
  make_version(archive, state, ca, 1);
  archive.make_live(kWww, 1);
  const std::string key = directory / "archive/www/1/privkey.pem";
  const std::string kept[] = {directory / "archive/.wwwx.aside", directory / "archive/.www.aside-x",
                              directory / "live/.www2.aside", directory / "archive/www/1/notes"};
  const std::string gone[] = {key,
                              key + ".wrong",
                              directory / "archive/www/1/.privkey.pem.aside",
                              directory / "archive/www/.2.aside",
                              directory / "archive/.www.aside",
                              directory / "archive/.www.aside-2",
                              directory / "live/.www.aside"};
  for (const std::string& file : gone)
    if (file != key) std::filesystem::copy_file(key, file);
  for (const std::string& file : kept) std::filesystem::copy_file(key, file);
  const archive::KeyRemoval removal = archive.remove_keys(kWww);
  CHECK(removal.problems.empty());
  for (const std::string& file : gone) CHECK_FALSE(std::filesystem::exists(file));
  for (const std::string& file : kept) CHECK(std::filesystem::exists(file));
}

TEST_CASE_FIXTURE(Fixture, "one version is removed, unless it is in use") {
  for (const int number : {1, 2}) make_version(archive, state, ca, number);
  archive.make_live(kWww, 2);
  CHECK(error_of([&] { archive.remove_version(kWww, 2); }).fault() == Fault::denied);
  archive.remove_version(kWww, 1);
  archive.remove_version(kWww, 1);
  archive.remove_version(kWww, 7);
  CHECK(archive.numbers(kWww) == std::vector{2});
  CHECK(base::Directory::open(directory / "archive/www").list() == std::vector<std::string>{"2"});
}

TEST_CASE("a removal that was cut leaves whole versions or none, and its leftovers are swept") {
  using Kind = fakes::Mishap::Kind;
  fakes::IssuingCa ca;
  for (const Kind kind : {Kind::power_cut, Kind::kill}) {
    for (int at = 1;; ++at) {
      CAPTURE(at);
      const fakes::TemporaryDirectory directory;
      const fakes::TemporaryDirectory scratch;
      const Archive archive(directory.path());
      const Name other = Name::parse("other");
      for (const int number : {1, 2}) make_version(archive, directory.path(), ca, number);
      archive.make_live(kWww, 2);
      archive.stage_key(other, 1, KeyType::ecdsa_p256);
      const auto end = fakes::run_in_child(scratch.path(), {.kind = kind, .at = at}, [&] {
        archive.remove_version(kWww, 1);
        archive.remove(kWww);
      });
      if (end.how == fakes::ChildEnd::How::done) {
        CHECK(at > 15);
        break;
      }
      REQUIRE(end.how == fakes::ChildEnd::How::cut);
      for (const int number : archive.numbers(kWww)) CHECK(archive.standing(kWww, number).complete);
      if (const auto live = archive.live(kWww)) CHECK(archive.standing(kWww, *live).complete);
      archive.sweep();
      archive.sweep();
      for (const std::string& entry : base::Directory::open(directory / "archive").list()) {
        CHECK_FALSE(entry.starts_with('.'));
        for (const std::string& inner : base::Directory::open(directory / ("archive/" + entry)).list())
          CHECK((!inner.starts_with('.') || entry == "other"));
      }
      CHECK(archive.staged(other) == std::vector{1});
      archive.remove(kWww);
      CHECK(archive.names() == std::vector{other});
    }
  }
}

TEST_CASE("a manifest reads back as it was written") {
  Manifest manifest = manifest_of(3);
  manifest.spec = "{\"a\":\"\\u0000 \xc3\xa4 \\\" \\n\"}";
  manifest.issuer = Name();
  manifest.external_key = true;
  manifest.imported_from = "/etc/letsencrypt";
  const Manifest back = archive::parse_manifest(archive::to_json(manifest));
  CHECK(back.name == manifest.name);
  CHECK(back.number == manifest.number);
  CHECK(back.issuer.empty());
  CHECK(back.spec == manifest.spec);
  CHECK(back.spec_hash == manifest.spec_hash);
  CHECK(back.created == manifest.created);
  CHECK(back.external_key);
  CHECK(back.imported_from == "/etc/letsencrypt");
  // One of before there was such a member.
  CHECK(archive::parse_manifest(archive::to_json(manifest_of(1))).imported_from.empty());
  CHECK_FALSE(archive::to_json(manifest_of(1)).contains("imported_from"));
}

TEST_CASE("wherever the power is cut or the program killed, live is complete, and a second run ends well") {
  using Kind = fakes::Mishap::Kind;
  const auto rotate_twice = [](const std::string& state, fakes::IssuingCa& ca) {
    const Archive archive(state);
    for (const int number : {1, 2}) {
      if (archive.live(kWww) >= number) continue;
      const pki::Signer key = archive.stage_key(kWww, number, KeyType::ecdsa_p256);
      if (!archive.read(kWww, number)) archive.complete(manifest_of(number), ca.issue(staged_pem(state, number)));
      archive.make_live(kWww, number);
    }
    archive.remove_key(kWww, 1);
  };
  const auto require_sound = [](const std::string& state) {
    if (!std::filesystem::exists(state + "/archive") || !std::filesystem::exists(state + "/live")) return;
    const Archive archive(state);
    for (const int number : archive.numbers(kWww)) {
      const auto version = archive.read(kWww, number);
      REQUIRE(version);
      if (const auto key = archive.key(kWww, number)) CHECK(pki::key_matches(*key, version->chain.front()));
    }
    const auto live = archive.live(kWww);
    if (!live) return;
    REQUIRE(archive.read(kWww, *live));
    REQUIRE(archive.key(kWww, *live));
    CHECK(pki::key_matches(*archive.key(kWww, *live), archive.read(kWww, *live)->chain.front()));
  };

  fakes::IssuingCa ca;
  for (const Kind kind : {Kind::power_cut, Kind::kill}) {
    for (int at = 1;; ++at) {
      CAPTURE(at);
      const fakes::TemporaryDirectory directory;
      const fakes::TemporaryDirectory scratch;
      const int before = ca.count();
      const auto end =
          fakes::run_in_child(scratch.path(), {.kind = kind, .at = at}, [&] { rotate_twice(directory.path(), ca); });
      if (end.how == fakes::ChildEnd::How::done) {
        CHECK(at > 30);  // else nothing went through the fake
        break;
      }
      REQUIRE(end.how == fakes::ChildEnd::How::cut);
      require_sound(directory.path());
      REQUIRE_NOTHROW(rotate_twice(directory.path(), ca));
      require_sound(directory.path());
      const Archive archive(directory.path());
      CHECK(archive.live(kWww) == 2);
      CHECK(archive.staged(kWww).empty());
      CHECK(archive.numbers(kWww) == std::vector{1, 2});
      CHECK_FALSE(archive.key_pem(kWww, 1));
      CHECK(ca.count() == before + 2);  // each key was durable before its certificate was asked for
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "a manifest tells of a revocation, and is damaged where it does not") {
  using pki::RevocationReason;
  make_version(archive, state, ca, 1);
  CHECK_FALSE(archive.manifest(kWww, 1)->revoked);
  CHECK_FALSE(archive.manifest(kWww, 2));
  const auto version_1 = archive.read(kWww, 1);
  Manifest wanted = version_1->manifest;
  CHECK(archive.damage(wanted, version_1->chain).empty());
  wanted.revoked = {base::from_unix(1'800'000'000), RevocationReason::superseded};
  CHECK(archive.damage(wanted, version_1->chain) == std::vector<std::string>{"manifest.json"});
  archive.note_revoked(kWww, 1, *wanted.revoked);
  archive.note_revoked(kWww, 2, *wanted.revoked);  // there is none
  CHECK(archive.damage(wanted, version_1->chain).empty());
  const Manifest found = *archive.manifest(kWww, 1);
  REQUIRE(found.revoked);
  CHECK(found.revoked->when == wanted.revoked->when);
  CHECK(found.revoked->reason == RevocationReason::superseded);
  CHECK(found.spec == version_1->manifest.spec);
  wanted.revoked->reason = RevocationReason::key_compromise;
  CHECK(archive.damage(wanted, version_1->chain) == std::vector<std::string>{"manifest.json"});
  archive.repair(wanted, version_1->chain);
  CHECK(archive.manifest(kWww, 1)->revoked->reason == RevocationReason::key_compromise);
}

TEST_CASE("a disk that is full from any call on is an error, and leaves live as it was") {
  fakes::IssuingCa ca;
  for (int at = 1;; ++at) {
    CAPTURE(at);
    const fakes::TemporaryDirectory directory;
    const fakes::TemporaryDirectory scratch;
    const Archive archive(directory.path());
    make_version(archive, directory.path(), ca, 1);
    archive.make_live(kWww, 1);
    const auto end =
        fakes::run_in_child(scratch.path(), {.kind = fakes::Mishap::Kind::errors, .at = at, .code = ENOSPC}, [&] {
          make_version(archive, directory.path(), ca, 2);
          archive.make_live(kWww, 2);
        });
    if (end.how == fakes::ChildEnd::How::done) break;
    REQUIRE(end.how == fakes::ChildEnd::How::failed);
    const auto live = archive.live(kWww);
    REQUIRE(live);
    CHECK(archive.read(kWww, *live));
    CHECK(archive.key(kWww, *live));
    if (!archive.read(kWww, 2)) REQUIRE_NOTHROW(make_version(archive, directory.path(), ca, 2));
    REQUIRE_NOTHROW(archive.make_live(kWww, 2));
  }
}
