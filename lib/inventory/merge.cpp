#include "inventory/merge.h"

#include "base/number.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "inventory/columns.h"
#include "inventory/events.h"
#include "inventory/managed.h"
#include "inventory/rows.h"
#include "pki/chain.h"
#include "sql/migration.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace everseal::inventory {
namespace {

bool is_managed(Store& store, std::string_view name) {
  return Name::is_valid(name) && Managed(store).find(Name::parse(name));
}

std::set<Name> authorities_of(Store& store) {
  std::set<Name> names;
  for (const auto& authority : Authorities(store).all()) names.insert(authority.name);
  return names;
}

// A serial of which only a CRL told: now its certificate is known.
void complete_issued(Store& into, const IssuedRecord& known, const IssuedRecord& issued) {
  if (known.fingerprint != pki::Fingerprint{} || issued.fingerprint == pki::Fingerprint{}) return;
  sql::Query query(into.database(),
                   "update issued set fingerprint = $3, not_after = $4 where serial = $1 and authority = $2");
  query->bind(1, issued.serial)
      .bind(2, issued.authority.text())
      .bind(3, base::BytesView(issued.fingerprint.octets))
      .bind(4, base::to_unix(issued.not_after))
      .execute();
}

void merge_issued(Store& into, const IssuedRecord& issued, Replacement& outcome, Time dirty_since) {
  Authorities authorities(into);
  const auto known = authorities.find_issued(issued.authority, issued.serial);
  if (known) complete_issued(into, *known, issued);
  if (!known) {
    authorities.add_issued(issued);
    ++outcome.serials;
  }
  if (!issued.revoked_at) return;
  if (known)
    authorities.revoke(issued.authority, issued.serial, *issued.revoked_at,
                       issued.reason.value_or(pki::RevocationReason::unspecified));
  else
    authorities.mark_crl_dirty(issued.authority, dirty_since);
}

// One whose directory lacks what would make it known again.
void merge_authorities(Store& into, sql::Database& from) {
  Authorities authorities(into);
  const std::set<Name> known = authorities_of(into);
  sql::Query query(from, "select name, settings from authority");
  while (query->step())
    if (!known.contains(name_at(*query, 0))) authorities.put({name_at(*query, 0), text_at(*query, 1), true});
  sql::Query certificates(
      from, "select authority, role, generation, state, fingerprint, der, key_file from authority_certificate");
  while (certificates->step()) {
    const auto certificate = authority_certificate_at(*certificates);
    if (!known.contains(certificate.authority)) authorities.put_certificate(certificate);
  }
}

void merge_all_issued(Store& into, sql::Database& from, const std::set<Name>& known, Replacement& outcome) {
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
      merge_issued(into, issued, outcome, issued.revoked_at.value_or(issued.not_after));
  }
}

void merge_certificates(Store& into, sql::Database& from) {
  Certificates certificates(into);
  sql::Query query(from, "select fingerprint, first_seen, der from certificate order by id");
  while (query->step()) {
    if (certificates.find(fingerprint_at(*query, 0))) continue;
    certificates.add(std::vector{pki::Certificate::parse(query->blob(2))}, time_at(*query, 1));
  }
}

// What makes an intent the same in two databases: kind, subject, created, version.
using IntentKey = std::tuple<std::string, std::string, std::int64_t, std::optional<std::int64_t>>;

// At columns 1 to 4.
IntentKey intent_key(const sql::Statement& row) {
  return {std::string(row.text(1)), std::string(row.text(2)), row.integer(3), optional_at(row, 4, int_at)};
}

