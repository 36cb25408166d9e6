// Names proved by records in the DNS: a real BIND, changed by TSIG-signed updates.
#include "system/acme_site.h"
#include "system/named.h"

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::system;

namespace {

std::string challenge(const Named& named, const std::string& type, const std::string& zones) {
  return fmt::format(
      "[challenge.bind]\ntype = \"{}\"\nzones = [{}]\nprovider = \"rfc2136\"\nserver = \"{}\"\ntsig_key_file = \"{}\"\n"
      "resolvers = \"{}\"\nserver_port = {}\npropagation_timeout = \"20s\"\n",
      type, zones, named.endpoint(), named.key_file(), named.endpoint(), named.port());
}

// BIND first: Pebble asks it.
struct Zones {
  explicit Zones(const PebbleProgram& program) : acme(program, {.dns_server = named.endpoint()}) {}
  Site own{Site::Ca::none};
  Named named{own,
              {{"example.org", {{"www A 127.0.0.1", "_acme-challenge.www CNAME www.acme.example.net."}, false}},
               {"acme.example.net", {{}, true}},
               {"direct.test", {{}, true}}}};
  AcmeSite acme;
};

}  // namespace

TEST_CASE("dns-01 sets records beside others, follows CNAMEs, and takes away its own alone") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const Zones zones(*program);
  const Site& site = zones.acme.site;
  zones.named.update("update add _acme-challenge.direct.test. 1 TXT \"of-another\"");
  zones.acme.configure("", challenge(zones.named, "dns-01", R"("example.org", "direct.test")"));
  require_status(
      site.everseal({"issue", "--issuer", "pebble", "-d", "direct.test", "-d", "*.direct.test", "--as", "wild"}), 0);
  require_status(site.everseal({"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", "www"}), 0);
  CHECK(zones.named.txt("_acme-challenge.direct.test") == "\"of-another\"\n");
  CHECK(zones.named.txt("www.acme.example.net").empty());
}

TEST_CASE("one order mixes challenges, each where its zone says") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const Zones zones(*program);
  zones.acme.configure("", challenge(zones.named, "dns-01", R"("direct.test")"));
  const base::Exit issued = zones.acme.site.everseal(
      {"issue", "--issuer", "pebble", "-d", "*.direct.test", "-d", "www.example.org", "--as", "both"});
  require_status(issued, 0);
  CHECK(contains(issued.errors, "proving *.direct.test by dns-01"));
  CHECK(contains(issued.errors, "proving www.example.org by http-01"));
}

TEST_CASE("a record is set at the account's own name by dns-account-01") {
  const auto program = pebble_or_skip(PebbleNeed::newest);
  if (!program) return;
  const Zones zones(*program);
  zones.acme.configure("", challenge(zones.named, "dns-account-01", R"("direct.test")"));
  const base::Exit issued =
      zones.acme.site.everseal({"issue", "--issuer", "pebble", "-d", "*.direct.test", "--as", "wild"});
  require_status(issued, 0);
  CHECK(contains(issued.errors, "by dns-account-01"));
}

TEST_CASE("dns-persist-01 says which record to set, once, and uses it ever after") {
  const auto program = pebble_or_skip(PebbleNeed::newest);
  if (!program) return;
  const Zones zones(*program);
  const Site& site = zones.acme.site;
  zones.acme.configure(
      "", fmt::format("[challenge.once]\ntype = \"dns-persist-01\"\nzones = \"direct.test\"\nresolvers = \"{}\"\n",
                      zones.named.endpoint()));
  const Words issue{"issue", "--issuer", "pebble", "-d", "*.direct.test", "--as", "wild"};
  const base::Exit missing = site.everseal(issue);
  require_status(missing, 1);
  const auto begin = missing.output.find("_validation-persist.direct.test. IN TXT ");
  REQUIRE_MESSAGE(begin != std::string::npos, missing.output);
  const std::string record =
      missing.output.substr(begin, missing.output.find('"', missing.output.find('"', begin) + 1) + 1 - begin);
  CHECK(contains(record, "policy=wildcard"));
  zones.named.update("update add _validation-persist.direct.test. 1 " + record.substr(record.find("IN TXT")));
  require_status(site.everseal(issue), 0);
  require_status(site.everseal({"renew", "wild", "--force"}), 0);
  // The order that waited for the record is the one that was finished.
  CHECK(zones.acme.pebble.orders_placed() == 2);
}

TEST_CASE("a key that the name server does not know ends with advice, and orders nothing twice") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const Zones zones(*program);
  write_text(zones.own / "other.key", "key \"other\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n", 0600);
  std::string table = challenge(zones.named, "dns-01", R"("direct.test")");
  table.replace(table.find(zones.named.key_file()), zones.named.key_file().size(), zones.own / "other.key");
  zones.acme.configure("", table);
  const base::Exit refused =
      zones.acme.site.everseal({"issue", "--issuer", "pebble", "-d", "*.direct.test", "--as", "wild"});
  require_status(refused, 1);
  CHECK_MESSAGE(contains(refused.output, "is not signed with the key"), refused.output);
  zones.acme.configure("", challenge(zones.named, "dns-01", R"("direct.test")"));
  require_status(zones.acme.site.everseal({"renew", "wild"}), 0);
  CHECK(zones.acme.pebble.orders_placed() == 1);
}

TEST_CASE("a hook that was written for certbot sets and removes the records") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const Zones zones(*program);
  const Site& site = zones.acme.site;
  const auto hook = [&](const std::string& name, const std::string& change) {
    return site.script(name, fmt::format(R"sh(
echo "$CERTBOT_REMAINING_CHALLENGES $CERTBOT_ALL_DOMAINS ${{CERTBOT_AUTH_OUTPUT-}}" >> '{}'
nsupdate -k '{}' <<END
server 127.0.0.1 {}
{}
send
END
echo "set $CERTBOT_VALIDATION"
)sh",
                                         site / name + ".said", zones.named.key_file(), zones.named.port(), change));
  };
  const std::string record = "_acme-challenge.$CERTBOT_DOMAIN.";
  const std::string add = hook("add", "update add " + record + " 1 TXT \"$CERTBOT_VALIDATION\"");
  const std::string remove = hook("remove", "update delete " + record + " TXT \"$CERTBOT_VALIDATION\"");
  zones.acme.configure(
      "", fmt::format("[challenge.hook]\ntype = \"dns-01\"\nzones = \"direct.test\"\nprovider = \"exec\"\n"
                      "format = \"certbot\"\ncommand = [\"{}\"]\ncleanup_command = [\"{}\"]\nresolvers = \"{}\"\n"
                      "server_port = {}\npropagation_timeout = \"20s\"\n",
                      add, remove, zones.named.endpoint(), zones.named.port()));
  require_status(
      site.everseal({"issue", "--issuer", "pebble", "-d", "direct.test", "-d", "*.direct.test", "--as", "wild"}), 0);
  CHECK(read_text(site / "add.said") == "1 direct.test,direct.test \n0 direct.test,direct.test \n");
  const std::string removed = read_text(site / "remove.said");
  CHECK(removed.starts_with("1 direct.test,direct.test set "));
  CHECK(contains(removed, "\n0 direct.test,direct.test set "));
  CHECK(zones.named.txt("_acme-challenge.direct.test").empty());
}
