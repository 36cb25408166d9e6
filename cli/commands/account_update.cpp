#include "show_account.h"

namespace everseal::cli {
namespace {

int run_account_update(Context& context) { return run_account(context, "update"); }

}  // namespace

extern const Command account_update_command;
const Command account_update_command{"account update",
                                     Group::account,
                                     "tell the CA the contacts that the config names",
                                     "",
                                     kAccountArguments,
                                     run_account_update,
                                     &reconcile::account_verb};

}  // namespace everseal::cli
