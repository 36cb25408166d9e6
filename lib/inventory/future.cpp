#include "inventory/future.h"

#include "sql/query.h"

#include <string_view>

namespace everseal::inventory {
namespace {

// Whole tables, which happens once after a clock was wrong.
constexpr std::string_view kClips[] = {
    "update attempt set last = $1, not_before = case when not_before > $1 then $1 else not_before end where last > $1",
    "update deployment set changed = $1, not_before = case when not_before > $1 then $1 else not_before end where "
    "changed > $1",
    "update acme_order set created = case when created > $1 then $1 else created end, changed = case when changed > $1 "
    "then $1 else changed end where created > $1 or changed > $1",
    "update renewal_info set ask_again = $1 where ask_again > $1",
    "update version set created = $1 where created > $1",
    "update intent set created = case when created > $1 then $1 else created end, done_at = case when done_at > $1 "
    "then $1 else done_at end where created > $1 or done_at > $1",
    "update account set created = $1 where created > $1",
    "update former_place set left_at = $1 where left_at > $1",
    "update certificate set first_seen = $1 where first_seen > $1",
    "update certificate set revoked_at = $1 where revoked_at > $1",
    "update authority set crl_dirty = 1 where exists (select 1 from issued where issued.authority = authority.name and "
    "issued.revoked_at > $1)",
    "update issued set revoked_at = $1 where revoked_at > $1",
    // What was decided to wait for nothing may have been so for what the clock said.
    "update subject set look_again = $1 where look_again is null or look_again > $1",
};

}  // namespace

std::int64_t clip_future(Store& store, Time now) {
  std::int64_t clipped = 0;
  store.transaction([&] {
    for (const std::string_view sql : kClips) {
      sql::Query query(store.database(), sql);
      clipped += query->bind(1, base::to_unix(now)).execute();
    }
  });
  return clipped;
}

}  // namespace everseal::inventory
