#include "pki/key.h"

#include "base/text.h"
#include "pki/asn1.h"
#include "pki/decoder.h"
#include "pki/openssl.h"
#include "pki/pem.h"
#include "pki/rounds.h"
#include "pki/usual_key.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

namespace everseal::pki {
namespace {

using Pkcs8Handle = base::Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;
using EncryptedHandle = base::Handle<X509_SIG, X509_SIG_free>;
using AlgorithmHandle = base::Handle<X509_ALGOR, X509_ALGOR_free>;
using base::Error;
using base::Fault;

constexpr int kKeyRounds = 600'000;
constexpr std::size_t kSaltOctets = 16;
constexpr std::size_t kLargestKeyFile = 1 << 20;

std::string known_types() {
  std::string text;
  for (const KeyType type : kAllKeyTypes) text.append(text.empty() ? "" : ", ").append(to_string(type));
  return text;
}

// What it signs must verify: a private half with another's public half would make certificates nobody can use.
bool halves_match(EVP_PKEY* key, const Signer& signer) {
  if (const auto match = usual_halves_match(key)) {
    ERR_clear_error();
    return *match;
  }
  const base::BytesView probe = base::as_bytes("everseal");
  const base::Bytes signature = signer.sign(probe);
  const DigestContextHandle context(EVP_MD_CTX_new());
  const bool match =
      context && EVP_DigestVerifyInit(context.get(), nullptr, signature_digest(signer.type()), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), probe.data(), probe.size()) == 1;
  ERR_clear_error();
  return match;
}

KeyHandle from_pkcs8(base::BytesView der) {
  KeyHandle key = decode_private_key(der);
  if (!key) throw_openssl(Fault::invalid, "the private key cannot be read");
  return key;
}

base::Secret encode_secret(const PKCS8_PRIV_KEY_INFO& info) {
  unsigned char* octets = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(&info, &octets);
  if (size <= 0) throw_openssl(Fault::internal, "cannot encode the private key");
  base::Secret secret{base::BytesView(octets, static_cast<std::size_t>(size))};
  OPENSSL_clear_free(octets, static_cast<std::size_t>(size));
  return secret;
}

const base::Secret& require(const std::optional<base::Secret>& passphrase) {
  if (!passphrase)
    throw Error(Fault::invalid, "the private key is encrypted and no passphrase was given", "give its passphrase file");
  return *passphrase;
}

[[noreturn]] void throw_undecryptable() {
  const unsigned long code = ERR_peek_error();
  const bool unsupported = ERR_GET_REASON(code) == ERR_R_UNSUPPORTED ||
                           ERR_GET_REASON(code) == EVP_R_UNSUPPORTED_CIPHER ||
                           ERR_GET_REASON(code) == EVP_R_UNKNOWN_PBE_ALGORITHM;
  if (unsupported && (ERR_GET_LIB(code) == ERR_LIB_EVP))
    throw_openssl(Fault::invalid, "the private key is encrypted in a way that is not supported");
  ERR_clear_error();
  throw Error(Fault::invalid, "the passphrase does not open the private key");
}

KeyHandle decrypt(const X509_SIG& encrypted, const std::optional<base::Secret>& passphrase) {
  const X509_ALGOR* algorithm = nullptr;
  X509_SIG_get0(&encrypted, &algorithm, nullptr);
  base::within("private key", [&] { RoundBudget().spend(*algorithm); });
  ERR_clear_error();
  const base::Secret& secret = require(passphrase);
  const std::string_view text = secret.reveal_text();
  const Pkcs8Handle info(PKCS8_decrypt(&encrypted, text.data(), static_cast<int>(text.size())));
  if (!info) throw_undecryptable();
  return from_pkcs8(encode_secret(*info).reveal());
}

int give_passphrase(char* buffer, int size, int /*writing*/, void* secret) {
  const std::string_view text = static_cast<const base::Secret*>(secret)->reveal_text();
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  text.copy(buffer, text.size());
  return static_cast<int>(text.size());
}

// RFC 1421 encryption, as "openssl rsa -aes256" writes it: only the PEM reader knows it.
KeyHandle decrypt_traditional(std::string_view text, std::string_view label,
                              const std::optional<base::Secret>& passphrase) {
  text.remove_prefix(text.find(fmt::format("-----BEGIN {}", label)));
  const BioHandle bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  base::Secret secret = require(passphrase).copy();
  KeyHandle key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &secret) : nullptr);
  if (!key) throw_undecryptable();
  return key;
}

