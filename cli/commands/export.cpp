#include "reconcile/verbs/export.h"

#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "config/load.h"
#include "terminal.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kExportArguments[] = {
    {.name = "NAME", .field = "name"},
    {.name = "--format", .value = "FORMAT", .field = "format"},
    {.name = "--out",
     .summary = "the file to write, 0600 where it holds a key; default for pem and der: stdout",
     .value = "FILE"},
    {.name = "--password-file", .summary = "the password of a p12; without it: asked for", .value = "FILE"},
    {.name = "--force",
     .summary = "also over a file that exists, where a private key is in the one or the other",
     .type = ArgumentType::flag},
};

base::Secret password(const Context& context) {
  if (const auto file = context.arguments.one("password-file")) return base::read_secret_file(*file);
  auto asked = ask_secret("password for the PKCS#12 file", Ask::twice);
  if (!asked)
    throw base::Error(base::Fault::usage, "a PKCS#12 file needs a password", "name its file with --password-file");
  return std::move(*asked);
}

bool holds_key(const std::string& file) {
  constexpr std::size_t kLargest = 1 << 24;
  return base::read_regular_file(file, kLargest).reveal_text().find("PRIVATE KEY-----") != std::string_view::npos;
}

// A certificate may take the place of an earlier one; a key is neither replaced nor put in anything's place unasked.
void require_replaceable(const std::string& file, bool secret) {
  if (!std::filesystem::is_regular_file(file) || (!secret && !holds_key(file))) return;
  throw base::Error(base::Fault::exists,
                    fmt::format("{} exists{}", base::printable(file), secret ? "" : " and holds a key"),
                    "name another file with --out, or replace it with --force");
}

int run_export(Context& context) {
  reconcile::ExportRequest wanted = reconcile::export_request(request(context));
  const reconcile::Host host = context.host();
  const auto out = context.arguments.one("out");
  const bool secret = wanted.form == reconcile::ExportForm::key || wanted.form == reconcile::ExportForm::p12;
  if (secret && !out) throw base::Error(base::Fault::usage, "a private key is not printed", "name a file with --out");
  if (out && !context.arguments.has("force")) require_replaceable(*out, secret);
  if (out) wanted.destination = config::absolute(*out);
  std::optional<base::Secret> opens;
  if (wanted.form == reconcile::ExportForm::p12) opens = password(context);
  if (opens) wanted.password = &*opens;
  const reconcile::Exported made = reconcile::export_certificate(host, wanted);
  hand_over(context, wanted.form == reconcile::ExportForm::pem ? HandOver::text : HandOver::binary, made.bytes.reveal(),
            secret ? 0600 : 0644);
  if (out && context.output == Output::text && !context.quiet)
    note(fmt::format("{}: version {} of {}\n", base::printable(*out), made.version, wanted.name));
  return 0;
}

}  // namespace

extern const Command export_command;
const Command export_command{"export",
                             Group::inventory,
                             "hand a certificate over in another form",
                             "That a private key was handed over stands in the history.\n\n"
                             "  everseal export www > chain.pem\n  everseal export alice --format p12 --out alice.p12",
                             kExportArguments,
                             run_export,
                             &reconcile::export_verb};

}  // namespace everseal::cli
