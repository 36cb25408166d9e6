#include "reconcile/verbs/revoke.h"

#include "cancel.h"
#include "certificate_file.h"
#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kRevokeArguments[] = {
    {.name = "NAME", .field = "name"},
    {.name = "--serial", .value = "HEX", .field = "serial"},
    {.name = "--fingerprint", .value = "HEX", .field = "fingerprint"},
    {.name = "--cert", .summary = "a certificate, by its file", .value = "FILE", .field = "certificate"},
    kCancel,
    {.name = "--reason", .value = "REASON", .field = "reason"},
};

int run_revoke(Context& context) {
  if (context.arguments.has("cancel")) return run_cancel(context);
  if (const auto file = context.arguments.one("cert"))
    context.arguments.values["cert"] = {base::base64(read_certificates(*file).front().der())};
  return run_verb(context);
}

}  // namespace

extern const Command revoke_command;
const Command revoke_command{
    "revoke",
    Group::certificates,
    "revoke a certificate",
    "The CRL says so before the command ends. What is kept alive gets a new version at once.\n\n"
    "  everseal revoke alice --reason keyCompromise\n"
    "  everseal revoke --serial 4f0c...\n\n"
    "What is revoked already can get keyCompromise for its reason, and no other.\n"
    "Somebody left: `everseal remove NAME --revoke` revokes all versions and issues none.",
    kRevokeArguments,
    run_revoke,
    &reconcile::revoke_verb};

}  // namespace everseal::cli
