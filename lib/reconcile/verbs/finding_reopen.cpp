#include "reconcile/verbs/finding_reopen.h"

#include "reconcile/verbs/finding_acknowledge.h"

namespace everseal::reconcile {
namespace {

constexpr base::Option kReopenFields[] = {
    {.name = "rule", .summary = "the rule that it is of", .required = true},
    {.name = "place", .summary = "the place, as reports name it", .required = true},
};

Answer run_reopen(const Host& host, const base::Options& request) {
  return {reopen_finding(host, request.string("rule"), request.string("place"))};
}

}  // namespace

const Verb finding_reopen_verb{"finding reopen", 1,
                               Needs::store,     "take an acknowledgement back: the finding counts again",
                               kReopenFields,    run_reopen};

}  // namespace everseal::reconcile
