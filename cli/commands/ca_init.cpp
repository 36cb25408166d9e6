#include "reconcile/verbs/ca_init.h"

#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "terminal.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kCaInitArguments[] = {
    {.name = "NAME", .field = "name"},
    {.name = "--organization", .value = "O", .field = "organization"},
    {.name = "--permit", .value = "NAME", .field = "permitted"},
    {.name = "--exclude", .value = "NAME", .field = "excluded"},
    {.name = "--root", .value = "PLACE", .field = "root"},
    {.name = "--root-passphrase-file",
     .summary = "the passphrase of the root's key; asked for without it",
     .value = "FILE"},
    {.name = "--key", .value = "TYPE", .field = "key"},
    {.name = "--root-key", .value = "TYPE", .field = "root_key"},
    {.name = "--lifetime", .value = "DURATION", .field = "lifetime"},
    {.name = "--root-lifetime", .value = "DURATION", .field = "root_lifetime"},
};

int run_ca_init(Context& context) {
  const Arguments& arguments = context.arguments;
  reconcile::CaInitRequest wanted = reconcile::ca_init_request(request(context));
  const reconcile::Host host = context.host();
  const base::Name name = wanted.ceremony.name;
  std::optional<base::Secret> root;
  if (const auto file = arguments.one("root-passphrase-file")) {
    root = base::read_secret_file(*file);
  } else if (wanted.ceremony.root == authority::RootPlace::here) {
    reconcile::require_new_authority(host, name);
    root = ask_secret(fmt::format("passphrase for the root key of {}", name), Ask::twice);
  }
  wanted.root_passphrase = root ? &*root : nullptr;
  const authority::Founded founded = reconcile::ca_init(host, std::move(wanted));
  if (context.output == Output::json) {
    const auto pin = [](const std::optional<pki::Certificate>& c) {
      return c ? base::json_string(c->fingerprint().text()) : "null";
    };
    print_document(
        fmt::format("{{\n  \"authority\": {},\n  \"directory\": {},\n  \"root\": {},\n  \"intermediate\": {},\n  "
                    "\"csr_file\": {},\n  \"passphrase_file\": {}\n}}\n",
                    base::json_string(name.text()), base::json_string(founded.directory), pin(founded.root),
                    pin(founded.intermediate), founded.csr_file ? base::json_string(*founded.csr_file) : "null",
                    founded.passphrase_file ? base::json_string(*founded.passphrase_file) : "null"));
    return 0;
  }
  std::string text;
  if (founded.root)
    text += fmt::format("root          {}, until {}\n", base::printable(founded.root->subject()),
                        base::format_time(founded.root->not_after()));
  if (founded.intermediate)
    text += fmt::format("intermediate  {}, until {}\n", base::printable(founded.intermediate->subject()),
                        base::format_time(founded.intermediate->not_after()));
  text += fmt::format("directory     {}\n", founded.directory);
  if (founded.csr_file)
    text += fmt::format(
        "\nthe root is elsewhere: have {} signed as a CA there, then\n  everseal ca import {} --chain SIGNED.pem\n",
        *founded.csr_file, name);
  else
    text += fmt::format("\nclients trust it by {}/root.pem\nnext: everseal issue --issuer {} -d HOST\n",
                        founded.directory, name);
  print(text);
  if (founded.passphrase_file)
    note(
        fmt::format("\nthe passphrase of the root key was made for you and lies in\n  {}\nmove that file, and "
                    "root.key.pem beside it, to a safe place off this machine\n",
                    *founded.passphrase_file));
  return 0;
}

}  // namespace

extern const Command ca_init_command;
const Command ca_init_command{
    "ca init",
    Group::authority,
    "make an internal CA: a root and an intermediate",
    "Without --root-passphrase-file the passphrase of the root's key is asked for on a terminal; without a\n"
    "terminal one is made and kept, 0600, in the authority's directory.\n\n"
    "  everseal ca init corp --permit example.org --permit 10.0.0.0/8\n"
    "  everseal ca init corp --root offline",
    kCaInitArguments,
    run_ca_init,
    &reconcile::ca_init_verb};

}  // namespace everseal::cli
