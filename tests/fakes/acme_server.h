// An ACME CA for what no real one can be made to do: it keeps the protocol strictly until a test says otherwise.
#pragma once

#include "base/encoding.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace everseal::fakes {

struct AcmeAnswer {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;

  static AcmeAnswer json(int status, const nlohmann::json& body);
  static AcmeAnswer problem(int status, const std::string& type, const std::string& detail);
};

// One request and what becomes of it.
struct AcmeExchange {
  // "directory", "newNonce", "newAccount", "newOrder", "order", "authorization", "challenge", "finalize",
  // "certificate", "renewalInfo", "revokeCert", or "".
  std::string resource;
  int number = 0;          // of the order it is about, from 1; 0: of none
  nlohmann::json payload;  // null for POST-as-GET and GET
  // Set before the CA looks at the request: it never does. Changed after: this is sent.
  std::optional<AcmeAnswer> answer;
  bool cut = false;  // the connection is closed in place of the answer
};

// Listens on loopback over TLS while it lives; one thread a connection. It believes every challenge that is answered.
class AcmeServer {
 public:
  AcmeServer();
  ~AcmeServer();
  AcmeServer(const AcmeServer&) = delete;
  AcmeServer& operator=(const AcmeServer&) = delete;

  using Rule = std::function<void(AcmeExchange&)>;
  // `before` sees a request that the CA has not looked at, `after` one that took effect. One at a time is called.
  void set_rules(Rule before, Rule after) const;

  std::string url(const std::string& path) const;
  std::string directory_url() const { return url("/directory"); }
  const std::string& ca_file() const noexcept;

  // How many requests were seen for a resource, those included that a rule answered or cut.
  int count(const std::string& resource) const;
  int orders_placed() const;
  int accounts_made() const;
  // Requests that broke the protocol, each with what is wrong with it: there must be none.
  std::vector<std::string> violations() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace everseal::fakes
