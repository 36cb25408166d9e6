#include "reconcile/verbs/revoke.h"
#include "cancel.h"
#include "command.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "command.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "the version in use of this certificate"},
    {.name = "--serial", .summary = "a certificate that an authority here signed, by its serial", .value = "HEX"},
    {.name = "--cert", .summary = "a certificate, by its file", .value = "FILE"},
    kCancel,
    {.name = "--reason", .summary = "keyCompromise, superseded, cessationOfOperation, ...", .value = "REASON"},
};

int run(Context& context) {
  const Arguments& arguments = context.arguments;
  if (arguments.has("cancel")) {
    std::vector<base::Name> names;
    if (arguments.has("NAME")) names.push_back(name_argument(context, "NAME", "certificate name"));
    return run_cancel(context, names, inventory::IntentKind::revoke);
  }
  reconcile::RevokeRequest request;
  if (arguments.has("NAME") + arguments.has("serial") + arguments.has("cert") != 1)
    throw base::Error(base::Fault::usage, "name one certificate: NAME, --serial or --cert");
  if (arguments.has("NAME")) request.name = name_argument(context, "NAME", "certificate name");
  if (const auto serial = arguments.one("serial")) {
    const auto parsed = pki::parse_serial(*serial);
    if (!parsed)
      throw base::Error(base::Fault::usage, fmt::format("--serial: '{}' is not hexadecimal", base::printable(*serial)),
                        "`everseal history` and `openssl x509 -serial` say it");
    request.serial = *parsed;
  }
  if (const auto file = arguments.one("cert"))
    request.fingerprint = base::within(
        *file, [&] { return pki::Certificate::parse_all(base::read_file(*file, 1 << 22)).front().fingerprint(); });
  if (const auto text = arguments.one("reason")) request.reason = reason_argument(*text);
  return show(context, reconcile::revoke(context.host(), request));
}

}  // namespace

extern const Command revoke_command;
const Command revoke_command{
    "revoke",
    Group::certificates,
    "revoke a certificate",
    "The CRL says so before the command ends. A managed certificate gets a new version at once.\n\n"
    "  everseal revoke alice --reason keyCompromise\n"
    "  everseal revoke --serial 4f0c...\n\n"
    "Somebody left: `everseal remove NAME --revoke` revokes all versions and issues none.",
    kArguments,
    run};

}  // namespace everseal::cli
