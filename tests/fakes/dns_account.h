// An account at a provider's fake API, and what opens the kind that speaks to it.
#pragma once

#include "fakes/dns_api.h"
#include "fakes/dns_options.h"
#include "fakes/temporary_directory.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace everseal::fakes {

using DnsModelMaker = std::unique_ptr<DnsModel> (*)();

// By kind.
inline const std::map<std::string_view, DnsModelMaker>& dns_models() {
  static const std::map<std::string_view, DnsModelMaker> makers{
      {"acme-dns", make_acme_dns}, {"cloudflare", make_cloudflare},
      {"desec", make_desec},       {"digitalocean", make_digitalocean},
      {"hetzner", make_hetzner},   {"powerdns", make_powerdns},
      {"route53", make_route53}};
  return makers;
}

struct DnsAccount {
  explicit DnsAccount(const dns::Kind& its_kind)
      : kind(its_kind), api(std::make_unique<DnsApi>(dns_models().at(kind.name)())) {}
  explicit DnsAccount(std::string_view kind_name) : DnsAccount(*dns::find_kind(kind_name)) {}

  // `more` replaces options of the same name.
  base::Options options(Secrets secrets = Secrets::right, const base::Table& more = {}) const {
    base::Table table = more;
    const auto add = [&](const std::string& name, const std::string& value) {
      if (base::find(table, name) == nullptr) table.emplace_back(name, option(value));
    };
    const ApiOptions wanted = api->options(secrets);
    for (const auto& [name, text] : wanted.texts) add(name, text);
    for (const auto& [name, text] : wanted.files) add(name, secret_file(name, text));
    return dns_options(kind.name, table);
  }
  std::unique_ptr<dns::Provider> open(Secrets secrets = Secrets::right, const base::Table& more = {}) const {
    return kind.open(options(secrets, more));
  }
  // The path of a file that holds `text`.
  std::string secret_file(const std::string& name, const std::string& text) const {
    const std::string path = directory / name;
    std::ofstream(path) << text << '\n';
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return path;
  }

  // acme-dns is the one that has its own name for records.
  bool is_acme_dns() const { return kind.name == "acme-dns"; }
  std::string name() const {
    return is_acme_dns() ? "8e5700ea-a4bf-41c7-8a77-e990661dcc6a.auth.example.org"
                         : std::string("_acme-challenge.www.") + DnsModel::kZone;
  }
  dns::TxtRecord record(const std::string& value) const {
    return {.name = name(),
            .zone = DnsModel::kZone,
            .value = value,
            .domain = DnsModel::kZone,
            .token = {},
            .key_authorization = {},
            .all_domains = {}};
  }
  // As this API shows a text.
  std::string shown(const std::string& value) const {
    return is_acme_dns() || kind.name == "digitalocean" ? value : '"' + value + '"';
  }

  const dns::Kind& kind;
  TemporaryDirectory directory;
  std::unique_ptr<DnsApi> api;
};

}  // namespace everseal::fakes
