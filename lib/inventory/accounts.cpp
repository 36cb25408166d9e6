#include "inventory/accounts.h"

#include "base/text.h"
#include "inventory/columns.h"
#include "inventory/rows.h"

namespace everseal::inventory {
namespace {

constexpr std::string_view kAccountColumns =
    "select issuer, directory, url, folder, contact, status, created from account ";

AccountRecord read_account(const sql::Statement& row) {
  AccountRecord account;
  account.issuer = name_at(row, 0);
  account.directory = text_at(row, 1);
  account.url = text_at(row, 2);
  account.folder = text_at(row, 3);
  if (const std::string contact = text_at(row, 4); !contact.empty()) account.contact = base::split(contact, '\n');
  account.status = text_at(row, 5);
  account.created = time_at(row, 6);
  return account;
}

}  // namespace

std::optional<AccountRecord> Accounts::find(const Name& issuer, const std::string& directory) {
  sql::Query query(store_.database(), std::string(kAccountColumns) + "where issuer = $1 and directory = $2");
  query->bind(1, issuer.text()).bind(2, directory);
  return first_row(query, read_account);
}

std::vector<AccountRecord> Accounts::all() {
  sql::Query query(store_.database(), std::string(kAccountColumns) + "order by issuer, directory");
  return all_rows(query, read_account);
}

void Accounts::put(const AccountRecord& account) {
  sql::Query query(store_.database(),
                   "insert into account (issuer, directory, url, folder, contact, status, created) "
                   "values ($1, $2, $3, $4, $5, $6, $7) on conflict (issuer, directory) do update set "
                   "url = $3, folder = $4, contact = $5, status = $6");
  query->bind(1, account.issuer.text())
      .bind(2, account.directory)
      .bind(3, account.url)
      .bind(4, account.folder)
      .bind(5, base::join(account.contact, "\n"))
      .bind(6, account.status)
      .bind(7, base::to_unix(account.created))
      .execute();
}

void Accounts::remove(const Name& issuer, const std::string& directory) {
  sql::Query query(store_.database(), "delete from account where issuer = $1 and directory = $2");
  query->bind(1, issuer.text()).bind(2, directory).execute();
}

}  // namespace everseal::inventory
