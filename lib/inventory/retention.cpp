#include "inventory/retention.h"

#include "inventory/certificates.h"
#include "inventory/events.h"
#include "inventory/managed.h"

namespace everseal::inventory {
namespace {

// A transaction each, so that nobody waits long for the database.
constexpr int kAtOnce = 500;
constexpr int kMostTimes = 10;

}  // namespace

void prune(Store& store, Time now) {
  const Time before = now - kRemembered;
  Events(store).prune(now);
  for (int count = 0; count < kMostTimes; ++count)
    if (Certificates(store).prune(before, kAtOnce) < kAtOnce) break;
  Intents(store).prune(before, kAtOnce);
}

}  // namespace everseal::inventory
