// What came of a verb: one outcome a subject and target, and the exit code they add up to.
#pragma once

#include "base/name.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::reconcile {

enum class Result { done, failed, warned };
std::string_view to_string(Result result) noexcept;

struct Outcome {
  std::string subject;  // "certificate/www", "authority/corp"
  std::string target;   // deployment's name, issuer's name, or ""
  std::string step;     // "issue", "deploy", "verify", "revoke", ...
  Result result = Result::done;
  std::string text;  // printable: "version 3 is served by 127.0.0.1:443"
};

struct Verdict {
  std::vector<Outcome> outcomes;
  int renewed = 0;            // certificates that got a new version
  int standing_failures = 0;  // last attempts that failed and wait for their back-off, over the whole store
  std::optional<base::Time> look_again;

  // 0 done or nothing to do; 1 all that was tried failed, or nothing was tried while a last attempt stands failed; 4
  // some of both.
  int exit_code() const noexcept;
  // With `--exit-code`: 10 where something was renewed, 11 where something was renewed and something failed.
  int exit_code_of_renewal() const noexcept;
  void append(Verdict other);
};

// The JSON document that schema/output/verdict.schema.json describes.
std::string to_json(const Verdict& verdict);

}  // namespace everseal::reconcile
