// Versions on disk (design, "State"): a version grows in archive/<name>/.<number>/, key first, and is renamed to
// archive/<name>/<number>/ when complete; live/<name> is one symlink to the version in use.
#pragma once

#include "base/file.h"
#include "base/name.h"
#include "base/secret.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/key.h"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::archive {

using base::Name;

inline constexpr std::string_view kKeyFile = "privkey.pem";
inline constexpr std::array<std::string_view, 5> kFiles{kKeyFile, "cert.pem", "chain.pem", "fullchain.pem",
                                                        "manifest.json"};  // of a version

struct Revoked {
  base::Time when;
  pki::RevocationReason reason = pki::RevocationReason::unspecified;
};

// What a version's manifest.json says: enough to recreate its row in the store. Nothing secret.
struct Manifest {
  Name name;
  int number = 0;
  Name issuer;
  std::string spec;  // config's normal form of the managed certificate, JSON
  std::string spec_hash;
  std::string fingerprint;
  base::Time created;
  bool external_key = false;
  bool once = false;                 // no config asked for it to be kept alive
  std::string imported_from;         // directory of another client that it was taken over from; "": made here
  std::optional<Revoked> revoked{};  // where no CRL of an authority here says it
};

// A removal or revocation that somebody asked for and that is not done: what a store that is lost forgets.
struct Request {
  enum class Kind { remove, revoke };
  Kind kind = Kind::remove;
  std::optional<int> version;  // of revoke
  pki::RevocationReason reason = pki::RevocationReason::unspecified;
  bool revoke = false;       // of remove: every version that is not expired
  bool delete_keys = false;  // of remove
  std::string actor;         // who asked
  base::Time created;
  bool operator==(const Request&) const = default;
};

struct Version {
  Manifest manifest;
  std::vector<pki::Certificate> chain;  // leaf first
  bool has_key = false;
  std::string directory;  // absolute path
};

// What the names on disk tell of one version; no file is read for it.
struct Standing {
  bool exists = false;    // its directory
  bool complete = false;  // its directory holds every file of a version but the key
  bool has_key = false;
  bool live = false;  // the live link leads to it
};

// What stands at live/<name>.
struct LiveLink {
  enum class Kind { missing, version, elsewhere, no_link };  // no_link: a file or directory is in the way
  Kind kind = Kind::missing;
  std::optional<int> number;  // of `version`, whether it is there or not
  std::string target;         // what the link holds
};

// Without an archive at hand; `state` is its directory. Error(io) where the disk does not say.
Standing standing_of(const std::string& state, const Name& name, int number);
LiveLink live_link_of(const std::string& state, const Name& name);

// What became of a deletion that goes on where one part fails.
struct KeyRemoval {
  std::vector<int> removed;           // versions whose key was there and is not any more
  std::vector<std::string> problems;  // each names a key that is left, and why; printable
};

// One thread at a time for one name (the certificate lock); different names in parallel are fine.
class Archive {
 public:
  explicit Archive(const std::string& state);  // makes archive/ and live/ (0700) where missing

  // The key of a version that is being made: an earlier run's where there is one of `type`, else a new one; durable on
  // return.
  pki::Signer stage_key(const Name& name, int number, pki::KeyType type) const;
  void stage_key(const Name& name, int number, const pki::PrivateKey& key) const;  // a key that is to be used again
  std::optional<pki::Signer> staged_key(const Name& name, int number) const;

  // Writes certificate, chain and manifest beside the staged key, each durable, and renames the version into place.
  // `key_matches` is checked: Error(invalid) where leaf and key differ, and nothing is renamed. Doing it again is fine.
  void complete(const Manifest& manifest, std::span<const pki::Certificate> chain) const;
  void discard_staging(const Name& name, int number) const;
  // Renames what stands in the place of a version that is being made and is none, or of all its name's, so that it can
  // be completed; gives its path now. nullopt where the way is clear.
  std::optional<std::string> clear_way(const Name& name, int number) const;

  // Switches live/<name>, wherever a link there leads; Error(invalid) where the version's key does not match its
  // certificate, Error(exists) where no link but a file or directory is in the way.
  void make_live(const Name& name, int number) const;
  std::optional<int> live(const Name& name) const;  // Error(corrupt) where it leads to no version
  // live_link_of() and standing_of() here: only what is gone counts as gone.
  LiveLink live_link(const Name& name) const;
  Standing standing(const Name& name, int number) const;

  std::optional<Version> read(const Name& name, int number) const;  // nullopt: not there; Error(corrupt): unreadable
  std::optional<base::Secret> key_pem(const Name& name, int number) const;
  std::optional<pki::Signer> key(const Name& name, int number) const;
  std::string live_path(const Name& name) const;  // absolute, of the link
  // Absolute, of the PEM files of a complete version.
  std::vector<std::string> paths(const Name& name, int number) const;

  // The files of a complete version, but its key, that are missing or say something else than they should. repair()
  // writes them again, and puts a directory in the place of one aside. Error(not_found) where its directory is missing.
  std::vector<std::string> damage(const Manifest& manifest, std::span<const pki::Certificate> chain) const;
  void repair(const Manifest& manifest, std::span<const pki::Certificate> chain) const;
  // Of the manifest alone; nullopt: not there; Error(corrupt): unreadable.
  std::optional<Manifest> manifest(const Name& name, int number) const;
  // The manifest says so from now on. Error(corrupt): unreadable; nothing is done where there is no such version.
  void note_revoked(const Name& name, int number, const Revoked& revoked) const;
  // Renames what is no link at live/<name>, so that a link can stand there; gives its path now.
  std::string move_aside(const Name& name) const;

  // Takes away what others may do with the private keys of complete versions. Gives the versions whose key was open.
  std::vector<int> close_keys(const Name& name) const;
  void remove_key(const Name& name, int number) const;  // what `keep` prunes
  // Every private key of `name`: of its versions, of those that are being made, of what was put aside (beside a key, a
  // version, the archive of the name or its live link), and of what a crash left.
  KeyRemoval remove_keys(const Name& name) const;
  // Each vanishes by one rename and is deleted then; what a crash leaves of it is swept by the next removal or sweep().
  void remove_version(const Name& name, int number) const;  // Error(denied) for the live one
  void remove(const Name& name) const;                      // live link first, then every version
  void sweep() const;

  std::vector<Name> names() const;
  std::vector<int> numbers(const Name& name) const;  // complete ones, ascending
  // Remembers beside the versions that `name` was removed at `when`, for a store that was lost: what lies there now is
  // history. Durable on return; nothing is done where the archive has nothing of it.
  void mark_removed(const Name& name, base::Time when) const;
  // The newest version that a removal left; 0: none did. Error(corrupt) where what is remembered cannot be read.
  int removed_through(const Name& name) const;
  // Remembers beside the versions what is asked for of `name`: these requests and no others. Durable on return; nothing
  // is written where that stands there already, or the archive has nothing of the name.
  void note_requests(const Name& name, const std::vector<Request>& requests) const;
  std::vector<Request> requests(const Name& name) const;  // Error(corrupt) where what is remembered cannot be read
  std::vector<int> staged(const Name& name) const;

 private:
  std::string state_;
};

}  // namespace everseal::archive
