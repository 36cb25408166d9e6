#include "acme/problem.h"

#include "net/json.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace everseal::acme {
namespace {

using base::Fault;
using base::Untrusted;

constexpr std::string_view kNamespace = "urn:ietf:params:acme:error:";
constexpr std::size_t kLongestText = 2000;
constexpr std::size_t kMostSubproblems = 100;

Untrusted bounded(std::string text) {
  if (text.size() > kLongestText) text.resize(kLongestText);
  return Untrusted(std::move(text));
}

std::string identifier_of(const base::Table& document) {
  const base::Table* const identifier = net::object_at(document, "identifier");
  return identifier == nullptr ? std::string() : net::text_at(*identifier, "value");
}

Problem from_table(const base::Table& document, int http_status, bool with_subproblems) {
  Problem problem;
  std::string type = net::text_at(document, "type").substr(0, 200);
  problem.type = type.starts_with(kNamespace) ? type.substr(kNamespace.size()) : std::move(type);
  problem.detail = bounded(net::text_at(document, "detail"));
  problem.instance = bounded(net::text_at(document, "instance"));
  problem.identifier = bounded(identifier_of(document));
  const std::int64_t status = net::integer_at(document, "status").value_or(http_status);
  problem.status = status >= 100 && status <= 599 ? static_cast<int>(status) : http_status;
  if (!with_subproblems) return problem;
  for (const base::Table& sub : net::objects_at(document, "subproblems"))
    if (problem.subproblems.size() < kMostSubproblems) problem.subproblems.push_back(from_table(sub, 0, false));
  return problem;
}

struct Meaning {
  std::string_view type;
  Fault fault;
  std::string_view hint;
};
// RFC 8555 section 6.7, RFC 9773 section 7.4, and the profiles draft: what a person can do about it.
constexpr auto kMeanings = std::to_array<Meaning>({
    {"accountDoesNotExist", Fault::denied,
     "the CA does not know this account; `everseal account register ISSUER` makes a new one, which CAA records and "
     "dns-persist-01 "
     "records that name the old one do not cover"},
    {"alreadyReplaced", Fault::unreachable, "the CA has a renewal of that certificate; the next run asks again"},
    {"alreadyRevoked", Fault::exists, "the CA counts it as revoked; there is nothing left to do"},
    {"badCSR", Fault::denied,
     "the CA takes no request of that kind: try another `key` type or other `identifiers`, and leave `subject` out"},
    {"badNonce", Fault::unreachable, "the next run asks with a new nonce; a proxy before the CA may keep answers"},
    {"badPublicKey", Fault::denied, "another `key` type may be accepted"},
    {"badRevocationReason", Fault::denied, "give another --reason, or none"},
    {"badSignatureAlgorithm", Fault::denied,
     "the CA takes no signature of our account's key; `everseal account rotate-key ISSUER` makes another"},
    {"caa", Fault::denied,
     "CAA records of the name or of a parent forbid this CA to issue: add one that names it; `everseal audit --dns` "
     "shows them"},
    {"compound", Fault::denied, "mend what the CA says of each name"},
    {"connection", Fault::unreachable,
     "the CA could not connect; is the port open from outside, at every address that the DNS names (IPv6 too)?"},
    {"dns", Fault::unreachable,
     "the CA found a fault in the DNS of that name: `everseal audit --dns` looks at the same; mend its zone"},
    {"externalAccountRequired", Fault::denied,
     "set `eab_key_id` and `eab_key_file` of the issuer to what the CA gave you"},
    {"incorrectResponse", Fault::unreachable,
     "something else answers for that name: have its port, path or record lead to this host"},
    {"invalidContact", Fault::denied, "correct `contact` of the issuer"},
    {"invalidProfile", Fault::denied, "`everseal account show ISSUER` lists the profiles that the CA offers"},
    {"malformed", Fault::denied,
     "the CA cannot read what it was sent: is `directory` of the issuer right? `-vv` shows each request, for its "
     "operator"},
    {"orderNotReady", Fault::unreachable, "the order stays open; the next run goes on with it"},
    {"rateLimited", Fault::unreachable,
     "wait: the next run after the time that `everseal plan` shows asks again, and asking sooner makes it worse"},
    {"rejectedIdentifier", Fault::denied,
     "the CA will not issue for that name: take it out of `identifiers`, or name another `issuer`"},
    {"serverInternal", Fault::unreachable, "the fault is the CA's: the next run asks again; see its status page"},
    {"tls", Fault::unreachable,
     "the CA met a TLS fault when it validated: what answers on port 443 of that name must pass `acme-tls/1` on"},
    {"unauthorized", Fault::denied,
     "the CA does not accept that the name is yours: see what answers for it (its port, path or TXT record), and with "
     "`everseal account show ISSUER` whether our account is valid"},
    {"unsupportedContact", Fault::denied, "correct `contact` of the issuer"},
    {"unsupportedIdentifier", Fault::denied,
     "this CA does not issue for that kind of identifier: take it out of `identifiers`, or name another `issuer`"},
    {"userActionRequired", Fault::denied,
     "the CA wants something of whom the account belongs to, new terms of service for one: look at its site and mail, "
     "then run the same command again"},
});
constexpr std::string_view kTheirFault = "the fault is the CA's, or of what lies before it: the next run asks again";
constexpr std::string_view kTooMany = "wait: the next run after the time that `everseal plan` shows asks again";
constexpr std::string_view kRefused =
    "the CA's documentation says what it means by that; is `directory` of the issuer right?";

// Where the problem is no more than the sum of others, theirs tells what to do.
const Problem& told_by(const Problem& problem) {
  return problem.is("compound") && !problem.subproblems.empty() ? problem.subproblems.front() : problem;
}

}  // namespace

