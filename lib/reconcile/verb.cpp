#include "reconcile/verb.h"

#include <algorithm>

namespace everseal::reconcile {

std::string_view to_string(Needs needs) noexcept {
  switch (needs) {
    case Needs::store:
      return "store";
    case Needs::lease:
      return "lease";
    case Needs::parked:
      return "parked";
  }
  return {};
}

const Verb* find_verb(std::string_view name) noexcept {
  const auto found = std::ranges::find(verbs(), name, [](const Verb* verb) { return verb->name; });
  return found == verbs().end() ? nullptr : *found;
}

}  // namespace everseal::reconcile
