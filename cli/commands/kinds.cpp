#include "audit/policy.h"
#include "audit/rule.h"
#include "base/error.h"
#include "base/options.h"
#include "base/text.h"
#include "challenge/challenge.h"
#include "command.h"
#include "deploy/deploy.h"
#include "dns/dns.h"
#include "importer/importer.h"
#include "issuer/issuer.h"
#include "keystore/keystore.h"
#include "probe/starttls.h"
#include "report/audit.h"
#include "report/json.h"
#include "report/report.h"
#include "terminal.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kKindsArguments[] = {
    {.name = "FAMILY",
     .summary = "only these: issuer, challenge, dns, deploy, keystore, starttls, import, report, audit-report, "
                "policy or rule"},
};

struct Entry {
  std::string name;
  std::string summary;
  std::span<const base::Option> options = {};
  std::span<const base::Variable> variables = {};
};

struct Family {
  std::string_view name;
  std::string_view title;
  std::vector<Entry> entries;
};

template <class Kinds>
std::vector<Entry> with_options(const Kinds& kinds) {
  std::vector<Entry> entries;
  for (const auto* kind : kinds)
    entries.push_back({std::string(kind->name), std::string(kind->summary), kind->options});
  return entries;
}

template <class Kinds>
std::vector<Entry> with_variables(const Kinds& kinds) {
  std::vector<Entry> entries;
  for (const auto* kind : kinds)
    entries.push_back({std::string(kind->name), std::string(kind->summary), kind->options, kind->variables});
  return entries;
}

template <class Kinds>
std::vector<Entry> without_options(const Kinds& kinds) {
  std::vector<Entry> entries;
  for (const auto* kind : kinds) entries.push_back({std::string(kind->name), std::string(kind->summary)});
  return entries;
}

std::vector<Entry> policies() {
  std::vector<Entry> entries;
  for (const std::string& name : audit::built_in_policies()) {
    const audit::Policy policy = audit::built_in_policy(name);
    entries.push_back({name, fmt::format("{} ({})", policy.summary, policy.version)});
  }
  return entries;
}

std::vector<Entry> rules() {
  std::vector<Entry> entries;
  for (const audit::Rule* const rule : audit::rules())
    entries.push_back({std::string(rule->id), fmt::format("{}: {}", to_string(rule->severity), rule->summary)});
  return entries;
}

std::vector<Family> families() {
  return {
      {"issuer", "Issuers: [issuer.NAME] type = ...", with_variables(issuer::kinds())},
      {"challenge", "Challenges: [challenge.NAME] type = ...", with_options(challenge::kinds())},
      {"dns", "DNS providers: [challenge.NAME] provider = ...", with_variables(dns::kinds())},
      {"deploy", "Deploy targets: [certificate.NAME.deploy.TARGET] type = ...", with_variables(deploy::kinds())},
      {"keystore", "Where private keys rest", without_options(keystore::kinds())},
      {"starttls", "Protocols that begin in the clear: starttls = ...", without_options(probe::starttls_protocols())},
      {"import", "Clients whose work can be taken over: everseal import CLIENT DIR",
       without_options(importer::kinds())},
      {"report", "Report formats", without_options(report::kinds())},
      {"audit-report", "Formats of an audit: everseal audit --format ...", without_options(report::audit_kinds())},
      {"policy", "What an audit demands: [audit] policy = ...", policies()},
      {"rule", "Rules of the audit: everseal audit --explain RULE", rules()},
  };
}

std::string explanation(const base::Option& option) {
  std::vector<std::string> facts{std::string(to_string(option.type))};
  if (!option.choices.empty())
    facts.front() = base::join(std::vector<std::string>(option.choices.begin(), option.choices.end()), " | ");
  if (option.required) facts.emplace_back("required");
  if (!option.fallback.empty()) facts.push_back(fmt::format("default {}", option.fallback));
  return fmt::format("{} ({})", option.summary, base::join(facts, ", "));
}

void append_options(std::string& out, std::span<const base::Option> options, std::size_t indent, std::size_t width) {
  constexpr std::size_t kNames = 24;
  for (const base::Option& option : options) {
    out += fmt::format("{:{}}{:<{}}{}\n", "", indent, option.name, kNames,
                       wrap(explanation(option), indent + kNames, width));
    append_options(out, option.fields, indent + 2, width);
  }
}

void append_variables(std::string& out, std::span<const base::Variable> variables, std::size_t width) {
  if (variables.empty()) return;
  constexpr std::size_t kNames = 30;
  out += "    its program finds in its environment:\n";
  for (const base::Variable& variable : variables)
    out += fmt::format("      {:<{}}{}\n", variable.name, kNames, wrap(variable.summary, 6 + kNames, width));
}

std::string text_of(std::span<const Family> shown, std::size_t columns) {
  std::string out;
  for (const Family& family : shown) {
    std::size_t column = 14;
    for (const Entry& entry : family.entries) column = std::max(column, entry.name.size());
    column += 2;
    out += fmt::format("{}{}\n", out.empty() ? "" : "\n", styled(family.title, Style::bold, Stream::output));
    for (const Entry& entry : family.entries) {
      out += fmt::format("  {:<{}}{}\n", entry.name, column, wrap(entry.summary, 2 + column, columns));
      append_options(out, entry.options, 4, columns);
      append_variables(out, entry.variables, columns);
    }
  }
  return out;
}

void write_options(report::JsonWriter& json, std::span<const base::Option> options) {
  json.begin_array();
  for (const base::Option& option : options) {
    json.begin_object()
        .key("name")
        .text(option.name)
        .key("type")
        .text(to_string(option.type))
        .key("summary")
        .text(option.summary);
    json.key("default");
    option.fallback.empty() ? json.null() : json.text(option.fallback);
    json.key("required").boolean(option.required).key("choices").texts(option.choices).key("fields");
    write_options(json, option.fields);
    json.end_object();
  }
  json.end_array();
}

std::string json_of(std::span<const Family> shown) {
  report::JsonWriter json(4);
  json.begin_object().key("kinds").begin_array();
  for (const Family& family : shown) {
    for (const Entry& entry : family.entries) {
      json.begin_object()
          .key("family")
          .text(family.name)
          .key("name")
          .text(entry.name)
          .key("summary")
          .text(entry.summary)
          .key("options");
      write_options(json, entry.options);
      json.key("variables").begin_array();
      for (const base::Variable& variable : entry.variables)
        json.begin_object().key("name").text(variable.name).key("summary").text(variable.summary).end_object();
      json.end_array().end_object();
    }
  }
  json.end_array().end_object();
  return json.written();
}

int run_kinds(Context& context) {
  std::vector<Family> shown = families();
  if (const auto wanted = context.arguments.one("FAMILY")) {
    std::vector<std::string> known;
    for (const Family& family : shown) known.emplace_back(family.name);
    std::erase_if(shown, [&](const Family& family) { return family.name != *wanted; });
    if (shown.empty()) {
      throw base::Error(base::Fault::usage, fmt::format("there is no family of kinds '{}'", base::printable(*wanted)),
                        fmt::format("one of: {}", base::join(known, ", ")));
    }
  }
  const std::size_t columns = std::min<std::size_t>(width(Stream::output).value_or(80), 100);
  context.output == Output::json ? print_document(json_of(shown)) : print(text_of(shown, columns));
  return 0;
}

}  // namespace

extern const Command kinds_command;
const Command kinds_command{"kinds",
                            Group::care,
                            "list issuers, deploy targets and protocols with their options",
                            "  everseal kinds\n  everseal kinds deploy",
                            kKindsArguments,
                            run_kinds};

}  // namespace everseal::cli
