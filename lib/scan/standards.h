// What each environment demands, made once for a run: policies, thresholds, severities, trust stores.
#pragma once

#include "audit/criteria.h"
#include "config/config.h"
#include "inventory/records.h"
#include "pki/trust.h"
#include "scan/own_authorities.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace everseal::scan {

inline constexpr std::string_view kSystemStore = "system";

// What a run asks for in place of what the config says.
struct Override {
  std::optional<std::string> policy;  // a built-in one's name, or a path
  std::optional<config::LifeLeft> warning, critical;
};

struct Standard {
  audit::Criteria criteria;
  std::shared_ptr<pki::ChainJudge> chains;  // environments with the same stores share it
};

// For one thread at a time.
class Standards {
 public:
  // Reads every policy and trust store that `settings` or `override` names. Error(config) that names file and line
  // where what holds for all is wrong.
  Standards(const config::Settings& settings, const Override& override, const OwnAuthorities& own, base::Time now);

  // Error(config) for an environment that is unusable.
  Standard& of(const std::string& environment);
  // Environments that name what is wrong, by their name.
  const std::map<std::string, base::Problem, std::less<>>& unusable() const noexcept { return unusable_; }
  // The policy of what is in no environment, for a report: "intermediate 6.0", and its digest.
  const audit::Policy& policy() const noexcept { return plain_.criteria.policies.front(); }
  // Those of `environments` that are judged by another one, by name.
  std::vector<inventory::EnvironmentPolicy> policies_of(const std::set<std::string>& environments) const;
  bool has_system_store() const noexcept { return has_system_store_; }

 private:
  Standard plain_;
  std::map<std::string, Standard, std::less<>> by_environment_;
  std::map<std::string, base::Problem, std::less<>> unusable_;
  bool has_system_store_ = false;
};

// All that is wrong with what the config names for the audit, table by table: policies, trust stores, thresholds that
// never tell, files of targets. Opens no secret.
base::Problems audit_problems(const config::Settings& settings);

// A policy that is built in, or that a file holds. Error(config).
audit::Policy find_policy(const std::string& name_or_path);

}  // namespace everseal::scan
