#include "pki/weak_key.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "pki/asn1.h"
#include "pki/der.h"
#include "pki/openssl.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/sha.h>

namespace everseal::pki {
namespace {

using Number = base::Handle<BIGNUM, BN_clear_free>;
using Word = BN_ULONG;
using NumberContext = base::Handle<BN_CTX, BN_CTX_free>;
using base::Error;
using base::Fault;

constexpr int kFewestBits = 2048;
constexpr int kFewestCurveBits = 224;
constexpr Word kUsualExponent = 65537;
constexpr unsigned kSmallFactors = 752;  // beyond the largest that is looked for
constexpr unsigned kRocaPrimes = 167;    // the largest prime whose residue tells
constexpr int kFermatRounds = 100;
constexpr std::size_t kLargestList = 64 << 20;

[[noreturn]] void throw_no_memory() { throw_openssl(Fault::internal, "cannot calculate with a public key"); }
void demand(int done) {
  if (done != 1) throw_no_memory();
}
Number number() {
  Number made(BN_new());
  if (!made) throw_no_memory();
  return made;
}
Number number_of(base::BytesView octets) {
  Number made(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  if (!made) throw_no_memory();
  return made;
}

std::vector<unsigned> primes_below(unsigned end) {
  std::vector<unsigned> primes;
  for (unsigned candidate = 2; candidate < end; ++candidate)
    if (std::ranges::none_of(primes, [=](unsigned prime) { return candidate % prime == 0; }))
      primes.push_back(candidate);
  return primes;
}

// Small primes in groups whose product fits a word: one division of the large number serves them all.
struct PrimeGroup {
  Word product = 1;
  std::vector<unsigned> primes;
};
const std::vector<PrimeGroup>& prime_groups() {
  static const std::vector<PrimeGroup> groups = [] {
    std::vector<PrimeGroup> made(1);
    for (const unsigned prime : primes_below(kSmallFactors)) {
      if (made.back().product > ~Word{0} / prime) made.emplace_back();
      made.back().product *= prime;
      made.back().primes.push_back(prime);
    }
    return made;
  }();
  return groups;
}

// For each odd prime up to kRocaPrimes the residues that powers of 65537 have: only moduli of those chips always have
// one (Nemec and others, "The Return of Coppersmith's Attack", section 4).
const std::vector<std::pair<unsigned, std::vector<bool>>>& roca_residues() {
  static const std::vector<std::pair<unsigned, std::vector<bool>>> table = [] {
    std::vector<std::pair<unsigned, std::vector<bool>>> made;
    for (const unsigned prime : primes_below(kRocaPrimes + 1)) {
      if (prime == 2) continue;
      std::vector<bool> residues(prime);
      for (unsigned power = 1; !residues[power]; power = power * static_cast<unsigned>(kUsualExponent % prime) % prime)
        residues[power] = true;
      made.emplace_back(prime, std::move(residues));
    }
    return made;
  }();
  return table;
}

struct Residues {
  std::optional<unsigned> factor;  // the smallest prime that divides the number
  bool roca = true;
};
Residues residues_of(const BIGNUM* modulus) {
  Residues found;
  auto roca = roca_residues().begin();
  for (const PrimeGroup& group : prime_groups()) {
    const Word rest = BN_mod_word(modulus, group.product);
    for (const unsigned prime : group.primes) {
      const auto residue = static_cast<unsigned>(rest % prime);
      if (residue == 0 && !found.factor) found.factor = prime;
      if (prime == 2 || roca == roca_residues().end()) continue;
      found.roca = found.roca && roca->second[residue];
      ++roca;
    }
  }
  return found;
}

// The largest whole number whose square is not above `square`: Newton's method from above.
Number square_root(const BIGNUM* square, BN_CTX* context) {
  Number root = number(), next = number();
  if (BN_is_zero(square)) return root;
  demand(BN_set_bit(root.get(), (BN_num_bits(square) + 1) / 2));
  while (true) {
    demand(BN_div(next.get(), nullptr, square, root.get(), context));
    demand(BN_add(next.get(), next.get(), root.get()));
    demand(BN_rshift1(next.get(), next.get()));
    if (BN_cmp(next.get(), root.get()) >= 0) return root;
    std::swap(root, next);
  }
}

bool may_be_square(const BIGNUM* value) {
  // Squares end in 12 of the 64 ways that six bits can end, and are told by that most cheaply.
  static constexpr std::uint64_t kEndings = 0x0202021202030213;
  unsigned ending = 0;
  for (int bit = 0; bit < 6; ++bit) ending |= static_cast<unsigned>(BN_is_bit_set(value, bit)) << bit;
  if ((kEndings >> ending & 1) == 0) return false;
  static const std::vector<bool> squares = [] {
    std::vector<bool> made(63 * 65 * 11);
    for (std::uint64_t i = 0; i < made.size(); ++i) made[i * i % made.size()] = true;
    return made;
  }();
  return squares[BN_mod_word(value, squares.size())];
}

// Fermat: n = a*a - b*b with a just above the root of n where its factors are close.
bool has_close_factors(const BIGNUM* modulus) {
  const NumberContext context(BN_CTX_new());
  if (!context) throw_no_memory();
  Number a = square_root(modulus, context.get()), rest = number(), root = number(), step = number();
  demand(BN_sqr(rest.get(), a.get(), context.get()));
  if (BN_cmp(rest.get(), modulus) == 0) return true;  // a square itself
  demand(BN_add_word(a.get(), 1));
  demand(BN_sqr(rest.get(), a.get(), context.get()));
  demand(BN_sub(rest.get(), rest.get(), modulus));
  for (int round = 0; round < kFermatRounds; ++round) {
    if (may_be_square(rest.get())) {
      root = square_root(rest.get(), context.get());
      demand(BN_sqr(root.get(), root.get(), context.get()));
      if (BN_cmp(root.get(), rest.get()) == 0) return true;
    }
    demand(BN_lshift1(step.get(), a.get()));  // (a + 1)^2 - a^2 = 2a + 1
    demand(BN_add_word(step.get(), 1));
    demand(BN_add(rest.get(), rest.get(), step.get()));
    demand(BN_add_word(a.get(), 1));
  }
  return false;
}

struct RsaNumbers {
  Number modulus, exponent;
};
RsaNumbers read_rsa(base::BytesView bits) {
  der::Reader key(der::Reader(bits.subspan(1)).expect(der::kSequence).contents);
  const auto read = [&] {
    const base::BytesView octets = key.expect(der::kInteger).contents;
    if (octets.empty() || (octets.front() & 0x80) != 0) throw Error(Fault::invalid, "a negative number");
    return number_of(octets);
  };
  RsaNumbers numbers{read(), read()};
  key.end();
  return numbers;
}

base::Bytes octets_of_number(const BIGNUM* value) {
  base::Bytes octets(static_cast<std::size_t>(BN_num_bytes(value)));
  BN_bn2bin(value, octets.data());
  return octets;
}

std::vector<KeyWeakness> judge_rsa(base::BytesView bits, const KnownKeys* known) {
  std::vector<KeyWeakness> found;
  const RsaNumbers key = read_rsa(bits);
  const BIGNUM *const modulus = key.modulus.get(), *const exponent = key.exponent.get();
  const int size = BN_num_bits(modulus);
  const std::string name = fmt::format("RSA {}", size);
  if (BN_is_zero(modulus)) return {{KeyFlaw::unreadable, true, "the modulus is zero"}};
  if (known != nullptr && known->contains(octets_of_number(modulus)))
    found.push_back({KeyFlaw::known, true, "the key is one of those that Debian's OpenSSL of 2006 to 2008 made"});
  const Residues residues = residues_of(modulus);
  if (residues.factor)
    found.push_back({KeyFlaw::small_factor, true, fmt::format("{} divides the modulus", *residues.factor)});
  if (residues.roca)
    found.push_back({KeyFlaw::roca, true, "the key was made by a chip that makes guessable ones (ROCA)"});
  if (has_close_factors(modulus))
    found.push_back({KeyFlaw::close_factors, true, "the two factors of the modulus are close to each other"});
  if (BN_is_one(exponent) || BN_is_zero(exponent))
    found.push_back({KeyFlaw::exponent, true, "the exponent is 0 or 1"});
  else if (BN_is_odd(exponent) == 0)
    found.push_back({KeyFlaw::exponent, false, "the exponent is even"});
  else if (BN_num_bits(exponent) < 64 && BN_get_word(exponent) < kUsualExponent)
    found.push_back({KeyFlaw::exponent, false, fmt::format("the exponent is {}, below 65537", BN_get_word(exponent))});
  if (size < kFewestBits)
    found.push_back({KeyFlaw::small, false, fmt::format("{} has fewer than {} bits", name, kFewestBits)});
  else if (size % 8 != 0)
    found.push_back({KeyFlaw::odd_size, false, fmt::format("{} is no multiple of 8 bits", name)});
  return found;
}

// Made once a thread: it takes longer than all that is done with it.
const EC_GROUP* curve_of(int nid) {
  using Group = base::Handle<EC_GROUP, EC_GROUP_free>;
  thread_local std::map<int, Group> groups;
  const auto [at, is_new] = groups.try_emplace(nid);
  if (is_new) at->second.reset(EC_GROUP_new_by_curve_name(nid));
  return at->second.get();
}

// `curve` is the name's OBJECT IDENTIFIER as it stands there, `point` an octet string.
std::vector<KeyWeakness> judge_curve(base::BytesView curve, base::BytesView point) {
  using Point = base::Handle<EC_POINT, EC_POINT_free>;
  const Asn1ObjectHandle name = decode_into(Asn1ObjectHandle(), curve, d2i_ASN1_OBJECT);
  const EC_GROUP* const group = name ? curve_of(OBJ_obj2nid(name.get())) : nullptr;
  if (group == nullptr) return {{KeyFlaw::unreadable, false, "the curve is not known"}};
  const Point decoded(EC_POINT_new(group));
  const bool is_on_curve = decoded &&
                           EC_POINT_oct2point(group, decoded.get(), point.data(), point.size(), nullptr) == 1 &&
                           EC_POINT_is_at_infinity(group, decoded.get()) == 0;
  if (!is_on_curve) return {{KeyFlaw::unreadable, false, "the point is not on its curve"}};
  const int bits = EC_GROUP_order_bits(group);
  if (bits >= kFewestCurveBits) return {};
  return {{KeyFlaw::small, false,
           fmt::format("the curve {} has fewer than {} bits", OBJ_nid2sn(OBJ_obj2nid(name.get())), kFewestCurveBits)}};
}

const base::Bytes& oid_of(const char* name) {
  static const base::Bytes rsa = der::object_id("rsaEncryption"), pss = der::object_id("rsassaPss"),
                           curve = der::object_id("id-ecPublicKey");
  const std::string_view wanted = name;
  return wanted == "rsaEncryption" ? rsa : wanted == "rsassaPss" ? pss : curve;
}

}  // namespace

std::string_view to_string(KeyFlaw flaw) noexcept {
  switch (flaw) {
    case KeyFlaw::unreadable:
      return "unreadable";
    case KeyFlaw::small:
      return "small";
    case KeyFlaw::odd_size:
      return "odd-size";
    case KeyFlaw::exponent:
      return "exponent";
    case KeyFlaw::small_factor:
      return "small-factor";
    case KeyFlaw::close_factors:
      return "close-factors";
    case KeyFlaw::roca:
      return "roca";
    case KeyFlaw::known:
      return "known";
    case KeyFlaw::explicit_curve:
      return "explicit-curve";
  }
  return "";
}

KnownKeys KnownKeys::load(const std::string& directory) {
  KnownKeys keys;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (!entry.path().filename().string().starts_with("blacklist.RSA-")) continue;
    const base::Bytes text = base::read_file(entry.path().string(), kLargestList);
    int line = 0;
    for (const std::string& written : base::split(base::as_text(text), '\n')) {
      ++line;
      const std::string_view one = base::trim(written);
      if (one.empty() || one.starts_with('#')) continue;
      const auto octets = base::from_hex(one);
      if (!octets || octets->size() != std::tuple_size_v<Entry>)
        throw Error(Fault::invalid,
                    fmt::format("{}:{}: not the end of a SHA-1", base::printable(entry.path().string()), line),
                    "20 hexadecimal digits are expected");
      std::ranges::copy(*octets, keys.entries_.emplace_back().begin());
    }
  }
  std::ranges::sort(keys.entries_);
  return keys;
}

bool KnownKeys::contains(base::BytesView modulus) const {
  if (entries_.empty()) return false;
  // The digest is of what `openssl rsa -modulus` prints.
  std::string digits = base::hex(modulus);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  for (char& digit : digits)
    if (digit >= 'a') digit = static_cast<char>(digit - 'a' + 'A');
  const std::string line = fmt::format("Modulus={}\n", digits);
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest{};
  if (EVP_Q_digest(nullptr, "SHA1", nullptr, line.data(), line.size(), digest.data(), nullptr) != 1)
    throw_openssl(Fault::internal, "cannot calculate a SHA-1");
  Entry entry;
  std::copy(digest.end() - entry.size(), digest.end(), entry.begin());
  return std::ranges::binary_search(entries_, entry);
}

std::vector<KeyWeakness> find_weaknesses(base::BytesView public_key_info, const KnownKeys* known) {
  ERR_clear_error();
  std::vector<KeyWeakness> found;
  try {
    der::Reader outer(public_key_info);
    der::Reader info(outer.expect(der::kSequence).contents);
    der::Reader algorithm(info.expect(der::kSequence).contents);
    const base::BytesView id = algorithm.expect(der::kObjectId).contents;
    const auto is = [&](const char* name) { return std::ranges::equal(id, oid_of(name)); };
    const base::BytesView bits = info.expect(der::kBitString).contents;
    if (bits.empty() || bits.front() != 0) throw Error(Fault::invalid, "no whole octets");
    if (is("rsaEncryption") || is("rsassaPss"))
      found = judge_rsa(bits, known);
    else if (is("id-ecPublicKey"))
      found = algorithm.at(der::kObjectId)
                  ? judge_curve(algorithm.next().whole, bits.subspan(1))
                  : std::vector<KeyWeakness>{
                        {KeyFlaw::explicit_curve, false, "the curve's parameters are written out instead of named"}};
  } catch (const Error& error) {
    if (error.fault() != Fault::invalid) throw;
    found = {{KeyFlaw::unreadable, false, "the public key cannot be decoded: " + error.message()}};
  }
  ERR_clear_error();
  return found;
}

std::vector<KeyWeakness> KeyJudge::judge(const Certificate& certificate) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = judged_.find(certificate.fingerprint()); found != judged_.end()) return found->second;
  }
  std::vector<KeyWeakness> weaknesses = find_weaknesses(certificate.public_key_info(), known_.get());
  const std::lock_guard lock(mutex_);
  if (judged_.size() < most_) judged_.emplace(certificate.fingerprint(), weaknesses);
  return weaknesses;
}

}  // namespace everseal::pki
