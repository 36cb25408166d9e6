#include "audit/broken.h"
#include "base/number.h"
#include "pki/weak_key.h"

#include <algorithm>

namespace everseal::audit {
namespace {

std::string text_of(const std::vector<pki::KeyWeakness>& weaknesses) {
  std::string text;
  for (const pki::KeyWeakness& one : weaknesses) text.append(text.empty() ? "" : "; ").append(one.what);
  return text;
}

Fields fields_of(const pki::Certificate& certificate, const std::vector<pki::KeyWeakness>& weaknesses) {
  Fields fields{{"certificate", ours(named(certificate))}, {"key", ours(certificate.public_key().text)}};
  for (const pki::KeyWeakness& one : weaknesses) fields.emplace_back("flaw", ours(std::string(to_string(one.flaw))));
  return fields;
}

void report_weaknesses(const Context& at, bool broken, Found& found) {
  if (at.sight.role == Role::anchor) return;
  const std::vector<pki::Certificate> path = path_in_use(at.sight);
  for (const pki::Certificate& one : path) {
    // Clients go by a root that they hold whatever its key, as long as it is a secret: some have a small exponent.
    if (!broken && one.is_self_issued() && !(one == path.front())) continue;
    const std::vector<pki::KeyWeakness> weaknesses = at.criteria.keys->judge(one);
    const bool is_broken = std::ranges::any_of(weaknesses, &pki::KeyWeakness::broken);
    if (weaknesses.empty() || is_broken != broken) continue;
    found.add(fields_of(one, weaknesses), fmt::format("the key of {}: {}", named(one), text_of(weaknesses)), &one);
  }
}

void judge_broken_key(const Context& at, Found& found) { report_weaknesses(at, true, found); }
void judge_weak_key(const Context& at, Found& found) { report_weaknesses(at, false, found); }

int rsa_bits_of(const std::string& key) {
  constexpr std::string_view kRsa = "RSA ";
  return key.starts_with(kRsa) ? base::parse_number<int>(std::string_view(key).substr(kRsa.size())).value_or(0) : 0;
}

bool breaks_key(const Limit& limit, const std::string& key) {
  const int bits = rsa_bits_of(key);
  if (bits == 0) return breaks(limit, key);
  // RSA is accepted by its bits; a limit that only rejects says nothing of it.
  return limit.rsa_bits ? bits < *limit.rsa_bits : !limit.accept.empty();
}

void judge_key_policy(const Context& at, Found& found) {
  const pki::Certificate* const leaf = at.leaf();
  if (leaf == nullptr || at.sight.role == Role::anchor || at.criteria.policies.empty()) return;
  if (!at.criteria.keys->judge(*leaf).empty()) return;  // weak whatever the policy says, and said once
  report(broken_limits(at, Limited::key, leaf->not_before(), {leaf->public_key().text}, breaks_key), "the key is", leaf,
         found);
}

void judge_signature(const Context& at, Found& found) {
  if (at.sight.role == Role::anchor || at.leaf() == nullptr) return;
  const std::vector<pki::Certificate> path = path_in_use(at.sight);
  for (const pki::Certificate& one : path) {
    // A root is trusted for being there, not for what it signed of itself.
    if (one.is_self_issued() && !(one == path.front())) continue;
    const std::string hash = one.signature_hash();
    auto broken = broken_limits(at, Limited::signature, one.not_before(), {hash.empty() ? "none" : hash});
    if (!broken.empty()) report(std::move(broken), fmt::format("{} is signed with", named(one)), &one, found);
  }
}

// "200d" or, as any excess counts, "200d 1s".
std::string days_and_rest(base::Seconds life) {
  const base::Seconds rest = life % kDay;
  if (rest.count() == 0 || life < kDay) return base::format_duration(life);
  return fmt::format("{} {}", base::format_duration(life - rest), base::format_duration(rest));
}

void judge_lifetime(const Context& at, Found& found) {
  const pki::Certificate* const leaf = at.leaf();
  if (leaf == nullptr || at.sight.role == Role::anchor) return;
  const base::Seconds life = leaf->not_after() - leaf->not_before() + base::Seconds(1);
  report(broken_limits(at, Limited::lifetime, leaf->not_before(), {days_and_rest(life)},
                       [life](const Limit& limit, const std::string&) { return life > limit.longest; }),
         "the certificate lives", leaf, found);
}

const Judge kKeyJudges[] = {
    {{"broken-key", Severity::critical, "private key is no secret",
      "The private half of this key can be computed from what everybody sees, or stands on a list of known ones. "
      "Everybody can be this server.",
      "Make a new key with a library of today, issue a certificate for it, and revoke this one (keyCompromise).",
      "CA/B TLS Baseline Requirements section 6.1.1.3, CVE-2008-0166, CVE-2017-15361", Nature::fault,
      Identity::certificate},
     judge_broken_key},
    {{"weak-key", Severity::error, "key is weak",
      "The key is smaller than what is held to be safe, or of a form that clients refuse.",
      "Issue the certificate for a new key: ECDSA P-256, or RSA with at least 2048 bits.",
      "RFC 9325 section 4.5, CA/B TLS Baseline Requirements section 6.1.5", Nature::fault, Identity::certificate},
     judge_weak_key},
    {{"key-type", Severity::error, "key is of a type that the policy does not take",
      "The policy forbids keys of this type or size, or does not recommend them (then a notice).",
      "Issue the certificate for a key as the policy says.", "the policy"},
     judge_key_policy},
    {{"weak-signature", Severity::error, "signature is weak",
      "A certificate of the path is signed with a hash that the policy forbids. Who can make two texts with one hash "
      "of "
      "that kind can make such a certificate for another name.",
      "Get a certificate of a CA that signs with SHA-256 or better.", "the policy; RFC 9155", Nature::fault,
      Identity::certificate},
     judge_signature},
    {{"lifetime", Severity::error, "certificate lives longer than allowed",
      "From notBefore through notAfter there is more time than the policy allows, or recommends (then a notice). "
      "Clients "
      "refuse public certificates that live too long.",
      "Issue it for a shorter time, and let it be renewed by itself.",
      "the policy; CA/B TLS Baseline Requirements section 6.3.2"},
     judge_lifetime},
};

}  // namespace

std::span<const Judge> key_judges() { return kKeyJudges; }

}  // namespace everseal::audit
