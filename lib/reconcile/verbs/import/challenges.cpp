#include "reconcile/verbs/import/challenges.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace everseal::reconcile {

using base::Error;
using base::Fault;

void ImportedChallenges::take(importer::Lineage& lineage, const Name& certificate) {
  for (importer::Challenge& challenge : lineage.challenges) {
    std::erase_if(challenge.zones, [&](const std::string& zone) { return is_covered(zone, challenge.type); });
    if (!challenge.zones.empty()) take_one(challenge, lineage.label, certificate);
  }
}

// Does the config say how all names in `zone` that `type` can prove are proved? Only dns-01 and its kind prove
// wildcards.
bool ImportedChallenges::is_covered(const std::string& zone, const std::string& type) const {
  const auto is_dns = [](std::string_view one) { return one.starts_with("dns-"); };
  return std::ranges::any_of(work_.draft.config().challenges, [&](const auto& one) {
    return std::ranges::find(one.second.zones, zone) != one.second.zones.end() &&
           (is_dns(one.second.type) || !is_dns(type));
  });
}

void ImportedChallenges::take_one(importer::Challenge& challenge, const std::string& label, const Name& certificate) {
  const auto is_taken = [&](const Name& name) { return work_.draft.config().challenges.contains(name); };
  config::Fragment fragment{"challenge", work_.draft.free_name("challenge", certificate.text(), is_taken), {}};
  fragment.options.emplace_back("type", base::text_value(challenge.type));
  fragment.options.emplace_back("zones", base::list_value(challenge.zones));
  std::ranges::move(challenge.options, std::back_inserter(fragment.options));
  const auto file_of = [&](const std::string& option) { return fmt::format("{}.{}", fragment.name, option); };
  for (const auto& [option, secret] : challenge.secrets)
    fragment.options.emplace_back(option, base::text_value(work_.draft.secret_path(file_of(option))));
  try {
    work_.draft.add(fragment, work_.draft.read(fragment));
  } catch (const Error& error) {
    if (error.fault() != Fault::config && error.fault() != Fault::usage) throw;  // usage: a text that is no UTF-8
    return work_.report.leave(label, fmt::format("how it was proved cannot be taken over: {}", error.message()),
                              fmt::format("a [challenge.NAME] for zones = [\"{}\"] says how it is proved from now on",
                                          base::printable(base::join(challenge.zones, "\", \""))));
  }
  for (auto& [option, secret] : challenge.secrets) work_.draft.add_secret(file_of(option), std::move(secret));
}

}  // namespace everseal::reconcile
