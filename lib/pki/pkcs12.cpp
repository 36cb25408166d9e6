#include "pki/pkcs12.h"

#include "base/error.h"
#include "pki/asn1.h"
#include "pki/chain.h"
#include "pki/load.h"
#include "pki/openssl.h"
#include "pki/rounds.h"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs12err.h>

namespace everseal::pki {
namespace {

using base::Error;
using base::Fault;

constexpr int kPkcs12Rounds = 100'000;
constexpr std::size_t kLargestPkcs12 = std::size_t{16} << 20;
constexpr int kDeepest = 4;  // of bags within bags

void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
void free_safes(STACK_OF(PKCS7) * safes) { sk_PKCS7_pop_free(safes, PKCS7_free); }
void free_bags(STACK_OF(PKCS12_SAFEBAG) * bags) { sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free); }
using Pkcs12Handle = base::Handle<PKCS12, PKCS12_free>;
using StackHandle = base::Handle<STACK_OF(X509), free_stack>;
using SafesHandle = base::Handle<STACK_OF(PKCS7), free_safes>;
using BagsHandle = base::Handle<STACK_OF(PKCS12_SAFEBAG), free_bags>;
using Pkcs8Handle = base::Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

// The password as OpenSSL takes it: with a NUL behind it, and wiped.
class Password {
 public:
  explicit Password(const base::Secret& secret) : octets_(secret.size() + 1) {
    std::ranges::copy(secret.reveal(), octets_.begin());
  }
  ~Password() { base::wipe(octets_.data(), octets_.size()); }
  Password(const Password&) = delete;
  Password& operator=(const Password&) = delete;
  const char* text() const noexcept { return reinterpret_cast<const char*>(octets_.data()); }
  int size() const noexcept { return static_cast<int>(octets_.size() - 1); }

