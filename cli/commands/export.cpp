#include "archive/archive.h"
#include "base/error.h"
#include "command.h"
#include "inventory/managed.h"
#include "pki/pkcs12.h"
#include "reconcile/named.h"
#include "terminal.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "the certificate", .required = true},
    {.name = "--format",
     .summary = "pem (default): leaf and chain; der: the leaf; key: the private key; p12",
     .value = "FORMAT"},
    {.name = "--out",
     .summary = "the file to write, 0600 where it holds a key; default for pem and der: stdout",
     .value = "FILE"},
    {.name = "--password-file", .summary = "the password of a p12; without it: asked for", .value = "FILE"},
    {.name = "--compatible",
     .summary = "p12 for Windows Server 2016, older macOS, Android and Java",
     .type = ArgumentType::flag},
    {.name = "--version", .summary = "this version; default: the live one", .value = "N"},
};

base::Secret password(const Context& context) {
  if (const auto file = context.arguments.one("password-file")) return base::read_secret_file(*file);
  auto asked = ask_secret("password for the PKCS#12 file", Ask::twice);
  if (!asked)
    throw base::Error(base::Fault::usage, "a PKCS#12 file needs a password", "name its file with --password-file");
  return std::move(*asked);
}

int run(Context& context) {
  const reconcile::Host host = context.host();
  const base::Name name = name_argument(context, "NAME", "certificate name");
  const std::string format = context.arguments.one("format").value_or("pem");
  const auto out = context.arguments.one("out");
  {
    inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
    reconcile::require_managed(store, name);
  }
  const archive::Archive archive(host.state);
  std::optional<int> number = archive.live(name);
  if (const auto text = context.arguments.one("version")) number = std::atoi(text->c_str());
  const auto version = number ? archive.read(name, *number) : std::nullopt;
  if (!version)
    throw base::Error(base::Fault::not_found, fmt::format("{} has no such version in the archive", name),
                      "`everseal show NAME` lists them");

  const auto write = [&](base::BytesView bytes, mode_t mode) {
    hand_over(context, format == "pem" ? HandOver::text : HandOver::binary, bytes, mode);
  };
  if (format == "pem") {
    std::string text;
    for (const pki::Certificate& certificate : version->chain) text += certificate.pem();
    write(base::as_bytes(text), 0644);
    return 0;
  }
  if (format == "der") {
    write(version->chain.front().der(), 0644);
    return 0;
  }
  if (format != "key" && format != "p12")
    throw base::Error(base::Fault::usage, fmt::format("--format: there is no format '{}'", base::printable(format)),
                      "one of: pem, der, key, p12");
  const auto key = archive.key_pem(name, *number);
  if (!key)
    throw base::Error(base::Fault::not_found, fmt::format("version {} of {} has no private key here", *number, name));
  if (!out) throw base::Error(base::Fault::usage, "a private key is not printed", "name a file with --out");
  if (format == "key") {
    write(key->reveal(), 0600);
    return 0;
  }
  const auto form = context.arguments.has("compatible") ? pki::Pkcs12Form::compatible : pki::Pkcs12Form::modern;
  const base::Secret p12 =
      pki::make_pkcs12(pki::PrivateKey::parse(*key), version->chain, name.text(), password(context), form);
  write(p12.reveal(), 0600);
  return 0;
}

}  // namespace

extern const Command export_command;
const Command export_command{"export",
                             Group::inventory,
                             "hand a certificate over in another form",
                             "  everseal export www > chain.pem\n  everseal export alice --format p12 --out alice.p12",
                             kArguments,
                             run};

}  // namespace everseal::cli
