#include "pki/revocation.h"

#include "base/error.h"
#include "pki/asn1.h"
#include "pki/load.h"
#include "pki/openssl.h"
#include "pki/verification.h"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/ocsp.h>

namespace everseal::pki {
namespace {

using ResponseHandle = base::Handle<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using BasicHandle = base::Handle<OCSP_BASICRESP, OCSP_BASICRESP_free>;
using IdHandle = base::Handle<OCSP_CERTID, OCSP_CERTID_free>;
using State = RevocationStatus::State;

constexpr base::Seconds kClocksDiffer{300};

RevocationStatus unknown(std::string why) {
  ERR_clear_error();
  return {State::unknown, std::nullopt, std::move(why)};
}

// Why what was said from `since` until `until` is nothing for `at`; nothing where it is.
std::optional<std::string> out_of_time(base::Time since, std::optional<base::Time> until, base::Time at) {
  if (since > at + kClocksDiffer) return fmt::format("begins {}", base::format_time(since));
  if (until && *until < at) return fmt::format("ended {}", base::format_time(*until));
  return std::nullopt;
}

// Signed by the issuer itself, or by a certificate that the issuer made for this.
bool is_signed(OCSP_BASICRESP* basic, X509* issuer, base::Time at) {
  const X509StoreHandle store(X509_STORE_new());
  const BorrowedStack issuers(sk_X509_new_null());
  if (!store || !issuers || sk_X509_push(issuers.get(), issuer) == 0 || X509_STORE_add_cert(store.get(), issuer) != 1)
    throw_openssl(base::Fault::internal, "cannot verify an OCSP response");
  X509_VERIFY_PARAM* const parameters = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_time(parameters, base::to_unix(at));
  return OCSP_basic_verify(basic, issuers.get(), store.get(), OCSP_TRUSTOTHER) == 1;
}

// The answer about `certificate`, whatever hash its identity is written with.
OCSP_SINGLERESP* find_answer(OCSP_BASICRESP* basic, X509* certificate, X509* issuer) {
  for (int i = 0; i < OCSP_resp_count(basic); ++i) {
    OCSP_SINGLERESP* const answer = OCSP_resp_get0(basic, i);
    // Read from the identity itself; OpenSSL takes it without const and changes nothing.
    auto* const id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(answer));
    ASN1_OBJECT* hash = nullptr;
    if (OCSP_id_get0_info(nullptr, &hash, nullptr, nullptr, id) != 1) continue;
    const EVP_MD* const digest = EVP_get_digestbyobj(hash);
    const IdHandle wanted(digest == nullptr ? nullptr : OCSP_cert_to_id(digest, certificate, issuer));
    if (wanted && OCSP_id_cmp(wanted.get(), id) == 0) return answer;
  }
  return nullptr;
}

RevocationStatus read_answer(OCSP_SINGLERESP* answer, base::Time at) {
  int reason = OCSP_REVOKED_STATUS_NOSTATUS;
  ASN1_GENERALIZEDTIME *revoked = nullptr, *since = nullptr, *until = nullptr;
  const int status = OCSP_single_get0_status(answer, &reason, &revoked, &since, &until);
  const auto begins = to_time(since);
  if (!begins) return unknown("the OCSP response says no time");
  if (const auto why = out_of_time(*begins, until == nullptr ? std::nullopt : to_time(until), at))
    return unknown("the OCSP response " + *why);
  switch (status) {
    case V_OCSP_CERTSTATUS_GOOD:
      return {State::good, std::nullopt, {}};
    case V_OCSP_CERTSTATUS_REVOKED:
      return {State::revoked, to_time(revoked),
              reason == OCSP_REVOKED_STATUS_NOSTATUS ? std::string() : OCSP_crl_reason_str(reason)};
    default:
      return unknown("the OCSP responder does not know the certificate");
  }
}

// Does the certificate name one of the CRL's distribution points?
bool is_for(const std::vector<std::string>& points, const Certificate& certificate) {
  if (points.empty()) return true;
  return std::ranges::any_of(certificate.crl_urls(), [&](const base::Untrusted& url) {
    return std::ranges::find(points, url.raw()) != points.end();
  });
}

}  // namespace

RevocationList::RevocationList(Crl crl, const Certificate& issuer)
    : issuer_der_(crl.issuer_der), this_update_(crl.this_update), next_update_(crl.next_update) {
  if (!is_signed_by(crl, issuer)) throw base::Error(base::Fault::invalid, "the CRL is not signed by the issuer");
  scope_ = std::move(crl.scope);
  entries_ = std::move(crl.entries);
  std::ranges::sort(entries_, {}, &RevokedEntry::serial);
}

RevocationStatus RevocationList::status(const Certificate& certificate, base::Time at) const {
  if (issuer_der_ != certificate.issuer_der()) return unknown("the CRL is not of the certificate's issuer");
  if (!scope_.beyond.empty()) return unknown("the CRL " + scope_.beyond);
  if (scope_.covers != CrlScope::Covers::all && (scope_.covers == CrlScope::Covers::authorities) != certificate.is_ca())
    return unknown(certificate.is_ca() ? "the CRL is not of CAs" : "the CRL is of CAs alone");
  if (!is_for(scope_.points, certificate)) return unknown("the CRL is of another distribution point");
  if (const auto why = out_of_time(this_update_, next_update_, at)) return unknown("the CRL " + *why);
  const std::string serial = certificate.serial();
  const auto found = std::ranges::lower_bound(entries_, serial, {}, &RevokedEntry::serial);
  if (found == entries_.end() || found->serial != serial)
    return scope_.some_reasons ? unknown("the CRL is of some reasons alone")
                               : RevocationStatus{State::good, std::nullopt, {}};
  return {State::revoked, found->when,
          found->reason == RevocationReason::unspecified ? std::string() : std::string(to_string(found->reason))};
}

RevocationStatus status_by_ocsp(base::BytesView response, const Certificate& certificate, const Certificate& issuer,
                                base::Time at) {
  ERR_clear_error();
  const ResponseHandle whole = decode_into(ResponseHandle(), response, d2i_OCSP_RESPONSE);
  if (!whole) return unknown("the OCSP response cannot be decoded");
  if (const int status = OCSP_response_status(whole.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return unknown(fmt::format("the OCSP responder gave no answer: {}", OCSP_response_status_str(status)));
  const BasicHandle basic(OCSP_response_get1_basic(whole.get()));
  const X509Handle subject = load(certificate), signer = load(issuer);
  if (!basic || !subject || !signer) return unknown("the OCSP response cannot be decoded");
  if (!is_signed(basic.get(), signer.get(), at)) return unknown("the OCSP response is not signed by the issuer");
  OCSP_SINGLERESP* const answer = find_answer(basic.get(), subject.get(), signer.get());
  if (answer == nullptr) return unknown("the OCSP response is about another certificate");
  RevocationStatus status = read_answer(answer, at);
  ERR_clear_error();
  return status;
}

}  // namespace everseal::pki
