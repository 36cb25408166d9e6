#include "pki/key.h"

#include "base/text.h"
#include "fakes/temporary_directory.h"
#include "judge.h"
#include "pki/pem.h"

#include <doctest/doctest.h>

namespace everseal::pki {
namespace {

base::Secret secret(std::string_view text) { return base::Secret(text); }

PrivateKey parse(std::string_view text) { return PrivateKey::parse(secret(text)); }

const char* summary_of(KeyType type) {
  switch (type) {
    case KeyType::ecdsa_p256:
      return "ECDSA P-256";
    case KeyType::ecdsa_p384:
      return "ECDSA P-384";
    case KeyType::rsa_2048:
      return "RSA 2048";
    case KeyType::rsa_3072:
      return "RSA 3072";
    case KeyType::rsa_4096:
      return "RSA 4096";
    case KeyType::ed25519:
      return "Ed25519";
  }
  return "";
}

TEST_CASE("key types have names that read back") {
  for (const KeyType type : kAllKeyTypes) CHECK(parse_key_type(to_string(type)) == type);
  for (const char* text : {"", "rsa", "rsa-1024", "RSA-2048", "ecdsa-p521", "ed448"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_key_type(text).has_value());
  }
}

TEST_CASE("a key of every type is made, judged by openssl, written and read back, and signs") {
  const fakes::TemporaryDirectory directory;
  base::write_file(directory / "data", base::as_bytes("to be signed"));
  for (const KeyType type : kAllKeyTypes) {
    CAPTURE(to_string(type));
    const PrivateKey key = PrivateKey::generate(type);
    CHECK(key.type() == type);
    const base::Secret pem = key.pem();
    CHECK(pem.reveal_text().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    CHECK(judge::contains(judge::run({"openssl", "pkey", "-check", "-noout"}, pem.reveal()), "Key is valid"));
    CHECK(base::to_bytes(judge::run({"openssl", "pkey", "-pubout", "-outform", "DER"}, pem.reveal())) ==
          key.public_key_info());
    CHECK(judge::run({"openssl", "pkey"}, pem.reveal()) == pem.reveal_text());

    CHECK(PrivateKey::parse(pem).public_key_info() == key.public_key_info());
    CHECK(PrivateKey::parse(key.der()).public_key_info() == key.public_key_info());
    CHECK(PrivateKey::parse(pem).type() == type);

    const PublicKeySummary summary = summarise_public_key(key.public_key_info());
    CHECK(summary.type == type);
    CHECK(summary.text == summary_of(type));

    base::write_file(directory / "public", key.public_key_info());
    base::write_file(directory / "signature", key.sign(base::as_bytes("to be signed")));
    std::vector<std::string> verify = {"openssl",
                                       "pkeyutl",
                                       "-verify",
                                       "-pubin",
                                       "-keyform",
                                       "DER",
                                       "-inkey",
                                       directory / "public",
                                       "-rawin",
                                       "-in",
                                       directory / "data",
                                       "-sigfile",
                                       directory / "signature"};
    if (type != KeyType::ed25519) {
      verify.emplace_back("-digest");
      verify.emplace_back(type == KeyType::ecdsa_p384 ? "sha384" : "sha256");
    }
    judge::run(verify);
  }
}

TEST_CASE("two keys are never the same") {
  CHECK(PrivateKey::generate(KeyType::ecdsa_p256).public_key_info() !=
        PrivateKey::generate(KeyType::ecdsa_p256).public_key_info());
}

TEST_CASE("an encrypted key opens with its passphrase in Everseal, openssl and certtool, and with no other") {
  const fakes::TemporaryDirectory directory;
  for (const KeyType type : {KeyType::ecdsa_p256, KeyType::rsa_2048, KeyType::ed25519}) {
    CAPTURE(to_string(type));
    const PrivateKey key = PrivateKey::generate(type);
    const base::Secret encrypted = key.encrypted_pem(secret("open sesame"));
    CHECK(encrypted.reveal_text().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    CHECK(PrivateKey::parse(encrypted, secret("open sesame")).public_key_info() == key.public_key_info());
    CHECK(judge::run({"openssl", "pkey", "-passin", "pass:open sesame"}, encrypted.reveal()) ==
          key.pem().reveal_text());
    judge::run({"certtool", "--key-info", "--password", "open sesame"}, encrypted.reveal());
    const std::string parameters = judge::run({"openssl", "asn1parse"}, encrypted.reveal());
    for (const char* part : {"PBES2", "PBKDF2", "0927C0", "hmacWithSHA256", "aes-256-cbc"}) {
      CAPTURE(part);
      CHECK(judge::contains(parameters, part));
    }
    CHECK(judge::contains(judge::message_of([&] { PrivateKey::parse(encrypted, secret("wrong")); }), "passphrase"));
    CHECK(judge::contains(judge::message_of([&] { PrivateKey::parse(encrypted, base::Secret()); }), "passphrase"));
    CHECK(judge::contains(judge::message_of([&] { PrivateKey::parse(encrypted); }), "no passphrase was given"));
    CHECK(judge::fault_of([&] { PrivateKey::parse(encrypted, secret("wrong")); }) == base::Fault::invalid);
  }
  CHECK(judge::fault_of([] { PrivateKey::generate(KeyType::ed25519).encrypted_pem(base::Secret()); }) ==
        base::Fault::usage);
}

TEST_CASE("an encrypted key that would keep us busy is refused before it does") {
  const base::Secret encrypted = PrivateKey::generate(KeyType::ed25519).encrypted_pem(secret("x"));
  const base::Bytes der = parse_pem(encrypted.reveal_text()).at(0).der;
  const base::Bytes rounds = {0x02, 0x03, 0x09, 0x27, 0xc0};
  CHECK_NOTHROW(PrivateKey::parse(base::Secret(der), secret("x")));
  for (const base::Bytes& other :
       {base::Bytes{0x02, 0x03, 0x7f, 0xff, 0xff}, base::Bytes{0x02, 0x03, 0xf0, 0x00, 0x00}}) {
    const base::Secret greedy(judge::patched(der, rounds, other));
    CHECK(judge::contains(judge::message_of([&] { PrivateKey::parse(greedy, secret("x")); }), "rounds"));
  }
}

TEST_CASE("keys that other programs wrote are read") {
  const std::string p256 =
      judge::run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"});
  const std::string rsa = judge::run({"openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"});
  const auto convert = [](const std::string& key, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"openssl", "pkey"});
    return judge::run(arguments, base::as_bytes(key));
  };
  struct {
    const char* what;
    std::string text;
    KeyType type;
    const char* passphrase;
  } accepts[] = {
      {"SEC1 PEM", convert(p256, {"-traditional"}), KeyType::ecdsa_p256, nullptr},
      {"SEC1 DER", convert(p256, {"-traditional", "-outform", "DER"}), KeyType::ecdsa_p256, nullptr},
      {"PKCS#1 PEM", convert(rsa, {"-traditional"}), KeyType::rsa_2048, nullptr},
      {"PKCS#1 DER", convert(rsa, {"-traditional", "-outform", "DER"}), KeyType::rsa_2048, nullptr},
      {"PKCS#1 encrypted", convert(rsa, {"-traditional", "-aes256", "-passout", "pass:x"}), KeyType::rsa_2048, "x"},
      {"SEC1 encrypted", convert(p256, {"-traditional", "-aes128", "-passout", "pass:x"}), KeyType::ecdsa_p256, "x"},
      {"PKCS#8 encrypted DER",
       judge::run({"openssl", "pkcs8", "-topk8", "-outform", "DER", "-passout", "pass:x"}, base::as_bytes(p256)),
       KeyType::ecdsa_p256, "x"},
      {"scrypt", judge::run({"openssl", "pkcs8", "-topk8", "-scrypt", "-passout", "pass:x"}, base::as_bytes(p256)),
       KeyType::ecdsa_p256, "x"},
      {"PBES1 with 3DES",
       judge::run({"openssl", "pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "pass:x"}, base::as_bytes(p256)),
       KeyType::ecdsa_p256, "x"},
      {"with EC PARAMETERS", judge::run({"openssl", "ecparam", "-genkey", "-name", "secp384r1"}), KeyType::ecdsa_p384,
       nullptr},
      {"certtool with its text",
       judge::run({"certtool", "--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1"}),
       KeyType::ecdsa_p256, nullptr},
      {"certtool Ed25519", judge::run({"certtool", "--generate-privkey", "--key-type", "ed25519"}), KeyType::ed25519,
       nullptr},
      {"an unneeded passphrase", p256, KeyType::ecdsa_p256, "x"},
      {"with a certificate block beside it", "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n" + rsa,
       KeyType::rsa_2048, nullptr},
  };
  for (const auto& row : accepts) {
    CAPTURE(row.what);
    std::optional<base::Secret> passphrase;
    if (row.passphrase != nullptr) passphrase = secret(row.passphrase);
    CHECK(PrivateKey::parse(secret(row.text), passphrase).type() == row.type);
  }
  const std::string encrypted = convert(rsa, {"-traditional", "-aes256", "-passout", "pass:x"});
  CHECK(judge::contains(judge::message_of([&] { parse(encrypted); }), "no passphrase was given"));
  CHECK(judge::contains(judge::message_of([&] { PrivateKey::parse(secret(encrypted), secret("y")); }), "passphrase"));
}

TEST_CASE("keys that Everseal does not use are refused by name") {
  const auto make = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"openssl", "genpkey"});
    return judge::run(arguments);
  };
  struct {
    const char* message;
    std::string text;
  } rejects[] = {
      {"RSA 1024", make({"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"})},
      {"RSA-PSS", make({"-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"})},
      {"ECDSA P-521", make({"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"})},
      {"ECDSA secp256k1", make({"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"})},
      {"explicit",
       make({"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"})},
      {"X25519", make({"-algorithm", "X25519"})},
      {"Ed448", make({"-algorithm", "ED448"})},
  };
  for (const auto& row : rejects) {
    CAPTURE(row.message);
    CHECK(judge::fault_of([&] { parse(row.text); }) == base::Fault::invalid);
    CHECK(judge::contains(judge::message_of([&] { parse(row.text); }), row.message));
  }
}

TEST_CASE("what holds no single whole key is refused") {
  const PrivateKey key = PrivateKey::generate(KeyType::ecdsa_p256);
  const PrivateKey other = PrivateKey::generate(KeyType::ecdsa_p256);
  const std::string pem(key.pem().reveal_text());
  const std::string der(base::as_text(key.der().reveal()));
  // The public point stands at the end of both, so that these are the private half of one and the public half of
  // another.
  const std::string mixed =
      der.substr(0, der.size() - 64) + std::string(base::as_text(other.der().reveal())).substr(der.size() - 64);
  std::string off_the_curve = der;
  off_the_curve.back() = static_cast<char>(off_the_curve.back() ^ 1);
  std::string without_private_half = der;
  without_private_half.replace(der.size() - 70 - 32, 32, 32, '\0');
  struct {
    const char* what;
    std::string text;
  } rejects[] = {
      {"nothing", ""},
      {"text", "hello"},
      {"two keys", pem + pem},
      {"a public key", judge::run({"openssl", "pkey", "-pubout"}, key.pem().reveal())},
      {"octets after the key", der + "x"},
      {"halves of two keys", mixed},
      {"a point off the curve", off_the_curve},
      {"a private half of zero", without_private_half},
      {"zeros", std::string(4096, '\0')},
      {"more than 1 MiB", std::string((1 << 20) + 1, '0')},
  };
  for (const auto& row : rejects) {
    CAPTURE(row.what);
    CHECK(judge::fault_of([&] { parse(row.text); }) == base::Fault::invalid);
  }
}

TEST_CASE("cut and damaged keys are refused, and never shown") {
  for (const KeyType type : {KeyType::ecdsa_p256, KeyType::ed25519}) {
    CAPTURE(to_string(type));
    const PrivateKey key = PrivateKey::generate(type);
    const base::Secret der = key.der();
    const base::Secret pem = key.pem();
    const auto parser = [](base::BytesView bytes) { PrivateKey::parse(base::Secret(bytes)); };
    judge::check_prefixes_are_refused(der.reveal(), parser);
    const base::BytesView without_line_end = pem.reveal().first(pem.size() - 1);
    judge::check_prefixes_are_refused(without_line_end, parser);
    // All of the noise, and of the damage nearly all: but two thirds of an Ed25519 key are octets of which any will do.
    CHECK(judge::check_damage_is_survived(der.reveal(), parser, 300) > (type == KeyType::ed25519 ? 400 : 540));
    const std::string body(pem.reveal_text().substr(28, 60));
    for (std::size_t size = 0; size < pem.size(); size += 7)
      CHECK_FALSE(judge::contains(judge::message_of([&] { parser(pem.reveal().first(size)); }), body.substr(0, 12)));
  }
}

TEST_CASE("a damaged encrypted key is refused without the rounds of a stranger") {
  const PrivateKey key = PrivateKey::generate(KeyType::ed25519);
  const std::string der = judge::run(
      {"openssl", "pkcs8", "-topk8", "-iter", "10", "-passout", "pass:x", "-outform", "DER"}, key.pem().reveal());
  const auto parser = [](base::BytesView bytes) { PrivateKey::parse(base::Secret(bytes), secret("x")); };
  judge::check_prefixes_are_refused(base::as_bytes(der), parser);
  CHECK(judge::check_damage_is_survived(base::as_bytes(der), parser, 300) > 480);
}

TEST_CASE("a public key is summarised, or refused where it is none") {
  const auto summarise = [](const char* algorithm, std::vector<std::string> options) {
    options.insert(options.begin(), {"openssl", "genpkey", "-algorithm", algorithm});
    const std::string key = judge::run(options);
    return summarise_public_key(
        base::as_bytes(judge::run({"openssl", "pkey", "-pubout", "-outform", "DER"}, base::as_bytes(key))));
  };
  CHECK(summarise("ED448", {}).text == "Ed448");
  CHECK_FALSE(summarise("ED448", {}).type.has_value());
  CHECK(summarise("EC", {"-pkeyopt", "ec_paramgen_curve:P-521"}).text == "ECDSA P-521");
  CHECK(summarise("RSA", {"-pkeyopt", "rsa_keygen_bits:1024"}).text == "RSA 1024");

  const base::Bytes info = PrivateKey::generate(KeyType::ecdsa_p256).public_key_info();
  const auto parser = [](base::BytesView bytes) { summarise_public_key(bytes); };
  judge::check_prefixes_are_refused(info, parser);
  CHECK(judge::check_damage_is_survived(info, parser, 300) > 300);
  base::Bytes longer = info;
  longer.push_back(0);
  CHECK(judge::fault_of([&] { summarise_public_key(longer); }) == base::Fault::invalid);
}

}  // namespace
}  // namespace everseal::pki
