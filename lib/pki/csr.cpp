#include "pki/csr.h"

#include "pki/asn1.h"
#include "pki/der.h"
#include "pki/openssl.h"
#include "pki/pem.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace everseal::pki {
namespace {

using base::Error;
using base::Fault;
using ExtensionHandle = base::Handle<X509_EXTENSION, X509_EXTENSION_free>;

void free_extensions(STACK_OF(X509_EXTENSION) * extensions) {
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}
using ExtensionsHandle = base::Handle<STACK_OF(X509_EXTENSION), free_extensions>;

constexpr int kMostNames = 1000;

[[noreturn]] void reject_csr(std::string why, std::string hint = {}) {
  ERR_clear_error();
  throw Error(Fault::invalid, "not a usable certificate request: " + std::move(why), std::move(hint));
}

base::Bytes csr_der(base::BytesView pem_or_der) {
  if (pem_or_der.size() > kLargestCsr) reject_csr("larger than 256 kB");
  if (looks_like_der(pem_or_der)) return {pem_or_der.begin(), pem_or_der.end()};
  std::vector<PemBlock> blocks = parse_pem(base::as_text(pem_or_der));
  if (blocks.empty()) reject_csr("neither PEM nor DER");
  if (blocks.size() > 1) reject_csr("the file holds more than one PEM block", "hand in one request at a time");
  if (blocks.front().label != "CERTIFICATE REQUEST" && blocks.front().label != "NEW CERTIFICATE REQUEST")
    reject_csr(fmt::format("the PEM block is named \"{}\"", base::printable(blocks.front().label)),
               "a request begins with \"-----BEGIN CERTIFICATE REQUEST-----\"");
  return std::move(blocks.front().der);
}

// Decodes all of an extension's or attribute's octets; rejects the request otherwise.
template <class T, auto Free, class Decode>
base::Handle<T, Free> decode_all(base::BytesView der, Decode decode, const std::string& what) {
  auto value = decode_into(base::Handle<T, Free>(), der, decode);
  if (!value) reject_csr(what + " is broken");
  return value;
}

// The requested extensions; empty where the request has none. Microsoft's attribute means the same.
ExtensionsHandle requested_extensions(const X509_REQ* request) {
  int found = -1;
  for (int i = 0; i < X509_REQ_get_attr_count(request); ++i) {
    const int nid = OBJ_obj2nid(X509_ATTRIBUTE_get0_object(X509_REQ_get_attr(request, i)));
    if (nid != NID_ext_req && nid != NID_ms_ext_req) continue;
    if (found >= 0) reject_csr("it asks for extensions in two attributes");
    found = i;
  }
  if (found < 0) return {};
  X509_ATTRIBUTE* attribute = X509_REQ_get_attr(request, found);
  const ASN1_TYPE* value = X509_ATTRIBUTE_count(attribute) == 1 ? X509_ATTRIBUTE_get0_type(attribute, 0) : nullptr;
  if (value == nullptr || ASN1_TYPE_get(value) != V_ASN1_SEQUENCE) reject_csr("its extensionRequest is broken");
  ExtensionsHandle extensions = decode_all<STACK_OF(X509_EXTENSION), free_extensions>(
      octets_of(value->value.sequence), d2i_X509_EXTENSIONS, "its extensionRequest");
  if (sk_X509_EXTENSION_num(extensions.get()) == 0) reject_csr("its extensionRequest is empty");
  return extensions;
}

std::vector<GeneralName> read_names(base::BytesView der) {
  const auto names =
      decode_all<GENERAL_NAMES, GENERAL_NAMES_free>(der, d2i_GENERAL_NAMES, "its subject alternative name");
  const int count = sk_GENERAL_NAME_num(names.get());
  if (count == 0) reject_csr("its subject alternative name is empty");
  if (count > kMostNames) reject_csr(fmt::format("it asks for {} names and at most {} are allowed", count, kMostNames));
  return to_general_names(names.get());
}

void read_extensions(Csr& csr, const STACK_OF(X509_EXTENSION) * extensions) {
  std::set<std::string> seen;
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, i);
    const ASN1_OBJECT* object = X509_EXTENSION_get_object(extension);
    const base::BytesView octets = octets_of(X509_EXTENSION_get_data(extension));
    const int nid = OBJ_obj2nid(object);
    std::string name = nid == NID_undef ? oid_text(object) : OBJ_nid2sn(nid);
    if (!seen.insert(oid_text(object)).second) reject_csr(fmt::format("it asks for the extension {} twice", name));
    if (nid == NID_subject_alt_name) {
      csr.names = read_names(octets);
      continue;
    }
    if (nid == NID_basic_constraints)
      csr.asks_for_ca =
          decode_all<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>(octets, d2i_BASIC_CONSTRAINTS, "its basicConstraints")
              ->ca != 0;
    csr.extensions.push_back(std::move(name));
  }
}

