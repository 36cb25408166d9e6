// What an auditor asks of a time (PCI DSS 4.2.1.1, 12.3.3): what there was, what was done by whom, what was wrong,
// what was let be and why, what was not looked at, and by which rules.
#pragma once

#include "config/config.h"
#include "inventory/events.h"
#include "inventory/findings.h"
#include "inventory/records.h"
#include "inventory/store.h"

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace everseal::scan {

// A certificate as it stood.
struct Standing {
  inventory::CertificateRecord certificate;
  bool is_newest = false;  // of what is managed by its name
  struct Place {
    inventory::PlaceRecord place;
    base::Time from, until;  // was seen there
  };
  std::vector<Place> places;  // that showed it then

  // "live", "expired" or "revoked", as of then.
  std::string_view state_at(base::Time when) const noexcept;
};
// As of `when`: the newest version of each managed name first, by name, then what else was seen, by its end. What is
// remembered no more is not among them (inventory/retention.h).
std::vector<Standing> stood_at(inventory::Store& store, base::Time when);

struct Period {
  base::Time from, until;           // `until` itself is not part of it
  std::vector<Standing> inventory;  // as of its end
  // Of certificates, authorities and their keys, and what was acknowledged.
  std::vector<inventory::EventRecord> events;
  // That held at some time of it.
  std::vector<std::pair<inventory::AcknowledgementRecord, inventory::PlaceRecord>> exceptions;
  std::vector<inventory::AuditRunRecord> runs;
  struct PolicyUse {
    std::string environment;   // whose places it judged; "": of all that have no policy of their own
    std::string policy, hash;  // SHA-256 of the file
    base::Time first, last;    // audits that judged by it
    std::int64_t runs = 0;
  };
  std::vector<PolicyUse> policies;
  struct Uncovered {
    std::string what, why;  // printable
  };
  std::vector<Uncovered> uncovered;
  std::array<inventory::Anchor, inventory::kChains.size()> heads;  // of the history, today
};

// `config` is today's: it says what should have been looked at.
Period period(inventory::Store& store, const config::Config& config, base::Time from, base::Time until);

// Findings of a period, one at a time, as there may be many.
enum class Within { opened, closed, open_at_its_end };
void each_finding(inventory::Store& store, const Period& period, Within which,
                  const std::function<void(const inventory::PlacedFinding&)>& row);

}  // namespace everseal::scan