 private:
  base::Bytes octets_;
};

struct Recipe {
  int cipher;
  const EVP_MD* mac;
};

Recipe recipe_of(Pkcs12Form form) {
  if (form == Pkcs12Form::compatible) return {NID_pbe_WithSHA1And3_Key_TripleDES_CBC, EVP_sha1()};
  return {NID_aes_256_cbc, EVP_sha256()};
}

void require_usable(const PrivateKey& key, std::span<const Certificate> chain, const std::string& friendly_name,
                    const base::Secret& password) {
  if (password.empty())
    throw Error(Fault::usage, "a PKCS#12 file needs a password", "Android and others refuse an empty one");
  if (base::has_nul(password.reveal_text()))
    throw Error(Fault::usage, "the password of a PKCS#12 file cannot hold a NUL");
  if (!base::is_utf8(friendly_name) || base::has_nul(friendly_name))
    throw Error(Fault::usage, "the name of a PKCS#12 entry is UTF-8 without NUL");
  if (chain.empty()) throw Error(Fault::invalid, "a PKCS#12 file needs the certificate of its key");
  if (!key_matches(key, chain.front()))
    throw Error(Fault::invalid, "the private key does not belong to the first certificate of the chain");
}

base::Secret encode(const PKCS12* file) {
  unsigned char* octets = nullptr;
  const int size = i2d_PKCS12(file, &octets);
  if (size <= 0) throw_openssl(Fault::internal, "cannot encode the PKCS#12 file");
  base::Secret secret{base::BytesView(octets, static_cast<std::size_t>(size))};
  OPENSSL_clear_free(octets, static_cast<std::size_t>(size));
  return secret;
}

using Outcome = Pkcs12Look::Outcome;

struct Unread : Error {
  Unread(Outcome why_not, std::string rule, std::string hint = {})
      : Error(Fault::invalid, std::move(rule), std::move(hint)), outcome(why_not) {}
  Outcome outcome;
};

[[noreturn]] void throw_broken(std::string_view rule) {
  ERR_clear_error();
  throw Unread(Outcome::broken, std::string(rule));
}

bool errors_mention_unsupported() {
  bool found = false;
  while (const unsigned long code = ERR_get_error()) {
    const int reason = ERR_GET_REASON(code);
    const int library = ERR_GET_LIB(code);
    found = found || reason == ERR_R_UNSUPPORTED ||
            (library == ERR_LIB_EVP && (reason == EVP_R_UNSUPPORTED_CIPHER || reason == EVP_R_UNKNOWN_PBE_ALGORITHM ||
                                        reason == EVP_R_UNSUPPORTED_ALGORITHM || reason == EVP_R_UNKNOWN_CIPHER ||
                                        reason == EVP_R_UNSUPPORTED_PRF)) ||
            (library == ERR_LIB_PKCS12 && reason == PKCS12_R_UNKNOWN_DIGEST_ALGORITHM);
  }
  return found;
}

enum class Mac { none, verified };

[[noreturn]] void throw_undecryptable(Mac mac) {
  if (errors_mention_unsupported())
    throw Unread(Outcome::unsupported, "it is encrypted in a way that is not supported",
                 "convert it with \"openssl pkcs12 -legacy\", or export it again with AES");
  if (mac == Mac::verified) throw_broken("it cannot be decrypted though its password is right");
  throw Unread(Outcome::locked, "wrong password");
}

// A context that also knows what is too weak to be made today, to look into old files with; the default one (null)
// where OpenSSL's legacy provider is not installed. Made on first use, never freed.
OSSL_LIB_CTX* old_files_context() {
  static OSSL_LIB_CTX* const context = []() -> OSSL_LIB_CTX* {
    OSSL_LIB_CTX* const made = OSSL_LIB_CTX_new();
    if (made != nullptr && OSSL_PROVIDER_load(made, "legacy") != nullptr &&
        OSSL_PROVIDER_load(made, "default") != nullptr)
      return made;
    OSSL_LIB_CTX_free(made);
    ERR_clear_error();
    return nullptr;
  }();
  return context;
}

Pkcs12Handle decode(base::BytesView der, OSSL_LIB_CTX* context) {
  if (der.size() > kLargestPkcs12) throw_broken("larger than 16 MiB");
  ERR_clear_error();
  Pkcs12Handle file = decode_into(Pkcs12Handle(PKCS12_init_ex(NID_pkcs7_data, context, nullptr)), der, d2i_PKCS12);
  if (!file) throw_broken("its DER is broken, cut or followed by something else");
  return file;
}

std::string friendly_name(PKCS12_SAFEBAG* bag) {
  char* const text = PKCS12_get_friendlyname(bag);
  std::string name = text != nullptr ? text : "";
  OPENSSL_free(text);
  ERR_clear_error();
  return name;
}

// Reads one file: what it finds, and what it may still spend.
class Unpacking {
 public:
  struct Key {
    std::string name;
    KeyHandle key;  // empty where it cannot be read
  };
  struct Bag {
    std::string name;
    base::Bytes der;  // empty likewise
  };

  Unpacking(const Password& password, RoundBudget& budget, OSSL_LIB_CTX* context)
      : password_(password), budget_(budget), context_(context) {}

  void check_mac(PKCS12* file) {
    if (PKCS12_mac_present(file) != 1) return;
    const ASN1_INTEGER* rounds = nullptr;
    PKCS12_get0_mac(nullptr, nullptr, nullptr, &rounds, file);
    budget_.spend(rounds != nullptr ? ASN1_INTEGER_get(rounds) : 1);
    bool verified = PKCS12_verify_mac(file, password_.text(), password_.size()) == 1;
    if (!verified && password_.size() == 0) {
      // No password and an empty one are two things to PKCS#12, and one to people.
      absent_ = true;
      verified = PKCS12_verify_mac(file, nullptr, 0) == 1;
    }
    if (!verified && errors_mention_unsupported())
      throw Unread(Outcome::unsupported, "its integrity check is of a kind that is not supported");
    if (!verified) throw Unread(Outcome::locked, "wrong password", "or the file was changed");
    ERR_clear_error();
    mac_ = Mac::verified;
  }

