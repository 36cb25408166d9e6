// The internal CAs: generations, what they signed, what they revoked, their CRLs.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::inventory {

class Authorities {
 public:
  explicit Authorities(Store& store) : store_(store) {}

  // Inserts, or changes its settings alone; it is due at once.
  void put(const AuthorityRecord& authority);
  std::optional<AuthorityRecord> find(const Name& name);
  std::vector<AuthorityRecord> all();

  void put_certificate(const AuthorityCertificateRecord& certificate);
  std::vector<AuthorityCertificateRecord> certificates(const Name& authority);  // by role, then generation

  bool has_serial(const Name& authority, const std::string& serial);
  void add_issued(const IssuedRecord& issued);   // Error(exists) where the serial is taken
  std::optional<IssuedRecord> find_issued(const Name& authority, const std::string& serial);
  std::vector<IssuedRecord> find_issued_by_serial(const std::string& serial);
  // Marks it revoked and the authority's CRL dirty; false where it was revoked before. Of one that was, a graver reason
  // (pki::is_graver) is news too, and the time of its revocation stays.
  bool revoke(const Name& authority, const std::string& serial, Time when, pki::RevocationReason reason);
  // Revoked and not yet expired at `at`: what the next CRL holds.
  std::vector<IssuedRecord> revoked(const Name& authority, int generation, Time at);

  void put_crl(const CrlRecord& crl);            // also marks the CRL clean
  // The generation that signs; nullopt while its intermediate waits for an offline root.
  std::optional<int> active_generation(const Name& authority);
  std::optional<CrlRecord> newest_crl(const Name& authority, int generation);
  std::optional<CrlRecord> newest_crl(const Name& authority);  // of the active generation
  // Is a CRL of that number as new as any that is known? An older one lacks what was revoked after it.
  bool is_newest_crl(const Name& authority, int generation, const std::optional<std::uint64_t>& number);
  void mark_crl_dirty(const Name& authority, Time now);
  // The database was lost, and no CRL was left to say what it knew to be revoked: until one is found, or a person says
  // that nothing was or that it is gone for good.
  void set_revocations_lost(const Name& authority, bool lost);
  bool are_revocations_lost(const Name& authority);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
