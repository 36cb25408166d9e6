// What the tests of whole runs share.
#pragma once

#include "archive/archive.h"
#include "authority/ceremony.h"
#include "fakes/temporary_directory.h"
#include "inventory/events.h"
#include "inventory/managed.h"
#include "reconcile/host.h"
#include "reconcile/kinds.h"
#include "reconcile/reconcile.h"
#include "reconcile/verbs/ca_sign.h"
#include "reconcile/verbs/issue.h"
#include "reconcile/verbs/revoke.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::reconcile {

// A state directory with an authority "corp". Made once for all tests of a program, which take copies: to encrypt a key
// takes longer than most tests.
inline const std::string& state_with_authority() {
  struct Made {
    fakes::TemporaryDirectory root;
    std::string state = root / "state";
    Made() {
      const Time now = base::wall_clock();
      inventory::Store store = inventory::Store::create(state, now);
      authority::Ceremony wanted;
      wanted.name = Name::parse("corp");
      const base::Secret passphrase{std::string_view("correct horse battery")};
      authority::Passphrases passphrases;
      passphrases.root = &passphrase;
      authority::create_authority(store, wanted, passphrases, now);
    }
  };
  static const Made made;
  return made.state;
}

// A state directory with an authority, a config directory and a directory that a server would read.
struct Site {
  fakes::TemporaryDirectory root;
  Host host;
  Time now = base::wall_clock();

  Site() {
    for (const char* name : {"/config", "/config/conf.d", "/tls", "/scratch"}) std::filesystem::create_directory(root.path() + name);
    std::ofstream(root.path() + "/config/everseal.toml") << "config_version = 1\n";
    host.state = root.path() + "/state";
    host.files = config::files(root.path() + "/config/everseal.toml", host.state);
    host.clock = [this] { return now; };
    std::filesystem::copy(state_with_authority(), host.state,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  }

  config::Certificate www(const std::string& reload = {}, const std::vector<std::string>& verify = {}) const {
    config::Certificate certificate;
    certificate.name = Name::parse("www");
    certificate.identifiers = {pki::Identifier::parse("www.example.org")};
    certificate.issuers = {Name::parse("corp")};
    base::Table written{{"directory", {root.path() + "/tls", {}}}};
    if (!reload.empty()) written.emplace_back("reload", base::Value{base::List{{reload, {}}}, {}});
    certificate.deployments.push_back(
        config::make_deployment(Name::parse("files"), "files", written, verify, config_kinds({}), certificate.name));
    return certificate;
  }

  std::vector<inventory::VersionRecord> versions() const {
    inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, now);
    return inventory::Versions(store).of(Name::parse("www"));
  }

  void lose_database() const {
    for (const char* const end : {"", "-wal", "-shm"}) std::filesystem::remove(host.state + "/everseal.db" + end);
  }

  int live() const { return archive::Archive(host.state).live(Name::parse("www")).value_or(0); }

  std::int64_t events(std::string_view action) const {
    inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, now);
    std::int64_t count = 0;
    inventory::Events(store).each({}, [&](const inventory::EventRecord& event) { count += event.action == action ? 1 : 0; });
    return count;
  }
};

inline RevokeRequest revocation_of_www(pki::RevocationReason reason = pki::RevocationReason::superseded) {
  RevokeRequest request;
  request.name = Name::parse("www");
  request.reason = reason;
  return request;
}

// Why that was not signed; nullopt: it was.
inline std::optional<base::Error> refusal_of_signing(const Host& host, const CaSignRequest& wanted) {
  std::optional<base::Error> refusal;
  try {
    ca_sign(host, wanted, [&](std::size_t, const std::expected<SignedCsr, base::Error>& result) {
      if (!result) refusal.emplace(result.error());
    });
  } catch (const base::Error& error) {
    refusal.emplace(error);
  }
  return refusal;
}

inline std::optional<base::Fault> fault_of_signing(const Host& host, const CaSignRequest& wanted) {
  const auto refusal = refusal_of_signing(host, wanted);
  return refusal ? std::optional(refusal->fault()) : std::nullopt;
}

}  // namespace everseal::reconcile
