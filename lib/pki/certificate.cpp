#include "pki/certificate.h"

#include "pki/asn1.h"
#include "pki/load.h"
#include "pki/openssl.h"
#include "pki/pem.h"

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <utility>

#include <fmt/format.h>

namespace everseal::pki {

struct Certificate::Parsed {
  base::Bytes der;
  Fingerprint fingerprint;
  X509Handle native;
  base::Time not_before;
  base::Time not_after;
  bool is_ca = false;
  std::optional<int> path_length;
  mutable std::once_flag names_once;
  mutable std::vector<GeneralName> names;
};

namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kLargestCertificate = 1 << 20;

// The decoded extension; empty where it is absent, does not decode or stands twice.
template <class T, auto Free>
base::Handle<T, Free> extension(const X509* certificate, int nid) {
  base::Handle<T, Free> value(static_cast<T*>(X509_get_ext_d2i(certificate, nid, nullptr, nullptr)));
  ERR_clear_error();
  return value;
}

// Every SAN extension's entries: a second one breaks RFC 5280, but hides nothing from an inventory.
std::vector<GeneralName> read_names(const X509* certificate) {
  std::vector<GeneralName> names;
  for (int at = -1; (at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, at)) >= 0;) {
    const GeneralNamesHandle decoded(static_cast<GENERAL_NAMES*>(X509V3_EXT_d2i(X509_get_ext(certificate, at))));
    ERR_clear_error();
    if (!decoded) {
      names.push_back({GeneralName::Kind::other, base::Untrusted("unreadable")});
      continue;
    }
    std::vector<GeneralName> more = to_general_names(decoded.get());
    if (names.empty())
      names = std::move(more);
    else
      names.insert(names.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return names;
}

base::Time time_of(const ASN1_TIME* time, std::string_view what) {
  const std::optional<base::Time> read = to_time(time);
  ERR_clear_error();
  if (!read) throw Error(Fault::invalid, fmt::format("not a certificate: its {} is no time", what));
  return *read;
}

void append_urls(std::vector<base::Untrusted>& urls, const GENERAL_NAMES* names) {
  for (GeneralName& name : to_general_names(names))
    if (name.kind == GeneralName::Kind::uri) urls.push_back(std::move(name.value));
}

std::vector<base::Untrusted> access_urls(const X509* certificate, int method) {
  std::vector<base::Untrusted> urls;
  const auto access = extension<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free>(certificate, NID_info_access);
  for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    const ACCESS_DESCRIPTION* description = sk_ACCESS_DESCRIPTION_value(access.get(), i);
    if (OBJ_obj2nid(description->method) != method || description->location->type != GEN_URI) continue;
    urls.emplace_back(std::string(base::as_text(octets_of(description->location->d.uniformResourceIdentifier))));
  }
  return urls;
}

bool is_certificate_label(std::string_view label) noexcept {
  return label == "CERTIFICATE" || label == "X509 CERTIFICATE";
}

}  // namespace

std::optional<std::string> parse_serial(std::string_view text) {
  constexpr std::size_t kLongest = 128;
  std::string digits = base::lower(base::trim(text));
  if (digits.starts_with("0x")) digits.erase(0, 2);
  std::erase_if(digits, [](char c) { return c == ':' || c == ' '; });
  if (digits.empty() || digits.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) digits = "00";
  if (digits.size() % 2 != 0) digits.insert(0, 1, '0');
  if (digits.size() > kLongest) return std::nullopt;
  return digits;
}

Certificate Certificate::parse(base::BytesView der) {
  if (der.size() > kLargestCertificate) throw Error(Fault::invalid, "not a certificate: larger than 1 MiB");
  ERR_clear_error();
  auto parsed = std::make_shared<Parsed>();
  parsed->native = decode_into(X509Handle(X509_new_ex(look_context(), nullptr)), der, d2i_X509);
  ERR_clear_error();
  const X509* native = parsed->native.get();
  if (native == nullptr)
    throw Error(Fault::invalid, "not a certificate: its DER is broken, cut or followed by something else");
  parsed->der.assign(der.begin(), der.end());
  parsed->fingerprint = pki::fingerprint(der);
  parsed->not_before = time_of(X509_get0_notBefore(native), "notBefore");
  parsed->not_after = time_of(X509_get0_notAfter(native), "notAfter");
  if (const auto basic = extension<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>(native, NID_basic_constraints)) {
    parsed->is_ca = basic->ca != 0;
    const long length = basic->pathlen != nullptr ? ASN1_INTEGER_get(basic->pathlen) : -1;
    if (length >= 0 && length <= std::numeric_limits<int>::max()) parsed->path_length = static_cast<int>(length);
  }
  return Certificate(std::move(parsed));
}

