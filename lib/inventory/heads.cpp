#include "inventory/heads.h"

#include "base/number.h"
#include "base/text.h"
#include "inventory/events.h"

#include <fmt/format.h>

namespace everseal::inventory {
namespace {

constexpr base::Seconds kDaily{86400};
const std::string kTold = "history.told";  // "UNIXTIME NUMBER", the number that of the authorities' head

std::int64_t count_in(std::string_view text) { return base::parse_number<std::int64_t>(text).value_or(0); }

bool is_due(Store& store, Time now, std::int64_t ca) {
  const auto told = store.setting(kTold);
  const auto words = base::split(told.value_or(""), ' ');
  if (words.size() != 2 || count_in(words[1]) != ca) return true;
  const Time when = base::from_unix(count_in(words[0]));
  return now < when || now >= when + kDaily;
}

}  // namespace

void tell_heads(Store& store, Time now, const std::function<void(const std::string& line)>& journal) {
  if (!journal) return;
  const auto heads = Events(store).heads();
  const std::int64_t ca = heads[static_cast<std::size_t>(Chain::ca)].number;
  if (!is_due(store, now, ca)) return;
  std::string line = "history of " + store.state() + ":";
  for (const Anchor& head : heads) line += " " + head.text();
  journal(line);
  // Told twice after a crash is no harm.
  store.transaction([&] { store.set_setting(kTold, fmt::format("{} {}", base::to_unix(now), ca)); },
                    Durability::deferred);
}

}  // namespace everseal::inventory
