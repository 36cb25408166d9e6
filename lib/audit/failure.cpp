#include "audit/judge.h"

namespace everseal::audit {
namespace {

using probe::Outcome;

void judge_outcome(Outcome outcome, const Context& at, Found& found) {
  const probe::Capture* const capture = at.sight.capture;
  if (capture == nullptr || capture->outcome != outcome) return;
  Fields fields{{"phase", ours(std::string(probe::to_string(capture->phase)))}};
  if (!capture->address.empty()) fields.emplace_back("address", ours(capture->address));
  if (capture->alert) fields.emplace_back("alert", ours(std::to_string(*capture->alert)));
  found.add(std::move(fields), capture->problem.empty() ? std::string(probe::to_string(outcome)) : capture->problem);
}

template <Outcome outcome>
void judge_failure(const Context& at, Found& found) {
  judge_outcome(outcome, at, found);
}

void judge_missing_certificate(const Context& at, Found& found) {
  const probe::Capture* const capture = at.sight.capture;
  if (capture == nullptr || capture->outcome != Outcome::complete || !capture->chain.empty()) return;
  Fields fields;
  if (!capture->cipher.empty()) fields.emplace_back("cipher", ours(capture->cipher));
  found.add(at.is_opportunistic() ? Severity::notice : Severity::error, std::move(fields),
            "the server ends the handshake without a certificate: anybody could be in its place");
}

void judge_client_certificate(const Context& at, Found& found) {
  const probe::Capture* const capture = at.sight.capture;
  if (capture == nullptr || !capture->client_certificate_required) return;
  Fields fields;
  for (const base::Untrusted& authority : capture->client_authorities) fields.emplace_back("authority", authority);
  found.add(std::move(fields), "the server talks only to clients with a certificate");
}

const Judge kFailureJudges[] = {
    {{"name-not-resolved", Severity::error, "name has no address", "No resolver gives an address for the name.",
      "Check the name, its zone, and this host's resolver.", "RFC 1035 section 4.1.1", Nature::failure},
     judge_failure<Outcome::name_not_resolved>},
    {{"connection-refused", Severity::error, "nothing listens there",
      "The host answers and says that nothing listens at this port.",
      "Start the service, or take the endpoint out of the audit if it is gone for good.", "RFC 9293 section 3.5.3",
      Nature::failure},
     judge_failure<Outcome::connection_refused>},
    {{"unreachable", Severity::error, "host cannot be reached",
      "There is no way to the host, or the connection was closed before TLS began.",
      "Check routes, firewalls and the service's log.", "RFC 1122 section 3.2.2.1", Nature::failure},
     judge_failure<Outcome::unreachable>},
    {{"timed-out", Severity::error, "no answer in time",
      "The peer did not get on with it within the limit of the phase that is named.",
      "Check firewalls that drop silently, and the load of the server.", "limits of the audit", Nature::failure},
     judge_failure<Outcome::timed_out>},
    {{"proxy-refused", Severity::error, "proxy does not let the audit through",
      "The proxy that the audit goes by does not connect to this endpoint.",
      "Allow it at the proxy, or look at this endpoint from elsewhere.", "RFC 9110 section 9.3.6", Nature::failure},
     judge_failure<Outcome::proxy_refused>},
    {{"starttls-refused", Severity::error, "server does not switch to TLS",
      "The server speaks its protocol and refuses to switch to TLS, so that all is said in the clear.",
      "Turn TLS on in the server's config.", "RFC 3207, RFC 8314", Nature::failure},
     judge_failure<Outcome::starttls_refused>},
    {{"starttls-injected", Severity::critical, "more came in the clear behind the go-ahead for TLS",
      "The server agreed to switch to TLS and sent more in the clear, which a client might take for what came under "
      "TLS: "
      "a fault of the server, or somebody in between.",
      "Update the server; look at it from another network.", "RFC 3207 section 6, CVE-2011-0411"},
     judge_failure<Outcome::starttls_injected>},
    {{"not-tls", Severity::error, "something else than TLS answers",
      "What answers at this port does not speak TLS, or not at once.",
      "Check the port. Where the protocol begins in the clear, say which it is: starttls = \"smtp\" in the config, or "
      "--starttls smtp.",
      "RFC 8446 section 5.1", Nature::failure},
     judge_failure<Outcome::not_tls>},
    {{"chain-too-large", Severity::error, "chain is too large",
      "The server sends more certificates, or a longer one, than any client takes.",
      "Write the chain file anew: leaf, then each issuer.", "limits of the audit"},
     judge_failure<Outcome::chain_too_large>},
    {{"handshake-failed", Severity::error, "TLS handshake fails",
      "The peer speaks TLS and ends the handshake: nothing that both sides speak, no certificate for this name, or a "
      "broken server.",
      "Read the alert and the server's log.", "RFC 8446 section 6.2", Nature::failure},
     judge_failure<Outcome::handshake_failed>},
    {{"no-certificate", Severity::error, "server shows no certificate",
      "The handshake ends, encrypted with nobody: the cipher suite is one without a certificate (anonymous).",
      "Give the server a certificate and take the anonymous cipher suites (ADH, AECDH) away.",
      "RFC 5246 appendix F.1.1.1, RFC 9325 section 4.1"},
     judge_missing_certificate},
    {{"client-certificate-required", Severity::notice, "server demands a client certificate",
      "The server refuses clients without a certificate. Its own was seen and judged all the same; what follows the "
      "handshake was not.",
      "None is needed. With a client certificate for the audit more can be seen.", "RFC 8446 section 4.3.2"},
     judge_client_certificate},
};

}  // namespace

std::span<const Judge> failure_judges() { return kFailureJudges; }

}  // namespace everseal::audit
