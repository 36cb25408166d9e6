// What the forms of targets mean, and what is refused before the first connection.
#include "scan/targets.h"

#include "base/error.h"
#include "base/file.h"
#include "error_of.h"
#include "fakes/temporary_directory.h"
#include "pki/issued.h"
#include "scan/range.h"

#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::scan {
namespace {

constexpr std::size_t kMost = 256;

std::string described(const Wanted& one) {
  std::string text = one.name;
  if (one.target.address) text += " @" + *one.target.address;
  if (!one.target.starttls.empty()) text += " " + one.target.starttls;
  if (!one.environment.empty()) text += " env=" + one.environment;
  if (!one.team.empty()) text += " team=" + one.team;
  for (const std::string& label : one.labels) text += " " + label;
  return text;
}

std::vector<std::string> described(const std::vector<Wanted>& all) {
  std::vector<std::string> texts;
  for (const Wanted& one : all) texts.push_back(described(one));
  return texts;
}

using Texts = std::vector<std::string>;

struct TargetFile {
  fakes::TemporaryDirectory directory;
  std::string path = directory / "targets";

  explicit TargetFile(std::string_view text) { base::write_file(path, base::as_bytes(text)); }
};

}  // namespace

TEST_CASE("a word is one endpoint, whose port says what is spoken before TLS") {
  struct Row {
    std::string_view text;
    std::string_view described;
    std::string_view asked;
  };
  const Row accepts[] = {
      {"www.example.org", "www.example.org:443", "www.example.org"},
      {"WWW.example.org:8443", "www.example.org:8443", "www.example.org"},
      {"mail.example.org:25", "mail.example.org:25 smtp", "mail.example.org"},
      {"db.example.org:5432", "db.example.org:5432 postgres", "db.example.org"},
      {"imap.example.org:993", "imap.example.org:993", "imap.example.org"},
      {"10.0.0.7", "10.0.0.7:443", ""},
      {"[2001:db8::1]:443", "[2001:db8::1]:443", ""},
      {"_dmz.internal:443", "_dmz.internal:443", "_dmz.internal"},
      {"https://www.example.org/", "www.example.org:443", "www.example.org"},
      {"HTTPS://www.example.org:8443/shop?a=b/c", "www.example.org:8443", "www.example.org"},
      {"https://[2001:db8::1]:8443#top", "[2001:db8::1]:8443", ""},
  };
  for (const Row& row : accepts) {
    CAPTURE(row.text);
    const auto all = parse_targets(row.text, {}, kMost);
    REQUIRE(all.size() == 1);
    CHECK(described(all[0]) == row.described);
    CHECK((all[0].asked.empty() ? std::string() : all[0].asked[0].text()) == row.asked);
  }
  for (const std::string_view text : {"", "a b", "x:0", "x:70000", "1.2.3.4.5:443:1", "10.0.0.0/33", "10.0.0/24",
                                      "10.0.0.0/24:x", "http://www.example.org/", "https://", "https:///x",
                                      "https://user@www.example.org/", "/etc/ssl", "./x", "[10.0.0.0/24", "]/24"}) {
    CAPTURE(text);
    CHECK(error_of([&] { parse_targets(text, {}, kMost); }).fault() == base::Fault::usage);
  }
}

TEST_CASE("a name to ask for makes another place of the same address") {
  const auto all = parse_targets("10.0.0.7:8443", {.sni = "www.example.org", .starttls = "none"}, kMost);
  REQUIRE(all.size() == 1);
  CHECK(all[0].name == "10.0.0.7:8443 as www.example.org");
  CHECK(all[0].asked[0].text() == "www.example.org");
  CHECK(parse_targets("www.example.org", {.sni = "www.example.org"}, kMost)[0].name == "www.example.org:443");
  CHECK(parse_targets("x.example.org:25", {.starttls = "none"}, kMost)[0].target.starttls.empty());
  CHECK(error_of([&] { parse_targets("x", {.starttls = "smpt"}, kMost); }).fault() == base::Fault::usage);
  CHECK(error_of([&] { parse_targets("10.0.0.7", {.sni = "WWW.example.org"}, kMost); }).hint() ==
        "write \"www.example.org\"");
}

