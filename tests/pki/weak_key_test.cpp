#include "pki/weak_key.h"

#include "base/error.h"
#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/issued.h"
#include "pki/judge.h"
#include "pki/key.h"
#include "pki/openssl.h"

#include <set>
#include <string>

#include <doctest/doctest.h>
#include <openssl/bn.h>

namespace {

using namespace everseal;
using namespace everseal::pki;
using pki::testing::key_of;
using pki::testing::Scratch;

using Number = base::Handle<BIGNUM, BN_free>;
using NumberContext = base::Handle<BN_CTX, BN_CTX_free>;

Number from_hex(const std::string& digits) {
  BIGNUM* made = nullptr;
  REQUIRE(BN_hex2bn(&made, digits.c_str()) == static_cast<int>(digits.size()));
  return Number(made);
}

base::Bytes octets(const BIGNUM* number) {
  base::Bytes made(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, made.data());
  return made;
}

base::Bytes rsa_key(const BIGNUM* modulus, std::uint64_t exponent = 65537) {
  const Number e(BN_new());
  BN_set_word(e.get(), exponent);
  der::Writer key;
  key.nest(der::kSequence, [&] {
    key.unsigned_integer(octets(modulus));
    key.unsigned_integer(octets(e.get()));
  });
  der::Writer info;
  info.nest(der::kSequence, [&] {
    info.nest(der::kSequence, [&] {
      info.value(der::kObjectId, der::object_id("rsaEncryption"));
      info.value(der::kNull, {});
    });
    info.bit_string(key.bytes());
  });
  return std::move(info).take();
}

Number product(const BIGNUM* one, const BIGNUM* other) {
  const NumberContext context(BN_CTX_new());
  Number made(BN_new());
  REQUIRE(BN_mul(made.get(), one, other, context.get()) == 1);
  return made;
}

Number prime(int bits) {
  Number made(BN_new());
  REQUIRE(BN_generate_prime_ex(made.get(), bits, 0, nullptr, nullptr, nullptr) == 1);
  return made;
}

// A prime as the chips of CVE-2017-15361 chose them: a power of 65537 modulo a product of small primes, plus a multiple
// of that product.
Number roca_prime(unsigned power) {
  const NumberContext context(BN_CTX_new());
  Number product_of_primes(BN_new()), made(BN_new()), multiple = prime(290);
  BN_one(product_of_primes.get());
  for (unsigned candidate = 2; candidate <= 167; ++candidate) {
    bool is_prime = true;
    for (unsigned divisor = 2; divisor * divisor <= candidate; ++divisor)
      is_prime = is_prime && candidate % divisor != 0;
    if (is_prime) BN_mul_word(product_of_primes.get(), candidate);
  }
  const Number base(BN_new()), exponent(BN_new());
  BN_set_word(base.get(), 65537);
  BN_set_word(exponent.get(), power);
  REQUIRE(BN_mod_exp(made.get(), base.get(), exponent.get(), product_of_primes.get(), context.get()) == 1);
  const Number start = product(product_of_primes.get(), multiple.get());
  BN_add(made.get(), made.get(), start.get());
  while (BN_check_prime(made.get(), context.get(), nullptr) != 1)
    BN_add(made.get(), made.get(), product_of_primes.get());
  return made;
}

std::set<std::string> flaws_of(base::BytesView key, const KnownKeys* known = nullptr) {
  std::set<std::string> flaws;
  for (const KeyWeakness& one : find_weaknesses(key, known))
    flaws.insert(std::string(to_string(one.flaw)) + (one.broken ? " broken" : ""));
  return flaws;
}

using Flaws = std::set<std::string>;

std::string made_by_openssl(std::vector<std::string> options) {
  std::vector<std::string> argv{"openssl", "genpkey"};
  argv.insert(argv.end(), options.begin(), options.end());
  const std::string key = judge::run(argv);
  return judge::run({"openssl", "pkey", "-pubout", "-outform", "DER"}, base::as_bytes(key));
}

}  // namespace

