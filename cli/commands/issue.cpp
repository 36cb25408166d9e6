#include "reconcile/verbs/issue.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "command.h"
#include "config/fragment.h"
#include "pki/csr.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kIssueArguments[] = {
    {.name = "--issuer", .value = "NAME", .field = "issuer"},
    {.name = "-d,--domain", .value = "ID", .field = "identifiers"},
    {.name = "--as", .value = "NAME", .field = "name"},
    {.name = "--profile", .value = "P", .field = "profile"},
    {.name = "--subject", .value = "DN", .field = "subject"},
    {.name = "--key", .value = "TYPE", .field = "key"},
    {.name = "--lifetime", .value = "24h", .field = "lifetime"},
    {.name = "--environment", .value = "ENV", .field = "environment"},
    {.name = "--csr",
     .summary = "sign this CSR (PEM or DER, - for stdin); its key stays elsewhere; implies --once",
     .value = "FILE",
     .field = "csr"},
    {.name = "--p12", .value = "FILE", .field = "p12"},
    {.name = "--verify", .value = "HOST:PORT", .field = "verify"},
};

// What --csr names becomes what it holds. Read before the store is opened, as it may come from a pipe.
void read_csr(Context& context) {
  const auto file = context.arguments.one("csr");
  if (!file) return;
  const pki::Csr csr = base::within(*file, [&] { return pki::Csr::parse(base::read_file(*file, pki::kLargestCsr)); });
  context.arguments.values["csr"] = {pki::csr_pem(csr.der)};
}

int run_issue(Context& context) {
  const reconcile::Host host = context.host();
  read_csr(context);
  const base::Options wanted = request(context);
  const reconcile::Verdict verdict = context.command->verb->run(host, wanted).verdict;
  const int code = show(context, verdict);
  // What stands in the way elsewhere is not this certificate's.
  const auto own = std::ranges::find_if(
      verdict.outcomes, [](const reconcile::Outcome& outcome) { return outcome.subject.starts_with("certificate/"); });
  if (context.output == Output::json || context.quiet || wanted.boolean("dry_run") || own == verdict.outcomes.end())
    return code;
  const std::string& subject = own->subject;
  const std::string name = subject.substr(subject.find('/') + 1);
  const bool csr = wanted.has("csr");
  const bool failed = std::ranges::any_of(verdict.outcomes, [&](const reconcile::Outcome& outcome) {
    return outcome.subject == subject && is_failure(outcome.result);
  });
  if (!failed) note(fmt::format("certificate{}: {}/live/{}/\n", csr ? "" : " and key", host.state, name));
  if (csr || wanted.boolean("once")) return code;
  if (!failed)
    note(fmt::format("kept alive by {}\n",
                     base::printable(config::fragment_path(host.files.fragments, base::Name::parse(name)))));
  else
    note(fmt::format("`everseal renew` goes on trying; `everseal remove {}` gives it up\n", name));
  return code;
}

}  // namespace

extern const Command issue_command;
const Command issue_command{
    "issue",
    Group::certificates,
    "get a certificate now and keep it alive from now on",
    "Writes conf.d/NAME.toml, so that `everseal renew` renews it. Where NAME is kept alive already, what is named\n"
    "is changed and all else stays; the file of before is NAME.toml.bak. With --once nothing renews it: hand over\n"
    "the next one by hand, or deploy a PKCS#12 file with --deploy-dir and --p12 instead.\n\n"
    "  everseal issue --issuer corp -d www.example.org --deploy-dir /etc/nginx/tls \\\n"
    "      --reload 'systemctl reload nginx' --verify 127.0.0.1:443\n"
    "  everseal issue --issuer corp --profile client --subject CN=alice \\\n"
    "      -d alice@example.org --as alice\n"
    "  everseal issue --as www.example.org -d www.example.org -d example.org\n"
    "  everseal issue --issuer corp --csr device.csr --as device-17",
    kIssueArguments,
    run_issue,
    &reconcile::issue_verb};

}  // namespace everseal::cli
