#include "system/curl.h"
#include "system/pebble_or_skip.h"
#include "system/site.h"

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::system;

TEST_CASE("Pebble answers as it was asked to") {
  const auto program = pebble_or_skip(PebbleNeed::newest);
  if (!program) return;
  MESSAGE("pebble " << program->version << " from " << program->directory);
  const Site site(Site::Ca::none);
  const ChallengeTestServer names(site.path(), *program);
  const Pebble pebble(
      site.path(), *program,
      {.external_accounts = {{"kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}},
       .blocklist = {"blocked.example"},
       .profiles = {{"short", {.description = "six days", .validity = std::chrono::days(6)}}},
       .retry_after_order = std::chrono::seconds(1),
       .alternate_roots = 1,
       .dns_server = names.dns_server()});

  const Json directory = Json::parse(http_get(pebble.directory_url(), pebble.ca_file()));
  CHECK(directory.contains("renewalInfo"));
  CHECK(directory.at("meta").at("externalAccountRequired") == true);
  CHECK(directory.at("meta").at("profiles").at("short") == "six days");
  CHECK(pebble.root(0) != pebble.root(1));
  CHECK(pebble.count_in_log("GET /dir ") == 1);
  CHECK(pebble.orders_placed() == 0);
  CHECK_THROWS(pebble.root(2));
  CHECK_THROWS(pebble.status("01:02"));
}

TEST_CASE("the challenge test server gives the records that it was told") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const Site site(Site::Ca::none);
  const ChallengeTestServer names(site.path(), *program);
  const auto ask = [&](const std::string& type, const std::string& name) {
    return run_or_fail(
        {"dig", "+short", "+time=2", "+tries=1", "-p", std::to_string(names.dns_port()), "@127.0.0.1", name, type});
  };
  names.set_default_ipv4("127.0.0.9");
  names.add_a("here.example", {"127.0.0.2", "127.0.0.3"});
  names.set_cname("alias.example", "here.example");
  names.add_txt("text.example", "one");
  names.add_txt("text.example", "two");
  CHECK(ask("A", "elsewhere.example") == "127.0.0.9\n");
  CHECK(contains(ask("A", "here.example"), "127.0.0.3"));
  CHECK(contains(ask("CNAME", "alias.example"), "here.example."));
  CHECK(contains(ask("TXT", "text.example"), "\"one\""));
  CHECK(contains(ask("TXT", "text.example"), "\"two\""));
  CHECK(names.count_questions("text.example") == 2);
  names.clear_txt("text.example");
  CHECK(ask("TXT", "text.example").empty());
  names.set_servfail("here.example");
  CHECK(ask("A", "here.example").empty());
  names.clear_servfail("here.example");
  CHECK(contains(ask("A", "here.example"), "127.0.0.2"));
}
