// OpenSSL's types with owners, and its error queue. For pki, net and probe only.
#pragma once

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
using DigestContextHandle = base::Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

namespace internal {
struct NativeKey {
  KeyHandle key;
};
}  // namespace internal

// The key itself, borrowed.
inline EVP_PKEY* native(const Signer& signer) noexcept { return signer.native().key.get(); }

// Empties this thread's error queue into text ("reason (library)"); "" where it was empty.
std::string drain_errors();
// Throws Error(fault) "WHAT: the drained errors" .
[[noreturn]] void throw_openssl(base::Fault fault, std::string_view what);

}  // namespace everseal::pki
