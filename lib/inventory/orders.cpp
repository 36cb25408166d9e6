#include "inventory/orders.h"

#include "inventory/columns.h"
#include "inventory/rows.h"

namespace everseal::inventory {
namespace {

OrderRecord read_order(const sql::Statement& row) {
  return {.name = name_at(row, 0),
          .version = int_at(row, 1),
          .issuer = name_at(row, 2),
          .directory = text_at(row, 3),
          .account = text_at(row, 4),
          .profile = text_at(row, 5),
          .url = text_at(row, 6),
          .status = text_at(row, 7),
          .expires = optional_at(row, 8, time_at),
          .created = time_at(row, 9),
          .changed = time_at(row, 10)};
}

RenewalInfoRecord read_info(const sql::Statement& row) {
  return {.certificate = fingerprint_at(row, 0),
          .start = optional_at(row, 1, time_at),
          .end = optional_at(row, 2, time_at),
          .renew_at = optional_at(row, 3, time_at),
          .explanation = untrusted_at(row, 4),
          .ask_again = time_at(row, 5),
          .problem = text_at(row, 6),
          .failures = int_at(row, 7)};
}

}  // namespace

std::optional<OrderRecord> Orders::find(const Name& name, int version) {
  sql::Query query(store_.database(),
                   "select name, version, issuer, directory, account, profile, url, status, expires, created, changed "
                   "from acme_order where name = $1 and version = $2");
  query->bind(1, name.text()).bind(2, version);
  return first_row(query, read_order);
}

void Orders::put(const OrderRecord& order) {
  sql::Query query(store_.database(),
                   "insert into acme_order (name, version, issuer, directory, account, profile, url, status, expires, "
                   "created, changed) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
                   "on conflict (name, version) do update set issuer = $3, directory = $4, account = $5, profile = $6, "
                   "url = $7, status = $8, expires = $9, created = $10, changed = $11");
  query->bind(1, order.name.text())
      .bind(2, order.version)
      .bind(3, order.issuer.text())
      .bind(4, order.directory)
      .bind(5, order.account)
      .bind(6, order.profile)
      .bind(7, order.url)
      .bind(8, order.status)
      .bind(9, unix_of(order.expires))
      .bind(10, base::to_unix(order.created))
      .bind(11, base::to_unix(order.changed))
      .execute();
}

std::optional<RenewalInfoRecord> RenewalInfos::find(const pki::Fingerprint& certificate) {
  sql::Query query(store_.database(),
                   "select certificate, starts, ends, renew_at, explanation, ask_again, problem, failures "
                   "from renewal_info where certificate = $1");
  query->bind(1, base::BytesView(certificate.octets));
  return first_row(query, read_info);
}

void RenewalInfos::put(const RenewalInfoRecord& info) {
  sql::Query query(
      store_.database(),
      "insert into renewal_info (certificate, starts, ends, renew_at, explanation, ask_again, problem, "
      "failures) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (certificate) do update set "
      "starts = $2, ends = $3, renew_at = $4, explanation = $5, ask_again = $6, problem = $7, failures = $8");
  query->bind(1, base::BytesView(info.certificate.octets))
      .bind(2, unix_of(info.start))
      .bind(3, unix_of(info.end))
      .bind(4, unix_of(info.renew_at))
      .bind(5, base::as_bytes(info.explanation.raw()))
      .bind(6, base::to_unix(info.ask_again))
      .bind(7, info.problem)
      .bind(8, info.failures)
      .execute();
}

}  // namespace everseal::inventory
