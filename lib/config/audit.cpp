// What the audit looks at, how it judges, and what differs by environment and team.
#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "config/reader.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::config {
namespace {

using base::printable;

std::string shortened(const std::string& text) { return printable(text.substr(0, 80)); }

std::optional<LifeLeft> read_life_left(const Named& from, std::string_view option, const base::Options& options,
                                       Reader& reader) {
  if (!options.has(option)) return std::nullopt;
  const auto left = parse_life_left(options.string(option));
  if (!left)
    reader.complain(origin_of(from.table, option, from.origin), fmt::format("{}.{}", from.key, option),
                    fmt::format("'{}' is neither a part of a life nor a time", shortened(options.string(option))),
                    "write \"1/4\" or \"30d\"");
  return left;
}

// A path is relative to the file that says it.
std::string read_policy(const base::Table& table, const base::Options& options, const base::Origin& otherwise) {
  const std::string text = options.string("policy");
  if (is_built_in_policy(text)) return text;
  return base::resolve_path(text, origin_of(table, "policy", otherwise));
}

std::vector<std::string> read_stores(std::string_view option, const base::Table& table, const base::Options& options,
                                     const std::string& key, const base::Origin& otherwise, Reader& reader) {
  std::vector<std::string> stores = options.strings(option);
  for (std::size_t i = 0; i < stores.size(); ++i) {
    const base::Origin& origin = origin_of_item(table, option, i, otherwise);
    if (stores[i].empty()) reader.complain(origin, fmt::format("{}.{}", key, option), "an empty path");
    if (stores[i] != "system") stores[i] = base::resolve_path(stores[i], origin);
  }
  return stores;
}

void check_word(const base::Origin& origin, const std::string& key, const std::string& word,
                const std::vector<std::string>& known, std::string_view what, Reader& reader) {
  if (known.empty() || std::ranges::find(known, word) != known.end()) return;
  const auto near = base::nearest(word, known);
  reader.complain(origin, key, fmt::format("there is no {} '{}'", what, shortened(word)),
                  near ? fmt::format("did you mean '{}'?", *near) : fmt::format("one of: {}", base::join(known, ", ")));
}

std::map<std::string, std::string> read_severities(const Named& from, const base::Options& options, Reader& reader) {
  std::map<std::string, std::string> severities;
  const std::vector<std::string> texts = options.strings("severity");
  const std::string key = from.key + ".severity";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const base::Origin& origin = origin_of_item(from.table, "severity", i, from.origin);
    const auto equals = texts[i].find('=');
    if (equals == std::string::npos) {
      reader.complain(origin, key, fmt::format("'{}' is not RULE=SEVERITY", shortened(texts[i])),
                      "for example severity = [\"self-signed=notice\"]");
      continue;
    }
    const std::string rule = texts[i].substr(0, equals);
    const std::string severity = texts[i].substr(equals + 1);
    check_word(origin, key, rule, reader.kinds.rules, "rule", reader);
    check_word(origin, key, severity, reader.kinds.severities, "severity", reader);
    if (!severities.emplace(rule, severity).second)
      reader.complain(origin, key, fmt::format("'{}' stands there twice", shortened(rule)), "remove one of them");
  }
  return severities;
}

std::vector<pki::NameConstraint> read_ranges(const base::Table& table, const base::Options& options,
                                             const base::Origin& otherwise, Reader& reader) {
  std::vector<pki::NameConstraint> ranges;
  const std::vector<std::string> texts = options.strings("fetch_allow");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto complain = [&](const std::string& why) {
      reader.complain(origin_of_item(table, "fetch_allow", i, otherwise), "audit.fetch_allow", why,
                      "write address ranges such as \"10.0.0.0/8\", \"fd00::/8\"");
    };
    try {
      pki::NameConstraint range = pki::NameConstraint::parse(texts[i]);
      if (range.kind == pki::IdentifierKind::ip)
        ranges.push_back(std::move(range));
      else
        complain(fmt::format("'{}' is no address range", shortened(texts[i])));
    } catch (const base::Error& error) {
      complain(error.message());
    }
  }
  return ranges;
}

void check_server_name(const Named& from, const std::string& name, Reader& reader) {
  try {
    pki::require_server_name(name);
  } catch (const base::Error& error) {
    reader.complain(origin_of(from.table, "sni", from.origin), from.key + ".sni", error.message(), error.hint());
  }
}

