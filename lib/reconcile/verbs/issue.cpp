#include "reconcile/verbs/issue.h"

#include "base/error.h"
#include "base/reprint.h"
#include "base/text.h"
#include "config/change.h"
#include "config/fragment.h"
#include "inventory/managed.h"
#include "inventory/subjects.h"
#include "plan/certificate.h"
#include "reconcile/artifact.h"
#include "reconcile/facts.h"
#include "reconcile/host_checks.h"
#include "reconcile/kinds.h"
#include "reconcile/named.h"
#include "reconcile/orphan.h"
#include "reconcile/plan.h"
#include "reconcile/reconcile.h"
#include "reconcile/verbs/issue/once.h"
#include "reconcile/verbs/issue/request.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;
using base::Table;

constexpr std::string_view kIdentifiers = "identifiers";
constexpr std::string_view kDeploy = "deploy";
constexpr const char* kTarget = "files";

std::vector<pki::Identifier> named_identifiers(const Table& options) {
  std::vector<pki::Identifier> identifiers;
  const base::Value* const value = base::find(options, kIdentifiers);
  if (value == nullptr) return identifiers;
  for (const base::Value& item : std::get<base::List>(value->data))
    identifiers.push_back(pki::Identifier::parse(std::get<std::string>(item.data)));
  return identifiers;
}

std::optional<std::string> named_common_name(const Table& options) {
  const base::Value* const value = base::find(options, "subject");
  if (value == nullptr) return std::nullopt;
  return pki::DistinguishedName::parse(std::get<std::string>(value->data)).first("CN");
}

