// The accounts of another client, each as that of an issuer here.
#pragma once

#include "reconcile/verbs/import/work.h"

#include <map>
#include <optional>

namespace everseal::reconcile {

// Error(config) where the issuer that was asked for is none of ACME, or is at no CA of what was found.
void require_fitting_issuer(const ImportRequest& request, const importer::Found& found, const config::Config& config);

class ImportedAccounts {
 public:
  explicit ImportedAccounts(const ImportWork& work) : work_(work) {}

  // Those that a lineage uses: the account becomes that of the issuer that the config has at its CA, or of a new one.
  void take_all();
  // Error(not_found) where its account could not be taken over; Error(config) where no issuer is at its CA.
  Name issuer_of(const importer::Lineage& lineage) const;

 private:
  bool is_used(std::size_t account) const;
  bool is_chosen(const Name& issuer) const;
  // Of an issuer at `directory`: no account, `account`, or another.
  enum class Holder { nobody, same, other };
  Holder holder_of(const Name& issuer, const std::string& directory, const importer::Account& account) const;
  bool is_free_for(const Name& issuer, const std::string& directory, const importer::Account& account) const;
  std::optional<Name> present_issuer(const importer::Account& account) const;
  config::Fragment new_issuer(const importer::Account& account) const;
  void take(std::size_t index);
  void adopt(std::size_t index, const config::Issuer& issuer);

  const ImportWork& work_;
  std::map<std::size_t, Name> issuers_;  // by account
};

}  // namespace everseal::reconcile
