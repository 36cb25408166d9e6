// The config as it is now, brought into the store.
#pragma once

#include "config/last_good.h"
#include "inventory/store.h"
#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace everseal::reconcile {

// The files of the config, each read once, beside what they may refer to.
class ConfigReading {
 public:
  ConfigReading(const Host& host, inventory::Store& store);

  // What they say where something changed since it was stored, or was wrong then; and what was remembered before.
  struct Changes {
    config::Memory before;
    config::Loaded loaded;
  };
  std::optional<Changes> changes(inventory::Store& store) const;
  // All but the certificates.
  config::Settings settings(inventory::Store& store) const;

  const config::Sources& sources() const noexcept { return sources_; }
  const config::Kinds& kinds() const noexcept { return kinds_; }
  const std::string& digest() const noexcept { return digest_; }

 private:
  config::Files files_;
  config::Kinds kinds_;
  config::Sources sources_;
  std::string digest_;
};

// Brings the table of managed certificates up to date with the files of the config, of which those that did not change
// are not parsed again, and wakes what a change touches. What is broken stops itself only and is one of the problems: a
// certificate keeps what is stored of it, and settings that were good before stand in for those that are wrong now.
class Desired {
 public:
  // `store` outlives it. Error(config) that lists all problems where the main file cannot be read and never was.
  Desired(const Host& host, inventory::Store& store);

  // All but the certificates; parsed when first asked for, and shared with every worker.
  const std::shared_ptr<const config::Settings>& settings();
  const config::Settings& config() { return *settings(); }
  const base::Problems& problems() const noexcept { return problems_; }

 private:
  void take_in(ConfigReading::Changes changes, Time now);

  inventory::Store* store_;
  ConfigReading reading_;
  std::shared_ptr<const config::Settings> settings_;
  base::Problems problems_;
};

// What the files of the config say that no run has taken in.
struct Untaken {
  base::Problems problems;                     // as a run would find them
  std::map<Name, config::Certificate> unread;  // right, and not managed yet
  config::Unparsed unparsed;                   // files that say nothing now
  std::set<Name> gone;                         // managed, and named by no file any more
};
// Held against the store, which is only read. A main file that cannot be read and never was is a problem like others.
Untaken look_at_config(const Host& host, inventory::Store& store);

// Was the config's main file ever read into that state? Where it cannot be read now, only that tells whose state it is.
bool remembers(const std::string& state, const std::string& main, Time now);

// Those that keep one of these certificates from being what the config says: its own, and those of whole files.
base::Problems problems_for(const base::Problems& problems, const std::vector<Name>& names);
// A failed outcome of the step "config" for each of them.
std::vector<Outcome> outcomes_of(const base::Problems& problems);

}  // namespace everseal::reconcile