Problem to_problem(const base::Table& document) { return from_table(document, 0, true); }

Problem parse_problem(int http_status, std::string_view body) {
  try {
    return from_table(net::parse_json_object(body, "the problem document"), http_status, true);
  } catch (const base::Error&) {
    Problem problem;
    problem.status = http_status;
    problem.detail = Untrusted(std::string(body.substr(0, 200)));
    return problem;
  }
}

std::string to_string(const Problem& problem) {
  std::string text = problem.type.empty() || problem.type == "about:blank" ? fmt::format("HTTP {}", problem.status)
                                                                           : base::printable(problem.type);
  if (!problem.detail.empty()) text += ": " + base::printable(problem.detail);
  if (!problem.instance.empty()) text += fmt::format(" (see {})", base::printable(problem.instance));
  std::string separator = " [";
  for (const Problem& sub : problem.subproblems) {
    text += separator;
    if (!sub.identifier.empty()) text += base::printable(sub.identifier) + ": ";
    text += to_string(sub);
    separator = "; ";
  }
  if (!problem.subproblems.empty()) text += "]";
  return text;
}

base::Error to_error(const Problem& problem, std::optional<base::Time> retry_after) {
  const auto meaning_of = [](const Problem& one) { return std::ranges::find(kMeanings, one.type, &Meaning::type); };
  const auto meaning = meaning_of(problem);
  const auto advice = meaning_of(told_by(problem));
  const bool passes = problem.status == 429 || problem.status >= 500;
  const Fault fault = meaning != kMeanings.end() ? meaning->fault : passes ? Fault::unreachable : Fault::denied;
  std::string hint(advice != kMeanings.end() ? advice->hint
                   : problem.status == 429   ? kTooMany
                   : passes                  ? kTheirFault
                                             : kRefused);
  if (problem.is("userActionRequired") && !problem.instance.empty())
    hint = fmt::format("visit {} , then run the same command again", base::printable(problem.instance));
  return base::Error(fault, to_string(problem), std::move(hint)).not_before(retry_after);
}

}  // namespace everseal::acme
