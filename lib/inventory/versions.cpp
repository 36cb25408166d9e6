#include "base/number.h"
#include "inventory/certificates.h"
#include "inventory/columns.h"
#include "inventory/managed.h"
#include "inventory/rows.h"

namespace everseal::inventory {
namespace {

using base::Error;
using base::Fault;

// Whether a version is revoked is the certificate's to say, so that a version put back cannot undo it.
constexpr std::string_view kVersionColumns =
    "select v.name, v.number, v.state, v.issuer, v.spec_hash, v.certificate, v.chain, v.not_before, v.not_after, "
    "c.revoked_at, c.revocation_reason, v.renew_at, v.created, v.has_key, v.imported_from "
    "from version v left join certificate c on c.fingerprint = v.certificate ";

std::vector<pki::Fingerprint> chain_at(const sql::Statement& row, int column) {
  constexpr std::size_t kOctets = sizeof(pki::Sha256);
  const base::BytesView blob = row.blob(column);
  std::vector<pki::Fingerprint> chain;
  for (std::size_t at = 0; at < blob.size(); at += kOctets)
    chain.push_back(fingerprint_of(blob.subspan(at, std::min(kOctets, blob.size() - at))));
  return chain;
}

base::Bytes octets_of(const std::vector<pki::Fingerprint>& chain) {
  base::Bytes octets;
  for (const auto& fingerprint : chain)
    octets.insert(octets.end(), fingerprint.octets.begin(), fingerprint.octets.end());
  return octets;
}

VersionRecord read_version(const sql::Statement& row) {
  VersionRecord version;
  version.name = name_at(row, 0);
  version.number = int_at(row, 1);
  version.state = enum_at(row, 2, parse_version_state, "a version's state");
  if (!row.text(3).empty()) version.issuer = name_at(row, 3);
  version.spec_hash = text_at(row, 4);
  version.certificate = optional_at(row, 5, fingerprint_at);
  version.chain = chain_at(row, 6);
  version.not_before = optional_at(row, 7, time_at);
  version.not_after = optional_at(row, 8, time_at);
  version.revoked_at = optional_at(row, 9, time_at);
  version.revocation_reason = optional_at(row, 10, reason_at);
  version.renew_at = optional_at(row, 11, time_at);
  version.created = time_at(row, 12);
  version.has_key = flag_at(row, 13);
  version.imported_from = text_at(row, 14);
  return version;
}

std::string highest_key(const Name& name) { return "version.highest/" + name.text(); }

int highest_forgotten(Store& store, const Name& name) {
  const auto setting = store.setting(highest_key(name));
  if (!setting) return 0;
  const auto number = base::parse_number<int>(*setting);
  if (!number) throw_unreadable("a version's number");
  return *number;
}

// Listings read what a certificate is a version of from its own row.
void label_certificate(Store& store, const VersionRecord& version) {
  sql::Query query(
      store.database(),
      "update certificate set managed = $2, version = $3, version_state = $4, issuer_name = nullif($5, ''), "
      "environment = (select nullif(environment, '') from managed where name = $2) where fingerprint = $1");
  query->bind(1, base::BytesView(version.certificate->octets))
      .bind(2, version.name.text())
      .bind(3, version.number)
      .bind(4, to_string(version.state))
      .bind(5, version.issuer.text())
      .execute();
}

}  // namespace

std::vector<VersionRecord> Versions::of(const Name& name) {
  sql::Query query(store_.database(), std::string(kVersionColumns) + "where v.name = $1 order by v.number");
  query->bind(1, name.text());
  return all_rows(query, read_version);
}

std::vector<VersionRecord> Versions::recent(const Name& name) {
  sql::Query query(store_.database(),
                   std::string(kVersionColumns) +
                       "where v.name = $1 and (v.has_key = 1 or v.number > "
                       "(select number from version where name = $1 order by number desc limit 1) - 32) "
                       "order by v.number");
  query->bind(1, name.text());
  return all_rows(query, read_version);
}

std::optional<VersionRecord> Versions::find(const Name& name, int number) {
  sql::Query query(store_.database(), std::string(kVersionColumns) + "where v.name = $1 and v.number = $2");
  query->bind(1, name.text()).bind(2, number);
  return first_row(query, read_version);
}

std::optional<VersionRecord> Versions::live(const Name& name) {
  sql::Query query(store_.database(), std::string(kVersionColumns) + "where v.name = $1 and v.state = 'live'");
  query->bind(1, name.text());
  return first_row(query, read_version);
}

std::optional<VersionRecord> Versions::by_certificate(const pki::Fingerprint& fingerprint) {
  sql::Query query(store_.database(),
                   std::string(kVersionColumns) + "where v.certificate = $1 order by v.name, v.number limit 1");
  query->bind(1, base::BytesView(fingerprint.octets));
  return first_row(query, read_version);
}

std::vector<EndedVersionRecord> Versions::ended(const Name& name, Time now, int limit) {
  sql::Query query(store_.database(),
                   "select number, not_after from version where name = $1 and state in ('issued', 'retired') "
                   "and not_after <= $2 order by not_after, number limit $3");
  query->bind(1, name.text()).bind(2, base::to_unix(now)).bind(3, limit);
  return all_rows(query, [](const sql::Statement& row) { return EndedVersionRecord{int_at(row, 0), time_at(row, 1)}; });
}

int Versions::next_number(const Name& name) {
  sql::Query query(store_.database(), "select number from version where name = $1 order by number desc limit 1");
  query->bind(1, name.text());
  const int newest = query->step() ? int_at(*query, 0) : 0;
  return std::max(newest, highest_forgotten(store_, name)) + 1;
}

void Versions::put(const VersionRecord& version) {
  store_.transaction([&] {
    sql::Query query(store_.database(),
                     "insert into version (name, number, state, issuer, spec_hash, certificate, chain, not_before, "
                     "not_after, renew_at, created, has_key, imported_from) "
                     "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
                     "on conflict (name, number) do update set state = $3, issuer = $4, spec_hash = $5, "
                     "certificate = $6, chain = $7, not_before = $8, not_after = $9, renew_at = $10, created = $11, "
                     "has_key = $12, imported_from = $13");
    query->bind(1, version.name.text())
        .bind(2, version.number)
        .bind(3, to_string(version.state))
        .bind(4, version.issuer.text())
        .bind(5, version.spec_hash)
        .bind(7, octets_of(version.chain))
        .bind(8, unix_of(version.not_before))
        .bind(9, unix_of(version.not_after))
        .bind(10, unix_of(version.renew_at))
        .bind(11, base::to_unix(version.created))
        .bind(12, version.has_key ? 1 : 0)
        .bind(13, version.imported_from);
    if (version.certificate) query->bind(6, base::BytesView(version.certificate->octets));
    query->execute();
    if (!version.certificate) return;
    label_certificate(store_, version);
    if (version.revoked_at)
      Certificates(store_).set_revoked(*version.certificate, *version.revoked_at,
                                       version.revocation_reason.value_or(pki::RevocationReason::unspecified));
  });
}

void Versions::set_live(const Name& name, int number) {
  store_.transaction([&] {
    sql::Query retire(store_.database(),
                      "update version set state = 'retired' where name = $1 and state = 'live' and number <> $2");
    retire->bind(1, name.text()).bind(2, number).execute();
    sql::Query enliven(store_.database(), "update version set state = 'live' where name = $1 and number = $2");
    if (enliven->bind(1, name.text()).bind(2, number).execute() == 0)
      throw Error(Fault::not_found, fmt::format("{} has no version {}", name, number));
    sql::Query label(store_.database(),
                     "update certificate set version_state = case when version = $2 then 'live' else 'retired' end "
                     "where managed = $1 and (version = $2 or version_state = 'live')");
    label->bind(1, name.text()).bind(2, number).execute();
  });
}

void Versions::forget(const Name& name) {
  store_.transaction([&] {
    // The archive may keep what the database forgets, so no number is given twice.
    never_again(name, next_number(name) - 1);
    sql::Query rows(store_.database(), "delete from version where name = $1");
    rows->bind(1, name.text()).execute();
    sql::Query label(store_.database(),
                     "update certificate set managed = null, version = null, version_state = null, environment = null "
                     "where managed = $1");
    label->bind(1, name.text()).execute();
  });
}

void Versions::give_up(const Name& name, int number) {
  store_.transaction([&] {
    never_again(name, number);
    sql::Query row(store_.database(), "delete from version where name = $1 and number = $2 and state = 'pending'");
    row->bind(1, name.text()).bind(2, number).execute();
  });
}

void Versions::discard(const Name& name, std::span<const int> numbers) {
  store_.transaction([&] {
    for (const int number : numbers) {
      if (number + 1 >= next_number(name))
        throw Error(Fault::internal, fmt::format("version {} of {} is the newest", number, name));
      sql::Query label(store_.database(),
                       "update certificate set managed = null, version = null, version_state = null, "
                       "environment = null where managed = $1 and version = $2");
      label->bind(1, name.text()).bind(2, number).execute();
      sql::Query row(store_.database(), "delete from version where name = $1 and number = $2");
      row->bind(1, name.text()).bind(2, number).execute();
    }
  });
}

void Versions::never_again(const Name& name, int number) {
  store_.transaction([&] {
    if (number > highest_forgotten(store_, name)) store_.set_setting(highest_key(name), std::to_string(number));
  });
}

}  // namespace everseal::inventory
