#include "reconcile/verbs/ca_init.h"

#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "terminal.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "the authority's name", .required = true},
    {.name = "--organization", .summary = "O of both CA certificates", .value = "O"},
    {.name = "--permit",
     .summary = "a name constraint: only below this (DNS, CIDR, ...); again for more",
     .type = ArgumentType::values,
     .value = "NAME"},
    {.name = "--exclude",
     .summary = "a name constraint: nothing below this; again for more",
     .type = ArgumentType::values,
     .value = "NAME"},
    {.name = "--root",
     .summary = "offline: the root lives elsewhere; a CSR is written for it to sign",
     .value = "PLACE"},
    {.name = "--root-passphrase-file",
     .summary = "the passphrase of the root's key; asked for without it",
     .value = "FILE"},
    {.name = "--passphrase-file",
     .summary = "encrypts the intermediate's key; without it: a plain 0600 file",
     .value = "FILE"},
    {.name = "--key", .summary = "key type of the intermediate; default ecdsa-p256", .value = "TYPE"},
    {.name = "--root-key", .summary = "key type of the root; default ecdsa-p384", .value = "TYPE"},
    {.name = "--lifetime", .summary = "of the intermediate; default 1826d", .value = "DURATION"},
    {.name = "--root-lifetime", .summary = "of the root; default 7305d", .value = "DURATION"},
};

pki::KeyType key_type(const Context& context, std::string_view option, pki::KeyType fallback) {
  const auto text = context.arguments.one(option);
  if (!text) return fallback;
  const auto type = pki::parse_key_type(*text);
  if (!type)
    throw base::Error(base::Fault::usage,
                      fmt::format("--{}: there is no key type '{}'", option, base::printable(*text)));
  return *type;
}

int run(Context& context) {
  const Arguments& arguments = context.arguments;
  const reconcile::Host host = context.host();
  reconcile::CaInitRequest request;
  authority::Ceremony& wanted = request.ceremony;
  wanted.name = name_argument(context, "NAME", "authority name");
  wanted.organization = arguments.one("organization").value_or("");
  wanted.root_key = key_type(context, "root-key", wanted.root_key);
  wanted.intermediate_key = key_type(context, "key", wanted.intermediate_key);
  if (const auto text = arguments.one("lifetime"))
    wanted.intermediate_lifetime = duration_argument(*text, "--lifetime");
  if (const auto text = arguments.one("root-lifetime"))
    wanted.root_lifetime = duration_argument(*text, "--root-lifetime");
  if (const auto place = arguments.one("root")) {
    if (*place != "offline" && *place != "here") throw base::Error(base::Fault::usage, "--root is 'here' or 'offline'");
    if (*place == "offline") wanted.root = authority::RootPlace::offline;
  }
  request.permitted = arguments.all("permit");
  request.excluded = arguments.all("exclude");
  request.passphrase_file = arguments.one("passphrase-file");
  const base::Name name = wanted.name;
  std::optional<base::Secret> root;
  if (const auto file = arguments.one("root-passphrase-file")) {
    root = base::read_secret_file(*file);
  } else if (wanted.root == authority::RootPlace::here) {
    reconcile::require_new_authority(host, name);
    root = ask_secret(fmt::format("passphrase for the root key of {}", name), Ask::twice);
  }
  request.root_passphrase = root ? &*root : nullptr;
  const authority::Founded founded = reconcile::ca_init(host, std::move(request));
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
    kArguments,
    run};

}  // namespace everseal::cli
