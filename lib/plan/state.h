// How a managed certificate stands, in one word, for who looks over all of them.
#pragma once

#include "inventory/records.h"
#include "plan/certificate.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::plan {

// The worst first.
enum class State {
  expired,         // the version in use has ended
  revoked,         // the version in use was revoked, and nothing took its place yet
  needs_operator,  // a step can never succeed as things are, or what was asked for cannot stay so
  failing,         // the last attempt at a step failed, or a renewal is overdue
  misconfigured,   // its table in the config is wrong: what it said before stands, or nothing
  pending,         // nothing was issued yet
  unverified,      // in place, and nothing proved that it is served
  orphaned,        // vanished from the config: it lives, and nobody renews it
  once,            // got once; nothing renews it
  live,
};
std::string_view to_string(State state) noexcept;

// Does a person have to do something about it?
enum class Attention { none, needed };

struct StandingState {
  State state = State::live;
  Attention attention = Attention::none;
  std::string why;  // printable; "" where there is nothing to say
};

// Stored facts, and what the disk says of the version in use. Deployments and failed attempts at targets and issuers
// that `wanted` does not name say nothing.
struct StateFacts {
  std::optional<config::Certificate> wanted;  // absent where its stored form cannot be read any more
  bool orphaned = false;
  Renewal renewal = Renewal::automatic;
  std::optional<inventory::VersionRecord> in_use;  // plan::version_in_use
  std::optional<inventory::VersionRecord> ahead;   // what is live although its validity is still to begin
  std::optional<Time> look_again;                  // when it was to be looked at
  std::vector<inventory::DeploymentRecord> deployments;
  std::vector<inventory::AttemptRecord> attempts;
  std::optional<std::string> unproved;  // plan::unproved
  std::optional<Held> held;             // plan::held
  std::string config_problem;           // what is wrong with its table as it is now; "": nothing
  std::string loss;                     // plan::loss
  bool touched = false;       // the files of what is in use look otherwise than when they were last found right
  std::string clock_problem;  // why the clock is not to be trusted; "": it is
  std::string removal;        // who asked for its removal, which is not finished; "": nobody
  std::vector<inventory::IntentRecord> revocations{};  // that are open; each has a version
};

StandingState state_of(const StateFacts& facts, Time now);

// Of an authority: stored facts, and what `trouble` and `loss` say of its files.
struct AuthorityStateFacts {
  std::string trouble;                      // why it cannot sign at all, with what to do; "": nothing is known
  std::optional<Time> begins;               // its certificate; nullopt while it waits for its intermediate
  std::optional<Time> ends;                 // the same
  std::string loss;                         // what of its CRL the next run puts right; "": nothing
  bool is_used = false;                     // something in use was signed by it
  bool cuts = false;                        // something in use ends with it: it would live longer but for that
  std::optional<inventory::CrlRecord> crl;  // the newest
  std::optional<Time> look_again;           // when it was to be looked at
  std::vector<inventory::DeploymentRecord> deployments;  // of its CRL
  std::vector<inventory::AttemptRecord> attempts;
};

// One that ended needs somebody as long as something is in use that it signed.
StandingState state_of(const AuthorityStateFacts& facts, Time now);

}  // namespace everseal::plan
