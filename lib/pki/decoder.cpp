#include "pki/decoder.h"

#include "base/error.h"
#include "pki/der.h"
#include "pki/usual_key.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <openssl/decoder.h>

namespace everseal::pki {
namespace {

using namespace std::string_view_literals;

// Object identifiers of key types, as octets (RFC 8017, RFC 5480, RFC 8410), and OpenSSL's names for them.
constexpr std::pair<std::string_view, const char*> kTypes[] = {
    {"\x2a\x86\x48\xce\x3d\x02\x01"sv, "EC"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv, "RSA"},
    {"\x2b\x65\x70"sv, "ED25519"},
};

enum class Half { private_key, public_key };

// The name of the key's type, or null for any, which is looked for more widely.
const char* type_of(base::BytesView der, Half half) {
  try {
    der::Reader outer(der);
    der::Reader info(outer.expect(der::kSequence).contents);
    if (half == Half::private_key) info.expect(der::kInteger);
    der::Reader algorithm(info.expect(der::kSequence).contents);
    const std::string_view id = base::as_text(algorithm.expect(der::kObjectId).contents);
    const auto* const found = std::ranges::find(kTypes, id, &std::pair<std::string_view, const char*>::first);
    return found == std::end(kTypes) ? nullptr : found->second;
  } catch (const base::Error&) {
    return nullptr;
  }
}

class Decoder {
 public:
  Decoder(const char* type, Half half)
      : context_(OSSL_DECODER_CTX_new_for_pkey(
            &found_, "DER", half == Half::private_key ? "PrivateKeyInfo" : "SubjectPublicKeyInfo", type,
            half == Half::private_key ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, nullptr, nullptr)) {
    if (!context_) throw_openssl(base::Fault::internal, "OpenSSL has no decoder for keys");
  }
  Decoder(const Decoder&) = delete;  // its context knows where `found_` is
  Decoder& operator=(const Decoder&) = delete;

  KeyHandle decode(base::BytesView der) {
    const unsigned char* at = der.data();
    std::size_t left = der.size();
    const bool decoded = OSSL_DECODER_from_data(context_.get(), &at, &left) == 1 && left == 0;
    KeyHandle key(std::exchange(found_, nullptr));
    if (!decoded) key.reset();
    return key;
  }

 private:
  EVP_PKEY* found_ = nullptr;
  base::Handle<OSSL_DECODER_CTX, OSSL_DECODER_CTX_free> context_;
};

KeyHandle decode(base::BytesView der, Half half) {
  thread_local std::map<std::pair<const char*, Half>, Decoder> decoders;
  const char* const type = type_of(der, half);
  return decoders.try_emplace({type, half}, type, half).first->second.decode(der);
}

}  // namespace

KeyHandle decode_private_key(base::BytesView pkcs8) {
  KeyHandle usual = read_usual_private_key(pkcs8);
  return usual ? std::move(usual) : decode(pkcs8, Half::private_key);
}

KeyHandle decode_public_key(base::BytesView public_key_info) {
  KeyHandle usual = read_usual_public_key(public_key_info);
  return usual ? std::move(usual) : decode(public_key_info, Half::public_key);
}

}  // namespace everseal::pki
