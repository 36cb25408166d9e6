#include "inventory/events.h"

#include "base/error.h"
#include "pki/digest.h"
#include "sql/query.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::inventory {
namespace {

constexpr pki::Sha256 kBeginning{};
constexpr std::string_view kNewest = "select number, hash from event order by number desc limit 1";

struct Head {
  std::int64_t number = 0;
  pki::Sha256 hash = kBeginning;
};

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

Head newest(sql::Database& database) {
  sql::Query query(database, kNewest);
  Head head;
  if (!query->step()) return head;
  head.number = query->integer(0);
  const base::BytesView hash = query->blob(1);
  if (hash.size() != head.hash.size())
    throw base::Error(base::Fault::corrupt, fmt::format("event {} of the history has no hash", head.number),
                      "`everseal restore FILE` brings back a backup");
  std::copy(hash.begin(), hash.end(), head.hash.begin());
  return head;
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

std::string problem_at_anchor(const Anchor& anchor, const Anchor& head, const std::string& found) {
  if (anchor.number > head.number)
    return fmt::format(
        "the history ends with event {}, before its anchor {}: it was cut off or an older copy came back", head.number,
        anchor.number);
  if (found != anchor.hash)
    return fmt::format("event {} is not the one that its anchor names: the history was written anew", anchor.number);
  return {};
}

}  // namespace

std::string Anchor::text() const { return fmt::format("{}:{}", number, hash); }

std::optional<Anchor> Anchor::parse(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Anchor anchor;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, anchor.number);
  const auto hash = pki::Fingerprint::parse(text.substr(colon + 1));
  if (error != std::errc() || end != text.data() + colon || anchor.number < 0 || !hash) return std::nullopt;
  anchor.hash = hash->text();
  return anchor;
}

void Events::add(std::string_view action, const std::string& subject,
                 const std::vector<std::pair<std::string, std::string>>& detail, Time now) {
  store_.transaction([&] {
    const Head head = newest(store_.database());
    const std::string json = detail_json(detail);
    const Line line{head.number + 1, base::to_unix(now), store_.actor(), action, subject, json};
    sql::Query insert(store_.database(),
                      "insert into event (number, at, actor, action, subject, detail, hash) "
                      "values ($1, $2, $3, $4, $5, $6, $7)");
    insert->bind(1, line.number)
        .bind(2, line.at)
        .bind(3, line.actor)
        .bind(4, line.action)
        .bind(5, line.subject)
        .bind(6, line.detail)
        .bind(7, base::BytesView(line.hash_after(head.hash)))
        .execute();
  });
}

void Events::each(const EventFilter& filter, const std::function<void(const EventRecord&)>& row) {
  const std::string_view about = filter.subject.empty() ? "1 = 1" : "subject = $1";
  std::string sql = fmt::format("select number, at, actor, action, subject, detail, hash from event where {}", about);
  if (filter.limit >= 0)
    sql += fmt::format(
        " and number >= (select min(number) from (select number from event where {} order by number desc limit $2) "
        "newest)",
        about);
  sql += " order by number";
  sql::Query query(store_.database(), sql);
  if (!filter.subject.empty()) query->bind(1, filter.subject);
  if (filter.limit >= 0) query->bind(2, filter.limit);
  EventRecord event;
  while (query->step()) {
    event.number = query->integer(0);
    event.when = base::from_unix(query->integer(1));
    event.actor = query->text(2);
    event.action = query->text(3);
    event.subject = query->text(4);
    event.detail = query->text(5);
    event.hash = base::hex(query->blob(6));
    row(event);
  }
}

std::optional<Time> Events::newest_time() {
  sql::Query query(store_.database(), "select at from event order by number desc limit 1");
  if (!query->step()) return std::nullopt;
  return base::from_unix(query->integer(0));
}

Anchor Events::head() {
  const Head head = newest(store_.database());
  return {head.number, base::hex(head.hash)};
}

HistoryVerdict Events::verify(const std::optional<Anchor>& anchor) {
  HistoryVerdict verdict;
  pki::Sha256 previous = kBeginning;
  std::string at_anchor = base::hex(kBeginning);
  sql::Query query(store_.database(),
                   "select number, at, actor, action, subject, detail, hash from event order by number");
  while (query->step()) {
    const Line line{query->integer(0), query->integer(1), query->text(2),
                    query->text(3),    query->text(4),    query->text(5)};
    const std::int64_t expected = verdict.checked + 1;
    if (line.number != expected) {
      verdict.problem = line.number > expected ? missing(expected, line.number - 1)
                                               : fmt::format("event {} is none of ours", line.number);
      return verdict;
    }
    const pki::Sha256 hash = line.hash_after(previous);
    const base::BytesView stored = query->blob(6);
    if (!std::equal(hash.begin(), hash.end(), stored.begin(), stored.end())) {
      verdict.problem = fmt::format("event {} was changed", line.number);
      return verdict;
    }
    previous = hash;
    verdict.checked = line.number;
    verdict.head = {line.number, base::hex(hash)};
    if (anchor && anchor->number == line.number) at_anchor = verdict.head.hash;
  }
  if (verdict.checked == 0) verdict.head.hash = base::hex(kBeginning);
  if (anchor) verdict.problem = problem_at_anchor(*anchor, verdict.head, at_anchor);
  verdict.intact = verdict.problem.empty();
  return verdict;
}

}  // namespace everseal::inventory
