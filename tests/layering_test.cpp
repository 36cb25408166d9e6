// Reads every #include of the product and holds it against the module table of lib/README.md.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace fs = std::filesystem;
using namespace std::string_literals;

namespace {

using Files = std::map<std::string, std::string>;  // path from the top of the tree -> text
using Names = std::set<std::string>;

// What a module may include beside itself: modules, and single headers of modules.
using Table = std::map<std::string, Names>;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    const auto first = part.find_first_not_of(" `"), last = part.find_last_not_of(" `");
    if (first != std::string::npos) parts.push_back(part.substr(first, last - first + 1));
  }
  return parts;
}

// Reads the rows "| LAYER | MODULE, MODULE -> MODULE `HEADER` ...; MODULE -> ... |". Layers are numbers, then "roof".
Table table_of(const std::string& markdown) {
  struct Entry {
    int layer;
    std::string module, allowed;
  };
  static constexpr int kRoof = 99;
  std::vector<Entry> entries;
  for (const std::string& line : split(markdown, '\n')) {
    const auto cells = split(line, '|');
    if (!line.starts_with("|") || cells.size() != 2 || cells[0] == "layer" || cells[1].find("->") == std::string::npos)
      continue;
    const int layer = cells[0] == "roof" ? kRoof : std::stoi(cells[0]);
    for (const std::string& rule : split(cells[1], ';')) {
      const auto arrow = rule.find("->");
      if (arrow == std::string::npos) throw std::runtime_error("not a rule of the table: " + rule);
      for (const std::string& module : split(rule.substr(0, arrow), ','))
        entries.push_back({layer, module, rule.substr(arrow + 2)});
    }
  }
  const auto below = [&](int layer) {
    Names names;
    for (const Entry& entry : entries)
      if (entry.layer < layer) names.insert(entry.module);
    return names;
  };
  Table table;
  for (const auto& [layer, module, allowed] : entries) {
    Names names;
    const std::string wanted = split(allowed, '\n').at(0);
    if (wanted == "all of lib below") {
      names = below(layer);
    } else if (wanted == "all of lib but sql") {
      names = below(kRoof);
      names.erase("sql");
    } else if (wanted != "the standard library, fmt, spdlog") {
      for (const std::string& name : split(wanted, ' ')) names.insert(name);
    }
    if (!table.emplace(module, names).second) throw std::runtime_error("stands twice in the table: " + module);
  }
  for (const auto& [module, names] : table)
    for (const std::string& name : names)
      if (!table.contains(name.substr(0, name.find('/'))))
        throw std::runtime_error(module + " may include what is no module of the table: " + name);
  return table;
}

const Table& may_include() {
  static const Table table = table_of(text_of(fs::path(EVERSEAL_SOURCE_DIR) / "lib/README.md"));
  return table;
}

// Headers that other modules may include although they may not include the rest of the module: they show plain data.
const std::map<std::string, Names> kPlainHeaders{
    {"inventory/records.h", {"base", "pki"}},
    {"probe/capture.h", {"base", "pki"}},
    {"dns/observed.h", {"base"}},
    {"discover/found.h", {"base", "pki"}},
};

// Where the headers of a library may appear: folders, or single files. `seen_from` are the modules whose files may
// reach it through other headers, where that matters.
struct Place {
  std::string header;  // what the include begins with
  std::vector<std::string> allowed;
  std::optional<Names> seen_from = std::nullopt;
};
const std::vector<Place> kPlaces{
    {"openssl/", {"lib/pki/"}, Names{"pki", "net", "probe"}},
    {"pki/openssl.h", {"lib/pki/", "lib/net/", "lib/probe/"}},
    {"sqlite3.h", {"lib/sql/kinds/"}, Names{"sql"}},
    {"libpq", {"lib/sql/kinds/"}, Names{"sql"}},
    {"toml++/", {"lib/config/"}, Names{"config"}},
    {"toml.hpp", {"lib/config/"}},
    {"idn2.h", {"lib/pki/"}},
    {"CLI/", {"cli/"}},
    {"spdlog/", {"lib/base/log.cpp"}},
    {"ldns/", {"lib/dns/"}},
    {"yaml.h", {"lib/discover/"}},
    {"ares", {"lib/net/"}},
    {"curl/", {"lib/net/"}},
    {"boost/", {"lib/net/", "lib/probe/", "agent/"}},
    {"doctest/", {}},
};

