#include "audit_surroundings.h"

#include "base/error.h"
#include "base/secret_file.h"
#include "base/text.h"
#include "config/load.h"
#include "config_problems.h"
#include "reconcile/access.h"
#include "reconcile/kinds.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::cli {
namespace {

using base::Error;
using base::Fault;

constexpr int kNoneLookedAt = 1, kNothingToLookAt = 2;

std::optional<config::LifeLeft> life_left(const Arguments& arguments, std::string_view option) {
  const auto text = arguments.one(option);
  if (!text) return std::nullopt;
  if (const auto parsed = config::parse_life_left(*text)) return parsed;
  throw Error(Fault::usage,
              fmt::format("--{}: '{}' is neither a part of a life nor a time", option, base::printable(*text)),
              "write \"1/4\" or \"30d\"");
}

// Also where nobody may look whether there is one: to open it says why.
bool may_have_state(const reconcile::Host& host) {
  std::error_code error;
  return std::filesystem::status(host.state + "/everseal.db", error).type() != std::filesystem::file_type::not_found;
}

// Root may use any, and where it does not something is out of order.
bool is_of_another(const std::string& state) {
  struct stat found {};
  if (::geteuid() == 0) return false;
  return ::stat(state.c_str(), &found) == 0 ? found.st_uid != ::geteuid() : errno == EACCES;
}

// What is wrong in what was asked is not a state that is out of order.
bool is_mistake(const Error& error) {
  return error.fault() == Fault::config || error.fault() == Fault::usage || error.fault() == Fault::cancelled;
}

// What only a state knows (the names of authorities without a table) is taken as right.
Surroundings config_alone(const reconcile::Host& host) {
  Surroundings around;
  const config::Sources sources = config::read_each(host.files);
  for (const auto& [path, problem] : sources.unread) around.problems.push_back(problem);
  around.config =
      config::parse(sources.files, reconcile::config_kinds({}), around.problems, config::References::elsewhere);
  return around;
}

}  // namespace

bool is_path(const std::string& text) {
  struct stat status {};
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("../") ||
         ::stat(text.c_str(), &status) == 0;
}

Surroundings surroundings(const reconcile::Host& host, sql::Access access, bool needed) {
  if (!needed && !may_have_state(host)) return config_alone(host);
  Surroundings around;
  around.store.emplace(reconcile::open_store(host, access));
  around.config = reconcile::read_config(host.files, *around.store, around.problems);
  return around;
}

Surroundings surroundings_or_config(const reconcile::Host& host, bool needed) {
  try {
    return surroundings(host, sql::Access::read_write, needed);
  } catch (const Error& error) {
    if (is_mistake(error) || error.fault() == Fault::busy || (needed && !may_have_state(host))) throw;
    Surroundings around = config_alone(host);
    around.why_no_store = error.message();
    around.is_foreign = is_of_another(host.state);
    return around;
  }
}

Surroundings what_is_known(const reconcile::Host& host, std::vector<std::string>& remarks) {
  Surroundings around;
  try {
    around = surroundings(host, sql::Access::read_only, false);
  } catch (const Error& error) {
    if (is_mistake(error)) throw;
    remarks.push_back(fmt::format("which certificates are kept alive here was not to be known: {}", error.message()));
    around = config_alone(host);
  }
  for (const base::Problem& problem : around.problems) remarks.push_back(to_string(problem));
  return around;
}

scan::Standards standards_of(const Context& context, Surroundings& around, base::Time now) {
  const scan::Override override{.policy = context.arguments.one("policy"),
                                .warning = life_left(context.arguments, "warning"),
                                .critical = life_left(context.arguments, "critical")};
  if (const auto environment = context.arguments.one("env"))
    base::within("--env", [&] { config::require_environment(around.config, *environment); });
  const auto own = around.store ? scan::own_authorities(*around.store, around.config) : scan::OwnAuthorities();
  return {around.config, override, own, now};
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string("localhost");
}

audit::Severity fail_on(const Context& context) {
  const auto text = context.arguments.one("fail-on");
  if (!text) return audit::Severity::error;
  if (const auto parsed = audit::parse_severity(*text)) return *parsed;
  std::vector<std::string> known;
  for (const audit::Severity one : audit::kAllSeverities) known.emplace_back(audit::to_string(one));
  throw Error(Fault::usage, fmt::format("--fail-on: '{}' is no severity", base::printable(*text)),
              fmt::format("one of: {}", base::join(known, ", ")));
}

int exit_code_of(const LookCounts& counts) {
  if (counts.has_finding) return kFindings;
  const bool is_partial = counts.failed > 0 || counts.not_looked > 0;
  if (is_partial && counts.failed == counts.looked) return kNoneLookedAt;
  if (is_partial || counts.is_untold) return kSomeNotLookedAt;
  return counts.looked == 0 && !counts.may_be_empty ? kNothingToLookAt : 0;
}

std::optional<scan::CrlSource> crl_source(Surroundings& around) {
  const config::Settings& settings = around.config;
  if (!settings.audit.fetches) return std::nullopt;
  scan::CrlSource source{.rules = {.allowed = settings.audit.fetch_allow, .proxy = settings.proxy, .proxy_login = {}},
                         .directory = {},
                         .own = {}};
  if (settings.proxy_password_file)
    source.rules.proxy_login =
        std::make_shared<const base::Secret>(base::read_secret_file(*settings.proxy_password_file));
  if (around.store) source.own = scan::own_crls(*around.store);
  return source;
}

}  // namespace everseal::cli
