#include "reconcile/ca_overview.h"

#include "base/error.h"
#include "pki/crl.h"

#include <utility>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::AuthorityRole;

constexpr std::pair<CaPart, std::string_view> kParts[] = {
    {CaPart::bundle, "bundle"}, {CaPart::chain, "chain"}, {CaPart::crl, "crl"}};

}  // namespace

std::vector<CaCertificate> ca_certificates(inventory::Store& store) {
  inventory::Authorities authorities(store);
  std::vector<CaCertificate> all;
  for (const inventory::AuthorityRecord& authority : authorities.all()) {
    for (inventory::AuthorityCertificateRecord& record : authorities.certificates(authority.name)) {
      std::optional<base::Time> crl_until;
      if (record.role == AuthorityRole::intermediate)
        if (const auto crl = authorities.newest_crl(authority.name, record.generation)) crl_until = crl->next_update;
      auto certificate = pki::Certificate::parse(record.der);
      all.push_back({std::move(record), std::move(certificate), crl_until});
    }
  }
  return all;
}

std::string_view to_string(CaPart part) noexcept {
  for (const auto& [known, word] : kParts)
    if (known == part) return word;
  return {};
}

std::optional<CaPart> parse_ca_part(std::string_view text) noexcept {
  for (const auto& [part, word] : kParts)
    if (word == text) return part;
  return std::nullopt;
}

std::string ca_part(inventory::Store& store, const base::Name& authority, CaPart part) {
  inventory::Authorities authorities(store);
  if (!authorities.find(authority))
    throw base::Error(base::Fault::not_found, fmt::format("there is no authority {}", authority),
                      "`everseal ca list` shows them");
  std::string text;
  for (const inventory::AuthorityCertificateRecord& record : authorities.certificates(authority)) {
    if (record.state == inventory::GenerationState::retired) continue;
    if (record.role == (part == CaPart::bundle ? AuthorityRole::intermediate : AuthorityRole::root)) continue;
    if (part != CaPart::crl)
      text += pki::Certificate::parse(record.der).pem();
    else if (const auto crl = authorities.newest_crl(authority, record.generation))
      text += pki::crl_pem(crl->der);
  }
  if (text.empty())
    throw base::Error(base::Fault::not_found, fmt::format("{} has no {} yet", authority, to_string(part)),
                      part == CaPart::crl ? fmt::format("`everseal ca crl {}` signs one", authority) : "");
  return text;
}

}  // namespace everseal::reconcile