struct Include {
  std::string name;
  bool quoted = false;
  bool macro = false;
};

std::vector<Include> includes_of(const std::string& text) {
  static const std::regex line(R"(^[ \t]*#[ \t]*include[ \t]*(["<]?)([^">\n]*).*$)", std::regex::multiline);
  std::vector<Include> found;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), line); at != std::sregex_iterator(); ++at)
    found.push_back({(*at)[2].str(), (*at)[1] == "\"", (*at)[1].length() == 0});
  return found;
}

// "lib/deploy/kinds/files.cpp" -> "deploy"; "agent/deployer/main.cpp" -> "agent/deployer"; "" where it is in none.
std::string module_of(const std::string& path) {
  const std::string in = path.starts_with("lib/") ? path.substr(4) : path;
  const auto slash = in.find('/');
  if (slash == std::string::npos) return {};
  if (in.starts_with("agent/deployer/")) return "agent/deployer";
  return in.substr(0, slash);
}

// The module that an include names; "" where it names none.
std::string module_included(const std::string& name) {
  const auto slash = name.find('/');
  if (slash == std::string::npos) return {};
  if (name.starts_with("agent/deployer/")) return "agent/deployer";
  return may_include().contains(name.substr(0, slash)) ? name.substr(0, slash) : std::string();
}

bool is_below(const std::string& path, const std::vector<std::string>& places) {
  return std::ranges::any_of(places, [&](const std::string& place) { return path.starts_with(place); });
}

class Inspection {
 public:
  explicit Inspection(const Files& files) : files_(files) {}

  std::vector<std::string> run() {
    for (const auto& [path, text] : files_) inspect(path, text);
    if (cli11_.size() > 1)
      for (const std::string& path : cli11_) complain(path, "CLI11 belongs in one file");
    return std::move(violations_);
  }

 private:
  void complain(const std::string& path, const std::string& what) { violations_.push_back(path + ": " + what); }

  void inspect(const std::string& path, const std::string& text) {
    const std::string module = module_of(path);
    if (!may_include().contains(module)) return complain(path, "stands in no module of the table");
    for (const Include& include : included_by(path)) inspect(path, module, include);
    for (const Place& place : kPlaces)
      if (place.seen_from && !place.seen_from->contains(module)) inspect_reach(path, place);
    if (module == "plan" || module == "audit")
      for (const char* const clock : {"wall_clock(", "_clock::now", "gettimeofday(", "time(nullptr)"})
        if (text.find(clock) != std::string::npos) complain(path, "reads the clock: "s + clock);
  }

  void inspect(const std::string& path, const std::string& module, const Include& include) {
    if (include.macro) return complain(path, "includes by macro: " + include.name);
    if (include.name.find("..") != std::string::npos) return complain(path, "includes upwards: " + include.name);
    const std::string other = module_included(include.name);
    if (include.quoted)
      inspect_project(path, module, include.name, other);
    else if (!other.empty())
      complain(path, "a header of ours in angle brackets: " + include.name);
    inspect_library(path, include.name);
  }

  void inspect_project(const std::string& path, const std::string& module, const std::string& name,
                       const std::string& other) {
    if (other.empty()) {  // only the programs name their own files without a module
      if (path.starts_with("lib/") && !is_library(name)) complain(path, "names no module: " + name);
      return;
    }
    if (const auto plain = kPlainHeaders.find(path.starts_with("lib/") ? path.substr(4) : path);
        plain != kPlainHeaders.end() && !plain->second.contains(other))
      return complain(path, "is plain data and may not include " + name);
    const Names& allowed = may_include().at(module);
    if (other == module || allowed.contains(other) || allowed.contains(name)) return;
    complain(path, module + " may not include " + name);
  }

  static bool is_library(const std::string& name) {
    return std::ranges::any_of(kPlaces, [&](const Place& place) { return name.starts_with(place.header); });
  }

  void inspect_library(const std::string& path, const std::string& name) {
    for (const Place& place : kPlaces)
      if (name.starts_with(place.header) && !is_below(path, place.allowed)) complain(path, "may not include " + name);
    if (name.starts_with("nlohmann/") && !path.ends_with(".cpp"))
      complain(path, "nlohmann/json belongs in .cpp files: " + name);
    if (name.starts_with("CLI/")) cli11_.insert(path);
  }

