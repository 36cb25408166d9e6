#include "inventory/merge.h"

#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "inventory/columns.h"
#include "inventory/events.h"
#include "inventory/managed.h"
#include "inventory/rows.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace everseal::inventory {
namespace {

std::set<Name> authorities_of(Store& store) {
  std::set<Name> names;
  for (const auto& authority : Authorities(store).all()) names.insert(authority.name);
  return names;
}

void merge_issued(Authorities& authorities, const IssuedRecord& issued, Restored& outcome, Time dirty_since) {
  const auto known = authorities.find_issued(issued.authority, issued.serial);
  if (!known) {
    authorities.add_issued(issued);
    ++outcome.serials;
  }
  if (!issued.revoked_at || (known && known->revoked_at)) return;
  if (known)
    authorities.revoke(issued.authority, issued.serial, *issued.revoked_at,
                       issued.reason.value_or(pki::RevocationReason::unspecified));
  else
    authorities.mark_crl_dirty(issued.authority, dirty_since);
  ++outcome.revocations;
}

void merge_all_issued(Store& into, sql::Database& from, const std::set<Name>& known, Restored& outcome) {
  Authorities authorities(into);
  sql::Query query(from,
                   "select authority, generation, serial, fingerprint, not_after, revoked_at, reason from issued");
  while (query->step()) {
    const IssuedRecord issued{.authority = name_at(*query, 0),
                              .generation = int_at(*query, 1),
                              .serial = text_at(*query, 2),
                              .fingerprint = fingerprint_at(*query, 3),
                              .not_after = time_at(*query, 4),
                              .revoked_at = optional_at(*query, 5, time_at),
                              .reason = optional_at(*query, 6, reason_at)};
    if (known.contains(issued.authority))
      merge_issued(authorities, issued, outcome, issued.revoked_at.value_or(issued.not_after));
  }
}

// Certificates of other CAs are revoked too.
void merge_revoked_certificates(Store& into, sql::Database& from) {
  Certificates certificates(into);
  sql::Query query(from,
                   "select fingerprint, revoked_at, revocation_reason from certificate where revoked_at is not null");
  while (query->step()) certificates.set_revoked(fingerprint_at(*query, 0), time_at(*query, 1), reason_at(*query, 2));
}

bool merge_crl(Authorities& authorities, const CrlRecord& crl) {
  const auto newest = authorities.newest_crl(crl.authority, crl.generation);
  if (newest && newest->number >= crl.number) return false;
  authorities.put_crl(crl);
  // It may hold less than what is known by now.
  authorities.mark_crl_dirty(crl.authority, crl.this_update);
  return true;
}

void merge_all_crls(Store& into, sql::Database& from, const std::set<Name>& known, Restored& outcome) {
  Authorities authorities(into);
  sql::Query query(
      from,
      "select authority, generation, number, this_update, next_update, der from crl as newest where number = "
      "(select max(number) from crl where authority = newest.authority and generation = newest.generation)");
  while (query->step()) {
    const CrlRecord crl{.authority = name_at(*query, 0),
                        .generation = int_at(*query, 1),
                        .number = static_cast<std::uint64_t>(query->integer(2)),
                        .this_update = time_at(*query, 3),
                        .next_update = time_at(*query, 4),
                        .der = bytes_at(*query, 5)};
    if (known.contains(crl.authority) && merge_crl(authorities, crl)) ++outcome.crls;
  }
}

void merge_version_numbers(Store& into, sql::Database& from) {
  Versions versions(into);
  sql::Query query(from, "select name, max(number) from version group by name");
  while (query->step()) versions.never_again(name_at(*query, 0), int_at(*query, 1));
}

// Of versions in the archive; 0: none. Those that are being made have a dot before theirs.
int highest_number(const base::Directory& versions) {
  int highest = 0;
  for (const std::string& entry : versions.list()) {
    int number = 0;
    const auto [end, error] = std::from_chars(entry.data(), entry.data() + entry.size(), number);
    if (error == std::errc{} && end == entry.data() + entry.size()) highest = std::max(highest, number);
  }
  return highest;
}

template <class Work>
void noting_problems(std::string_view what, Restored& outcome, Work work) {
  try {
    work();
  } catch (const base::Error& error) {
    outcome.problems.push_back(fmt::format("{} of the replaced database: {}", what, base::printable(error.message())));
  }
}

std::optional<AuthorityCertificateRecord> signer_of(Authorities& authorities, const Name& authority,
                                                    const pki::Crl& crl) {
  for (auto& candidate : authorities.certificates(authority))
    if (pki::is_signed_by(crl, pki::Certificate::parse(candidate.der))) return std::move(candidate);
  return std::nullopt;
}

}  // namespace

void merge_database(Store& into, sql::Database& from, Restored& outcome) {
  const std::set<Name> known = authorities_of(into);
  noting_problems("issued serials", outcome, [&] { merge_all_issued(into, from, known, outcome); });
  noting_problems("revocations", outcome, [&] { merge_revoked_certificates(into, from); });
  noting_problems("CRLs", outcome, [&] { merge_all_crls(into, from, known, outcome); });
  noting_problems("what its authorities did", outcome, [&] { Events(into).take_over(from); });
  noting_problems("version numbers", outcome, [&] { merge_version_numbers(into, from); });
}

void merge_crl_file(Store& into, const Name& authority, base::BytesView bytes, Time now, Restored& outcome) {
  Authorities authorities(into);
  const pki::Crl crl = pki::Crl::parse(bytes);
  const auto signer = signer_of(authorities, authority, crl);
  if (!signer) {
    outcome.problems.push_back(fmt::format("the crl.der of {} is signed by none of its certificates", authority));
    return;
  }
  if (crl.number && merge_crl(authorities, {.authority = authority,
                                            .generation = signer->generation,
                                            .number = *crl.number,
                                            .this_update = crl.this_update,
                                            .next_update = crl.next_update.value_or(crl.this_update),
                                            .der = crl.der}))
    ++outcome.crls;
  // The CRL names a serial and nothing else: where the certificate is unknown it stays on the list as long as its CA
  // lives.
  const Time longest = pki::Certificate::parse(signer->der).not_after();
  for (const auto& entry : crl.entries)
    merge_issued(authorities,
                 {.authority = authority,
                  .generation = signer->generation,
                  .serial = entry.serial,
                  .fingerprint = {},
                  .not_after = longest,
                  .revoked_at = entry.when,
                  .reason = entry.reason},
                 outcome, now);
}

void merge_archived_numbers(Store& into, const base::Directory& state, Restored& outcome) {
  const auto archive = state.subdirectory_if_exists("archive");
  for (const std::string& entry : archive ? archive->list() : std::vector<std::string>()) {
    if (!Name::is_valid(entry)) continue;
    try {
      const auto versions = archive->subdirectory_if_exists(entry);
      if (const int highest = versions ? highest_number(*versions) : 0; highest > 0)
        Versions(into).never_again(Name::parse(entry), highest);
    } catch (const base::Error& error) {
      outcome.problems.push_back(fmt::format("the archive of {}: {}", entry, base::printable(error.message())));
    }
  }
}

}  // namespace everseal::inventory
