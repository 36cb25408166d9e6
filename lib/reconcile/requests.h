// Removals and revocations that are asked for, beside the versions that they are about: a database that is lost does
// not forget them (archive::Request).
#pragma once

#include "reconcile/session.h"
#include "reconcile/verdict.h"

#include <string_view>
#include <vector>

namespace everseal::reconcile {

// The archive says what is open of `name`, and nothing else. Durable on return.
void note_requests(Session& session, const Name& name);

// What stands at the targets of `name`, and the database knows nothing of, as it was made anew, is to be taken away with
// its keys. Within a transaction.
void know_targets(Session& session, const Name& name);

// What the archive says is open becomes so, unless it is or is moot by now.
std::vector<Outcome> take_in_requests(Session& session, const Name& name, std::string_view step);

}  // namespace everseal::reconcile
