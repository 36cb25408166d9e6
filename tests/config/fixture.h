// What the config tests share: kinds as the product has them, and a config written in place.
#pragma once

#include "authority/policy.h"
#include "challenge/challenge.h"
#include "config/load.h"
#include "deploy/deploy.h"
#include "dns/dns.h"
#include "issuer/issuer.h"
#include "probe/starttls.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::config {

inline Kinds kinds() {
  Kinds all;
  for (const issuer::Kind* const kind : issuer::kinds()) all.issuer.push_back({kind->name, kind->options, kind->check});
  for (const deploy::Kind* const kind : deploy::kinds()) all.deploy.push_back({kind->name, kind->options, kind->check});
  for (const challenge::Kind* const kind : challenge::kinds())
    all.challenge.push_back({kind->name, kind->options, nullptr, kind->provider == challenge::NeedsProvider::yes});
  for (const dns::Kind* const kind : dns::kinds()) all.dns.push_back({kind->name, kind->options});
  all.check_pattern = [](std::string_view text) { authority::Pattern::parse(text); };
  for (const probe::Starttls* const protocol : probe::starttls_protocols()) all.starttls.emplace_back(protocol->name);
  return all;
}

struct Parsed {
  Config config;
  std::vector<std::string> problems;
};
inline Parsed parse_sources(const std::vector<Source>& sources, const Kinds& with = kinds()) {
  base::Problems problems;
  Parsed parsed{parse(sources, with, problems), {}};
  for (const base::Problem& problem : problems) parsed.problems.push_back(to_string(problem));
  return parsed;
}
inline Parsed parse_text(std::string_view text) {
  return parse_sources({{"/etc/everseal/everseal.toml", std::string(text)}});
}

// The line that `text` is told of, without the path in front, where that is the only one; otherwise all of them.
inline std::string only_problem(std::string_view text) {
  const Parsed parsed = parse_text(text);
  constexpr std::string_view path = "/etc/everseal/everseal.toml:";
  std::string all;
  for (const std::string& problem : parsed.problems)
    all += (all.empty() ? "" : "\n") + (problem.starts_with(path) ? problem.substr(path.size()) : problem);
  return all;
}

}  // namespace everseal::config
