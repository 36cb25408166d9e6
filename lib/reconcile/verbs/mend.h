#pragma once

#include "reconcile/verb.h"

namespace everseal::reconcile {

extern const Verb mend_verb;

}  // namespace everseal::reconcile
