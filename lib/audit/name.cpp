#include "audit/broken.h"

#include <algorithm>

namespace everseal::audit {
namespace {

constexpr std::size_t kNamesShown = 5;

std::string names_text(const pki::Certificate& certificate) {
  std::string text;
  std::size_t shown = 0;
  for (const pki::GeneralName& name : certificate.names()) {
    if (shown++ == kNamesShown) {
      text += fmt::format(" and {} more", certificate.names().size() - kNamesShown);
      break;
    }
    text.append(text.empty() ? "" : ", ").append(name.value.raw());
  }
  return text;
}

void judge_name_mismatch(const Context& at, Found& found) {
  const pki::Certificate* const leaf = at.leaf();
  if (leaf == nullptr || at.sight.role != Role::server) return;
  std::vector<pki::Identifier> missing;
  std::ranges::copy_if(at.sight.asked, std::back_inserter(missing),
                       [&](const pki::Identifier& asked) { return !pki::matches(leaf->names(), asked); });
  if (missing.empty()) return;
  const std::string asked = pki::to_string(missing), names = names_text(*leaf);
  if (names.empty()) {
    found.add(
        {{"asked", ours(asked)}},
        fmt::format("asked for {}, the certificate has no subject alternative name; its common name does not count",
                    asked),
        leaf);
  } else {
    found.add({{"asked", ours(asked)}, {"names", ours(names)}},
              fmt::format("asked for {}, the certificate speaks for {}", asked, names), leaf);
  }
}

void judge_name_policy(const Context& at, Found& found) {
  if (at.leaf() == nullptr || at.sight.role == Role::anchor) return;
  std::vector<std::string> names;
  for (const pki::GeneralName& name : at.leaf()->names())
    if (name.kind == pki::GeneralName::Kind::dns) names.push_back(base::lower(name.value.raw()));
  report(broken_limits(at, Limited::name, at.leaf()->not_before(), names), "the certificate speaks for", at.leaf(),
         found);
}

const Judge kNameJudges[] = {
    {{"name-mismatch", Severity::error, "certificate does not speak for the name",
      "None of the certificate's subject alternative names is the name or address that was asked for, so clients "
      "refuse "
      "it. A wildcard stands for one label; the common name does not count; an address has to be there as an address.",
      "Serve the certificate of this name (check which one the server picks by SNI), or have the name added to it.",
      "RFC 9525 section 6"},
     judge_name_mismatch},
    {{"name", Severity::error, "certificate speaks for a name that the policy forbids",
      "The policy forbids certificates for this name: public ones may not be for names of the reverse zones, for "
      "example.",
      "Issue it without the name.", "the policy; CA/B TLS Baseline Requirements"},
     judge_name_policy},
};

}  // namespace

std::span<const Judge> name_judges() { return kNameJudges; }

}  // namespace everseal::audit
