#include "scan/standards.h"

#include "base/error.h"
#include "base/text.h"
#include "scan/named_file.h"
#include "scan/targets.h"
#include "scan/trust_stores.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

constexpr std::size_t kLargestPolicy = std::size_t{1} << 20;
constexpr std::string_view kWebPki = "webpki";

// Trust stores and the judges over them, each made once.
class Stores {
 public:
  Stores(const OwnAuthorities& own, base::Time now) : own_(own), now_(now) {}

  std::shared_ptr<pki::ChainJudge> judge_of(const std::vector<std::string>& trust,
                                            const std::vector<std::string>& further) {
    auto& judge = judges_[{trust, further}];
    if (judge) return judge;
    std::vector<pki::TrustStore> stores;
    for (const std::string& name : trust) {
      if (name != kSystemStore) {
        stores.push_back({name, pki::StoreKind::own, anchors_of(name)});
        continue;
      }
      stores.push_back({name, pki::StoreKind::system, system()});
      // What was added to the system's by hand is no public root.
      if (std::vector<pki::Certificate> local = local_anchors(system()); !local.empty())
        stores.push_back({"local", pki::StoreKind::own, std::move(local)});
    }
    if (!own_.roots.empty()) stores.push_back({"everseal", pki::StoreKind::own, own_.roots});
    for (const std::string& name : further)
      stores.push_back({name, pki::StoreKind::further, name == kSystemStore ? system() : anchors_of(name)});
    return judge = std::make_shared<pki::ChainJudge>(std::move(stores), now_, own_.known);
  }

  bool judges_system() const noexcept { return system_.has_value(); }
  const std::vector<pki::Certificate>& system() {
    if (!system_) system_ = system_anchors();
    return *system_;
  }

 private:
  const OwnAuthorities& own_;
  base::Time now_;
  std::optional<std::vector<pki::Certificate>> system_;
  std::map<std::pair<std::vector<std::string>, std::vector<std::string>>, std::shared_ptr<pki::ChainJudge>> judges_;
};

// The rest is as `otherwise` has it.
void take_left(const std::optional<config::LifeLeft>& said, const audit::Threshold& otherwise,
               audit::Threshold& threshold) {
  if (!said) return;
  threshold = otherwise;
  if (said->of == 0) {
    threshold.exactly = said->time;
  } else {
    threshold.part = said->part;
    threshold.of = said->of;
  }
}

std::string shown(const audit::Threshold& threshold) {
  if (threshold.exactly) return base::format_duration(*threshold.exactly);
  return fmt::format("{}/{} of a life, at most {}", threshold.part, threshold.of,
                     base::format_duration(threshold.most));
}

// Of two that are said in one way the warning is the larger; of others it comes first in one of the lives that public
// and internal CAs give.
void require_warning_first(const audit::Criteria& criteria) {
  constexpr base::Seconds kUsualLives[] = {7 * audit::kDay, 30 * audit::kDay, 90 * audit::kDay, 200 * audit::kDay,
                                           398 * audit::kDay};
  const audit::Threshold& warning = criteria.warning;
  const audit::Threshold& critical = criteria.critical;
  const bool are_parts = !warning.exactly && !critical.exactly;
  const bool is_smaller = are_parts ? warning.part * critical.of <= critical.part * warning.of
                                    : warning.exactly && critical.exactly && *warning.exactly <= *critical.exactly;
  const bool is_never = std::ranges::all_of(
      kUsualLives, [&](base::Seconds life) { return warning.left_at(life) <= critical.left_at(life); });
  if (!is_smaller && !is_never) return;
  throw base::Error(
      base::Fault::config,
      fmt::format("the warning ({}) never comes before the critical ({})", shown(warning), shown(critical)),
      "warn at the larger one: 1/4 before 1/8, or 30d before 7d");
}

void take_thresholds(const config::Environment& environment, audit::Criteria& criteria) {
  take_left(environment.warning_left, audit::kWarnAt, criteria.warning);
  take_left(environment.critical_left, audit::kCriticalAt, criteria.critical);
}

}  // namespace

