#include "reconcile/verbs/ca_import.h"

#include "base/error.h"
#include "base/file.h"
#include "certificate_file.h"
#include "command.h"
#include "reconcile/fields.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kCaImportArguments[] = {
    {.name = "NAME", .field = "name"},
    {.name = "--chain",
     .summary = "the CA certificate and those above it, up to the root, PEM",
     .value = "FILE",
     .required = true},
    {.name = "--key",
     .summary = "its key, for a CA that was made elsewhere; absent: the answer to `ca init --root offline`",
     .value = "FILE"},
    {.name = "--key-passphrase-file", .summary = "opens that key", .value = "FILE"},
    {.name = "--passphrase-file", .summary = "encrypts the key here; without it: a plain 0600 file", .value = "FILE"},
};

int run_ca_import(Context& context) {
  const Arguments& arguments = context.arguments;
  reconcile::CaImportRequest wanted;
  wanted.name = reconcile::name_in(request(context), "name", "authority name");
  wanted.chain = read_certificates(*arguments.one("chain"));
  std::optional<base::Secret> opens, keeps;
  if (const auto key_file = arguments.one("key")) {
    if (const auto file = arguments.one("key-passphrase-file")) opens = base::read_secret_file(*file);
    if (const auto file = arguments.one("passphrase-file")) keeps = base::read_secret_file(*file);
    wanted.key = pki::PrivateKey::parse(base::read_secret_document(*key_file), opens);
    wanted.passphrase = keeps ? &*keeps : nullptr;
  }
  const base::Name name = wanted.name;
  const authority::Founded founded = reconcile::ca_import(context.host(), std::move(wanted));
  if (context.output == Output::json)
    print_document(fmt::format("{{\"authority\": {}, \"directory\": {}}}\n", base::json_string(name.text()),
                               base::json_string(founded.directory)));
  else
    print(fmt::format("{} signs with {}, until {}\n", name, base::printable(founded.intermediate->subject()),
                      base::format_time(founded.intermediate->not_after())));
  return 0;
}

}  // namespace

extern const Command ca_import_command;
const Command ca_import_command{"ca import",
                                Group::authority,
                                "bring in an intermediate signed elsewhere, or a whole CA",
                                "  everseal ca import corp --chain signed-by-our-root.pem\n"
                                "  everseal ca import legacy --chain chain.pem --key ca.key \\\n"
                                "      --key-passphrase-file pass",
                                kCaImportArguments,
                                run_ca_import,
                                &reconcile::ca_import_verb};

}  // namespace everseal::cli
