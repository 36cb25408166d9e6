#include "bench/baseline.h"

#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace everseal::bench {

struct BareAuthority::State {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
};

namespace {

void require(bool good) {
  if (!good) throw std::runtime_error("the bare OpenSSL loop failed");
}

void add(X509* certificate, X509V3_CTX& context, int nid, const char* value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void set_serial(X509* certificate) {
  unsigned char octets[20];
  require(RAND_bytes(octets, sizeof octets) == 1);
  octets[0] &= 0x7f;
  BIGNUM* const number = BN_bin2bn(octets, sizeof octets, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
}

std::string pem_of(X509* certificate) {
  BIO* const memory = BIO_new(BIO_s_mem());
  require(PEM_write_bio_X509(memory, certificate) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return text;
}

}  // namespace

BareAuthority::BareAuthority() : state_(new State) {
  X509* const own = state_->certificate;
  require(state_->key != nullptr && own != nullptr);
  X509_set_version(own, X509_VERSION_3);
  set_serial(own);
  X509_gmtime_adj(X509_getm_notBefore(own), -300);
  X509_gmtime_adj(X509_getm_notAfter(own), 1826L * 86400);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(own), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("Bare CA"), -1, -1, 0);
  X509_set_issuer_name(own, X509_get_subject_name(own));
  X509_set_pubkey(own, state_->key);
  X509V3_CTX context;
  X509V3_set_ctx(&context, own, own, nullptr, nullptr, 0);
  add(own, context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add(own, context, NID_subject_key_identifier, "hash");
  require(X509_sign(own, state_->key, EVP_sha256()) > 0);
}

BareAuthority::~BareAuthority() {
  X509_free(state_->certificate);
  EVP_PKEY_free(state_->key);
  delete state_;
}

std::string BareAuthority::sign(const std::string& csr_pem) {
  BIO* const input = BIO_new_mem_buf(csr_pem.data(), static_cast<int>(csr_pem.size()));
  X509_REQ* const request = PEM_read_bio_X509_REQ(input, nullptr, nullptr, nullptr);
  BIO_free(input);
  require(request != nullptr && X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1);
  X509* const made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  set_serial(made);
  X509_gmtime_adj(X509_getm_notBefore(made), -300);
  X509_gmtime_adj(X509_getm_notAfter(made), 90L * 86400);
  X509_set_issuer_name(made, X509_get_subject_name(state_->certificate));
  X509_set_pubkey(made, X509_REQ_get0_pubkey(request));
  X509V3_CTX context;
  X509V3_set_ctx(&context, state_->certificate, made, nullptr, nullptr, 0);
  add(made, context, NID_basic_constraints, "critical,CA:FALSE");
  add(made, context, NID_key_usage, "critical,digitalSignature");
  add(made, context, NID_ext_key_usage, "serverAuth");
  add(made, context, NID_subject_key_identifier, "hash");
  add(made, context, NID_authority_key_identifier, "keyid");
  STACK_OF(X509_EXTENSION)* const asked = X509_REQ_get_extensions(request);
  const int at = X509v3_get_ext_by_NID(asked, NID_subject_alt_name, -1);
  require(at >= 0 && X509_add_ext(made, X509v3_get_ext(asked, at), -1) == 1);
  X509_EXTENSION* const name = X509_get_ext(made, X509_get_ext_by_NID(made, NID_subject_alt_name, -1));
  auto* const names = static_cast<GENERAL_NAMES*>(X509V3_EXT_d2i(name));
  const ASN1_STRING* const first = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8, ASN1_STRING_get0_data(first),
                             ASN1_STRING_length(first), -1, 0);
  require(X509_sign(made, state_->key, EVP_sha256()) > 0);
  std::string text = pem_of(made);
  GENERAL_NAMES_free(names);
  sk_X509_EXTENSION_pop_free(asked, X509_EXTENSION_free);
  X509_free(made);
  X509_REQ_free(request);
  return text;
}

}  // namespace everseal::bench
