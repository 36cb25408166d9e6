#include "pki/issuance.h"

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "pki/attribute.h"
#include "pki/chain.h"
#include "pki/der.h"
#include "pki/digest.h"
#include "pki/tbs.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace everseal::pki {
namespace {

constexpr std::uint8_t kSubjectKeyId[] = {0x55, 0x1d, 0x0e};
constexpr std::uint8_t kKeyUsage[] = {0x55, 0x1d, 0x0f};
constexpr std::uint8_t kSubjectAltName[] = {0x55, 0x1d, 0x11};
constexpr std::uint8_t kBasicConstraints[] = {0x55, 0x1d, 0x13};
constexpr std::uint8_t kNameConstraints[] = {0x55, 0x1d, 0x1e};
constexpr std::uint8_t kCrlDistributionPoints[] = {0x55, 0x1d, 0x1f};
constexpr std::uint8_t kExtendedKeyUsage[] = {0x55, 0x1d, 0x25};
constexpr std::uint8_t kAuthorityInfoAccess[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01};
constexpr std::uint8_t kCaIssuers[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02};

// The bits of RFC 5280 section 4.2.1.3, in order.
constexpr std::array<std::string_view, 9> kUsages = {"digitalSignature", "contentCommitment", "keyEncipherment",
                                                     "dataEncipherment", "keyAgreement",      "keyCertSign",
                                                     "cRLSign",          "encipherOnly",      "decipherOnly"};

[[noreturn]] void refuse(std::string message, std::string hint = {}) {
  throw base::Error(base::Fault::invalid, std::move(message), std::move(hint));
}

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

der::Tag string_tag(Attribute::Text text) noexcept {
  switch (text) {
    case Attribute::Text::utf8:
      return der::kUtf8String;
    case Attribute::Text::ia5:
      return der::kIa5String;
    case Attribute::Text::printable:
    case Attribute::Text::country:
      break;
  }
  return der::kPrintableString;
}

base::Bytes encode_name(const DistinguishedName& name) {
  der::Writer out;
  out.nest(der::kSequence, [&] {
    for (const auto& [key, value] : name.rdns) {
      const Attribute* attribute = find_attribute(key);
      if (attribute == nullptr) refuse(fmt::format("the subject holds the unknown attribute {}", base::printable(key)));
      if (const auto rule = broken_rule(*attribute, value))
        refuse(fmt::format("the subject's {} cannot be used: {}", attribute->name, *rule));
      out.nest(der::kSet, [&] {
        out.nest(der::kSequence, [&] {
          out.value(der::kObjectId, der::object_id(attribute->oid));
          out.text(string_tag(attribute->text), value);
        });
      });
    }
  });
  return std::move(out).take();
}

base::Bytes subject_octets(const Template& wanted) {
  if (wanted.subject_der.empty()) return encode_name(wanted.subject);
  base::within("subject", [&] {
    der::Reader reader(wanted.subject_der);
    reader.expect(der::kSequence);
    reader.end();
  });
  return wanted.subject_der;
}

bool is_empty_name(base::BytesView name) { return name.size() == 2; }

base::BytesView serial_octets(base::BytesView serial) {
  while (!serial.empty() && serial.front() == 0) serial = serial.subspan(1);
  if (serial.empty()) refuse("the serial number is zero");
  if (serial.size() + ((serial.front() & 0x80) != 0 ? 1 : 0) > 20)
    refuse("the serial number takes more than 20 octets");
  return serial;
}

void write_basic_constraints(der::Writer& out, const Template& wanted) {
  write_extension(out, kBasicConstraints, Critical::yes, [&] {
    out.nest(der::kSequence, [&] {
      if (!wanted.is_ca) return;
      static constexpr std::uint8_t kTrue[] = {0xff};
      out.value(der::kBoolean, kTrue);
      if (!wanted.path_length) return;
      const std::uint8_t length[] = {static_cast<std::uint8_t>(*wanted.path_length)};
      out.unsigned_integer(length);
    });
  });
}

void write_key_usage(der::Writer& out, const std::vector<std::string>& names) {
  std::array<std::uint8_t, 2> bits{};
  std::size_t last = 0;
  for (const std::string& name : names) {
    // The bit's name in X.509 before 2008, and in OpenSSL's configuration still.
    const std::string_view wanted = name == "nonRepudiation" ? "contentCommitment" : std::string_view(name);
    const auto* const found = std::ranges::find(kUsages, wanted);
    if (found == kUsages.end()) refuse(fmt::format("\"{}\" is no key usage", base::printable(name)));
    const auto bit = static_cast<std::size_t>(found - kUsages.begin());
    bits[bit / 8] = static_cast<std::uint8_t>(bits[bit / 8] | 0x80U >> bit % 8);
    last = std::max(last, bit);
  }
  // A named bit list ends with its last set bit (X.690 section 11.2.2).
  const std::uint8_t encoded[] = {static_cast<std::uint8_t>(7 - last % 8), bits[0], bits[1]};
  write_extension(out, kKeyUsage, Critical::yes,
                  [&] { out.value(der::kBitString, base::BytesView(encoded).first(2 + last / 8)); });
}

void write_extended_key_usage(der::Writer& out, const std::vector<std::string>& names) {
  write_extension(out, kExtendedKeyUsage, Critical::no, [&] {
    out.nest(der::kSequence, [&] {
      for (const std::string& name : names) out.value(der::kObjectId, der::object_id(name));
    });
  });
}

void write_identifier(der::Writer& out, const Identifier& identifier) {
  switch (identifier.kind()) {
    case IdentifierKind::email:
      out.text(der::context(1), identifier.text());
      break;
    case IdentifierKind::dns:
      out.text(der::context(2), identifier.text());
      break;
    case IdentifierKind::uri:
      out.text(der::context(6), identifier.text());
      break;
    case IdentifierKind::ip:
      out.value(der::context(7), identifier.ip_octets());
      break;
  }
}

void write_alternative_names(der::Writer& out, const std::vector<Identifier>& identifiers, Critical critical) {
  write_extension(out, kSubjectAltName, critical, [&] {
    out.nest(der::kSequence, [&] {
      for (const Identifier& identifier : identifiers) write_identifier(out, identifier);
    });
  });
}

// Address and mask (RFC 5280 section 4.2.1.10), the address cut to its network.
base::Bytes network_octets(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  std::array<std::uint8_t, 16> octets{};
  const std::size_t size = address.find(':') == std::string::npos ? 4 : 16;
  if (inet_pton(size == 4 ? AF_INET : AF_INET6, address.c_str(), octets.data()) != 1)
    refuse(fmt::format("\"{}\" is no network", base::printable(text)), "write it as 10.0.0.0/8 or fd00::/8");
  std::size_t bits = size * 8;
  if (slash != std::string::npos) {
    const auto length = base::parse_number<std::size_t>(text.substr(slash + 1));
    if (!length || *length > bits) refuse(fmt::format("\"{}\" has no usable prefix length", base::printable(text)));
    bits = *length;
  }
  base::Bytes encoded(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t ones = bits > 8 * i ? std::min<std::size_t>(bits - 8 * i, 8) : 0;
    encoded[size + i] = static_cast<std::uint8_t>(0xff00U >> ones);
    encoded[i] = octets[i] & encoded[size + i];
  }
  return encoded;
}

void write_constraints(der::Writer& out, unsigned number, const std::vector<NameConstraint>& constraints) {
  if (constraints.empty()) return;
  out.nest(der::context_constructed(number), [&] {
    for (const NameConstraint& constraint : constraints) {
      if (constraint.kind != IdentifierKind::ip && !is_visible_ascii(constraint.text))
        refuse(fmt::format("name constraint \"{}\" is not ASCII", base::printable(constraint.text)));
      out.nest(der::kSequence, [&] {
        switch (constraint.kind) {
          case IdentifierKind::email:
            out.text(der::context(1), constraint.text);
            break;
          case IdentifierKind::dns:
            out.text(der::context(2), constraint.text);
            break;
          case IdentifierKind::uri:
            out.text(der::context(6), constraint.text);
            break;
          case IdentifierKind::ip:
            out.value(der::context(7), network_octets(constraint.text));
            break;
        }
      });
    }
  });
}

void write_name_constraints(der::Writer& out, const Template& wanted) {
  write_extension(out, kNameConstraints, Critical::yes, [&] {
    out.nest(der::kSequence, [&] {
      write_constraints(out, 0, wanted.permitted);
      write_constraints(out, 1, wanted.excluded);
    });
  });
}

void write_url(der::Writer& out, const std::string& url) {
  if (url.empty() || !is_visible_ascii(url)) refuse(fmt::format("\"{}\" is no URL", base::printable(url)));
  out.text(der::context(6), url);
}

// One point with every URL: they are several ways to the same CRL.
void write_crl_urls(der::Writer& out, const std::vector<std::string>& urls) {
  write_extension(out, kCrlDistributionPoints, Critical::no, [&] {
    out.nest(der::kSequence, [&] {
      out.nest(der::kSequence, [&] {
        out.nest(der::context_constructed(0), [&] {
          out.nest(der::context_constructed(0), [&] {
            for (const std::string& url : urls) write_url(out, url);
          });
        });
      });
    });
  });
}

void write_issuer_urls(der::Writer& out, const std::vector<std::string>& urls) {
  write_extension(out, kAuthorityInfoAccess, Critical::no, [&] {
    out.nest(der::kSequence, [&] {
      for (const std::string& url : urls) {
        out.nest(der::kSequence, [&] {
          out.value(der::kObjectId, kCaIssuers);
          write_url(out, url);
        });
      }
    });
  });
}

void require_consistent(const Template& wanted, const Certificate* issuer, const Signer& key) {
  if (wanted.not_after < wanted.not_before) refuse("the certificate would end before it begins");
  if (wanted.path_length && (!wanted.is_ca || *wanted.path_length < 0 || *wanted.path_length > 100))
    refuse("a path length belongs to a CA and is between 0 and 100");
  if (!wanted.is_ca && !(wanted.permitted.empty() && wanted.excluded.empty()))
    refuse("name constraints belong to a CA");
  if (issuer == nullptr && wanted.public_key_info != key.public_key_info())
    refuse("a self-signed certificate needs the public key of the key that signs it");
  if (issuer != nullptr && !key_matches(key, *issuer)) refuse("the key does not belong to the issuer's certificate");
}

void write_extensions(der::Writer& out, const Template& wanted, const Certificate* issuer, bool has_subject) {
  write_basic_constraints(out, wanted);
  if (!wanted.key_usage.empty()) write_key_usage(out, wanted.key_usage);
  if (!wanted.extended_key_usage.empty()) write_extended_key_usage(out, wanted.extended_key_usage);
  const base::Bytes key_id = derive_key_id(wanted.public_key_info);
  write_extension(out, kSubjectKeyId, Critical::no, [&] { out.value(der::kOctetString, key_id); });
  if (issuer != nullptr) write_authority_key_id(out, issuer_key_id(*issuer));
  if (!wanted.identifiers.empty())
    write_alternative_names(out, wanted.identifiers, has_subject ? Critical::no : Critical::yes);
  if (!wanted.permitted.empty() || !wanted.excluded.empty()) write_name_constraints(out, wanted);
  if (!wanted.crl_urls.empty()) write_crl_urls(out, wanted.crl_urls);
  if (!wanted.issuer_urls.empty()) write_issuer_urls(out, wanted.issuer_urls);
  for (const OtherExtension& other : wanted.others)
    write_extension(out, der::object_id(other.id), other.critical ? Critical::yes : Critical::no,
                    [&] { out.raw(other.value); });
}

}  // namespace

