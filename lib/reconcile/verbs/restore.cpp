#include "reconcile/verbs/restore.h"

#include "base/text.h"
#include "reconcile/recover.h"

#include <nlohmann/json.hpp>

namespace everseal::reconcile {
namespace {

using Json = nlohmann::ordered_json;

constexpr base::Option kRestoreFields[] = {
    {.name = "file", .type = base::OptionType::path, .summary = "what `everseal backup` wrote", .required = true},
    {.name = "other_state",
     .type = base::OptionType::boolean,
     .summary = "also where it is a backup of another state than this"}};

std::string json_of(const Restored& restored) {
  const inventory::Replacement& replacement = restored.replacement;
  Json files = Json::array();
  const auto said = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  for (const Outcome& outcome : restored.verdict.outcomes)
    files.push_back(
        {{"subject", outcome.subject},
         {"result", to_string(outcome.result)},
         {"change", said(outcome.facts.change)},
         {"version", outcome.facts.version ? Json(*outcome.facts.version) : Json()},
         {"not_after", outcome.facts.not_after ? Json(base::format_time(*outcome.facts.not_after)) : Json()},
         {"reason", said(outcome.facts.reason)},
         {"text", outcome.text},
         {"hint", said(outcome.facts.hint)}});
  return Json{{"replaced", replacement.replaced},
              {"forgotten", replacement.forgotten ? Json(replacement.forgotten->text()) : Json()},
              {"serials", replacement.serials},
              {"revocations", replacement.revocations},
              {"problems", replacement.problems},
              {"files", std::move(files)}}
             .dump(2, ' ', true, Json::error_handler_t::replace) +
         "\n";
}

Answer run_restore(const Host& host, const base::Options& request) {
  const Restored restored =
      restore(host, request.string("file"),
              request.boolean("other_state") ? inventory::OtherState::accepted : inventory::OtherState::refused);
  return {restored.verdict, json_of(restored)};
}

}  // namespace

const Verb restore_verb{"restore",      1,          Needs::parked, "put a backup in place of the database",
                        kRestoreFields, run_restore};

}  // namespace everseal::reconcile
