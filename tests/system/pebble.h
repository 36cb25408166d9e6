// Pebble, Let's Encrypt's test CA, and its DNS server, on loopback: tests/fetch-pebble brings them.
#pragma once

#include "system/daemon.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace everseal::system {

struct PebbleProgram {
  std::string directory;  // of pebble and pebble-challtestsrv
  std::string version;    // "2.10.0"
  bool at_least(int major, int minor) const;
};

// The newest that is here, from build/pebble or the distribution.
std::optional<PebbleProgram> find_pebble();

struct PebbleProfile {
  std::string description;
  std::chrono::seconds validity;
  bool promotes_common_name = false;  // the first DNS name becomes the subject's CN
};

struct PebbleOptions {
  enum class Validation { real, always_valid };
  enum class Strictness { lenient, strict };
  Validation validation = Validation::real;
  Strictness strictness = Strictness::strict;
  std::optional<int> nonce_reject_percent;               // Pebble's default is 5
  std::optional<int> authorization_reuse_percent;        // Pebble's default is 50
  std::map<std::string, std::string> external_accounts;  // kid -> base64url MAC key; required where there is one
  std::vector<std::string> blocklist;                    // domains
  std::map<std::string, PebbleProfile> profiles;         // of 2.10
  int http_port = 0;  // where http-01 and tls-alpn-01 are looked for; 0: one is picked
  int tls_port = 0;
  std::optional<std::chrono::seconds> retry_after_authorization;  // Pebble's default is 3 s
  std::optional<std::chrono::seconds> retry_after_order;          // 5 s
  int alternate_roots = 0;
  int chain_length = 1;                 // intermediates
  std::string dns_server;               // HOST:PORT, "": the system's
  std::string key_algorithm = "ecdsa";  // of the CA; or "rsa"
};

class Pebble {
 public:
  // Answers when this returns. Its config and log are in a directory of its own in `directory`.
  Pebble(const std::string& directory, const PebbleProgram& program, PebbleOptions options = {});

  std::string directory_url() const { return url("dir"); }
  // The root that signed the certificate of Pebble's own listeners; not one of those that it issues from.
  const std::string& ca_file() const noexcept { return ca_file_; }
  const std::string& version() const noexcept { return version_; }
  int http_port() const noexcept { return options_.http_port; }
  int tls_port() const noexcept { return options_.tls_port; }

  std::string log() const;
  // Lines of the log that have `part` in them.
  std::size_t count_in_log(const std::string& part) const;
  // "POST /order-plz": all that it was asked, in order.
  std::vector<std::string> requests() const;
  // Orders that came to be; a refused newOrder, for its nonce or its names, is none.
  std::size_t orders_placed() const;
  std::size_t accounts_made() const;
  std::size_t certificates_issued() const;

  // The root, as PEM, that chain `number` ends at: 0, or 1 to `alternate_roots`.
  std::string root(int number = 0) const;
  // What the CA knows of a certificate: {"Certificate", "Status", "Reason", ...}. `serial` in hex, colons allowed.
  Json status(const std::string& serial) const;
  // From now on `response` is the answer to whoever asks when to renew that certificate, whatever it is.
  void set_renewal_info(const std::string& certificate_pem, const std::string& response) const;

  void stop() { daemon_.reset(); }

 private:
  std::string url(const std::string& path) const;
  std::string management_url(const std::string& path) const;

  PebbleOptions options_;
  std::string version_;
  std::string ca_file_;
  std::string log_file_;
  int port_;
  int management_port_;
  std::unique_ptr<Daemon> daemon_;
};

// pebble-challtestsrv: a DNS server that says what the test tells it. It answers no challenge itself.
class ChallengeTestServer {
 public:
  ChallengeTestServer(const std::string& directory, const PebbleProgram& program);

  // For PebbleOptions::dns_server.
  std::string dns_server() const { return "127.0.0.1:" + std::to_string(dns_port_); }
  int dns_port() const noexcept { return dns_port_; }
  // For hooks of other programs: set-txt and clear-txt below it take JSON.
  std::string management_url() const { return "http://127.0.0.1:" + std::to_string(management_port_); }

  // Answers for every host that has no records of its own. "": none.
  void set_default_ipv4(const std::string& address) const;
  void set_default_ipv6(const std::string& address) const;
  void add_a(const std::string& host, const std::vector<std::string>& addresses) const;
  void set_cname(const std::string& host, const std::string& target) const;
  // Adds a value; `host` without the trailing dot, too.
  void add_txt(const std::string& host, const std::string& value) const;
  // Removes all values.
  void clear_txt(const std::string& host) const;
  void set_servfail(const std::string& host) const;
  void clear_servfail(const std::string& host) const;
  // Questions asked about `host`.
  std::size_t count_questions(const std::string& host) const;

 private:
  std::string post(const std::string& path, const Json& body) const;

  int dns_port_;
  int management_port_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
