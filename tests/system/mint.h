// A CA that a test plays, and the directories with its certificates that servers read: fullchain.pem and privkey.pem,
// and for some chain.pem, which lacks the leaf.
#pragma once

#include "pki/issued.h"
#include "system/site.h"

#include <string>
#include <vector>

namespace everseal::system {

// What real certificates are issued for here.
inline constexpr const char* kServed = "zoo.example.org";

class Mint {
 public:
  explicit Mint(const Site& site);

  const Site& site;
  const pki::testing::Authority root = pki::testing::make_root();
  const pki::testing::Authority issuing = pki::testing::make_intermediate(root);
  const pki::PrivateKey& key = pki::testing::key_of(pki::KeyType::ecdsa_p256, 2);

  // A faultless one, to be changed.
  pki::Template wanted() const;
  // So much of a life of `life` is left.
  pki::Template ending(base::Seconds left, base::Seconds life) const;

  // Leaf, issuing CA.
  std::vector<pki::Certificate> chain_of(const pki::Template& wanted) const {
    return {pki::testing::issue(wanted, issuing), issuing.certificate};
  }
  std::string serve(const std::string& name, const std::vector<pki::Certificate>& chain) const {
    return serve(name, chain, key.pem());
  }
  std::string serve(const std::string& name, const std::vector<pki::Certificate>& chain, const base::Secret& key) const;
  std::string serve(const std::string& name, const pki::Template& wanted) const {
    return serve(name, chain_of(wanted));
  }

  const std::string& root_file() const noexcept { return root_file_; }
  const std::string& issuing_file() const noexcept { return issuing_file_; }
  const std::string& issuing_key_file() const noexcept { return issuing_key_file_; }

  // A file with the issuing CA's answer about a leaf, for stapling.
  enum class Said { good, revoked };
  std::string ocsp_response(const std::string& name, const pki::Certificate& leaf, Said said) const;

 private:
  std::string root_file_, issuing_file_, issuing_key_file_;
};

// RSA of two primes that are neighbours, which anybody finds; PKCS#1 in DER.
base::Bytes key_of_close_primes();

}  // namespace everseal::system
