// Whether all addresses behind one place have shown one certificate, by what was seen there.
#pragma once

#include "inventory/records.h"

#include <optional>
#include <span>
#include <vector>

namespace everseal::scan {

// A leaf at a place, from and until when it was seen; absent: it is still there.
struct SeenLeaf {
  pki::Fingerprint certificate;
  bool is_rsa = false;  // a listener may hold an RSA key beside another: those are held apart
  base::Time from;
  std::optional<base::Time> until;
  bool is_open = false;  // the last look at the place showed it
};

// What a look shows now is there now; what was there and is shown goes on.
void add_look(std::vector<SeenLeaf>& seen, const std::vector<pki::Certificate>& shown, base::Time now);
// Were two of one kind there at each look from `since`, and at that time, until `now`?
bool disagree(std::span<const SeenLeaf> leaves, base::Time since, base::Time now);

}  // namespace everseal::scan
