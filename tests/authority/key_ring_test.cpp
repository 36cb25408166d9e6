#include "authority/key_ring.h"

#include "authority/ceremony.h"
#include "authority/sign.h"
#include "fixture.h"

#include <atomic>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace everseal::authority {
namespace {

// An authority whose key is encrypted, a ring, and how often the passphrase was asked for.
struct Encrypted : Fixture {
  KeyRing ring;
  std::atomic<int> asked = 0;

  Encrypted() {
    Ceremony wanted;
    wanted.name = name("corp");
    auto store = open_store();
    create_authority(store, wanted, {.root = &passphrase, .intermediate = &passphrase}, now);
  }
  PassphraseSource source() {
    return [this] {
      ++asked;
      return std::optional(passphrase.copy());
    };
  }
  Authority open(inventory::Store& store) { return Authority::open(store, name("corp"), {}, ring, source()); }
};

}  // namespace

TEST_CASE("a key is opened once for many signatures, and the passphrase asked once") {
  Encrypted at;
  for (int i = 0; i < 5; ++i) {
    auto store = at.open_store();
    auto corp = at.open(store);
    sign(corp, request("server", {"a.example.test"}), at.now);
  }
  CHECK(at.asked == 1);
}

TEST_CASE("threads that want one key at once open it once") {
  Encrypted at;
  std::vector<std::jthread> threads;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      auto store = at.open_store();
      if (pki::key_matches(at.open(store).signer(), at.open(store).certificate())) ++opened;
    });
  threads.clear();
  CHECK(opened == 8);
  CHECK(at.asked == 1);
}

TEST_CASE("a key that is dropped is opened anew, and who signs with it goes on") {
  Encrypted at;
  auto store = at.open_store();
  auto corp = at.open(store);
  at.ring.drop(name("other"));
  static_cast<void>(at.open(store));
  CHECK(at.asked == 1);
  at.ring.drop(name("corp"));
  sign(corp, request("server", {"a.example.test"}), at.now);
  CHECK(at.asked == 1);
  static_cast<void>(at.open(store));
  CHECK(at.asked == 2);
  at.ring.drop_all();
  static_cast<void>(at.open(store));
  CHECK(at.asked == 3);
}

TEST_CASE("a key that could not be opened is no open key") {
  Encrypted at;
  auto store = at.open_store();
  const auto open_with = [&](const PassphraseSource& source) {
    return thrown([&] { Authority::open(store, name("corp"), {}, at.ring, source); }).fault;
  };
  CHECK(open_with([] { return std::optional(base::Secret(std::string_view("wrong horse"))); }) == Fault::invalid);
  CHECK(open_with([] { return std::optional<base::Secret>(); }) == Fault::invalid);
  CHECK(open_with([]() -> std::optional<base::Secret> { throw base::Error(Fault::config, "nobody to ask"); }) ==
        Fault::config);
  CHECK(at.open(store).generation() == 1);
  const auto directory = base::Directory::open(at.state() + "/authorities/corp");
  CHECK_FALSE(at.ring.open(name("corp"), directory, "missing.pem", at.source()).has_value());
}

}  // namespace everseal::authority
