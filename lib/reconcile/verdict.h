// What came of a verb: one outcome a subject and target, and the exit code they add up to.
#pragma once

#include "base/error.h"
#include "base/name.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::reconcile {

// How a step ended. rolled_back: what was put in place was not served, and the version before it is back; it counts as
// a failure, for nothing that was wanted is served. A rollback that a person asked for is `done`.
enum class Result { done, failed, warned, rolled_back };
std::string_view to_string(Result result) noexcept;

// What one listener showed.
struct Seen {
  std::string address;      // "127.0.0.1:443"
  std::string fingerprint;  // of the leaf that it served, SHA-256 in hex; "" where none came
  std::string problem;      // printable; "" where a handshake showed a leaf
};

// What a removal leaves: a "version" that is neither revoked nor expired, what is at a "target" or a "former_target",
// the "archive" and private "keys" in it, or a "file" of the config.
struct Left {
  std::string_view what;
  std::optional<std::int64_t> version{};  // of "version"
  std::optional<base::Time> not_after{};  // of "version"
  std::string target{};                   // deployment's name
  std::string path{};                     // the directory or file; "" where it has none
};

// What a script wants to know of an outcome without reading its text. What is not known or does not apply is empty.
struct Facts {
  std::optional<std::int64_t> version{};  // of the certificate, or the CRL's number
  std::string serial{};                   // hex
  std::string fingerprint{};              // SHA-256 of the DER, hex
  std::optional<base::Time> not_after{};
  std::optional<base::Time> renew_at{};
  std::string issuer{};                   // configured name
  std::string reason{};                   // of a revocation, RFC 5280's word
  std::vector<std::string> files{};       // paths that were written, changed or removed
  std::vector<Seen> seen{};               // by the listeners that were looked at
  std::optional<std::int64_t> back_to{};  // the version that is in place again
  std::optional<base::Fault> fault{};     // of what failed
  std::string hint{};                     // what to do next, printable
  std::optional<base::Time> retry_at{};   // when it is tried again by itself
  std::vector<Left> left{};               // by a removal
  std::string change{};                   // of what a look at the files beside the database took in: "known", ...
};

struct Outcome {
  std::string subject;  // "certificate/www", "authority/corp"
  std::string target;   // deployment's name, issuer's name, or ""
  std::string step;     // "issue", "deploy", "verify", "revoke", ...
  Result result = Result::done;
  std::string text;  // printable, and does not say again how it ended: "version 3 is served by 127.0.0.1:443"
  Facts facts{};
};

// The outcome of a step that `error` ended: its fault, hint and time for another try are facts, its message the text.
Outcome failure(std::string subject, std::string target, std::string step, const base::Error& error);

// How the step ended, for people: "issued", "not revoked", "rolled back". A warning is what was done, "verified".
std::string ended(const Outcome& outcome);

// What stands whatever was done, and needs a person.
struct Remark {
  std::string rule;     // identifies the kind: "orphaned", "needs_operator", ...
  std::string subject;  // "certificate/www"
  std::string text;     // printable
  std::string hint{};   // what to do, printable
};

struct Verdict {
  std::vector<Outcome> outcomes;
  std::vector<Remark> remarks{};
  int renewed = 0;            // certificates that got a new version
  int standing_failures = 0;  // last attempts that failed and wait for their back-off, over the whole store
  std::optional<base::Time> look_again;

  // 0 done or nothing to do; 1 all that was tried failed, or nothing was tried while a last attempt stands failed; 4
  // some of both, a failure that stands included.
  int exit_code() const noexcept;
  // With `--exit-code`: 10 where something was renewed, 11 where something was renewed and something failed.
  int exit_code_of_renewal() const noexcept;
  void append(Verdict other);  // what stopped both the same way is said once
};

// True where what was wanted was not reached.
constexpr bool is_failure(Result result) noexcept { return result == Result::failed || result == Result::rolled_back; }

// The JSON object that schema/output/verdict.schema.json describes, without the format's number, which the roof puts
// before it.
std::string to_json(const Verdict& verdict);

}  // namespace everseal::reconcile
