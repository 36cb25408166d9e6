// What this installation knows of a certificate that somebody serves.
#pragma once

#include "inventory/store.h"
#include "pki/certificate.h"
#include "pki/name.h"

#include <optional>
#include <span>
#include <string>

namespace everseal::cli {

// A version of a managed certificate.
struct KnownVersion {
  base::Name name;
  int number = 0;
  base::Time ends;
  bool on_disk = false;  // whole, as far as the names of its files tell
};

struct Known {
  std::optional<KnownVersion> served;  // which version the leaf is
  // The newest one of that certificate, or, where what is served is none of ours, the one in use that speaks for the
  // name that was asked for.
  std::optional<KnownVersion> kept;
  std::optional<base::Time> first_seen;  // by an audit, of the leaf, wherever

  bool is_newest() const noexcept { return served && kept && served->number == kept->number; }
};

// `state`: the state's directory.
Known known_of(inventory::Store& store, const std::string& state, const pki::Certificate& leaf,
               std::span<const pki::Identifier> asked);

}  // namespace everseal::cli
