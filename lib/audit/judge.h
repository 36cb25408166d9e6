// How a judge is written: one small function a rule, in the table of its subject. For audit only.
#pragma once

#include "audit/criteria.h"
#include "audit/finding.h"
#include "audit/rule.h"
#include "audit/sight.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace everseal::audit {

struct Context {
  const Sight& sight;
  const Criteria& criteria;
  base::Time now;

  const pki::Certificate* leaf() const noexcept { return sight.chain.empty() ? nullptr : &sight.chain.front(); }
  // Mail between servers takes any encryption over none and checks no certificate, so that what is weak takes nothing
  // away (RFC 7435).
  bool is_opportunistic() const noexcept { return sight.starttls == "smtp" || sight.starttls == "lmtp"; }
  bool is_public() const noexcept { return sight.trust && sight.trust->is_public(); }
};

using Fields = std::vector<std::pair<std::string_view, base::Untrusted>>;
inline base::Untrusted ours(std::string text) { return base::Untrusted(std::move(text)); }

// Takes what one rule finds.
class Found {
 public:
  Found(const Rule& rule, const Criteria& criteria, const std::string& place, std::vector<Finding>& findings)
      : rule_(rule), criteria_(criteria), place_(place), findings_(findings) {}

  void add(Fields fields, std::string what, const pki::Certificate* about = nullptr) {
    add(rule_.severity, std::move(fields), std::move(what), about);
  }
  void add(Severity severity, Fields fields, std::string what, const pki::Certificate* about = nullptr);

 private:
  const Rule& rule_;
  const Criteria& criteria_;
  const std::string& place_;
  std::vector<Finding>& findings_;
};

struct Judge {
  Rule rule;
  // Null: judged over a whole run (compare.h), or of what the DNS says (names.h).
  void (*judge)(const Context&, Found&);
};

// One table a file.
std::span<const Judge> expiry_judges();
std::span<const Judge> name_judges();
std::span<const Judge> chain_judges();
std::span<const Judge> key_judges();
std::span<const Judge> usage_judges();
std::span<const Judge> protocol_judges();
std::span<const Judge> revocation_judges();
std::span<const Judge> failure_judges();
std::span<const Judge> file_judges();
std::span<const Judge> comparison_judges();
std::span<const Judge> dns_judges();
// All of them, in the order in which they are judged.
std::span<const std::span<const Judge>> judges();

// The certificates that a client of the environment goes by, leaf first: the accepted path, else what was sent.
std::vector<pki::Certificate> path_in_use(const Sight& sight);

// For a field or sentence of a finding, which is escaped where it is shown.
inline std::string named(const pki::Certificate& certificate) { return certificate.caption().raw(); }

}  // namespace everseal::audit
