// Every certificate that was issued or seen.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace everseal::inventory {

struct CertificateFilter {
  std::optional<Time> expires_before;
  std::optional<Time> now;    // with it, expired ones are left out unless `all` or an endpoint shows them still
  std::string environment;    // the managed certificate's, or that of a place where it was seen
  std::string issuer;         // configured issuer's name
  std::string name;           // a SAN: exact; "*.example.org" or ".example.org": everything below
  bool managed_only = false;  // live versions of managed certificates
  bool all = false;           // also expired, retired and CA certificates
  std::int64_t limit = -1;
};

class Certificates {
 public:
  explicit Certificates(Store& store) : store_(store) {}

  // Adds what is new; an existing row is left alone. Gives how many were new. Joins or makes one transaction.
  std::int64_t add(std::span<const pki::Certificate> certificates, Time now);
  std::optional<CertificateRecord> find(const pki::Fingerprint& fingerprint);
  std::optional<base::Bytes> der(const pki::Fingerprint& fingerprint);
  std::vector<CertificateRecord> find_by_serial(const std::string& serial);
  // At least 8 digits; at most 10 rows.
  std::vector<CertificateRecord> find_by_prefix(const std::string& fingerprint_prefix);
  std::vector<pki::Certificate> authorities();  // those of CAs, of whomever
  // Rows in order of expiry, one at a time, without holding them all.
  void each(const CertificateFilter& filter, const std::function<void(const CertificateRecord&)>& row);
  // As of `when`: the newest version of each managed name that was there then, by name. What it says besides (revoked,
  // live) is of today; what is remembered no more is not among them.
  void each_managed_then(Time when, const std::function<void(const CertificateRecord&)>& row);
  // What is revoked already keeps its time, and its reason unless this one is graver (pki::is_graver).
  // The managed certificates whose versions they are are woken.
  void set_revoked(const pki::Fingerprint& fingerprint, Time when, pki::RevocationReason reason);
  // Takes away up to `limit` that ended before `before`, the oldest first, and that an authority here signed them.
  // Those of CAs stay, those that are a version's or stand at a place, and revoked ones that a CRL has to name still.
  // Gives how many went.
  std::int64_t prune(Time before, int limit);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
