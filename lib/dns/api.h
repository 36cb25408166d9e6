// A provider's API over HTTP.
#pragma once

#include "base/error.h"
#include "base/options.h"
#include "base/secret.h"
#include "base/value.h"
#include "net/http_client.h"

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::dns {

// The option every kind has, so that a private installation or a test may stand in for the provider.
base::Option api_option(std::string_view url);

using SecretHeaders = std::vector<std::pair<std::string, base::Secret>>;
// "Authorization: WORD TOKEN", as ("Bearer", token).
// RFC 6750 section 2.1; without the blanks around the token. Error(config) where one is within it.
SecretHeaders authorization(std::string_view word, const base::Secret& token);

struct ApiAnswer {
  net::HttpResponse response;
  std::string shown;  // how its body begins, for messages: printable, without the secrets that a peer may echo
};

// How long to wait before the request is sent again, for the n-th time from 1; nullopt: it is not.
using DelayOf = std::function<std::optional<std::chrono::milliseconds>(const net::HttpResponse& response, int tries)>;
// What Retry-After asks for beside 429, where that is at most a minute; three times.
std::optional<std::chrono::milliseconds> asked_delay(const net::HttpResponse& response, int tries);

// Sends what `make` makes, again after the delays that `delay_of` says. Plain HTTP where the URL says so.
ApiAnswer exchange(net::HttpClient& client, const std::function<net::HttpRequest()>& make, const DelayOf& delay_of,
                   const std::stop_token& stop);
net::HttpSettings api_settings(std::string_view url);
// Error of an answer that is no success: denied for 401, 403 and what the provider refuses, config for 404, unreachable
// with a not-before for 429, 5xx and what is locked by somebody else. `said`: what the provider wrote.
base::Error refusal(const net::HttpResponse& response, const std::string& where, const std::string& said);

// JSON in requests and answers.
class Api {
 public:
  Api(const std::string& base_url, SecretHeaders headers, DelayOf delay_of = asked_delay);

  // The answer's JSON object, empty where the body is. nullopt for 404. Errors: those of refusal(); invalid for what is
  // no JSON object.
  std::optional<base::Table> call(std::string_view method, const std::string& path, const std::string& json,
                                  const std::stop_token& stop);
  // The same where 404 is an error.
  base::Table require(std::string_view method, const std::string& path, const std::string& json,
                      const std::stop_token& stop);
  // For answers that are lists.
  base::List require_list(std::string_view method, const std::string& path, const std::string& json,
                          const std::stop_token& stop);

  // A member of an answer; Error(invalid) where it is not there, or a text is empty: what stands at a name is never
  // taken for nothing because an answer was not understood.
  std::vector<base::Table> rows(const base::Table& answer, std::string_view member) const;
  const base::Table& object(const base::Table& answer, std::string_view member) const;
  std::string text(const base::Table& answer, std::string_view member) const;
  std::vector<std::string> texts(const base::Table& answer, std::string_view member) const;
  // Text of an answer as a message may show it.
  std::string shown(const std::string& text) const;

 private:
  ApiAnswer send(std::string_view method, const std::string& path, const std::string& json,
                 const std::stop_token& stop);
  std::string where(std::string_view method) const;
  base::Value parse(const ApiAnswer& answer) const;
  base::Error not_understood(std::string_view member) const;

  std::string base_url_;
  SecretHeaders headers_;
  DelayOf delay_of_;
  net::HttpClient client_;
};

// RFC 3986 section 2.1, for one segment of a path or one value of a query.
std::string url_encoded(std::string_view text);
// What a zone file would say: in quotes; and back, where it is quoted.
std::string in_quotes(std::string_view value);
std::string without_quotes(std::string_view text);
// The name below its zone: "_acme-challenge.www", or "@" for the zone itself.
std::string relative_name(const std::string& name, const std::string& zone);
// Error(cancelled) where `stop` is requested before or meanwhile.
void pause(std::chrono::milliseconds duration, const std::stop_token& stop);

}  // namespace everseal::dns
