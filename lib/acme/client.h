// An ACME CA as everybody in this process shares it: its directory, connections and nonces (RFC 8555 sections 6
// and 7.2).
#pragma once

#include "acme/directory.h"
#include "acme/jws.h"
#include "acme/pace.h"
#include "acme/problem.h"
#include "base/time.h"
#include "net/http_client.h"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::acme {

struct ClientSettings {
  std::string directory_url;
  net::HttpSettings http;
  std::function<base::Time()> clock;  // called from any thread
  // The directory as it was remembered, so that no request is spent on it: its JSON, or "".
  std::string remembered_directory;
};

// An answer that is no problem.
struct Answer {
  int status = 0;
  std::string location;                 // of Location, or ""
  std::vector<std::string> alternates;  // of Link: rel="alternate"
  std::optional<base::Time> retry_after;
  std::string body;
};

// What a CA may need some time for.
enum class Waiting { for_validation, for_certificate };

// Or the problem that the CA sent instead.
struct Reply {
  Answer answer;
  std::optional<Problem> problem;
  // Throws to_error(problem) with `doing` before it.
  const Answer& require(std::string_view doing) const&;
};

// Whether a request may be sent while the clock of the CA and ours are more than five minutes apart. A revocation may.
enum class ClockCheck { required, none };

// Thread-safe. All calls throw what HttpClient::send throws; Error(invalid) where the CA breaks the protocol.
class Client {
 public:
  explicit Client(ClientSettings settings);
  ~Client();

  const std::string& directory_url() const noexcept;
  // Fetched by the first that asks, unless it was remembered.
  Directory directory(std::stop_token stop);
  // Forgets what was remembered and fetches it now.
  Directory refresh_directory(std::stop_token stop);
  // The JSON of a directory that was fetched by this object, for the next process; "" where none was.
  std::string fetched_directory() const;

  // A signed POST. A rejected nonce is replaced and the request signed anew, a few times. Error(clock).
  Reply post(const Identity& identity, const std::string& url, std::string_view payload, std::stop_token stop,
             ClockCheck check = ClockCheck::required);
  // As post, for requests that may safely be made twice: tried again where the connection broke.
  Reply post_again(const Identity& identity, const std::string& url, std::string_view payload, std::stop_token stop,
                   ClockCheck check = ClockCheck::required);
  // POST-as-GET (section 6.3).
  Reply fetch(const Identity& identity, const std::string& url, std::stop_token stop) {
    return post_again(identity, url, "", std::move(stop));
  }
  // An unsigned GET, of renewal information.
  Reply get(const std::string& url, std::stop_token stop);

  // Error(clock) where the CA's clock, as far as it was seen, and ours are more than five minutes apart.
  void require_same_clock() const;
  // What the CA's clock shows by now, counted on from the Date of its newest answer; nullopt where it sent none.
  std::optional<base::Time> peer_time() const;

  // How soon this CA is looked at.
  Pace& pace(Waiting what) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace everseal::acme
