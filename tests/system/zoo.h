// Servers with a name each, looked at by one audit, and what it finds of each.
#pragma once

#include "probe/server.h"
#include "system/mint.h"
#include "system/starttls_server.h"

#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

namespace everseal::system {

using Rules = std::set<std::string>;  // "expired critical"

Rules rules_of(const Json& place);
// But for the notices of the daily further look, which depend on the libraries that the servers have.
Rules faults_of(const Json& place);
std::string text_of(const Rules& rules);

// What one audit is to look at; each endpoint has a name of the test, is asked for kServed, and belongs to the
// environment "inside" unless `more` says another: all of these trust the mint's root.
class Zoo {
 public:
  explicit Zoo(const Mint& mint) : mint_(mint) {}

  // `more`: further lines of its table.
  void add(const std::string& name, const std::string& target, const std::string& starttls = {},
           const std::string& more = {});
  void add(const std::string& name, int port, const std::string& starttls = {}, const std::string& more = {}) {
    add(name, fmt::format("127.0.0.1:{}", port), starttls, more);
  }
  // Its listeners are called "NAME-PROTOCOL".
  void add(const std::string& name, const StarttlsServer& server);

  // By name, what `audit` with these words finds; all of a report's places are of the zoo, and each of the zoo is
  // there.
  std::map<std::string, Json> look(const Words& words = {}) const;

 private:
  const Mint& mint_;
  std::map<std::string, std::string> names_;  // by target
  std::string tables_;
};

// The certificate and key in `directory`, for a server of the test itself.
test::SslContext context_of(const std::string& directory);

}  // namespace everseal::system
