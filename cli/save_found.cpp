#include "save_found.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/certificates.h"
#include "reconcile/kinds.h"
#include "scan/targets.h"
#include "terminal.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr std::string_view kNoIssuer = "ISSUER";

bool is_found_file(const std::string& path) {
  return std::filesystem::path(path).filename().string().starts_with("found@");
}

// Tables that were found before are what is compared, and watch nothing by themselves here.
std::set<std::string> watched_by(config::Config config, base::Problems& problems) {
  std::set<std::string> names;
  std::erase_if(config.endpoints, [](const auto& one) { return is_found_file(one.second.origin.file); });
  for (const scan::Wanted& one : scan::endpoints_of(config, scan::Secrets::left, problems)) names.insert(one.name);
  for (const auto& [name, certificate] : config.certificates)
    for (const scan::Wanted& one : scan::targets_of(certificate)) names.insert(one.name);
  return names;
}

scan::FoundContext context_of(Surroundings& around, const std::string& environment, base::Problems& problems) {
  scan::FoundContext found;
  found.watched = watched_by(around.config, problems);
  found.environment = environment;
  found.issuer = around.config.issuers.empty() ? std::string(kNoIssuer) : around.config.issuers.begin()->first.text();
  if (around.store)
    found.is_managed = [&store = *around.store](const pki::Fingerprint& fingerprint) {
      const auto record = inventory::Certificates(store).find(fingerprint);
      return record && record->managed;
    };
  return found;
}

}  // namespace

std::string_view to_string(config::FoundChange::Kind kind) noexcept {
  switch (kind) {
    case config::FoundChange::Kind::appeared:
      return "new";
    case config::FoundChange::Kind::changed:
      return "changed";
    case config::FoundChange::Kind::gone:
      return "gone";
    case config::FoundChange::Kind::kept:
      break;
  }
  return "kept";
}

std::vector<discover::Server> servers_from(const Arguments& arguments) {
  const discover::HostFiles host("/");
  std::vector<discover::Server> servers;
  std::optional<std::vector<discover::Server>> found;
  for (const std::string& text : arguments.all("from")) {
    const auto equals = text.find('=');
    const auto kind = discover::parse_server_kind(text.substr(0, equals));
    if (!kind)
      throw base::Error(base::Fault::usage, fmt::format("--from: no configs of '{}' are read", base::printable(text)),
                        "one of: " + base::join(discover::server_kinds(), ", "));
    if (equals != std::string::npos) {
      const std::string path = std::filesystem::absolute(text.substr(equals + 1)).lexically_normal().string();
      if (!host.has_file(path))
        throw base::Error(base::Fault::usage, fmt::format("--from: no file {}", base::printable(path)));
      servers.push_back(discover::read_server(host, *kind, path));
      if (servers.back().sites.empty() && servers.back().troubles.empty())
        throw base::Error(base::Fault::usage,
                          fmt::format("--from: {} names no listener and no certificate, as a config of {} does",
                                      base::printable(path), text.substr(0, equals)));
      continue;
    }
    if (!found) found = discover::find_servers(host);
    const auto before = servers.size();
    std::ranges::copy_if(*found, std::back_inserter(servers),
                         [&](const discover::Server& server) { return server.kind == *kind; });
    if (servers.size() == before)
      throw base::Error(base::Fault::usage, fmt::format("--from: {} has no config where it is looked for", text),
                        fmt::format("say where it is: --from {}=FILE", text));
  }
  return servers;
}

std::vector<config::FoundPlan> plan_found_tables(const reconcile::Host& host, Surroundings& around,
                                                 const scan::Discovery& discovery, const std::string& environment,
                                                 base::Problems& problems) {
  const config::Kinds kinds =
      reconcile::config_kinds(around.store ? reconcile::authority_names(*around.store) : std::vector<base::Name>());
  std::vector<config::FoundPlan> plans;
  for (const auto& [source, tables] : scan::tables_of(discovery, context_of(around, environment, problems)))
    plans.push_back(config::plan_found(host.files, source, tables, kinds, [&](const std::string& key) {
      return scan::was_looked_for(discovery, source, key);
    }));
  return plans;
}

void save_found_tables(const Context& context, const reconcile::Host& host,
                       const std::vector<config::FoundPlan>& plans) {
  for (const config::FoundPlan& plan : plans) {
    config::write_found(host.files, plan);
    if (context.output == Output::json || context.quiet) continue;
    if (plan.unsure > 0 && plan.source != "files")
      note(fmt::format("{}: tables of what was not found stay, {} of them, as not all of the config could be read\n",
                       plan.path, plan.unsure));
    if (plan.after == plan.before) {
      note(fmt::format("{}: nothing to change\n", plan.path));
      continue;
    }
    note(fmt::format("{} is written:\n", plan.path));
    for (const config::FoundChange& change : plan.changes)
      note(fmt::format("  {:<7} [{}] {}\n", to_string(change.kind), change.table, change.text));
  }
}

}  // namespace everseal::cli
