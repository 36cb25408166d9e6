#include "audit/judge.h"

#include <algorithm>

namespace everseal::audit {
namespace {

using pki::StoreKind;
using pki::StoreVerdict;

bool is_judged(const Context& at) noexcept {
  return at.sight.trust && at.leaf() != nullptr && at.sight.role != Role::anchor;
}

// Whether somebody whom the environment goes by was asked of the leaf, and all of them said no.
bool is_distrusted(const Context& at) {
  return is_judged(at) && at.sight.trust->shape.leaf_first && at.sight.trust->accepted() == nullptr &&
         std::ranges::any_of(at.sight.trust->stores,
                             [](const StoreVerdict& one) { return one.kind != StoreKind::further; });
}

// The verdict that tells the most: what the stores that count said, the longest path first.
const StoreVerdict& telling(const pki::ChainVerdict& trust) {
  const StoreVerdict* best = nullptr;
  for (const StoreVerdict& one : trust.stores)
    if (one.kind != StoreKind::further && (best == nullptr || one.path.size() > best->path.size())) best = &one;
  return *best;
}

std::vector<pki::Certificate> absent_of(const pki::ChainVerdict& trust) {
  for (const StoreVerdict& one : trust.stores)
    if (one.kind != StoreKind::further && !one.absent.empty()) return one.absent;
  return {};
}

bool is_incomplete(const Context& at) {
  if (!is_distrusted(at) || at.sight.trust->shape.self_signed) return false;
  const StoreVerdict& said = telling(*at.sight.trust);
  return !absent_of(*at.sight.trust).empty() || (!said.missing.empty() && said.path.size() == 1);
}

std::string listed(const std::vector<pki::Certificate>& certificates) {
  std::string text;
  for (const pki::Certificate& one : certificates) text.append(text.empty() ? "" : ", ").append(named(one));
  return text;
}

std::string reason_of(const StoreVerdict& said) {
  if (!said.missing.empty()) return fmt::format("\"{}\" is neither sent nor trusted", said.missing.raw());
  const bool is_known = said.depth >= 0 && static_cast<std::size_t>(said.depth) < said.path.size();
  return said.problem + (is_known ? fmt::format(" ({})", named(said.path[static_cast<std::size_t>(said.depth)])) : "");
}

// Each reason once, behind the stores that have it: "system, local: ...". Adds a field for each store.
std::string reasons_of(const pki::ChainVerdict& trust, bool (*counts)(const StoreVerdict&), Fields& fields) {
  using Reason = std::pair<std::string, std::string>;  // with its stores
  std::vector<Reason> reasons;
  for (const StoreVerdict& one : trust.stores) {
    if (!counts(one)) continue;
    const std::string reason = reason_of(one);
    fields.emplace_back("store", ours(fmt::format("{}: {}", one.store, reason)));
    const auto known = std::ranges::find(reasons, reason, &Reason::first);
    if (known == reasons.end())
      reasons.emplace_back(reason, one.store);
    else
      known->second += ", " + one.store;
  }
  std::string what;
  for (const auto& [reason, stores] : reasons)
    what += fmt::format("{}{}: {}", what.empty() ? "" : "; ", stores, reason);
  return what;
}

void judge_unreadable(const Context& at, Found& found) {
  if (at.sight.unreadable == 0) return;
  found.add({{"count", ours(std::to_string(at.sight.unreadable))}},
            fmt::format("{} of {} certificates cannot be read", at.sight.unreadable,
                        at.sight.unreadable + at.sight.chain.size()));
}

void judge_untrusted(const Context& at, Found& found) {
  if (!is_distrusted(at) || at.sight.trust->shape.self_signed || is_incomplete(at)) return;
  Fields fields;
  const std::string what = reasons_of(
      *at.sight.trust, [](const StoreVerdict& one) { return one.kind != StoreKind::further; }, fields);
  found.add(std::move(fields), "no store of this environment trusts the chain: " + what, at.leaf());
}

void judge_self_signed(const Context& at, Found& found) {
  if (!is_distrusted(at) || !at.sight.trust->shape.self_signed) return;
  found.add({{"certificate", ours(named(*at.leaf()))}},
            fmt::format("{} signed itself and no store of this environment holds it", named(*at.leaf())), at.leaf());
}

void judge_incomplete(const Context& at, Found& found) {
  if (!is_incomplete(at)) return;
  const std::vector<pki::Certificate> absent = absent_of(*at.sight.trust);
  if (!absent.empty()) {
    found.add({{"absent", ours(listed(absent))}},
              fmt::format("the server does not send {}, which its chain needs", listed(absent)), at.leaf());
    return;
  }
  const std::string& issuer = telling(*at.sight.trust).missing.raw();
  found.add({{"absent", ours(issuer)}}, fmt::format("the server does not send the leaf's issuer \"{}\"", issuer),
            at.leaf());
}

void judge_untrusted_by_some(const Context& at, Found& found) {
  if (!is_judged(at) || !at.is_public() || at.sight.trust->accepted() == nullptr || !at.sight.trust->accepted()->valid)
    return;
  Fields fields;
  const std::string what = reasons_of(
      *at.sight.trust, [](const StoreVerdict& one) { return one.kind == StoreKind::further && !one.valid; }, fields);
  if (!fields.empty()) found.add(std::move(fields), "not every store trusts the chain: " + what, at.leaf());
}

void judge_misordered(const Context& at, Found& found) {
  if (!is_judged(at)) return;
  const pki::ChainShape& shape = at.sight.trust->shape;
  if (!shape.leaf_first) {
    found.add(Severity::error, {{"first", ours(named(*at.leaf()))}},
              fmt::format("{} comes first, which is the issuer of another: the leaf is not where clients look for it",
                          named(*at.leaf())),
              at.leaf());
  } else if (!shape.ordered) {
    found.add({}, "an issuer stands before the certificate that it issued", at.leaf());
  }
}

void judge_foreign(const Context& at, Found& found) {
  if (!is_judged(at) || at.sight.trust->shape.foreign.empty() || !at.sight.trust->shape.leaf_first) return;
  const std::string foreign = listed(at.sight.trust->shape.foreign);
  found.add({{"foreign", ours(foreign)}}, fmt::format("sent beside the chain, and no part of it: {}", foreign),
            at.leaf());
}

void judge_superfluous_root(const Context& at, Found& found) {
  if (!is_judged(at) || at.sight.trust->shape.roots.empty()) return;
  const std::string roots = listed(at.sight.trust->shape.roots);
  found.add({{"root", ours(roots)}}, fmt::format("the root is sent too: {}", roots), at.leaf());
}

constexpr std::string_view kOrder = "RFC 5246 section 7.4.2, RFC 8446 section 4.4.2";

const Judge kChainJudges[] = {
    {{"certificate-unreadable", Severity::error, "a certificate cannot be read",
      "What stands there is no X.509 certificate, or breaks its encoding so far that nothing can be told of it.",
      "Write the chain file again from what the CA gave.", "RFC 5280 section 4.1"},
     judge_unreadable},
    {{"untrusted", Severity::error, "no trust store of the environment trusts the chain",
      "Neither the system's store nor the operator's leads from this certificate to a root. Clients that check it "
      "refuse "
      "it.",
      "If the CA is yours, name the file of its root in `trust` of [audit] or of the [environment] (\"local\" is what "
      "was "
      "added to this host's own store by hand); else get a certificate of a CA that the clients trust.",
      "RFC 5280 section 6"},
     judge_untrusted},
    {{"self-signed", Severity::error, "certificate signed itself",
      "The certificate's signature verifies with its own key, and no store holds it: nobody vouches for it, and "
      "whoever "
      "stands in between could serve one just like it.",
      "Issue one by a CA that the clients trust (`everseal issue`), or name it as a trust store where it is meant.",
      "RFC 5280 section 6"},
     judge_self_signed},
    {{"chain-incomplete", Severity::error, "an intermediate certificate is missing",
      "The server does not send what leads from its certificate to a root. Browsers that know the intermediate from "
      "elsewhere go on; programs, phones and fresh installations refuse it.",
      "Have the server send the whole chain: the file that is called fullchain.pem.", kOrder},
     judge_incomplete},
    {{"untrusted-by-some", Severity::warning, "a further trust store does not trust the chain",
      "The system's store trusts the chain, a store that the environment names for other clients does not: a root or a "
      "cross-sign is missing there.",
      "Send the cross-signs that the CA offers, choose another chain of the CA, or bring the root to those clients.",
      "RFC 5280 section 6"},
     judge_untrusted_by_some},
    {{"chain-misordered", Severity::warning, "chain is not in order",
      "Each certificate has to be followed by its issuer. Most clients sort them, some refuse; all of them take the "
      "first one for the server's own.",
      "Write the chain file anew: leaf, then each issuer.", kOrder},
     judge_misordered},
    {{"chain-foreign", Severity::warning, "a certificate is sent that is no part of the chain",
      "A certificate is sent that leads from the leaf to no root, or twice. It costs time in each handshake and often "
      "tells of a file put together by hand, of an old chain below a new leaf.",
      "Write the chain file anew from what the CA gave with this certificate.", kOrder},
     judge_foreign},
    {{"chain-superfluous-root", Severity::notice, "the root is sent too",
      "Clients trust the root that they have or none; the one that is sent only costs octets in each handshake.",
      "Leave it out of the chain file.", kOrder},
     judge_superfluous_root},
};

}  // namespace

std::span<const Judge> chain_judges() { return kChainJudges; }

}  // namespace everseal::audit
