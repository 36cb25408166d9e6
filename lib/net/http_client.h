// HTTP requests over libcurl: TLS always verified, schemes, redirects and sizes bounded.
#pragma once

#include "base/secret.h"
#include "base/time.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace everseal::net {

enum class Schemes { https, http_too };

struct HttpSettings {
  std::string ca_file;                              // PEM: trust anchors in place of the system's; "": the system's
  std::string proxy;                                // URL; "": what $https_proxy and $no_proxy say
  std::shared_ptr<const base::Secret> proxy_login;  // "USER:PASSWORD" for the proxy; null: none
  Schemes schemes = Schemes::https;
  int redirects = 0;  // GET and HEAD only, followed over allowed schemes
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{30'000};  // of a whole request
  std::size_t largest_body = 1 << 20;         // octets; a longer answer is Error(invalid)
  // Asked for each connection with the very address that it is made to; Error(denied) where it allows none of them.
  // Then no proxy is used that the environment names. Empty: every address.
  std::function<bool(const sockaddr& address)> may_connect;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<std::string, base::Secret>> secret_headers;  // ("X-API-Key", ...)
  std::string body;                                                  // sent where the method is not GET or HEAD
};

// What a peer answered: hostile, whatever the status.
struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string body;

  bool ok() const noexcept { return status >= 200 && status < 300; }
  std::optional<std::string> header(std::string_view lower_case_name) const;  // the first of that name
  std::vector<std::string> all(std::string_view lower_case_name) const;
};

// The instant that a Retry-After names, as seconds or as a date (RFC 9110 section 10.2.3); nullopt where there is none
// or it is neither. Never before `now`.
std::optional<base::Time> retry_after(const HttpResponse& response, base::Time now);
// The Date that the peer's clock showed (RFC 9110 section 6.6.1).
std::optional<base::Time> date(const HttpResponse& response);

// Keeps its connections between requests. Used by one thread at a time.
class HttpClient {
 public:
  explicit HttpClient(HttpSettings settings);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // Sent once, whatever happens to the connection. Any status is an answer. Errors: unreachable (no address, refused,
  // TLS not trusted, cut), denied (no address that may be connected to), timed_out, cancelled (`stop`), invalid (URL,
  // scheme, an answer too large). The message names the URL without its query, never a header.
  HttpResponse send(const HttpRequest& request, std::stop_token stop = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "Everseal/0.1.0", what every request says of itself (RFC 9110 section 10.1.5).
std::string_view user_agent() noexcept;

}  // namespace everseal::net