std::vector<Certificate> Certificate::parse_all(base::BytesView pem_or_der) {
  std::vector<Certificate> certificates;
  if (looks_like_der(pem_or_der)) {
    certificates.push_back(parse(pem_or_der));
    return certificates;
  }
  for (const PemBlock& block : parse_pem(base::as_text(pem_or_der)))
    if (is_certificate_label(block.label))
      certificates.push_back(base::within(fmt::format("certificate {} of the file", certificates.size() + 1),
                                          [&] { return parse(block.der); }));
  if (certificates.empty())
    throw Error(Fault::invalid, "no certificate found", "PEM blocks named CERTIFICATE or one DER certificate are read");
  return certificates;
}

const X509* Looking::at(const Certificate& certificate) noexcept { return certificate.parsed_->native.get(); }

const base::Bytes& Certificate::der() const noexcept { return parsed_->der; }
std::string Certificate::pem() const { return pki::pem("CERTIFICATE", der()); }
const Fingerprint& Certificate::fingerprint() const noexcept { return parsed_->fingerprint; }

std::string Certificate::serial() const { return serial_text(X509_get0_serialNumber(parsed_->native.get())); }
base::Untrusted Certificate::subject() const { return name_text(X509_get_subject_name(parsed_->native.get())); }
base::Untrusted Certificate::issuer() const { return name_text(X509_get_issuer_name(parsed_->native.get())); }
DistinguishedName Certificate::subject_name() const {
  return to_distinguished_name(X509_get_subject_name(parsed_->native.get()));
}
base::Bytes Certificate::subject_der() const {
  return encode_der(X509_get_subject_name(parsed_->native.get()), i2d_X509_NAME);
}
base::Bytes Certificate::issuer_der() const {
  return encode_der(X509_get_issuer_name(parsed_->native.get()), i2d_X509_NAME);
}
base::Time Certificate::not_before() const noexcept { return parsed_->not_before; }
base::Time Certificate::not_after() const noexcept { return parsed_->not_after; }

const std::vector<GeneralName>& Certificate::names() const {
  std::call_once(parsed_->names_once, [this] { parsed_->names = read_names(parsed_->native.get()); });
  return parsed_->names;
}

base::Bytes Certificate::public_key_info() const {
  return encode_der(X509_get_X509_PUBKEY(parsed_->native.get()), i2d_X509_PUBKEY);
}
PublicKeySummary Certificate::public_key() const { return summarise_public_key(public_key_info()); }
Sha256 Certificate::spki_pin() const { return sha256(public_key_info()); }

std::string Certificate::signature_algorithm() const {
  const X509_ALGOR* algorithm = nullptr;
  const ASN1_OBJECT* object = nullptr;
  X509_get0_signature(nullptr, &algorithm, parsed_->native.get());
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  const int nid = OBJ_obj2nid(object);
  return nid == NID_undef ? oid_text(object) : OBJ_nid2ln(nid);
}

std::string Certificate::signature_hash() const {
  int hash = NID_undef;
  const bool known =
      X509_get_signature_info(const_cast<X509*>(parsed_->native.get()), &hash, nullptr, nullptr, nullptr) == 1;
  ERR_clear_error();
  if (!known || hash == NID_undef) return {};
  switch (hash) {
    case NID_md2:
      return "MD2";
    case NID_md4:
      return "MD4";
    case NID_md5:
      return "MD5";
    case NID_sha1:
      return "SHA-1";
    case NID_sha224:
      return "SHA-224";
    case NID_sha256:
      return "SHA-256";
    case NID_sha384:
      return "SHA-384";
    case NID_sha512:
      return "SHA-512";
    default:
      return OBJ_nid2sn(hash);
  }
}

