// Authorizations and their challenges (RFC 8555 sections 7.1.4 and 8).
#pragma once

#include "acme/problem.h"
#include "base/time.h"
#include "pki/name.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::acme {

enum class ChallengeStatus { pending, processing, valid, invalid };

// Of any type, those that we do not know too.
struct Challenge {
  std::string type;  // "http-01", "dns-01", ...
  std::string url;
  std::string token;  // base64url, at most 256 characters, or "" where absent (dns-persist-01)
  ChallengeStatus status = ChallengeStatus::pending;
  std::optional<Problem> error;
  std::vector<std::string> issuer_domain_names;  // of dns-persist-01
};

enum class AuthorizationStatus { pending, valid, invalid, deactivated, expired, revoked };
std::string_view to_string(AuthorizationStatus status) noexcept;

struct Authorization {
  std::string url;
  pki::Identifier identifier;  // of a wildcard: the name below the "*."
  bool wildcard = false;
  AuthorizationStatus status = AuthorizationStatus::pending;
  std::optional<base::Time> expires;
  std::vector<Challenge> challenges;
};

// Throws Error(invalid) that says what the CA got wrong: status, identifier, a token that is not base64url of at most
// 256 characters.
Authorization parse_authorization(const std::string& url, std::string_view json);

}  // namespace everseal::acme
