#pragma once

#include "reconcile/verb.h"

namespace everseal::reconcile {

extern const Verb restore_verb;

}  // namespace everseal::reconcile
