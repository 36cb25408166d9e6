#include "audit/broken.h"

#include <algorithm>

namespace everseal::audit {
namespace {

bool allows(const pki::Certificate& certificate, std::string_view usage) {
  const std::vector<std::string> usages = certificate.extended_key_usage();
  return usages.empty() || std::ranges::find(usages, usage) != usages.end() ||
         std::ranges::find(usages, "anyExtendedKeyUsage") != usages.end();
}

void judge_server_auth(const Context& at, Found& found) {
  if (at.leaf() == nullptr || at.sight.role != Role::server || allows(*at.leaf(), "serverAuth")) return;
  found.add({}, fmt::format("{} is not for servers", named(*at.leaf())), at.leaf());
}

void judge_client_auth(const Context& at, Found& found) {
  const bool is_shown = at.sight.stored && at.sight.stored->is_shown == true;
  if (at.leaf() == nullptr || (at.sight.role != Role::client && !is_shown) || allows(*at.leaf(), "clientAuth")) return;
  found.add({}, fmt::format("{} is not for clients", named(*at.leaf())), at.leaf());
}

void judge_usage_policy(const Context& at, Found& found) {
  if (at.leaf() == nullptr || at.sight.role == Role::anchor) return;
  report(broken_limits(at, Limited::usage, at.leaf()->not_before(), at.leaf()->extended_key_usage()),
         "the certificate may be used for", at.leaf(), found);
}

const Judge kUsageJudges[] = {
    {{"server-auth-missing", Severity::error, "certificate is not for servers",
      "The certificate says what it may be used for, and serverAuth is not among it. Clients refuse it.",
      "Issue it with a profile for servers.", "RFC 5280 section 4.2.1.12"},
     judge_server_auth},
    {{"client-auth-missing", Severity::error, "client certificate is not for clients",
      "The certificate that a client shows says what it may be used for, and clientAuth is not among it. Servers "
      "refuse "
      "it. Public CAs put clientAuth into no new certificate any more.",
      "Issue it by an internal CA with a profile for clients.", "RFC 5280 section 4.2.1.12", Nature::fault,
      Identity::certificate, Needs::clients},
     judge_client_auth},
    {{"usage", Severity::error, "certificate may be used for what the policy forbids",
      "The certificate may be used for more than the policy allows. Chrome takes public certificates issued from "
      "2027-03-15 on only where they are for servers alone.",
      "Issue it with a profile for servers alone; clients get certificates of an internal CA.",
      "the policy; Chrome Root Program Policy"},
     judge_usage_policy},
};

}  // namespace

std::span<const Judge> usage_judges() { return kUsageJudges; }

}  // namespace everseal::audit
