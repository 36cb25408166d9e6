#include "audit/broken.h"
#include "base/number.h"

#include <algorithm>

namespace everseal::audit {
namespace {

using probe::Outcome;

bool is_complete(const Context& at) noexcept {
  return at.sight.capture != nullptr && at.sight.capture->outcome == Outcome::complete;
}

// Half a year, the least that lists of such sites ever took.
constexpr base::Seconds kShortestStrictTransport{15'768'000};

bool is_anonymous(const std::string& cipher) { return cipher.starts_with("ADH-") || cipher.starts_with("AECDH-"); }

std::vector<std::string> judged_ciphers(const Context& at, std::vector<std::string> ciphers) {
  if (at.is_opportunistic()) std::erase_if(ciphers, is_anonymous);
  return ciphers;
}

void judge_version(const Context& at, Found& found) {
  report(broken_limits(at, Limited::version, at.now, at.sight.agreed.versions), "the server speaks", nullptr, found);
}

void judge_cipher(const Context& at, Found& found) {
  std::vector<std::string> ciphers = at.sight.agreed.ciphers;
  std::erase_if(ciphers, is_anonymous);  // what no-certificate tells
  report(broken_limits(at, Limited::cipher, at.now, ciphers), "the server takes", nullptr, found);
}

void judge_group(const Context& at, Found& found) {
  report(broken_limits(at, Limited::group, at.now, at.sight.agreed.groups), "the server takes", nullptr, found);
}

const probe::Accepted* accepted(const Context& at) noexcept {
  return at.sight.capture != nullptr && at.sight.capture->accepted ? &*at.sight.capture->accepted : nullptr;
}

// Of what a survey found, what the handshake did not agree on.
void judge_also(const Context& at, Limited limited, std::vector<std::string> all,
                const std::vector<std::string>& agreed, std::string_view sentence, Found& found,
                Severity most = Severity::critical) {
  std::erase_if(all, [&](const std::string& one) { return std::ranges::find(agreed, one) != agreed.end(); });
  report(broken_limits(at, limited, at.now, all), sentence, nullptr, found, most);
}

void judge_other_versions(const Context& at, Found& found) {
  const probe::Accepted* const all = accepted(at);
  if (all == nullptr) return;
  const bool has_tls_alone = std::ranges::find(all->versions, "SSLv3") == all->versions.end();
  judge_also(at, Limited::version, all->versions, at.sight.agreed.versions, "the server also speaks", found,
             at.is_opportunistic() && has_tls_alone ? Severity::notice : Severity::critical);
}

void judge_other_ciphers(const Context& at, Found& found) {
  if (const probe::Accepted* const all = accepted(at))
    judge_also(at, Limited::cipher, judged_ciphers(at, all->ciphers), at.sight.agreed.ciphers, "the server also takes",
               found);
}

void judge_other_groups(const Context& at, Found& found) {
  if (const probe::Accepted* const all = accepted(at))
    judge_also(at, Limited::group, all->groups, at.sight.agreed.groups, "the server also takes", found);
}

// A suite that the policy forbids is worse where it is chosen although both sides know a better one.
void judge_cipher_order(const Context& at, Found& found) {
  const probe::Accepted* const all = accepted(at);
  if (all == nullptr || !all->server_order) return;
  std::vector<std::string> ciphers = judged_ciphers(at, all->ciphers);
  std::erase_if(ciphers, [](const std::string& one) { return one.starts_with("TLS_"); });
  const auto is_forbidden = [&](const std::string& one) {
    const auto broken = broken_limits(at, Limited::cipher, at.now, {one});
    return std::ranges::any_of(broken, [](const Broken& each) { return each.limit->level == Level::must; });
  };
  const auto weak = std::ranges::find_if(ciphers, is_forbidden);
  if (weak == ciphers.end()) return;
  if (!*all->server_order) {
    found.add({{"cipher", ours(*weak)}}, fmt::format("the client chooses the cipher suite, {} among them", *weak));
    return;
  }
  const auto better = std::ranges::find_if_not(weak, ciphers.end(), is_forbidden);
  if (better != ciphers.end())
    found.add({{"cipher", ours(*weak)}}, fmt::format("the server prefers {} to {}", *weak, *better));
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

void judge_large_hello(const Context& at, Found& found) {
  if (is_complete(at) && at.sight.capture->further.large_hello == false)
    found.add({}, "a ClientHello of 1,800 octets is not answered, a short one is");
}

void judge_default_certificate(const Context& at, Found& found) {
  if (!is_complete(at) || at.leaf() == nullptr || at.sight.capture->further.default_chain.empty()) return;
  const ReadChain other = read_chain(at.sight.capture->further.default_chain);
  if (other.chain.empty() || other.chain.front() == *at.leaf()) return;
  // The same certificate of another kind of key speaks for the same names.
  const pki::Certificate& leaf = other.chain.front();
  if (leaf.names() == at.leaf()->names()) return;
  found.add({{"certificate", ours(named(leaf))}},
            fmt::format("who asks for no name is shown another certificate: {}", named(leaf)), &leaf);
}

// max-age of RFC 6797 section 6.1.1; nullopt where there is none that can be read.
std::optional<std::int64_t> max_age(std::string_view value) {
  for (const std::string& directive : base::split(value, ';')) {
    const auto equals = directive.find('=');
    if (equals == std::string::npos || base::lower(base::trim(directive.substr(0, equals))) != "max-age") continue;
    std::string text(base::trim(std::string_view(directive).substr(equals + 1)));
    if (text.size() > 1 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    return base::parse_number<std::int64_t>(text);
  }
  return std::nullopt;
}

void judge_strict_transport(const Context& at, Found& found) {
  if (!is_complete(at) || !at.sight.capture->further.strict_transport) return;
  const std::string& value = at.sight.capture->further.strict_transport->raw();
  if (value.empty()) {
    found.add({}, "the server does not say that it is to be reached by HTTPS alone");
    return;
  }
  const auto age = max_age(value);
  if (!age)
    found.add({{"value", ours(value)}}, "Strict-Transport-Security has no max-age that can be read: " + value);
  else if (base::Seconds(*age) < kShortestStrictTransport)
    found.add({{"value", ours(value)}},
              fmt::format("Strict-Transport-Security holds for {} only", base::format_duration(base::Seconds(*age))));
}

const Judge kProtocolJudges[] = {
    {{"old-protocol", Severity::error, "protocol version is not allowed",
      "A handshake agreed on a version that the policy forbids, or that it does not recommend (then a notice).",
      "Turn the version off in the server's config, once no client needs it.",
      "the policy; RFC 8996, RFC 9325 section 3.1"},
     judge_version},
    {{"weak-cipher", Severity::error, "cipher suite is not allowed",
      "A handshake agreed on a cipher suite that the policy forbids, or that it does not recommend (then a notice).",
      "Set the server's cipher list as the policy says.", "the policy; RFC 9325 section 4"},
     judge_cipher},
    {{"weak-group", Severity::error, "key exchange group is not allowed",
      "A handshake agreed on a group for the key exchange that the policy forbids, or that it does not recommend "
      "(then a notice).",
      "Set the server's list of groups as the policy says.", "the policy; RFC 9325 section 4.5"},
     judge_group},
    {{"no-resumption", Severity::notice, "sessions are not resumed",
      "Each connection costs a full handshake: one more round trip below TLS 1.3, and processor time on both sides.",
      "Turn session tickets on; behind a balancer give all servers the same ticket keys.",
      "RFC 8446 section 2.2, RFC 5077", Nature::fault, Identity::place, Needs::further},
     judge_resumption},
    {{"no-post-quantum", Severity::notice, "no post-quantum key exchange",
      "Who records the traffic today could read it once there are quantum computers. Browsers have offered "
      "X25519MLKEM768 since 2024.",
      "Upgrade the server's TLS library (OpenSSL 3.5 or newer, Go 1.24 or newer) and leave the groups at their "
      "default.",
      "NIST FIPS 203, NIST IR 8547", Nature::fault, Identity::place, Needs::further},
     judge_post_quantum},
    {{"split-hello", Severity::warning, "a ClientHello in two parts is not answered",
      "A post-quantum ClientHello does not fit into one packet. This server, or something before it, wants the whole "
      "in "
      "one piece, and browsers of today fail there at times.",
      "Update the balancer or firewall before the server.", "RFC 8446 section 5.1", Nature::fault, Identity::place,
      Needs::further},
     judge_split_hello},
    {{"default-certificate", Severity::notice, "another certificate without a name",
      "A client that names no server (old ones, and those that come by address) is shown another certificate than the "
      "one for this name. That is usual where one server has many names; it tells a stranger one of them.",
      "None is needed. Choose what the default server shows on purpose.", "RFC 6066 section 3", Nature::fault,
      Identity::place, Needs::further},
     judge_default_certificate},
    {{"large-hello", Severity::warning, "a large ClientHello is not answered",
      "A ClientHello with a post-quantum key share has some 1,700 octets. This server, or something before it, answers "
      "a short one and not one of that size: browsers of today fail there.",
      "Update the balancer or firewall before the server.", "RFC 8446 section 4.1.2, RFC 7685", Nature::fault,
      Identity::place, Needs::deep},
     judge_large_hello},
    {{"offers-old-protocol", Severity::error, "an old protocol version is taken too",
      "A client that speaks nothing better gets a version that the policy forbids, or does not recommend (then a "
      "notice, as for mail between servers, which would go in the clear otherwise).",
      "Turn the version off in the server's config, once no client needs it.",
      "the policy; RFC 8996, RFC 9325 section 3.1", Nature::fault, Identity::place, Needs::deep},
     judge_other_versions},
    {{"offers-weak-cipher", Severity::error, "a weak cipher suite is taken too",
      "A client that speaks nothing better gets a cipher suite that the policy forbids, or does not recommend (then a "
      "notice).",
      "Set the server's cipher list as the policy says.", "the policy; RFC 9325 section 4", Nature::fault,
      Identity::place, Needs::deep},
     judge_other_ciphers},
    {{"offers-weak-group", Severity::error, "a weak key exchange group is taken too",
      "A client that speaks nothing better gets a group that the policy forbids, or does not recommend (then a "
      "notice).",
      "Set the server's list of groups as the policy says.", "the policy; RFC 9325 section 4.5", Nature::fault,
      Identity::place, Needs::deep},
     judge_other_groups},
    {{"cipher-order", Severity::notice, "a weak cipher suite may be chosen before a better one",
      "The server takes a cipher suite that the policy forbids, and prefers it to a better one or leaves the choice to "
      "the client.",
      "Remove the weak suites; until then have the server go by its own order, the strong ones first.",
      "RFC 9325 section 4.1", Nature::fault, Identity::place, Needs::deep},
     judge_cipher_order},
    {{"no-strict-transport", Severity::notice, "HTTPS alone is not asked for",
      "Without Strict-Transport-Security, or with one that holds for less than half a year, a browser that was sent to "
      "http:// goes there in the clear, where somebody in between can keep it.",
      "Once all of the site works by HTTPS, send Strict-Transport-Security: max-age=63072000.", "RFC 6797",
      Nature::fault, Identity::place, Needs::deep},
     judge_strict_transport},
};

}  // namespace

std::span<const Judge> protocol_judges() { return kProtocolJudges; }

}  // namespace everseal::audit