  // Whether the headers that `path` includes bring the library into its sight.
  void inspect_reach(const std::string& path, const Place& place) {
    Names visited;
    std::vector<std::string> ahead{path};
    while (!ahead.empty()) {
      const std::string at = std::move(ahead.back());
      ahead.pop_back();
      if (!files_.contains(at) || !visited.insert(at).second) continue;
      for (const Include& include : included_by(at)) {
        if (at != path && include.name.starts_with(place.header))
          return complain(path, "sees " + include.name + " through " + at);
        ahead.push_back("lib/" + include.name);
      }
    }
  }

  // Read once a file: most headers are reached from most files.
  const std::vector<Include>& included_by(const std::string& path) {
    const auto known = includes_.find(path);
    if (known != includes_.end()) return known->second;
    return includes_.emplace(path, includes_of(files_.at(path))).first->second;
  }

  const Files& files_;
  std::map<std::string, std::vector<Include>> includes_;
  std::vector<std::string> violations_;
  Names cli11_;
};

std::vector<std::string> violations_in(const Files& files) { return Inspection(files).run(); }

Files product() {
  static const Names kSuffixes{".h", ".hpp", ".hh", ".cpp", ".cc", ".cxx", ".ipp", ".inc"};
  const fs::path top = EVERSEAL_SOURCE_DIR;
  Files files;
  for (const char* const folder : {"lib", "cli", "agent"}) {
    if (!fs::exists(top / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(top / folder)) {
      if (!entry.is_regular_file() || !kSuffixes.contains(entry.path().extension().string())) continue;
      files[fs::relative(entry.path(), top).generic_string()] = text_of(entry.path());
    }
  }
  return files;
}

}  // namespace

TEST_CASE("every include of the product is one that the table allows") {
  const Files files = product();
  CHECK(files.contains("lib/base/error.h"));
  CHECK(files.size() > 20);
  for (const std::string& violation : violations_in(files)) FAIL_CHECK(violation);
}

TEST_CASE("the table is read as it is written") {
  const Table table = table_of(
      "text\n| layer | module -> may include |\n|---|---|\n| 0 | base -> the standard library, fmt, spdlog |\n"
      "| 1 | pki, sql -> base |\n| 2 | inventory -> base pki sql; plan -> base `inventory/records.h` |\n"
      "| 3 | reconcile -> all of lib below |\n| roof | cli -> all of lib but sql |\n| not | a row |\n");
  const Table expected{{"base", {}},
                       {"pki", {"base"}},
                       {"sql", {"base"}},
                       {"inventory", {"base", "pki", "sql"}},
                       {"plan", {"base", "inventory/records.h"}},
                       {"reconcile", {"base", "pki", "sql", "inventory", "plan"}},
                       {"cli", {"base", "pki", "inventory", "plan", "reconcile"}}};
  CHECK(table == expected);
  for (const char* const wrong : {"| 1 | pki -> base |", "| 0 | base -> fmt, spdlog |", "| one | base -> pki |",
                                  "| 0 | base -> the standard library, fmt, spdlog; pki |",
                                  "| 0 | base, base -> the standard library, fmt, spdlog |"}) {
    CAPTURE(wrong);
    CHECK_THROWS(table_of(wrong));
  }
}

TEST_CASE("each folder of lib is a module of the table") {
  for (const auto& entry : fs::directory_iterator(fs::path(EVERSEAL_SOURCE_DIR) / "lib")) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().filename().string());
    CHECK(may_include().contains(entry.path().filename().string()));
  }
}

TEST_CASE("the table has no circles") {
  const auto reaches_itself = [](const std::string& start) {
    Names visited;
    std::vector<std::string> ahead{start};
    while (!ahead.empty()) {
      const std::string at = std::move(ahead.back());
      ahead.pop_back();
      for (const std::string& next : may_include().at(at)) {
        const std::string module = module_of(next).empty() ? next : module_of(next);
        if (module == start) return true;
        if (visited.insert(module).second) ahead.push_back(module);
      }
    }
    return false;
  };
  for (const auto& [module, allowed] : may_include()) {
    CAPTURE(module);
    CHECK_FALSE(reaches_itself(module));
  }
}

