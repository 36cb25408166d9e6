#include "audit/judge.h"

#include <algorithm>

namespace everseal::audit {
namespace {

void judge_revoked(const Context& at, Found& found) {
  const std::size_t count = std::min(at.sight.chain.size(), at.sight.revocation.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& said = at.sight.revocation[i];
    const pki::Certificate& one = at.sight.chain[i];
    if (!said || said->state != pki::RevocationStatus::State::revoked) continue;
    // Who goes another way does not meet it.
    if (i > 0 && at.sight.trust && at.sight.trust->accepted() != nullptr && !at.sight.trust->is_needed(one)) continue;
    Fields fields{{"certificate", ours(named(one))}};
    if (said->when) fields.emplace_back("when", ours(base::format_time(*said->when)));
    if (!said->reason.empty()) fields.emplace_back("reason", ours(said->reason));
    found.add(
        std::move(fields),
        fmt::format("{} was revoked{}{}", named(one), said->when ? " " + base::format_time(*said->when) : std::string(),
                    said->reason.empty() ? std::string() : fmt::format(" ({})", said->reason)),
        &one);
  }
}

void judge_staple_useless(const Context& at, Found& found) {
  const probe::Capture* const capture = at.sight.capture;
  if (capture == nullptr || capture->ocsp_response.empty() || at.sight.revocation.empty()) return;
  const auto& said = at.sight.revocation.front();
  if (!said || said->state != pki::RevocationStatus::State::unknown) return;
  found.add({{"problem", ours(said->reason)}}, fmt::format("the stapled response proves nothing: {}", said->reason),
            at.leaf());
}

void judge_staple_missing(const Context& at, Found& found) {
  const probe::Capture* const capture = at.sight.capture;
  if (at.leaf() == nullptr || capture == nullptr || capture->outcome != probe::Outcome::complete) return;
  if (!at.leaf()->must_staple() || !capture->ocsp_response.empty()) return;
  found.add({}, "the certificate demands a stapled OCSP response, the server sends none", at.leaf());
}

const Judge kRevocationJudges[] = {
    {{"revoked", Severity::critical, "certificate was revoked",
      "The CA says that the certificate is not to be trusted any more. Browsers that look refuse it, others go on.",
      "Find out who revoked it and why. Issue a new one, with a new key where the key may be known.",
      "RFC 5280 section 5", Nature::fault, Identity::certificate, Needs::revocation},
     judge_revoked},
    {{"staple-missing", Severity::error, "stapled OCSP response is missing",
      "The certificate says that it is only valid together with a stapled OCSP response (must-staple). Without one "
      "Firefox refuses it.",
      "Turn stapling on in the server, or issue the certificate without must-staple, which most CAs have given up.",
      "RFC 7633"},
     judge_staple_missing},
    {{"staple-useless", Severity::warning, "stapled OCSP response proves nothing",
      "The server staples an OCSP response that is out of date, of another certificate or not signed by the issuer. "
      "Some "
      "clients refuse the connection because of it.",
      "See why the server cannot renew its responses (its log, its way to the responder), or turn stapling off.",
      "RFC 6960 section 3.2, RFC 6066 section 8"},
     judge_staple_useless},
};

}  // namespace

std::span<const Judge> revocation_judges() { return kRevocationJudges; }

}  // namespace everseal::audit
