#pragma once

#include "command.h"
#include "reconcile/plan.h"

#include <vector>

namespace everseal::cli {

int show_plan(const Context& context, const std::vector<reconcile::PlannedSubject>& planned);

}  // namespace everseal::cli