base::Bytes sign_certificate(const Template& wanted, const Certificate* issuer, const Signer& key) {
  require_consistent(wanted, issuer, key);
  const base::Bytes subject = subject_octets(wanted);
  const base::Bytes issuer_name = issuer != nullptr ? issuer->subject_der() : subject;
  const bool has_subject = !is_empty_name(subject);
  if (!has_subject && (wanted.is_ca || wanted.identifiers.empty()))
    refuse(wanted.is_ca ? "a CA needs a subject" : "a certificate needs a subject or an identifier");
  if (is_empty_name(issuer_name)) refuse("the issuer has no name", "a certificate that signs needs a subject");

  der::Writer out(1024);
  out.nest(der::kSequence, [&] {
    static constexpr std::uint8_t kVersion3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
    out.raw(kVersion3);
    out.unsigned_integer(serial_octets(wanted.serial));
    write_signature_algorithm(out, key.type());
    out.raw(issuer_name);
    out.nest(der::kSequence, [&] {
      write_time(out, wanted.not_before);
      write_time(out, wanted.not_after);
    });
    out.raw(subject);
    out.raw(wanted.public_key_info);
    out.nest(der::context_constructed(3),
             [&] { out.nest(der::kSequence, [&] { write_extensions(out, wanted, issuer, has_subject); }); });
  });
  return sign_tbs(out.bytes(), key);
}

base::Bytes random_serial() {
  base::Bytes serial = random_bytes(20);
  serial[0] &= 0x7f;
  // Always of one length, so that serials sort and print alike.
  while (serial[0] == 0) serial[0] = random_bytes(1)[0] & 0x7f;
  return serial;
}

}  // namespace everseal::pki
