#include "authority/sign.h"

#include "base/text.h"
#include "fixture.h"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

namespace everseal::authority {
namespace {

using pki::KeyType;

// Both judges over one chain, names included.
void judge(const Fixture& at, const Authority& authority, const pki::Certificate& leaf, std::string_view purpose,
           const std::string& host, const std::string& email) {
  const std::string root = at.write("root.pem", {authority.root()});
  const std::string above = at.write("above.pem", authority.chain());
  const std::string file = at.write("leaf.pem", {leaf});
  std::vector<std::string> argv{"openssl",    "verify", "-x509_strict", "-CAfile",           root,
                                "-untrusted", above,    "-purpose",     std::string(purpose)};
  if (!host.empty()) argv.insert(argv.end(), {"-verify_hostname", host});
  if (!email.empty()) argv.insert(argv.end(), {"-verify_email", email});
  argv.push_back(file);
  run(argv);

  std::string chain = leaf.pem();
  for (const auto& certificate : authority.chain()) chain += certificate.pem();
  std::vector<std::string> gnutls{"certtool",
                                  "--verify",
                                  "--load-ca-certificate",
                                  root,
                                  "--infile",
                                  at.write("chain.pem", chain),
                                  "--verify-purpose",
                                  purpose == "sslserver" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2"};
  if (!host.empty()) gnutls.insert(gnutls.end(), {"--verify-hostname", host});
  if (!email.empty()) gnutls.insert(gnutls.end(), {"--verify-email", email});
  run(gnutls);
}

std::vector<std::string> values(const pki::Certificate& certificate) {
  std::vector<std::string> all;
  for (const auto& san : certificate.names()) all.push_back(san.value.raw());
  return all;
}

bool warns(const Signed& made, std::string_view part) {
  return std::ranges::any_of(made.warnings, [&](const std::string& warning) { return contains(warning, part); });
}

void add_version(inventory::Store& store, const Name& managed, int number, Time now) {
  inventory::Managed(store).put({.name = managed, .spec = "{}", .spec_hash = "0", .origin = "once"});
  inventory::VersionRecord version;
  version.name = managed;
  version.number = number;
  version.created = now;
  inventory::Versions(store).put(version);
}

}  // namespace

TEST_CASE("every profile with every key type satisfies OpenSSL and GnuTLS") {
  Settings settings;
  settings.crl_urls = {"http://pki.example.org/crl/corp.crl"};
  settings.issuer_urls = {"http://pki.example.org/ca/corp.pem"};
  Corp corp(settings);
  for (const KeyType type :
       {KeyType::ecdsa_p256, KeyType::ecdsa_p384, KeyType::rsa_2048, KeyType::rsa_3072, KeyType::ed25519}) {
    CAPTURE(to_string(type));
    const bool rsa = type == KeyType::rsa_2048 || type == KeyType::rsa_3072;

    const auto server = corp.sign(request("server", {"www.example.org", "*.example.net", "10.0.0.1", "fd00::1"}, type));
    CHECK(server.warnings.empty());
    CHECK(server.leaf.subject().raw() == "CN=www.example.org");
    CHECK(server.leaf.extended_key_usage() == std::vector<std::string>{"serverAuth"});
    CHECK(server.leaf.key_usage().size() == (rsa ? 2 : 1));
    judge(corp, corp.authority, server.leaf, "sslserver", "www.example.org", "");
    judge(corp, corp.authority, server.leaf, "sslserver", "a.example.net", "");
    CHECK_FALSE(attempt({"certtool", "--verify", "--load-ca-certificate", corp.path("root.pem"), "--infile",
                         corp.path("chain.pem"), "--verify-hostname", "example.net"})
                    .success());

    auto wanted = request("client", {"alice@example.org", "spiffe://example.org/alice"}, type);
    wanted.subject = pki::DistinguishedName::parse("C=DE, O=Example, CN=alice");
    const auto client = corp.sign(wanted);
    CHECK(client.leaf.subject_name().text() == "C=DE, O=Example, CN=alice");
    CHECK(client.leaf.key_usage() == std::vector<std::string>{"digitalSignature"});
    judge(corp, corp.authority, client.leaf, "sslclient", "", "alice@example.org");

    const auto peer = corp.sign(request("peer", {"node1.example.org"}, type));
    judge(corp, corp.authority, peer.leaf, "sslserver", "node1.example.org", "");
    judge(corp, corp.authority, peer.leaf, "sslclient", "", "");
  }
}

TEST_CASE("an authority of every key type signs what verifies") {
  for (const KeyType type : {KeyType::ecdsa_p384, KeyType::rsa_3072, KeyType::ed25519}) {
    CAPTURE(to_string(type));
    Ceremony ceremony;
    ceremony.intermediate_key = type;
    ceremony.root_key = type;
    Corp corp({}, ceremony);
    judge(corp, corp.authority, corp.sign(request("server", {"www.example.org"})).leaf, "sslserver", "www.example.org",
          "");
  }
}

TEST_CASE("what policy, profile or chain forbids is refused with its rule") {
  Profile device;
  device.name = name("device");
  device.usage = {"clientAuth"};
  device.common_name = CommonName::free;
  device.subject = {"O", "CN"};
  device.policy.allow = {Pattern::parse("*.devices.example.org")};
  device.policy.longest = std::chrono::days{90};
  device.policy.keys = {KeyType::ecdsa_p256};
  Settings settings;
  settings.profiles = merge_profiles({device});
  settings.policy.deny = {Pattern::parse("root.example.org")};
  Ceremony ceremony;
  ceremony.permitted = {pki::NameConstraint::parse("example.org")};
  Corp corp(settings, ceremony);

  struct Row {
    Request wanted;
    Fault fault;
    std::string_view message;
  };
  const auto with = [](Request wanted, const std::function<void(Request&)>& change) {
    change(wanted);
    return wanted;
  };
  const auto plain = request("device", {"a.devices.example.org"});
  const Row rows[] = {
      {request("device", {"evil.test"}), Fault::denied,
       "identifier evil.test: not in the allow list of profile device"},
      {request("device", {"a.devices.example.org"}, KeyType::ed25519), Fault::denied,
       "key ed25519: not among the key types of profile device"},
      {with(plain, [](Request& r) { r.lifetime = std::chrono::days{91}; }), Fault::denied,
       "that profile device allows"},
      {with(plain, [](Request& r) { r.subject = pki::DistinguishedName::parse("C=DE, CN=a.devices.example.org"); }),
       Fault::denied, "subject attribute C: not among the attributes of profile device"},
      {with(plain, [](Request& r) { r.subject = pki::DistinguishedName::parse("CN=postgres"); }), Fault::denied,
       "common name postgres: not in the allow list of profile device"},
      {with(plain, [](Request& r) { r.subject = pki::DistinguishedName::parse("CN=Bob Smith"); }), Fault::denied,
       "common name Bob Smith: not in the allow list of profile device"},
      {request("server", {"www.example.net"}), Fault::denied,
       "identifier www.example.net: outside the permitted name constraints of CN=corp Intermediate CA 1"},
      {request("server", {"10.0.0.1"}), Fault::denied, "identifier 10.0.0.1: excluded by the name constraint"},
      {request("server", {"*.example.org"}), Fault::denied,
       "identifier *.example.org: denied by \"root.example.org\" in the deny list of authority corp"},
      {with(request("server", {"www.example.org"}),
            [](Request& r) { r.subject = pki::DistinguishedName::parse("CN=mail.example.org"); }),
       Fault::denied, "common name mail.example.org: none of the identifiers"},
      {with(request("server", {"www.example.org"}), [](Request& r) { r.lifetime = std::chrono::days{826}; }),
       Fault::denied, "that profile server allows"},
      {with(request("server", {"www.example.org"}), [](Request& r) { r.lifetime = base::Seconds{0}; }), Fault::denied,
       "lifetime"},
      {request("server", {}), Fault::denied, "names no identifier"},
      {request("client", {"spiffe://example.org/a", "https://example.org/b"}), Fault::denied, "SPIFFE"},
      {request("nobody", {"www.example.org"}), Fault::usage, "there is no profile nobody"},
  };
  for (const Row& row : rows) {
    const Thrown refusal = corp.refusal(row.wanted);
    CAPTURE(refusal.message);
    CAPTURE(row.message);
    CHECK(refusal.fault == row.fault);
    CHECK(contains(refusal.message, row.message));
  }
  CHECK(corp.sign(plain).warnings.empty());
  CHECK(inventory::Events(corp.store).verify().intact());
}

TEST_CASE("a CSR is refused, or gives its key and allowed names and nothing else") {
  Corp corp;
  const std::string key = corp.path("key.pem");
  run({"openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key});
  run({"openssl", "req", "-new", "-key", key, "-subj", "/C=DE/O=Evil/CN=other.test", "-addext",
       "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign", "-addext",
       "subjectAltName=DNS:www.example.org", "-addext", "nsComment=hello", "-out", corp.path("ca.csr")});
  const auto csr = pki::Csr::parse(base::read_file(corp.path("ca.csr"), 1 << 20));
  const auto made = corp.sign({.profile = name("server"), .key = csr});
  CHECK_FALSE(made.leaf.is_ca());
  CHECK(made.leaf.key_usage() == std::vector<std::string>{"digitalSignature"});
  CHECK(made.leaf.subject().raw() == "CN=www.example.org");
  CHECK(made.leaf.public_key_info() == csr.public_key_info);
  CHECK(warns(made, "CA:TRUE: left out"));
  CHECK(warns(made, "keyUsage"));
  CHECK(warns(made, "extensions come from profile server"));
  CHECK(warns(made, "subject attribute O: not among the attributes of profile server, left out"));
  CHECK(warns(made, "common name other.test: none of the identifiers, which profile server demands, left out"));
  judge(corp, corp.authority, made.leaf, "sslserver", "www.example.org", "");

  base::Bytes broken = csr.der;
  broken.back() = static_cast<std::uint8_t>(broken.back() ^ 1);
  CHECK(thrown([&] { pki::Csr::parse(broken); }).fault == Fault::invalid);

  run({"openssl", "req", "-new", "-key", key, "-subj", "/CN=x", "-addext", "subjectAltName=dirName:d", "-config",
       corp.write("dir.cnf", "[req]\ndistinguished_name=n\n[n]\n[d]\nCN=a\n"), "-out", corp.path("dir.csr")});
  const auto directory = pki::Csr::parse(base::read_file(corp.path("dir.csr"), 1 << 20));
  CHECK(contains(corp.refusal({.profile = name("server"), .key = directory}).message,
                 "no identifier that can be certified"));
}

TEST_CASE("a CSR for a weak key is refused, whatever key types the policy takes") {
  Corp corp;
  const auto csr_for = [&](const char* exponent) {
    const std::string key = corp.path("key.pem");
    run({"openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt",
         std::string("rsa_keygen_pubexp:") + exponent, "-out", key});
    run({"openssl", "req", "-new", "-key", key, "-subj", "/CN=www.example.org", "-addext",
         "subjectAltName=DNS:www.example.org", "-out", corp.path("key.csr")});
    return pki::Csr::parse(base::read_file(corp.path("key.csr"), 1 << 20));
  };
  const Thrown refusal = corp.refusal({.profile = name("server"), .key = csr_for("3")});
  CHECK(refusal.fault == Fault::denied);
  CHECK(contains(refusal.message, "key RSA 2048: the exponent is 3, below 65537"));
  CHECK_NOTHROW(corp.sign({.profile = name("server"), .key = csr_for("65537")}));
}

TEST_CASE("the common name follows the profile") {
  Corp corp;
  const std::string long_name = std::string(60, 'a') + ".example.org";
  CHECK(corp.sign(request("server", {long_name, "www.example.org"})).leaf.subject().raw() == "CN=www.example.org");
  const auto nameless = corp.sign(request("server", {long_name})).leaf;
  CHECK(nameless.subject().empty());
  judge(corp, corp.authority, nameless, "sslserver", long_name, "");
  CHECK(corp.sign(request("client", {"alice"})).leaf.subject().raw() == "CN=alice");
  CHECK(corp.sign(csr_request("client", {pki::DistinguishedName::parse("CN=alice"), {}})).leaf.subject().raw() ==
        "CN=alice");
  CHECK(values(corp.sign(csr_request("server", {pki::DistinguishedName::parse("CN=www.example.org"), {}})).leaf) ==
        std::vector<std::string>{"www.example.org"});
  CHECK(corp.refusal(csr_request("client", {pki::DistinguishedName::parse("CN=Alice Smith"), {}})).fault ==
        Fault::denied);
  CHECK(values(corp.sign(request("server", {"b.example.org", "a.example.org", "B.example.org"})).leaf) ==
        std::vector<std::string>{"b.example.org", "a.example.org"});
}

TEST_CASE("a subject spells an identifier in any case, and the certificate in one") {
  Settings settings;
  settings.profiles.push_back({.name = name("mail"),
                               .usage = {"emailProtection"},
                               .subject = {"CN", "emailAddress"},
                               .common_name = CommonName::free});
  Corp corp(std::move(settings));
  struct Row {
    std::string_view profile;
    std::string_view identifier;
    std::string subject;
    std::string expected;
  };
  const Row rows[] = {
      {"server", "www.example.test", "CN=WWW.Example.TEST", "CN=www.example.test"},
      {"server", "www.example.test", "CN=www.example.test.", "CN=www.example.test"},
      {"server", "2001:db8::1", "CN=2001:DB8:0::1", "CN=2001:db8::1"},
      {"client", "www.example.test", "CN=WWW.Example.TEST", "CN=www.example.test"},
      {"client", "alice@example.test", "CN=alice@EXAMPLE.test", "CN=alice@example.test"},
      {"mail", "alice@example.test", "CN=alice, emailAddress=alice@Example.TEST",
       "CN=alice, emailAddress=alice@example.test"},
      {"client", "alice@example.test", "CN=Alice", "CN=Alice"},  // spells none of them
  };
  for (const Row& row : rows) {
    CAPTURE(row.subject);
    Request asked = request(row.profile, {row.identifier});
    asked.subject = pki::DistinguishedName::parse(row.subject);
    const Request by_csr = csr_request(row.profile, {asked.subject, asked.identifiers});
    for (const Request& one : {asked, by_csr}) {
      const Signed made = corp.sign(one);
      CHECK(made.leaf.subject().raw() == row.expected);
      CHECK(made.warnings.empty());
    }
  }
  Request other = request("mail", {"alice@example.test"});
  other.subject = pki::DistinguishedName::parse("emailAddress=Alice@example.test");  // another mailbox (RFC 5321)
  CHECK(corp.refusal(other).fault == Fault::denied);
}

TEST_CASE("validity is back-dated, bounded by its CA and no longer than allowed") {
  Ceremony ceremony;
  ceremony.root_lifetime = ceremony.intermediate_lifetime = std::chrono::days{40};
  Corp corp({}, ceremony);
  auto wanted = request("server", {"www.example.org"});
  const auto clamped = corp.sign(wanted);
  CHECK(clamped.leaf.not_after() == corp.authority.certificate().not_after());
  CHECK(clamped.leaf.not_before() == corp.now - std::chrono::minutes{5});
  CHECK(warns(clamped, "earlier than asked for"));
  wanted.lifetime = std::chrono::days{1};
  CHECK(corp.sign(wanted).leaf.not_after() == corp.now + std::chrono::days{1});
  CHECK(corp.sign(wanted).warnings.empty());

  const Time begin = corp.authority.certificate().not_before();
  CHECK(sign(corp.authority, wanted, begin + base::Seconds{1}).leaf.not_before() == begin);
  CHECK(warns(sign(corp.authority, wanted, corp.now + std::chrono::days{35}), "plan for a new one"));
  const auto late = thrown([&] { sign(corp.authority, wanted, corp.now + std::chrono::days{41}); });
  CHECK(late.fault == Fault::denied);
  CHECK(contains(late.message, "expired"));
  const auto early = thrown([&] { sign(corp.authority, wanted, begin - base::Seconds{1}); });
  CHECK(early.fault == Fault::denied);
  CHECK(contains(early.message, "not valid before"));

  Corp longer;
  wanted.lifetime = std::chrono::days{825};
  const auto longest = longer.sign(wanted).leaf;
  CHECK(longest.not_after() - longest.not_before() + base::Seconds{1} == std::chrono::days{825});
}

TEST_CASE("the authority's own policy caps a default lifetime and refuses an asked one") {
  Settings settings;
  settings.policy.longest = std::chrono::days{30};
  Corp corp(settings);
  auto wanted = request("server", {"www.example.org"});
  CHECK(corp.sign(wanted).leaf.not_after() <= corp.now + std::chrono::days{30});
  wanted.lifetime = std::chrono::days{31};
  CHECK(contains(corp.refusal(wanted).message, "that authority corp allows"));
}

TEST_CASE("a version gets one certificate however often it is asked for") {
  Corp corp;
  const Name www = name("www");
  auto wanted = request("server", {"www.example.org"});
  wanted.binding = Binding{www, 1};
  CHECK(corp.refusal(wanted).fault == Fault::not_found);
  add_version(corp.store, www, 1, corp.now);

  const auto first = corp.sign(wanted);
  CHECK(first.outcome == Outcome::signed_now);
  const auto version = inventory::Versions(corp.store).find(www, 1);
  REQUIRE(version.has_value());
  CHECK(version->certificate == first.leaf.fingerprint());
  CHECK(version->state == inventory::VersionState::pending);
  CHECK(version->chain == std::vector{corp.authority.certificate().fingerprint()});
  CHECK(version->not_after == first.leaf.not_after());

  auto store = corp.open_store();
  auto other = Authority::open(store, name("corp"), {});
  const auto again = sign(other, wanted, corp.now);
  CHECK(again.outcome == Outcome::found);
  CHECK(again.leaf == first.leaf);

  auto another_key = wanted;
  another_key.key = pki::Signer(key_of(KeyType::ed25519));
  CHECK(corp.refusal(another_key).fault == Fault::exists);

  add_version(corp.store, www, 2, corp.now);
  wanted.binding->version = 2;
  const Request twice[] = {wanted, wanted};
  const auto results = sign_many(corp.authority, twice, corp.now);
  REQUIRE((results[0] && results[1]));
  CHECK(results[0]->leaf == results[1]->leaf);
  CHECK(results[0]->leaf != first.leaf);
}

TEST_CASE("many are signed in groups, each with its own outcome and serial") {
  Corp corp;
  std::vector<Request> wanted;
  for (int i = 0; i < 600; ++i) wanted.push_back(request(i % 100 == 7 ? "nobody" : "server", {"www.example.org"}));
  const auto results = sign_many(corp.authority, wanted, corp.now);
  std::set<std::string> serials;
  for (std::size_t i = 0; i < results.size(); ++i) {
    CHECK(results[i].has_value() == (i % 100 != 7));
    if (!results[i]) {
      CHECK(results[i].error().fault() == Fault::usage);
      continue;
    }
    const auto issued = inventory::Authorities(corp.store).find_issued(name("corp"), results[i]->leaf.serial());
    REQUIRE(issued.has_value());
    CHECK(issued->fingerprint == results[i]->leaf.fingerprint());
    CHECK(inventory::Certificates(corp.store).find(issued->fingerprint).has_value());
    CHECK(issued->serial.size() == 40);
    serials.insert(issued->serial);
  }
  CHECK(serials.size() == 594);
  const auto history = inventory::Events(corp.store).verify();
  CHECK(history.intact());
  CHECK(history.of(inventory::Chain::ca).checked >= 594);
  CHECK(thrown([&] {
          inventory::Authorities(corp.store)
              .add_issued({.authority = name("corp"), .serial = *serials.begin(), .not_after = corp.now});
        }).fault == Fault::exists);
}

TEST_CASE("nothing is handed out that could not be recorded") {
  Corp corp;
  const auto before = inventory::Events(corp.store).head(inventory::Chain::ca).number;
  auto reader = inventory::Store::open(corp.state(), sql::Access::read_only, corp.now);
  auto authority = Authority::open(reader, name("corp"), {});
  const Request wanted[] = {request("server", {"www.example.org"})};
  const auto results = sign_many(authority, wanted, corp.now);
  CHECK_FALSE(results[0].has_value());
  CHECK(inventory::Events(corp.store).head(inventory::Chain::ca).number == before);
}

}  // namespace everseal::authority
