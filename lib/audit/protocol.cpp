#include "audit/broken.h"

#include <algorithm>

namespace everseal::audit {
namespace {

using probe::Outcome;

bool is_complete(const Context& at) noexcept {
  return at.sight.capture != nullptr && at.sight.capture->outcome == Outcome::complete;
}

bool is_anonymous(const std::string& cipher) { return cipher.starts_with("ADH-") || cipher.starts_with("AECDH-"); }

void judge_version(const Context& at, Found& found) {
  report(broken_limits(at, Limited::version, at.now, at.sight.accepted.versions), "the server speaks", nullptr, found);
}

// Mail between servers takes any encryption over none and checks no certificate, so that a cipher without one takes
// nothing away (RFC 7435).
void judge_cipher(const Context& at, Found& found) {
  std::vector<std::string> ciphers = at.sight.accepted.ciphers;
  if (at.sight.starttls == "smtp" || at.sight.starttls == "lmtp") std::erase_if(ciphers, is_anonymous);
  report(broken_limits(at, Limited::cipher, at.now, ciphers), "the server takes", nullptr, found);
}

void judge_group(const Context& at, Found& found) {
  report(broken_limits(at, Limited::group, at.now, at.sight.accepted.groups), "the server takes", nullptr, found);
}

void judge_resumption(const Context& at, Found& found) {
  if (is_complete(at) && at.sight.capture->further.resumes == false)
    found.add({}, "a second handshake could not go on from the first");
}

void judge_post_quantum(const Context& at, Found& found) {
  if (is_complete(at) && at.sight.capture->further.post_quantum == false)
    found.add({}, "the server does not take X25519MLKEM768");
}

void judge_split_hello(const Context& at, Found& found) {
  if (is_complete(at) && at.sight.capture->further.split_hello == false)
    found.add({}, "a ClientHello in two halves is not answered, the same in one is");
}

const Judge kProtocolJudges[] = {
    {{"old-protocol", Severity::error, "protocol version is not allowed",
      "The server speaks a version that the policy forbids, or that it does not recommend (then a notice). What was "
      "found is what a handshake agreed on, and all that the server takes where that was looked for.",
      "Turn the version off in the server's config, once no client needs it.",
      "the policy; RFC 8996, RFC 9325 section 3.1"},
     judge_version},
    {{"weak-cipher", Severity::error, "cipher suite is not allowed",
      "The server takes a cipher suite that the policy forbids, or that it does not recommend (then a notice).",
      "Set the server's cipher list as the policy says.", "the policy; RFC 9325 section 4"},
     judge_cipher},
    {{"weak-group", Severity::error, "key exchange group is not allowed",
      "The server takes a group for the key exchange that the policy forbids, or that it does not recommend (then a "
      "notice).",
      "Set the server's list of groups as the policy says.", "the policy; RFC 9325 section 4.5"},
     judge_group},
    {{"no-resumption", Severity::notice, "sessions are not resumed",
      "Each connection costs a full handshake: one more round trip below TLS 1.3, and processor time on both sides.",
      "Turn session tickets on; behind a balancer give all servers the same ticket keys.",
      "RFC 8446 section 2.2, RFC 5077"},
     judge_resumption},
    {{"no-post-quantum", Severity::notice, "no post-quantum key exchange",
      "Who records the traffic today could read it once there are quantum computers. Browsers have offered "
      "X25519MLKEM768 since 2024.",
      "Upgrade the server's TLS library (OpenSSL 3.5 or newer, Go 1.24 or newer) and leave the groups at their "
      "default.",
      "NIST FIPS 203, NIST IR 8547"},
     judge_post_quantum},
    {{"split-hello", Severity::warning, "a ClientHello in two parts is not answered",
      "A post-quantum ClientHello does not fit into one packet. This server, or something before it, wants the whole "
      "in "
      "one piece, and browsers of today fail there at times.",
      "Update the balancer or firewall before the server.", "RFC 8446 section 5.1"},
     judge_split_hello},
};

}  // namespace

std::span<const Judge> protocol_judges() { return kProtocolJudges; }

}  // namespace everseal::audit
