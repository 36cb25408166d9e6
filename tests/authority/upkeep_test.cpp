#include "authority/upkeep.h"

#include "authority/revoke.h"
#include "authority/sign.h"
#include "base/file.h"
#include "fixture.h"
#include "inventory/events.h"

#include <array>
#include <filesystem>
#include <fstream>

using namespace everseal;
using namespace everseal::authority;
namespace fs = std::filesystem;

namespace {

constexpr std::array kPublic{"authority.json", "root.pem", "intermediate-1.pem"};

Ceremony ceremony(RootPlace root = RootPlace::here) {
  Ceremony wanted;
  wanted.name = name("corp");
  wanted.root = root;
  return wanted;
}

struct Files : Fixture {
  std::string file(const std::string& name) const { return state() + "/authorities/corp/" + name; }
  std::string read(const std::string& name) const {
    return std::string(base::as_text(base::read_file(file(name), 1 << 20)));
  }
  void lose_database() const {
    for (const char* one : {"/everseal.db", "/everseal.db-wal", "/everseal.db-shm"}) fs::remove(state() + one);
  }
};

std::vector<std::string> told(inventory::Store& store) {
  std::vector<std::string> lines;
  for (const FileTrouble& trouble : file_troubles(store, name("corp")))
    lines.push_back(trouble.file + " " + trouble.what + (trouble.text.empty() ? "" : "; can be written"));
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a public file of an authority that is lost or damaged is named, and written again as it was") {
  Files at;
  auto store = at.open_store();
  at.found(store, ceremony());
  CHECK(told(store) == Lines{});
  for (const char* file : kPublic) {
    CAPTURE(file);
    const std::string before = at.read(file);
    fs::remove(at.file(file));
    CHECK(told(store) == Lines{std::string(file) + " is missing; can be written"});
    CHECK(mend_files(store, name("corp")) == Lines{file});
    CHECK(at.read(file) == before);
    for (const std::string& damaged : {std::string(), before.substr(0, before.size() / 2), std::string("\0\0\0", 3)}) {
      at.write("state/authorities/corp/" + std::string(file), damaged);
      CHECK(told(store) == Lines{std::string(file) + " is damaged; can be written"});
      CHECK(mend_files(store, name("corp")) == Lines{file});
      CHECK(at.read(file) == before);
    }
    CHECK(mend_files(store, name("corp")) == Lines{});
  }
}

TEST_CASE("a file that says something else is left to a person") {
  Files at, other;
  auto store = at.open_store();
  at.found(store, ceremony());
  auto others = other.open_store();
  other.found(others, ceremony());
  for (const char* file : {"root.pem", "intermediate-1.pem"}) {
    CAPTURE(file);
    const std::string before = at.read(file);
    at.write("state/authorities/corp/" + std::string(file), other.read(file));
    CHECK(told(store) == Lines{std::string(file) + " says something else than the database"});
    CHECK(mend_files(store, name("corp")) == Lines{});
    CHECK(at.read(file) == other.read(file));
    at.write("state/authorities/corp/" + std::string(file), before);
  }
  at.write("state/authorities/corp/authority.json", "{\"format\": 2}");
  CHECK(told(store) == Lines{"authority.json says something else than the database"});
}

TEST_CASE("a chain of several intermediates is written again whole") {
  Files at;
  auto store = at.open_store();
  const pki::PrivateKey root_key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
  const pki::PrivateKey middle_key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
  const pki::PrivateKey key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
  const auto make = [&](std::string cn, const pki::PrivateKey& of, const pki::Certificate* issuer,
                        const pki::PrivateKey& by, int path_length) {
    pki::Template wanted;
    wanted.serial = pki::random_serial();
    wanted.subject.rdns.emplace_back("CN", std::move(cn));
    wanted.public_key_info = of.public_key_info();
    wanted.not_before = at.now - std::chrono::hours(1);
    wanted.not_after = at.now + std::chrono::days(900);
    wanted.is_ca = true;
    wanted.path_length = path_length;
    wanted.key_usage = {"keyCertSign", "cRLSign"};
    return pki::Certificate::parse(pki::sign_certificate(wanted, issuer, by));
  };
  const auto root = make("Root", root_key, nullptr, root_key, 2);
  const auto middle = make("Middle", middle_key, &root, root_key, 1);
  const auto intermediate = make("Intermediate", key, &middle, middle_key, 0);
  import_authority(store, name("corp"), {intermediate, middle, root}, key, nullptr, at.now);
  CHECK(told(store) == Lines{});
  const std::string before = at.read("intermediate-1.pem");
  at.write("state/authorities/corp/intermediate-1.pem", intermediate.pem());
  CHECK(told(store) == Lines{"intermediate-1.pem is damaged; can be written"});
  fs::remove(at.file("intermediate-1.pem"));
  CHECK(mend_files(store, name("corp")) == Lines{"intermediate-1.pem"});
  CHECK(at.read("intermediate-1.pem") == before);
}

TEST_CASE("one that is known gets its files back, whatever is missing") {
  for (const char* file : kPublic) {
    CAPTURE(file);
    Files at;
    auto store = at.open_store();
    at.found(store, ceremony());
    fs::remove(at.file(file));
    const Founded founded = adopt_authority(store, name("corp"), at.now);
    CHECK(founded.mended == Lines{file});
    CHECK(founded.intermediate.has_value());
    CHECK(Authority::open(store, name("corp"), {}).chain().size() == 1);
  }
}

TEST_CASE("one that nobody knows is taken in whole, or not at all and with what is missing") {
  const struct {
    RootPlace root;
    std::vector<std::string> lost;
    Lines named;  // none: it is taken in
  } rows[] = {
      {RootPlace::here, {"authority.json"}, {}},
      {RootPlace::here, {"root.pem"}, {"root.pem"}},
      {RootPlace::here, {"intermediate-1.pem"}, {"intermediate-1.pem"}},
      {RootPlace::here, {"root.pem", "intermediate-1.pem"}, {"root.pem", "intermediate-1.pem"}},
      {RootPlace::here, {"root.pem", "intermediate-1.pem", "crl.der"}, {"root.pem", "intermediate-1.pem"}},
      {RootPlace::here, {"authority.json", "root.pem"}, {"authority.json", "root.pem"}},
      {RootPlace::here, {"crl.der", "root.key.pem"}, {}},
      {RootPlace::here, {"intermediate-1.key.pem"}, {}},
      {RootPlace::offline, {}, {}},
      {RootPlace::offline, {"authority.json"}, {"authority.json"}},
      {RootPlace::offline, {"intermediate.csr.pem"}, {"root.pem", "intermediate-1.pem"}},
  };
  for (const auto& [root, lost, named] : rows) {
    CAPTURE(lost);
    Files at;
    {
      auto store = at.open_store();
      at.found(store, ceremony(root));
    }
    for (const std::string& file : lost) fs::remove(at.file(file));
    at.lose_database();
    auto store = inventory::Store::create(at.state(), at.now);
    const Thrown refusal = thrown([&] { adopt_authority(store, name("corp"), at.now); });
    CHECK(inventory::Authorities(store).find(name("corp")).has_value() == named.empty());
    if (named.empty()) {
      CHECK(refusal.fault == std::nullopt);
      CHECK(inventory::Authorities(store).certificates(name("corp")).empty() == (root == RootPlace::offline));
    } else {
      CHECK(refusal.fault == Fault::corrupt);
      for (const std::string& file : named) CHECK(contains(refusal.message, file));
    }
    for (const std::string& file : lost)
      if (file != "authority.json") CHECK_FALSE(fs::exists(at.file(file)));
  }
}