TEST_CASE("a made-up violation is caught, once, with its file and its reason") {
  struct Case {
    std::string path, text, reason;
  };
  const Case cases[] = {
      {"lib/base/x.cpp", "#include \"pki/key.h\"", "base may not include pki/key.h"},
      {"lib/pki/x.h", "#include \"net/client.h\"", "pki may not include net/client.h"},
      {"lib/sql/x.cpp", "#include \"pki/key.h\"", "sql may not include pki/key.h"},
      {"lib/config/x.cpp", "#include \"deploy/deploy.h\"", "config may not include deploy/deploy.h"},
      {"lib/deploy/kinds/x.cpp", "#include \"config/config.h\"", "deploy may not include config/config.h"},
      {"lib/deploy/x.cpp", "#include \"probe/probe.h\"", "deploy may not include probe/probe.h"},
      {"lib/inventory/x.cpp", "#include \"archive/archive.h\"", "inventory may not include archive/archive.h"},
      {"lib/plan/x.cpp", "#include \"inventory/store.h\"", "plan may not include inventory/store.h"},
      {"lib/plan/x.cpp", "#include \"net/client.h\"", "plan may not include net/client.h"},
      {"lib/plan/x.cpp", "#include \"probe/capture.h\"", "plan may not include probe/capture.h"},
      {"lib/plan/x.cpp", "auto now = base::wall_clock();", "reads the clock"},
      {"lib/audit/x.cpp", "auto now = std::chrono::system_clock::now();", "reads the clock"},
      {"lib/audit/x.cpp", "#include \"probe/probe.h\"", "audit may not include probe/probe.h"},
      {"lib/acme/x.cpp", "#include \"inventory/records.h\"", "acme may not include inventory/records.h"},
      {"lib/report/x.cpp", "#include \"inventory/certificates.h\"", "report may not include inventory/certificates.h"},
      {"lib/reconcile/x.cpp", "#include \"scan/scan.h\"", "reconcile may not include scan/scan.h"},
      {"lib/reconcile/x.cpp", "#include \"cli/terminal.h\"", "reconcile may not include cli/terminal.h"},
      {"lib/issuer/kinds/x.cpp", "#include \"deploy/deploy.h\"", "issuer may not include deploy/deploy.h"},
      {"cli/main.cpp", "#include \"sql/database.h\"", "cli may not include sql/database.h"},
      {"cli/commands/x.cpp", "#include \"agent/daemon.h\"", "cli may not include agent/daemon.h"},
      {"agent/main.cpp", "#include \"sql/database.h\"", "agent may not include sql/database.h"},
      {"agent/deployer/main.cpp", "#include \"net/client.h\"", "agent/deployer may not include net/client.h"},
      {"agent/deployer/main.cpp", "#include \"agent/daemon.h\"", "agent/deployer may not include agent/daemon.h"},
      {"lib/inventory/records.h", "#include \"sql/database.h\"", "is plain data"},
      {"lib/probe/capture.h", "#include \"net/client.h\"", "is plain data"},
      {"lib/net/x.cpp", "#include <openssl/ssl.h>", "may not include openssl/ssl.h"},
      {"lib/authority/x.cpp", "#include \"pki/openssl.h\"", "may not include pki/openssl.h"},
      {"lib/inventory/x.cpp", "#include <sqlite3.h>", "may not include sqlite3.h"},
      {"lib/sql/database.cpp", "#include <sqlite3.h>", "may not include sqlite3.h"},
      {"lib/sql/x.cpp", "#include <libpq-fe.h>", "may not include libpq-fe.h"},
      {"lib/reconcile/x.cpp", "#include <toml++/toml.h>", "may not include toml++/toml.h"},
      {"lib/config/x.h", "#include <nlohmann/json.hpp>", "nlohmann/json belongs in .cpp files"},
      {"lib/config/x.h", "#include <nlohmann/json_fwd.hpp>", "nlohmann/json belongs in .cpp files"},
      {"lib/config/x.cpp", "#include <CLI/CLI.hpp>", "may not include CLI/CLI.hpp"},
      {"lib/base/log.h", "#include <spdlog/spdlog.h>", "may not include spdlog/spdlog.h"},
      {"lib/acme/x.cpp", "#include <curl/curl.h>", "may not include curl/curl.h"},
      {"lib/net/x.cpp", "#include <ldns/ldns.h>", "may not include ldns/ldns.h"},
      {"lib/dns/x.cpp", "#include <ares.h>", "may not include ares.h"},
      {"lib/config/x.cpp", "#include <yaml.h>", "may not include yaml.h"},
      {"cli/main.cpp", "#include <boost/asio/io_context.hpp>", "may not include boost/asio/io_context.hpp"},
      {"lib/base/x.cpp", "#include <doctest/doctest.h>", "may not include doctest/doctest.h"},
      {"lib/base/x.cpp", "#include \"../pki/key.h\"", "includes upwards"},
      {"lib/base/x.cpp", "#include <pki/key.h>", "angle brackets"},
      {"lib/base/x.cpp", "#define H \"pki/key.h\"\n#include H", "includes by macro: H"},
      {"lib/base/x.cpp", "  #  include  \"pki/key.h\"  // why", "base may not include pki/key.h"},
      {"lib/base/x.cpp", "\r\n#include \"pki/key.h\"\r\n", "base may not include pki/key.h"},
      {"lib/base/x.cpp", "#include \"x.h\"", "names no module: x.h"},
      {"lib/base/x.cpp", "#include \"helpers/x.h\"", "names no module: helpers/x.h"},
      {"lib/helpers/x.cpp", "", "stands in no module"},
      {"lib/x.cpp", "", "stands in no module"},
  };
  for (const auto& [path, text, reason] : cases) {
    CAPTURE(path);
    CAPTURE(text);
    const auto found = violations_in({{path, text}});
    REQUIRE(found.size() == 1);
    CHECK(found.front().starts_with(path + ": "));
    CHECK(found.front().find(reason) != std::string::npos);
  }
}

