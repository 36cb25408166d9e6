// A state directory with an authority in it, and the independent judges (openssl, certtool) over what it signs.
#pragma once

#include "authority/authority.h"
#include "authority/ceremony.h"
#include "authority/sign.h"
#include "base/error.h"
#include "base/process.h"
#include "base/time.h"
#include "fakes/temporary_directory.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "inventory/events.h"
#include "inventory/managed.h"
#include "inventory/store.h"
#include "pki/csr.h"
#include "pki/key.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace everseal::authority {

using base::Fault;

inline base::Exit attempt(std::vector<std::string> argv) {
  base::Command command;
  command.argv = std::move(argv);
  return base::run(command);
}
inline std::string run(std::vector<std::string> argv) {
  const base::Exit exit = attempt(std::move(argv));
  REQUIRE_MESSAGE(exit.success(), base::describe(exit), "\n", exit.output, exit.errors);
  return exit.output;
}

struct Thrown {
  std::optional<Fault> fault;
  std::string message;
};
inline Thrown thrown(const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return {error.fault(), error.message()};
  }
  return {std::nullopt, "(nothing thrown)"};
}
inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

inline Name name(std::string_view text) { return Name::parse(text); }
inline std::vector<pki::Identifier> identifiers(std::initializer_list<std::string_view> texts) {
  std::vector<pki::Identifier> all;
  for (const std::string_view text : texts) all.push_back(pki::Identifier::parse(text));
  return all;
}

// One key of each type for the whole run: RSA keys take long to make.
inline const pki::PrivateKey& key_of(pki::KeyType type) {
  static std::map<pki::KeyType, pki::PrivateKey> keys;
  auto found = keys.find(type);
  if (found == keys.end()) found = keys.emplace(type, pki::PrivateKey::generate(type)).first;
  return found->second;
}

inline Request request(std::string_view profile, std::initializer_list<std::string_view> names,
                       pki::KeyType type = pki::KeyType::ecdsa_p256) {
  return {.profile = name(profile), .key = pki::Signer(key_of(type)), .identifiers = identifiers(names)};
}

// What a colleague's `openssl req` would have sent.
inline Request csr_request(std::string_view profile, const pki::CsrRequest& wanted) {
  return {.profile = name(profile), .key = pki::Csr::parse(pki::make_csr(wanted, key_of(pki::KeyType::ecdsa_p256)))};
}

class Fixture {
 public:
  // Judges read the wall clock, so the tests stand on it too.
  const Time now = base::wall_clock();
  const base::Secret passphrase{std::string_view("correct horse battery")};

  Fixture() { inventory::Store::create(state(), now); }

  std::string state() const { return directory_ / "state"; }
  std::string path(const std::string& file) const { return directory_ / file; }
  inventory::Store open_store() const { return inventory::Store::open(state(), sql::Access::read_write, now); }

  Founded found(inventory::Store& store, const Ceremony& ceremony) const {
    return create_authority(store, ceremony, {.root = &passphrase}, now);
  }
  std::string write(const std::string& file, std::string_view text) const {
    base::write_file(path(file), base::as_bytes(text));
    return path(file);
  }
  std::string write(const std::string& file, const std::vector<pki::Certificate>& certificates) const {
    std::string text;
    for (const auto& certificate : certificates) text += certificate.pem();
    return write(file, text);
  }

 private:
  fakes::TemporaryDirectory directory_;
};

// An authority named corp, opened.
struct Corp : Fixture {
  inventory::Store store = open_store();
  explicit Corp(Settings settings = {}, Ceremony ceremony = {})
      : authority([&] {
          ceremony.name = name("corp");
          found(store, ceremony);
          return Authority::open(store, name("corp"), std::move(settings));
        }()) {}
  Authority authority;

  Signed sign(const Request& wanted) { return authority::sign(authority, wanted, now); }
  Thrown refusal(const Request& wanted) {
    return thrown([&] { sign(wanted); });
  }
};

}  // namespace everseal::authority
