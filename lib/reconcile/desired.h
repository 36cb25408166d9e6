// The config as it is now, brought into the store.
#pragma once

#include "config/last_good.h"
#include "inventory/store.h"
#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <memory>
#include <vector>

namespace everseal::reconcile {

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
  void bring_up_to_date(Time now, const std::string& digest);

  inventory::Store* store_;
  config::Files files_;
  config::Kinds kinds_;
  config::Sources sources_;
  std::shared_ptr<const config::Settings> settings_;
  base::Problems problems_;
};

// Was the config's main file ever read into that state? Where it cannot be read now, only that tells whose state it is.
bool remembers(const std::string& state, const std::string& main, Time now);

// Those that keep one of these certificates from being what the config says: its own, and those of whole files.
base::Problems problems_for(const base::Problems& problems, const std::vector<Name>& names);
// A failed outcome of the step "config" for each of them.
std::vector<Outcome> outcomes_of(const base::Problems& problems);

}  // namespace everseal::reconcile
