// One audit: looks at what is wanted, judges it, remembers it and reports it as it comes.
#pragma once

#include "discover/passwords.h"
#include "dns/observer.h"
#include "inventory/store.h"
#include "probe/probe.h"
#include "report/audit.h"
#include "scan/baseline.h"
#include "scan/own_servers.h"
#include "scan/renewals.h"
#include "scan/revocations.h"
#include "scan/standards.h"
#include "scan/targets.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace everseal::scan {

// Whose something is, by its names.
struct TeamPattern {
  std::string team;
  std::function<bool(const pki::Identifier&)> claims;
};

struct AuditRequest {
  std::vector<Wanted> endpoints;
  std::vector<std::string> paths;  // files and directories
  std::string environment;         // of files
  OwnServers own;                  // of this host; their listeners are looked at, and compared with their files
  discover::Passwords passwords;   // of what is encrypted there
  std::set<base::Name> clients;    // managed certificates that their profile makes for clients
  std::optional<CrlSource> crls;   // absent: nobody is asked for CRLs
  // What the DNS is asked about beside, the TLSA records of what is looked at by SMTP among it; absent: nothing.
  std::optional<std::vector<RenewedName>> dns;
  dns::CaaRecords caa = dns::CaaRecords::asked;
  probe::Limits limits;
  probe::Depth depth = probe::Depth::keys;                       // of each look
  enum class Further { daily, never } further = Further::daily;  // looks of probe::Depth::further, if `depth` is less
  std::vector<std::string> name_servers;                         // instead of the system's
  std::vector<TeamPattern> teams;                                // in their order
  std::optional<Baseline> baseline;                              // what stands there counts for nothing
  std::vector<std::string> whole;                                // sources all of whose endpoints are among these
  std::int64_t unusable = 0;  // endpoints beside them, of which nobody can tell what they are
  std::string what;           // "12 endpoints of the config"
  enum class Begin { anew, where_the_last_stopped } begin = Begin::anew;
};

struct AuditOutcome {
  base::Time began;             // what was recorded is not older
  std::int64_t looked = 0;      // places
  std::int64_t failed = 0;      // of those, could not be looked at as a whole, and nobody said that it may be so
  std::int64_t not_looked = 0;  // the run was stopped before them, or they are unusable
  // But for those that are known of, and those that say why a place could not be looked at.
  std::map<audit::Severity, std::int64_t> findings;
  std::int64_t acknowledged = 0;
  std::vector<std::string> remarks;    // what was not covered and why
  std::string why_not_remembered;      // "" where nothing stands in the way of the store, or there is none
  bool is_remembered_in_part = false;  // what came before that is
  bool is_complete = true;             // all that was wanted was looked at, and looked through
  std::set<std::int64_t> lapsed;       // as `Span` has them

  // Is there a finding at or above it?
  bool has(audit::Severity severity) const;
};

// How far it is, for who watches; called after each place.
using Progress = std::function<void(std::int64_t looked, std::int64_t of)>;

// Of what it looks at.
std::set<std::string> environments_of(const AuditRequest& request);

// Without a store nothing is remembered. Rows go to `sink`, which the caller has begun and ends. What the network or a
// file does is an outcome; throws what the store and the sink throw. When `stop` is requested what was seen until then
// is recorded and reported.
AuditOutcome audit(const AuditRequest& request, Standards& standards, inventory::Store* store, report::AuditSink& sink,
                   const std::function<base::Time()>& clock, const Progress& progress, std::stop_token stop);

// The audit's rules as a report shows them.
std::vector<report::AuditedRule> audited_rules();

}  // namespace everseal::scan
