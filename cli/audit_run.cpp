#include "audit_run.h"

#include "audit_changes.h"
#include "audit_surroundings.h"
#include "authority/policy.h"
#include "base/error.h"
#include "base/open_files.h"
#include "base/text.h"
#include "config/load.h"
#include "config_problems.h"
#include "discover/host_files.h"
#include "discover/passwords.h"
#include "discover/server.h"
#include "dns/lookup.h"
#include "environment.h"
#include "reconcile/session.h"
#include "report/audit.h"
#include "save_found.h"
#include "scan/audit.h"
#include "scan/clients.h"
#include "show_rows.h"
#include "terminal.h"
#include "unread.h"
#include "version.h"

#include <algorithm>
#include <filesystem>
#include <ranges>
#include <set>

#include <fmt/format.h>
#include <unistd.h>

namespace everseal::cli {
namespace {

using audit::Severity;
using base::Error;
using base::Fault;

constexpr int kInFlight = 500;

// Wildcards last, and of each half the longer text first; of equals in the teams' order.
std::vector<scan::TeamPattern> patterns_of(const config::Settings& settings) {
  std::vector<std::pair<std::string, std::string>> texts;  // pattern, team
  for (const auto& [name, team] : settings.teams)
    for (const std::string& text : team.names) texts.emplace_back(text, name.text());
  const auto width = [](const std::pair<std::string, std::string>& one) {
    const bool is_wide = one.first.starts_with('*') || one.first.starts_with('.');
    return std::pair(is_wide, -static_cast<std::int64_t>(one.first.size()));
  };
  std::ranges::stable_sort(texts, {}, width);
  std::vector<scan::TeamPattern> patterns;
  for (const auto& [text, team] : texts)
    patterns.push_back({team, [pattern = authority::Pattern::parse(text)](const pki::Identifier& identifier) {
                          return pattern.contains(identifier);
                        }});
  return patterns;
}

void take(std::vector<scan::Wanted>& into, std::vector<scan::Wanted> more) {
  std::ranges::move(more, std::back_inserter(into));
}

// Each endpoint once, as it was named first.
void drop_repeated(std::vector<scan::Wanted>& endpoints) {
  std::set<std::string> seen;
  std::erase_if(endpoints, [&](const scan::Wanted& one) { return !seen.insert(one.name).second; });
}

void take_servers(const std::vector<discover::Server>& servers, const Arguments& arguments,
                  scan::AuditRequest& request) {
  request.own = scan::own_servers(servers, {.environment = request.environment});
  for (const std::string& text : arguments.all("from"))
    if (text.find('=') == std::string::npos) request.whole.push_back(text);
  take(request.endpoints, request.own.endpoints);
}

void take_arguments(const Arguments& arguments, const config::Config& config,
                    const std::vector<discover::Server>& servers, scan::AuditRequest& request) {
  const std::size_t most = arguments.has("most")
                               ? static_cast<std::size_t>(number_argument(*arguments.one("most"), "--most"))
                               : scan::kMostOfRange;
  scan::Defaults defaults{.environment = request.environment,
                          .team = {},
                          .labels = {},
                          .sni = arguments.one("sni").value_or(""),
                          .starttls = arguments.one("starttls").value_or(""),
                          .source = "arguments",
                          .any_address = false,
                          .settings = &config};
  for (const std::string& text : arguments.all("TARGET")) {
    if (is_path(text))
      request.paths.push_back(std::filesystem::absolute(text).lexically_normal().string());
    else
      take(request.endpoints, scan::parse_targets(text, defaults, most));
  }
  for (const std::string& file : arguments.all("targets")) {
    defaults.source = file;
    take(request.endpoints, scan::read_targets(file, defaults, most));
  }
  take_servers(servers, arguments, request);
}

// Endpoints that are wrong, and whole files, which may hold some.
std::int64_t unusable_of(const base::Problems& problems) {
  std::set<std::string> subjects;
  for (const base::Problem& problem : problems)
    if (problem.subject.empty() || problem.subject.starts_with("endpoint/"))
      subjects.insert(problem.subject.empty() ? problem.origin.file : problem.subject);
  return static_cast<std::int64_t>(subjects.size());
}

// Endpoints of an environment that cannot judge.
void drop_unusable(const scan::Standards& standards, scan::AuditRequest& request, base::Problems& problems) {
  for (const auto& [environment, problem] : standards.unusable()) {
    problems.push_back(problem);
    request.unusable += static_cast<std::int64_t>(
        std::erase_if(request.endpoints, [&](const scan::Wanted& one) { return one.environment == environment; }));
    std::erase(request.whole, "config");
  }
}

void take_config(const config::Config& config, scan::AuditRequest& request, base::Problems& problems) {
  take(request.endpoints, scan::endpoints_of(config, scan::Secrets::opened, problems));
  for (const auto& [name, certificate] : config.certificates) take(request.endpoints, scan::targets_of(certificate));
  request.unusable = unusable_of(problems);
  if (request.environment.empty() && problems.empty()) request.whole.emplace_back("config");
  if (!request.environment.empty())
    std::erase_if(request.endpoints, [&](const scan::Wanted& one) { return one.environment != request.environment; });
}

std::string described(const scan::AuditRequest& request, std::string_view whence) {
  std::string text;
  if (!request.endpoints.empty())
    text = fmt::format("{} endpoint{}{}", request.endpoints.size(), request.endpoints.size() == 1 ? "" : "s", whence);
  const std::size_t paths = request.paths.size() + request.own.files.size();
  if (paths > 0) text += fmt::format("{}{} path{}", text.empty() ? "" : ", ", paths, paths == 1 ? "" : "s");
  return text;
}

std::unique_ptr<report::AuditSink> open_audit_sink(const Context& context) {
  const std::string format =
      context.arguments.one("format").value_or(context.output == Output::json ? "json" : "table");
  return report::require_audit_kind(format).open(output_surface());
}

class NoSink : public report::AuditSink {
 public:
  void begin(const report::AuditHead&) override {}
  void place(const report::AuditedPlace&) override {}
  int end(const report::AuditSummary& summary) override { return summary.exit_code; }
};

// How far it is, on a terminal that is not the one that the rows go to.
scan::Progress progress_bar(const Context& context) {
  if (context.quiet || !can_rewrite(Stream::errors) || is_terminal(Stream::output)) return {};
  const auto began = std::chrono::steady_clock::now();
  return [began, last = began](std::int64_t looked, std::int64_t of) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (of == 0 || (now - last < std::chrono::milliseconds(200) && looked != of)) return;
    last = now;
    const double seconds = std::max(0.001, std::chrono::duration<double>(now - began).count());
    const double rate = static_cast<double>(looked) / seconds;
    const auto left = static_cast<std::int64_t>(static_cast<double>(of - looked) / std::max(rate, 0.001));
    note(looked == of ? "\r\x1b[K"
                      : fmt::format("\r\x1b[K{} of {} endpoints, {:.0f} a second, {} left", looked, of, rate,
                                    base::format_duration(base::Seconds(std::max<std::int64_t>(left, 1)))));
  };
}

report::AuditSummary summary_of(const scan::AuditOutcome& outcome, base::Time ended, const LookCounts& counts) {
  report::AuditSummary summary;
  summary.ended = ended;
  summary.looked = outcome.looked;
  summary.failed = outcome.failed;
  summary.not_looked = outcome.not_looked;
  for (const Severity one : audit::kAllSeverities | std::views::reverse) {
    const auto found = outcome.findings.find(one);
    summary.findings.emplace_back(audit::to_string(one), found == outcome.findings.end() ? 0 : found->second);
  }
  summary.acknowledged = outcome.acknowledged;
  summary.remarks = outcome.remarks;
  summary.is_whole = !counts.is_untold;
  summary.exit_code = exit_code_of(counts);
  return summary;
}

// What is renewed of the config, or of what was named.
void take_dns(const Arguments& arguments, Surroundings& around, bool named, scan::AuditRequest& request) {
  if (!arguments.has("dns")) return;
  request.dns.emplace();
  if (!around.store) return;
  *request.dns = scan::renewed_names(around.config, reconcile::challenge_methods(around.config), *around.store,
                                     named ? std::string() : request.environment);
  if (!named) return;
  std::set<std::string> asked;
  for (const scan::Wanted& one : request.endpoints)
    for (const pki::Identifier& identifier : one.asked) asked.insert(identifier.text());
  std::erase_if(*request.dns, [&](const scan::RenewedName& name) { return !asked.contains(name.text); });
}

// Each takes a descriptor; where there are not enough to be had there are fewer at once, and it is said.
int handshakes_at_once(const Arguments& arguments, std::vector<std::string>& remarks) {
  constexpr std::size_t kOtherFiles = 256;  // of resolver, database, files
  const int wanted =
      arguments.has("in-flight") ? number_argument(*arguments.one("in-flight"), "--in-flight") : kInFlight;
  const std::size_t needed = static_cast<std::size_t>(wanted) + kOtherFiles;
  const std::size_t allowed = base::allow_open_files(needed);
  if (allowed >= needed) return wanted;
  const auto fewer =
      static_cast<int>(allowed > 2 * kOtherFiles ? allowed - kOtherFiles : std::max<std::size_t>(allowed / 2, 1));
  remarks.push_back(fmt::format(
      "{} handshakes at once instead of {}, as this process may have no more than {} open files (`ulimit -Hn`)", fewer,
      wanted, allowed));
  return fewer;
}

int audit_to(report::AuditSink& sink, const Context& context) {
  const Arguments& arguments = context.arguments;
  const Severity from = fail_on(context);
  const bool named = arguments.has("TARGET") || arguments.has("targets") || arguments.has("from");
  if (arguments.has("save") && !arguments.has("from"))
    throw Error(Fault::usage, "--save writes what --from finds", "say --from nginx --save");
  const reconcile::Host host = context.host();
  const bool only_changes = arguments.has("changes");
  const bool needs_state = only_changes || arguments.has("resume");
  Surroundings around = needs_state ? surroundings(host, sql::Access::read_write, !named)
                                    : surroundings_or_config(host, !named && !host.files.main);

  scan::AuditRequest request;
  request.environment = arguments.one("env").value_or("");
  if (!named && !request.environment.empty() && around.problems.empty())
    require_known_environment(around.config, nullptr, request.environment);
  std::vector<discover::Server> servers = servers_from(arguments);
  const bool is_read_whole = std::ranges::all_of(servers, &discover::Server::is_read_whole);
  named ? take_arguments(arguments, around.config, servers, request)
        : take_config(around.config, request, around.problems);
  drop_repeated(request.endpoints);
  take_dns(arguments, around, named, request);
  if (request.endpoints.empty() && request.paths.empty() && request.own.files.empty() &&
      (!request.dns || request.dns->empty())) {
    if (!named && !around.problems.empty()) throw config::refusal(around.problems);
    if (!request.own.remarks.empty()) throw Error(Fault::usage, "nothing to look at: " + request.own.remarks.front());
    throw Error(Fault::usage, named ? "nothing to look at" : "the config names nothing to look at",
                "name a TARGET, or add [endpoint.NAME] with targets = [\"www.example.org:443\"] to the config");
  }
  request.what = described(request, named ? "" : " of the config");
  if (const auto file = arguments.one("password-file")) request.passwords = discover::Passwords::read(*file);
  request.teams = patterns_of(around.config);
  request.name_servers = arguments.all("resolver");
  for (const std::string& text : request.name_servers) dns::parse_server(text);
  request.clients = scan::client_certificates(around.config);
  request.crls = crl_source(around);
  if (!around.config.audit.fetches) request.caa = dns::CaaRecords::not_asked;
  if (request.crls && around.store) request.crls->directory = host.state + "/crls";
  std::vector<std::string> remarks;
  request.limits.in_flight = handshakes_at_once(arguments, remarks);
  if (arguments.has("deep")) request.depth = probe::Depth::deep;
  if (const auto time = arguments.one("timeout")) request.limits.total = duration_argument(*time, "--timeout");
  if (const auto file = arguments.one("baseline")) request.baseline = scan::Baseline::read(*file);
  if (arguments.has("resume")) request.begin = scan::AuditRequest::Begin::where_the_last_stopped;

  const base::Time now = host.clock();
  scan::Standards standards = standards_of(context, around, now);
  drop_unusable(standards, request, around.problems);
  if (only_changes && !around.store)
    throw Error(Fault::usage, "--changes needs a state to compare with", "`everseal init` makes one");
  report::AuditHead head;
  head.began = now;
  head.what = request.what;
  head.policy = standards.policy().title();
  head.policy_hash = standards.policy().hash;
  head.by_environment = standards.policies_of(scan::environments_of(request));
  head.version = kVersion;
  head.host = host_name();
  head.fail_on = audit::to_string(from);
  head.rules = scan::audited_rules();
  head.compat = around.config.audit.compat;
  sink.begin(head);
  scan::AuditOutcome outcome = scan::audit(request, standards, around.store ? &*around.store : nullptr, sink,
                                           host.clock, progress_bar(context), context.stop);
  if (!around.config.audit.fetches)
    outcome.remarks.push_back(
        fmt::format("revocation was judged by stapled responses alone{}, as [audit] fetch = \"none\" says",
                    request.dns ? ", and CAA records were not asked for" : ""));
  std::ranges::move(remarks, std::back_inserter(outcome.remarks));
  const bool is_ill = !outcome.why_not_remembered.empty() || (!around.why_no_store.empty() && !around.is_foreign);
  const bool has_none = !around.store && around.why_no_store.empty();
  for (const std::string& why : {has_none ? "there is no state here (`everseal init` makes one)" : around.why_no_store,
                                 outcome.why_not_remembered})
    if (!why.empty())
      outcome.remarks.push_back(
          (outcome.is_remembered_in_part ? "not all of it is remembered: " : "nothing is remembered: ") + why);
  for (const base::Problem& problem : around.problems) outcome.remarks.push_back(to_string(problem));
  const LookCounts counts{
      .has_finding = outcome.has(from),
      .looked = outcome.looked,
      .failed = outcome.failed,
      .not_looked = outcome.not_looked,
      .is_untold = !outcome.is_complete || !is_read_whole || (!named && !around.problems.empty()) || is_ill,
      .may_be_empty = arguments.has("resume") || request.dns.has_value()};
  if (only_changes && !outcome.why_not_remembered.empty())
    throw Error(Fault::io, "no change can be told: " + outcome.why_not_remembered,
                "`everseal audit` looks all the same");
  if (only_changes) {
    show_changes(context, *around.store, {outcome.began, host.clock(), outcome.lapsed, request.environment});
    warn_of(around.problems);
  }
  if (arguments.has("save")) {
    const scan::Discovery found =
        scan::discover_host({.servers = std::move(servers), .passwords = std::move(request.passwords)},
                            around.store ? &*around.store : nullptr, now, context.stop);
    base::Problems problems;
    save_found_tables(context, host, plan_found_tables(host, around, found, request.environment, problems));
    warn_of(problems);
  }
  return sink.end(summary_of(outcome, host.clock(), counts));
}

}  // namespace

int run_audit_of(Context& context) {
  go_on_unread();
  const std::unique_ptr<report::AuditSink> sink =
      context.arguments.has("changes") ? std::make_unique<NoSink>() : open_audit_sink(context);
  try {
    return audit_to(*sink, context);
  } catch (const Error& error) {
    // A monitor reads a format's own words and codes.
    if (const auto code = sink->fail(error.text())) return *code;
    throw;
  }
}

}  // namespace everseal::cli
