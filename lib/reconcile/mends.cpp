#include "reconcile/mends.h"

#include "base/error.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

constexpr int kMendsADay = 2;

int mends_within_a_day(Session& session, const std::string& subject) {
  int mends = 0;
  session.events.each({.subject = subject, .limit = 100}, [&](const inventory::EventRecord& event) {
    if (event.action == kDamaged && event.when > session.now() - std::chrono::days(1)) ++mends;
  });
  return mends;
}

}  // namespace

void require_mendable(Session& session, const std::string& subject, std::string_view what) {
  if (mends_within_a_day(session, subject) < kMendsADay) return;
  throw base::Error(base::Fault::exists,
                    fmt::format("what is deployed was changed again, after it was mended {} times within a day: {}",
                                kMendsADay, what),
                    "find what else writes there: another certificate, another program, a link or mount of it");
}

}  // namespace everseal::reconcile
