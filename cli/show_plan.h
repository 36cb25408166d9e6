#pragma once

#include "command.h"
#include "reconcile/verbs/plan.h"

#include <vector>

namespace everseal::cli {

int show_plan(const Context& context, const std::vector<reconcile::PlannedSubject>& planned);

}  // namespace everseal::cli
