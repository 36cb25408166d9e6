// What the config tests share: kinds as the product has them, and a config written in place.
#pragma once

#include "config/load.h"
#include "deploy/deploy.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::config {

inline constexpr base::Option kAuthorityIssuer[] = {
    {.name = "authority", .summary = "the authority that signs", .required = true},
};
inline constexpr base::Option kExecIssuer[] = {
    {.name = "command", .type = base::OptionType::command, .summary = "the program", .required = true},
    {.name = "revoke_command", .type = base::OptionType::command, .summary = "the program that revokes"},
    {.name = "timeout", .type = base::OptionType::duration, .summary = "how long it may take", .fallback = "2m"},
    {.name = "user", .summary = "the user it runs as"},
};

inline Kinds kinds() {
  Kinds all;
  all.issuer = {{"authority", kAuthorityIssuer}, {"exec", kExecIssuer}};
  for (const deploy::Kind* const kind : deploy::kinds()) all.deploy.push_back({kind->name, kind->options, kind->check});
  all.starttls = {"imap", "postgres", "smtp"};
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
