#include "scan/discovery.h"

#include "base/encoding.h"
#include "base/path.h"
#include "base/text.h"
#include "pki/digest.h"
#include "probe/starttls.h"
#include "report/audited.h"
#include "scan/known_files.h"
#include "scan/memory.h"
#include "scan/own_servers.h"
#include "scan/sights.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

using config::FoundTable;
using discover::Role;

bool is_of_server(Role role) {
  return role == Role::certificate || role == Role::key || role == Role::chain || role == Role::both;
}

const discover::FoundCertificate* leaf_of(const discover::File& file) {
  const auto leaf = std::ranges::find_if(file.certificates, [](const auto& one) { return !one.certificate.is_ca(); });
  return leaf == file.certificates.end() ? nullptr : &*leaf;
}

base::Value tables_value(std::vector<base::Table> tables) {
  base::List list;
  for (base::Table& table : tables) list.emplace_back().data = std::move(table);
  base::Value value;
  value.data = std::move(list);
  return value;
}

base::Value table_value(base::Table table) {
  base::Value value;
  value.data = std::move(table);
  return value;
}

// Two servers of one kind have a file each.
std::string source_of(const discover::Server& server) {
  const std::string_view kind = to_string(server.kind);
  if (discover::is_usual_place(server.kind, server.config)) return std::string(kind);
  const base::Name path = base::Name::made_of(server.config, "source");
  if (std::string source = fmt::format("{}-{}", kind, path); source.size() <= base::Name::kLongest) return source;
  const pki::Sha256 digest = pki::sha256(base::as_bytes(server.config));
  return fmt::format("{}-{}", kind, base::hex(std::span(digest).first(8)));
}

// Listeners that are asked for the same name, where the same is spoken before TLS; without a name each by itself.
struct Group {
  std::vector<Wanted> wanted;
  std::string name;  // that the table gets

  std::vector<std::string> targets() const {
    std::vector<std::string> texts;
    for (const Wanted& one : wanted) texts.push_back(one.target.text());
    return texts;
  }
};

std::vector<Group> groups_of(const discover::Server& server, const FoundContext& context) {
  std::vector<Group> groups;
  std::map<std::string, std::size_t> index;
  for (Wanted& one : own_servers({server}, {.environment = context.environment}).endpoints) {
    if (context.watched.contains(one.name)) continue;
    const std::string& sni = one.target.sni;
    const std::string key = fmt::format("{} {}", sni.empty() ? one.name : sni, one.target.starttls);
    const auto [at, is_new] = index.emplace(key, groups.size());
    if (is_new) {
      std::string name = sni.empty() ? std::string(to_string(server.kind)) : sni;
      if (!one.target.starttls.empty()) name += "-" + one.target.starttls;
      groups.push_back({{}, std::move(name)});
    }
    groups[at->second].wanted.push_back(std::move(one));
  }
  return groups;
}

FoundTable endpoint_table(const Group& group, const discover::Server& server, const FoundContext& context) {
  const probe::Target& first = group.wanted.front().target;
  const std::vector<std::string> targets = group.targets();
  const bool is_customary = std::ranges::all_of(group.wanted, [&](const Wanted& one) {
    const probe::Starttls* const custom = probe::starttls_on(one.target.port);
    return one.target.starttls == (custom == nullptr ? std::string_view() : custom->name);
  });
  FoundTable table;
  table.family = "endpoint";
  table.key = "endpoint " + (first.sni.empty() ? base::join(targets, " ") : first.sni);
  if (!first.starttls.empty()) table.key += " by " + first.starttls;
  table.proposed = group.name;
  table.options = {{"targets", base::list_value(targets)}};
  if (!first.sni.empty()) table.options.emplace_back("sni", base::text_value(first.sni));
  if (!is_customary)
    table.options.emplace_back("starttls", base::text_value(first.starttls.empty() ? "none" : first.starttls));
  if (!context.environment.empty()) table.options.emplace_back("environment", base::text_value(context.environment));
  table.comment = fmt::format("{}, {}", to_string(server.kind), server.config);
  return table;
}

std::vector<std::string> identifiers_of(const pki::Certificate& certificate) {
  std::vector<std::string> texts;
  for (const pki::Identifier& identifier : pki::identifiers_of(certificate.names())) texts.push_back(identifier.text());
  return texts;
}

std::string_view content_of(Role role, bool has_chain) {
  switch (role) {
    case Role::key:
      return "privkey";
    case Role::chain:
      return "chain";
    case Role::both:
      return "combined";
    default:
      return has_chain ? "cert" : "fullchain";
  }
}