base::Problems audit_problems(const config::Settings& settings) {
  base::Problems problems;
  const auto check = [&](const base::Origin& origin, const std::string& key, const auto& work) {
    try {
      work();
    } catch (const base::Error& error) {
      if (error.fault() != base::Fault::config) throw;
      problems.push_back(
          {.origin = origin, .key = key, .message = error.message(), .hint = error.hint(), .subject = {}});
    }
  };
  const auto check_stores = [&](const base::Origin& origin, const std::string& key,
                                const std::vector<std::string>& stores) {
    for (const std::string& store : stores)
      if (store != kSystemStore) check(origin, key, [&] { anchors_of(store); });
  };
  check(settings.audit.origin, "audit.policy", [&] { find_policy(settings.audit.policy); });
  check_stores(settings.audit.origin, "audit.trust", settings.audit.trust);
  check_stores(settings.audit.origin, "audit.further_trust", settings.audit.further_trust);
  for (const auto& [name, environment] : settings.environments) {
    const std::string key = fmt::format("environment.{}", name);
    if (environment.policy) check(environment.origin, key + ".policy", [&] { find_policy(*environment.policy); });
    check_stores(environment.origin, key + ".trust", environment.trust);
    check_stores(environment.origin, key + ".further_trust", environment.further_trust);
    check(environment.origin, key, [&] {
      audit::Criteria criteria;
      take_thresholds(environment, criteria);
      require_warning_first(criteria);
    });
  }
  endpoints_of(settings, Secrets::left, problems);
  return problems;
}

audit::Policy find_policy(const std::string& name_or_path) {
  if (config::is_built_in_policy(name_or_path)) return audit::built_in_policy(name_or_path);
  const base::Bytes text = read_named_file(name_or_path, kLargestPolicy, "policy");
  return audit::parse_policy(base::as_text(text), name_or_path);
}

Standards::Standards(const config::Settings& settings, const Override& override, const OwnAuthorities& own,
                     base::Time now) {
  Stores stores(own, now);
  const auto keys = std::make_shared<pki::KeyJudge>(std::make_shared<const pki::KnownKeys>(pki::KnownKeys::load()));

  const auto standard_of = [&](const std::string& policy, const std::vector<std::string>& trust,
                               const std::vector<std::string>& further) {
    Standard standard;
    standard.criteria.policies.push_back(find_policy(override.policy.value_or(policy)));
    if (standard.criteria.policies.front().name != kWebPki)
      standard.criteria.policies.push_back(audit::built_in_policy(kWebPki));
    standard.criteria.keys = keys;
    standard.criteria.authorities = own.signs;
    standard.chains = stores.judge_of(trust, further);
    return standard;
  };
  const auto take_overrides = [&](Standard& standard) {
    take_left(override.warning, audit::kWarnAt, standard.criteria.warning);
    take_left(override.critical, audit::kCriticalAt, standard.criteria.critical);
    require_warning_first(standard.criteria);
  };

  plain_ = standard_of(settings.audit.policy, settings.audit.trust, settings.audit.further_trust);
  take_overrides(plain_);
  const auto add = [&](const base::Name& name, const config::Environment& environment) {
    // Whose clients are not the audit's, their further ones are not either.
    const bool is_apart = !environment.trust.empty() || !environment.further_trust.empty();
    Standard standard = standard_of(environment.policy.value_or(settings.audit.policy),
                                    environment.trust.empty() ? settings.audit.trust : environment.trust,
                                    is_apart ? environment.further_trust : settings.audit.further_trust);
    take_thresholds(environment, standard.criteria);
    for (const auto& [rule, severity] : environment.severity)
      standard.criteria.severities[rule] = *audit::parse_severity(severity);
    take_overrides(standard);
    by_environment_.emplace(name.text(), std::move(standard));
  };
  for (const auto& [name, environment] : settings.environments) {
    try {
      add(name, environment);
    } catch (const base::Error& error) {
      if (error.fault() != base::Fault::config) throw;
      unusable_.emplace(name.text(), base::Problem{.origin = environment.origin,
                                                   .key = fmt::format("environment.{}", name),
                                                   .message = error.message(),
                                                   .hint = error.hint(),
                                                   .subject = fmt::format("environment/{}", name)});
    }
  }
  has_system_store_ = !stores.judges_system() || !stores.system().empty();
}

Standard& Standards::of(const std::string& environment) {
  if (const auto wrong = unusable_.find(environment); wrong != unusable_.end())
    throw base::Error(base::Fault::config, base::without_hint(wrong->second), wrong->second.hint);
  const auto found = by_environment_.find(environment);
  return found == by_environment_.end() ? plain_ : found->second;
}

std::vector<inventory::EnvironmentPolicy> Standards::policies_of(const std::set<std::string>& environments) const {
  std::vector<inventory::EnvironmentPolicy> policies;
  for (const std::string& name : environments) {
    const auto found = by_environment_.find(name);
    if (found == by_environment_.end()) continue;
    const audit::Policy& its = found->second.criteria.policies.front();
    if (its.hash != policy().hash) policies.push_back({name, its.title(), its.hash});
  }
  return policies;
}

}  // namespace everseal::scan
