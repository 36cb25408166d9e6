#include "inventory/certificates.h"

#include "inventory/certificate_rows.h"
#include "inventory/rows.h"
#include "inventory/search_name.h"
#include "inventory/subjects.h"

#include <limits>

#include <fmt/format.h>

namespace everseal::inventory {
namespace {

using base::Error;
using base::Fault;

std::string select_certificate() { return fmt::format("select {} from certificate ", kCertificateColumns); }
constexpr std::size_t kPrefixDigits = 8;

CertificateRecord read_certificate(const sql::Statement& row) { return certificate_at(row, 0); }

// The row's id where the certificate was not known before.
std::optional<std::int64_t> insert(sql::Database& database, const pki::Certificate& certificate, Time now) {
  sql::Query query(database,
                   "insert into certificate (fingerprint, serial, subject, issuer, names, not_before, not_after, key, "
                   "is_ca, first_seen, der) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
                   "on conflict (fingerprint) do nothing returning id");
  const CertificateRecord record = record_of(certificate, now);
  query->bind(1, base::BytesView(record.fingerprint.octets))
      .bind(2, record.serial)
      .bind(3, base::as_bytes(record.subject.raw()))
      .bind(4, base::as_bytes(record.issuer.raw()))
      .bind(5, base::as_bytes(record.names.raw()))
      .bind(6, base::to_unix(record.not_before))
      .bind(7, base::to_unix(record.not_after))
      .bind(8, record.key)
      .bind(9, record.is_ca ? 1 : 0)
      .bind(10, base::to_unix(record.first_seen))
      .bind(11, certificate.der());
  if (!query->step()) return std::nullopt;
  const std::int64_t id = query->integer(0);
  query->execute();
  return id;
}

void insert_names(sql::Database& database, std::int64_t id, const pki::Certificate& certificate) {
  for (const auto& name : certificate.names()) {
    sql::Query query(database,
                     "insert into certificate_name (reversed, certificate) values ($1, $2) on conflict do nothing");
    query->bind(1, base::as_bytes(stored_form(name))).bind(2, id).execute();
  }
}

// An endpoint shows it now as its own: it may have ended, or be a CA by its extensions as a self-signed one mostly is.
constexpr std::string_view kIsServed =
    "exists (select 1 from sighting join place on place.id = sighting.place where sighting.certificate = fingerprint "
    "and sighting.position = 0 and sighting.last_seen is null and place.kind = 'endpoint' and place.gone is null)";

// Of managed certificates, and of those that a place of it showed.
constexpr std::string_view kIsOfEnvironment =
    "fingerprint in (select fingerprint from certificate where environment = $3 union select sighting.certificate from "
    "place join sighting on sighting.place = place.id where place.environment = $3)";

// One text for each combination of conditions, so that each is prepared once and served by its index.
std::string select_for(const CertificateFilter& filter) {
  std::string sql = select_certificate();
  sql += "where 1 = 1";
  if (filter.expires_before) sql += " and not_after < $1";
  if (filter.now && !filter.all) sql += fmt::format(" and (not_after >= $2 or {})", kIsServed);
  if (!filter.environment.empty()) sql += fmt::format(" and {}", kIsOfEnvironment);
  if (!filter.issuer.empty()) sql += " and issuer_name = $4";
  if (is_suffix(filter.name))
    sql += " and id in (select certificate from certificate_name where reversed >= $5 and reversed < $6)";
  else if (!filter.name.empty())
    sql += " and id in (select certificate from certificate_name where reversed = $5)";
  if (filter.managed_only) sql += " and version_state = 'live'";
  if (!filter.all)
    sql += fmt::format(" and ((is_ca = 0 and (version_state is null or version_state <> 'retired')) or {})", kIsServed);
  sql += " order by not_after, id";
  if (filter.limit >= 0) sql += " limit $7";
  return sql;
}

void bind_filter(sql::Query& query, const CertificateFilter& filter) {
  if (filter.expires_before) query->bind(1, base::to_unix(*filter.expires_before));
  if (filter.now && !filter.all) query->bind(2, base::to_unix(*filter.now));
  if (!filter.environment.empty()) query->bind(3, filter.environment);
  if (!filter.issuer.empty()) query->bind(4, filter.issuer);
  if (is_suffix(filter.name)) {
    const NameRange range = range_below(filter.name);
    query->bind(5, base::as_bytes(range.first)).bind(6, base::as_bytes(range.end));
  } else if (!filter.name.empty()) {
    query->bind(5, base::as_bytes(searched_form(filter.name)));
  }
  if (filter.limit >= 0) query->bind(7, filter.limit);
}

// No CRL has to name it any more: two were signed past its end, of which the first named it (RFC 5280 section 3.3) and
// the second, which a new one is compared with, did not.
constexpr std::string_view kOffEveryCrl =
    "(i.revoked_at is null or i.not_after < coalesce((select crl.this_update from crl "
    "where crl.authority = i.authority and crl.generation = i.generation order by crl.number desc limit 1 offset 1), "
    "0))";

// Nothing refers to it: neither a version nor an authority that must go on revoking it, nor a place that showed it.
std::string select_unused() {
  return fmt::format(
      "select c.id, c.fingerprint, c.serial from certificate c where c.not_after < $1 and c.is_ca = 0 "
      "and not exists (select 1 from version v where v.certificate = c.fingerprint) "
      "and not exists (select 1 from sighting s where s.certificate = c.fingerprint) "
      "and not exists (select 1 from issued i where i.serial = c.serial and i.fingerprint = c.fingerprint and not {}) "
      "order by c.not_after limit $2",
      kOffEveryCrl);
}

struct Unused {
  std::int64_t id;
  base::Bytes fingerprint;
  std::string serial;
};

void remove(sql::Database& database, const Unused& unused) {
  sql::Query issued(database, "delete from issued where serial = $1 and fingerprint = $2");
  issued->bind(1, unused.serial).bind(2, unused.fingerprint).execute();
  sql::Query info(database, "delete from renewal_info where certificate = $1");
  info->bind(1, unused.fingerprint).execute();
  for (const std::string_view sql :
       {"delete from certificate_name where certificate = $1", "delete from certificate where id = $1"}) {
    sql::Query query(database, sql);
    query->bind(1, unused.id).execute();
  }
}

}  // namespace

std::int64_t Certificates::add(std::span<const pki::Certificate> certificates, Time now) {
  std::int64_t added = 0;
  store_.transaction([&] {
    for (const auto& certificate : certificates) {
      const auto id = insert(store_.database(), certificate, now);
      if (!id) continue;
      insert_names(store_.database(), *id, certificate);
      ++added;
    }
  });
  return added;
}

std::optional<CertificateRecord> Certificates::find(const pki::Fingerprint& fingerprint) {
  sql::Query query(store_.database(), select_certificate() + "where fingerprint = $1");
  query->bind(1, base::BytesView(fingerprint.octets));
  return first_row(query, read_certificate);
}

std::optional<base::Bytes> Certificates::der(const pki::Fingerprint& fingerprint) {
  sql::Query query(store_.database(), "select der from certificate where fingerprint = $1");
  query->bind(1, base::BytesView(fingerprint.octets));
  return first_row(query, [](const sql::Statement& row) { return bytes_at(row, 0); });
}

std::vector<CertificateRecord> Certificates::find_by_serial(const std::string& serial) {
  sql::Query query(store_.database(), select_certificate() + "where serial = $1 order by not_after, id");
  query->bind(1, serial);
  return all_rows(query, read_certificate);
}

std::vector<CertificateRecord> Certificates::find_by_prefix(const std::string& fingerprint_prefix) {
  std::string digits = base::lower(fingerprint_prefix);
  std::erase(digits, ':');
  const std::size_t most = 2 * sizeof(pki::Sha256);
  if (digits.size() < kPrefixDigits || digits.size() > most)
    throw Error(Fault::usage, fmt::format("a fingerprint is given by {} to {} hex digits", kPrefixDigits, most));
  const auto first = pki::Fingerprint::parse(digits + std::string(most - digits.size(), '0'));
  const auto last = pki::Fingerprint::parse(digits + std::string(most - digits.size(), 'f'));
  if (!first || !last) throw Error(Fault::usage, "a fingerprint is given by hex digits");
  sql::Query query(
      store_.database(),
      select_certificate() + "where fingerprint >= $1 and fingerprint <= $2 order by fingerprint limit 10");
  query->bind(1, base::BytesView(first->octets)).bind(2, base::BytesView(last->octets));
  return all_rows(query, read_certificate);
}

std::vector<pki::Certificate> Certificates::authorities() {
  sql::Query query(store_.database(), "select der from certificate where is_ca = 1 order by id");
  return all_rows(query, [](const sql::Statement& row) { return pki::Certificate::parse(row.blob(0)); });
}

void Certificates::each(const CertificateFilter& filter, const std::function<void(const CertificateRecord&)>& row) {
  sql::Query query(store_.database(), select_for(filter));
  bind_filter(query, filter);
  while (query->step()) row(read_certificate(*query));
}

void Certificates::each_managed_then(Time when, const std::function<void(const CertificateRecord&)>& row) {
  sql::Query query(
      store_.database(),
      select_certificate() + "where managed is not null and first_seen <= $1 order by managed, version desc");
  query->bind(1, base::to_unix(when));
  std::optional<Name> last;
  while (query->step()) {
    const CertificateRecord record = read_certificate(*query);
    if (last != record.managed) row(record);
    last = record.managed;
  }
}

void Certificates::set_revoked(const pki::Fingerprint& fingerprint, Time when, pki::RevocationReason reason) {
  sql::Query query(store_.database(),
                   "update certificate set revoked_at = coalesce(revoked_at, $2), revocation_reason = $3 "
                   "where fingerprint = $1 and (revoked_at is null or ($3 = $4 and revocation_reason is not $4))");
  query->bind(1, base::BytesView(fingerprint.octets))
      .bind(2, base::to_unix(when))
      .bind(3, static_cast<std::int64_t>(reason))
      .bind(4, static_cast<std::int64_t>(pki::RevocationReason::key_compromise));
  if (query->execute() == 0) return;
  sql::Query versions(store_.database(), "select distinct name from version where certificate = $1");
  versions->bind(1, base::BytesView(fingerprint.octets));
  for (const Name& name : all_rows(versions, [](const sql::Statement& row) { return name_at(row, 0); }))
    Subjects(store_).wake(certificate_subject(name), when);
}

std::int64_t Certificates::prune(Time before, int limit) {
  std::int64_t pruned = 0;
  store_.transaction([&] {
    sql::Query query(store_.database(), select_unused());
    query->bind(1, base::to_unix(before)).bind(2, limit);
    const auto all = all_rows(query, [](const sql::Statement& row) {
      return Unused{row.integer(0), bytes_at(row, 1), text_at(row, 2)};
    });
    for (const Unused& unused : all) remove(store_.database(), unused);
    pruned = static_cast<std::int64_t>(all.size());
  });
  return pruned;
}

}  // namespace everseal::inventory
