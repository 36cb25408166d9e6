// Putting an artifact where a server reads it. Neither probes nor records: the reconciler does both around these calls.
#pragma once

#include "base/name.h"
#include "base/options.h"
#include "base/process.h"
#include "base/secret.h"
#include "base/variable.h"
#include "pki/certificate.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::deploy {

using base::Name;

// What is to be put there. `number` names it at the target; a higher one is newer.
struct Artifact {
  Name name;  // of the managed certificate or authority
  std::int64_t number = 0;
  std::vector<pki::Certificate> chain;    // leaf first, without the root; empty for a CRL or trust bundle
  const base::Secret* key_pem = nullptr;  // borrowed for the call; null where the key is external or lost
  bool is_key_lost = false;               // it was made here, and is gone
  base::Bytes crl;                        // DER
  std::vector<pki::Certificate> bundle;   // trust anchors
  std::string directory;                  // the version's own directory in the archive, for hooks
};

// One configured target. Used by one thread at a time. Every call may be repeated after a crash and then ends in the
// same state. Errors are Error(io/config/denied) with the path; a stage() that throws has left `current` as it was.
class Target {
 public:
  virtual ~Target() = default;
  // Writes the artifact beside the current one; durable on return. Does not change what is served.
  virtual void stage(const Artifact& artifact) = 0;
  // Makes `number` the current one: one rename, or one run of a program, which a stop ends. Error(not_found) where it
  // was not staged (or was pruned), Error(cancelled).
  virtual void switch_to(std::int64_t number, std::stop_token stop = {}) = 0;
  // Which one is current; nullopt: none.
  virtual std::optional<std::int64_t> current() const = 0;
  virtual bool has(std::int64_t number) const = 0;
  // Tells the server. nullopt where no reload is configured.
  virtual std::optional<base::Exit> reload(std::stop_token stop) = 0;
  // Removes staged and former ones but those in `keep`, what else left the configured contents, and links to it.
  virtual void prune(std::span<const std::int64_t> keep) = 0;
  // Removes all that stage and switch_to made. False where nothing of it was there; Error(not_found) where the place
  // itself is away, and with it perhaps what was put there.
  virtual bool remove() = 0;
  // Can this kind tell what is there? Where not, current() is nullopt and the reload's exit is all that is known.
  virtual bool reads_back() const noexcept = 0;
  // Where something stands as long as what was deployed does, absolute; empty where the kind knows no such place.
  virtual std::vector<std::string> paths() const = 0;
  // Is `number` current, and does each of its files stand where the server reads it? Told from names alone, in a few
  // system calls. True where the kind cannot know. Error(io) where the disk does not say.
  virtual bool stands(std::int64_t number) const = 0;
  // Whose files stand where this one's would, deployed there under other names. Empty where the kind cannot know.
  virtual std::vector<Name> occupants() const = 0;
  // What stands there otherwise than `artifact` would have it: missing, foreign, changed, of another owner or mode; one
  // printable line each. Empty too where the kind cannot read back what it handed over.
  virtual std::vector<std::string> differences(const Artifact& artifact) const = 0;
};

struct Kind {
  std::string_view name;
  std::string_view summary;
  std::span<const base::Option> options;
  // What is wrong beyond the options' types; also every absolute path that the target claims, so that no two
  // deployments claim one file.
  std::vector<std::string> (*check)(const base::Options& options, const Name& owner,
                                    std::vector<std::string>& claims) = nullptr;
  std::unique_ptr<Target> (*open)(const base::Options& options, const Name& owner);
  std::span<const base::Variable> variables = {};  // that its commands are told
};

std::span<const Kind* const> kinds();
const Kind* find_kind(std::string_view name) noexcept;

}  // namespace everseal::deploy
