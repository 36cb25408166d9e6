#include "pki/usual_key.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>

namespace everseal::pki {
namespace {

using namespace std::string_view_literals;
using BignumHandle = base::Handle<BIGNUM, BN_clear_free>;
using GroupHandle = base::Handle<EC_GROUP, EC_GROUP_free>;
using PointHandle = base::Handle<EC_POINT, EC_POINT_free>;
using ContextHandle = base::Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

constexpr std::size_t kLargestPrivate = 48;
constexpr std::size_t kLargestPublic = 97;

// The octets around the halves of a key, which are the same for all keys of its type.
struct Encoding {
  int id;
  std::string_view curve;  // OpenSSL's name; "" for Ed25519
  std::size_t private_size;
  std::size_t public_size;
  std::string_view before_public_alone;  // SubjectPublicKeyInfo
  std::string_view before_private;       // PKCS#8
  std::string_view before_public;        // behind the private half; Ed25519 keys come without their public half
};

constexpr Encoding kEncodings[] = {
    {NID_X9_62_prime256v1, SN_X9_62_prime256v1, 32, 65,
     "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"sv,
     "\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
     "\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"sv,
     "\xa1\x44\x03\x42\x00"sv},
    {NID_secp384r1, SN_secp384r1, 48, 97,
     "\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"sv,
     "\x30\x81\xb6\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"
     "\x04\x81\x9e\x30\x81\x9b\x02\x01\x01\x04\x30"sv,
     "\xa1\x64\x03\x62\x00"sv},
    {EVP_PKEY_ED25519, "", 32, 32, "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"sv,
     "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"sv, ""sv},
};

struct Halves {
  base::BytesView private_half;  // empty in a public key
  base::BytesView public_half;   // empty in an Ed25519 private key
};

// What follows `before` in `rest`, `size` octets; `rest` goes on behind it.
std::optional<base::BytesView> take(base::BytesView& rest, std::string_view before, std::size_t size) {
  if (rest.size() < before.size() + size || !base::as_text(rest).starts_with(before)) return std::nullopt;
  const base::BytesView taken = rest.subspan(before.size(), size);
  rest = rest.subspan(before.size() + size);
  return taken;
}

std::optional<Halves> split_private_key(const Encoding& as, base::BytesView pkcs8) {
  const auto private_half = take(pkcs8, as.before_private, as.private_size);
  if (!private_half) return std::nullopt;
  const auto public_half = take(pkcs8, as.before_public, as.curve.empty() ? 0 : as.public_size);
  if (!public_half || !pkcs8.empty()) return std::nullopt;
  return Halves{*private_half, *public_half};
}

std::optional<Halves> split_public_key(const Encoding& as, base::BytesView public_key_info) {
  const auto public_half = take(public_key_info, as.before_public_alone, as.public_size);
  if (!public_half || !public_key_info.empty()) return std::nullopt;
  return Halves{{}, *public_half};
}

// A number in the machine's order of octets, wiped afterwards.
class NativeNumber {
 public:
  explicit NativeNumber(base::BytesView big_endian) {
    std::ranges::copy(big_endian, octets_.begin());
    if constexpr (std::endian::native == std::endian::little)
      std::reverse(octets_.begin(), octets_.begin() + static_cast<std::ptrdiff_t>(big_endian.size()));
  }
  ~NativeNumber() { base::wipe(octets_.data(), octets_.size()); }
  NativeNumber(const NativeNumber&) = delete;
  NativeNumber& operator=(const NativeNumber&) = delete;
  unsigned char* data() noexcept { return octets_.data(); }

 private:
  std::array<unsigned char, kLargestPrivate> octets_{};
};

KeyHandle make_curve_key(const Encoding& as, const Halves& halves) {
  if (halves.public_half.front() != POINT_CONVERSION_UNCOMPRESSED) return {};
  NativeNumber number(halves.private_half);
  base::Bytes point(halves.public_half.begin(), halves.public_half.end());
  std::string curve(as.curve);
  std::array<OSSL_PARAM, 4> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve.data(), curve.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      halves.private_half.empty()
          ? OSSL_PARAM_construct_end()
          : OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number.data(), halves.private_half.size()),
      OSSL_PARAM_construct_end()};
  const ContextHandle context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  const int selection = halves.private_half.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, selection, parameters.data()) != 1)
    return {};
  return KeyHandle(made);
}

KeyHandle make_key(const Encoding& as, const Halves& halves) {
  if (!as.curve.empty()) return make_curve_key(as, halves);
  if (halves.private_half.empty())
    return KeyHandle(EVP_PKEY_new_raw_public_key(as.id, nullptr, halves.public_half.data(), halves.public_half.size()));
  return KeyHandle(
      EVP_PKEY_new_raw_private_key(as.id, nullptr, halves.private_half.data(), halves.private_half.size()));
}

