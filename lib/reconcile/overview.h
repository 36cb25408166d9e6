// All that is managed, and what the config says that no run has read yet: what `list` shows, without the network,
// without parsing a certificate and without writing.
#pragma once

#include "config/config.h"
#include "inventory/records.h"
#include "inventory/store.h"
#include "plan/state.h"
#include "reconcile/desired.h"
#include "reconcile/host.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::reconcile {

struct ManagedCertificate {
  inventory::ManagedRecord record;
  std::optional<config::Certificate> wanted;  // absent where its stored form cannot be read any more
  std::optional<inventory::VersionRecord> in_use;
  std::optional<inventory::CertificateRecord> certificate;  // of the version in use
  std::optional<base::Time> renew_at;
  std::vector<inventory::DeploymentRecord> deployments;
  std::vector<inventory::AttemptRecord> attempts;
  plan::StandingState state;
};

struct ManagedAuthority {
  Name name;
  std::optional<base::Time> not_after;  // of its intermediate; nullopt while it waits for that
  std::optional<base::Time> crl_until;
  plan::StandingState state;
};

struct Overview {
  std::vector<ManagedCertificate> certificates;  // the worst first, then by expiry and name
  std::vector<ManagedAuthority> authorities;     // the same
  base::Problems problems;                       // of the config as it is now
};

// Reads one moment of the store. A table that no run could read, or has read yet, has a row without a record of its
// own.
Overview overview(const Host& host, inventory::Store& store);
// One that is managed, beside what the config says now.
ManagedCertificate managed_certificate(const Host& host, inventory::Store& store,
                                       const inventory::ManagedRecord& record, const Untaken& untaken);

// How a certificate stands that is not kept alive: revoked, expired, the state of the version that it is, ca or seen.
std::string_view state_of(const inventory::CertificateRecord& record, base::Time now);

}  // namespace everseal::reconcile