KeyHandle parse_der(base::BytesView der, const std::optional<base::Secret>& passphrase) {
  if (decode_into(Pkcs8Handle(), der, d2i_PKCS8_PRIV_KEY_INFO)) return from_pkcs8(der);
  if (const auto encrypted = decode_into(EncryptedHandle(), der, d2i_X509_SIG)) return decrypt(*encrypted, passphrase);
  for (const int type : {EVP_PKEY_EC, EVP_PKEY_RSA, EVP_PKEY_DSA}) {
    auto key = decode_into(KeyHandle(), der, [type](EVP_PKEY** out, const unsigned char** at, long size) {
      return d2i_PrivateKey(type, out, at, size);
    });
    ERR_clear_error();
    if (key) return key;
  }
  throw Error(Fault::invalid, "not a private key", "PKCS#8 and the older RSA and EC forms are read, as PEM or DER");
}

KeyHandle parse_text(const base::Secret& text, const std::optional<base::Secret>& passphrase) {
  if (looks_like_der(text.reveal()) || text.reveal_text().find("-----BEGIN ") == std::string_view::npos)
    return parse_der(text.reveal(), passphrase);
  const std::vector<PemBlock> blocks = parse_pem(text.reveal_text());
  const PemBlock* found = nullptr;
  for (const PemBlock& block : blocks) {
    if (!block.label.ends_with("PRIVATE KEY")) continue;
    if (found != nullptr) throw Error(Fault::invalid, "the file holds more than one private key");
    found = &block;
  }
  if (found == nullptr) throw Error(Fault::invalid, "the file holds no private key");
  return found->der.empty() ? decrypt_traditional(text.reveal_text(), found->label, passphrase)
                            : parse_der(found->der, passphrase);
}

Pkcs8Handle to_pkcs8(const Signer& signer) {
  ERR_clear_error();
  Pkcs8Handle info(EVP_PKEY2PKCS8(native(signer)));
  if (!info) throw_openssl(Fault::internal, "cannot encode the private key");
  return info;
}

base::Secret secret_pem(std::string_view label, base::BytesView der) {
  std::string text = pki::pem(label, der);
  return base::Secret::take(text);
}

// The bits of the modulus of a PKCS#1 RSAPublicKey; 0 where it is none.
int modulus_bits(base::BytesView key) {
  const unsigned char* at = key.data();
  long length = 0;
  int tag = 0;
  int tag_class = 0;
  const auto enter = [&](int wanted) {
    const long left = key.data() + key.size() - at;
    return (ASN1_get_object(&at, &length, &tag, &tag_class, left) & 0x81) == 0 && tag == wanted &&
           tag_class == V_ASN1_UNIVERSAL;
  };
  const bool found = enter(V_ASN1_SEQUENCE) && enter(V_ASN1_INTEGER);
  ERR_clear_error();
  if (!found) return 0;
  base::BytesView modulus(at, static_cast<std::size_t>(length));
  while (!modulus.empty() && modulus.front() == 0) modulus = modulus.subspan(1);
  if (modulus.empty()) return 0;
  int top = 0;
  for (unsigned value = modulus.front(); value != 0; value >>= 1) ++top;
  return static_cast<int>(modulus.size() - 1) * 8 + top;
}

PublicKeySummary summarise_rsa(base::BytesView key) {
  const int bits = modulus_bits(key);
  if (bits == 0) return {std::nullopt, "RSA"};
  std::optional<KeyType> type;
  if (bits == 2048) type = KeyType::rsa_2048;
  if (bits == 3072) type = KeyType::rsa_3072;
  if (bits == 4096) type = KeyType::rsa_4096;
  return {type, fmt::format("RSA {}", bits)};
}

PublicKeySummary summarise_ec(int parameter_type, const void* parameter) {
  if (parameter_type != V_ASN1_OBJECT) return {std::nullopt, "ECDSA with explicit parameters"};
  const auto* curve = static_cast<const ASN1_OBJECT*>(parameter);
  switch (const int nid = OBJ_obj2nid(curve); nid) {
    case NID_X9_62_prime256v1:
      return {KeyType::ecdsa_p256, "ECDSA P-256"};
    case NID_secp384r1:
      return {KeyType::ecdsa_p384, "ECDSA P-384"};
    case NID_secp521r1:
      return {std::nullopt, "ECDSA P-521"};
    default:
      return {std::nullopt, fmt::format("ECDSA {}", nid == NID_undef ? oid_text(curve) : OBJ_nid2sn(nid))};
  }
}

}  // namespace

base::Bytes public_half(EVP_PKEY* key) {
  auto usual = write_usual_public_key(key);
  ERR_clear_error();
  if (usual) return std::move(*usual);
  return encode_der(key, [](const EVP_PKEY* value, unsigned char** out) { return i2d_PUBKEY(value, out); });
}

