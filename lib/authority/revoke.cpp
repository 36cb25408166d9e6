#include "authority/revoke.h"

#include "authority/crl.h"
#include "base/error.h"
#include "inventory/authorities.h"
#include "inventory/events.h"
#include "inventory/managed.h"

#include <fmt/format.h>

namespace everseal::authority {
namespace {

using base::Error;
using base::Fault;

void record(Authority& authority, const inventory::IssuedRecord& issued, pki::RevocationReason reason, Time now) {
  inventory::Store& store = authority.store();
  const auto version = inventory::Versions(store).by_certificate(issued.fingerprint);
  std::vector<std::pair<std::string, std::string>> detail{{"authority", authority.name().text()},
                                                          {"serial", issued.serial},
                                                          {"fingerprint", issued.fingerprint.text()},
                                                          {"reason", std::string(to_string(reason))}};
  if (version) detail.emplace_back("version", std::to_string(version->number));
  const std::string subject =
      version ? fmt::format("certificate/{}", version->name) : fmt::format("authority/{}", authority.name());
  inventory::Events(store).add("certificate.revoked", subject, detail, now, inventory::Chain::ca);
}

}  // namespace

Revocation revoke(Authority& authority, const std::string& serial, pki::RevocationReason reason, Time now) {
  Revocation revocation;
  // refresh_crl joins: the new crl.der is durable before this commits.
  authority.store().transaction([&] {
    inventory::Authorities authorities(authority.store());
    auto issued = authorities.find_issued(authority.name(), serial);
    if (!issued)
      throw Error(
          Fault::not_found,
          fmt::format("authority {} signed no certificate with serial {}", authority.name(), base::printable(serial)),
          "`everseal list --all` shows serial numbers");
    if (issued->generation != authority.generation())
      throw Error(Fault::denied, fmt::format("serial {} was signed by generation {} of authority {}, not by {}", serial,
                                             issued->generation, authority.name(), authority.generation()));
    const bool fresh = !issued->revoked_at;
    if (!authorities.revoke(authority.name(), serial, now, reason)) {
      revocation = {std::move(*issued), RevokeOutcome::was_revoked};
      return;
    }
    record(authority, *issued, reason, now);
    refresh_crl(authority, now);
    // What the CRL knew and the database did not is known by now.
    revocation = {*authorities.find_issued(authority.name(), serial),
                  fresh ? RevokeOutcome::revoked : RevokeOutcome::reason_changed};
  });
  return revocation;
}

Revocation revoke(Authority& authority, const pki::Certificate& certificate, pki::RevocationReason reason, Time now) {
  const auto issued = inventory::Authorities(authority.store()).find_issued(authority.name(), certificate.serial());
  if (!issued || issued->fingerprint != certificate.fingerprint())
    throw Error(
        Fault::denied,
        fmt::format("{} is not what authority {} signed under its serial", certificate.describe(), authority.name()),
        "revoke it with the authority that signed it");
  return revoke(authority, certificate.serial(), reason, now);
}

}  // namespace everseal::authority
