#include "base/error.h"
#include "base/text.h"
#include "config/load.h"
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
  return std::ranges::find(names, key) != names.end();
}

// All files' tables in one, each key once.
class Merge {
 public:
  explicit Merge(Problems& problems) : problems_(problems) {}

  void add(Table from) {
    for (auto& [key, value] : from) {
      if (key == "config_version") continue;  // each file's own
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
                           "remove one of them"});
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
  for (const Name& name : kinds.known_authorities) known.authorities.insert(name.text());
  for (const std::string_view name : kBuiltInProfiles) known.profiles.emplace(name);
  return known;
}

int within(const Table& root, std::string_view key, std::int64_t lowest, std::int64_t highest,
           const base::Options& options, Problems& problems) {
  if (!options.has(key)) return static_cast<int>(lowest);  // its type is complained of
  const std::int64_t number = options.integer(key);
  if (number >= lowest && number <= highest) return static_cast<int>(number);
  problems.push_back({origin_of(root, key, {}), std::string(key), fmt::format("{} is out of range", number),
                      fmt::format("{} to {}", lowest, highest)});
  return static_cast<int>(lowest);
}

void read_root(const Table& root, Config& config, Problems& problems) {
  report_unknown(root, {declared(Section::root)}, subtables(Section::root), {}, problems);
  const base::Options options = validate_declared(root, declared(Section::root), {}, {}, problems);
  if (options.has("state")) {
    const Origin& origin = origin_of(root, "state", {});
    config.state = resolve_state(options.string("state"), origin);
    if (config.state->empty()) problems.push_back({origin, "state", "an empty path", {}});
  }
  config.keep = within(root, "keep", 1, 1000, options, problems);
  config.workers = within(root, "workers", 1, 256, options, problems);
}

template <class Item>
void read_section(const Table& root, std::string_view key, Item (*read)(const Named&, Reader&),
                  std::map<Name, Item>& into, Reader& reader) {
  const Value* const section = base::find(root, key);
  if (section == nullptr) return;
  for (const NamedTable& found : named_tables(*section, std::string(key), key, reader))
    into.emplace(found.name, read(found.view(), reader));
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

Config parse(const std::vector<Source>& sources, const Kinds& kinds, Problems& problems, References references) {
  const std::size_t before = problems.size();
  Config config;
  Merge merge(problems);
  bool complete = references == References::checked;
  for (const Source& source : sources) {
    config.files.push_back(source.path);
    auto table = read_toml(source, problems);
    const bool readable = table && check_version(*table, problems);
    if (readable) merge.add(std::move(*table));
    complete = complete && readable;
  }
  const Known known = collect_known(merge.root, kinds);
  // Where a file was left out, what it defines is unknown, and complaints about references would mislead.
  Reader reader{kinds, problems, complete ? &known : nullptr};
  read_root(merge.root, config, problems);
  read_section(merge.root, "issuer", read_issuer, config.issuers, reader);
  read_section(merge.root, "challenge", read_challenge, config.challenges, reader);
  read_section(merge.root, "authority", read_authority, config.authorities, reader);
  read_section(merge.root, "profile", read_profile, config.profiles, reader);
  read_section(merge.root, "certificate", read_certificate, config.certificates, reader);
  sort_by_place(problems, before, sources);
  return config;
}

Config parse_or_throw(const std::vector<Source>& sources, const Kinds& kinds, References references) {
  Problems problems;
  Config config = parse(sources, kinds, problems, references);
  if (problems.empty()) return config;
  std::string message = problems.size() == 1 ? std::string("the config has a problem:")
                                             : fmt::format("the config has {} problems:", problems.size());
  for (std::size_t i = 0; i < problems.size() && i < kProblemsShown; ++i)
    message += "\n  " + base::to_string(problems[i]);
  if (problems.size() > kProblemsShown) message += fmt::format("\n  and {} more", problems.size() - kProblemsShown);
  throw base::Error(base::Fault::config, std::move(message),
                    "`everseal config check` looks at it again and changes nothing");
}

}  // namespace everseal::config
