// What a run needs of its surroundings. The roof assembles one and lends it to every call.
#pragma once

#include "authority/key_ring.h"
#include "base/machine_clock.h"
#include "base/time.h"
#include "config/load.h"
#include "issuer/shared.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace everseal::reconcile {

using base::Name;
using base::Time;

// One line for somebody who watches: "certificate/www", "deployed version 3 to nginx".
struct Progress {
  // waiting: a sign of life about once a second, each in place of the one before.
  enum class Kind { doing, waiting, done, warning, failed };
  Kind kind;
  std::string subject;
  std::string text;  // printable
};

struct Host {
  std::string state;  // the state directory
  config::Files files;
  std::function<Time()> clock = base::wall_clock;  // called from any worker
  Time build_date{};                               // no clock may be before it
  // What the machine knows of time besides `clock`: nothing, unless the roof has a machine's own clock.
  std::function<base::MachineClock()> machine = [] { return base::MachineClock{}; };
  std::function<void(const std::string& line)> journal{};  // the system's, where the history's heads go; may be empty
  std::function<void(const Progress&)> progress = [](const Progress&) {};  // called by one worker at a time
  std::stop_token stop{};
  // How long another run is waited for, and who restores, rebuilds or migrates the store; absent: not at all for a run,
  // ten seconds for the store.
  std::optional<std::chrono::milliseconds> wait{};
  // What the issuers of all workers share; made when first needed, unless the roof gives its own.
  std::shared_ptr<issuer::Shared> shared = std::make_shared<issuer::Shared>();
  // The keys of authorities that are open: shared by all workers and verbs of a process, dropped by who replaces them.
  std::shared_ptr<authority::KeyRing> keys = std::make_shared<authority::KeyRing>();
};

}  // namespace everseal::reconcile
