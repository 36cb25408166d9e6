#include "audit/audit.h"

#include "audit/judge.h"

namespace everseal::audit {

std::span<const std::span<const Judge>> judges() {
  static const std::span<const Judge> tables[] = {
      expiry_judges(),     name_judges(),    chain_judges(), key_judges(),        usage_judges(), protocol_judges(),
      revocation_judges(), failure_judges(), file_judges(),  comparison_judges(), dns_judges()};
  return tables;
}

void Found::add(Severity severity, Fields fields, std::string what, const pki::Certificate* about) {
  const auto chosen = criteria_.severities.find(rule_.id);
  Finding finding{&rule_,
                  chosen == criteria_.severities.end() ? severity : chosen->second,
                  place_,
                  std::nullopt,
                  std::move(fields),
                  base::Untrusted(std::move(what))};
  if (about != nullptr) finding.certificate = about->fingerprint();
  findings_.push_back(std::move(finding));
}

std::vector<Finding> judge(const Sight& sight, const Criteria& criteria, base::Time now) {
  std::vector<Finding> findings;
  const Context context{sight, criteria, now};
  for (const auto table : judges()) {
    for (const Judge& one : table) {
      if (one.judge == nullptr) continue;
      Found found(one.rule, criteria, sight.place, findings);
      one.judge(context, found);
    }
  }
  return findings;
}

}  // namespace everseal::audit
