#include "config/parse.h"

#include "base/error.h"
#include "base/text.h"
#include "config/reader.h"
#include "config/toml.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

namespace everseal::config {
namespace {

using base::Origin;
using base::Problems;
using base::Table;
using base::Value;

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kProblemsShown = 100;

bool is_section(std::string_view key) {
  const auto names = subtables(Section::root);
  const auto found = std::ranges::find(names, key, &Subtable::key);
  return found != names.end() && found->holds != Holds::one_table;
}

bool may_be_word(std::string_view key) {
  const auto names = subtables(Section::root);
  return std::ranges::any_of(
      names, [&](const Subtable& one) { return one.key == key && one.holds == Holds::named_tables_or_word; });
}

// What a file says of all its certificates and endpoints.
constexpr std::string_view kEnvironmentKey = "environment";

void give_environment(Table& file) {
  const Value* const said = base::find(file, kEnvironmentKey);
  if (said == nullptr || !std::holds_alternative<std::string>(said->data)) return;
  const Value environment = *said;
  for (auto& [key, section] : file) {
    auto* const tables = std::get_if<Table>(&section.data);
    if (tables == nullptr || (key != kCertificates && key != "endpoint")) continue;
    for (auto& [name, inner] : *tables)
      if (auto* const table = std::get_if<Table>(&inner.data); table && !base::find(*table, kEnvironmentKey))
        table->emplace_back(kEnvironmentKey, environment);
  }
}

// All files' tables in one, each key once.
class Merge {
 public:
  explicit Merge(Problems& problems) : problems_(problems) {}

  void add(Table from) {
    give_environment(from);
    for (auto& [key, value] : from) {
      if (key == "config_version") continue;  // each file's own
      if (key == kEnvironmentKey && std::holds_alternative<std::string>(value.data)) continue;
      auto* const tables = std::get_if<Table>(&value.data);
      if (tables == nullptr || !is_section(key)) {
        if (claim({}, key, value.origin)) root.emplace_back(key, std::move(value));
        continue;
      }
      Table& section = section_of(key, value.origin);
      for (auto& [name, inner] : *tables)
        if (claim(key, name, inner.origin)) section.emplace_back(std::move(name), std::move(inner));
    }
  }

  Table root;

 private:
  bool claim(std::string_view section, const std::string& key, const Origin& origin) {
    std::string id(section);
    id.append(1, '\0').append(key);
    const auto [first, is_new] = seen_.try_emplace(std::move(id), origin);
    if (!is_new)
      problems_.push_back({origin, dotted(section, key),
                           fmt::format("is defined already at {}", base::to_string(first->second)),
                           "remove one of them", section.empty() ? std::string() : subject_of(section, key)});
    return is_new;
  }

  Table& section_of(const std::string& key, const Origin& origin) {
    for (auto& [name, value] : root)
      if (name == key)
        if (auto* const table = std::get_if<Table>(&value.data)) return *table;
    root.emplace_back(key, Value{Table(), origin});
    return std::get<Table>(root.back().second.data);
  }

