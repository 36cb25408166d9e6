#include "show_account.h"

namespace everseal::cli {
namespace {

int run_account_deactivate(Context& context) { return run_account(context, "deactivate"); }

}  // namespace

extern const Command account_deactivate_command;
const Command account_deactivate_command{
    "account deactivate",
    Group::account,
    "end the account at the CA, for good",
    "Certificates stay valid; nothing can be ordered by it any more. `everseal account register` makes another.",
    kAccountArguments,
    run_account_deactivate,
    &reconcile::account_verb};

}  // namespace everseal::cli
