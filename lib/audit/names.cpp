#include "audit/names.h"

#include "audit/judge.h"
#include "base/text.h"
#include "pki/digest.h"
#include "pki/sha512.h"

#include <algorithm>
#include <optional>

namespace everseal::audit {
namespace {

using dns::CaaRecord;
using dns::Validation;

enum Naming : std::size_t {
  caa_issuer,
  caa_account,
  caa_method,
  caa_critical,
  dnssec_bogus,
  dns_failing,
  challenge_dangling,
  tlsa_mismatch,
  tlsa_unused
};

// In the order of Naming.
const Judge kDnsJudges[] = {
    {{"caa-issuer", Severity::error, "CAA records do not let the CA issue",
      "The CAA records of the name, or of one above it, name other CAs than the one that is to renew its certificate: "
      "it "
      "must refuse.",
      "Add an issue record (issuewild for a wildcard) with the CA's name, or take the certificate from a CA that is "
      "named.",
      "RFC 8659 section 4.2", Nature::fault, Identity::place, Needs::caa},
     nullptr},
    {{"caa-account", Severity::error, "CAA records name another account",
      "The CAA record names an account at the CA (accounturi) that is not the one of this installation, so that it "
      "must "
      "refuse. An account that was made anew has another URL.",
      "Write the URL that `everseal account show` says into the record.", "RFC 8657 section 3", Nature::fault,
      Identity::place, Needs::caa},
     nullptr},
    {{"caa-method", Severity::error, "CAA records do not allow the way in which the name is proved",
      "The CAA record lists the validation methods that the CA may use (validationmethods), and the one that the "
      "config "
      "says is not among them: it must refuse.",
      "Add the method to the record, or prove the name in another way ([challenge.NAME]).", "RFC 8657 section 4",
      Nature::fault, Identity::place, Needs::caa},
     nullptr},
    {{"caa-critical", Severity::error, "a critical CAA record is not understood",
      "A CAA record with a tag that CAs do not know is marked critical. A CA that does not know it must refuse.",
      "Correct the tag, or take the mark away (flags 0).", "RFC 8659 section 4.1", Nature::fault, Identity::place,
      Needs::caa},
     nullptr},
    {{"dnssec-bogus", Severity::error, "DNSSEC signatures of the name do not verify",
      "A validating resolver refuses what it gets for the name: signatures that ended, or a DS record that is not of "
      "the "
      "zone's key. CAs validate since March 2026, so the next renewal is refused; who resolves by such a resolver does "
      "not "
      "reach the name now.",
      "Sign the zone again, or correct the DS record at the registrar. `delv NAME` shows where it breaks.",
      "CA/Browser Forum ballot SC-085, RFC 4035 section 5"},
     nullptr},
    {{"dns-failing", Severity::error, "the name servers of the name do not answer",
      "A resolver that answers otherwise gets nothing for this name, its CAA records or its `_acme-challenge`. A CA "
      "that "
      "gets nothing must refuse.",
      "See that the servers that the zone above names are up and serve the zone.",
      "RFC 8659 section 6, RFC 8555 section 8"},
     nullptr},
    {{"challenge-dangling", Severity::error, "`_acme-challenge` leads to a zone that does not exist",
      "The name that a CA looks for when it validates by DNS is an alias into a zone that is not there. The next "
      "renewal "
      "fails, and whoever registers that zone can get certificates for the name.",
      "Correct or remove the CNAME.", "RFC 8555 section 8.4"},
     nullptr},
    {{"tlsa-mismatch", Severity::error, "TLSA records do not match what is served",
      "Senders of mail that verify by DANE refuse to deliver to a server none of whose TLSA records matches its chain.",
      "Publish a record of the key that is served; before the next change of the key publish one of the new key, two "
      "TTLs "
      "ahead.",
      "RFC 7671 section 5, RFC 7672 section 2.2"},
     nullptr},
    {{"tlsa-unused", Severity::notice, "TLSA records that nobody goes by",
      "Clients go by TLSA records only where DNSSEC vouches for them, and those of mail only by the usages 2 (DANE-TA) "
      "and "
      "3 (DANE-EE).",
      "Sign the zone; publish records of usage 3, selector 1, matching type 1.",
      "RFC 7672 section 3.1.3, RFC 7671 section 4"},
     nullptr},
};
static_assert(std::size(kDnsJudges) == tlsa_unused + 1);

struct Property {
  std::string domain;  // in lower case; "": nobody
  std::vector<std::pair<std::string, std::string>> parameters;
  bool is_well_formed = true;
};

// "letsencrypt.org; validationmethods=dns-01" (RFC 8659 section 4.2).
Property property_of(const std::string& value) {
  Property property;
  std::vector<std::string_view> parts;
  for (std::string_view rest = value;;) {
    const auto semicolon = rest.find(';');
    parts.push_back(base::trim(rest.substr(0, semicolon)));
    if (semicolon == std::string_view::npos) break;
    rest = rest.substr(semicolon + 1);
  }
  property.domain = base::lower(parts.front());
  if (property.domain.ends_with('.')) property.domain.pop_back();
  for (const std::string_view part : std::span(parts).subspan(1)) {
    if (part.empty()) continue;
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0)
      property.is_well_formed = false;
    else
      property.parameters.emplace_back(base::lower(base::trim(part.substr(0, equals))),
                                       std::string(base::trim(part.substr(equals + 1))));
  }
  return property;
}

// The parameter's value; nullopt where it is absent. One that stands there twice matches nothing.
std::optional<std::string> parameter(const Property& property, std::string_view name) {
  std::optional<std::string> found;
  for (const auto& [key, value] : property.parameters) {
    if (key != name) continue;
    if (found) return std::string();
    found = value;
  }
  return found;
}

bool lists(std::string_view methods, std::string_view method) {
  for (;;) {
    const auto comma = methods.find(',');
    if (base::trim(methods.substr(0, comma)) == method) return true;
    if (comma == std::string_view::npos) return false;
    methods = methods.substr(comma + 1);
  }
}

bool names_ca(const std::string& domain, const Renewing& renewing) {
  if (!renewing.identities.empty())
    return std::ranges::any_of(renewing.identities, [&](const auto& one) { return base::lower(one) == domain; });
  const std::string host = base::lower(renewing.directory_host);
  return host == domain || host.ends_with("." + domain);
}

struct Refused {
  Naming why;
  std::string what;
};

std::optional<Refused> caa_against(const dns::Caa& caa, bool is_wildcard, const Renewing& renewing) {
  constexpr std::string_view kKnown[] = {"issue",    "issuewild",    "iodef",       "issuemail",
                                         "issuevmc", "contactemail", "contactphone"};
  for (const CaaRecord& record : caa.records)
    if (record.is_critical && std::ranges::find(kKnown, record.tag) == std::end(kKnown))
      return Refused{caa_critical, fmt::format("CAA of {} has the critical tag \"{}\"", caa.at, record.tag)};
  const auto has = [&](std::string_view tag) {
    return std::ranges::find(caa.records, tag, &CaaRecord::tag) != caa.records.end();
  };
  const std::string_view tag = is_wildcard && has("issuewild") ? "issuewild" : "issue";
  if (!has(tag)) return std::nullopt;
  std::vector<Property> ours;
  std::vector<std::string> named;
  for (const CaaRecord& record : caa.records) {
    if (record.tag != tag) continue;
    Property property = property_of(record.value);
    if (!property.is_well_formed || property.domain.empty()) continue;
    named.push_back(property.domain);
    if (names_ca(property.domain, renewing)) ours.push_back(std::move(property));
  }
  if (ours.empty()) {
    // Which of the others is meant nobody knows before the CA said its own name.
    if (renewing.identities.empty() && !named.empty()) return std::nullopt;
    return Refused{caa_issuer,
                   fmt::format("CAA of {} lets {} issue{}, not {}", caa.at,
                               named.empty() ? "nobody" : base::join(named, ", "), is_wildcard ? " wildcards" : "",
                               renewing.identities.empty() ? renewing.issuer : renewing.identities.front())};
  }
  std::erase_if(ours, [&](const Property& property) {
    const auto account = parameter(property, "accounturi");
    return account && (account->empty() || *account != renewing.account);
  });
  if (ours.empty())
    return Refused{caa_account,
                   fmt::format("CAA of {} lets another account at {} issue than {}", caa.at, renewing.issuer,
                               renewing.account.empty() ? "any of ours" : renewing.account)};
  if (renewing.method.empty()) return std::nullopt;
  std::erase_if(ours, [&](const Property& property) {
    const auto methods = parameter(property, "validationmethods");
    return methods && !lists(*methods, renewing.method);
  });
  if (ours.empty())
    return Refused{caa_method,
                   fmt::format("CAA of {} does not let {} validate by {}", caa.at, renewing.issuer, renewing.method)};
  return std::nullopt;
}

bool matches(const dns::TlsaRecord& record, const pki::Certificate& certificate) {
  const base::Bytes whole = record.selector == 0 ? certificate.der() : certificate.public_key_info();
  switch (record.matching) {
    case 0:
      return record.data == whole;
    case 1:
      return std::ranges::equal(record.data, pki::sha256(whole));
    default:
      return std::ranges::equal(record.data, pki::sha512(whole));
  }
}

bool is_usable(const dns::TlsaRecord& record) {
  return (record.usage == 2 || record.usage == 3) && record.selector >= 0 && record.selector <= 1 &&
         record.matching >= 0 && record.matching <= 2;
}

bool matches(const dns::TlsaRecord& record, const std::vector<pki::Certificate>& chain) {
  if (record.usage == 3) return matches(record, chain.front());
  return std::ranges::any_of(std::span(chain).subspan(1),
                             [&](const pki::Certificate& one) { return matches(record, one); });
}

class Place {
 public:
  Place(const std::string& place, const Criteria& criteria) : place_(place), criteria_(criteria) {}
  void find(Naming which, std::string what) { find(which, kDnsJudges[which].rule.severity, std::move(what)); }
  void find(Naming which, Severity severity, std::string what) {
    Found(kDnsJudges[which].rule, criteria_, place_, findings_).add(severity, {}, std::move(what));
  }
  std::vector<Finding> findings() && { return merge(std::move(findings_)); }

