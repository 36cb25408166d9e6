// Keys and certificates that the tests of issuing, chains, CRLs and PKCS#12 make for themselves, and the judges that
// they ask.
#pragma once

#include "base/encoding.h"
#include "base/file.h"
#include "base/process.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/issuance.h"
#include "pki/key.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::pki::testing {

// The present: certtool verifies at no other time.
inline const base::Time kNow = base::wall_clock();
inline constexpr base::Seconds kDay{86400};

// One key a type and number, made once: RSA keys take seconds under sanitizers.
inline const PrivateKey& key_of(KeyType type, int number = 0) {
  static std::map<std::pair<KeyType, int>, PrivateKey> keys;
  const auto found = keys.find({type, number});
  if (found != keys.end()) return found->second;
  return keys.emplace(std::pair(type, number), PrivateKey::generate(type)).first->second;
}

inline Template ca_template(const std::string& name, const Signer& key) {
  Template wanted;
  wanted.serial = random_serial();
  wanted.subject = DistinguishedName::parse("O=Everseal, CN=" + name);
  wanted.public_key_info = key.public_key_info();
  wanted.not_before = kNow - kDay;
  wanted.not_after = kNow + 3650 * kDay;
  wanted.is_ca = true;
  wanted.key_usage = {"keyCertSign", "cRLSign"};
  return wanted;
}

inline Template server_template(const std::string& host, const Signer& key) {
  Template wanted;
  wanted.serial = random_serial();
  wanted.subject = DistinguishedName::parse("CN=" + host);
  wanted.identifiers = {Identifier::parse(host)};
  wanted.public_key_info = key.public_key_info();
  wanted.not_before = kNow - kDay;
  wanted.not_after = kNow + 90 * kDay;
  wanted.key_usage = {"digitalSignature"};
  wanted.extended_key_usage = {"serverAuth"};
  return wanted;
}

struct Authority {
  Certificate certificate;
  PrivateKey key;
};

inline Authority make_root(KeyType type = KeyType::ecdsa_p256, int number = 0, const std::string& name = "Root") {
  const PrivateKey& key = key_of(type, number);
  return {Certificate::parse(sign_certificate(ca_template(name, key), nullptr, key)), key};
}

inline Certificate issue(const Template& wanted, const Authority& issuer) {
  return Certificate::parse(sign_certificate(wanted, &issuer.certificate, issuer.key));
}

inline Authority make_intermediate(const Authority& root, KeyType type = KeyType::ecdsa_p256, int number = 1,
                                   const std::string& name = "Issuing") {
  const PrivateKey& key = key_of(type, number);
  Template wanted = ca_template(name, key);
  wanted.path_length = 0;
  return {issue(wanted, root), key};
}

inline bool contains(base::BytesView where, base::BytesView what) {
  return base::as_text(where).find(base::as_text(what)) != std::string_view::npos;
}

// A directory of its own that vanishes with the test.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "everseal-pki-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string write(const std::string& name, base::BytesView bytes) const {
    base::write_file(path(name), bytes);
    return path(name);
  }
  std::string write(const std::string& name, std::string_view text) const { return write(name, base::as_bytes(text)); }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline base::Exit run(std::vector<std::string> argv, std::string_view input = {}) {
  base::Command command;
  command.argv = std::move(argv);
  command.input = base::to_bytes(input);
  return base::run(command);
}

inline std::string pem_of(const std::vector<Certificate>& certificates) {
  std::string text;
  for (const Certificate& certificate : certificates) text += certificate.pem();
  return text;
}

// What OpenSSL's own program says of a chain, strictly, for a server named `host`.
inline base::Exit openssl_verify(const Certificate& leaf, const std::vector<Certificate>& untrusted,
                                 const Certificate& root, const std::string& host) {
  const Scratch scratch;
  std::vector<std::string> argv = {"openssl",
                                   "verify",
                                   "-x509_strict",
                                   "-attime",
                                   std::to_string(base::to_unix(kNow)),
                                   "-purpose",
                                   "sslserver",
                                   "-CAfile",
                                   scratch.write("root.pem", root.pem())};
  if (!host.empty()) argv.insert(argv.end(), {"-verify_hostname", host});
  if (!untrusted.empty()) argv.insert(argv.end(), {"-untrusted", scratch.write("untrusted.pem", pem_of(untrusted))});
  argv.push_back(scratch.write("leaf.pem", leaf.pem()));
  return run(std::move(argv));
}

// The same from GnuTLS.
inline base::Exit gnutls_verify(const Certificate& leaf, const std::vector<Certificate>& untrusted,
                                const Certificate& root, const std::string& host) {
  const Scratch scratch;
  std::vector<Certificate> chain = {leaf};
  chain.insert(chain.end(), untrusted.begin(), untrusted.end());
  std::vector<std::string> argv = {
      "certtool",         "--verify",         "--load-ca-certificate", scratch.write("root.pem", root.pem()),
      "--verify-purpose", "1.3.6.1.5.5.7.3.1"};
  if (!host.empty()) argv.insert(argv.end(), {"--verify-hostname", host});
  return run(std::move(argv), pem_of(chain));
}

// "openssl x509 -text" of a certificate.
inline std::string openssl_text(const Certificate& certificate) {
  return run({"openssl", "x509", "-noout", "-text"}, certificate.pem()).output;
}

}  // namespace everseal::pki::testing