TEST_CASE("a range is each of its addresses, up to a number that is said") {
  struct Row {
    std::string_view text;
    std::uint64_t size;
    std::string_view first, last;
  };
  const Row rows[] = {
      {"10.0.0.0/24", 254, "10.0.0.1", "10.0.0.254"},
      {"10.0.0.77/30", 2, "10.0.0.77", "10.0.0.78"},
      {"10.0.0.6/31", 2, "10.0.0.6", "10.0.0.7"},
      {"10.0.0.7/32", 1, "10.0.0.7", "10.0.0.7"},
      {"10.0.255.0/22", 1022, "10.0.252.1", "10.0.255.254"},
      {"2001:db8::/120", 256, "2001:db8::", "2001:db8::ff"},
      {"0.0.0.0/0", (std::uint64_t{1} << 32U) - 2, "0.0.0.1", "255.255.255.254"},
      {"::/0", std::uint64_t{1} << 63U, "::", "::7fff:ffff:ffff:ffff"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto range = Range::parse(row.text);
    REQUIRE(range);
    CHECK(range->size() == row.size);
    CHECK(range->address(0) == row.first);
    CHECK(range->address(row.size - 1) == row.last);
  }
  CHECK(described(parse_targets("10.0.0.8/30:25", {}, kMost)) == Texts{"10.0.0.9:25 smtp", "10.0.0.10:25 smtp"});
  CHECK(parse_targets("10.0.0.0/24", {}, 254).size() == 254);
  CHECK(described(parse_targets("[2001:db8::]/127:8443", {}, kMost)) ==
        Texts{"[2001:db8::]:8443", "[2001:db8::1]:8443"});
  const struct {
    std::string_view range, says;
  } refused[] = {{"10.0.0.0/23", "say --most 510 if"},
                 {"10.0.0.0/8", "--most takes 1000000 at most"},
                 {"2001:db8::/64", "has 2^64 addresses"},
                 {"2001:db8::/65", "has 2^63 addresses"}};
  for (const auto& [range, says] : refused) {
    CAPTURE(range);
    const auto error = error_of([&] { parse_targets(range, {}, kMost); });
    CHECK(error.fault() == base::Fault::usage);
    CHECK_MESSAGE(error.text().contains(says), error.text());
  }
}

TEST_CASE("a file of targets is read in the form that it has") {
  struct Row {
    std::string_view text;
    Texts described;
  };
  const Row rows[] = {
      {"", {}},
      {"# none\n\n", {}},
      {"\xef\xbb\xbf"
       "www.example.org\r\nmail.example.org:25 env=prod team=mail rack=7 # old\n",
       {"www.example.org:443", "mail.example.org:25 smtp env=prod team=mail rack=7"}},
      {"10.0.0.7\n", {"10.0.0.7:443"}},
      {"10.0.0.8/30 environment=lab\n", {"10.0.0.9:443 env=lab", "10.0.0.10:443 env=lab"}},
      {"127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback # v6\n",
       {"localhost:443 @127.0.0.1", "ip6-localhost:443 @::1", "ip6-loopback:443 @::1"}},
      {"Target,environment,rack\nwww.example.org,prod,\"7, left\"\n\nmail.example.org:25,,\n",
       {"www.example.org:443 env=prod rack=7, left", "mail.example.org:25 smtp"}},
      {"[{\"targets\": [\"a.example.org:443\", \"b.example.org:25\"], \"labels\": {\"env\": \"prod\", \"dc\": \"x\", "
       "\"__meta\": \"no\"}}, {\"targets\": [\"c.example.org\"]}]",
       {"a.example.org:443 env=prod dc=x", "b.example.org:25 smtp env=prod dc=x", "c.example.org:443"}},
      {"[::1]:8443\n", {"[::1]:8443"}},
      {"https://www.example.org/\n", {"www.example.org:443"}},
      {"host,port\nwww.example.org,8443\nmail.example.org,25\n::1,\n::1,443\n",
       {"www.example.org:8443", "mail.example.org:25 smtp", "[::1]:443", "[::1]:443"}},
      {"HOST,env\nwww.example.org,prod\n", {"www.example.org:443 env=prod"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const TargetFile file(row.text);
    CHECK(described(read_targets(file.path, {}, kMost)) == row.described);
  }
  const TargetFile file("www.example.org\nmail.example.org:25 env=lab\n");
  const auto all = read_targets(file.path, {.environment = "prod", .labels = {"dc=x"}, .source = "config"}, kMost);
  CHECK(described(all) == Texts{"www.example.org:443 env=prod dc=x", "mail.example.org:25 smtp env=lab dc=x"});
  CHECK(all[0].source == "config");
}

TEST_CASE("every line that is wrong is named at once") {
  struct Row {
    std::string_view text;
    Texts said;
  };
  const Row rows[] = {
      {"www.example.org\nx:0\nok.example.org\ny z\n", {":2:", "a port is", ":4:", "'z' is not KEY=VALUE"}},
      {"10.0.0.1 a\nbroken b\n", {":2:", "'broken' is not an address"}},
      {"target,env\nwww.example.org\n", {":2:", "1 cells, where the head line has 2"}},
      {"[{\"targets\": [\"a.example.org\",\n\"b:99999\"]}]", {":2:", "a port is"}},
      {"[{\"targets\": \"a\"}]", {"a group without a list"}},
      {"[{\"targets\": [3]}]", {"a target that is no text"}},
      {"[{]", {":1:"}},
      {"10.0.0.0/16\n", {":1:", "65534 addresses, more than the 256"}},
      {"x starttls=smpt\n", {":1:", "smpt"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const TargetFile file(row.text);
    std::string message;
    try {
      read_targets(file.path, {}, kMost);
    } catch (const base::Error& error) {
      CHECK(error.fault() == base::Fault::config);
      message = error.message();
    }
    CAPTURE(message);
    for (const std::string& part : row.said) CHECK(message.find(part) != std::string::npos);
    CHECK(message.find(file.path) != std::string::npos);
  }
  CHECK(error_of([] { read_targets("/nonexistent/targets", {}, kMost); }).fault() == base::Fault::config);
}

TEST_CASE("an endpoint's targets are looked at through its proxy") {
  const TargetFile secret("user:pass:word\n");
  std::filesystem::permissions(secret.path, std::filesystem::perms::owner_read);
  config::Endpoint endpoint;
  endpoint.name = base::Name::parse("far");
  endpoint.targets = {"a.example.org", "b.example.org:25"};
  CHECK(targets_of(endpoint, {}, Secrets::opened)[0].target.proxy == nullptr);
  struct Row {
    const char *url, *host;
    int port;
  };
  for (const auto& [url, host, port] : {Row{"http://proxy.example.org:8080", "proxy.example.org", 8080},
                                        Row{"http://proxy.example.org/", "proxy.example.org", 3128},
                                        Row{"http://[::1]:8080/", "::1", 8080}, Row{"http://[::1]", "::1", 3128}}) {
    CAPTURE(url);
    endpoint.proxy = url;
    for (const Wanted& one : targets_of(endpoint, {}, Secrets::opened)) {
      REQUIRE(one.target.proxy != nullptr);
      CHECK(one.target.proxy->host == host);
      CHECK(one.target.proxy->port == port);
      CHECK(one.target.proxy->user == "");
    }
  }
  endpoint.proxy_password_file = secret.path;
  const auto proxy = targets_of(endpoint, {}, Secrets::opened)[1].target.proxy;
  CHECK(proxy->user == "user");
  CHECK(proxy->password.reveal_text() == "pass:word");
  const TargetFile useless("no colon");
  std::filesystem::permissions(useless.path, std::filesystem::perms::owner_read);
  endpoint.proxy_password_file = useless.path;
  CHECK(error_of([&] { targets_of(endpoint, {}, Secrets::opened); }).fault() == base::Fault::config);
}

TEST_CASE("what nobody declared is wrong in a file of targets once something is declared") {
  config::Settings settings;
  const TargetFile file(
      "a.example.org env=prod team=web\nb.example.org env=prd\nc.example.org\nd.example.org team=wbe\n");
  const auto read = [&] { return read_targets(file.path, {.settings = &settings}, kMost); };
  CHECK(read().size() == 4);
  settings.environments[base::Name::parse("prod")];
  settings.teams[base::Name::parse("web")];
  const base::Error error = error_of(read);
  CHECK(error.fault() == base::Fault::config);
  CHECK(error.message().find(":2: there is no environment 'prd' (did you mean 'prod'?)") != std::string::npos);
  CHECK(error.message().find(":4: there is no team 'wbe' (did you mean 'web'?)") != std::string::npos);
  CHECK(error.message().find(":1:") == std::string::npos);
  CHECK(error.message().find(":3:") == std::string::npos);
  settings.never_read.files.push_back({.problem = {}, .text = "[environment.prd]\n[team.wbe]\n"});
  CHECK(read().size() == 4);
}

TEST_CASE("an endpoint that is wrong keeps no other from being looked at") {
  config::Settings settings;
  for (const char* const name : {"bad", "good", "secret"}) {
    config::Endpoint& endpoint = settings.endpoints[base::Name::parse(name)];
    endpoint.name = base::Name::parse(name);
    endpoint.targets = {fmt::format("{}.example.org", name)};
  }
  settings.endpoints.at(base::Name::parse("bad")).targets_file = "/nonexistent/targets";
  config::Endpoint& secret = settings.endpoints.at(base::Name::parse("secret"));
  secret.proxy = "http://proxy.example.org";
  secret.proxy_password_file = "/nonexistent/secret";
  base::Problems problems;
  CHECK(described(endpoints_of(settings, Secrets::left, problems)) ==
        Texts{"good.example.org:443", "secret.example.org:443"});
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].subject == "endpoint/bad");
  problems.clear();
  CHECK(described(endpoints_of(settings, Secrets::opened, problems)) == Texts{"good.example.org:443"});
  CHECK(problems.size() == 2);

  problems.clear();
  CHECK(endpoint_of(settings, "good.example.org:443", problems)->name == "good.example.org:443");
  CHECK(problems.size() == 1);
  CHECK_FALSE(endpoint_of(settings, "none.example.org:443", problems));
  CHECK(error_of([&] { endpoint_of(settings, "secret.example.org:443", problems); }).fault() == base::Fault::config);
}

TEST_CASE("an endpoint's client certificate is shown with its own key, which others may not read") {
  const auto authority = pki::testing::make_root();
  const pki::PrivateKey& key = pki::testing::key_of(pki::KeyType::ecdsa_p256, 2);
  const pki::PrivateKey& other = pki::testing::key_of(pki::KeyType::ecdsa_p256, 3);
  const auto leaf = pki::testing::issue(pki::testing::server_template("audit.example.org", key), authority);
  const TargetFile chain(leaf.pem() + authority.certificate.pem());
  const auto pem = [](const pki::PrivateKey& one) { return std::string(one.pem().reveal_text()); };
  const TargetFile own(pem(key)), foreign(pem(other)), broken("no key"), both(pem(key) + leaf.pem());
  for (const TargetFile* const one : {&own, &foreign, &broken, &both})
    std::filesystem::permissions(one->path, std::filesystem::perms::owner_read);
  config::Endpoint endpoint;
  endpoint.name = base::Name::parse("closed");
  endpoint.targets = {"a.example.org"};
  const auto client = [&](const std::string& certificate, const std::string& its_key) {
    endpoint.client_certificate_file = certificate;
    endpoint.client_key_file = its_key;
    return targets_of(endpoint, {}, Secrets::opened)[0].target.client;
  };
  const auto shown = client(chain.path, own.path);
  REQUIRE(shown != nullptr);
  REQUIRE(shown->chain.size() == 2);
  CHECK(shown->chain[0] == leaf.der());
  CHECK(shown->key.public_key_info() == key.public_key_info());
  CHECK(client(both.path, both.path) != nullptr);
  CHECK(targets_of(endpoint, {}, Secrets::left)[0].target.client == nullptr);

  struct Row {
    std::string certificate, key, says;
  };
  const TargetFile open(pem(key));
  std::filesystem::permissions(open.path, std::filesystem::perms(0644));
  for (const Row& row :
       {Row{chain.path, foreign.path, "is not that of the first certificate in " + chain.path},
        Row{chain.path, broken.path, broken.path}, Row{own.path, own.path, own.path},
        Row{"/nonexistent/c.pem", own.path, "/nonexistent/c.pem"},
        Row{chain.path, "/nonexistent/c.key", "/nonexistent/c.key"}, Row{chain.path, open.path, open.path}}) {
    CAPTURE(row.says);
    const base::Error error = error_of([&] { client(row.certificate, row.key); });
    CHECK(error.fault() == base::Fault::config);
    CHECK_MESSAGE(error.message().find(row.says) != std::string::npos, error.message());
    CHECK(error.message().find("endpoint closed") != std::string::npos);
  }
}

}  // namespace everseal::scan
