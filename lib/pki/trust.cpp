#include "pki/trust.h"

#include "base/error.h"
#include "pki/asn1.h"
#include "pki/load.h"
#include "pki/openssl.h"
#include "pki/verification.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace everseal::pki {

namespace internal {
struct LoadedStore {
  std::string name;
  StoreKind kind;
  std::set<Fingerprint> anchors;
  X509StoreHandle native;
};
}  // namespace internal

namespace {

using internal::LoadedStore;

constexpr std::size_t kLongestChain = 32;

BorrowedStack make_stack() {
  BorrowedStack stack(sk_X509_new_null());
  if (!stack) throw_openssl(base::Fault::internal, "cannot verify a certificate");
  return stack;
}

LoadedStore load_store(const TrustStore& from) {
  LoadedStore store{from.name, from.kind, {}, X509StoreHandle(X509_STORE_new())};
  if (!store.native) throw_openssl(base::Fault::internal, "cannot make a trust store");
  for (const Certificate& anchor : from.anchors) {
    const X509Handle loaded = load(anchor);
    if (loaded && X509_STORE_add_cert(store.native.get(), loaded.get()) == 1)
      store.anchors.insert(anchor.fingerprint());
  }
  ERR_clear_error();
  return store;
}

// What a verification says of dates and of the leaf's purpose, which do not stop it.
struct Excused {
  std::int64_t at = 0;  // unix time
  int error = X509_V_OK;
  int depth = 0;
};

// The last second of a life belongs to it (RFC 5280 section 4.1.2.5), which OpenSSL sees otherwise.
bool is_last_second(X509_STORE_CTX* context, std::int64_t at) {
  std::time_t before = at - 1;
  const X509* const one = X509_STORE_CTX_get_current_cert(context);
  return one != nullptr && X509_cmp_time(X509_get0_notAfter(one), &before) > 0;
}

int excused_index() {
  static const int index = X509_STORE_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int excuse(int ok, X509_STORE_CTX* context) {
  const int error = X509_STORE_CTX_get_error(context);
  const bool is_date = error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
  const bool is_leaf_purpose = error == X509_V_ERR_INVALID_PURPOSE && X509_STORE_CTX_get_error_depth(context) == 0;
  if (ok == 1 || (!is_date && !is_leaf_purpose)) return ok;
  auto* const excused = static_cast<Excused*>(X509_STORE_CTX_get_ex_data(context, excused_index()));
  if (excused->error == X509_V_OK && !(error == X509_V_ERR_CERT_HAS_EXPIRED && is_last_second(context, excused->at))) {
    excused->error = error;
    excused->depth = X509_STORE_CTX_get_error_depth(context);
  }
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

std::vector<Certificate> tried_path(X509_STORE_CTX* context) {
  std::vector<Certificate> path;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  for (int i = 0; i < sk_X509_num(chain); ++i)
    path.push_back(Certificate::parse(encode_der(sk_X509_value(chain, i), i2d_X509)));
  return path;
}

bool lacks_an_issuer(int error) noexcept {
  return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

StoreVerdict ask(X509* leaf, STACK_OF(X509) * others, const LoadedStore& store, base::Time at, Purpose purpose) {
  StoreVerdict verdict;
  verdict.store = store.name;
  verdict.kind = store.kind;
  const X509StoreContextHandle context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), store.native.get(), leaf, others) != 1)
    throw_openssl(base::Fault::internal, "cannot verify a certificate");
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()), base::to_unix(at));
  if (purpose != Purpose::any) X509_STORE_CTX_set_purpose(context.get(), native_purpose(purpose));
  Excused excused{.at = base::to_unix(at)};
  X509_STORE_CTX_set_ex_data(context.get(), excused_index(), &excused);
  X509_STORE_CTX_set_verify_cb(context.get(), excuse);

  verdict.trusted = X509_verify_cert(context.get()) == 1;
  verdict.valid = verdict.trusted && excused.error == X509_V_OK;
  verdict.path = tried_path(context.get());
  const int error = verdict.trusted ? excused.error : X509_STORE_CTX_get_error(context.get());
  if (!verdict.valid) {
    verdict.depth = verdict.trusted ? excused.depth : X509_STORE_CTX_get_error_depth(context.get());
    verdict.problem = X509_verify_cert_error_string(error);
  }
  if (!verdict.trusted && lacks_an_issuer(error) && !verdict.path.empty())
    verdict.missing = verdict.path.back().issuer();
  ERR_clear_error();
  return verdict;
}

bool contains(std::span<const Certificate> all, const Certificate& one) {
  return std::ranges::find(all, one) != all.end();
}

}  // namespace

