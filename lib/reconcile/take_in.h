// A version that lies complete in the archive becomes known to the store.
#pragma once

#include "archive/archive.h"
#include "reconcile/session.h"

namespace everseal::reconcile {

// Its manifest tells what is wanted; where no such certificate is managed it becomes one that was issued once. A
// renewal time is drawn. `event` (not "") is recorded in the same transaction.
void take_in(Session& session, const archive::Version& version, const std::string& event = {},
             const Detail& detail = {});

}  // namespace everseal::reconcile