// The files of a site's certificates, each with that of its key, as servers pair them: in their order.
using Pairs = std::set<std::pair<std::string, std::string>>;
Pairs pairs_of(const discover::Site& site) {
  std::vector<std::string> certificates, keys;
  for (const discover::NamedFile& file : site.files) {
    if (file.role == Role::certificate) certificates.push_back(file.path);
    if (file.role == Role::key) keys.push_back(file.path);
  }
  Pairs pairs;
  for (std::size_t i = 0; i < certificates.size(); ++i)
    for (std::size_t k = 0; k < keys.size(); ++k)
      if (i == k || certificates.size() != keys.size()) pairs.emplace(certificates[i], keys[k]);
  return pairs;
}

Pairs pairs_of(const Discovery& discovery) {
  Pairs all;
  for (const discover::Server& server : discovery.servers)
    for (const discover::Site& site : server.sites) all.merge(pairs_of(site));
  return all;
}

// Why no deployment to this certificate's file is proposed: its key would be written over one that another certificate
// needs, or where nobody reads it. "": nothing stands against it.
std::string against_deployment(const Pairs& pairs, const std::string& certificate) {
  const auto keys = std::ranges::count(pairs, certificate, &Pairs::value_type::first);
  if (keys > 1) return "it is read with several keys";
  const auto own = std::ranges::find(pairs, certificate, &Pairs::value_type::first);
  if (own == pairs.end()) return {};
  if (std::ranges::count(pairs, own->second, &Pairs::value_type::second) > 1)
    return fmt::format("its key {} is read with other certificates too", base::printable(own->second));
  if (base::split_path(own->second).first != base::split_path(certificate).first)
    return fmt::format("its key {} lies in another directory", base::printable(own->second));
  return {};
}

base::Table deployment_of(const discover::Server& server, const discover::Site& site, const std::string& certificate) {
  const std::string folder = std::filesystem::path(certificate).parent_path().string();
  const bool has_chain = std::ranges::find(site.files, Role::chain, &discover::NamedFile::role) != site.files.end();
  const Pairs pairs = pairs_of(site);
  std::vector<base::Table> contents;
  for (const discover::NamedFile& file : site.files) {
    if (!is_of_server(file.role)) continue;
    if (file.role == Role::key && !pairs.contains({certificate, file.path})) continue;
    if ((file.role == Role::certificate || file.role == Role::both) && file.path != certificate) continue;
    contents.push_back({{"content", base::text_value(std::string(content_of(file.role, has_chain)))},
                        {"file", base::text_value(std::filesystem::path(file.path).filename().string())}});
  }
  std::vector<base::Table> verify;
  for (const discover::Listener& listener : site.listeners) {
    base::Table target{{"connect", base::text_value(listener.address)}};
    if (!listener.starttls.empty()) target.emplace_back("starttls", base::text_value(listener.starttls));
    verify.push_back(std::move(target));
  }
  base::Table options{
      {"type", base::text_value("files")},
      {"directory", base::text_value(folder)},
      {"contents", tables_value(std::move(contents))},
      {"reload", base::list_value({"systemctl", "reload", std::string(unit_of(server.kind, server.config))})}};
  options.emplace_back("verify", verify.empty() ? base::text_value("none") : tables_value(std::move(verify)));
  return options;
}

FoundTable certificate_table(const discover::File& file, const pki::Certificate& leaf, const FoundContext& context) {
  FoundTable table;
  table.family = "certificate";
  table.stands = FoundTable::Stands::proposed;
  table.key = "certificate " + file.path;
  const std::vector<std::string> identifiers = identifiers_of(leaf);
  table.proposed = identifiers.empty() ? std::filesystem::path(file.path).stem().string() : identifiers.front();
  table.options = {{"identifiers", base::list_value(identifiers)}, {"issuer", base::text_value(context.issuer)}};
  if (!context.environment.empty()) table.options.emplace_back("environment", base::text_value(context.environment));
  table.comment = fmt::format("{}, which {} signed until {}; to keep it alive from here take each '#' below away",
                              file.path, base::printable(report::short_name(leaf.issuer().raw())),
                              base::format_time(leaf.not_after()).substr(0, 10));
  return table;
}

bool is_worth_proposing(const pki::Certificate& leaf, const FoundContext& context) {
  return !identifiers_of(leaf).empty() && !(context.is_managed && context.is_managed(leaf.fingerprint()));
}

void look_at_named_files(const DiscoveryRequest& request, Discovery& found) {
  std::set<std::string> seen;
  const discover::HostFiles host(request.root);
  for (const discover::Server& server : found.servers)
    for (const discover::Site& site : server.sites)
      for (const discover::NamedFile& named : site.files) {
        if (named.role == Role::key || !seen.insert(named.path).second) continue;
        if (host.has_directory(host.followed(named.path))) continue;
        discover::File file = discover::look_at_file(host.here(host.followed(named.path)), request.passwords);
        file.path = named.path;
        if (!file.certificates.empty() || !file.troubles.empty()) found.files.push_back(std::move(file));
      }
}

}  // namespace

