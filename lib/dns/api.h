// A provider's JSON over HTTP.
#pragma once

#include "base/options.h"
#include "base/secret.h"
#include "base/value.h"
#include "net/http_client.h"

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace everseal::dns {

// The option every kind has, so that a private installation or a test may stand in for the provider.
base::Option api_option(std::string_view url);

class Api {
 public:
  // `header` carries the token behind `prefix` ("Authorization", "Bearer "). Plain HTTP only where `base_url` says so.
  Api(const std::string& base_url, std::string header, std::string_view prefix, const base::Secret& token);

  // The answer's JSON object, empty where the body is. nullopt for 404. Errors: denied for 401, 403 and what the
  // provider refuses, unreachable for 429 and 5xx; each with what the provider wrote. Waits once where a 429 asks for a
  // short while.
  std::optional<base::Table> call(std::string_view method, const std::string& path, const std::string& json,
                                  std::stop_token stop);
  // The same where 404 is an error.
  base::Table require(std::string_view method, const std::string& path, const std::string& json, std::stop_token stop);
  // For answers that are arrays.
  std::optional<std::string> body(std::string_view method, const std::string& path, const std::string& json,
                                  std::stop_token stop);

 private:
  std::string base_url_;
  std::string header_;
  base::Secret value_;
  net::HttpClient client_;
};

// RFC 3986 section 2.1, for one segment of a path or one value of a query.
std::string url_encoded(std::string_view text);
// What a zone file would say: in quotes; and back, where it is quoted.
std::string quoted(std::string_view value);
std::string unquoted(std::string_view text);
// The name below its zone: "_acme-challenge.www", or "@" for the zone itself.
std::string relative_name(const std::string& name, const std::string& zone);

}  // namespace everseal::dns
