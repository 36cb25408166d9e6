// A verb: what a person asks for that changes something. One file in verbs/ defines `<stem>_verb`. Its fields are the
// request's: the check, the JSON form and the command line's arguments are made of them (request.h).
#pragma once

#include "base/options.h"
#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <span>
#include <string>
#include <string_view>

namespace everseal::reconcile {

// The right that a verb takes for itself.
enum class Needs {
  store,   // the database, which others use meanwhile
  lease,   // to be the one reconciler, and the store
  parked,  // the lease, and that nobody else has the store open
};
std::string_view to_string(Needs needs) noexcept;

struct Answer {
  Verdict verdict{};
  // What it prints with --json, where that is more than the verdict: an object without the format's number; ""
  // otherwise.
  std::string document{};
};

struct Verb {
  std::string_view name;  // "renew", "ca crl"
  int form;               // of the request: grows when a field goes or changes its meaning
  Needs needs;
  std::string_view summary;  // one line, lower case, no full stop
  std::span<const base::Option> fields;
  // `request` was validated against `fields`. Error where nothing was tried; what was tried is in the verdict. Null
  // where keys, passphrases or streams go in or out, which stay in the caller's own process: it calls what the header
  // declares.
  Answer (*run)(const Host& host, const base::Options& request);
};

// One row for each file in verbs/, sorted by the file's name.
std::span<const Verb* const> verbs();
const Verb* find_verb(std::string_view name) noexcept;  // null where there is none

}  // namespace everseal::reconcile
