#include "reconcile/kinds.h"

#include "audit/rule.h"
#include "authority/policy.h"
#include "challenge/challenge.h"
#include "deploy/deploy.h"
#include "dns/dns.h"
#include "inventory/authorities.h"
#include "inventory/config_files.h"
#include "issuer/issuer.h"
#include "probe/probe.h"
#include "probe/starttls.h"
#include "report/audit.h"

namespace everseal::reconcile {

config::Kinds config_kinds(std::vector<base::Name> known_authorities) {
  config::Kinds kinds;
  for (const issuer::Kind* kind : issuer::kinds()) kinds.issuer.push_back({kind->name, kind->options, kind->check});
  for (const deploy::Kind* kind : deploy::kinds()) kinds.deploy.push_back({kind->name, kind->options, kind->check});
  for (const challenge::Kind* kind : challenge::kinds())
    kinds.challenge.push_back({kind->name, kind->options, nullptr, kind->provider == challenge::NeedsProvider::yes});
  for (const dns::Kind* kind : dns::kinds()) kinds.dns.push_back({kind->name, kind->options, nullptr});
  for (const probe::Starttls* protocol : probe::starttls_protocols()) kinds.starttls.emplace_back(protocol->name);
  for (const audit::Rule* rule : audit::rules()) kinds.rules.emplace_back(rule->id);
  for (const auto severity : audit::kAllSeverities) kinds.severities.emplace_back(audit::to_string(severity));
  for (const std::string_view exporter : report::kExporters) kinds.exporters.emplace_back(exporter);
  kinds.check_target = [](std::string_view text) { probe::Target::parse(text); };
  kinds.check_pattern = [](std::string_view text) { authority::Pattern::parse(text); };
  kinds.known_authorities = std::move(known_authorities);
  return kinds;
}

std::vector<base::Name> authority_names(inventory::Store& store) {
  std::vector<base::Name> names;
  for (const inventory::AuthorityRecord& record : inventory::Authorities(store).all()) names.push_back(record.name);
  return names;
}

config::Memory config_memory(inventory::Store& store) {
  config::Memory memory;
  for (const auto& [path, record] : inventory::ConfigFiles(store).all())
    memory.emplace_hint(memory.end(), path, config::LastGood{record.digest, record.settings});
  return memory;
}

config::Config read_config(const config::Files& files, inventory::Store& store, base::Problems& problems,
                           std::vector<base::Name> also) {
  const std::vector<base::Name> names = authority_names(store);
  also.insert(also.end(), names.begin(), names.end());
  const config::Sources sources = config::read_each(files);
  config::Loaded loaded =
      config::load(files, sources, config_memory(store), config_kinds(std::move(also)), config::Extent::all);
  if (!loaded.usable) throw config::refusal(loaded.problems);
  problems.insert(problems.end(), loaded.problems.begin(), loaded.problems.end());
  config::Config config{std::move(loaded.settings), std::move(loaded.certificates), {}};
  for (const config::Source& source : sources.files) config.files.push_back(source.path);
  return config;
}

}  // namespace everseal::reconcile
