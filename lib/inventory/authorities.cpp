#include "inventory/authorities.h"

#include "inventory/certificates.h"
#include "inventory/columns.h"
#include "inventory/rows.h"
#include "inventory/subjects.h"

#include <limits>

namespace everseal::inventory {
namespace {

using base::Error;
using base::Fault;

constexpr std::int64_t kCrlsKept = 8;  // of one generation; each holds all revocations, so older ones add nothing

constexpr std::string_view kAuthority = "select name, settings, crl_dirty from authority ";
constexpr std::string_view kIssued =
    "select authority, generation, serial, fingerprint, not_after, revoked_at, reason from issued ";

AuthorityRecord read_authority(const sql::Statement& row) {
  AuthorityRecord authority;
  authority.name = name_at(row, 0);
  authority.settings = text_at(row, 1);
  authority.crl_dirty = flag_at(row, 2);
  return authority;
}

IssuedRecord read_issued(const sql::Statement& row) {
  IssuedRecord issued;
  issued.authority = name_at(row, 0);
  issued.generation = int_at(row, 1);
  issued.serial = text_at(row, 2);
  issued.fingerprint = fingerprint_at(row, 3);
  issued.not_after = time_at(row, 4);
  issued.revoked_at = optional_at(row, 5, time_at);
  issued.reason = optional_at(row, 6, reason_at);
  return issued;
}

CrlRecord read_crl(const sql::Statement& row) {
  CrlRecord crl;
  crl.authority = name_at(row, 0);
  crl.generation = int_at(row, 1);
  crl.number = static_cast<std::uint64_t>(row.integer(2));
  crl.this_update = time_at(row, 3);
  crl.next_update = time_at(row, 4);
  crl.der = bytes_at(row, 5);
  return crl;
}

}  // namespace

void Authorities::put(const AuthorityRecord& authority) {
  store_.transaction([&] {
    sql::Query query(store_.database(),
                     "insert into authority (name, settings, crl_dirty) values ($1, $2, $3) "
                     "on conflict (name) do update set settings = $2");
    query->bind(1, authority.name.text()).bind(2, authority.settings).bind(3, authority.crl_dirty ? 1 : 0).execute();
    Subjects(store_).wake(authority_subject(authority.name), Time{});
  });
}

std::optional<AuthorityRecord> Authorities::find(const Name& name) {
  sql::Query query(store_.database(), std::string(kAuthority) + "where name = $1");
  query->bind(1, name.text());
  return first_row(query, read_authority);
}

std::vector<AuthorityRecord> Authorities::all() {
  sql::Query query(store_.database(), std::string(kAuthority) + "order by name");
  return all_rows(query, read_authority);
}

void Authorities::put_certificate(const AuthorityCertificateRecord& certificate) {
  sql::Query query(store_.database(),
                   "insert into authority_certificate (authority, role, generation, state, fingerprint, der, key_file) "
                   "values ($1, $2, $3, $4, $5, $6, $7) on conflict (authority, role, generation) do update set "
                   "state = $4, fingerprint = $5, der = $6, key_file = $7");
  query->bind(1, certificate.authority.text())
      .bind(2, to_string(certificate.role))
      .bind(3, certificate.generation)
      .bind(4, to_string(certificate.state))
      .bind(5, base::BytesView(certificate.fingerprint.octets))
      .bind(6, certificate.der)
      .bind(7, certificate.key_file)
      .execute();
}

std::vector<AuthorityCertificateRecord> Authorities::certificates(const Name& authority) {
  sql::Query query(store_.database(),
                   "select authority, role, generation, state, fingerprint, der, key_file from authority_certificate "
                   "where authority = $1 order by case role when 'root' then 0 else 1 end, generation");
  query->bind(1, authority.text());
  return all_rows(query, authority_certificate_at);
}

bool Authorities::has_serial(const Name& authority, const std::string& serial) {
  sql::Query query(store_.database(), "select 1 from issued where serial = $1 and authority = $2");
  query->bind(1, serial).bind(2, authority.text());
  return query->step();
}

void Authorities::add_issued(const IssuedRecord& issued) {
  sql::Query query(store_.database(),
                   "insert into issued (serial, authority, generation, fingerprint, not_after, revoked_at, reason) "
                   "values ($1, $2, $3, $4, $5, $6, $7)");
  query->bind(1, issued.serial)
      .bind(2, issued.authority.text())
      .bind(3, issued.generation)
      .bind(4, base::BytesView(issued.fingerprint.octets))
      .bind(5, base::to_unix(issued.not_after))
      .bind(6, unix_of(issued.revoked_at))
      .bind(7, number_of(issued.reason))
      .execute();
}

std::optional<IssuedRecord> Authorities::find_issued(const Name& authority, const std::string& serial) {
  sql::Query query(store_.database(), std::string(kIssued) + "where serial = $1 and authority = $2");
  query->bind(1, serial).bind(2, authority.text());
  return first_row(query, read_issued);
}

std::vector<IssuedRecord> Authorities::find_issued_by_serial(const std::string& serial) {
  sql::Query query(store_.database(), std::string(kIssued) + "where serial = $1 order by authority");
  query->bind(1, serial);
  return all_rows(query, read_issued);
}

bool Authorities::revoke(const Name& authority, const std::string& serial, Time when, pki::RevocationReason reason) {
  bool fresh = false;
  store_.transaction([&] {
    const auto issued = find_issued(authority, serial);
    if (!issued)
      throw Error(Fault::not_found, fmt::format("authority {} issued no certificate with serial {}", authority, serial),
                  "`everseal list --all` shows what it issued");
    if (issued->revoked_at && !pki::is_graver(reason, issued->reason.value_or(pki::RevocationReason::unspecified)))
      return;
    sql::Query query(store_.database(),
                     "update issued set revoked_at = coalesce(revoked_at, $3), reason = $4 "
                     "where serial = $1 and authority = $2");
    query->bind(1, serial)
        .bind(2, authority.text())
        .bind(3, base::to_unix(when))
        .bind(4, static_cast<std::int64_t>(reason))
        .execute();
    Certificates(store_).set_revoked(issued->fingerprint, when, reason);
    mark_crl_dirty(authority, when);
    fresh = true;
  });
  return fresh;
}

std::vector<IssuedRecord> Authorities::revoked(const Name& authority, int generation, Time at) {
  sql::Query query(store_.database(), std::string(kIssued) +
                                          "where authority = $1 and generation = $2 and not_after >= $3 "
                                          "and revoked_at is not null order by not_after, serial");
  query->bind(1, authority.text()).bind(2, generation).bind(3, base::to_unix(at));
  return all_rows(query, read_issued);
}

void Authorities::put_crl(const CrlRecord& crl) {
  if (crl.number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    throw Error(Fault::invalid, fmt::format("the CRL number {} is too large to be stored", crl.number));
  store_.transaction([&] {
    sql::Query insert(store_.database(),
                      "insert into crl (authority, generation, number, this_update, next_update, der) "
                      "values ($1, $2, $3, $4, $5, $6)");
    insert->bind(1, crl.authority.text())
        .bind(2, crl.generation)
        .bind(3, static_cast<std::int64_t>(crl.number))
        .bind(4, base::to_unix(crl.this_update))
        .bind(5, base::to_unix(crl.next_update))
        .bind(6, crl.der)
        .execute();
    sql::Query prune(store_.database(),
                     "delete from crl where authority = $1 and generation = $2 and number <= (select number from crl "
                     "where authority = $1 and generation = $2 order by number desc limit 1 offset $3)");
    prune->bind(1, crl.authority.text()).bind(2, crl.generation).bind(3, kCrlsKept).execute();
    sql::Query clean(store_.database(), "update authority set crl_dirty = 0 where name = $1");
    clean->bind(1, crl.authority.text()).execute();
  });
}

std::optional<CrlRecord> Authorities::newest_crl(const Name& authority, int generation) {
  sql::Query query(store_.database(),
                   "select authority, generation, number, this_update, next_update, der from crl "
                   "where authority = $1 and generation = $2 order by number desc limit 1");
  query->bind(1, authority.text()).bind(2, generation);
  return first_row(query, read_crl);
}

std::optional<int> Authorities::active_generation(const Name& authority) {
  for (const AuthorityCertificateRecord& record : certificates(authority))
    if (record.role == AuthorityRole::intermediate && record.state == GenerationState::active) return record.generation;
  return std::nullopt;
}

std::optional<CrlRecord> Authorities::newest_crl(const Name& authority) {
  const std::optional<int> generation = active_generation(authority);
  return generation ? newest_crl(authority, *generation) : std::nullopt;
}

bool Authorities::is_newest_crl(const Name& authority, int generation, const std::optional<std::uint64_t>& number) {
  const auto newest = newest_crl(authority, generation);
  return !number || !newest || *number >= newest->number;
}

void Authorities::mark_crl_dirty(const Name& authority, Time now) {
  store_.transaction([&] {
    sql::Query query(store_.database(), "update authority set crl_dirty = 1 where name = $1");
    query->bind(1, authority.text()).execute();
    Subjects(store_).wake(authority_subject(authority), now);
  });
}

namespace {
std::string lost_key(const Name& authority) { return fmt::format("revocations.lost/{}", authority); }
}  // namespace

void Authorities::set_revocations_lost(const Name& authority, bool lost) {
  if (lost != are_revocations_lost(authority)) store_.set_setting(lost_key(authority), lost ? "yes" : "");
}

bool Authorities::are_revocations_lost(const Name& authority) {
  return store_.setting(lost_key(authority)).value_or("") == "yes";
}

}  // namespace everseal::inventory
