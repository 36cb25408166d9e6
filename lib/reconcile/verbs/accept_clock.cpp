#include "reconcile/verbs/accept_clock.h"

#include "base/error.h"
#include "inventory/clock.h"
#include "reconcile/access.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

Answer run_accept_clock(const Host& host, const base::Options&) {
  const auto lease = lock_reconciler(host);
  inventory::Store store = open_store(host, sql::Access::read_write);
  const Time now = host.clock();
  if (now < host.build_date)
    throw base::Error(base::Fault::clock,
                      fmt::format("the clock says {}, and this program was built {}", base::format_time(now),
                                  base::format_time(host.build_date)),
                      "no clock is right that is behind that: set it (`timedatectl set-time`)");
  inventory::accept_clock(store, now, host.machine());
  const auto verdict = inventory::judge_clock(store, now, host.build_date, host.machine());
  if (!verdict.trusted) throw inventory::untrusted_clock(verdict);
  Answer answer;
  answer.verdict.outcomes.push_back(
      {.subject = "store",
       .target = {},
       .step = "clock",
       .text = fmt::format("the clock is taken to be right: {}", base::format_time(now))});
  return answer;
}

}  // namespace

const Verb accept_clock_verb{
    "doctor accept-clock",
    1,
    Needs::lease,
    "the clock is right: record that it jumped, and let nothing wait for a future that was none",
    {},
    run_accept_clock};

}  // namespace everseal::reconcile
