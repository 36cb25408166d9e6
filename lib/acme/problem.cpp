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
    {"alreadyReplaced", Fault::unreachable, ""},
    {"alreadyRevoked", Fault::exists, ""},
    {"badCSR", Fault::denied, ""},
    {"badNonce", Fault::unreachable, ""},
    {"badPublicKey", Fault::denied, "another `key` type may be accepted"},
    {"badRevocationReason", Fault::denied, "give another --reason, or none"},
    {"caa", Fault::denied, "CAA records of the name or of a parent forbid this CA to issue"},
    {"compound", Fault::denied, ""},
    {"connection", Fault::unreachable, "the CA could not connect; is the port open from outside?"},
    {"dns", Fault::unreachable, "the CA found a fault in the DNS of that name"},
    {"externalAccountRequired", Fault::denied,
     "set `eab_key_id` and `eab_key_file` of the issuer to what the CA gave you"},
    {"incorrectResponse", Fault::unreachable, "something else answers for that name"},
    {"invalidContact", Fault::denied, "correct `contact` of the issuer"},
    {"invalidProfile", Fault::denied, "`everseal account show ISSUER` lists the profiles that the CA offers"},
    {"malformed", Fault::denied, ""},
    {"orderNotReady", Fault::unreachable, ""},
    {"rateLimited", Fault::unreachable, ""},
    {"rejectedIdentifier", Fault::denied, "the CA will not issue for that name"},
    {"serverInternal", Fault::unreachable, ""},
    {"tls", Fault::unreachable, "the CA met a TLS fault when it validated"},
    {"unauthorized", Fault::denied, ""},
    {"unsupportedContact", Fault::denied, "correct `contact` of the issuer"},
    {"unsupportedIdentifier", Fault::denied, "this CA does not issue for that kind of identifier"},
    {"userActionRequired", Fault::denied, ""},
});

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
  const auto* const meaning = std::ranges::find(kMeanings, problem.type, &Meaning::type);
  Fault fault = problem.status == 429 || problem.status >= 500 ? Fault::unreachable : Fault::denied;
  std::string hint;
  if (meaning != kMeanings.end()) {
    fault = meaning->fault;
    hint = meaning->hint;
  }
  if (problem.is("userActionRequired") && !problem.instance.empty())
    hint = fmt::format("visit {} , then run the same command again", base::printable(problem.instance));
  return base::Error(fault, to_string(problem), std::move(hint)).not_before(retry_after);
}

}  // namespace everseal::acme
