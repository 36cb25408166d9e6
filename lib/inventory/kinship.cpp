#include "inventory/kinship.h"

#include "base/encoding.h"
#include "sql/query.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace everseal::inventory {
namespace {

// Rows of a table that another database may have too: which there are, and whether one is there.
struct Rows {
  std::string_view all;
  std::string_view one;
};
constexpr Rows kOwn[] = {
    {"select certificate from version where certificate is not null", "select 1 from version where certificate = $1"},
    {"select fingerprint from authority_certificate", "select 1 from authority_certificate where fingerprint = $1"},
    {"select cast(url as blob) from account", "select 1 from account where cast(url as blob) = $1"},
};

bool has_any(sql::Database& database) {
  return std::ranges::any_of(kOwn, [&](const Rows& rows) { return sql::Query(database, rows.all)->step(); });
}

bool share(sql::Database& one, sql::Database& other, const Rows& rows) {
  sql::Query all(one, rows.all);
  while (all->step()) {
    sql::Query found(other, rows.one);
    if (found->bind(1, all->blob(0)).step()) return true;
  }
  return false;
}

std::optional<std::int64_t> first_number(sql::Database& database, std::string_view chain) {
  sql::Query first(database, "select number from event where chain = $1 order by number limit 1");
  return first->bind(1, chain).step() ? std::optional(first->integer(0)) : std::nullopt;
}

std::optional<base::Bytes> hash_of(sql::Database& database, std::string_view chain, std::int64_t number) {
  sql::Query event(database, "select hash from event where chain = $1 and number = $2");
  if (!event->bind(1, chain).bind(2, number).step()) return std::nullopt;
  const base::BytesView hash = event->blob(0);
  return base::Bytes(hash.begin(), hash.end());
}

// The first events that both still have: a restore of an older backup lets histories part later.
bool begin_alike(sql::Database& one, sql::Database& other, std::string_view chain) {
  const auto first = first_number(one, chain);
  const auto its_first = first_number(other, chain);
  if (!first || !its_first) return false;
  const std::int64_t number = std::max(*first, *its_first);
  const auto hash = hash_of(one, chain, number);
  return hash && hash == hash_of(other, chain, number);
}

}  // namespace

bool are_of_one_state(sql::Database& one, sql::Database& other) {
  if (!has_any(one) || !has_any(other)) return true;
  for (const std::string_view chain : {"ca", "run"})
    if (begin_alike(one, other, chain)) return true;
  return std::ranges::any_of(kOwn, [&](const Rows& rows) { return share(one, other, rows); });
}

}  // namespace everseal::inventory