void check_targets(const Named& from, const Endpoint& endpoint, Reader& reader) {
  if (endpoint.targets.empty() && !endpoint.targets_file)
    reader.complain(origin_of(from.table, "targets", from.origin), from.key + ".targets", "is missing",
                    "for example targets = [\"www.example.org:443\"], or targets_file");
  if (reader.kinds.check_target == nullptr) return;
  for (std::size_t i = 0; i < endpoint.targets.size(); ++i) {
    try {
      reader.kinds.check_target(endpoint.targets[i]);
    } catch (const base::Error& error) {
      reader.complain(origin_of_item(from.table, "targets", i, from.origin), from.key + ".targets", error.message(),
                      error.hint());
    }
  }
}

// What is wrong with `text` among those that are declared, and what to do.
template <class Names>
base::Problem not_declared(std::string_view what, std::string_view text, const Names& declared) {
  const auto near = base::nearest(text, std::vector<std::string>(declared.begin(), declared.end()));
  return {.origin = {},
          .key = {},
          .message = fmt::format("there is no {} '{}'", what, printable(text.substr(0, 80))),
          .hint = near ? fmt::format("did you mean '{}'?", *near) : fmt::format("add [{}.{}]", what, text)};
}

template <class Item>
void require_declared(std::string_view what, std::string_view text, const std::map<Name, Item>& declared,
                      const Unparsed& unparsed) {
  std::vector<std::string> names;
  for (const auto& [name, item] : declared) names.push_back(name.text());
  if (text.empty() || names.empty() || std::ranges::find(names, text) != names.end() ||
      unparsed.may_define(what, text) != nullptr)
    return;
  const base::Problem problem = not_declared(what, text, names);
  throw base::Error(base::Fault::usage, problem.message, problem.hint);
}

}  // namespace

void require_environment(const Settings& settings, std::string_view name) {
  require_declared("environment", name, settings.environments, settings.never_read);
}

void require_team(const Settings& settings, std::string_view name) {
  require_declared("team", name, settings.teams, settings.never_read);
}

bool is_built_in_policy(std::string_view text) { return text.find_first_of("/.") == std::string_view::npos; }

std::optional<LifeLeft> parse_life_left(std::string_view text) {
  if (const auto slash = text.find('/'); slash != std::string::npos) {
    const auto part = base::parse_number<int>(text.substr(0, slash));
    const auto of = base::parse_number<int>(text.substr(slash + 1));
    if (!part || !of || *part < 1 || *of <= *part || *of > 1000) return std::nullopt;
    return LifeLeft{.part = *part, .of = *of, .time = {}};
  }
  const auto time = base::parse_duration(text);
  if (!time || *time <= base::Seconds{0}) return std::nullopt;
  return LifeLeft{.part = 0, .of = 0, .time = *time};
}

std::string read_label(const Named& from, std::string_view option, const base::Options& options,
                       const std::set<std::string, std::less<>> Known::*declared_ones, Reader& reader) {
  if (!options.has(option)) return {};
  const std::string text = options.string(option);
  const base::Origin& origin = origin_of(from.table, option, from.origin);
  const std::string key = fmt::format("{}.{}", from.key, option);
  if (text.empty() || text.size() > 64 || printable(text) != text) {
    reader.complain(origin, key, fmt::format("'{}' is not a label of 1 to 64 printable characters", shortened(text)));
    return text;
  }
  if (reader.known == nullptr) return text;
  const auto& known = reader.known->*declared_ones;
  if (known.empty() || known.contains(text) || !reader.known->is_nowhere(text)) return text;
  base::Problem problem = not_declared(option, text, known);
  reader.complain(origin, key, std::move(problem.message), std::move(problem.hint));
  return text;
}

