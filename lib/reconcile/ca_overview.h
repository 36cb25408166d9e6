// The authorities of a state as `ca list` shows them and `ca export` hands them over. Reads stored facts; opens no key.
#pragma once

#include "inventory/authorities.h"
#include "inventory/store.h"
#include "pki/certificate.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::reconcile {

struct CaCertificate {
  inventory::AuthorityCertificateRecord record;
  pki::Certificate certificate;
  std::optional<base::Time> crl_until;  // of the newest CRL that it signed
};
std::vector<CaCertificate> ca_certificates(inventory::Store& store);

enum class CaPart { bundle, chain, crl };  // what clients trust; the intermediates; the newest CRL of each
std::string_view to_string(CaPart part) noexcept;
std::optional<CaPart> parse_ca_part(std::string_view text) noexcept;

// PEM. Error(not_found) where there is no such authority, or nothing of that kind yet.
std::string ca_part(inventory::Store& store, const base::Name& authority, CaPart part);

}  // namespace everseal::reconcile