// A common name that says by its form that it is meant as one: "www.example.org", not "alice".
std::optional<pki::Identifier> identifier_of(const std::string& common_name) {
  if (common_name.find_first_of(".@:") == std::string::npos) return std::nullopt;
  try {
    return pki::Identifier::parse(common_name);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// A certificate that is new says what it speaks for.
void require_identifiers(Table& options) {
  if (base::find(options, kIdentifiers) != nullptr) return;
  const auto common_name = named_common_name(options);
  if (!common_name)
    throw Error(Fault::usage, "there is no identifier",
                "name what the certificate speaks for with -d, for example -d www.example.org");
  const auto identifier = identifier_of(*common_name);
  if (!identifier)
    throw Error(Fault::usage, fmt::format("there is no identifier, and CN={} is none", base::printable(*common_name)),
                "every certificate speaks for one, which the CN does not replace: say -d alice@example.org or "
                "-d spiffe://example.org/alice for a client, -d HOST for a host of that name");
  options.emplace_back(kIdentifiers, base::list_value({identifier->text()}, {"--subject"}));
}

// What stands under a name, in the config or in the store alone.
struct Standing {
  inventory::ManagedRecord row;
  config::Certificate certificate;
  bool was_asked_for_once() const { return row.origin == kOnce; }
};
std::optional<Standing> standing(Run& run, const Name& name) {
  auto row = inventory::Managed(run.store).find(name);
  if (!row) return std::nullopt;
  config::Certificate certificate = config::from_normal_form(row->spec, config_kinds(authority_names(run.store)));
  return Standing{std::move(*row), std::move(certificate)};
}

bool same_identifiers(std::vector<pki::Identifier> a, std::vector<pki::Identifier> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  return a == b;
}

// The name that nobody chose; it is not taken for that of a certificate that speaks for something else.
Name default_name(Run& run, const Table& options) {
  const std::vector<pki::Identifier> identifiers = named_identifiers(options);
  Name name = Name::made_of(identifiers.front().text(), "certificate name");
  const auto present = standing(run, name);
  if (!present || same_identifiers(present->certificate.identifiers, identifiers)) return name;
  throw Error(Fault::exists,
              fmt::format("the name {} is taken by a certificate for {}", name,
                          pki::to_string(present->certificate.identifiers)),
              fmt::format("--as {} changes that one to speak for {}; --as OTHER makes another beside it", name,
                          pki::to_string(identifiers)));
}

std::string normal_path(const std::string& path) {
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

// Which deployment is meant, and what a new one has to say.
void place_deployment(const config::Certificate* present, Table& options) {
  const auto deploy = std::ranges::find(options, kDeploy, &Table::value_type::first);
  if (deploy == options.end()) return;
  auto& deployments = std::get<Table>(deploy->second.data);
  for (auto& [name, value] : deployments) {
    auto& said = std::get<Table>(value.data);
    if (base::find(said, "type") != nullptr) continue;  // all of it is said
    const base::Value* const directory = base::find(said, "directory");
    std::vector<const config::Deployment*> meant;
    if (present != nullptr)
      for (const config::Deployment& one : present->deployments)
        if (one.type == kTarget && (directory == nullptr || normal_path(one.options.string("directory")) ==
                                                                normal_path(std::get<std::string>(directory->data))))
          meant.push_back(&one);
    if (meant.size() == 1) {
      name = meant.front()->name.text();
      continue;
    }
    if (directory == nullptr)
      throw Error(Fault::usage, fmt::format("{} needs --deploy-dir", base::to_string(said.front().second.origin)),
                  "say into which directory the files are written");
    const bool present_already = present != nullptr && std::ranges::any_of(present->deployments, [&](const auto& one) {
                                   return one.name.text() == name;
                                 });
    if (present_already) continue;
    said.insert(said.begin(), {"type", base::text_value(kTarget)});
    if (base::find(said, "verify") == nullptr) said.emplace_back("verify", base::text_value("none"));
  }
}

// Those of the deployments that `options` name. Gives the targets whose directory was missing and is made, or would be.
std::set<Name> prepare_directories(const config::Certificate& wanted, const Table& options,
                                   const IssueRequest& request) {
  std::set<Name> made;
  const base::Value* const deploy = base::find(options, kDeploy);
  if (deploy == nullptr) return made;
  for (const config::Deployment& target : wanted.deployments) {
    if (target.type != kTarget || base::find(std::get<Table>(deploy->data), target.name.text()) == nullptr) continue;
    const std::string directory = target.options.string("directory");
    if (std::filesystem::exists(directory)) continue;
    if (request.deploy_directory == MissingDirectory::refused)
      throw Error(Fault::usage, fmt::format("the directory {} does not exist", base::printable(directory)),
                  "make it, or say --make-dir");
    if (request.effect == Effect::carried_out) static_cast<void>(base::Directory::create(directory, 0755));
    made.insert(target.name);
  }
  return made;
}

// What is stored reads back: the same rules are asked again by every later run.
void require_readable(Run& run, const config::Certificate& wanted) {
  const std::string form = config::normal_form(wanted);
  if (config::normal_form(config::from_normal_form(form, config_kinds(authority_names(run.store)))) != form)
    throw Error(Fault::internal, fmt::format("what is asked for of {} does not read back", wanted.name));
}

bool is_authority(Run& run, const Name& issuer) {
  const auto& issuers = run.desired.config().issuers;
  const auto found = issuers.find(issuer);
  return found == issuers.end() || found->second.type == "authority";
}

// An authority of this host says at once what it will never sign.
void require_signable(Run& run, const config::Certificate& wanted, const IssueRequest& request) {
  std::optional<Error> refusal;
  for (const Name& issuer : wanted.issuers) {
    if (!is_authority(run, issuer)) return;
    try {
      Session session = run.session();
      static_cast<void>(try_at(session, wanted, issuer, request.csr));
      return;
    } catch (const Error& error) {
      if (error.fault() != Fault::denied && error.fault() != Fault::invalid) return;  // it may pass
      if (!refusal) refusal = error;
    }
  }
  if (refusal) throw std::move(*refusal).within(fmt::format("{} is refused, and nothing of it is kept", wanted.name));
}

void tell(const Host& host, const Name& name, const std::string& text) {
  host.progress({Progress::Kind::doing, subject_of(name), base::printable(text)});
}

// What its table names and this host lacks, with the file to edit: it may come, so nothing is refused.
// `made`: the targets whose directory is made for it.
void warn_of_host(const Host& host, const config::Certificate& wanted, const std::set<Name>& made) {
  const auto is_made = [&](const base::Problem& problem) {
    return std::ranges::any_of(made, [&](const Name& target) {
      return problem.key == fmt::format("certificate.{}.deploy.{}.directory", wanted.name, target);
    });
  };
  config::Config alone;
  alone.certificates.emplace(wanted.name, wanted);
  for (base::Problem& problem : host_problems(alone)) {
    if (is_made(problem)) continue;
    problem.origin = {config::fragment_path(host.files.fragments, wanted.name), 0};
    host.progress({Progress::Kind::warning, subject_of(wanted.name), base::printable(to_string(problem))});
  }
}

// The certificate is ours to renew from now on: what was asked for once is over, and a key that lives elsewhere with
// it.
void end_once(Run& run, const Name& name) {
  run.store.transaction([&] {
    inventory::Managed managed(run.store);
    auto row = managed.find(name);
    const bool external = row && row->key_owner == inventory::KeyOwner::external;
    if (!row || (row->origin != kOnce && !external)) return;
    const Time now = run.host.clock();
    inventory::Intents intents(run.store);
    for (const inventory::IntentRecord& intent : intents.open_for(name))
      if (intent.kind == inventory::IntentKind::issue_once)
        intents.end(intent.id, inventory::IntentOutcome::cancelled, now);
    if (!external) return;
    row->key_owner = inventory::KeyOwner::ours;
    managed.put(*row);
    inventory::IntentRecord intent;
    intent.kind = inventory::IntentKind::force_renew;
    intent.subject = name;
    intent.created = now;
    intents.add(intent);
  });
}

Verdict rehearsal(Run& run, const config::Certificate& wanted, const IssueRequest& request) {
  Session session = run.session();
  Verdict verdict;
  verdict.outcomes.push_back(rehearse(session, wanted, wanted.issuers.front(), request.csr));
  return verdict;
}

// What the run behind a change of the config would do: a signature is asked for where it would be.
Verdict rehearsal_of_change(Run& run, const config::Certificate& wanted, const IssueRequest& request, bool is_new_key) {
  Session session = run.session();
  const plan::CertificateFacts facts = facts_of_change(session, wanted);
  const auto decision = plan::decide(facts, session.now());
  const auto is_issue = [](const auto& step) { return std::holds_alternative<plan::Issue>(step.action); };
  Verdict verdict;
  if (is_new_key || std::ranges::any_of(decision.steps, is_issue)) verdict = rehearsal(run, wanted, request);
  const auto add = [&](const Name* target, std::string text) {
    verdict.outcomes.push_back({subject_of(wanted.name), target == nullptr ? std::string() : target->text(), "plan",
                                Result::done, std::move(text)});
  };
  for (const auto& step : decision.steps) {
    if (is_issue(step)) continue;
    const auto* const deployment = std::get_if<plan::DeploymentAction>(&step.action);
    add(deployment == nullptr ? nullptr : &target_of(*deployment),
        fmt::format("{}, because {}", describe(step.action), base::reprinted(step.why.front().text)));
  }
  for (const plan::Reason& reason : decision.standing)
    if (reason.rule == plan::Rule::target_left) add(nullptr, reason.text);
  return verdict;
}

// Where nothing was to be done: what there is instead.
void say_as_wanted(Run& run, const Name& name, const IssueRequest& request, Verdict& verdict) {
  const auto live = inventory::Versions(run.store).live(name);
  if (!verdict.outcomes.empty() || !live || !live->not_after) return;
  Session session = run.session();
  verdict.outcomes.push_back(
      {subject_of(name),
       {},
       "issue",
       Result::done,
       fmt::format("version {} is as wanted and valid until {}; {} replaces it", live->number,
                   base::format_time(*live->not_after),
                   request.keep == Keep::once ? "--replace" : fmt::format("`everseal renew {} --force`", name)),
       facts_of(session, *live)});
}

// Beside what came of it, so that it counts as nothing of its own.
void add_word(Verdict& verdict, std::string_view word) {
  if (!verdict.outcomes.empty()) verdict.outcomes.back().text += fmt::format("; {}", word);
}

// A look that failed says so itself.
void say_how_to_go_on(const Name& name, Verdict& verdict) {
  for (Outcome& outcome : verdict.outcomes)
    if (outcome.result == Result::failed && outcome.step == "deploy")
      outcome.text += fmt::format("; when that is mended: `everseal deploy {}`", name);
}

Verdict carry_out(Run& run, const Name& name) {
  inventory::Subjects(run.store).skip_wait(inventory::certificate_subject(name), run.host.clock());
  return reconcile_certificates(run, {name});
}

IssueVerdict issue_once(Run& run, const Name& name, Table options, const IssueRequest& request) {
  place_deployment(nullptr, options);
  const config::Certificate wanted =
      config::make_certificate(name, options, run.desired.config(), config_kinds(authority_names(run.store)));
  require_readable(run, wanted);
  static_cast<void>(prepare_directories(wanted, options, request));
  if (request.effect == Effect::carried_out && is_half_issued(run, name)) static_cast<void>(carry_out(run, name));
  check_once(run, wanted, request);
  require_signable(run, wanted, request);
  if (request.effect == Effect::rehearsed) return {rehearsal(run, wanted, request), name};
  ask_once(run, wanted, request);
  IssueVerdict result{carry_out(run, name), name};
  say_as_wanted(run, name, request, result);
  return result;
}

// Is what stands there to keep what is not named?
bool is_change(const std::optional<Standing>& present, const IssueRequest& request) {
  return request.keep == Keep::alive && request.existing == OnExisting::change && present &&
         !present->was_asked_for_once();
}

// What stands in no file that is read: a new file takes over what the store knows of it, in which what is deployed
// stands that a file of these options alone would have taken away.
config::Change plan_adoption(Run& run, const Standing& orphan, const Table& options, const IssueRequest& request) {
  const Name& name = orphan.row.name;
  config::Change change =
      config::plan_change(run.host.files, run.desired.config(), name,
                          is_change(orphan, request) ? config::changed(orphan.certificate, options) : options,
                          config::Existing::replaced, config_kinds(authority_names(run.store)));
  change.differences = config::differences(orphan.certificate, change.certificate);
  const Orphan how = orphan_of(run.host, run.store, orphan.row, {});
  change.differences.insert(
      change.differences.begin(),
      fmt::format("it {}; {} takes it over", how.what, config::fragment_path(run.host.files.fragments, name)));
  return change;
}

IssueVerdict keep_alive(Run& run, const Name& name, Table options, const IssueRequest& request) {
  const Host& host = run.host;
  const auto present = standing(run, name);
  const bool is_changed = is_change(present, request);
  place_deployment(is_changed ? &present->certificate : nullptr, options);
  const config::Change change =
      present && present->row.orphaned && !present->was_asked_for_once()
          ? plan_adoption(run, *present, options, request)
          : config::plan_change(host.files, run.desired.config(), name, options,
                                is_changed ? config::Existing::changed : config::Existing::replaced,
                                config_kinds(authority_names(run.store)));
  const bool is_new = change.before.empty();
  require_readable(run, change.certificate);
  const std::set<Name> made = prepare_directories(change.certificate, options, request);
  if (change.after != change.before) require_signable(run, change.certificate, request);
  for (const std::string& difference : change.differences) tell(host, name, difference);
  warn_of_host(host, change.certificate, made);
  const bool was_once = present && present->was_asked_for_once();
  const bool changes_hands = present && present->row.key_owner == inventory::KeyOwner::external;
  if (request.effect == Effect::rehearsed) {
    IssueVerdict rehearsed{rehearsal_of_change(run, change.certificate, request, changes_hands), name};
    say_as_wanted(run, name, request, rehearsed);
    return rehearsed;
  }
  config::write_change(host.files, change);
  end_once(run, name);
  run.desired = Desired(host, run.store);
  IssueVerdict result{carry_out(run, name), name};
  say_as_wanted(run, name, request, result);
  if (changes_hands)
    add_word(result,
             "its key was made elsewhere; from now on the keys are made here, and who holds the other key gets no new "
             "certificate for it");
  else if (was_once)
    add_word(result, "it is kept alive from now on");
  if (is_new) say_how_to_go_on(name, result);
  return result;
}

}  // namespace

IssueRequest::IssueRequest(const config::Certificate& certificate, Keep keep_, base::Bytes csr_)
    : name(certificate.name),
      options(config::fragment_of(certificate).options),
      keep(keep_),
      csr(std::move(csr_)),
      existing(OnExisting::replace),
      deploy_directory(MissingDirectory::made) {}

IssueVerdict issue(const Host& host, const IssueRequest& request) {
  Run run(host);
  if (!run.clock.trusted) throw inventory::untrusted_clock(run.clock);
  Table options = request.options;
  if (!request.name) require_identifiers(options);
  const Name name = request.name ? *request.name : default_name(run, options);
  const auto present = standing(run, name);
  if (present) require_not_leaving(run.store, name);
  if (!is_change(present, request)) {
    require_identifiers(options);
    if (base::find(options, "issuer") == nullptr)
      throw Error(Fault::usage, "there is no issuer",
                  "name one with --issuer: an authority (`everseal ca list`) or an [issuer.NAME] of the config");
  }
  return request.keep == Keep::once ? issue_once(run, name, std::move(options), request)
                                    : keep_alive(run, name, std::move(options), request);
}

namespace {

Answer run_issue(const Host& host, const base::Options& request) { return {issue(host, issue_request(request, host))}; }

}  // namespace

const Verb issue_verb{"issue",        1,        Needs::lease, "get a certificate now and keep it alive from now on",
                      issue_fields(), run_issue};

}  // namespace everseal::reconcile