TEST_CASE("a library that leaks through headers is caught where it arrives") {
  const Files leak{{"lib/pki/key.h", "#include <openssl/evp.h>\n"},
                   {"lib/keystore/keystore.h", "#include \"pki/key.h\"\n"},
                   {"lib/archive/archive.cpp", "#include \"keystore/keystore.h\"\n"}};
  const auto found = violations_in(leak);
  REQUIRE(found.size() == 2);
  CHECK(found[0] == "lib/archive/archive.cpp: sees openssl/evp.h through lib/pki/key.h");
  CHECK(found[1] == "lib/keystore/keystore.h: sees openssl/evp.h through lib/pki/key.h");
}

TEST_CASE("CLI11 in a second file is caught") {
  CHECK(violations_in({{"cli/parse.cpp", "#include <CLI/CLI.hpp>"}}).empty());
  CHECK(
      violations_in({{"cli/parse.cpp", "#include <CLI/CLI.hpp>"}, {"cli/main.cpp", "#include <CLI/App.hpp>"}}).size() ==
      2);
}

TEST_CASE("what the table allows is left in peace") {
  const Files files{
      {"lib/base/log.cpp", "#include \"base/log.h\"\n#include <spdlog/spdlog.h>\n#include <fmt/format.h>\n"},
      {"lib/pki/openssl.h", "#include <openssl/evp.h>\n"},
      {"lib/probe/engine.cpp", "#include \"pki/openssl.h\"\n#include \"net/resolver.h\"\n#include <boost/asio.hpp>\n"},
      {"lib/sql/kinds/sqlite.cpp", "#include \"sql/database.h\"\n#include <sqlite3.h>\n"},
      {"lib/config/load.cpp", "#include <toml++/toml.h>\n#include <nlohmann/json.hpp>\n"},
      {"lib/plan/decide.cpp",
       "#include \"plan/decide.h\"\n#include \"config/config.h\"\n#include \"inventory/records.h\"\n"},
      {"lib/audit/judge.cpp", "#include \"probe/capture.h\"\n// #include \"net/client.h\"\n"},
      {"lib/reconcile/apply.cpp", "#include \"issuer/issuer.h\"\n#include \"sql/database.h\"\n"},
      {"cli/commands/issue.cpp",
       "#include \"terminal.h\"\n#include \"cli/command.h\"\n#include \"reconcile/verbs/issue.h\"\n"},
      {"agent/deployer/main.cpp", "#include \"deploy/deploy.h\"\n#include \"config/load.h\"\n"},
  };
  for (const std::string& violation : violations_in(files)) FAIL_CHECK(violation);
}