  Problems& problems_;
  std::unordered_map<std::string, Origin> seen_;
};

// False where a file must not be read any further.
bool check_version(const Table& table, Problems& problems) {
  const Value* const version = base::find(table, "config_version");
  if (version == nullptr) return true;
  const auto* const number = std::get_if<std::int64_t>(&version->data);
  if (number != nullptr && *number == kVersion) return true;
  if (number != nullptr && *number > kVersion)
    problems.push_back(
        {version->origin, "config_version",
         fmt::format("version {} is newer than this Everseal, which reads version {}", *number, kVersion),
         "update Everseal on this host"});
  else
    problems.push_back({version->origin, "config_version", fmt::format("must be {}", kVersion), {}});
  return false;
}

// False where nobody can tell which tables the file defines.
bool check_sections(const Table& table, Problems& problems) {
  bool good = true;
  for (const auto& [key, value] : table) {
    if (!is_section(key) || std::holds_alternative<Table>(value.data)) continue;
    if (may_be_word(key) && std::holds_alternative<std::string>(value.data)) continue;
    problems.push_back(
        {value.origin, key, "expected named tables", fmt::format("write [{}.NAME] and its options below", key)});
    good = false;
  }
  return good;
}

void collect(const Value* section, std::set<std::string, std::less<>>& names) {
  if (section == nullptr) return;
  if (const auto* const table = std::get_if<Table>(&section->data))
    for (const auto& [name, value] : *table) names.insert(name);
}

// Issuers of a kind that does not sign by one of our authorities.
void collect_foreign(const Value* section, const Kinds& kinds, std::set<std::string, std::less<>>& names) {
  const auto* const issuers = section == nullptr ? nullptr : std::get_if<Table>(&section->data);
  if (issuers == nullptr) return;
  for (const auto& [name, value] : *issuers) {
    const auto* const table = std::get_if<Table>(&value.data);
    const Value* const type = table == nullptr ? nullptr : base::find(*table, "type");
    const auto* const text = type == nullptr ? nullptr : std::get_if<std::string>(&type->data);
    if (text == nullptr) continue;
    const auto kind = std::ranges::find(kinds.issuer, *text, &KindOptions::name);
    if (kind != kinds.issuer.end() &&
        std::ranges::find(kind->options, "authority", &base::Option::name) == kind->options.end())
      names.insert(name);
  }
}

Known collect_known(const Table& root, const Kinds& kinds) {
  Known known;
  collect(base::find(root, "issuer"), known.issuers);
  collect_foreign(base::find(root, "issuer"), kinds, known.foreign_issuers);
  collect(base::find(root, "challenge"), known.challenges);
  collect(base::find(root, "authority"), known.authorities);
  collect(base::find(root, "profile"), known.profiles);
  collect(base::find(root, "environment"), known.environments);
  collect(base::find(root, "team"), known.teams);
  for (const Name& name : kinds.known_authorities) known.authorities.insert(name.text());
  for (const std::string_view name : kBuiltInProfiles) known.profiles.emplace(name);
  return known;
}

void read_root(const Table& root, Config& config, Problems& problems) {
  report_unknown(root, {declared(Section::root)}, subtables(Section::root), {}, problems);
  const base::Options options = validate_declared(root, declared(Section::root), {}, {}, problems);
  if (options.has("state")) {
    const Origin origin = origin_of(root, "state", {});
    config.state = resolve_state(options.string("state"), origin);
    if (config.state->empty()) problems.push_back({origin, "state", "an empty path", {}});
  }
  if (options.has("keep")) config.keep = static_cast<int>(options.integer("keep"));
  if (options.has("workers")) config.workers = static_cast<int>(options.integer("workers"));
  config.proxy = options.string("proxy");
  if (options.has("proxy_password_file")) config.proxy_password_file = options.string("proxy_password_file");
  if (config.proxy.empty() && config.proxy_password_file)
    problems.push_back({origin_of(root, "proxy_password_file", {}), "proxy_password_file", "is of no use without proxy",
                        "add proxy = \"http://proxy.example.org:3128\""});
}

template <class Item>
void read_section(const Table& root, std::string_view key, Item (*read)(const Named&, Reader&),
                  std::map<Name, Item>& into, Reader& reader) {
  const Value* const section = base::find(root, key);
  if (section == nullptr) return;
  for (const NamedTable& found : named_tables(*section, std::string(key), key, reader)) {
    const std::size_t before = reader.problems.size();
    Item item = read(found.view(), reader);
    for (std::size_t i = before; i < reader.problems.size(); ++i)
      reader.problems[i].subject = subject_of(key, found.name.text());
    if (!found.name.text().empty()) into.emplace(found.name, std::move(item));
  }
}

void read_audit_table(const Table& root, Config& config, Reader& reader) {
  const Value* const value = base::find(root, "audit");
  if (value == nullptr) return;
  const auto* const table = std::get_if<Table>(&value->data);
  if (table == nullptr)
    return reader.complain(value->origin, "audit", "expected a table", "write [audit] and its options below");
  const std::size_t before = reader.problems.size();
  config.audit = read_audit(*table, value->origin, reader);
  for (std::size_t i = before; i < reader.problems.size(); ++i) {
    const std::string& key = reader.problems[i].key;
    reader.problems[i].subject = subject_of("audit", key.substr(std::min(key.size(), key.find('.') + 1)));
  }
}

template <class OneConfig, class Work>
void in_section(std::string_view section, OneConfig& config, Work work) {
  if (section == "issuer") work(config.issuers);
  if (section == "challenge") work(config.challenges);
  if (section == "authority") work(config.authorities);
  if (section == "profile") work(config.profiles);
  if (section == "endpoint") work(config.endpoints);
  if (section == "environment") work(config.environments);
  if (section == "team") work(config.teams);
  if (section == kCertificates) work(config.certificates);
}

void sort_by_place(Problems& problems, std::size_t from, const std::vector<Source>& sources) {
  std::unordered_map<std::string_view, std::size_t> position;
  for (std::size_t i = 0; i < sources.size(); ++i) position.emplace(sources[i].path, i + 1);
  const auto place = [&](const base::Problem& problem) {
    const auto found = position.find(problem.origin.file);
    return std::pair(found == position.end() ? std::size_t{0} : found->second, problem.origin.line);
  };
  std::ranges::stable_sort(problems.begin() + static_cast<std::ptrdiff_t>(from), problems.end(), {}, place);
}

}  // namespace

// Only a text with escapes can hide a name.
namespace {

// An escape may spell anything.
template <class Spells>
const Unparsed::File* first_that(const std::vector<Unparsed::File>& files, Spells spells) {
  const auto found = std::ranges::find_if(files, [&](const Unparsed::File& file) {
    return !file.text || file.text->find('\\') != std::string::npos || spells(*file.text);
  });
  return found == files.end() ? nullptr : &*found;
}

}  // namespace

const Unparsed::File* Unparsed::may_define(std::string_view name) const {
  return first_that(files, [&](const std::string& text) { return text.find(name) != std::string::npos; });
}

const Unparsed::File* Unparsed::may_define(std::string_view section, std::string_view name) const {
  return first_that(files, [&](std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '"' || c == '\''; });
    const bool has_section = text.find(fmt::format("[{}", section)) != std::string::npos ||
                             text.find(fmt::format("{}.", section)) != std::string::npos;
    return has_section && text.find(name) != std::string::npos;
  });
}

