#include "pki/openssl.h"

#include <cstdlib>

#include <openssl/crypto.h>
#include <openssl/provider.h>

namespace everseal::pki {
namespace {

// What OpenSSL would tidy up at the end of the process ends with it. This has to come before its first use.
[[maybe_unused]] const int untidied = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);

const EVP_MD* fetch(const char* name) {
  const EVP_MD* digest = EVP_MD_fetch(nullptr, name, nullptr);
  if (digest == nullptr) throw_openssl(base::Fault::internal, std::string("OpenSSL has no ") + name);
  return digest;
}

OSSL_LIB_CTX* make_look_context() {
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (context == nullptr || OSSL_PROVIDER_load(context, "null") == nullptr)
    throw_openssl(base::Fault::internal, "cannot make a library context with the null provider");
  return context;
}

}  // namespace

const EVP_MD* sha256_digest() {
  static const EVP_MD* const digest = fetch("SHA256");
  return digest;
}

const EVP_MD* signature_digest(KeyType type) {
  static const EVP_MD* const sha384 = fetch("SHA384");
  if (type == KeyType::ed25519) return nullptr;
  return type == KeyType::ecdsa_p384 ? sha384 : sha256_digest();
}

OSSL_LIB_CTX* look_context() {
  static OSSL_LIB_CTX* const context = make_look_context();
  return context;
}

std::string drain_errors() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    const char* library = ERR_lib_error_string(code);
    std::string one = reason != nullptr ? reason : "error " + std::to_string(ERR_GET_REASON(code));
    if (library != nullptr) one += " (" + std::string(library) + ")";
    if (text.find(one) != std::string::npos) continue;
    if (!text.empty()) text += "; ";
    text += one;
  }
  return text;
}

void throw_openssl(base::Fault fault, std::string_view what) {
  std::string message(what);
  if (const std::string errors = drain_errors(); !errors.empty()) message += ": " + errors;
  throw base::Error(fault, std::move(message));
}

}  // namespace everseal::pki
