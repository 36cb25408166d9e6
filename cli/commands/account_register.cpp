#include "show_account.h"

namespace everseal::cli {
namespace {

int run_account_register(Context& context) { return run_account(context, "register"); }

}  // namespace

extern const Command account_register_command;
const Command account_register_command{
    "account register",
    Group::account,
    "make an account at an ACME CA",
    "Not needed beforehand: the first certificate makes one where `agree_terms = true`. The key is durable before "
    "the CA is\nasked. Where an account stands already, it is shown.",
    kAccountArguments,
    run_account_register,
    &reconcile::account_verb};

}  // namespace everseal::cli
