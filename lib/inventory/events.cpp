#include "inventory/events.h"

#include "base/error.h"
#include "base/number.h"
#include "inventory/columns.h"
#include "pki/digest.h"
#include "sql/migration.h"
#include "sql/query.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::inventory {
namespace {

constexpr std::string_view kSealed = "history.sealed";
constexpr int kTwoChains = 5;  // the schema since which there are two
constexpr std::int64_t kMost = 500'000;
constexpr std::int64_t kFewest = 1000;
// Each seal is an event itself, so that a few are not worth one.
constexpr std::int64_t kWorthSealing = 1000;

struct Head {
  std::int64_t number = 0;
  pki::Sha256 hash{};
};

// Chains begin differently, so that none passes for the other.
Head beginning(Chain chain) {
  Head head;
  if (chain == Chain::ca) head.hash = pki::sha256(base::as_bytes(to_string(chain)));
  return head;
}

Anchor anchor_of(Chain chain, const Head& head) { return {chain, head.number, base::hex(head.hash)}; }

void put_number(base::Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_text(base::Bytes& out, std::string_view text) {
  put_number(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

// What is hashed of one event: each part behind its length, so that no two events have one encoding.
struct Line {
  std::int64_t number;
  std::int64_t at;
  std::string_view actor;
  std::string_view action;
  std::string_view subject;
  std::string_view detail;

  pki::Sha256 hash_after(const pki::Sha256& previous) const {
    base::Bytes out;
    out.reserve(96 + actor.size() + action.size() + subject.size() + detail.size());
    put_text(out, base::as_text(previous));
    put_number(out, static_cast<std::uint64_t>(number));
    put_number(out, static_cast<std::uint64_t>(at));
    put_text(out, actor);
    put_text(out, action);
    put_text(out, subject);
    put_text(out, detail);
    return pki::sha256(out);
  }
};

pki::Sha256 hash_of(base::BytesView octets, std::int64_t number) {
  pki::Sha256 hash;
  if (octets.size() != hash.size())
    throw base::Error(base::Fault::corrupt, fmt::format("event {} of the history has no hash", number),
                      "`everseal restore FILE` brings back a backup");
  std::copy(octets.begin(), octets.end(), hash.begin());
  return hash;
}

Head newest(sql::Database& database, Chain chain) {
  sql::Query query(database, "select number, hash from event where chain = $1 order by number desc limit 1");
  query->bind(1, to_string(chain));
  if (!query->step()) return beginning(chain);
  return {query->integer(0), hash_of(query->blob(1), query->integer(0))};
}

// nullopt: there is none of that number
std::optional<pki::Sha256> hash_at(sql::Database& database, Chain chain, std::int64_t number) {
  sql::Query query(database, "select hash from event where chain = $1 and number = $2");
  query->bind(1, to_string(chain)).bind(2, number);
  if (!query->step()) return std::nullopt;
  return hash_of(query->blob(0), number);
}

void insert(sql::Database& database, Chain chain, const Line& line, base::BytesView hash) {
  sql::Query query(database,
                   "insert into event (chain, number, at, actor, action, subject, detail, hash) "
                   "values ($1, $2, $3, $4, $5, $6, $7, $8)");
  query->bind(1, to_string(chain))
      .bind(2, line.number)
      .bind(3, line.at)
      .bind(4, line.actor)
      .bind(5, line.action)
      .bind(6, line.subject)
      .bind(7, line.detail)
      .bind(8, hash)
      .execute();
}

constexpr std::string_view kLines =
    "select number, at, actor, action, subject, detail, hash from event where chain = $1 and number > $2 "
    "order by number";

Line line_at(const sql::Statement& row) {
  return {row.integer(0), row.integer(1), row.text(2), row.text(3), row.text(4), row.text(5)};
}

std::string detail_json(const std::vector<std::pair<std::string, std::string>>& detail) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& [key, value] : detail) object[key] = value;
  return object.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

std::string missing(std::int64_t first, std::int64_t last) {
  return first == last ? fmt::format("event {} is missing", first)
                       : fmt::format("events {} to {} are missing", first, last);
}

void each_row(sql::Query& query, const std::function<void(const EventRecord&)>& row) {
  EventRecord event;
  while (query->step()) {
    event.chain = enum_at(*query, 0, parse_chain, "a chain of the history");
    event.number = query->integer(1);
    event.when = base::from_unix(query->integer(2));
    event.actor = query->text(3);
    event.action = query->text(4);
    event.subject = query->text(5);
    event.detail = query->text(6);
    event.hash = base::hex(query->blob(7));
    row(event);
  }
}

// What the newest seal says of what went; the beginning where there is none.
Head sealed_through(sql::Database& database, Chain chain) {
  sql::Query query(database, "select detail from event where chain = $1 and action = $2 order by number desc limit 1");
  query->bind(1, to_string(chain)).bind(2, kSealed);
  if (!query->step()) return beginning(chain);
  const auto detail = nlohmann::json::parse(query->text(0), nullptr, false);
  const auto text = [&](const char* key) {
    return detail.is_object() && detail.contains(key) && detail[key].is_string() ? detail[key].get<std::string>()
                                                                                 : std::string();
  };
  const auto seal = Anchor::parse(text("through") + ":" + text("hash"));
  if (!seal) return beginning(chain);
  return {seal->number, pki::Fingerprint::parse(seal->hash)->octets};
}

void check_anchor(sql::Database& database, const Anchor& anchor, const Head& first, ChainVerdict& verdict) {
  if (anchor.number > verdict.head.number) {
    verdict.problem =
        fmt::format("the history ends with event {}, before its anchor {}: it was cut off or an older copy came back",
                    verdict.head.number, anchor.number);
  } else if (anchor.number < first.number) {
    verdict.note = fmt::format("its anchor {} lies before event {}, which the seal names: it proves nothing any more",
                               anchor.number, first.number);
  } else {
    const auto hash = anchor.number == first.number ? first.hash : *hash_at(database, anchor.chain, anchor.number);
    if (base::hex(hash) != anchor.hash)
      verdict.problem =
          fmt::format("event {} is not the one that its anchor names: the history was written anew", anchor.number);
  }
}

ChainVerdict verify_chain(sql::Database& database, Chain chain, std::span<const Anchor> anchors) {
  ChainVerdict verdict;
  const Head first = sealed_through(database, chain);
  Head previous = first;
  verdict.head = anchor_of(chain, first);
  verdict.sealed = first.number;
  sql::Query query(database, kLines);
  query->bind(1, to_string(chain)).bind(2, std::numeric_limits<std::int64_t>::min());
  while (query->step()) {
    const Line line = line_at(*query);
    const std::int64_t expected = previous.number + 1;
    if (line.number != expected) {
      verdict.problem = line.number > expected ? missing(expected, line.number - 1)
                                               : fmt::format("event {} is none of ours", line.number);
      return verdict;
    }
    const pki::Sha256 hash = line.hash_after(previous.hash);
    const base::BytesView stored = query->blob(6);
    if (!std::equal(hash.begin(), hash.end(), stored.begin(), stored.end())) {
      verdict.problem = fmt::format("event {} was changed", line.number);
      return verdict;
    }
    previous = {line.number, hash};
    verdict.head = anchor_of(chain, previous);
    ++verdict.checked;
  }
  for (const Anchor& anchor : anchors)
    if (anchor.chain == chain && verdict.problem.empty()) check_anchor(database, anchor, first, verdict);
  verdict.intact = verdict.problem.empty();
  return verdict;
}

// The last event of `run` that may go, 0 where none may.
std::int64_t last_to_prune(sql::Database& database, std::int64_t head, Time now) {
  sql::Query query(database, "select number, at from event where chain = 'run' order by number");
  std::int64_t first = 0, last = 0;
  while (query->step()) {
    const std::int64_t number = query->integer(0);
    if (first == 0) first = number;
    const bool old = base::from_unix(query->integer(1)) < now - kRemembered || number <= head - kMost;
    if (!old || number > head - kFewest) break;
    last = number;
  }
  return last - first + 1 >= kWorthSealing ? last : 0;
}

}  // namespace

bool HistoryVerdict::intact() const noexcept { return std::ranges::all_of(chains, &ChainVerdict::intact); }

std::string HistoryVerdict::problem() const {
  std::string text;
  for (const ChainVerdict& chain : chains)
    if (!chain.intact)
      text += fmt::format("{}chain {}: {}", text.empty() ? "" : "; ", to_string(chain.head.chain), chain.problem);
  return text;
}

std::string Anchor::text() const { return fmt::format("{}:{}:{}", to_string(chain), number, hash); }

std::optional<Anchor> Anchor::parse(std::string_view text) {
  Anchor anchor;
  auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  if (const auto chain = parse_chain(text.substr(0, colon))) {
    anchor.chain = *chain;
    text.remove_prefix(colon + 1);
    colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
  }
  const auto number = base::parse_number<decltype(anchor.number)>(text.substr(0, colon));
  const auto hash = pki::Fingerprint::parse(text.substr(colon + 1));
  if (!number || *number < 0 || !hash) return std::nullopt;
  anchor.number = *number;
  anchor.hash = hash->text();
  return anchor;
}

void Events::add(std::string_view action, const std::string& subject,
                 const std::vector<std::pair<std::string, std::string>>& detail, Time now, Chain chain) {
  store_.transaction([&] {
    const Head head = newest(store_.database(), chain);
    const std::string json = detail_json(detail);
    const Line line{head.number + 1, base::to_unix(now), store_.actor(), action, subject, json};
    insert(store_.database(), chain, line, line.hash_after(head.hash));
  });
}

void Events::each(const EventFilter& filter, const std::function<void(const EventRecord&)>& row) {
  const std::string_view about = filter.subject.empty() ? "1 = 1" : "subject = $1";
  std::string sql =
      fmt::format("select chain, number, at, actor, action, subject, detail, hash from event where {}", about);
  if (filter.limit >= 0)
    sql += fmt::format(
        " and id >= (select min(id) from (select id from event where {} order by id desc limit $2) newest)", about);
  sql += " order by id";
  sql::Query query(store_.database(), sql);
  if (!filter.subject.empty()) query->bind(1, filter.subject);
  if (filter.limit >= 0) query->bind(2, filter.limit);
  each_row(query, row);
}

void Events::each_between(Time from, Time until, const std::function<void(const EventRecord&)>& row) {
  sql::Query query(
      store_.database(),
      "select chain, number, at, actor, action, subject, detail, hash from event where at >= $1 and at < $2 "
      "order by id");
  query->bind(1, base::to_unix(from)).bind(2, base::to_unix(until));
  each_row(query, row);
}

std::optional<Time> Events::newest_time() {
  sql::Query query(store_.database(), "select at from event order by id desc limit 1");
  if (!query->step()) return std::nullopt;
  return base::from_unix(query->integer(0));
}

Anchor Events::head(Chain chain) { return anchor_of(chain, newest(store_.database(), chain)); }

std::array<Anchor, kChains.size()> Events::heads() {
  std::array<Anchor, kChains.size()> heads;
  store_.snapshot([&] { std::ranges::transform(kChains, heads.begin(), [&](Chain chain) { return head(chain); }); });
  return heads;
}

HistoryVerdict Events::verify(std::span<const Anchor> anchors) {
  HistoryVerdict verdict;
  store_.snapshot([&] {
    std::ranges::transform(kChains, verdict.chains.begin(),
                           [&](Chain chain) { return verify_chain(store_.database(), chain, anchors); });
  });
  return verdict;
}

std::int64_t Events::prune(Time now) {
  std::int64_t pruned = 0;
  store_.transaction([&] {
    sql::Database& database = store_.database();
    const std::int64_t last = last_to_prune(database, newest(database, Chain::run).number, now);
    if (last == 0) return;
    const auto hash = hash_at(database, Chain::run, last);
    add(kSealed, "store", {{"through", std::to_string(last)}, {"hash", base::hex(*hash)}}, now);
    sql::Query remove(database, "delete from event where chain = 'run' and number <= $1");
    pruned = remove->bind(1, last).execute();
  });
  return pruned;
}

std::int64_t Events::take_over(sql::Database& other) {
  std::int64_t taken = 0;
  if (sql::schema_version(other) < kTwoChains) return taken;
  store_.transaction([&] {
    const Head ours = newest(store_.database(), Chain::ca);
    if (ours.number > 0 && hash_at(other, Chain::ca, ours.number) != ours.hash) return;
    Head previous = ours;
    sql::Query query(other, kLines);
    query->bind(1, to_string(Chain::ca)).bind(2, ours.number);
    while (query->step()) {
      const Line line = line_at(*query);
      previous.hash = line.hash_after(previous.hash);
      // What does not follow was changed: it is left where it is.
      if (line.number != ++previous.number || previous.hash != hash_of(query->blob(6), line.number)) return;
      insert(store_.database(), Chain::ca, line, previous.hash);
      ++taken;
    }
  });
  return taken;
}

std::string newest_action(sql::Database& database, std::string_view subject) {
  sql::Query query(database, "select action from event where subject = $1 order by rowid desc limit 1");
  query->bind(1, subject);
  return query->step() ? std::string(query->text(0)) : std::string();
}

}  // namespace everseal::inventory
