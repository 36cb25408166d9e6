#pragma once

#include "reconcile/verb.h"

namespace everseal::reconcile {

extern const Verb accept_clock_verb;

}  // namespace everseal::reconcile
