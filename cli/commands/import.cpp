#include "reconcile/verbs/import.h"

#include "base/text.h"
#include "command.h"
#include "config/toml.h"
#include "terminal.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kImportArguments[] = {{.name = "CLIENT", .field = "client"},
                                         {.name = "DIR", .field = "directory"},
                                         {.name = "--issuer", .value = "NAME", .field = "issuer"}};

std::string heading(const std::string& text) { return styled(text, Style::bold, Stream::output) + "\n"; }

std::string text_of(const std::vector<importer::Trace>& traces) {
  std::string text;
  for (const importer::Trace& trace : traces)
    text += fmt::format("  {}{}: {}\n", base::printable(trace.file),
                        trace.line == 0 ? std::string() : fmt::format(":{}", trace.line), trace.text);
  return text;
}

// Those of one challenge on one line, however many certificates have them.
std::string text_of(const std::vector<reconcile::ImportedProof>& proofs) {
  std::map<std::string, std::vector<std::string>> names;  // by how they are proved
  for (const reconcile::ImportedProof& proof : proofs) {
    const std::string how =
        proof.type.empty() ? std::string("nothing here")
        : proof.challenge.empty()
            ? fmt::format("[{}], {}", config::dotted("issuer", proof.issuer.text()), proof.type)
            : fmt::format("[{}], {}", config::dotted("challenge", proof.challenge.text()), proof.type);
    auto& list = names[how];
    list.insert(list.end(), proof.identifiers.begin(), proof.identifiers.end());
  }
  std::string text;
  for (const auto& [how, list] : names)
    text += "  " + flowed(fmt::format("by {}: {}", how, base::join(list, ", ")), {2, 4}, Stream::output) + "\n";
  return text;
}

std::vector<importer::Trace> traces_of(const std::vector<importer::Reference>& references) {
  std::vector<importer::Trace> traces;
  for (const importer::Reference& reference : references) traces.push_back(reference.trace);
  return traces;
}

std::string described(const reconcile::ImportedProposal& proposal) {
  return fmt::format("{}: {} by `{}`{}, verified at {}", proposal.certificate, proposal.target, proposal.type,
                     proposal.command.empty()
                         ? std::string()
                         : fmt::format(" with `{}`", base::printable(base::join(proposal.command, " "))),
                     proposal.verify.empty() ? "nowhere" : base::join(proposal.verify, ", "));
}

void print_rest(const reconcile::ImportReport& report, std::string_view client) {
  std::string text;
  if (!report.proofs.empty()) text += heading("how names are proved from now on") + text_of(report.proofs);
  if (!report.remarks.empty()) text += heading("not taken over");
  for (const importer::Remark& remark : report.remarks) {
    text += "  " + flowed(fmt::format("{}: {}", remark.subject, remark.text), {2, 4}, Stream::output) + "\n";
    if (!remark.advice.empty()) text += "      " + flowed(remark.advice, {6, 6}, Stream::output) + "\n";
  }
  if (!report.schedules.empty())
    text += heading(fmt::format("{} still runs by itself", client)) + text_of(report.schedules);
  if (!report.references.empty())
    text += heading(fmt::format("servers still read the files of {}", client)) + text_of(traces_of(report.references));
  if (!report.proposals.empty()) text += heading("deployments that stand as comments in conf.d, for you to decide");
  for (const reconcile::ImportedProposal& proposal : report.proposals)
    text += "  " + flowed(described(proposal), {2, 4}, Stream::output) + "\n";
  print(text);
}

int run_import(Context& context) {
  const reconcile::ImportRequest wanted = reconcile::import_request(request(context));
  const reconcile::ImportReport report = reconcile::import_client(context.host(), wanted);
  if (context.output == Output::json) {
    print_document(reconcile::to_json(report));
    return report.verdict.exit_code();
  }
  const int code = show(context, report.verdict);
  print_rest(report, wanted.kind->name);
  const bool is_unproved = std::ranges::any_of(report.verdict.outcomes, [](const reconcile::Outcome& outcome) {
    return outcome.result == reconcile::Result::warned;
  });
  if (is_unproved && !context.quiet)
    note(
        fmt::format("give each a [certificate.NAME.deploy.TARGET] with `verify`{}: until then nothing proves what is "
                    "served\n",
                    report.proposals.empty() ? "" : ", such as those that stand as comments in conf.d"));
  return code;
}

}  // namespace

extern const Command import_command;
const Command import_command{
    "import",
    Group::certificates,
    "take over the work of certbot, acme.sh or lego",
    "Takes accounts, keys and certificates, and how names were proved where that translates, so that the next renewal "
    "happens\nhere, without a new account. Nothing of the other client is changed, none of its hooks is run, "
    "and "
    "nothing is ordered.\nDisable it first: what still runs it, and which server configs still name its files, is "
    "listed. What has no\ncounterpart here is listed too.\n\n"
    "  everseal import certbot /etc/letsencrypt --dry-run\n"
    "  everseal import certbot /etc/letsencrypt\n"
    "  everseal import acme.sh /root/.acme.sh --issuer zerossl",
    kImportArguments,
    run_import,
    &reconcile::import_verb};

}  // namespace everseal::cli
