// Versions on disk (design, "State"): a version grows in archive/<name>/.<number>/, key first, and is renamed to
// archive/<name>/<number>/ when complete; live/<name> is one symlink to the version in use.
#pragma once

#include "base/file.h"
#include "base/name.h"
#include "base/secret.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/key.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace everseal::archive {

using base::Name;

// What a version's manifest.json says: enough to recreate its row in the store. Nothing secret.
struct Manifest {
  Name name;
  int number = 0;
  Name issuer;
  std::string spec;          // config's normal form of the managed certificate, JSON
  std::string spec_hash;
  std::string fingerprint;
  base::Time created;
  bool external_key = false;
  std::string imported_from;  // directory of another client that it was taken over from; "": made here
};

struct Version {
  Manifest manifest;
  std::vector<pki::Certificate> chain;   // leaf first
  bool has_key = false;
  std::string directory;                 // absolute path
};

// One thread at a time for one name (the certificate lock); different names in parallel are fine.
class Archive {
 public:
  explicit Archive(const std::string& state);  // makes archive/ and live/ (0700) where missing

  // The key of a version that is being made: an earlier run's where there is one of `type`, else a new one; durable on return.
  pki::Signer stage_key(const Name& name, int number, pki::KeyType type) const;
  void stage_key(const Name& name, int number, const pki::PrivateKey& key) const;  // a key that is to be used again
  std::optional<pki::Signer> staged_key(const Name& name, int number) const;

  // Writes certificate, chain and manifest beside the staged key, each durable, and renames the version into place. `key_matches`
  // is checked: Error(invalid) where leaf and key differ, and nothing is renamed. Doing it again is fine.
  void complete(const Manifest& manifest, std::span<const pki::Certificate> chain) const;
  void discard_staging(const Name& name, int number) const;

  // Switches live/<name>; Error(invalid) where the version's key does not match its certificate.
  void make_live(const Name& name, int number) const;
  std::optional<int> live(const Name& name) const;

  std::optional<Version> read(const Name& name, int number) const;   // nullopt: not there; Error(corrupt): unreadable
  std::optional<base::Secret> key_pem(const Name& name, int number) const;
  std::optional<pki::Signer> key(const Name& name, int number) const;
  std::string live_path(const Name& name) const;                     // absolute, of the link

  void remove_key(const Name& name, int number) const;               // what `keep` prunes
  void remove(const Name& name) const;                               // live link first, then every version

  std::vector<Name> names() const;
  std::vector<int> numbers(const Name& name) const;                  // complete ones, ascending
  std::vector<int> staged(const Name& name) const;

 private:
  std::string state_;
};

}  // namespace everseal::archive
