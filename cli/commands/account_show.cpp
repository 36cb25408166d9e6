#include "show_account.h"

namespace everseal::cli {
namespace {

int run_account_show(Context& context) { return run_account(context, "show"); }

}  // namespace

extern const Command account_show_command;
const Command account_show_command{"account show",
                                   Group::account,
                                   "ask the CA for our account, and show it",
                                   "Beside it: the CA's terms of service and the profiles that it offers.",
                                   kAccountArguments,
                                   run_account_show,
                                   &reconcile::account_verb};

}  // namespace everseal::cli