// What was asked for and is not done yet, and what was done meanwhile.
void merge_intents(Store& into, sql::Database& from) {
  std::map<IntentKey, std::int64_t> known;
  sql::Query ours(into.database(), "select id, kind, subject, created, version from intent");
  while (ours->step()) known.emplace(intent_key(*ours), ours->integer(0));
  // Since schema 4 an intent says who asked and how it ended.
  const std::string_view later = sql::schema_version(from) < 4
                                     ? "'', 0, 0, case when done_at is null then '' else 'done' end"
                                     : "actor, revoke, delete_keys, outcome";
  sql::Query query(from, fmt::format("select id, kind, subject, created, version, reason, csr, done_at, {} from intent "
                                     "order by id",
                                     later));
  while (query->step()) {
    const bool open = query->is_null(7);
    const IntentKey key = intent_key(*query);
    if (const auto same = known.find(key); same != known.end()) {
      if (open) continue;
      sql::Query end(into.database(), "update intent set done_at = $1, outcome = $2 where id = $3 and done_at is null");
      end->bind(1, query->integer(7)).bind(2, query->text(11)).bind(3, same->second).execute();
    } else if (open && is_managed(into, query->text(2))) {
      sql::Query add(into.database(),
                     "insert into intent (kind, subject, created, version, reason, csr, actor, revoke, delete_keys) "
                     "values ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
      add->bind(1, query->text(1))
          .bind(2, query->text(2))
          .bind(3, query->integer(3))
          .bind(4, std::get<3>(key))
          .bind(5, query->integer(5))
          .bind(6, query->blob(6))
          .bind(7, query->text(8))
          .bind(8, query->integer(9))
          .bind(9, query->integer(10))
          .execute();
    }
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

void merge_all_crls(Store& into, sql::Database& from, const std::set<Name>& known, Replacement& outcome) {
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
  for (const std::string& entry : versions.list())
    highest = std::max(highest, base::parse_number<int>(entry).value_or(0));
  return highest;
}

template <class Work>
void noting_problems(std::string_view what, Replacement& outcome, Work work) {
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

void merge_database(Store& into, sql::Database& from, Replacement& outcome) {
  noting_problems("authorities", outcome, [&] { merge_authorities(into, from); });
  const std::set<Name> known = authorities_of(into);
  noting_problems("certificates", outcome, [&] { merge_certificates(into, from); });
  noting_problems("issued serials", outcome, [&] { merge_all_issued(into, from, known, outcome); });
  noting_problems("revocations", outcome, [&] { merge_revoked_certificates(into, from); });
  noting_problems("CRLs", outcome, [&] { merge_all_crls(into, from, known, outcome); });
  noting_problems("what its authorities did", outcome, [&] { Events(into).take_over(from); });
  noting_problems("version numbers", outcome, [&] { merge_version_numbers(into, from); });
}

void merge_requests(Store& into, sql::Database& from, Replacement& outcome) {
  noting_problems("what was asked for", outcome, [&] { merge_intents(into, from); });
}

void merge_pins(Store& into, sql::Database& from, Replacement& outcome) {
  noting_problems("rollbacks", outcome, [&] {
    sql::Query query(from, "select name, pinned from managed");
    while (query->step()) {
      const Name name = name_at(*query, 0);
      const auto pinned = optional_at(*query, 1, int_at);
      if (!pinned || Versions(into).find(name, *pinned)) Managed(into).set_pinned(name, pinned);
    }
  });
}

bool merge_crl_file(Store& into, const Name& authority, base::BytesView bytes, Time now, Replacement& outcome) {
  Authorities authorities(into);
  const pki::Crl crl = pki::Crl::parse(bytes);
  const auto signer = signer_of(authorities, authority, crl);
  if (!signer) {
    outcome.problems.push_back(fmt::format("the crl.der of {} is signed by none of its certificates", authority));
    return false;
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
    merge_issued(into,
                 {.authority = authority,
                  .generation = signer->generation,
                  .serial = entry.serial,
                  .fingerprint = {},
                  .not_after = longest,
                  .revoked_at = entry.when,
                  .reason = entry.reason},
                 outcome, now);
  return authorities.is_newest_crl(authority, signer->generation, crl.number);
}

void learn_issued(Store& store, Replacement& outcome) {
  struct Signer {
    AuthorityCertificateRecord record;
    pki::Certificate certificate;
  };
  std::vector<Signer> signers;
  Authorities authorities(store);
  for (const auto& authority : authorities.all())
    for (auto& record : authorities.certificates(authority.name))
      if (record.role == AuthorityRole::intermediate) signers.push_back({record, pki::Certificate::parse(record.der)});
  if (signers.empty()) return;
  std::vector<IssuedRecord> learnt;
  sql::Query query(store.database(),
                   "select der from certificate where is_ca = 0 and not exists (select 1 from issued where "
                   "issued.serial = certificate.serial and issued.fingerprint = certificate.fingerprint)");
  while (query->step()) {
    const pki::Certificate leaf = pki::Certificate::parse(query->blob(0));
    const auto signer =
        std::ranges::find_if(signers, [&](const Signer& one) { return pki::is_signed_by(leaf, one.certificate); });
    if (signer != signers.end())
      learnt.push_back({.authority = signer->record.authority,
                        .generation = signer->record.generation,
                        .serial = leaf.serial(),
                        .fingerprint = leaf.fingerprint(),
                        .not_after = leaf.not_after()});
  }
  for (const IssuedRecord& issued : learnt) merge_issued(store, issued, outcome, issued.not_after);
}

void mark_revoked(Store& store) {
  Certificates certificates(store);
  sql::Query issued(store.database(),
                    "select fingerprint, revoked_at, reason from issued where revoked_at is not null");
  while (issued->step())
    certificates.set_revoked(fingerprint_at(*issued, 0), time_at(*issued, 1),
                             optional_at(*issued, 2, reason_at).value_or(pki::RevocationReason::unspecified));
  struct Revoked {
    Name authority;
    std::string serial;
    Time when;
    pki::RevocationReason reason;
  };
  std::vector<Revoked> revoked;
  sql::Query listed(store.database(),
                    "select i.authority, i.serial, c.revoked_at, c.revocation_reason from certificate c join issued i "
                    "on i.serial = c.serial and i.fingerprint = c.fingerprint where c.revoked_at is not null and "
                    "(i.revoked_at is null or i.reason is not c.revocation_reason)");
  while (listed->step())
    revoked.push_back({name_at(*listed, 0), text_at(*listed, 1), time_at(*listed, 2),
                       optional_at(*listed, 3, reason_at).value_or(pki::RevocationReason::unspecified)});
  for (const Revoked& one : revoked) Authorities(store).revoke(one.authority, one.serial, one.when, one.reason);
}

void merge_archived_numbers(Store& into, const base::Directory& state, Replacement& outcome) {
  const auto archive = state.subdirectory_if_exists("archive");
  for (const std::string& entry : archive ? archive->list() : std::vector<std::string>()) {
    if (!Name::is_valid(entry) || !archive->has_directory(entry)) continue;
    try {
      const auto versions = archive->subdirectory_if_exists(entry);
      if (const int highest = versions ? highest_number(*versions) : 0; highest > 0)
        Versions(into).never_again(Name::parse(entry), highest);
    } catch (const base::Error& error) {
      outcome.problems.push_back(fmt::format("the archive of {}: {}", entry, base::printable(error.message())));
    }
  }
}

std::set<Name> knowing_revocations(sql::Database& from) {
  std::set<Name> names;
  sql::Query query(from,
                   "select distinct authority from authority_certificate where not exists "
                   "(select 1 from setting where key = 'revocations.lost/' || authority and value = 'yes')");
  while (query->step()) names.insert(name_at(*query, 0));
  return names;
}

std::vector<Name> settle_revocations(Store& into, const std::set<Name>& known) {
  Authorities authorities(into);
  std::vector<Name> lost;
  for (const Name& name : authorities_of(into)) {
    const bool is_lost = !known.contains(name) && !authorities.certificates(name).empty();
    authorities.set_revocations_lost(name, is_lost);
    if (is_lost) lost.push_back(name);
  }
  return lost;
}

}  // namespace everseal::inventory