bool Certificate::is_ca() const noexcept { return parsed_->is_ca; }
std::optional<int> Certificate::path_length() const noexcept { return parsed_->path_length; }

std::vector<std::string> Certificate::key_usage() const {
  constexpr std::array kNames = {"digitalSignature", "contentCommitment", "keyEncipherment",
                                 "dataEncipherment", "keyAgreement",      "keyCertSign",
                                 "cRLSign",          "encipherOnly",      "decipherOnly"};
  std::vector<std::string> usages;
  const auto bits = extension<ASN1_BIT_STRING, ASN1_BIT_STRING_free>(parsed_->native.get(), NID_key_usage);
  for (std::size_t i = 0; bits && i < kNames.size(); ++i)
    if (ASN1_BIT_STRING_get_bit(bits.get(), static_cast<int>(i)) != 0) usages.emplace_back(kNames[i]);
  return usages;
}

std::vector<std::string> Certificate::extended_key_usage() const {
  std::vector<std::string> usages;
  const auto objects = extension<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>(parsed_->native.get(), NID_ext_key_usage);
  for (int i = 0; i < sk_ASN1_OBJECT_num(objects.get()); ++i) {
    const ASN1_OBJECT* object = sk_ASN1_OBJECT_value(objects.get(), i);
    switch (const int nid = OBJ_obj2nid(object); nid) {
      case NID_server_auth:
      case NID_client_auth:
      case NID_code_sign:
      case NID_email_protect:
      case NID_time_stamp:
      case NID_OCSP_sign:
      case NID_anyExtendedKeyUsage:
        usages.emplace_back(OBJ_nid2sn(nid));
        break;
      default:
        usages.push_back(oid_text(object));
    }
  }
  return usages;
}

base::Bytes Certificate::subject_key_id() const {
  const auto id =
      extension<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>(parsed_->native.get(), NID_subject_key_identifier);
  return id ? base::Bytes(octets_of(id.get()).begin(), octets_of(id.get()).end()) : base::Bytes();
}

base::Bytes Certificate::authority_key_id() const {
  const auto id = extension<AUTHORITY_KEYID, AUTHORITY_KEYID_free>(parsed_->native.get(), NID_authority_key_identifier);
  if (!id || id->keyid == nullptr) return {};
  return {octets_of(id->keyid).begin(), octets_of(id->keyid).end()};
}

bool Certificate::must_staple() const {
  constexpr long kStatusRequest = 5;
  const auto features = extension<TLS_FEATURE, TLS_FEATURE_free>(parsed_->native.get(), NID_tlsfeature);
  for (int i = 0; i < sk_ASN1_INTEGER_num(features.get()); ++i)
    if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features.get(), i)) == kStatusRequest) return true;
  return false;
}

std::vector<base::Untrusted> Certificate::crl_urls() const {
  std::vector<base::Untrusted> urls;
  const auto points =
      extension<CRL_DIST_POINTS, CRL_DIST_POINTS_free>(parsed_->native.get(), NID_crl_distribution_points);
  for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT_NAME* name = sk_DIST_POINT_value(points.get(), i)->distpoint;
    if (name != nullptr && name->type == 0) append_urls(urls, name->name.fullname);
  }
  return urls;
}

std::vector<base::Untrusted> Certificate::ocsp_urls() const { return access_urls(parsed_->native.get(), NID_ad_OCSP); }
std::vector<base::Untrusted> Certificate::issuer_urls() const {
  return access_urls(parsed_->native.get(), NID_ad_ca_issuers);
}

bool Certificate::is_self_issued() const { return subject_der() == issuer_der(); }

base::Untrusted Certificate::caption() const {
  constexpr std::size_t kLongest = 120;
  std::string name;
  for (const GeneralName& san : names())
    if (name.empty() && san.kind != GeneralName::Kind::other && san.kind != GeneralName::Kind::directory)
      name = san.value.raw();
  if (name.empty()) name = subject_name().first("CN").value_or(subject().raw());
  if (name.empty()) name = "no name";
  if (name.size() > kLongest) name.replace(kLongest, std::string::npos, "...");
  return base::Untrusted(fmt::format("{} (serial {})", name, serial().substr(0, 48)));
}

std::string Certificate::describe() const { return base::printable(caption()); }

}  // namespace everseal::pki