std::string subject_of(std::string_view section, std::string_view name) { return fmt::format("{}/{}", section, name); }

bool is_certificate(std::string_view subject) {
  return subject.starts_with(kCertificates) && subject.substr(kCertificates.size()).starts_with('/');
}

bool contains(const Config& config, std::string_view subject) {
  const auto slash = subject.find('/');
  if (slash == std::string_view::npos || !Name::is_valid(subject.substr(slash + 1))) return true;
  bool found = false;
  in_section(subject.substr(0, slash), config,
             [&](const auto& items) { found = items.contains(Name::parse(subject.substr(slash + 1))); });
  return found;
}

void erase(Config& config, std::string_view subject) {
  const auto slash = subject.find('/');
  if (slash == std::string_view::npos || !Name::is_valid(subject.substr(slash + 1))) return;
  in_section(subject.substr(0, slash), config,
             [&](auto& items) { items.erase(Name::parse(subject.substr(slash + 1))); });
}

void sort_by_place(Problems& problems, const std::vector<Source>& sources) { sort_by_place(problems, 0, sources); }

std::optional<Table> read_file(const Source& source, Problems& problems) {
  auto table = read_toml(source, problems);
  if (!table || !check_version(*table, problems) || !check_sections(*table, problems)) return std::nullopt;
  return table;
}

Config read_tables(std::vector<FileTables> files, const Kinds& kinds, Problems& problems, References references,
                   Unparsed unparsed) {
  Config config;
  Merge merge(problems);
  for (FileTables& file : files) merge.add(std::move(file.table));
  Known known = collect_known(merge.root, kinds);
  known.unparsed = std::move(unparsed);
  std::unordered_map<std::string, std::string> places;
  Reader reader{kinds, problems, references == References::checked ? &known : nullptr, {}, &places};
  read_root(merge.root, config, problems);
  read_section(merge.root, "issuer", read_issuer, config.issuers, reader);
  read_section(merge.root, "challenge", read_challenge, config.challenges, reader);
  read_section(merge.root, "authority", read_authority, config.authorities, reader);
  read_section(merge.root, "profile", read_profile, config.profiles, reader);
  read_section(merge.root, "environment", read_environment, config.environments, reader);
  read_section(merge.root, "team", read_team, config.teams, reader);
  read_section(merge.root, "endpoint", read_endpoint, config.endpoints, reader);
  read_audit_table(merge.root, config, reader);
  read_section(merge.root, kCertificates, read_certificate, config.certificates, reader);
  return config;
}

Config parse(const std::vector<Source>& sources, const Kinds& kinds, Problems& problems, References references) {
  const std::size_t before = problems.size();
  std::vector<FileTables> tables;
  std::vector<std::string> files;
  Unparsed unparsed;
  for (const Source& source : sources) {
    files.push_back(source.path);
    const std::size_t known = problems.size();
    if (auto table = read_file(source, problems))
      tables.push_back({source.path, std::move(*table)});
    else
      unparsed.files.push_back({problems[known], source.text});
  }
  Config config = read_tables(std::move(tables), kinds, problems, references, std::move(unparsed));
  config.files = std::move(files);
  sort_by_place(problems, before, sources);
  return config;
}

Config parse_or_throw(const std::vector<Source>& sources, const Kinds& kinds, References references) {
  Problems problems;
  Config config = parse(sources, kinds, problems, references);
  if (!problems.empty()) throw refusal(problems);
  return config;
}

base::Error refusal(const Problems& problems) {
  std::string message = problems.size() == 1 ? std::string("the config has a problem:")
                                             : fmt::format("the config has {} problems:", problems.size());
  for (std::size_t i = 0; i < problems.size() && i < kProblemsShown; ++i)
    message += "\n  " + base::to_string(problems[i]);
  if (problems.size() > kProblemsShown) message += fmt::format("\n  and {} more", problems.size() - kProblemsShown);
  return base::Error(base::Fault::config, std::move(message),
                     "`everseal config check` looks at it again and changes nothing");
}

}  // namespace everseal::config