const StoreVerdict* ChainVerdict::accepted() const noexcept {
  const StoreVerdict* best = nullptr;
  for (const StoreVerdict& one : stores)
    if (one.kind != StoreKind::further && one.trusted && (best == nullptr || (one.valid && !best->valid))) best = &one;
  return best;
}

bool ChainVerdict::is_public() const noexcept {
  const auto is_trusted_by = [&](StoreKind kind) {
    return std::ranges::any_of(stores, [kind](const StoreVerdict& one) { return one.kind == kind && one.trusted; });
  };
  return is_trusted_by(StoreKind::system) && !is_trusted_by(StoreKind::own);
}

bool ChainVerdict::is_needed(const Certificate& certificate) const {
  return std::ranges::any_of(stores,
                             [&](const StoreVerdict& one) { return one.trusted && contains(one.path, certificate); });
}

struct ChainJudge::State {
  std::vector<LoadedStore> stores;
  base::Time at;
  std::vector<Certificate> known;
  std::size_t most;
  std::map<std::pair<Sha256, Purpose>, std::shared_ptr<const ChainVerdict>> verdicts;
  std::map<Fingerprint, X509Handle> authorities;              // loaded once, as many chains share them
  std::map<std::pair<Fingerprint, Fingerprint>, bool> links;  // of authorities: was the first signed by the second?

  // Adds to `stack`; what cannot be decoded takes no part: if the path needs it, the path is not found. What is not
  // remembered lives in `passing`.
  void push(const Certificate& certificate, STACK_OF(X509) * stack, std::vector<X509Handle>& passing) {
    const auto found = authorities.find(certificate.fingerprint());
    X509* native = found == authorities.end() ? nullptr : found->second.get();
    if (native == nullptr) {
      X509Handle fresh = load(certificate);
      native = fresh.get();
      if (native == nullptr) return;
      if (authorities.size() < most) {
        authorities.emplace(certificate.fingerprint(), std::move(fresh));
      } else {
        passing.push_back(std::move(fresh));
      }
    }
    sk_X509_push(stack, native);
  }

  bool is_linked(const Certificate& certificate, const Certificate& issuer, bool remember) {
    const std::pair key(certificate.fingerprint(), issuer.fingerprint());
    if (const auto found = links.find(key); found != links.end()) return found->second;
    const bool linked = is_signed_by(certificate, issuer);
    if (remember && links.size() < most) links.emplace(key, linked);
    return linked;
  }

  // OpenSSL goes on from the first issuer that fits and never comes back. Where a root was cross-signed more than once
  // other clients take whichever leads to what they trust, however they are ordered.
  StoreVerdict ask_each_way(X509* leaf, std::vector<Certificate> others, const LoadedStore& store, Purpose purpose,
                            std::vector<X509Handle>& passing);
  // A chain that ends in a root that was sent, and left out of the search, lacks nothing but trust.
  void end_in_root(StoreVerdict& said, std::span<const Certificate> sent);
  ChainShape shape_of(std::span<const Certificate> sent, const std::vector<StoreVerdict>& found);
};

StoreVerdict ChainJudge::State::ask_each_way(X509* leaf, std::vector<Certificate> others, const LoadedStore& store,
                                             Purpose purpose, std::vector<X509Handle>& passing) {
  const auto has_rival = [&](const Certificate& one) {
    return std::ranges::any_of(others, [&](const Certificate& other) {
      return !(other == one) && other.subject_der() == one.subject_der() &&
             other.public_key_info() == one.public_key_info();
    });
  };
  std::optional<StoreVerdict> first;
  while (true) {
    const BorrowedStack stack = make_stack();
    for (const Certificate& one : others) push(one, stack.get(), passing);
    StoreVerdict said = ask(leaf, stack.get(), store, at, purpose);
    if (said.trusted) return said;
    const auto upwards = std::span(said.path).subspan(std::min<std::size_t>(said.path.size(), 1));
    const auto fork = std::ranges::find_if(upwards.rbegin(), upwards.rend(), has_rival);
    const bool is_last = fork == upwards.rend() || std::erase(others, *fork) == 0;
    if (!first) first = std::move(said);
    if (is_last) return *std::move(first);
  }
}

