#include "reconcile/verdict.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

namespace everseal::reconcile {

std::string_view to_string(Result result) noexcept {
  switch (result) {
    case Result::done:
      return "done";
    case Result::failed:
      return "failed";
    case Result::warned:
      return "warned";
  }
  return "failed";
}

int Verdict::exit_code() const noexcept {
  const auto failed = std::ranges::count(outcomes, Result::failed, &Outcome::result);
  if (outcomes.empty()) return standing_failures > 0 ? 1 : 0;
  if (failed == 0) return 0;
  return failed == std::ssize(outcomes) ? 1 : 4;
}

int Verdict::exit_code_of_renewal() const noexcept {
  const int plain = exit_code();
  if (renewed == 0) return plain;
  return plain == 0 ? 10 : 11;
}

void Verdict::append(Verdict other) {
  std::ranges::move(other.outcomes, std::back_inserter(outcomes));
  renewed += other.renewed;
  standing_failures += other.standing_failures;
  if (other.look_again && (!look_again || *other.look_again < *look_again)) look_again = other.look_again;
}

std::string to_json(const Verdict& verdict) {
  nlohmann::ordered_json document;
  auto& outcomes = document["outcomes"] = nlohmann::ordered_json::array();
  for (const Outcome& outcome : verdict.outcomes)
    outcomes.push_back({{"subject", outcome.subject},
                        {"target", outcome.target},
                        {"step", outcome.step},
                        {"result", to_string(outcome.result)},
                        {"text", outcome.text}});
  document["renewed"] = verdict.renewed;
  document["standing_failures"] = verdict.standing_failures;
  if (verdict.look_again) document["look_again"] = base::format_time(*verdict.look_again);
  document["exit_code"] = verdict.exit_code();
  return document.dump(2, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace everseal::reconcile
