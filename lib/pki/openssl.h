// OpenSSL's types with owners, and its error queue. For pki, net and probe only.
#pragma once

#include "base/encoding.h"
#include "base/error.h"
#include "base/handle.h"
#include "pki/signer.h"

#include <string>
#include <string_view>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace everseal::pki {

using BioHandle = base::Handle<BIO, BIO_free_all>;
using KeyHandle = base::Handle<EVP_PKEY, EVP_PKEY_free>;
using X509Handle = base::Handle<X509, X509_free>;
using X509ReqHandle = base::Handle<X509_REQ, X509_REQ_free>;
using X509CrlHandle = base::Handle<X509_CRL, X509_CRL_free>;
using X509NameHandle = base::Handle<X509_NAME, X509_NAME_free>;
using X509StoreHandle = base::Handle<X509_STORE, X509_STORE_free>;
using X509StoreContextHandle = base::Handle<X509_STORE_CTX, X509_STORE_CTX_free>;
using Asn1ObjectHandle = base::Handle<ASN1_OBJECT, ASN1_OBJECT_free>;
using GeneralNamesHandle = base::Handle<GENERAL_NAMES, GENERAL_NAMES_free>;
using PublicKeyInfoHandle = base::Handle<X509_PUBKEY, X509_PUBKEY_free>;
using DigestContextHandle = base::Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

namespace internal {
struct NativeKey {
  KeyHandle key;
};
}  // namespace internal

// The key itself, borrowed.
inline EVP_PKEY* native(const Signer& signer) noexcept { return signer.native().key.get(); }

class PrivateKey;

// Makes a PrivateKey of an OpenSSL key, for key.cpp and pkcs12.cpp. Throws Error(invalid) where the type or size is
// none of KeyType's, the curve is not a named one, or the private half does not belong to the public half.
struct KeyAccess {
  static PrivateKey adopt(KeyHandle key);
};

// The SubjectPublicKeyInfo of an OpenSSL key. Defined in key.cpp.
base::Bytes public_half(EVP_PKEY* key);

// The digest that keys of this type sign with, fetched once; nullptr for Ed25519, which has none.
const EVP_MD* signature_digest(KeyType type);
// SHA-256, fetched once.
const EVP_MD* sha256_digest();

// A library context that holds only the null provider: what is parsed in it is looked at, never verified with. One for
// the process, made on first use, never freed. Parsing in it leaves errors in the queue: clear it afterwards.
OSSL_LIB_CTX* look_context();

// Empties this thread's error queue into text ("reason (library); ..."); "" where it was empty.
std::string drain_errors();
// Throws Error(fault) "WHAT: the drained errors".
[[noreturn]] void throw_openssl(base::Fault fault, std::string_view what);

// What an i2d_ function writes for `value`; throws Error(internal) where it cannot.
template <class T, class Encode>
base::Bytes encode_der(const T* value, Encode encode) {
  const int size = encode(value, nullptr);
  if (size <= 0) throw_openssl(base::Fault::internal, "cannot encode DER");
  base::Bytes der(static_cast<std::size_t>(size));
  unsigned char* end = der.data();
  if (encode(value, &end) != size) throw_openssl(base::Fault::internal, "cannot encode DER");
  return der;
}

}  // namespace everseal::pki
