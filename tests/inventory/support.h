// What the inventory's tests share: a store of their own and certificates made on the spot.
#pragma once

#include "base/error.h"
#include "error_of.h"
#include "fakes/temporary_directory.h"
#include "inventory/certificates.h"
#include "inventory/records.h"
#include "inventory/store.h"
#include "pki/issuance.h"
#include "pki/key.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace everseal::inventory {

inline constexpr Time kNow = base::from_unix(1795000000);
inline constexpr base::Seconds kDay{86400};

inline Name named(std::string_view text) { return Name::parse(text); }

// A state directory as `everseal init` leaves it.
struct TestState {
  fakes::TemporaryDirectory directory;
  std::string path = directory / "state";
  Store store = Store::create(path, kNow);
};

inline const pki::PrivateKey& test_key() {
  static const pki::PrivateKey key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
  return key;
}

struct Wanted {
  std::vector<std::string> names{"www.example.org"};
  Time not_after = kNow + 90 * kDay;
  std::string common_name = "test";
  bool is_ca = false;
};

inline pki::Certificate make_certificate(const Wanted& wanted) {
  pki::Template content;
  content.serial = pki::random_serial();
  content.subject = pki::DistinguishedName::parse("CN=" + wanted.common_name);
  for (const auto& name : wanted.names) content.identifiers.push_back(pki::Identifier::parse(name));
  content.public_key_info = test_key().public_key_info();
  content.not_before = kNow - kDay;
  content.not_after = wanted.not_after;
  content.is_ca = wanted.is_ca;
  content.key_usage = {wanted.is_ca ? "keyCertSign" : "digitalSignature"};
  if (wanted.is_ca) content.key_usage.push_back("cRLSign");
  return pki::Certificate::parse(pki::sign_certificate(content, nullptr, test_key()));
}

inline pki::Certificate add_certificate(Store& store, const Wanted& wanted) {
  const auto certificate = make_certificate(wanted);
  Certificates(store).add(std::vector{certificate}, kNow);
  return certificate;
}

}  // namespace everseal::inventory
