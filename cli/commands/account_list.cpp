#include "command.h"
#include "inventory/accounts.h"
#include "issuer/account_manifest.h"
#include "reconcile/access.h"
#include "show_rows.h"

namespace everseal::cli {
namespace {

constexpr report::Column kAccountListColumns[] = {
    {"issuer", "ISSUER"}, {"status", "STATUS"},       {"created", "SINCE"}, {"contact", "CONTACT"},
    {"url", "ACCOUNT"},   {"directory", "DIRECTORY"}, {"folder", "FOLDER"}};

int run_account_list(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
  const auto sink = open_sink(context);
  sink->begin("accounts", kAccountListColumns);
  for (const inventory::AccountRecord& account : inventory::Accounts(store).all()) {
    const report::Cell cells[] = {account.issuer.text(),
                                  account.status.empty() ? "unfinished" : account.status,
                                  account.created,
                                  account.contact,
                                  base::Untrusted(account.url),
                                  account.directory,
                                  issuer::account_folder(host.state, account.folder)};
    sink->row(cells);
  }
  sink->end();
  return 0;
}

}  // namespace

extern const Command account_list_command;
const Command account_list_command{"account list",
                                   Group::account,
                                   "list our accounts at ACME CAs",
                                   "As they are recorded here; `everseal account show ISSUER` asks the CA.",
                                   {},
                                   run_account_list};

}  // namespace everseal::cli