  void unpack(PKCS12* file) {
    const SafesHandle safes(PKCS12_unpack_authsafes(file));
    if (!safes) throw_broken("its contents cannot be read");
    for (int i = 0; i < sk_PKCS7_num(safes.get()); ++i) unpack(sk_PKCS7_value(safes.get(), i));
  }

  std::vector<Key> keys;
  std::vector<Bag> certificates;

 private:
  const char* text() const noexcept { return absent_ ? nullptr : password_.text(); }
  int size() const noexcept { return absent_ ? 0 : password_.size(); }

  void unpack(PKCS7* safe) {
    if (PKCS7_type_is_data(safe)) {
      const BagsHandle bags(PKCS12_unpack_p7data(safe));
      if (safe->d.data != nullptr && safe->d.data->length > 0)
        base::wipe(safe->d.data->data, static_cast<std::size_t>(safe->d.data->length));
      if (!bags) throw_broken("a part of it cannot be read");
      unpack(bags.get(), 0);
    } else if (PKCS7_type_is_encrypted(safe)) {
      if (safe->d.encrypted == nullptr || safe->d.encrypted->enc_data == nullptr ||
          safe->d.encrypted->enc_data->algorithm == nullptr)
        throw_broken("an encrypted part is empty");
      budget_.spend(*safe->d.encrypted->enc_data->algorithm);
      const BagsHandle bags(PKCS12_unpack_p7encdata(safe, text(), size()));
      if (!bags) throw_undecryptable(mac_);
      unpack(bags.get(), 0);
    }
    // Parts encrypted to a public key are for somebody else.
  }

  void unpack(const STACK_OF(PKCS12_SAFEBAG) * bags, int depth) {
    if (depth > kDeepest) throw_broken("its parts are nested too deeply");
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); ++i) unpack(sk_PKCS12_SAFEBAG_value(bags, i), depth);
  }

  void unpack(PKCS12_SAFEBAG* bag, int depth) {
    switch (PKCS12_SAFEBAG_get_nid(bag)) {
      case NID_keyBag:
        add_key(bag, PKCS12_SAFEBAG_get0_p8inf(bag));
        break;
      case NID_pkcs8ShroudedKeyBag: {
        const X509_ALGOR* algorithm = nullptr;
        X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, nullptr);
        budget_.spend(*algorithm);
        const Pkcs8Handle info(PKCS12_decrypt_skey_ex(bag, text(), size(), context_, nullptr));
        if (!info) throw_undecryptable(mac_);
        add_key(bag, info.get());
        break;
      }
      case NID_certBag:
        if (PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate) add_certificate(bag);
        break;
      case NID_safeContentsBag:
        unpack(PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
        break;
      default:
        break;
    }
  }

  void add_key(PKCS12_SAFEBAG* bag, const PKCS8_PRIV_KEY_INFO* info) {
    keys.push_back({friendly_name(bag), KeyHandle(info != nullptr ? EVP_PKCS82PKEY(info) : nullptr)});
  }

  void add_certificate(PKCS12_SAFEBAG* bag) {
    const X509Handle certificate(PKCS12_SAFEBAG_get1_cert(bag));
    certificates.push_back({friendly_name(bag), certificate ? encode_der(certificate.get(), i2d_X509) : base::Bytes()});
  }

  const Password& password_;
  RoundBudget& budget_;
  OSSL_LIB_CTX* const context_;
  bool absent_ = false;
  Mac mac_ = Mac::none;
};

