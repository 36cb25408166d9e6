#include "reconcile/verbs/rebuild.h"

#include "reconcile/recover.h"

namespace everseal::reconcile {
namespace {

Answer run_rebuild(const Host& host, const base::Options&) { return {rebuild(host)}; }

}  // namespace

const Verb rebuild_verb{
    "doctor rebuild",
    1,
    Needs::parked,
    "recreate the database from what can be read of it and from the archive, the CAs and the accounts beside it",
    {},
    run_rebuild};

}  // namespace everseal::reconcile