PrivateKey KeyAccess::adopt(KeyHandle key) {
  ERR_clear_error();
  base::Bytes info = public_half(key.get());
  const PublicKeySummary summary = summarise_public_key(info);
  if (!summary.type)
    throw Error(Fault::invalid, fmt::format("{} is not a key type that Everseal uses", summary.text),
                "use one of: " + known_types());
  EVP_PKEY* const borrowed = key.get();
  PrivateKey made(std::make_shared<const internal::NativeKey>(std::move(key)), *summary.type, std::move(info));
  if (!halves_match(borrowed, made))
    throw Error(Fault::invalid, "the private key does not belong to the public key in the same file");
  return made;
}

PrivateKey PrivateKey::generate(KeyType type) {
  ERR_clear_error();
  const auto make = [type]() -> EVP_PKEY* {
    switch (type) {
      case KeyType::ecdsa_p256:
        return EVP_EC_gen("P-256");
      case KeyType::ecdsa_p384:
        return EVP_EC_gen("P-384");
      case KeyType::rsa_2048:
        return EVP_RSA_gen(2048);
      case KeyType::rsa_3072:
        return EVP_RSA_gen(3072);
      case KeyType::rsa_4096:
        return EVP_RSA_gen(4096);
      case KeyType::ed25519:
        return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    }
    return nullptr;
  };
  KeyHandle key(make());
  if (!key) throw_openssl(Fault::internal, fmt::format("cannot make an {} key", to_string(type)));
  base::Bytes info = public_half(key.get());
  return {std::make_shared<const internal::NativeKey>(std::move(key)), type, std::move(info)};
}

PrivateKey PrivateKey::parse(const base::Secret& text, const std::optional<base::Secret>& passphrase) {
  if (text.size() > kLargestKeyFile) throw Error(Fault::invalid, "a private key file of more than 1 MiB");
  ERR_clear_error();
  return KeyAccess::adopt(parse_text(text, passphrase));
}

base::Secret PrivateKey::der() const {
  auto usual = write_usual_private_key(pki::native(*this));
  ERR_clear_error();
  if (usual) return std::move(*usual);
  return encode_secret(*to_pkcs8(*this));
}

base::Secret PrivateKey::pem() const { return secret_pem("PRIVATE KEY", der().reveal()); }

base::Secret PrivateKey::encrypted_pem(const base::Secret& passphrase) const {
  if (passphrase.empty()) throw Error(Fault::usage, "an empty passphrase protects no key");
  const Pkcs8Handle info = to_pkcs8(*this);
  AlgorithmHandle algorithm(
      PKCS5_pbe2_set_iv_ex(EVP_aes_256_cbc(), kKeyRounds, nullptr, kSaltOctets, nullptr, NID_hmacWithSHA256, nullptr));
  const std::string_view text = passphrase.reveal_text();
  const EncryptedHandle encrypted(
      algorithm ? PKCS8_set0_pbe(text.data(), static_cast<int>(text.size()), info.get(), algorithm.get()) : nullptr);
  if (!encrypted) throw_openssl(Fault::internal, "cannot encrypt the private key");
  algorithm.release();  // the encrypted key owns it now
  return secret_pem("ENCRYPTED PRIVATE KEY", encode_der(encrypted.get(), i2d_X509_SIG));
}

base::Bytes public_half(base::BytesView private_key) {
  if (private_key.size() > kLargestKeyFile) throw Error(Fault::invalid, "a private key of more than 1 MiB");
  ERR_clear_error();
  return public_half(parse_der(private_key, std::nullopt).get());
}

PublicKeySummary summarise_public_key(base::BytesView public_key_info) {
  const PublicKeyInfoHandle info =
      decode_into(PublicKeyInfoHandle(X509_PUBKEY_new_ex(look_context(), nullptr)), public_key_info, d2i_X509_PUBKEY);
  ERR_clear_error();
  if (!info) throw Error(Fault::invalid, "not a public key (SubjectPublicKeyInfo)");
  ASN1_OBJECT* object = nullptr;
  const unsigned char* key = nullptr;
  int size = 0;
  X509_ALGOR* algorithm = nullptr;
  X509_PUBKEY_get0_param(&object, &key, &size, &algorithm, info.get());
  int parameter_type = 0;
  const void* parameter = nullptr;
  X509_ALGOR_get0(nullptr, &parameter_type, &parameter, algorithm);
  switch (OBJ_obj2nid(object)) {
    case NID_rsaEncryption:
      return summarise_rsa({key, static_cast<std::size_t>(size)});
    case NID_rsassaPss:
      return {std::nullopt, "RSA-PSS"};
    case NID_X9_62_id_ecPublicKey:
      return summarise_ec(parameter_type, parameter);
    case NID_ED25519:
      return {KeyType::ed25519, "Ed25519"};
    case NID_ED448:
      return {std::nullopt, "Ed448"};
    case NID_X25519:
      return {std::nullopt, "X25519"};
    case NID_dsa:
      return {std::nullopt, "DSA"};
    default:
      return {std::nullopt, oid_text(object)};
  }
}

}  // namespace everseal::pki
