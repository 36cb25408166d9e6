#include "reconcile/verbs/import.h"

#include "base/error.h"
#include "base/text.h"
#include "reconcile/fields.h"
#include "reconcile/kinds.h"
#include "reconcile/reconcile.h"
#include "reconcile/verbs/import/accounts.h"
#include "reconcile/verbs/import/certificates.h"
#include "reconcile/verbs/import/challenges.h"
#include "reconcile/verbs/import/deployments.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;

std::string canonical(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(directory, error);
  if (error)
    throw Error(Fault::not_found, fmt::format("cannot read {}: {}", base::printable(directory), error.message()));
  return path.string();
}

// As it was written, without following links.
std::string absolute(const std::string& directory) {
  std::string path = std::filesystem::absolute(directory).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// As the host's own programs see a path below `root`.
std::string seen_from(const std::string& root, const std::string& path) {
  return root != "/" && path.starts_with(root + "/") ? path.substr(root.size()) : path;
}

std::string list_of(const std::vector<importer::Trace>& traces) {
  std::string text;
  for (const importer::Trace& trace : traces)
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", base::printable(trace.file),
                        trace.line == 0 ? std::string() : fmt::format(":{}", trace.line));
  return text;
}

// What is wrong elsewhere in the config is for `renew` and `config check` to say.
config::Config everything(const Host& host, inventory::Store& store) {
  base::Problems elsewhere;
  return read_config(host.files, store, elsewhere);
}

// The accounts first, as certificates name their issuers; the config once, after all versions.
void take_over(const Host& host, const ImportRequest& request, importer::Found& found,
               const ImportedDeployments& deployments, ImportReport& report) {
  Run run(host);
  ImportDraft draft(host, config_kinds(authority_names(run.store)), everything(host, run.store));
  require_fitting_issuer(request, found, draft.config());
  std::optional<Session> session;
  if (request.mode == ImportMode::take) session.emplace(host, draft.config(), run.store);
  const ImportWork work{host, request, found, run.store, draft, session ? &*session : nullptr, report};
  ImportedAccounts accounts(work);
  ImportedChallenges challenges(work);
  ImportedCertificates certificates(work, accounts, challenges, deployments);
  accounts.take_all();
  certificates.take_all();
  challenges.add_to_draft();
  certificates.add_to_draft();
  if (session && !draft.empty()) {
    draft.write();
    run.desired = Desired(host, run.store);
  }
  certificates.finish_all();
  challenges.report();
  for (const importer::Remark& remark : found.remarks)
    if (remark.kind == importer::Remark::Kind::unreadable)
      report.add(kTaken, remark.subject, {}, Result::failed, remark.text);
  std::ranges::stable_sort(report.verdict.outcomes, {}, &Outcome::subject);
}

}  // namespace

std::string_view to_string(ImportedProof::Before before) noexcept {
  switch (before) {
    case ImportedProof::Before::same:
      return "same";
    case ImportedProof::Before::other:
      return "other";
    case ImportedProof::Before::unknown:
      return "unknown";
  }
  return {};
}

void ImportReport::add(std::string_view step, std::string subject, std::string issuer, Result result, std::string text,
                       Facts facts) {
  facts.issuer = issuer;
  verdict.outcomes.push_back(
      {std::move(subject), std::move(issuer), std::string(step), result, std::move(text), std::move(facts)});
}

void ImportReport::leave(std::string subject, std::string text, std::string advice) {
  remarks.push_back({importer::Remark::Kind::left, std::move(subject), std::move(text), std::move(advice)});
}

ImportReport import_client(const Host& host, const ImportRequest& given) {
  ImportRequest request = given;
  request.directory = canonical(given.directory);
  request.root = canonical(given.root);
  importer::Found found = request.kind->read(request.directory);
  ImportReport report;
  report.schedules = importer::active_schedules(request.root, request.kind->name);
  const std::vector<std::string> directories{request.directory, seen_from(request.root, request.directory),
                                             seen_from(absolute(given.root), absolute(given.directory))};
  std::vector<std::string> paths(directories.begin() + 1, directories.end());
  for (const importer::Lineage& lineage : found.lineages)
    for (const importer::Copy& copy : lineage.copies) paths.push_back(copy.file);
  report.references = importer::references(request.root, paths);
  if (request.mode == ImportMode::take && request.coexistence == Coexistence::refused && !report.schedules.empty())
    throw Error(Fault::denied,
                fmt::format("{} still runs by itself: {}", request.kind->name, list_of(report.schedules)),
                "disable that first (`systemctl disable --now TIMER`, remove the cron line), or say --keep-both; "
                "--dry-run shows what would be taken over");
  const ImportedDeployments deployments(report.references, directories, host.state);
  take_over(host, request, found, deployments, report);
  std::ranges::move(found.remarks, std::back_inserter(report.remarks));
  return report;
}

namespace {

constexpr base::Option kImportFields[] = {
    {.name = "client", .summary = "whose work is taken over: certbot, acme.sh or lego", .required = true},
    {.name = "directory",
     .type = base::OptionType::directory,
     .summary = "its directory: /etc/letsencrypt, /root/.acme.sh, lego's --path",
     .required = true},
    {.name = "issuer", .summary = "an [issuer.NAME] at the same CA; without it the one that is there, or a new one"},
    {.name = "ca_file",
     .type = base::OptionType::path,
     .summary = "PEM: trust anchors of a private CA's ACME server, for an issuer that is made"},
    {.name = "keep_both",
     .type = base::OptionType::boolean,
     .summary = "although the other client still runs by itself"},
    {.name = "dry_run",
     .type = base::OptionType::boolean,
     .summary = "show what would be taken over, and take nothing"},
    {.name = "root",
     .type = base::OptionType::directory,
     .summary = "the root directory of the host whose timers and server configs are looked at",
     .fallback = "/"},
};

const importer::Kind& kind_of(const std::string& name) {
  if (const auto* const kind = importer::find_kind(name)) return *kind;
  std::vector<std::string> known;
  for (const importer::Kind* kind : importer::kinds()) known.emplace_back(kind->name);
  const auto meant = base::nearest(name, known);
  throw base::Error(base::Fault::usage, fmt::format("the work of '{}' cannot be taken over", base::printable(name)),
                    meant ? fmt::format("did you mean {}?", *meant) : "one of: " + base::join(known, ", "));
}

Answer run_import(const Host& host, const base::Options& request) {
  const ImportReport report = import_client(host, import_request(request));
  return {report.verdict, to_json(report)};
}

}  // namespace

ImportRequest import_request(const base::Options& fields) {
  ImportRequest request;
  request.kind = &kind_of(fields.string("client"));
  request.directory = fields.string("directory");
  if (fields.has("issuer")) request.issuer = name_in(fields, "issuer", "issuer name");
  request.ca_file = fields.string("ca_file");
  if (fields.boolean("keep_both")) request.coexistence = Coexistence::wanted;
  if (fields.boolean("dry_run")) request.mode = ImportMode::look;
  request.root = fields.string("root");
  return request;
}

const Verb import_verb{"import",      1,         Needs::lease, "take over the work of certbot, acme.sh or lego",
                       kImportFields, run_import};

}  // namespace everseal::reconcile
