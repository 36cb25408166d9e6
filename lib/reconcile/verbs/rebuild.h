#pragma once

#include "reconcile/verb.h"

namespace everseal::reconcile {

extern const Verb rebuild_verb;

}  // namespace everseal::reconcile
