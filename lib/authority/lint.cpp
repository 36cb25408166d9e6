#include "authority/lint.h"

#include "authority/profile.h"
#include "base/error.h"
#include "base/text.h"
#include "pki/attribute.h"
#include "pki/der.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace everseal::authority {
namespace {

namespace der = pki::der;
using base::BytesView;
using pki::GeneralName;

struct Extension {
  std::string_view name;
  std::array<std::uint8_t, 8> id;
  std::size_t id_size;
};
constexpr Extension kExtensions[] = {
    {"subjectKeyIdentifier", {0x55, 0x1d, 0x0e}, 3},
    {"keyUsage", {0x55, 0x1d, 0x0f}, 3},
    {"subjectAltName", {0x55, 0x1d, 0x11}, 3},
    {"basicConstraints", {0x55, 0x1d, 0x13}, 3},
    {"nameConstraints", {0x55, 0x1d, 0x1e}, 3},
    {"cRLDistributionPoints", {0x55, 0x1d, 0x1f}, 3},
    {"authorityKeyIdentifier", {0x55, 0x1d, 0x23}, 3},
    {"extendedKeyUsage", {0x55, 0x1d, 0x25}, 3},
    {"authorityInfoAccess", {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01}, 8},
};
constexpr std::size_t kExtensionCount = std::size(kExtensions);
constexpr std::uint8_t kEcPublicKey[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
constexpr std::uint8_t kCountry[] = {0x55, 0x04, 0x06};
constexpr std::uint8_t kSerialNumber[] = {0x55, 0x04, 0x05};

enum class Presence { absent, plain, critical };

class Linter {
 public:
  Linter(const pki::Certificate& certificate, const pki::Certificate& issuer, Kind kind)
      : certificate_(certificate), issuer_(issuer), kind_(kind) {}

  std::vector<Refusal> run() {
    try {
      check_encoding();
    } catch (const base::Error& error) {
      break_rule("der", error.message());
      return std::move(broken_);
    }
    check_validity();
    check_key_ids();
    if (kind_ == Kind::leaf) {
      check_leaf();
    } else {
      check_authority();
    }
    return std::move(broken_);
  }

 private:
  void break_rule(std::string_view rule, std::string message) {
    broken_.push_back({std::string(rule), fmt::format("{} (lint rule {})", message, rule)});
  }
  void demand(bool kept, std::string_view rule, std::string_view message) {
    if (!kept) break_rule(rule, std::string(message));
  }
  Presence presence(std::string_view name) const {
    for (std::size_t i = 0; i < kExtensionCount; ++i)
      if (kExtensions[i].name == name) return found_[i];
    return Presence::absent;
  }

  void check_encoding() {
    der::Reader whole(certificate_.der());
    der::Reader certificate(whole.expect(der::kSequence).contents);
    whole.end();
    der::Reader tbs(certificate.expect(der::kSequence).contents);
    const der::Element outer_algorithm = certificate.expect(der::kSequence);

    const auto version = tbs.next_if(der::context_constructed(0));
    demand(version && version->contents.size() == 3 && version->contents[2] == 2, "version", "it is not version 3");
    const BytesView serial = tbs.expect(der::kInteger).contents;
    demand(serial.size() <= 20, "serial", "the serial number takes more than 20 octets");
    demand(serial.size() >= 8 && (serial[0] & 0x80) == 0, "serial", "the serial number is not positive and random");
    const der::Element inner_algorithm = tbs.expect(der::kSequence);
    demand(std::ranges::equal(inner_algorithm.whole, outer_algorithm.whole), "algorithms",
           "inner and outer signature algorithm differ");
    demand(std::ranges::equal(tbs.expect(der::kSequence).whole, issuer_.subject_der()), "issuer",
           "the issuer's name is not the subject of the CA, octet for octet");
    der::Reader validity(tbs.expect(der::kSequence).contents);
    check_time(validity.next(), certificate_.not_before());
    check_time(validity.next(), certificate_.not_after());
    check_subject(tbs.expect(der::kSequence).contents);
    check_key(tbs.expect(der::kSequence).contents);
    demand(!tbs.at(der::context(1)) && !tbs.at(der::context(2)), "unique-ids", "it holds unique identifiers");
    while (!tbs.done()) {
      const der::Element field = tbs.next();
      if (field.tag == der::context_constructed(3))
        check_extensions(der::Reader(field.contents).expect(der::kSequence).contents);
    }
  }

  void check_time(const der::Element& time, Time value) {
    const auto year = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(value)).year();
    const bool utc = year >= std::chrono::year(1950) && year <= std::chrono::year(2049);
    demand(time.tag == (utc ? der::kUtcTime : der::kGeneralizedTime) && time.contents.size() == (utc ? 13U : 15U) &&
               time.contents.back() == 'Z',
           "time", "a time is not UTCTime through 2049 and GeneralizedTime after, with seconds and Z");
  }

  void check_subject(BytesView name) {
    der::Reader rdns(name);
    while (!rdns.done()) {
      der::Reader attribute(der::Reader(rdns.expect(der::kSet).contents).expect(der::kSequence).contents);
      const BytesView id = attribute.expect(der::kObjectId).contents;
      const der::Tag tag = attribute.next().tag;
      if (std::ranges::equal(id, kCountry) || std::ranges::equal(id, kSerialNumber))
        demand(tag == der::kPrintableString, "subject-string", "C and serialNumber are not PrintableString");
    }
    for (const auto& [key, value] : certificate_.subject_name().rdns) {
      const pki::Attribute* attribute = pki::find_attribute(key);
      if (attribute == nullptr) {
        break_rule("subject-attribute", fmt::format("subject attribute {} is unknown", base::printable(key)));
      } else if (const auto rule = pki::broken_rule(*attribute, value)) {
        break_rule("subject-attribute", fmt::format("subject attribute {}: {}", attribute->name, *rule));
      }
    }
  }

  void check_key(BytesView info) {
    der::Reader key(info);
    der::Reader algorithm(key.expect(der::kSequence).contents);
    const der::Element id = algorithm.expect(der::kObjectId);
    if (std::ranges::equal(id.contents, kEcPublicKey))
      demand(algorithm.at(der::kObjectId), "named-curve", "the key's curve is not a named one");
    demand(certificate_.public_key().type.has_value(), "key-type", "the key is of a type that is not certified");
  }

  void check_extensions(BytesView list) {
    std::vector<BytesView> seen;
    der::Reader extensions(list);
    while (!extensions.done()) {
      der::Reader extension(extensions.expect(der::kSequence).contents);
      const BytesView id = extension.expect(der::kObjectId).contents;
      const bool critical = extension.next_if(der::kBoolean).has_value();
      demand(std::ranges::none_of(seen, [&](BytesView other) { return std::ranges::equal(id, other); }), "extensions",
             "an extension stands twice");
      seen.push_back(id);
      const auto known = std::ranges::find_if(kExtensions, [&](const Extension& candidate) {
        return std::ranges::equal(id, BytesView(candidate.id).first(candidate.id_size));
      });
      if (known == std::end(kExtensions)) {
        break_rule("extensions", "it holds an extension that no profile has");
        continue;
      }
      found_[static_cast<std::size_t>(known - std::begin(kExtensions))] =
          critical ? Presence::critical : Presence::plain;
    }
  }

  void check_validity() {
    demand(certificate_.not_before() <= certificate_.not_after(), "validity", "it ends before it begins");
    if (kind_ == Kind::root) return;
    demand(certificate_.not_after() <= issuer_.not_after(), "validity", "it ends after its CA");
    demand(certificate_.not_before() >= issuer_.not_before(), "validity", "it begins before its CA");
  }

  void check_key_ids() {
    demand(!certificate_.subject_key_id().empty() && presence("subjectKeyIdentifier") == Presence::plain, "key-ids",
           "it has no subject key identifier");
    if (kind_ == Kind::root) return;
    const base::Bytes issuer_id = issuer_.subject_key_id();
    demand(presence("authorityKeyIdentifier") == Presence::plain &&
               (issuer_id.empty() || certificate_.authority_key_id() == issuer_id),
           "key-ids", "its authority key identifier is not the CA's subject key identifier");
  }

  void check_authority() {
    demand(certificate_.subject_name().first("CN").has_value(), "ca-subject", "a CA has no common name");
    demand(certificate_.is_ca() && presence("basicConstraints") == Presence::critical, "basic-constraints",
           "basicConstraints is not critical CA:TRUE");
    demand(certificate_.path_length().has_value(), "basic-constraints", "a CA has no path length");
    demand(certificate_.key_usage() == std::vector<std::string>{"keyCertSign", "cRLSign"} &&
               presence("keyUsage") == Presence::critical,
           "key-usage", "keyUsage is not critical keyCertSign and cRLSign");
    if (kind_ == Kind::root)
      demand(presence("extendedKeyUsage") == Presence::absent, "extended-key-usage",
             "a root has an extended key usage");
    demand(presence("nameConstraints") != Presence::plain, "name-constraints", "nameConstraints is not critical");
  }

  void check_leaf() {
    const std::vector<std::string> usage = certificate_.extended_key_usage();
    const bool server = std::ranges::find(usage, "serverAuth") != usage.end();
    demand(!certificate_.is_ca() && !certificate_.path_length() && presence("basicConstraints") == Presence::critical,
           "basic-constraints", "basicConstraints is not critical CA:FALSE");
    demand(presence("nameConstraints") == Presence::absent, "name-constraints", "a leaf has name constraints");
    demand(!usage.empty() && presence("extendedKeyUsage") == Presence::plain, "extended-key-usage",
           "extendedKeyUsage is missing or critical");
    demand(std::ranges::find(usage, "anyExtendedKeyUsage") == usage.end(), "extended-key-usage",
           "anyExtendedKeyUsage allows everything");
    check_leaf_key_usage(server);
    if (server)
      demand(certificate_.not_after() - certificate_.not_before() + base::Seconds(1) <= kLongestServer,
             "server-lifetime", "a server certificate lives longer than 825 days");
    demand(presence("cRLDistributionPoints") != Presence::critical &&
               presence("authorityInfoAccess") != Presence::critical,
           "urls", "CRL distribution points or authority information access are critical");
    for (const auto& urls : {certificate_.crl_urls(), certificate_.issuer_urls()})
      for (const base::Untrusted& url : urls)
        demand(url.raw().starts_with("http://"), "urls", "a CRL or CA certificate URL is not plain http");
    check_names(server);
  }

  void check_leaf_key_usage(bool server) {
    std::vector<std::string> allowed{"digitalSignature"};
    const auto type = certificate_.public_key().type;
    const bool rsa = type && to_string(*type).starts_with("rsa");
    if (rsa && server) allowed.emplace_back("keyEncipherment");
    demand(certificate_.key_usage() == allowed && presence("keyUsage") == Presence::critical, "key-usage",
           "keyUsage is not critical or more than the key type needs");
  }

  void check_names(bool server) {
    const std::vector<GeneralName>& names = certificate_.names();
    const pki::DistinguishedName subject = certificate_.subject_name();
    demand(!names.empty(), "subject-alt-name", "it names no identifier");
    demand(presence("subjectAltName") == (subject.empty() ? Presence::critical : Presence::plain), "subject-alt-name",
           "subjectAltName is critical exactly where the subject is empty: it is not so");
    bool spiffe = false;
    std::size_t uris = 0;
    for (const GeneralName& name : names) {
      const auto identifier = to_identifier(name);
      demand(identifier && identifier->text() == name.value.raw(), "identifiers",
             "a name is malformed or not in its normal form");
      if (name.kind != GeneralName::Kind::uri) continue;
      ++uris;
      spiffe = spiffe || name.value.raw().starts_with("spiffe:");
    }
    demand(!spiffe || uris == 1, "spiffe", "a SPIFFE identity stands beside another URI");
    const auto holds = [&](const std::string& text, std::optional<GeneralName::Kind> kind) {
      return std::ranges::any_of(
          names, [&](const GeneralName& name) { return (!kind || name.kind == *kind) && name.value.raw() == text; });
    };
    for (const auto& [key, value] : subject.rdns) {
      if (key == "CN" && server) demand(holds(value, std::nullopt), "common-name", "the CN is none of the identifiers");
      if (key == "emailAddress")
        demand(holds(value, GeneralName::Kind::email), "email",
               "the subject's e-mail address is none of the identifiers");
    }
  }

  const pki::Certificate& certificate_;
  const pki::Certificate& issuer_;
  Kind kind_;
  std::array<Presence, kExtensionCount> found_{};
  std::vector<Refusal> broken_;
};

}  // namespace

std::vector<Refusal> lint(const pki::Certificate& certificate, const pki::Certificate& issuer, Kind kind) {
  return Linter(certificate, issuer, kind).run();
}

}  // namespace everseal::authority
