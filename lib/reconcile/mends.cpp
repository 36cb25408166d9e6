#include "reconcile/mends.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/events.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

constexpr int kMendsADay = 2;
constexpr std::string_view kAsked = "files.mend_asked";
constexpr std::chrono::days kDay{1};
constexpr std::int64_t kLookedAt = 100;  // events

// When `target` was mended within a day, and since somebody last asked for it: oldest first.
std::vector<Time> recent_mends(Session& session, const std::string& subject, const Name& target) {
  const std::string at = fmt::format("\"target\":{}", base::json_string(target.text()));
  std::vector<Time> mends;
  session.events.each({.subject = subject, .limit = kLookedAt}, [&](const inventory::EventRecord& event) {
    if (event.action == kAsked) mends.clear();
    if (event.action != kDamaged || event.when <= session.now() - kDay) return;
    if (event.detail.find(at) != std::string::npos) mends.push_back(event.when);
  });
  return mends;
}

}  // namespace

void require_mendable(Session& session, const std::string& subject, const Name& target, std::string_view what) {
  const std::vector<Time> mends = recent_mends(session, subject, target);
  if (mends.size() < kMendsADay) return;
  const auto name = certificate_in(subject);
  const std::string now = name ? fmt::format("`everseal renew {}` mends it now", *name)
                               : "`everseal ca crl` with its name publishes it now";
  throw base::Error(
      base::Fault::exists,
      fmt::format("what is deployed was changed again, after it was mended {} times within a day: {}", mends.size(),
                  what),
      "find what else writes there: another certificate, another program, a link or mount of it; then " + now)
      .not_before(mends[mends.size() - kMendsADay] + kDay);
}

void ask_to_mend(inventory::Store& store, const std::string& subject, Time now) {
  bool mended = false;
  inventory::Events events(store);
  events.each({.subject = subject, .limit = kLookedAt}, [&](const inventory::EventRecord& event) {
    mended = event.action == kDamaged ? event.when > now - kDay : mended && event.action != kAsked;
  });
  if (mended) events.add(kAsked, subject, {}, now);
}

}  // namespace everseal::reconcile
