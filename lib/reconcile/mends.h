// What is found changed on the disk is mended twice a day. A third time something else writes there: to mend it again
// would be an outage that nobody hears of.
#pragma once

#include "reconcile/session.h"

#include <string>
#include <string_view>

namespace everseal::reconcile {

// The event of each mend: its subject is what was mended, its detail names the `target` where that was deployed.
inline constexpr std::string_view kDamaged = "files.damaged";

// Throws Error(exists), with what is wrong (printable) and when it may be mended again, where that was done at `target`
// as often as one day allows and nobody asked since.
void require_mendable(Session& session, const std::string& subject, const Name& target, std::string_view what);

// Somebody asks for `subject` by name: what was mended of it within the day counts no more. In the caller's
// transaction.
void ask_to_mend(inventory::Store& store, const std::string& subject, Time now);

}  // namespace everseal::reconcile
