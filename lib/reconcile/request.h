// A request for a verb as JSON: {"verb": "revoke", "form": 1, "request": {"name": "www", "reason": "superseded"}}.
#pragma once

#include "base/options.h"
#include "reconcile/verb.h"

#include <string>
#include <string_view>

namespace everseal::reconcile {

struct Request {
  const Verb* verb;
  base::Options fields;
};

// The fields of `said`, checked. Error(usage) that names each wrong or unknown one, with what was probably meant.
base::Options validated(const Verb& verb, const base::Table& said);

// Error(usage) where there is no such verb; Error(newer) where the form is one that this program does not know.
Request parse_request(std::string_view json);
// One line, which parse_request() reads back to the same. Fallbacks are written too.
std::string to_json(const Request& request);
// What was understood, as an object in one line.
std::string to_json(const base::Options& options);

// JSON Schema 2020-12 of all requests, with a newline at its end; `everseal help requests` prints it.
std::string request_schema();

}  // namespace everseal::reconcile
