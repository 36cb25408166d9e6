// What is found changed on the disk is mended twice a day. A third time something else writes there: to mend it again
// would be an outage that nobody hears of.
#pragma once

#include "reconcile/session.h"

#include <string_view>

namespace everseal::reconcile {

// The event of each mend; its subject is what was mended.
inline constexpr std::string_view kDamaged = "files.damaged";

// Throws Error(exists), with what is wrong (printable), where `subject` was mended as often as one day allows.
void require_mendable(Session& session, const std::string& subject, std::string_view what);

}  // namespace everseal::reconcile
