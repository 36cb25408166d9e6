// What an audit saw, to a reader: places with what they show and what is wrong there.
#pragma once

#include "base/time.h"
#include "inventory/records.h"
#include "report/report.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::report {

// A rule as the audit's table has it.
struct AuditedRule {
  // failure: the place could not be looked at.
  enum class Nature { fault, failure };
  // What makes two findings of a rule the same one.
  enum class Identity { place, certificate };

  std::string_view id;        // "expiring"
  std::string_view severity;  // its own: "notice", "warning", "error", "critical", the gravest last
  std::string_view summary;   // one line
  std::string_view meaning;
  std::string_view remedy;
  std::string_view source;  // "RFC 5280 section 4.1.2.5"
  Nature nature = Nature::fault;
  Identity identity = Identity::place;
};

struct AuditedFinding {
  inventory::FindingRecord finding;
  std::optional<inventory::AcknowledgementRecord> acknowledgement;  // it counts for nothing while this holds
  std::optional<base::Time> since;                                  // first seen; absent where nobody remembers
  bool in_baseline = false;  // it stood in the report that this one is held against, and counts for nothing
};

// What a server takes and does, as far as more than one handshake was asked for; absent: not told.
struct AuditedOffer {
  std::vector<std::string> versions, ciphers, groups;  // each in the server's order; empty: not asked for
  std::optional<bool> server_order;                    // of the ciphers below TLS 1.3
  std::optional<bool> resumes, post_quantum, split_hello, large_hello;
  std::optional<base::Untrusted> strict_transport;  // value of the header, "" without one
  bool is_whole = true;                             // false: some of the lists was not answered
};

struct AuditedPlace {
  inventory::PlaceRecord place;
  inventory::ProbeRecord probe;
  std::vector<std::string> addresses;                      // that were looked at, where any of a name's will do
  std::vector<inventory::CertificateRecord> certificates;  // as shown, the leaf first; empty where none was
  std::vector<AuditedFinding> findings;                    // the gravest first
  std::optional<base::Name> managed;                       // which managed certificate the leaf is
  std::optional<base::Time> path_ends;  // first end on the path that clients use; absent: no such path
  std::optional<std::chrono::microseconds> resolve, connect, starttls;  // phases before the handshake
  std::optional<AuditedOffer> offer;                                    // absent: one handshake was all
};

// Whose metric names `AuditHead::compat` may name.
inline constexpr std::array<std::string_view, 3> kExporters{"blackbox", "cert-manager", "x509-exporter"};

struct AuditHead {
  base::Time began;
  std::string what;  // "12 endpoints of the config"
  std::string policy, policy_hash;
  std::vector<inventory::EnvironmentPolicy> by_environment{};  // that are judged by another one
  std::string version;                                         // of Everseal
  std::string host;                                            // where it ran
  std::string fail_on;                                         // severity from which on the run fails
  std::vector<AuditedRule> rules;                              // all of them
  std::vector<std::string> compat{};                           // exporters whose metric names are told beside ours
};

struct AuditSummary {
  base::Time ended;
  std::int64_t looked = 0;      // places
  std::int64_t failed = 0;      // of those, could not be looked at as a whole
  std::int64_t not_looked = 0;  // the run was stopped before them, or what names them is wrong
  bool is_whole = true;         // nothing beside them was left undone or could not be remembered
  std::vector<std::pair<std::string, std::int64_t>>
      findings;  // by severity, all four, the gravest first; known ones not
  std::int64_t acknowledged = 0;
  std::vector<std::string> remarks;  // what was not covered and why; printable
  int exit_code = 0;
};

// Used by one thread at a time: begin once, any number of places, then of compared ones, end once. Throws what `write`
// throws. Every kind escapes for its format what strangers and people wrote (Untrusted, environment, team, labels,
// source, reason, actor); `what`, `problem` and remarks are printable already.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  virtual void begin(const AuditHead& head) = 0;
  virtual void place(const AuditedPlace& place) = 0;
  // What only the comparison of all places told: at most once a place, each of which came before, behind the last
  // place. It has `place`, `probe.at` and `findings` alone.
  virtual void compared(const AuditedPlace& place) { this->place(place); }
  // What the program exits with: `summary.exit_code`, but where the format's readers have codes of their own.
  virtual int end(const AuditSummary& summary) = 0;
  // In the place of `end`, also before `begin`: there is no report because of this error. Absent: the format has no way
  // to say so, and it is told and the program ends as ever.
  virtual std::optional<int> fail(std::string_view) { return std::nullopt; }
};

struct AuditKind {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<AuditSink> (*open)(Surface surface);
};

std::span<const AuditKind* const> audit_kinds();
// Throws Error(usage) that lists the known ones.
const AuditKind& require_audit_kind(std::string_view name);

}  // namespace everseal::report