const discover::File* Discovery::file(const std::string& path) const {
  const auto found = std::ranges::lower_bound(files, path, {}, &discover::File::path);
  return found == files.end() || found->path != path ? nullptr : &*found;
}

Discovery discover_host(const DiscoveryRequest& request, inventory::Store* store, base::Time now,
                        std::stop_token stop) {
  Discovery found;
  found.servers = request.servers;
  look_at_named_files(request, found);
  found.paths = request.paths;
  if (!request.paths.empty()) {
    discover::Walk walk;
    walk.roots = request.paths;
    walk.links = discover::Links::follow;
    found.walked = walk_known(
        std::move(walk), request.passwords, store, now,
        [&](discover::File&& file) {
          if (!file.certificates.empty() || !file.troubles.empty()) found.files.push_back(std::move(file));
        },
        stop);
  }
  std::ranges::stable_sort(found.files, {}, &discover::File::path);
  const auto repeated = std::ranges::unique(found.files, {}, &discover::File::path);
  found.files.erase(repeated.begin(), repeated.end());
  return found;
}

std::vector<std::string> remember(inventory::Store& store, const Discovery& discovery, const std::string& environment,
                                  base::Time now) {
  Memory memory(store, now);
  for (const discover::File& file : discovery.files) {
    if (file.is_trust_store || file.certificates.empty()) continue;
    inventory::Look look;
    look.place.kind = inventory::PlaceKind::file;
    look.place.name = base::Untrusted(file.path);
    look.place.environment = environment;
    look.place.source = "discover";
    look.place.first_look = look.place.last_look = now;
    look.probe = record_of_file(file);
    look.probe.at = now;
    if (const auto* const leaf = leaf_of(file)) look.probe.leaf = leaf->certificate.fingerprint();
    look.certificates.emplace();
    for (const discover::FoundCertificate& found : file.certificates) look.certificates->push_back(found.certificate);
    look.stays = [](const inventory::FindingRecord&) { return true; };
    memory.add(std::move(look));
  }
  memory.flush();
  if (!discovery.walked.is_whole) return {};
  return memory.forget_files(discovery.paths, now);
}

bool Discovery::is_whole() const {
  return walked.is_whole && std::ranges::all_of(servers, &discover::Server::is_read_whole);
}

bool was_looked_for(const Discovery& discovery, const std::string& source, const std::string& key) {
  const auto server = std::ranges::find(discovery.servers, source, source_of);
  if (server != discovery.servers.end()) {
    const auto was_read = [&](const discover::NamedFile& named) {
      const discover::File* const file = discovery.file(named.path);
      return file == nullptr || file->troubles.empty();
    };
    return server->is_read_whole() && std::ranges::all_of(server->sites, [&](const discover::Site& site) {
             return std::ranges::all_of(site.files, was_read);
           });
  }
  const std::string path = key.substr(key.find(' ') + 1);
  return std::ranges::any_of(discovery.paths,
                             [&](const std::string& root) { return base::is_at_or_below(path, root); });
}

std::map<std::string, std::vector<FoundTable>> tables_of(const Discovery& discovery, const FoundContext& context) {
  std::map<std::string, std::vector<FoundTable>> tables;
  std::set<std::string> of_servers;
  const Pairs pairs = pairs_of(discovery);
  if (!discovery.paths.empty()) tables["files"];
  for (const discover::Server& server : discovery.servers) {
    std::vector<FoundTable>& own = tables[source_of(server)];
    for (const Group& group : groups_of(server, context)) own.push_back(endpoint_table(group, server, context));
    for (const discover::Site& site : server.sites) {
      for (const discover::NamedFile& named : site.files) {
        const discover::File* const file = discovery.file(named.path);
        const auto* const leaf = file == nullptr ? nullptr : leaf_of(*file);
        if (!is_of_server(named.role) || !of_servers.insert(named.path).second || leaf == nullptr) continue;
        if (!is_worth_proposing(leaf->certificate, context)) continue;
        FoundTable table = certificate_table(*file, leaf->certificate, context);
        if (const std::string against = against_deployment(pairs, named.path); !against.empty()) {
          table.comment += fmt::format("; where it is deployed is left to you, as {}", against);
        } else {
          base::Table deployments;
          deployments.emplace_back(to_string(server.kind), table_value(deployment_of(server, site, named.path)));
          table.options.emplace_back("deploy", table_value(std::move(deployments)));
        }
        own.push_back(std::move(table));
      }
    }
  }
  for (const discover::File& file : discovery.files) {
    const auto* const leaf = leaf_of(file);
    if (file.is_trust_store || of_servers.contains(file.path) || leaf == nullptr) continue;
    if (leaf->key != discover::KeyBeside::matches || !is_worth_proposing(leaf->certificate, context)) continue;
    tables["files"].push_back(certificate_table(file, leaf->certificate, context));
  }
  return tables;
}

}  // namespace everseal::scan
