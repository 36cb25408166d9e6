#include "authority/ceremony.h"
#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "reconcile/reconcile.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr std::size_t kLargest = 1 << 22;

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "the authority's name", .required = true},
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

int run(Context& context) {
  const Arguments& arguments = context.arguments;
  const reconcile::Host host = context.host();
  const base::Name name = name_argument(context, "NAME", "authority name");
  const std::string chain_file = *arguments.one("chain");
  auto chain =
      base::within(chain_file, [&] { return pki::Certificate::parse_all(base::read_file(chain_file, kLargest)); });
  inventory::Store store = inventory::Store::create(host.state, host.clock());
  const auto lock = reconcile::lock_reconciler(host);
  authority::Founded founded;
  if (const auto key_file = arguments.one("key")) {
    std::optional<base::Secret> opens, keeps;
    if (const auto file = arguments.one("key-passphrase-file")) opens = base::read_secret_file(*file);
    if (const auto file = arguments.one("passphrase-file")) keeps = base::read_secret_file(*file);
    const base::Secret text = base::read_secret_document(*key_file);
    founded = authority::import_authority(store, name, std::move(chain), pki::PrivateKey::parse(text, opens),
                                          keeps ? &*keeps : nullptr, host.clock());
  } else {
    founded = authority::import_intermediate(store, name, std::move(chain), host.clock());
  }
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
                                "  everseal ca import legacy --chain chain.pem --key ca.key --key-passphrase-file pass",
                                kArguments,
                                run};

}  // namespace everseal::cli