Endpoint read_endpoint(const Named& from, Reader& reader) {
  Endpoint endpoint;
  endpoint.name = from.name;
  endpoint.origin = from.origin;
  const base::Options options = read_options(from, Section::endpoint, reader);
  endpoint.targets = options.strings("targets");
  if (options.has("targets_file")) endpoint.targets_file = options.string("targets_file");
  endpoint.environment = read_label(from, "environment", options, &Known::environments, reader);
  endpoint.team = read_label(from, "team", options, &Known::teams, reader);
  endpoint.labels = options.strings("labels");
  for (std::size_t i = 0; i < endpoint.labels.size(); ++i)
    if (const auto equals = endpoint.labels[i].find('='); equals == 0 || equals == std::string::npos)
      reader.complain(origin_of_item(from.table, "labels", i, from.origin), from.key + ".labels",
                      fmt::format("'{}' is not KEY=VALUE", shortened(endpoint.labels[i])));
  endpoint.sni = options.string("sni");
  if (options.has("sni")) check_server_name(from, endpoint.sni, reader);
  if (options.has("client_certificate_file"))
    endpoint.client_certificate_file = options.string("client_certificate_file");
  if (options.has("client_key_file")) endpoint.client_key_file = options.string("client_key_file");
  if (endpoint.client_certificate_file.has_value() != endpoint.client_key_file.has_value())
    reader.complain(from.origin,
                    from.key + (endpoint.client_certificate_file ? ".client_certificate_file" : ".client_key_file"),
                    fmt::format("is of no use without {}",
                                endpoint.client_certificate_file ? "client_key_file" : "client_certificate_file"),
                    "name both; it may be one file");
  endpoint.starttls = options.string("starttls");
  if (!endpoint.starttls.empty() && !reader.kinds.starttls.empty()) {
    std::vector<std::string> known = reader.kinds.starttls;
    known.emplace_back("none");  // TLS at once, also where another custom is known of the port
    check_word(origin_of(from.table, "starttls", from.origin), from.key + ".starttls", endpoint.starttls, known,
               "protocol", reader);
  }
  endpoint.any_address = options.string("addresses") == "any";
  endpoint.proxy = options.string("proxy");
  if (options.has("proxy_password_file")) endpoint.proxy_password_file = options.string("proxy_password_file");
  if (endpoint.proxy.empty() && endpoint.proxy_password_file)
    reader.complain(origin_of(from.table, "proxy_password_file", from.origin), from.key + ".proxy_password_file",
                    "is of no use without proxy", "add proxy = \"http://proxy.example.org:3128\"");
  if (!endpoint.proxy.empty() && !endpoint.proxy.starts_with("http://"))
    reader.complain(origin_of(from.table, "proxy", from.origin), from.key + ".proxy", "is no http:// URL",
                    "for example proxy = \"http://proxy.example.org:3128\"");
  check_targets(from, endpoint, reader);
  return endpoint;
}

Environment read_environment(const Named& from, Reader& reader) {
  Environment environment;
  environment.name = from.name;
  environment.origin = from.origin;
  const base::Options options = read_options(from, Section::environment, reader);
  if (options.has("policy")) environment.policy = read_policy(from.table, options, from.origin);
  environment.trust = read_stores("trust", from.table, options, from.key, from.origin, reader);
  environment.further_trust = read_stores("further_trust", from.table, options, from.key, from.origin, reader);
  environment.warning_left = read_life_left(from, "warning_left", options, reader);
  environment.critical_left = read_life_left(from, "critical_left", options, reader);
  environment.severity = read_severities(from, options, reader);
  return environment;
}

Team read_team(const Named& from, Reader& reader) {
  Team team;
  team.name = from.name;
  team.origin = from.origin;
  const base::Options options = read_options(from, Section::team, reader);
  team.names = read_patterns(from, "names", options, reader);
  team.runbook = options.string("runbook");
  return team;
}

Audit read_audit(const base::Table& table, const base::Origin& origin, Reader& reader) {
  Audit audit;
  audit.origin = origin;
  report_unknown(table, {declared(Section::audit)}, {}, "audit", reader.problems);
  const base::Options options = validate_declared(table, declared(Section::audit), "audit", origin, reader.problems);
  audit.policy = read_policy(table, options, origin);
  audit.trust = read_stores("trust", table, options, "audit", origin, reader);
  audit.further_trust = read_stores("further_trust", table, options, "audit", origin, reader);
  audit.fetches = options.string("fetch") != "none";
  audit.fetch_allow = read_ranges(table, options, origin, reader);
  audit.compat = options.strings("compat");
  for (std::size_t i = 0; i < audit.compat.size(); ++i)
    check_word(origin_of_item(table, "compat", i, origin), "audit.compat", audit.compat[i], reader.kinds.exporters,
               "exporter", reader);
  return audit;
}

}  // namespace everseal::config
