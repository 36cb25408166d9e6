#include "challenge/validation_certificate.h"

#include "base/encoding.h"
#include "pki/der.h"
#include "pki/digest.h"
#include "pki/issuance.h"

#include <chrono>
#include <ranges>

#include <fmt/format.h>

namespace everseal::challenge {
namespace {

constexpr const char* kAcmeIdentifier = "1.3.6.1.5.5.7.1.31";

}  // namespace

net::TlsIdentity make_validation_certificate(const pki::Identifier& identifier, const std::string& key_authorization,
                                             base::Time now) {
  const pki::PrivateKey key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
  pki::der::Writer digest;
  digest.value(pki::der::kOctetString, pki::sha256(base::as_bytes(key_authorization)));
  pki::Template wanted;
  wanted.serial = pki::random_serial();
  wanted.subject = pki::DistinguishedName::parse("CN=ACME challenge");
  wanted.identifiers = {identifier};
  wanted.public_key_info = key.public_key_info();
  wanted.not_before = now - std::chrono::hours(1);
  wanted.not_after = now + std::chrono::days(7);
  wanted.others = {{kAcmeIdentifier, true, std::move(digest).take()}};
  return {pki::Certificate::parse(pki::sign_certificate(wanted, nullptr, key)), key};
}

std::string server_name_of(const pki::Identifier& identifier) {
  if (identifier.kind() != pki::IdentifierKind::ip) return identifier.text();
  const base::Bytes octets = identifier.ip_octets();
  std::string name;
  for (const std::uint8_t octet : octets | std::views::reverse)
    name += octets.size() == 4 ? fmt::format("{}.", octet) : fmt::format("{:x}.{:x}.", octet & 15, octet >> 4);
  return name + (octets.size() == 4 ? "in-addr.arpa" : "ip6.arpa");
}

}  // namespace everseal::challenge