 private:
  const std::string& place_;
  const Criteria& criteria_;
  std::vector<Finding> findings_;
};

// True where nothing else about it can be told.
bool judge_validation(const std::string& name, Validation validation, Place& place) {
  if (validation == Validation::bogus)
    place.find(dnssec_bogus, fmt::format("what the DNS says of {} does not verify", name));
  if (validation == Validation::failing)
    place.find(dns_failing, fmt::format("the name servers of {} do not answer", name));
  return validation == Validation::bogus || validation == Validation::failing;
}

// A challenge's record comes only with the order, so that its own name need not exist; but what holds it must.
bool leads_nowhere(const dns::Observed& seen) {
  const std::string& zone = seen.challenge->zone;
  return zone != seen.zone && zone.find('.') == std::string::npos;
}

}  // namespace

std::span<const Judge> dns_judges() { return kDnsJudges; }

std::vector<std::string_view> renewal_rules() {
  std::vector<std::string_view> ids;
  for (const Judge& judge : std::span(kDnsJudges).first(tlsa_mismatch)) ids.push_back(judge.rule.id);
  return ids;
}

std::vector<Finding> judge_name(const std::string& name, const dns::Observed& seen,
                                const std::vector<Renewing>& issuers, const Criteria& criteria) {
  Place place(name, criteria);
  const bool is_broken = judge_validation(seen.name, seen.validation, place);
  if (seen.challenge && leads_nowhere(seen))
    place.find(challenge_dangling, fmt::format("_acme-challenge.{} leads to {}, whose zone is not to be found",
                                               seen.name, seen.challenge->to));
  else if (seen.challenge_validation && !is_broken)
    judge_validation(seen.challenge ? seen.challenge->to : "_acme-challenge." + seen.name, *seen.challenge_validation,
                     place);
  if (!seen.caa || is_broken) return std::move(place).findings();
  if (!seen.caa->failed_at.empty())
    place.find(dns_failing, fmt::format("the CAA records of {} are not to be had", seen.caa->failed_at));
  for (const Renewing& renewing : issuers)
    if (auto refused = caa_against(*seen.caa, name.starts_with("*."), renewing))
      place.find(refused->why, renewing.is_first ? kDnsJudges[refused->why].rule.severity : Severity::warning,
                 std::move(refused->what));
  return std::move(place).findings();
}

std::vector<Finding> judge_tlsa(const std::string& name, const dns::Tlsa& seen,
                                const std::vector<std::vector<pki::Certificate>>& chains, const Criteria& criteria) {
  Place place(name, criteria);
  if (judge_validation(name, seen.validation, place) || seen.records.empty()) return std::move(place).findings();
  std::vector<dns::TlsaRecord> usable = seen.records;
  std::erase_if(usable, [](const dns::TlsaRecord& record) { return !is_usable(record); });
  if (seen.validation != Validation::secure) {
    place.find(tlsa_unused, "DNSSEC does not vouch for the TLSA records");
  } else if (usable.empty()) {
    place.find(tlsa_unused, "no TLSA record is of usage 2 or 3");
  } else {
    for (const auto& chain : chains)
      if (std::ranges::none_of(usable, [&](const auto& record) { return matches(record, chain); }))
        place.find(tlsa_mismatch, fmt::format("no TLSA record matches {}", named(chain.front())));
  }
  return std::move(place).findings();
}

}  // namespace everseal::audit
