#include "audit_changes.h"
#include "audit_rules.h"
#include "audit_run.h"
#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "config_problems.h"
#include "environment.h"
#include "reconcile/access.h"
#include "terminal.h"

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kAuditArguments[] = {
    {.name = "TARGET",
     .summary = "HOST, HOST:PORT, a range 10.0.0.0/24:443, or the path of a file or directory; without any, what the "
                "config names",
     .type = ArgumentType::values},
    {.name = "--targets",
     .summary = "a file of targets: one a line, CSV with a head line (target, or host and port), /etc/hosts, or "
                "Prometheus' file_sd",
     .type = ArgumentType::values,
     .value = "FILE"},
    {.name = "--from",
     .summary = "what this server of the host listens at and reads, by its config: nginx, apache, haproxy, postfix, "
                "dovecot, postgresql; KIND=FILE where that lies elsewhere",
     .type = ArgumentType::values,
     .value = "KIND"},
    {.name = "--save",
     .summary = "write tables of what --from found to conf.d, as `everseal discover` does",
     .type = ArgumentType::flag},
    {.name = "--env",
     .summary = "of the config, only this environment; judge TARGETs as of it; of --diff its "
                "places alone",
     .value = "ENV"},
    {.name = "--policy", .summary = "judge by this one: a name, or the path of your own", .value = "POLICY"},
    {.name = "--warning", .summary = "life left that is a warning", .value = "1/4|30d"},
    {.name = "--critical", .summary = "life left that is critical", .value = "1/8|7d"},
    {.name = "--fail-on",
     .summary = "exit 3 from this severity on: notice, warning, error (the default), critical",
     .value = "SEVERITY"},
    {.name = "--baseline",
     .summary = "a report of before, as --format json wrote it: only what is new or graver counts",
     .value = "FILE"},
    {.name = "--format", .summary = "how it is told, see `everseal kinds`", .value = "FORMAT"},
    {.name = "--deep",
     .summary = "ask also for all that a server takes: versions, ciphers, groups; some fifty connections each",
     .type = ArgumentType::flag},
    {.name = "--sni", .summary = "the name to ask the TARGETs for, and to be served", .value = "NAME"},
    {.name = "--starttls",
     .summary = "protocol before TLS, instead of what is spoken at that port; none: TLS at once",
     .value = "PROTOCOL"},
    {.name = "--password-file", .summary = "passwords of what is encrypted, one a line", .value = "FILE"},
    {.name = "--most", .summary = "addresses that a range may have; 1024 without it", .value = "N"},
    {.name = "--dns",
     .summary = "ask the DNS, too: CAA, DNSSEC and delegations of names that an ACME CA renews, TLSA of SMTP",
     .type = ArgumentType::flag},
    {.name = "--resolver",
     .summary = "ask this name server, ADDRESS or ADDRESS:PORT, instead of the system's",
     .type = ArgumentType::values,
     .value = "ADDRESS"},
    {.name = "--in-flight", .summary = "handshakes at once; 500 without it", .value = "N"},
    {.name = "--timeout", .summary = "longest time for one address; 10s without it", .value = "10s"},
    {.name = "--resume", .summary = "go on with what the last audit of this did not reach", .type = ArgumentType::flag},
    {.name = "--changes",
     .summary = "look, and tell only what is other than at the last look; nothing where nothing is",
     .type = ArgumentType::flag},
    {.name = "--diff",
     .summary = "look at nothing; tell what changed since then, or by the last audit",
     .value = "last|7d|DATE"},
    {.name = "--explain",
     .summary = "explain this rule, and look at nothing; `everseal kinds` lists them",
     .value = "RULE"},
};

int run_difference(Context& context, const std::string& text) {
  const reconcile::Host host = context.host();
  inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
  const base::Time now = host.clock();
  const base::Time since = parse_since(text, store, now);
  const std::string environment = context.arguments.one("env").value_or("");
  if (!environment.empty()) require_known_environment(host, store, environment);
  if (!show_changes(context, store, {.since = since, .until = now, .environment = environment}) &&
      context.output == Output::text && !context.quiet)
    note(fmt::format("nothing changed since {}\n", base::format_time(since)));
  return 0;
}

[[noreturn]] void refuse_together(std::string_view option, const std::string& other, const std::string& why) {
  throw base::Error(
      base::Fault::usage,
      fmt::format("--{} and {} cannot be said together", option, other == "TARGET" ? other : "--" + other), why);
}

// What is said beside an option that leaves it no sense.
void refuse_beside(const Context& context, std::string_view option, std::initializer_list<std::string_view> others,
                   const std::string& why) {
  if (!context.arguments.has(option)) return;
  for (const auto& [name, values] : context.arguments.values)
    if (std::ranges::find(others, name) != others.end()) refuse_together(option, name, why);
}

void refuse_all_beside(const Context& context, std::string_view option, std::initializer_list<std::string_view> but,
                       const std::string& why) {
  if (!context.arguments.has(option)) return;
  for (const auto& [name, values] : context.arguments.values)
    if (name != option && std::ranges::find(but, name) == but.end()) refuse_together(option, name, why);
}

void refuse_contradictions(const Context& context) {
  refuse_all_beside(context, "explain", {}, "--explain takes nothing but --json");
  refuse_all_beside(context, "diff", {"env"}, "--diff looks at nothing, and takes --env and --json alone");
  refuse_beside(context, "changes", {"format", "baseline"}, "--changes tells a table, or with --json a document");
  if (context.output == Output::json && context.arguments.one("format").value_or("json") != "json")
    throw base::Error(base::Fault::usage, "--json and --format cannot be said together", "leave one of them out");
}

int run_audit(Context& context) {
  refuse_contradictions(context);
  if (const auto rule = context.arguments.one("explain")) return explain_rule(context, *rule);
  if (const auto since = context.arguments.one("diff")) return run_difference(context, *since);
  return run_audit_of(context);
}

}  // namespace

extern const Command audit_command;
const Command audit_command{
    "audit",
    Group::inventory,
    "look at endpoints and files, judge and remember them",
    "Every certificate that is served or stored is judged: its dates, names, chain and key, and the\n"
    "TLS that serves it. What was seen is remembered where there is a state, and files that did not\n"
    "change are not read again. Once a day each endpoint is asked also for resumption, post-quantum\n"
    "groups, its certificate without a name, and whether it takes a hello in two parts. What may stay\n"
    "for a while is acknowledged (`everseal finding acknowledge`); `everseal audit report` tells an\n"
    "auditor of a time.\n\n"
    "  everseal audit                 all that the config names, and the listeners of\n"
    "                                 what is kept alive\n"
    "  everseal audit www.example.org mail.example.org:25\n"
    "  everseal audit 10.0.0.0/24:8443 /etc/ssl --fail-on warning\n"
    "  everseal audit --from nginx    its listeners, beside the files that its\n"
    "                                 config names\n"
    "  everseal audit --format json > report.json\n"
    "  everseal audit --baseline report.json\n"
    "  everseal audit --changes       from cron: silent where nothing changed\n"
    "  everseal audit --diff 7d\n"
    "  everseal audit --explain chain-incomplete\n\n"
    "Exit codes: 3 a finding at or above --fail-on; 4 no such finding, but something was not looked at or\n"
    "not remembered; 1 nothing could be looked at; 2 nothing to look at, or a mistake in what was asked;\n"
    "0 all is well.",
    kAuditArguments,
    run_audit};

}  // namespace everseal::cli
