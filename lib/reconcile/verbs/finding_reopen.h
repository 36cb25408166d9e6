#pragma once

#include "reconcile/verb.h"

namespace everseal::reconcile {

extern const Verb finding_reopen_verb;

}  // namespace everseal::reconcile