void ChainJudge::State::end_in_root(StoreVerdict& said, std::span<const Certificate> sent) {
  const Certificate last = said.path.back();
  for (const Certificate& one : sent.first(std::min(sent.size(), kLongestChain))) {
    if (!one.is_self_issued() || one.subject_der() != last.issuer_der() || !is_linked(one, one, true) ||
        !is_linked(last, one, said.path.size() > 1))
      continue;
    said.missing = {};
    said.problem = X509_verify_cert_error_string(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
    said.depth = static_cast<int>(said.path.size());
    said.path.push_back(one);
    return;
  }
}

ChainShape ChainJudge::State::shape_of(std::span<const Certificate> sent, const std::vector<StoreVerdict>& found) {
  ChainShape shape;
  const std::size_t count = std::min(sent.size(), kLongestChain);
  // Who a verification saw above the leaf has signed it: the dearest check is not made twice.
  const auto is_issuer_of = [&](std::size_t issuer, std::size_t one) {
    if (one == 0 && std::ranges::any_of(found, [&](const StoreVerdict& verdict) {
          return verdict.trusted && verdict.path.size() > 1 && verdict.path[1] == sent[issuer];
        }))
      return true;
    return is_linked(sent[one], sent[issuer], one != 0);
  };

  shape.self_signed = is_issuer_of(0, 0);
  std::vector<bool> reached(count), is_copy(count);
  for (std::size_t i = 0; i < count; ++i) is_copy[i] = contains(sent.first(i), sent[i]);
  std::vector<std::size_t> ahead{0};
  reached[0] = true;
  while (!ahead.empty()) {
    const std::size_t one = ahead.back();
    ahead.pop_back();
    for (std::size_t issuer = 0; issuer < count; ++issuer) {
      if (issuer == one || is_copy[issuer] || !is_issuer_of(issuer, one)) continue;
      if (issuer < one) shape.ordered = false;
      if (!reached[issuer]) ahead.push_back(issuer);
      reached[issuer] = true;
    }
  }
  for (std::size_t i = 1; i < sent.size(); ++i) {
    if (i >= count || !reached[i]) {
      shape.foreign.push_back(sent[i]);
      if (i < count && !is_copy[i] && is_issuer_of(0, i)) shape.leaf_first = false;
    } else if (is_linked(sent[i], sent[i], true)) {
      shape.roots.push_back(sent[i]);
    }
  }
  return shape;
}

ChainJudge::ChainJudge(std::vector<TrustStore> stores, base::Time at, std::vector<Certificate> known, std::size_t most)
    : state_(std::make_unique<State>()) {
  state_->at = at;
  state_->known = std::move(known);
  state_->most = most;
  for (const TrustStore& store : stores) state_->stores.push_back(load_store(store));
}

ChainJudge::~ChainJudge() = default;

std::shared_ptr<const ChainVerdict> ChainJudge::judge(std::span<const Certificate> sent, Purpose purpose) {
  if (sent.empty()) return std::make_shared<const ChainVerdict>();
  base::Bytes fingerprints;
  for (const Certificate& one : sent)
    fingerprints.insert(fingerprints.end(), one.fingerprint().octets.begin(), one.fingerprint().octets.end());
  const std::pair key(sha256(fingerprints), purpose);
  if (const auto known = state_->verdicts.find(key); known != state_->verdicts.end()) return known->second;

  ERR_clear_error();
  auto verdict = std::make_shared<ChainVerdict>();
  const X509Handle leaf = load(sent.front());
  std::vector<X509Handle> passing;
  std::vector<Certificate> others;
  // A root is trusted or leads nowhere: left among them, OpenSSL may end a path in it that a cross-sign would go on
  // from.
  for (const Certificate& one : sent.subspan(1, std::min(sent.size(), kLongestChain) - 1))
    if (!one.is_self_issued() || !state_->is_linked(one, one, true)) others.push_back(one);
  BorrowedStack with_known;
  for (const LoadedStore& store : state_->stores) {
    if (!leaf) {
      verdict->stores.push_back(
          {store.name, store.kind, false, false, 0, "the certificate cannot be decoded", {}, {}, {}});
      continue;
    }
    StoreVerdict said = state_->ask_each_way(leaf.get(), others, store, purpose, passing);
    if (!said.missing.empty() && !state_->known.empty()) {
      if (!with_known) {
        with_known = make_stack();
        for (const Certificate& one : others) state_->push(one, with_known.get(), passing);
        for (const Certificate& one : state_->known) state_->push(one, with_known.get(), passing);
      }
      const StoreVerdict completed = ask(leaf.get(), with_known.get(), store, state_->at, purpose);
      for (const Certificate& one : completed.path)
        if (completed.trusted && !store.anchors.contains(one.fingerprint()) && !contains(sent, one))
          said.absent.push_back(one);
    }
    if (!said.missing.empty()) state_->end_in_root(said, sent);
    verdict->stores.push_back(std::move(said));
  }
  verdict->shape = state_->shape_of(sent, verdict->stores);
  ERR_clear_error();
  if (state_->verdicts.size() < state_->most) state_->verdicts.emplace(key, verdict);
  return verdict;
}

}  // namespace everseal::pki
