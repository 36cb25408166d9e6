#include "reconcile/verbs/import.h"

#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "config/toml.h"
#include "terminal.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "CLIENT", .summary = "whose work is taken over: certbot, acme.sh or lego", .required = true},
    {.name = "DIR", .summary = "its directory: /etc/letsencrypt, /root/.acme.sh, lego's --path", .required = true},
    {.name = "--issuer",
     .summary = "an [issuer.NAME] at the same CA; without it the one that is there, or a new one",
     .value = "NAME"},
    {.name = "--ca-file",
     .summary = "PEM: trust anchors of a private CA's ACME server, for an issuer that is made",
     .value = "FILE"},
    {.name = "--keep-both", .summary = "although the other client still runs by itself", .type = ArgumentType::flag},
    {.name = "--dry-run", .summary = "show what would be taken over, and take nothing", .type = ArgumentType::flag},
    {.name = "--root",
     .summary = "the root directory of the host whose timers and server configs are looked at",
     .value = "DIR"},
};

const importer::Kind& kind_argument(const std::string& name) {
  if (const auto* const kind = importer::find_kind(name)) return *kind;
  std::vector<std::string> known;
  for (const importer::Kind* kind : importer::kinds()) known.emplace_back(kind->name);
  const auto meant = base::nearest(name, known);
  throw base::Error(base::Fault::usage, fmt::format("the work of '{}' cannot be taken over", base::printable(name)),
                    meant ? fmt::format("did you mean {}?", *meant) : "one of: " + base::join(known, ", "));
}

nlohmann::ordered_json json_of(const std::vector<importer::Reference>& references) {
  auto list = nlohmann::ordered_json::array();
  for (const importer::Reference& reference : references)
    list.push_back({{"file", base::printable(reference.trace.file)},
                    {"line", reference.trace.line},
                    {"text", reference.trace.text},
                    {"listeners", reference.listeners}});
  return list;
}

nlohmann::ordered_json json_of(const std::vector<importer::Trace>& traces) {
  auto list = nlohmann::ordered_json::array();
  for (const importer::Trace& trace : traces)
    list.push_back({{"file", base::printable(trace.file)}, {"line", trace.line}, {"text", trace.text}});
  return list;
}

std::string json_of(const reconcile::ImportReport& report) {
  auto document = nlohmann::ordered_json::parse(reconcile::to_json(report.verdict));
  auto& remarks = document["remarks"] = nlohmann::ordered_json::array();
  for (const importer::Remark& remark : report.remarks)
    remarks.push_back({{"rule", remark.kind == importer::Remark::Kind::left ? "left" : "unreadable"},
                       {"subject", remark.subject},
                       {"text", remark.text},
                       {"hint", remark.advice}});
  auto& proofs = document["proofs"] = nlohmann::ordered_json::array();
  for (const reconcile::ImportedProof& proof : report.proofs)
    proofs.push_back({{"certificate", proof.certificate.text()},
                      {"identifiers", proof.identifiers},
                      {"type", proof.type},
                      {"challenge", proof.challenge.text()},
                      {"issuer", proof.issuer.text()},
                      {"before", reconcile::to_string(proof.before)}});
  document["schedules"] = json_of(report.schedules);
  document["references"] = json_of(report.references);
  auto& proposals = document["proposals"] = nlohmann::ordered_json::array();
  for (const reconcile::ImportedProposal& proposal : report.proposals)
    proposals.push_back({{"certificate", proposal.certificate.text()},
                         {"target", proposal.target.text()},
                         {"type", proposal.type},
                         {"command", proposal.command},
                         {"verify", proposal.verify},
                         {"lines", json_of(proposal.lines)},
                         {"toml", proposal.toml}});
  return document.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

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

int run(Context& context) {
  const Arguments& arguments = context.arguments;
  reconcile::ImportRequest request;
  request.kind = &kind_argument(*arguments.one("CLIENT"));
  request.directory = *arguments.one("DIR");
  if (arguments.has("issuer")) request.issuer = base::Name::parse(*arguments.one("issuer"), "issuer name");
  if (const auto file = arguments.one("ca-file")) request.ca_file = std::filesystem::absolute(*file).string();
  if (arguments.has("keep-both")) request.coexistence = reconcile::Coexistence::wanted;
  if (arguments.has("dry-run")) request.mode = reconcile::ImportMode::look;
  request.root = arguments.one("root").value_or("/");
  const reconcile::ImportReport report = reconcile::import_client(context.host(), request);
  if (context.output == Output::json) {
    print_document(json_of(report));
    return report.verdict.exit_code();
  }
  const int code = show(context, report.verdict);
  print_rest(report, request.kind->name);
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
    "happens\nhere, without a new account. Nothing of the other client is changed, none of its hooks is run, and "
    "nothing is ordered.\nDisable it first: what still runs it, and which server configs still name its files, is "
    "listed. What has no\ncounterpart here is listed too.\n\n"
    "  everseal import certbot /etc/letsencrypt --dry-run\n"
    "  everseal import certbot /etc/letsencrypt\n"
    "  everseal import acme.sh /root/.acme.sh --issuer zerossl",
    kArguments,
    run};

}  // namespace everseal::cli