// What one who wants to use the file makes of it: at most one key, and nothing that cannot be read.
Pkcs12 to_pkcs12(Unpacking&& unpacked) {
  Pkcs12 result;
  if (unpacked.keys.size() > 1) throw_broken("it holds more than one private key");
  for (Unpacking::Key& one : unpacked.keys) {
    if (!one.key) throw_broken("its private key cannot be read");
    result.key = KeyAccess::adopt(std::move(one.key));
  }
  for (const Unpacking::Bag& one : unpacked.certificates) {
    if (one.der.empty()) throw_broken("a certificate in it cannot be read");
    result.certificates.push_back(Certificate::parse(one.der));
  }
  std::vector<Certificate>& all = result.certificates;
  if (result.key) {
    const auto leaf = std::ranges::find_if(all, [&](const Certificate& one) { return key_matches(*result.key, one); });
    if (leaf != all.end()) std::rotate(all.begin(), leaf, leaf + 1);
  }
  return result;
}

Pkcs12Look to_look(Unpacking&& unpacked) {
  Pkcs12Look look;
  look.outcome = Outcome::read;
  for (Unpacking::Bag& one : unpacked.certificates)
    look.certificates.push_back({base::Untrusted(std::move(one.name)), std::move(one.der)});
  for (Unpacking::Key& one : unpacked.keys)
    look.keys.push_back({base::Untrusted(std::move(one.name)), one.key ? public_half(one.key.get()) : base::Bytes()});
  return look;
}

}  // namespace

base::Secret make_pkcs12(const PrivateKey& key, std::span<const Certificate> chain, const std::string& friendly_name,
                         const base::Secret& password, Pkcs12Form form) {
  require_usable(key, chain, friendly_name, password);
  ERR_clear_error();
  std::vector<X509Handle> certificates;
  const StackHandle issuers(sk_X509_new_null());
  for (const Certificate& certificate : chain) {
    certificates.push_back(load(certificate));
    if (!certificates.back()) throw_openssl(Fault::invalid, "a certificate of the chain cannot be decoded");
    if (!issuers || (certificates.size() > 1 && sk_X509_push(issuers.get(), certificates.back().get()) == 0))
      throw_openssl(Fault::internal, "cannot make a PKCS#12 file");
  }
  const Recipe recipe = recipe_of(form);
  const Password secret(password);
  constexpr int kNoMac = -1;  // it is added below, where its digest can be chosen
  const Pkcs12Handle file(PKCS12_create(secret.text(), friendly_name.empty() ? nullptr : friendly_name.c_str(),
                                        native(key), certificates.front().get(), issuers.get(), recipe.cipher,
                                        recipe.cipher, kPkcs12Rounds, kNoMac, 0));
  if (!file || PKCS12_set_mac(file.get(), secret.text(), secret.size(), nullptr, 0, kPkcs12Rounds, recipe.mac) != 1)
    throw_openssl(Fault::internal, "cannot make a PKCS#12 file");
  return encode(file.get());
}

Pkcs12 parse_pkcs12(base::BytesView der, const base::Secret& password) {
  return base::within("PKCS#12 file", [&] {
    const Pkcs12Handle file = decode(der, nullptr);
    const Password secret(password);
    RoundBudget budget;
    Unpacking unpacking(secret, budget, nullptr);
    unpacking.check_mac(file.get());
    unpacking.unpack(file.get());
    return to_pkcs12(std::move(unpacking));
  });
}

Pkcs12Look look_into_pkcs12(base::BytesView der, std::span<const base::Secret> passwords) {
  Pkcs12Look look;
  RoundBudget budget;  // for all of them
  for (const base::Secret& password : passwords) {
    try {
      const Pkcs12Handle file = decode(der, old_files_context());
      const Password secret(password);
      Unpacking unpacking(secret, budget, old_files_context());
      unpacking.check_mac(file.get());
      unpacking.unpack(file.get());
      look = to_look(std::move(unpacking));
    } catch (const Unread& unread) {
      look.outcome = unread.outcome;
      look.why = unread.message();
    } catch (const Error& error) {
      look.outcome = Outcome::broken;
      look.why = error.message();
    }
    ERR_clear_error();
    if (look.outcome != Outcome::locked) break;
  }
  return look;
}

}  // namespace everseal::pki
