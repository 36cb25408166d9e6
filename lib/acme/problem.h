// Problem documents (RFC 7807) as ACME CAs send them (RFC 8555 section 6.7).
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "base/value.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::acme {

// What the CA wrote. `type` keeps what follows "urn:ietf:params:acme:error:", or the whole where it is another.
struct Problem {
  std::string type;  // "rateLimited", "badNonce", ...; "" where absent
  base::Untrusted detail;
  int status = 0;              // of the document, or of HTTP where it says none
  base::Untrusted identifier;  // of a subproblem; "" where absent
  base::Untrusted instance;    // URL for people, of `userActionRequired`
  std::vector<Problem> subproblems;

  bool is(std::string_view short_type) const noexcept { return type == short_type; }
};

// Never fails: what is no problem document becomes a Problem that shows the beginning of the body.
Problem parse_problem(int http_status, std::string_view body);
// One that stands inside another document: the `error` of a challenge or an order.
Problem to_problem(const base::Table& document);

// One printable line: "rateLimited: too many orders (www.example.org: caa: ...)".
std::string to_string(const Problem& problem);

// The error that the problem means: denied where asking again cannot help without somebody's doing, unreachable where
// it may, with advice where there is some, and not before `retry_after`.
base::Error to_error(const Problem& problem, std::optional<base::Time> retry_after);

}  // namespace everseal::acme
