// `issue --once` and `--csr`: what is asked for once under one name.
#pragma once

#include "reconcile/reconcile.h"
#include "reconcile/verbs/issue.h"

namespace everseal::reconcile {

// Takes down that `wanted` is to be issued once, where it has not been: a new version where there is none that is valid
// and as wanted, or with OnExisting::replace. Durable on return. Throws Error(exists) naming each difference from what
// was issued under the name, and where the name is kept alive.
void ask_once(Run& run, const config::Certificate& wanted, const IssueRequest& request);
// The same without a trace: would it be refused?
void check_once(Run& run, const config::Certificate& wanted, const IssueRequest& request);
// Was a version signed for an earlier request and not finished? It is finished before another request takes its place.
bool is_half_issued(Run& run, const Name& name);

}  // namespace everseal::reconcile
