#include "inspect/endpoint.h"

#include "audit/compare.h"
#include "audit_surroundings.h"
#include "base/error.h"
#include "scan/memory.h"
#include "scan/superseded.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using base::Error;
using base::Fault;

constexpr int kAtOnce = 16;
constexpr std::chrono::seconds kLongestForCrls{30};

// As the config has this endpoint, so that it is judged by its environment.
std::optional<scan::Wanted> wanted_by_config(const config::Config& config, const std::string& name,
                                             base::Problems& problems) {
  const auto find = [&](std::vector<scan::Wanted> all) -> std::optional<scan::Wanted> {
    const auto found = std::ranges::find(all, name, &scan::Wanted::name);
    if (found == all.end()) return std::nullopt;
    return std::move(*found);
  };
  if (auto found = scan::endpoint_of(config, name, problems)) return found;
  for (const auto& [its_name, certificate] : config.certificates)
    if (auto found = find(scan::targets_of(certificate))) return found;
  return std::nullopt;
}

scan::Wanted wanted_of(const Context& context, const std::string& what, const config::Config& config,
                       base::Problems& problems) {
  const Arguments& arguments = context.arguments;
  scan::Wanted wanted = scan::wanted(probe::Target::parse(what), {.environment = arguments.one("env").value_or(""),
                                                                  .team = {},
                                                                  .labels = {},
                                                                  .sni = arguments.one("sni").value_or(""),
                                                                  .starttls = arguments.one("starttls").value_or(""),
                                                                  .source = "arguments",
                                                                  .any_address = false});
  if (const auto known = wanted_by_config(config, wanted.name, problems)) {
    if (!arguments.has("env")) wanted.environment = known->environment;
    if (!arguments.has("starttls")) wanted.target.starttls = known->target.starttls;
    wanted.target.proxy = known->target.proxy;
    wanted.target.client = known->target.client;
  }
  return wanted;
}

std::vector<FoundHere> found_here(std::vector<audit::Finding> findings, const inventory::PlaceRecord& place,
                                  const std::optional<scan::Memory>& memory) {
  std::vector<FoundHere> all;
  for (audit::Finding& finding : findings) {
    FoundHere one{std::move(finding), std::nullopt};
    if (memory)
      one.acknowledgement =
          memory->acknowledgement(place, std::string(one.finding.rule->id), to_string(one.finding.severity));
    all.push_back(std::move(one));
  }
  return all;
}

bool counts_from(const FoundHere& one, audit::Severity severity) {
  return !one.acknowledgement && one.finding.rule->nature == audit::Nature::fault && one.finding.severity >= severity;
}

// A client goes by these whatever severity an operator gives them.
bool is_refused_for(const audit::Finding& finding) {
  return finding.rule->id == "revoked" || finding.rule->id == "starttls-injected";
}

// By the CRLs that are to be had, too.
scan::Judged judge(const InspectedEndpoint& endpoint, const probe::Capture& capture, const std::string& place,
                   scan::Standard& standard, scan::Revocations* revocations, const std::stop_token& stop) {
  const auto until = std::chrono::steady_clock::now() + kLongestForCrls;
  for (;;) {
    scan::Judged judged = scan::judge_endpoint(endpoint.wanted, capture, place, standard, revocations, endpoint.now);
    if (!judged.awaits || !revocations->wait(until, stop)) return judged;
    revocations->take_arrived();
  }
}

}  // namespace

std::optional<bool> SeenAddress::client_agrees(const scan::Wanted& wanted) const {
  const pki::StoreVerdict* const accepted = judged.trust ? judged.trust->accepted() : nullptr;
  if (capture.outcome != probe::Outcome::complete || leaf() == nullptr || accepted == nullptr || !accepted->valid)
    return false;
  if (std::ranges::any_of(found, [](const FoundHere& one) { return is_refused_for(one.finding); })) return false;
  const auto speaks_for = [&](const pki::Identifier& asked) { return pki::matches(leaf()->names(), asked); };
  if (!wanted.asked.empty()) return std::ranges::all_of(wanted.asked, speaks_for);
  // By address: a client that comes so wants the address to be in the certificate, others come by a name.
  if (speaks_for(pki::Identifier::parse(pki::IdentifierKind::ip, wanted.target.host))) return true;
  return std::nullopt;
}

bool InspectedEndpoint::has(audit::Severity severity) const {
  const auto any = [severity](const std::vector<FoundHere>& found) {
    return std::ranges::any_of(found, [severity](const FoundHere& one) { return counts_from(one, severity); });
  };
  return any(between) || std::ranges::any_of(addresses, any, &SeenAddress::found);
}

bool is_endpoint(const std::string& what) {
  return what != "-" && !is_path(what) && what.find('/') == std::string::npos && what.find(':') != std::string::npos;
}