void add_names(X509_REQ* request, const CsrRequest& wanted) {
  const GeneralNamesHandle names = to_native_names(wanted.identifiers);
  const int critical = wanted.subject.empty() ? 1 : 0;  // RFC 5280 section 4.2.1.6
  ExtensionHandle extension(X509V3_EXT_i2d(NID_subject_alt_name, critical, names.get()));
  const ExtensionsHandle extensions(sk_X509_EXTENSION_new_null());
  if (!extension || !extensions || sk_X509_EXTENSION_push(extensions.get(), extension.get()) == 0)
    throw_openssl(Fault::internal, "cannot make a certificate request");
  extension.release();  // owned by `extensions` now
  if (X509_REQ_add_extensions(request, extensions.get()) != 1)
    throw_openssl(Fault::internal, "cannot make a certificate request");
}

// X509_REQ_set_pubkey encodes the key and decodes that again, which takes eight times as long as signing.
void set_public_key(X509_REQ* request, base::BytesView public_key_info) {
  const PublicKeyInfoHandle info =
      decode_into(PublicKeyInfoHandle(X509_PUBKEY_new_ex(look_context(), nullptr)), public_key_info, d2i_X509_PUBKEY);
  ERR_clear_error();
  ASN1_OBJECT* algorithm = nullptr;
  const unsigned char* key = nullptr;
  int size = 0;
  X509_ALGOR* whole = nullptr;
  if (!info || X509_PUBKEY_get0_param(&algorithm, &key, &size, &whole, info.get()) != 1)
    throw_openssl(Fault::internal, "cannot make a certificate request");
  int parameter_type = V_ASN1_UNDEF;
  const void* parameter = nullptr;
  X509_ALGOR_get0(nullptr, &parameter_type, &parameter, whole);
  Asn1ObjectHandle curve(parameter_type == V_ASN1_OBJECT ? OBJ_dup(static_cast<const ASN1_OBJECT*>(parameter))
                                                         : nullptr);
  auto* const octets = static_cast<unsigned char*>(OPENSSL_memdup(key, static_cast<std::size_t>(size)));
  if (X509_PUBKEY_set0_param(X509_REQ_get_X509_PUBKEY(request), OBJ_dup(algorithm), parameter_type, curve.get(), octets,
                             size) != 1) {
    OPENSSL_free(octets);
    throw_openssl(Fault::internal, "cannot make a certificate request");
  }
  curve.release();  // owned by the request now, as `octets` is
}

}  // namespace

base::Bytes make_csr(const CsrRequest& request, const Signer& key) {
  if (request.subject.empty() && request.identifiers.empty())
    throw Error(Fault::invalid, "a certificate request needs a subject or an identifier");
  ERR_clear_error();
  const X509NameHandle subject = to_x509_name(request.subject);
  const X509ReqHandle native_request(X509_REQ_new());
  if (!native_request || X509_REQ_set_version(native_request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(native_request.get(), subject.get()) != 1)
    throw_openssl(Fault::internal, "cannot make a certificate request");
  set_public_key(native_request.get(), key.public_key_info());
  if (!request.identifiers.empty()) add_names(native_request.get(), request);
  if (X509_REQ_sign(native_request.get(), native(key), signature_digest(key.type())) <= 0)
    throw_openssl(Fault::internal, "cannot sign a certificate request");
  return encode_der(native_request.get(), i2d_X509_REQ);
}

Csr Csr::parse(base::BytesView pem_or_der) {
  ERR_clear_error();
  Csr csr;
  csr.der = csr_der(pem_or_der);
  const X509ReqHandle request = decode_into(X509ReqHandle(X509_REQ_new()), csr.der, d2i_X509_REQ);
  if (!request) reject_csr("its DER is broken, cut or followed by something else");
  if (X509_REQ_get_version(request.get()) != X509_REQ_VERSION_1) reject_csr("its version is not 1 (RFC 2986)");
  csr.public_key_info = encode_der(X509_REQ_get_X509_PUBKEY(request.get()), i2d_X509_PUBKEY);
  // Some encodings that are not DER decode too; the key is taken over only as it was written.
  if (std::ranges::search(csr.der, csr.public_key_info).empty()) reject_csr("its public key is not encoded as DER");
  csr.public_key = summarise_public_key(csr.public_key_info);
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) reject_csr("its public key cannot be used (" + csr.public_key.text + ")");
  if (X509_REQ_verify(request.get(), key) != 1)
    reject_csr("its signature does not verify, so it proves no possession of the key");
  csr.subject = to_distinguished_name(X509_REQ_get_subject_name(request.get()));
  if (const ExtensionsHandle extensions = requested_extensions(request.get())) read_extensions(csr, extensions.get());
  ERR_clear_error();
  return csr;
}

base::Bytes public_key_info_in(base::BytesView csr) {
  der::Reader outer(csr);
  der::Reader request(outer.expect(der::kSequence).contents);
  der::Reader info(request.expect(der::kSequence).contents);
  info.expect(der::kInteger);
  info.expect(der::kSequence);
  const base::BytesView whole = info.expect(der::kSequence).whole;
  return {whole.begin(), whole.end()};
}

std::string csr_pem(base::BytesView der) { return pem("CERTIFICATE REQUEST", der); }

}  // namespace everseal::pki
