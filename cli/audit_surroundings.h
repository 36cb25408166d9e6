// What `audit` and `inspect` judge by: the config and the state, as far as there are any, and their common options.
#pragma once

#include "audit/rule.h"
#include "command.h"
#include "inventory/store.h"
#include "scan/revocations.h"
#include "scan/standards.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace everseal::cli {

// What exists is a path, and what is written like one is meant as one.
bool is_path(const std::string& text);

// The store may be missing where the command does not need it; the config is read all the same.
struct Surroundings {
  std::optional<inventory::Store> store;
  config::Config config;
  base::Problems problems;   // of the config
  std::string why_no_store;  // where there should be one; "" where there is one, or none was made
  bool is_foreign = false;   // because it is another user's
};
Surroundings surroundings(const reconcile::Host& host, sql::Access access, bool needed);
// The same for who writes, where what stands in the way of a state that is there keeps nobody from looking.
Surroundings surroundings_or_config(const reconcile::Host& host, bool needed);
// The same for who only reads: a state that cannot be read is a remark and nothing is known of it. Error(config) for a
// config that is wrong.
Surroundings what_is_known(const reconcile::Host& host, std::vector<std::string>& remarks);

// What is demanded here, with what the options --policy, --warning and --critical say instead. Error(usage/config).
scan::Standards standards_of(const Context& context, Surroundings& around, base::Time now);

std::string host_name();  // of this host, "localhost" where it has none

// How CRLs are fetched, kept nowhere; nothing where the config says that none are. Those of the state are read there.
// Opens the proxy's secret.
std::optional<scan::CrlSource> crl_source(Surroundings& around);

// --fail-on; error without it. Error(usage).
audit::Severity fail_on(const Context& context);

inline constexpr int kSomeNotLookedAt = 4;
// What such a command exits with.
struct LookCounts {
  bool has_finding = false;     // at or above --fail-on
  std::int64_t looked = 0;      // places
  std::int64_t failed = 0;      // of those, could not be looked at
  std::int64_t not_looked = 0;  // the run ended before them, or what names them is wrong
  bool is_untold = false;       // something of the run was not done or not remembered
  bool may_be_empty = false;    // places were looked at before, or names are asked about
};
int exit_code_of(const LookCounts& counts);

}  // namespace everseal::cli
