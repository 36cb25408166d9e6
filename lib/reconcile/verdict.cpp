#include "reconcile/verdict.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::reconcile {
namespace {

using Json = nlohmann::ordered_json;

enum class Target { deployment, issuer };

// Each step in the words for its ends.
struct Words {
  std::string_view step;
  std::string_view done;
  std::string_view failed;
  Target target = Target::deployment;
};
constexpr Words kWords[] = {
    {"issue", "issued", "not issued", Target::issuer},
    {"live", "live", "not live"},
    {"deploy", "deployed", "not deployed"},
    {"verify", "verified", "not verified"},
    {"unverifiable", "not verified", "not verified"},
    {"rollback", "rolled back", "not rolled back"},
    {"retire", "retired", "not retired"},
    {"revoke", "revoked", "not revoked", Target::issuer},
    {"remove", "removed", "not removed"},
    {"delete-keys", "private keys destroyed", "private keys not destroyed"},
    {"prune", "old keys deleted", "old keys not deleted"},
    {"discard", "old versions taken away", "old versions not taken away"},
    {"compare", "looked at", "not as it should be"},
    {"renewal-info", "renewal information asked for", "no renewal information", Target::issuer},
    {"crl", "new CRL", "no new CRL"},
    {"cancel", "withdrawn", "not withdrawn"},
    {"plan", "planned", "not planned"},
    {"rehearse", "rehearsed", "rehearsal failed", Target::issuer},
    {"import", "taken over", "not taken over", Target::issuer},
    {"look", "looked at", "not looked at", Target::issuer},
    {"rebuild", "rebuilt", "not rebuilt"},
    {"restore", "restored", "not restored"},
    {"mend", "mended", "not mended"},
    {"init", "ready", "not made"},
    {"reconcile", "looked after", "stopped"},
    {"acknowledge", "acknowledged", "not acknowledged"},
    {"reopen", "counts again", "not reopened"},
};

const Words* words_of(std::string_view step) noexcept {
  const auto* const found = std::ranges::find(kWords, step, &Words::step);
  return found == std::end(kWords) ? nullptr : found;
}

Json text_or_null(std::string_view text) { return text.empty() ? Json() : Json(text); }
Json time_or_null(const std::optional<base::Time>& time) { return time ? Json(base::format_time(*time)) : Json(); }
Json number_or_null(const std::optional<std::int64_t>& number) { return number ? Json(*number) : Json(); }

Json json_of(const Outcome& outcome) {
  const Facts& facts = outcome.facts;
  const Words* const words = words_of(outcome.step);
  const bool at_issuer = words != nullptr && words->target == Target::issuer;
  auto seen = Json::array();
  for (const Seen& one : facts.seen)
    seen.push_back({{"address", one.address},
                    {"fingerprint", text_or_null(one.fingerprint)},
                    {"problem", text_or_null(one.problem)}});
  auto left = Json::array();
  for (const Left& one : facts.left)
    left.push_back({{"what", one.what},
                    {"version", number_or_null(one.version)},
                    {"not_after", time_or_null(one.not_after)},
                    {"target", text_or_null(one.target)},
                    {"path", text_or_null(one.path)}});
  return {{"subject", outcome.subject},
          {"step", outcome.step},
          {"target", text_or_null(at_issuer ? std::string_view() : outcome.target)},
          {"issuer", text_or_null(at_issuer && facts.issuer.empty() ? outcome.target : facts.issuer)},
          {"result", to_string(outcome.result)},
          {"version", number_or_null(facts.version)},
          {"serial", text_or_null(facts.serial)},
          {"fingerprint", text_or_null(facts.fingerprint)},
          {"not_after", time_or_null(facts.not_after)},
          {"renew_at", time_or_null(facts.renew_at)},
          {"reason", text_or_null(facts.reason)},
          {"files", facts.files},
          {"seen", std::move(seen)},
          {"back_to", number_or_null(facts.back_to)},
          {"left", std::move(left)},
          {"change", text_or_null(facts.change)},
          {"fault", facts.fault ? Json(to_string(*facts.fault)) : Json()},
          {"retry_at", time_or_null(facts.retry_at)},
          {"text", outcome.text},
          {"hint", text_or_null(facts.hint)}};
}

}  // namespace

std::string_view to_string(Result result) noexcept {
  switch (result) {
    case Result::done:
      return "done";
    case Result::failed:
      return "failed";
    case Result::warned:
      return "warned";
    case Result::rolled_back:
      return "rolled_back";
  }
  return "failed";
}

Outcome failure(std::string subject, std::string target, std::string step, const base::Error& error) {
  return {std::move(subject), std::move(target),
          std::move(step),    Result::failed,
          error.message(),    {.fault = error.fault(), .hint = error.hint(), .retry_at = error.retry_at()}};
}

std::string ended(const Outcome& outcome) {
  if (outcome.result == Result::rolled_back) return "rolled back";
  const Words* const words = words_of(outcome.step);
  if (words != nullptr) return std::string(outcome.result == Result::failed ? words->failed : words->done);
  return outcome.result == Result::failed ? fmt::format("{} failed", outcome.step) : outcome.step;
}

int Verdict::exit_code() const noexcept {
  const auto failed = std::ranges::count_if(outcomes, is_failure, &Outcome::result);
  if (outcomes.empty()) return standing_failures > 0 ? 1 : 0;
  if (failed == 0) return standing_failures > 0 ? 4 : 0;
  return failed == std::ssize(outcomes) ? 1 : 4;
}

int Verdict::exit_code_of_renewal() const noexcept {
  const int plain = exit_code();
  if (renewed == 0) return plain;
  return plain == 0 ? 10 : 11;
}

void Verdict::append(Verdict other) {
  for (Outcome& outcome : other.outcomes) {
    // What stops one worker stops all.
    const bool is_known =
        outcome.step == "reconcile" && std::ranges::any_of(outcomes, [&](const Outcome& one) {
          return one.step == outcome.step && one.subject == outcome.subject && one.text == outcome.text;
        });
    if (!is_known) outcomes.push_back(std::move(outcome));
  }
  std::ranges::move(other.remarks, std::back_inserter(remarks));
  renewed += other.renewed;
  standing_failures += other.standing_failures;
  if (other.look_again && (!look_again || *other.look_again < *look_again)) look_again = other.look_again;
}

std::string to_json(const Verdict& verdict) {
  Json document{{"outcomes", Json::array()}, {"remarks", Json::array()}};
  for (const Outcome& outcome : verdict.outcomes) document["outcomes"].push_back(json_of(outcome));
  for (const Remark& remark : verdict.remarks)
    document["remarks"].push_back({{"rule", remark.rule},
                                   {"subject", remark.subject},
                                   {"text", remark.text},
                                   {"hint", text_or_null(remark.hint)}});
  document["renewed"] = verdict.renewed;
  document["standing_failures"] = verdict.standing_failures;
  document["look_again"] = time_or_null(verdict.look_again);
  document["exit_code"] = verdict.exit_code();
  return document.dump(2, ' ', true, Json::error_handler_t::replace);
}

}  // namespace everseal::reconcile