TEST_CASE("every key that Everseal makes is without a flaw") {
  for (const KeyType type : kAllKeyTypes)
    for (int i = 0; i < 3; ++i) {
      CAPTURE(std::string(to_string(type)));
      CHECK(flaws_of(key_of(type, i).public_key_info()).empty());
    }
}

TEST_CASE("a modulus that has too few bits, odd bits, small or close factors is told, each at its limit") {
  const Number p = prime(1024), q = prime(1024);
  struct Row {
    const char* name;
    Number modulus;
    Flaws expected;
  };
  Number twin(BN_dup(p.get()));
  const NumberContext context(BN_CTX_new());
  do BN_add_word(twin.get(), 2);
  while (BN_check_prime(twin.get(), context.get(), nullptr) != 1);
  const Number p751(BN_new()), p757(BN_new());
  BN_set_word(p751.get(), 751);
  BN_set_word(p757.get(), 757);
  const Number most = prime(2038), odd = prime(1025), narrow = prime(1023);
  const Row rows[] = {
      {"two primes", product(p.get(), q.get()), {}},
      {"a prime and the next", product(p.get(), twin.get()), {"close-factors broken"}},
      {"a square", product(p.get(), p.get()), {"close-factors broken"}},
      {"751 times a prime", product(p751.get(), most.get()), {"small-factor broken"}},
      {"757 times a prime", product(p757.get(), most.get()), {}},
      {"2047 bits", product(p.get(), narrow.get()), {"small"}},
      {"2049 bits", product(p.get(), odd.get()), {"odd-size"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(BN_num_bits(row.modulus.get()));
    CHECK(flaws_of(rsa_key(row.modulus.get())) == row.expected);
  }
}

TEST_CASE("factors that Fermat's method finds in its hundredth round are close, those of the next are not") {
  const Number p = from_hex("8" + std::string(229, '0') + "1" + std::string(24, '0') + "1");
  const auto is_close = [&](const char* apart) {
    const Number q(BN_new()), distance = from_hex(apart);
    REQUIRE(BN_num_bits(p.get()) == 1024);
    BN_add(q.get(), p.get(), distance.get());
    return flaws_of(rsa_key(product(p.get(), q.get()).get())).contains("close-factors broken");
  };
  CHECK(
      is_close("13E855EEFE136710EB35BB53255903CC62FA5E1D9FF28944A5FE2ECE957B5EB677DDA26AB06039C12556F4CC3A7FF522A5B3"
               "6CC852ED35E321896CB255F983548E"));
  CHECK_FALSE(
      is_close("1402000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
               "000000000000000000000000000000"));
}

TEST_CASE("a modulus made as CVE-2017-15361 made them is told") {
  const Number p = roca_prime(1234567), q = roca_prime(7654321);
  CHECK(flaws_of(rsa_key(product(p.get(), q.get()).get())) == Flaws{"roca broken", "small"});
  const Number other = prime(512);
  CHECK(flaws_of(rsa_key(product(p.get(), other.get()).get())) == Flaws{"small"});
}

TEST_CASE("an exponent is odd and no smaller than 65537") {
  const Number p = prime(1024), q = prime(1024);
  const Number modulus = product(p.get(), q.get());
  struct Row {
    std::uint64_t exponent;
    Flaws expected;
  };
  for (const auto& [exponent, expected] :
       {Row{1, {"exponent broken"}}, Row{2, {"exponent"}}, Row{3, {"exponent"}}, Row{65535, {"exponent"}},
        Row{65536, {"exponent"}}, Row{65537, {}}, Row{65538, {"exponent"}}, Row{0xffff'ffff'ffff'ffffU, {}}}) {
    CAPTURE(exponent);
    CHECK(flaws_of(rsa_key(modulus.get(), exponent)) == expected);
  }
}

TEST_CASE("curves are named, large enough, and have the point on them") {
  const auto curve = [](const char* name, const char* encoding) {
    return made_by_openssl({"-algorithm", "EC", "-pkeyopt", std::string("ec_paramgen_curve:") + name, "-pkeyopt",
                            std::string("ec_param_enc:") + encoding});
  };
  CHECK(flaws_of(base::as_bytes(curve("P-224", "named_curve"))).empty());
  CHECK(flaws_of(base::as_bytes(curve("P-521", "named_curve"))).empty());
  CHECK(flaws_of(base::as_bytes(curve("brainpoolP256r1", "named_curve"))).empty());
  CHECK(flaws_of(base::as_bytes(curve("P-192", "named_curve"))) == Flaws{"small"});
  CHECK(flaws_of(base::as_bytes(curve("P-256", "explicit"))) == Flaws{"explicit-curve"});
  CHECK(flaws_of(base::as_bytes(made_by_openssl({"-algorithm", "ED448"}))).empty());
  for (const KeyType type : {KeyType::ecdsa_p256, KeyType::ecdsa_p384}) {
    base::Bytes off = key_of(type).public_key_info();
    off.back() ^= 1;
    CHECK(flaws_of(off) == Flaws{"unreadable"});
  }
}

TEST_CASE("what is no key is told as such, whatever it is") {
  CHECK(flaws_of({}) == Flaws{"unreadable"});
  CHECK(flaws_of(base::Bytes{0x30, 0x00}) == Flaws{"unreadable"});
  const Number zero(BN_new());
  CHECK(flaws_of(rsa_key(zero.get())) == Flaws{"unreadable broken"});
  for (const KeyType type : {KeyType::rsa_2048, KeyType::ecdsa_p256}) {
    const base::Bytes whole = key_of(type).public_key_info();
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK(flaws_of(base::BytesView(whole).first(size)) == Flaws{"unreadable"});
    judge::check_damage_is_survived(
        whole, [](base::BytesView key) { find_weaknesses(key); }, 300);
  }
}

TEST_CASE("a key on a list of known ones is told") {
  const Scratch scratch;
  const PrivateKey& key = key_of(KeyType::rsa_2048, 1);
  const std::string line =
      judge::run({"openssl", "rsa", "-noout", "-modulus"}, base::as_bytes(key.pem().reveal_text()));
  const std::string digest = judge::run({"openssl", "dgst", "-sha1", "-r"}, base::as_bytes(line)).substr(20, 20);
  scratch.write("blacklist.RSA-1024", std::string_view("# nothing yet\n"));
  scratch.write("blacklist.RSA-2048",
                "# the lower 80 bits\n00000000000000000000\n" + digest + "\nffffffffffffffffffff\n");
  scratch.write("README", std::string_view("no list\n"));
  const KnownKeys known = KnownKeys::load(scratch.path("."));
  CHECK(known.size() == 3);
  CHECK(flaws_of(key.public_key_info(), &known) == Flaws{"known broken"});
  CHECK(flaws_of(key_of(KeyType::rsa_2048, 2).public_key_info(), &known).empty());
  CHECK(KnownKeys::load(scratch.path("none")).size() == 0);

  for (const char* const wrong : {"1234", "zz000000000000000000", "0000000000000000000000"}) {
    CAPTURE(wrong);
    const Scratch other;
    other.write("blacklist.RSA-2048", "# one\n" + std::string(wrong) + "\n");
    CHECK(judge::message_of([&] { KnownKeys::load(other.path(".")); }).find("blacklist.RSA-2048:2: ") !=
          std::string::npos);
  }
}

TEST_CASE("a judge of keys gives the same again, from memory and beyond its limit") {
  const Certificate weak =
      Certificate::parse_all(base::as_bytes(judge::run({"openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes",
                                                        "-keyout", "/dev/null", "-subj", "/CN=weak"})))
          .front();
  const Certificate sound = pki::testing::make_root(KeyType::ecdsa_p256).certificate;
  for (const std::size_t most : {std::size_t{0}, std::size_t{1}, std::size_t{10}}) {
    KeyJudge keys(nullptr, most);
    for (int i = 0; i < 3; ++i) {
      REQUIRE(keys.judge(weak).size() == 1);
      CHECK(keys.judge(weak).front().flaw == KeyFlaw::small);
      CHECK(keys.judge(sound).empty());
    }
  }
}
