// A host with a Pebble beside it: an issuer "pebble", whose challenges come back to this host.
#pragma once

#include "system/pebble_or_skip.h"
#include "system/site.h"

#include <string>

#include <fmt/format.h>

namespace everseal::system {

class AcmeSite {
 public:
  // Every name has the address 127.0.0.1 where `options` name no DNS server of their own.
  explicit AcmeSite(const PebbleProgram& program, PebbleOptions options = {})
      : names_(site.path(), program), pebble(site.path(), program, with_defaults(std::move(options), names_)) {
    names_.set_default_ipv4("127.0.0.1");
    names_.set_default_ipv6("");
    configure();
    require_status(site.everseal({"init"}), 0);
  }

  // The issuer's table, with `more` lines in it, and whatever follows.
  std::string issuer(const std::string& more = {}) const {
    return fmt::format(
        "[issuer.pebble]\ntype = \"acme\"\ndirectory = \"{}\"\nca_file = \"{}\"\nagree_terms = true\nhttp_port = {}\n"
        "http_address = \"127.0.0.1\"\ntls_port = {}\n{}\n",
        pebble.directory_url(), pebble.ca_file(), pebble.http_port(), pebble.tls_port(), more);
  }
  void configure(const std::string& more = {}, const std::string& tables = {}) const {
    site.configure(issuer(more) + tables);
  }

  ChallengeTestServer& names() noexcept { return names_; }
  const ChallengeTestServer& names() const noexcept { return names_; }

  Site site{Site::Ca::none};

 private:
  static PebbleOptions with_defaults(PebbleOptions options, const ChallengeTestServer& names) {
    if (options.dns_server.empty()) options.dns_server = names.dns_server();
    if (!options.retry_after_authorization) options.retry_after_authorization = std::chrono::seconds(1);
    if (!options.retry_after_order) options.retry_after_order = std::chrono::seconds(1);
    return options;
  }

  ChallengeTestServer names_;

 public:
  Pebble pebble;
};

}  // namespace everseal::system
