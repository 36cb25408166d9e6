#include "reconcile/verbs/mend.h"

#include "reconcile/recover.h"

namespace everseal::reconcile {
namespace {

Answer run_mend(const Host& host, const base::Options&) { return {mend(host)}; }

}  // namespace

const Verb mend_verb{"doctor mend",
                     1,
                     Needs::lease,
                     "put right what needs no CA: live links, lost rows, files that the database knows",
                     {},
                     run_mend};

}  // namespace everseal::reconcile
