#include "scan/own_servers.h"

#include "base/error.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

using discover::NamedFile;
using discover::Role;
using discover::Server;
using discover::Site;

bool is_certificate(const NamedFile& file) { return file.role == Role::certificate || file.role == Role::both; }

// Of a host's own name, and of what is no name, nothing can be demanded.
std::optional<pki::Identifier> name_to_ask(const std::string& name) {
  if (name.find('.') == std::string::npos || name.find('*') != std::string::npos) return std::nullopt;
  try {
    return pki::Identifier::parse(pki::IdentifierKind::dns, name);
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

// Does the site answer for that name?
bool answers(const Site& site, const std::string& name) {
  return std::ranges::any_of(site.names, [&](const std::string& one) {
    return one == name || (one.starts_with("*.") && name.ends_with(std::string_view(one).substr(1)));
  });
}

bool listens_at(const Site& site, const std::string& address) {
  return std::ranges::find(site.listeners, address, &discover::Listener::address) != site.listeners.end();
}

class Reader {
 public:
  Reader(const Server& server, const Defaults& defaults, OwnServers& own)
      : server_(server), defaults_(defaults), own_(own) {
    defaults_.source = discover::to_string(server.kind);
    defaults_.sni.clear();
  }

  void read() {
    for (const discover::ConfigTrouble& trouble : server_.troubles)
      own_.remarks.push_back(
          fmt::format("{}:{}: {}", trouble.where.file, trouble.where.line,
                      trouble.what.empty() ? std::string(discover::to_string(trouble.reason)) : trouble.what));
    for (const Site& site : server_.sites) {
      take_files(site);
      if (!site.speaks_tls) continue;
      bool is_first = true;
      for (const discover::Listener& listener : site.listeners) take(site, listener, std::exchange(is_first, false));
    }
  }

 private:
  void take_files(const Site& site) {
    KeyPairing pairing;
    for (const NamedFile& file : site.files) {
      own_.files.emplace(file.path, defaults_.source);
      if (file.role == Role::upstream_certificate) own_.shown.insert(file.path);
      if (file.role == Role::certificate) pairing.certificates.push_back(file.path);
      if (file.role == Role::key) pairing.keys.push_back(file.path);
    }
    if (!pairing.certificates.empty() && !pairing.keys.empty()) own_.pairings.push_back(std::move(pairing));
  }

  void take(const Site& site, const discover::Listener& listener, bool is_first) {
    probe::Target target = probe::Target::parse(listener.address);
    std::vector<pki::Identifier> asked;
    for (const std::string& name : site.names)
      if (auto identifier = name_to_ask(name)) asked.push_back(std::move(*identifier));
    if (!asked.empty()) target.sni = asked.front().text();
    target.starttls = listener.starttls.empty() ? std::string(kNoStarttls) : listener.starttls;
    const std::string name = target.sni;
    Wanted one = wanted(std::move(target), defaults_);
    one.asked = std::move(asked);
    Meant& meant = own_.meant[one.name];
    for (const Site& other : server_.sites)
      if (other.speaks_tls && listens_at(other, listener.address) && (name.empty() || answers(other, name)))
        add_files(other, meant);
    if (is_first) std::ranges::copy(site.upstreams, std::back_inserter(meant.upstreams));
    own_.endpoints.push_back(std::move(one));
  }

  static void add_files(const Site& site, Meant& meant) {
    for (const NamedFile& file : site.files)
      if (is_certificate(file) && std::ranges::find(meant.files, file.path) == meant.files.end())
        meant.files.push_back(file.path);
  }

  const Server& server_;
  Defaults defaults_;
  OwnServers& own_;
};

}  // namespace

OwnServers own_servers(const std::vector<Server>& servers, const Defaults& defaults) {
  OwnServers own;
  for (const Server& server : servers) Reader(server, defaults, own).read();
  std::set<std::string> seen;
  std::erase_if(own.endpoints, [&](const Wanted& one) { return !seen.insert(one.name).second; });
  return own;
}

}  // namespace everseal::scan
