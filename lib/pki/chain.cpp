#include "pki/chain.h"

#include "base/error.h"
#include "pki/asn1.h"
#include "pki/decoder.h"
#include "pki/der.h"
#include "pki/load.h"
#include "pki/openssl.h"
#include "pki/verification.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace everseal::pki {
namespace {

constexpr std::size_t kMostCertificates = 100;

struct Loaded {
  X509Handle native;  // empty where OpenSSL cannot decode it
  Certificate certificate;
};

std::vector<Loaded> load_all(std::span<const Certificate> certificates) {
  std::vector<Loaded> loaded;
  loaded.reserve(certificates.size());
  for (const Certificate& certificate : certificates) loaded.push_back({load(certificate), certificate});
  return loaded;
}

// What is signed of a certificate; nullopt where OpenSSL reads it although it is not quite DER.
std::optional<base::BytesView> signed_part(const Certificate& certificate) {
  try {
    der::Reader outer(certificate.der());
    return der::Reader(outer.expect(der::kSequence).contents).expect(der::kSequence).whole;
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

// Does `key` open the signature? X509_verify, without decoding the keys of both certificates first, which takes OpenSSL
// 3.0 longer than all the rest. nullopt: this cannot tell.
std::optional<bool> is_signed_with(const Certificate& certificate, EVP_PKEY* key) {
  const X509* const looked_at = Looking::at(certificate);
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(&signature, &algorithm, looked_at);
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  int digest = NID_undef;
  int key_type = NID_undef;
  if (OBJ_find_sigid_algs(OBJ_obj2nid(object), &digest, &key_type) != 1) return std::nullopt;
  const bool has_no_digest = key_type == NID_ED25519;
  if (digest == NID_undef && !has_no_digest) return std::nullopt;  // RSA-PSS: its parameters say the rest
  const bool is_whole = (signature->flags & 0x07) == 0;            // no unused bits
  if (!is_whole || X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(looked_at)) != 0 ||
      EVP_PKEY_is_a(key, OBJ_nid2sn(key_type)) != 1)
    return false;
  const auto text = signed_part(certificate);
  if (!text) return std::nullopt;
  const base::BytesView octets = octets_of(signature);
  const DigestContextHandle context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, has_no_digest ? nullptr : EVP_get_digestbynid(digest), nullptr,
                              key) == 1 &&
         EVP_DigestVerify(context.get(), octets.data(), octets.size(), text->data(), text->size()) == 1;
}

bool verifies(const Certificate& certificate, const Certificate& issuer) {
  const KeyHandle key = decode_public_key(issuer.public_key_info());
  if (!key) return false;
  if (const auto is_signed = is_signed_with(certificate, key.get())) return *is_signed;
  const X509Handle loaded = load(certificate);
  return loaded && X509_verify(loaded.get(), key.get()) == 1;
}

void drop_duplicates(std::vector<Certificate>& certificates) {
  std::set<Fingerprint> seen;
  std::erase_if(certificates,
                [&](const Certificate& certificate) { return !seen.insert(certificate.fingerprint()).second; });
}

// issuers[i] are the others that signed i.
using Issuers = std::vector<std::vector<std::size_t>>;

Issuers find_issuers(const std::vector<Certificate>& all) {
  Issuers issuers(all.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t k = 0; k < all.size(); ++k)
      if (i != k && is_signed_by(all[i], all[k])) issuers[i].push_back(k);
  return issuers;
}

// Keeps the candidates that satisfy `wanted`, unless none does.
template <class Wanted>
void prefer(std::vector<std::size_t>& candidates, Wanted wanted) {
  std::vector<std::size_t> better;
  std::ranges::copy_if(candidates, std::back_inserter(better), wanted);
  if (!better.empty()) candidates = std::move(better);
}

std::size_t find_leaf(const std::vector<Certificate>& all, const Issuers& issuers, const Signer* key) {
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (key == nullptr || key_matches(*key, all[i])) candidates.push_back(i);
  if (candidates.empty())
    throw base::Error(base::Fault::invalid, "no certificate of the chain belongs to the private key",
                      "give the certificate that was issued for this key");
  std::vector<bool> has_issued(all.size());
  for (const auto& list : issuers)
    for (const std::size_t issuer : list) has_issued[issuer] = true;
  prefer(candidates, [&](std::size_t i) { return !has_issued[i]; });
  prefer(candidates, [&](std::size_t i) { return !all[i].is_ca(); });
  if (candidates.size() != 1 || (key == nullptr && has_issued[candidates.front()]))
    throw base::Error(base::Fault::invalid,
                      fmt::format("{} certificates could be the leaf of the chain", candidates.size()),
                      "give one leaf with its own issuers");
  return candidates.front();
}

// The way up: a cross-signed certificate before the self-signed one of the same CA, as it reaches further; of several
// generations the one that ends last.
std::optional<std::size_t> choose_issuer(const std::vector<Certificate>& all, const std::vector<std::size_t>& issuers,
                                         const std::vector<bool>& used) {
  std::optional<std::size_t> best;
  const auto rank = [&](std::size_t i) { return std::pair(!all[i].is_self_issued(), all[i].not_after()); };
  for (const std::size_t issuer : issuers)
    if (!used[issuer] && (!best || rank(issuer) > rank(*best))) best = issuer;
  return best;
}

bool names_of_crl(const std::vector<X509CrlHandle>& crls, const X509* certificate) {
  return std::ranges::any_of(crls, [&](const X509CrlHandle& crl) {
    return X509_NAME_cmp(X509_CRL_get_issuer(crl.get()), X509_get_issuer_name(certificate)) == 0;
  });
}

int crls_index() {
  static const int index = X509_STORE_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Without a CRL from its issuer a certificate counts as not revoked.
int excuse_absent_crl(int ok, X509_STORE_CTX* context) {
  if (ok == 1 || X509_STORE_CTX_get_error(context) != X509_V_ERR_UNABLE_TO_GET_CRL) return ok;
  const auto* crls = static_cast<const std::vector<X509CrlHandle>*>(X509_STORE_CTX_get_ex_data(context, crls_index()));
  const X509* certificate = X509_STORE_CTX_get_current_cert(context);
  if (crls == nullptr || certificate == nullptr || names_of_crl(*crls, certificate)) return ok;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

Verdict fault(std::string problem) { return {false, 0, std::move(problem), {}}; }

// Empty where the chain that was tried does not end at a self-issued anchor.
std::vector<Certificate> path_of(X509_STORE_CTX* context, const std::vector<Loaded>& known, std::size_t first_anchor) {
  std::vector<Certificate> path;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* link = sk_X509_value(chain, i);
    const auto found = std::ranges::find_if(
        known, [&](const Loaded& one) { return one.native && X509_cmp(one.native.get(), link) == 0; });
    if (found == known.end()) return {};
    path.push_back(found->certificate);
  }
  const auto is_end = [&](const Loaded& one) { return !path.empty() && one.certificate == path.back(); };
  const bool anchored = std::any_of(known.begin() + static_cast<std::ptrdiff_t>(first_anchor), known.end(), is_end);
  if (!anchored || !path.back().is_self_issued()) return {};
  return path;
}

}  // namespace

std::vector<Certificate> order_chain(std::vector<Certificate> certificates, const Signer* key, RootPolicy root) {
  drop_duplicates(certificates);
  if (certificates.empty()) throw base::Error(base::Fault::invalid, "a chain without certificates");
  if (certificates.size() > kMostCertificates)
    throw base::Error(base::Fault::invalid, fmt::format("a chain of more than {} certificates", kMostCertificates));
  const Issuers issuers = find_issuers(certificates);

  std::vector<bool> used(certificates.size());
  std::vector<Certificate> chain;
  for (std::optional<std::size_t> at = find_leaf(certificates, issuers, key); at;
       at = choose_issuer(certificates, issuers[*at], used)) {
    const Certificate& next = certificates[*at];
    used[*at] = true;
    const bool is_root = is_signed_by(next, next);
    if (!is_root || root == RootPolicy::keep || chain.empty()) chain.push_back(next);
    if (is_root) break;
  }
  return chain;
}

bool key_matches(const Signer& key, const Certificate& certificate) {
  const base::Bytes info = certificate.public_key_info();
  if (info == key.public_key_info()) return true;
  // One key has several encodings: a point of a curve may be compressed.
  const KeyHandle other = decode_public_key(info);
  const bool match = other && EVP_PKEY_eq(other.get(), native(key)) == 1;
  ERR_clear_error();
  return match;
}

bool is_signed_by(const Certificate& certificate, const Certificate& issuer) {
  ERR_clear_error();
  const bool is_signed =
      X509_NAME_cmp(X509_get_issuer_name(Looking::at(certificate)), X509_get_subject_name(Looking::at(issuer))) == 0 &&
      verifies(certificate, issuer);
  ERR_clear_error();
  return is_signed;
}

Verdict verify(const Certificate& leaf, std::span<const Certificate> untrusted, std::span<const Certificate> anchors,
               base::Time at, Purpose purpose, std::span<const Crl> crls) {
  // Declared before what borrows from them.
  std::vector<Loaded> known = load_all(std::span(&leaf, 1));
  if (!known.front().native) {
    const std::string why = drain_errors();
    return fault(why.empty() ? "the certificate cannot be decoded" : "the certificate cannot be decoded: " + why);
  }
  std::ranges::move(load_all(untrusted), std::back_inserter(known));
  const std::size_t first_anchor = known.size();
  std::ranges::move(load_all(anchors), std::back_inserter(known));
  std::vector<X509CrlHandle> lists;
  for (const Crl& crl : crls) {
    lists.push_back(load(crl));
    if (!lists.back()) return fault("a CRL cannot be decoded: " + drain_errors());
  }
  ERR_clear_error();

  const X509StoreHandle store(X509_STORE_new());
  const BorrowedStack intermediates(sk_X509_new_null());
  const X509StoreContextHandle context(X509_STORE_CTX_new());
  if (!store || !intermediates || !context) throw_openssl(base::Fault::internal, "cannot verify a certificate");
  // What cannot be decoded takes no part: if the path needs it, the path is not found.
  for (std::size_t i = 1; i < known.size(); ++i) {
    if (!known[i].native) continue;
    if (i >= first_anchor)
      X509_STORE_add_cert(store.get(), known[i].native.get());
    else
      sk_X509_push(intermediates.get(), known[i].native.get());
  }
  for (const X509CrlHandle& list : lists) X509_STORE_add_crl(store.get(), list.get());
  if (X509_STORE_CTX_init(context.get(), store.get(), known.front().native.get(), intermediates.get()) != 1)
    throw_openssl(base::Fault::internal, "cannot verify a certificate");
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_time(parameters, base::to_unix(at));
  if (purpose != Purpose::any) X509_STORE_CTX_set_purpose(context.get(), native_purpose(purpose));
  if (!lists.empty()) {
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_CTX_set_ex_data(context.get(), crls_index(), &lists);
    X509_STORE_CTX_set_verify_cb(context.get(), excuse_absent_crl);
  }

  Verdict verdict;
  verdict.valid = X509_verify_cert(context.get()) == 1;
  verdict.path = path_of(context.get(), known, first_anchor);
  if (!verdict.valid) {
    verdict.depth = X509_STORE_CTX_get_error_depth(context.get());
    verdict.problem = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  }
  ERR_clear_error();
  return verdict;
}

}  // namespace everseal::pki