InspectedEndpoint inspect_endpoint(const Context& context, const std::string& what) {
  InspectedEndpoint endpoint;
  probe::Target::parse(what);  // what is no endpoint is told before anything else
  const reconcile::Host host = context.host();
  Surroundings around = what_is_known(host, endpoint.remarks);
  endpoint.now = host.clock();
  base::Problems problems;
  endpoint.wanted = wanted_of(context, what, around.config, problems);
  for (const base::Problem& problem : problems) endpoint.remarks.push_back(to_string(problem));
  endpoint.has_state = around.store.has_value();
  scan::Standards standards = standards_of(context, around, endpoint.now);
  endpoint.policy = standards.policy().title();
  if (!standards.has_system_store())
    endpoint.remarks.emplace_back(
        "this host has no CA certificates of its own, so that no public chain is trusted (install ca-certificates)");

  probe::Limits limits;
  limits.in_flight = kAtOnce;
  if (const auto time = context.arguments.one("timeout")) limits.total = duration_argument(*time, "--timeout");
  std::optional<probe::Target> next = endpoint.wanted.target;
  probe::probe_all(
      [&] { return std::exchange(next, std::nullopt); },
      [&](const probe::Target&, probe::Capture capture) {
        endpoint.addresses.push_back({.capture = std::move(capture), .judged = {}, .found = {}, .known = {}});
      },
      limits,
      {.addresses = probe::Addresses::all,
       .depth = context.arguments.has("deep") ? probe::Depth::deep : probe::Depth::further},
      context.stop);
  if (context.stop.stop_requested())
    throw Error(Fault::cancelled, fmt::format("stopped while looking at {}", endpoint.wanted.name));
  std::ranges::sort(endpoint.addresses, {}, [](const SeenAddress& one) { return one.capture.address; });

  scan::Standard& standard = standards.of(endpoint.wanted.environment);
  std::optional<scan::Memory> memory;
  if (around.store) memory.emplace(*around.store, endpoint.now);
  inventory::PlaceRecord place;
  place.kind = inventory::PlaceKind::endpoint;
  place.name = base::Untrusted(endpoint.wanted.name);
  std::optional<scan::Revocations> revocations;
  if (auto source = crl_source(around)) revocations.emplace(std::move(*source), endpoint.now);
  audit::Comparison comparison;
  for (SeenAddress& seen : endpoint.addresses) {
    place.address = seen.capture.address;
    seen.judged =
        judge(endpoint, seen.capture, place.text(), standard, revocations ? &*revocations : nullptr, context.stop);
    const auto superseded = around.store && seen.leaf() != nullptr
                                ? scan::superseded_by(*around.store, seen.leaf()->fingerprint())
                                : std::nullopt;
    if (superseded)
      scan::add_findings(seen.judged, audit::judge_superseded(place.text(), *seen.leaf(), *superseded,
                                                              standard.criteria, endpoint.now));
    seen.found = found_here(std::move(seen.judged.findings), place, memory);
    if (seen.leaf() == nullptr) continue;
    comparison.add(audit::shown(place.text(), endpoint.wanted.name, *seen.leaf(), standard.criteria));
    if (around.store) seen.known = known_of(*around.store, host.state, *seen.leaf(), endpoint.wanted.asked);
  }
  if (revocations)
    for (const scan::CrlHost& crls : revocations->hosts())
      if (!crls.problem.empty()) endpoint.remarks.push_back(crls.problem);
  place.address.clear();
  endpoint.between = found_here(comparison.findings(), place, memory);
  return endpoint;
}

std::vector<std::string> next_commands(const InspectedEndpoint& endpoint) {
  std::vector<std::string> commands;
  const auto add = [&](std::string command) {
    if (std::ranges::find(commands, command) == commands.end()) commands.push_back(std::move(command));
  };
  const std::string target = endpoint.wanted.target.text();
  for (const SeenAddress& seen : endpoint.addresses) {
    const Known& known = seen.known;
    const bool is_well = seen.client_agrees(endpoint.wanted).value_or(true) &&
                         std::ranges::none_of(seen.found, [](const FoundHere& one) {
                           return counts_from(one, audit::Severity::warning);
                         });
    if (known.kept && !known.is_newest()) {
      add(fmt::format("everseal deploy {}", known.kept->name.text()));
      add(fmt::format("everseal verify {}", known.kept->name.text()));
    } else if (known.served && !is_well) {
      const auto any = [&](auto holds) {
        return std::ranges::any_of(seen.found, [&](const FoundHere& one) { return holds(one.finding.rule->id); });
      };
      if (any([](std::string_view rule) { return rule == "expired" || rule == "expiring" || rule == "revoked"; }))
        add(fmt::format("everseal renew {}", known.served->name.text()));
      else if (any([](std::string_view rule) { return rule.starts_with("chain-"); }))
        add(fmt::format("everseal deploy {}", known.served->name.text()));
      add(fmt::format("everseal show {}", known.served->name.text()));
    }
    if (seen.leaf() != nullptr && !seen.client_agrees(endpoint.wanted))
      for (const pki::Identifier& identifier : pki::identifiers_of(seen.leaf()->names())) {
        if (identifier.kind() != pki::IdentifierKind::dns || identifier.is_wildcard()) continue;
        add(fmt::format("everseal inspect {} --sni {}", target, identifier.text()));
        break;
      }
    if (!seen.capture.greeting.empty())
      add(fmt::format("everseal inspect {} --starttls {}", target, seen.capture.greeting));
  }
  return commands;
}

}  // namespace everseal::cli
