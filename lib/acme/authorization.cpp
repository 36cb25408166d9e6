#include "acme/authorization.h"

#include "acme/identifier.h"
#include "base/error.h"
#include "net/json.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace everseal::acme {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kLongestToken = 256;
constexpr std::size_t kMostChallenges = 50;

constexpr auto kAuthorizationStatus = std::to_array<std::pair<std::string_view, AuthorizationStatus>>({
    {"pending", AuthorizationStatus::pending},
    {"valid", AuthorizationStatus::valid},
    {"invalid", AuthorizationStatus::invalid},
    {"deactivated", AuthorizationStatus::deactivated},
    {"expired", AuthorizationStatus::expired},
    {"revoked", AuthorizationStatus::revoked},
});
constexpr auto kChallengeStatus = std::to_array<std::pair<std::string_view, ChallengeStatus>>({
    {"pending", ChallengeStatus::pending},
    {"processing", ChallengeStatus::processing},
    {"valid", ChallengeStatus::valid},
    {"invalid", ChallengeStatus::invalid},
});

template <class Status, std::size_t Count>
Status parse_status(const std::array<std::pair<std::string_view, Status>, Count>& all, const std::string& text,
                    std::string_view what) {
  for (const auto& [name, status] : all)
    if (name == text) return status;
  throw Error(Fault::invalid, fmt::format("{} has the unknown status '{}'", what, base::printable(text.substr(0, 40))));
}

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view kBase64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return text.size() <= kLongestToken && text.find_first_not_of(kBase64url) == std::string_view::npos;
}

Challenge parse_challenge(const base::Table& table) {
  Challenge challenge;
  challenge.type = net::text_at(table, "type");
  challenge.url = net::text_at(table, "url");
  challenge.token = net::text_at(table, "token");
  if (!is_token(challenge.token))
    throw Error(Fault::invalid, fmt::format("the CA's token for {} is not base64url of at most {} characters",
                                            base::printable(challenge.type), kLongestToken));
  challenge.status = parse_status(kChallengeStatus, net::text_at(table, "status"), "a challenge");
  challenge.issuer_domain_names = net::texts_at(table, "issuer-domain-names");
  const base::Table* const error = net::object_at(table, "error");
  if (error != nullptr) challenge.error = to_problem(*error);
  return challenge;
}

}  // namespace

std::string_view to_string(AuthorizationStatus status) noexcept {
  for (const auto& [name, one] : kAuthorizationStatus)
    if (one == status) return name;
  return "";
}

Authorization parse_authorization(const std::string& url, std::string_view json) {
  const base::Table table = net::parse_json_object(json, "the authorization");
  const base::Table* const identifier = net::object_at(table, "identifier");
  if (identifier == nullptr) throw Error(Fault::invalid, "the authorization has no identifier");
  Authorization authorization{.url = url, .identifier = parse_identifier(*identifier)};
  authorization.wildcard = net::flag_at(table, "wildcard");
  // RFC 8555 section 7.1.4 wants the base name; some send the wildcard itself.
  if (authorization.identifier.is_wildcard()) {
    authorization.wildcard = true;
    authorization.identifier =
        pki::Identifier::parse(pki::IdentifierKind::dns, authorization.identifier.text().substr(2));
  }
  authorization.status = parse_status(kAuthorizationStatus, net::text_at(table, "status"), "the authorization");
  authorization.expires = net::time_at(table, "expires");
  for (const base::Table& challenge : net::objects_at(table, "challenges"))
    if (authorization.challenges.size() < kMostChallenges)
      authorization.challenges.push_back(parse_challenge(challenge));
  return authorization;
}

}  // namespace everseal::acme