template <class Split>
KeyHandle read(base::BytesView der, Split split) {
  for (const Encoding& encoding : kEncodings)
    if (const auto halves = split(encoding, der)) return make_key(encoding, *halves);
  return {};
}

std::string text_parameter(EVP_PKEY* key, const char* name) {
  char text[64] = {};
  return EVP_PKEY_get_utf8_string_param(key, name, text, sizeof text, nullptr) == 1 ? text : std::string();
}

const Encoding* encoding_of(EVP_PKEY* key) {
  std::string curve;
  if (EVP_PKEY_is_a(key, "ED25519") != 1) {
    if (EVP_PKEY_is_a(key, "EC") != 1 ||
        text_parameter(key, OSSL_PKEY_PARAM_EC_ENCODING) != OSSL_PKEY_EC_ENCODING_GROUP)
      return nullptr;
    curve = text_parameter(key, OSSL_PKEY_PARAM_GROUP_NAME);
    if (curve.empty()) return nullptr;
  }
  const auto* const found = std::ranges::find(kEncodings, curve, &Encoding::curve);
  return found == std::end(kEncodings) ? nullptr : found;
}

std::optional<base::Bytes> public_half_of(const Encoding& as, EVP_PKEY* key) {
  base::Bytes octets(kLargestPublic);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, octets.data(), octets.size(), &size) != 1 ||
      size != as.public_size || (!as.curve.empty() && octets.front() != POINT_CONVERSION_UNCOMPRESSED))
    return std::nullopt;
  octets.resize(size);
  return octets;
}

BignumHandle private_number_of(EVP_PKEY* key) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number);
  return BignumHandle(number);
}

// Writes `as.private_size` octets.
bool get_private_half(const Encoding& as, EVP_PKEY* key, unsigned char* octets) {
  if (as.curve.empty()) {
    std::size_t size = as.private_size;
    return EVP_PKEY_get_raw_private_key(key, octets, &size) == 1 && size == as.private_size;
  }
  const BignumHandle number = private_number_of(key);
  const int size = static_cast<int>(as.private_size);
  return number && BN_bn2binpad(number.get(), octets, size) == size;
}

}  // namespace

KeyHandle read_usual_private_key(base::BytesView pkcs8) { return read(pkcs8, split_private_key); }

KeyHandle read_usual_public_key(base::BytesView public_key_info) { return read(public_key_info, split_public_key); }

std::optional<base::Secret> write_usual_private_key(EVP_PKEY* key) {
  const Encoding* const as = encoding_of(key);
  if (as == nullptr) return std::nullopt;
  const auto public_half = as->curve.empty() ? base::Bytes() : public_half_of(*as, key);
  if (!public_half) return std::nullopt;
  std::string text(as->before_private.size() + as->private_size + as->before_public.size() + public_half->size(), '\0');
  const auto private_half = std::ranges::copy(as->before_private, text.begin()).out;
  const bool got = get_private_half(*as, key, reinterpret_cast<unsigned char*>(&*private_half));
  const auto behind =
      std::ranges::copy(as->before_public, private_half + static_cast<std::ptrdiff_t>(as->private_size)).out;
  std::ranges::copy(*public_half, behind);
  base::Secret secret = base::Secret::take(text);
  if (!got) return std::nullopt;
  return secret;
}

std::optional<base::Bytes> write_usual_public_key(EVP_PKEY* key) {
  const Encoding* const as = encoding_of(key);
  if (as == nullptr) return std::nullopt;
  const auto public_half = public_half_of(*as, key);
  if (!public_half) return std::nullopt;
  base::Bytes info = base::to_bytes(as->before_public_alone);
  info.insert(info.end(), public_half->begin(), public_half->end());
  return info;
}

std::optional<bool> usual_halves_match(EVP_PKEY* key) {
  const Encoding* const as = encoding_of(key);
  if (as == nullptr || as->curve.empty()) return std::nullopt;
  const auto stated = public_half_of(*as, key);
  const BignumHandle number = private_number_of(key);
  const GroupHandle group(EC_GROUP_new_by_curve_name(as->id));
  const PointHandle point(group ? EC_POINT_new(group.get()) : nullptr);
  if (!stated || !number || !point ||
      EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr, nullptr) != 1)
    return false;
  std::array<unsigned char, kLargestPublic> derived{};
  const std::size_t size = EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, derived.data(),
                                              derived.size(), nullptr);
  return std::ranges::equal(base::BytesView(derived.data(), size), *stated);
}

}  // namespace everseal::pki
