#include "pki/crl.h"

#include "base/error.h"
#include "pki/asn1.h"
#include "pki/chain.h"
#include "pki/der.h"
#include "pki/load.h"
#include "pki/openssl.h"
#include "pki/pem.h"
#include "pki/tbs.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include <fmt/format.h>

namespace everseal::pki {
namespace {

constexpr std::string_view kPemLabel = "X509 CRL";
constexpr std::uint8_t kCrlNumber[] = {0x55, 0x1d, 0x14};
constexpr std::uint8_t kReasonCode[] = {0x55, 0x1d, 0x15};
constexpr std::uint8_t kDeltaIndicator[] = {0x55, 0x1d, 0x1b};
constexpr std::uint8_t kDistributionPoint[] = {0x55, 0x1d, 0x1c};
constexpr std::uint8_t kAuthorityKeyId[] = {0x55, 0x1d, 0x23};

constexpr std::uint8_t kVersion2[] = {1};

constexpr std::array kReasons = {
    std::pair(RevocationReason::unspecified, std::string_view("unspecified")),
    std::pair(RevocationReason::key_compromise, std::string_view("keyCompromise")),
    std::pair(RevocationReason::ca_compromise, std::string_view("cACompromise")),
    std::pair(RevocationReason::affiliation_changed, std::string_view("affiliationChanged")),
    std::pair(RevocationReason::superseded, std::string_view("superseded")),
    std::pair(RevocationReason::cessation_of_operation, std::string_view("cessationOfOperation")),
    std::pair(RevocationReason::privilege_withdrawn, std::string_view("privilegeWithdrawn")),
};

[[noreturn]] void refuse_crl(std::string message) { throw base::Error(base::Fault::invalid, std::move(message)); }

// A reason that Everseal does not name (certificateHold, removeFromCRL, aACompromise) still says "revoked".
RevocationReason reason_of(unsigned code) noexcept {
  for (const auto& [reason, name] : kReasons)
    if (static_cast<unsigned>(reason) == code) return reason;
  return RevocationReason::unspecified;
}

base::Bytes serial_octets(const std::string& serial) {
  const auto octets = base::from_hex(serial);
  if (!octets || octets->empty() || octets->size() > 20)
    refuse_crl(fmt::format("\"{}\" is no serial number to revoke", base::printable(serial)));
  return *octets;
}

std::array<std::uint8_t, 8> big_endian(std::uint64_t number) {
  std::array<std::uint8_t, 8> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return octets;
}

void write_entry(der::Writer& out, const RevokedEntry& entry) {
  out.nest(der::kSequence, [&] {
    out.unsigned_integer(serial_octets(entry.serial));
    write_time(out, entry.when);
    if (entry.reason == RevocationReason::unspecified) return;
    out.nest(der::kSequence, [&] {
      write_extension(out, kReasonCode, Critical::no, [&] {
        const std::uint8_t code[] = {static_cast<std::uint8_t>(entry.reason)};
        out.value(der::kEnumerated, code);
      });
    });
  });
}

void write_extensions(der::Writer& out, const CrlRequest& request, const Certificate& issuer) {
  out.nest(der::context_constructed(0), [&] {
    out.nest(der::kSequence, [&] {
      write_authority_key_id(out, issuer_key_id(issuer));
      write_extension(out, kCrlNumber, Critical::no, [&] { out.unsigned_integer(big_endian(request.number)); });
    });
  });
}

// As Certificate::serial() writes it.
std::string serial_text(const der::Element& integer) {
  base::BytesView octets = integer.contents;
  if (octets.empty()) refuse_crl("a serial number without octets");
  if ((octets.front() & 0x80) == 0) {
    while (octets.size() > 1 && octets.front() == 0) octets = octets.subspan(1);
    return base::hex(octets);
  }
  base::Bytes magnitude(octets.begin(), octets.end());
  unsigned carry = 1;
  for (auto octet = magnitude.rbegin(); octet != magnitude.rend(); ++octet) {
    carry += static_cast<std::uint8_t>(~*octet);
    *octet = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  const auto first = std::ranges::find_if(magnitude, [](std::uint8_t octet) { return octet != 0; });
  return "-" + base::hex({first, magnitude.end()});
}

struct Extension {
  base::BytesView id;
  Critical critical;
  base::BytesView value;
};

Extension read_extension(der::Reader& extensions) {
  der::Reader reader(extensions.expect(der::kSequence).contents);
  Extension extension{reader.expect(der::kObjectId).contents, Critical::no, {}};
  if (const auto critical = reader.next_if(der::kBoolean))
    extension.critical = critical->contents.size() == 1 && critical->contents[0] == 0 ? Critical::no : Critical::yes;
  extension.value = reader.expect(der::kOctetString).contents;
  reader.end();
  return extension;
}

RevocationReason read_reason(base::BytesView value) {
  der::Reader reader(value);
  const base::BytesView code = reader.expect(der::kEnumerated).contents;
  reader.end();
  if (code.size() != 1) refuse_crl("a reason code that is not one octet");
  return reason_of(code[0]);
}

RevokedEntry read_entry(der::Reader& list) {
  der::Reader reader(list.expect(der::kSequence).contents);
  RevokedEntry entry{serial_text(reader.expect(der::kInteger)), read_time(reader.next())};
  if (!reader.done()) {
    der::Reader extensions(reader.expect(der::kSequence).contents);
    reader.end();
    while (!extensions.done()) {
      const Extension extension = read_extension(extensions);
      if (std::ranges::equal(extension.id, kReasonCode)) {
        entry.reason = read_reason(extension.value);
      } else if (extension.critical == Critical::yes) {
        // Such as the issuer of an indirect CRL, without which the entry would speak of another certificate.
        refuse_crl("an entry has a critical extension that is not understood");
      }
    }
  }
  return entry;
}

std::optional<std::uint64_t> read_number(base::BytesView value) {
  der::Reader reader(value);
  base::BytesView octets = reader.expect(der::kInteger).contents;
  reader.end();
  if (octets.empty() || (octets.front() & 0x80) != 0) return std::nullopt;
  while (octets.size() > 1 && octets.front() == 0) octets = octets.subspan(1);
  // RFC 5280 section 5.2.3 allows 20 octets; the inventory's integers have 63 bits.
  if (octets.size() > 8 || (octets.size() == 8 && (octets.front() & 0x80) != 0)) return std::nullopt;
  std::uint64_t number = 0;
  for (const std::uint8_t octet : octets) number = number << 8 | octet;
  return number;
}

bool is_true(const std::optional<der::Element>& boolean) {
  return boolean && (boolean->contents.size() != 1 || boolean->contents[0] != 0);
}

// fullName of a DistributionPointName; what is named in another way matches nothing that a certificate of today says.
void read_points(CrlScope& scope, base::BytesView encoded) {
  der::Reader outer(encoded);
  const auto full = outer.next_if(der::context_constructed(0));
  if (full) {
    der::Reader names(full->contents);
    while (!names.done())
      if (const der::Element name = names.next(); name.tag == der::context(6))
        scope.points.emplace_back(base::as_text(name.contents));
    outer.end();
  }
  if (scope.points.empty()) scope.beyond = "is of a distribution point without a URL";
}

void read_distribution_point(CrlScope& scope, base::BytesView value) {
  der::Reader outer(value);
  der::Reader reader(outer.expect(der::kSequence).contents);
  outer.end();
  if (const auto point = reader.next_if(der::context_constructed(0))) read_points(scope, point->contents);
  if (is_true(reader.next_if(der::context(1)))) scope.covers = CrlScope::Covers::users;
  if (is_true(reader.next_if(der::context(2)))) scope.covers = CrlScope::Covers::authorities;
  scope.some_reasons = reader.next_if(der::context(3)).has_value();
  if (is_true(reader.next_if(der::context(4)))) scope.beyond = "is of several issuers";
  if (is_true(reader.next_if(der::context(5)))) scope.beyond = "is of attribute certificates alone";
  reader.end();
}

void read_extensions(Crl& crl, base::BytesView encoded) {
  der::Reader outer(encoded);
  der::Reader extensions(outer.expect(der::kSequence).contents);
  outer.end();
  std::set<base::Bytes> seen;
  while (!extensions.done()) {
    const Extension extension = read_extension(extensions);
    if (!seen.emplace(extension.id.begin(), extension.id.end()).second) refuse_crl("an extension stands there twice");
    if (std::ranges::equal(extension.id, kCrlNumber))
      crl.number = read_number(extension.value);
    else if (std::ranges::equal(extension.id, kDistributionPoint))
      read_distribution_point(crl.scope, extension.value);
    else if (std::ranges::equal(extension.id, kDeltaIndicator))
      crl.scope.beyond = "is a delta CRL";
    else if (extension.critical == Critical::yes && !std::ranges::equal(extension.id, kAuthorityKeyId))
      crl.scope.beyond = "has a critical extension that is not understood";
  }
}

base::Untrusted read_name(base::BytesView name) {
  ERR_clear_error();
  const X509NameHandle native = decode_into(X509NameHandle(X509_NAME_new()), name, d2i_X509_NAME);
  ERR_clear_error();
  if (!native) refuse_crl("its issuer is no name");
  return name_text(native.get());
}

void read_tbs(Crl& crl, der::Reader reader, base::BytesView algorithm) {
  if (const auto version = reader.next_if(der::kInteger); version && !std::ranges::equal(version->contents, kVersion2))
    refuse_crl("its version is not 2");
  if (!std::ranges::equal(reader.expect(der::kSequence).whole, algorithm))
    refuse_crl("its two signature algorithms differ");
  const der::Element issuer = reader.expect(der::kSequence);
  crl.issuer = read_name(issuer.whole);
  crl.issuer_der.assign(issuer.whole.begin(), issuer.whole.end());
  crl.this_update = read_time(reader.next());
  if (reader.at(der::kUtcTime) || reader.at(der::kGeneralizedTime)) crl.next_update = read_time(reader.next());
  if (const auto list = reader.next_if(der::kSequence)) {
    der::Reader entries(list->contents);
    while (!entries.done()) crl.entries.push_back(read_entry(entries));
  }
  if (const auto extensions = reader.next_if(der::context_constructed(0))) read_extensions(crl, extensions->contents);
  reader.end();
}

Crl read_crl(base::Bytes encoded) {
  Crl crl;
  der::Reader file(encoded);
  der::Reader reader(file.expect(der::kSequence).contents);
  file.end();
  const der::Element tbs = reader.expect(der::kSequence);
  const der::Element algorithm = reader.expect(der::kSequence);
  reader.expect(der::kBitString);
  reader.end();
  read_tbs(crl, der::Reader(tbs.contents), algorithm.whole);
  crl.der = std::move(encoded);
  return crl;
}

base::Bytes crl_der(base::BytesView pem_or_der) {
  if (looks_like_der(pem_or_der)) return {pem_or_der.begin(), pem_or_der.end()};
  std::vector<PemBlock> blocks = parse_pem(base::as_text(pem_or_der));
  std::erase_if(blocks, [](const PemBlock& block) { return block.label != kPemLabel; });
  if (blocks.size() != 1) refuse_crl(blocks.empty() ? "neither PEM nor DER" : "the file holds more than one CRL");
  return std::move(blocks.front().der);
}

// Both forms of a text that may be written with or without separators: "key_compromise", "keyCompromise".
std::string plain(std::string_view text) {
  std::string result = base::lower(text);
  std::erase(result, '_');
  return result;
}

}  // namespace

std::string_view to_string(RevocationReason reason) noexcept {
  const auto* const found = std::ranges::find(kReasons, reason, &std::pair<RevocationReason, std::string_view>::first);
  return found == kReasons.end() ? "unspecified" : found->second;
}

std::optional<RevocationReason> parse_revocation_reason(std::string_view text) noexcept {
  const std::string wanted = plain(text);
  for (const auto& [reason, name] : kReasons)
    if (wanted == plain(name) || text == std::to_string(static_cast<unsigned>(reason))) return reason;
  return std::nullopt;
}

base::Bytes make_crl(const CrlRequest& request, const Certificate& issuer, const Signer& key) {
  if (request.next_update <= request.this_update) refuse_crl("the CRL would end before it begins");
  if (!key_matches(key, issuer)) refuse_crl("the key does not belong to the issuer's certificate");
  der::Writer out(1024 + request.entries.size() * 56);
  out.nest(der::kSequence, [&] {
    out.value(der::kInteger, kVersion2);
    write_signature_algorithm(out, key.type());
    out.raw(issuer.subject_der());
    write_time(out, request.this_update);
    write_time(out, request.next_update);
    if (!request.entries.empty()) {
      out.nest(der::kSequence, [&] {
        for (const RevokedEntry& entry : request.entries) write_entry(out, entry);
      });
    }
    write_extensions(out, request, issuer);
  });
  return sign_tbs(out.bytes(), key);
}

Crl Crl::parse(base::BytesView pem_or_der) {
  return base::within("not a CRL", [&] {
    if (pem_or_der.size() > kLargestCrl) refuse_crl("larger than 64 MiB");
    return read_crl(crl_der(pem_or_der));
  });
}

bool is_signed_by(const Crl& crl, const Certificate& issuer) {
  ERR_clear_error();
  const X509Handle signer = load(issuer);
  const X509CrlHandle list = load(crl);
  EVP_PKEY* const key = signer ? X509_get0_pubkey(signer.get()) : nullptr;
  const bool signed_by = key != nullptr && list &&
                         X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_subject_name(signer.get())) == 0 &&
                         X509_CRL_verify(list.get(), key) == 1;
  ERR_clear_error();
  return signed_by;
}

std::string crl_pem(base::BytesView der) { return pem(kPemLabel, der); }

}  // namespace everseal::pki
