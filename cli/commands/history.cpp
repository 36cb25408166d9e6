#include "base/error.h"
#include "command.h"
#include "inventory/events.h"
#include "show_rows.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "only this certificate's"},
    {.name = "--last", .summary = "only the newest ones", .value = "N"},
    {.name = "--verify",
     .summary = "recompute the chain of hashes and say whether it is whole",
     .type = ArgumentType::flag},
    {.name = "--anchor", .summary = "with --verify: the head that was noted earlier", .value = "N:HASH"},
};

int verify(const Context& context, inventory::Events& events) {
  std::optional<inventory::Anchor> anchor;
  if (const auto text = context.arguments.one("anchor")) {
    anchor = inventory::Anchor::parse(*text);
    if (!anchor)
      throw base::Error(base::Fault::usage, "--anchor: expected NUMBER:HASH",
                        "it is what `everseal history --verify` printed earlier");
  }
  const inventory::HistoryVerdict verdict = events.verify(anchor);
  if (context.output == Output::json)
    print(fmt::format("{{\"intact\": {}, \"checked\": {}, \"head\": {}, \"problem\": {}}}\n", verdict.intact,
                      verdict.checked, base::json_string(verdict.head.text()), base::json_string(verdict.problem)));
  else if (verdict.intact)
    print(
        fmt::format("{} events, unchanged{}\nhead {}\nkeep the head elsewhere: `everseal history --verify --anchor "
                    "HEAD` then tells whether the past was rewritten\n",
                    verdict.checked, anchor ? " since the anchor" : "", verdict.head.text()));
  if (verdict.intact) return 0;
  throw base::Error(base::Fault::corrupt,
                    fmt::format("the history is not what it was: {}", base::printable(verdict.problem)),
                    "somebody or something changed the database; compare it with a backup");
}

constexpr report::Column kShown[] = {{"number", "#", report::Align::right},
                                     {"when", "WHEN"},
                                     {"actor", "WHO"},
                                     {"action", "WHAT"},
                                     {"subject", "OF"},
                                     {"detail", "DETAIL"}};
constexpr report::Column kAll[] = {{"number", ""},  {"when", ""},   {"actor", ""}, {"action", ""},
                                   {"subject", ""}, {"detail", ""}, {"hash", ""}};

report::Cell::Members members(const std::string& detail) {
  report::Cell::Members members;
  const auto parsed = nlohmann::ordered_json::parse(detail, nullptr, false);
  if (!parsed.is_object()) return {{"text", detail}};
  for (const auto& [key, value] : parsed.items())
    members.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  return members;
}

int run(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
  inventory::Events events(store);
  if (context.arguments.has("verify")) return verify(context, events);
  inventory::EventFilter filter;
  if (const auto name = context.arguments.one("NAME"))
    filter.subject = "certificate/" + base::Name::parse(*name, "certificate name").text();
  if (const auto last = context.arguments.one("last")) {
    const auto [end, error] = std::from_chars(last->data(), last->data() + last->size(), filter.limit);
    if (error != std::errc() || end != last->data() + last->size() || filter.limit < 1)
      throw base::Error(base::Fault::usage, fmt::format("--last: '{}' is not a number", base::printable(*last)));
  }
  const auto sink = open_sink(context);
  const bool json = context.output == Output::json;
  sink->begin("events", json ? std::span<const report::Column>(kAll) : std::span<const report::Column>(kShown));
  events.each(filter, [&](const inventory::EventRecord& event) {
    const report::Cell cells[] = {event.number,          event.when, event.actor, event.action, event.subject,
                                  members(event.detail), event.hash};
    sink->row(std::span(cells).first(json ? std::size(kAll) : std::size(kShown)));
  });
  sink->end();
  return 0;
}

}  // namespace

extern const Command history_command;
const Command history_command{"history",
                              Group::inventory,
                              "show what happened, and prove that it was not rewritten",
                              "  everseal history www\n  everseal history --verify",
                              kArguments,
                              run};

}  // namespace everseal::cli
