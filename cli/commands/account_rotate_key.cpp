#include "show_account.h"

namespace everseal::cli {
namespace {

int run_account_rotate_key(Context& context) { return run_account(context, "rotate-key"); }

}  // namespace

extern const Command account_rotate_key_command;
const Command account_rotate_key_command{
    "account rotate-key",
    Group::account,
    "give the account a new key",
    "The new key is durable before the CA is asked, and the old one is kept until the CA has confirmed it.",
    kAccountArguments,
    run_account_rotate_key,
    &reconcile::account_verb};

}  // namespace everseal::cli
