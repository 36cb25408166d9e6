// What policies demand of certificates and handshakes.
#include "audit/world.h"

using namespace everseal;
using namespace everseal::audit;
using namespace everseal::audit::testing;

namespace {

Criteria under(std::initializer_list<const char*> policies) {
  Criteria criteria;
  for (const char* const name : policies) criteria.policies.push_back(built_in_policy(name));
  return criteria;
}

// What is found by the rule `id` alone.
Names only(const char* id, const Sight& seen, Time now, const Criteria& criteria) {
  std::vector<Finding> findings = judge(seen, criteria, now);
  std::erase_if(findings, [&](const Finding& one) { return one.rule->id != id; });
  return names_of(findings);
}

std::vector<pki::TrustStore> public_store() { return {{"system", pki::StoreKind::system, {world().root.certificate}}}; }

Sight shaken(const char* version, const char* cipher, const char* group, const char* starttls = "") {
  static const probe::Capture capture{.outcome = probe::Outcome::complete, .chain = {world().leaf.der()}};
  Sight seen = sight_of_leaf(world().leaf, kNow);
  seen.capture = &capture;
  seen.starttls = starttls;
  seen.agreed = {{version}, {cipher}, {group}};
  return seen;
}

std::string output_of(std::vector<std::string> argv, base::BytesView input = {}) {
  const base::Exit exit = pki::testing::run(std::move(argv), base::as_text(input));
  REQUIRE_MESSAGE(exit.success(), exit.errors);
  return exit.output;
}

// A leaf that openssl signs, of a root of its own with the same options.
Certificate self_signed_with(const std::vector<std::string>& options) {
  std::vector<std::string> argv{"openssl", "req",
                                "-x509",   "-nodes",
                                "-keyout", "/dev/null",
                                "-days",   "30",
                                "-subj",   "/CN=www.example.org",
                                "-addext", "subjectAltName=DNS:www.example.org"};
  argv.insert(argv.end(), options.begin(), options.end());
  return Certificate::parse_all(base::as_bytes(output_of(argv))).front();
}

}  // namespace

TEST_CASE("a public certificate lives no second longer than its day of issue allows, a private one as it likes") {
  struct Row {
    const char* issued;
    int must, should;
  };
  for (const auto& [issued, must, should] : {Row{"2026-03-14", 398, 397}, Row{"2026-03-15", 200, 199},
                                             Row{"2027-03-15", 100, 99}, Row{"2029-03-15", 47, 46}}) {
    const Time begin = day(issued);
    const auto found = [&](Seconds life, std::vector<pki::TrustStore> stores) {
      const Certificate leaf = world().leaf_of(life, begin);
      return only("lifetime", sight({leaf, world().issuing.certificate}, begin, std::move(stores)), begin,
                  under({"webpki"}));
    };
    CAPTURE(issued);
    CHECK(found(should * kDay, public_store()).empty());
    CHECK(found(should * kDay + kSecond, public_store()) == Names{"lifetime notice"});
    CHECK(found(must * kDay, public_store()) == Names{"lifetime notice"});
    CHECK(found(must * kDay + kSecond, public_store()) == Names{"lifetime error"});
    CHECK(found(900 * kDay, world().stores()).empty());
  }
}

TEST_CASE("a policy recommends a life to its last second") {
  struct Row {
    const char* policy;
    int longest;
  };
  for (const auto& [policy, longest] :
       {Row{"modern", 90}, Row{"intermediate", 366}, Row{"legacy", 366}, Row{"nist", 1096}}) {
    const auto found = [&](Seconds life) {
      return only("lifetime", sight_of_leaf(world().leaf_of(life), kNow), kNow, under({policy}));
    };
    CAPTURE(policy);
    CHECK(found(longest * kDay).empty());
    CHECK(found(longest * kDay + kSecond) == Names{"lifetime notice"});
  }
}

TEST_CASE("a life is told in days and the seconds beyond them") {
  for (const auto& [life, says] : {std::pair{900 * kDay, " 900d"}, std::pair{900 * kDay + kSecond, " 900d 1s"}}) {
    const auto findings = judge(sight_of_leaf(world().leaf_of(life), kNow), under({"modern"}), kNow);
    const auto found =
        std::ranges::find_if(findings, [](const Finding& one) { return std::string_view(one.rule->id) == "lifetime"; });
    REQUIRE(found != findings.end());
    CHECK_MESSAGE(found->what.raw().find(std::string("lives") + says) != std::string::npos, found->what.raw());
  }
}

TEST_CASE("a public certificate is for servers alone from the day on that Chrome says") {
  const auto found = [&](Time begin, std::vector<std::string> usages, std::vector<pki::TrustStore> stores) {
    pki::Template wanted = lived(server_template("www.example.org", world().key), 90 * kDay, begin);
    wanted.extended_key_usage = std::move(usages);
    const Sight seen = sight({issue(wanted, world().issuing), world().issuing.certificate}, begin, std::move(stores));
    return only("usage", seen, begin, under({"webpki"}));
  };
  const Time from = day("2027-03-15");
  CHECK(found(from - kSecond, {"serverAuth", "clientAuth"}, public_store()).empty());
  CHECK(found(from, {"serverAuth", "clientAuth"}, public_store()) == Names{"usage error"});
  CHECK(found(from, {"serverAuth"}, public_store()).empty());
  CHECK(found(from, {"serverAuth", "clientAuth"}, world().stores()).empty());
  const Time mixed = day("2023-09-15");
  CHECK(found(mixed - kSecond, {"serverAuth", "emailProtection"}, public_store()).empty());
  CHECK(found(mixed, {"serverAuth", "emailProtection"}, public_store()) == Names{"usage error"});
}

TEST_CASE("a public certificate is for no name of the reverse zones") {
  const auto found = [&](Time begin, const char* name) {
    const Certificate leaf = issue(lived(server_template(name, world().key), 90 * kDay, begin), world().issuing);
    return only("name", sight({leaf, world().issuing.certificate}, begin, public_store()), begin, under({"webpki"}));
  };
  const Time from = day("2026-03-15");
  CHECK(found(from, "7.2.0.192.in-addr.arpa") == Names{"name error"});
  CHECK(found(from - kSecond, "7.2.0.192.in-addr.arpa").empty());
  CHECK(found(from, "arpa.example.org").empty());
}

TEST_CASE("what a leaf may be used for fits its role") {
  struct Row {
    std::vector<std::string> usages;
    Role role;
    Names expected;
  };
  for (const auto& [usages, role, expected] :
       {Row{{"serverAuth"}, Role::server, {}}, Row{{"serverAuth"}, Role::client, {"client-auth-missing error"}},
        Row{{"clientAuth"}, Role::client, {}}, Row{{"clientAuth"}, Role::server, {"server-auth-missing error"}},
        Row{{"anyExtendedKeyUsage"}, Role::client, {}}, Row{{}, Role::server, {}}, Row{{}, Role::client, {}}}) {
    pki::Template wanted = server_template("www.example.org", world().key);
    wanted.extended_key_usage = usages;
    Sight seen = sight({issue(wanted, world().issuing), world().issuing.certificate}, kNow);
    seen.role = role;
    CAPTURE(usages.size());
    CHECK(found_in(seen, kNow) == expected);
  }
}

TEST_CASE("a signature of an old hash is told, of leaf and intermediate, and of no root") {
  const Criteria criteria = under({"intermediate"});
  const auto found = [&](const char* hash) {
    const Certificate leaf = self_signed_with({"-newkey", "rsa:2048", hash});
    return only("weak-signature", sight({leaf}, kNow), kNow, criteria);
  };
  CHECK(found("-sha1") == Names{"weak-signature error"});
  CHECK(found("-md5") == Names{"weak-signature error"});
  CHECK(found("-sha224").empty());
  CHECK(found("-sha256").empty());

  const Certificate old_root = self_signed_with({"-newkey", "rsa:2048", "-sha1"});
  Sight seen = sight_of_leaf(world().leaf, kNow);
  auto trust = std::make_shared<pki::ChainVerdict>(*seen.trust);
  trust->stores[0].path.back() = old_root;
  seen.trust = trust;
  CHECK(only("weak-signature", seen, kNow, criteria).empty());
  trust->stores[0].path.insert(trust->stores[0].path.end() - 1, self_signed_with({"-newkey", "rsa:2048", "-sha256"}));
  CHECK(only("weak-signature", seen, kNow, criteria).empty());
}

TEST_CASE("a key is weak by itself and of a type by the policy") {
  struct Row {
    const char* policy;
    std::vector<std::string> key;
    Names expected;
  };
  const std::vector<std::string> rsa_1024{"-newkey", "rsa:1024"}, rsa_2040{"-newkey", "rsa:2040"},
      rsa_2048{"-newkey", "rsa:2048"}, p256{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"},
      p521{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"}, ed25519{"-newkey", "ed25519"};
  const Row rows[] = {
      {"intermediate", rsa_1024, {"weak-key error"}},
      {"intermediate", rsa_2040, {"weak-key error"}},
      {"intermediate", rsa_2048, {}},
      {"intermediate", p256, {}},
      {"intermediate", p521, {"key-type notice"}},
      {"intermediate", ed25519, {"key-type notice"}},
      {"modern", rsa_2048, {"key-type error"}},
      {"modern", p256, {}},
      {"legacy", rsa_2048, {}},
      {"rfc9325", p521, {}},
      {"nist", ed25519, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.policy);
    CAPTURE(row.key.back());
    const Sight seen = sight({self_signed_with(row.key)}, kNow);
    const Criteria criteria = under({row.policy});
    Names found = only("weak-key", seen, kNow, criteria);
    found.merge(only("key-type", seen, kNow, criteria));
    found.merge(only("broken-key", seen, kNow, criteria));
    CHECK(found == row.expected);
  }
}

TEST_CASE("the key of an intermediate is judged as the leaf's, a root's only where it is broken") {
  const Certificate weak = self_signed_with({"-newkey", "rsa:1024"});
  Sight seen = sight_of_leaf(world().leaf, kNow);
  auto trust = std::make_shared<pki::ChainVerdict>(*seen.trust);
  trust->stores[0].path.back() = weak;
  seen.trust = trust;
  CHECK(only("weak-key", seen, kNow, {}).empty());
  pki::Template wanted = ca_template("Small", key_of(KeyType::rsa_2048, 2));
  wanted.public_key_info = weak.public_key_info();
  seen.chain.push_back(issue(wanted, world().root));
  seen.trust = nullptr;
  CHECK(only("weak-key", seen, kNow, {}) == Names{"weak-key error"});
}

TEST_CASE("a limit that only rejects keys says nothing of the others") {
  Criteria criteria;
  criteria.policies = {{"mine", "1", "", "", {{.limited = Limited::key, .reject = {"Ed25519"}}}}};
  CHECK(only("key-type", sight({self_signed_with({"-newkey", "rsa:2048"})}, kNow), kNow, criteria).empty());
  CHECK(only("key-type", sight({self_signed_with({"-newkey", "ed25519"})}, kNow), kNow, criteria) ==
        Names{"key-type error"});
}

TEST_CASE("a key that everybody can compute is critical") {
  const pki::testing::Scratch scratch;
  const pki::PrivateKey& key = key_of(KeyType::rsa_2048, 1);
  const std::string line = output_of({"openssl", "rsa", "-noout", "-modulus"}, base::as_bytes(key.pem().reveal_text()));
  scratch.write("blacklist.RSA-2048",
                output_of({"openssl", "dgst", "-sha1", "-r"}, base::as_bytes(line)).substr(20, 20));
  Criteria criteria;
  const Certificate leaf = issue(server_template("www.example.org", key), world().issuing);
  CHECK(found_in(sight_of_leaf(leaf, kNow), kNow, criteria).empty());
  criteria.keys =
      std::make_shared<pki::KeyJudge>(std::make_shared<const pki::KnownKeys>(pki::KnownKeys::load(scratch.path("."))));
  CHECK(found_in(sight_of_leaf(leaf, kNow), kNow, criteria) == Names{"broken-key critical"});
}

TEST_CASE("versions, ciphers and groups are held against the policy") {
  struct Row {
    const char *policy, *version, *cipher, *group, *starttls;
    Names expected;
  };
  constexpr const char *kGcm = "TLS_AES_256_GCM_SHA384", *kOld = "ECDHE-RSA-AES128-SHA";
  const Row rows[] = {
      {"intermediate", "TLSv1.3", kGcm, "X25519", "", {}},
      {"intermediate", "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", "P-256", "", {}},
      {"intermediate", "TLSv1.1", kOld, "P-256", "", {"old-protocol error", "weak-cipher notice"}},
      {"intermediate", "TLSv1.2", "DES-CBC3-SHA", "", "", {"weak-cipher error", "weak-group notice"}},
      {"intermediate", "TLSv1.2", "ECDHE-RSA-RC4-SHA", "P-256", "", {"weak-cipher error"}},
      {"intermediate", "TLSv1.2", "AECDH-AES128-SHA", "P-256", "", {}},  // no-certificate tells it
      {"intermediate", "TLSv1.2", "AECDH-AES128-SHA", "P-256", "smtp", {}},
      {"intermediate", "TLSv1.2", "ECDHE-RSA-RC4-SHA", "P-256", "smtp", {"weak-cipher error"}},
      {"intermediate", "TLSv1.3", kGcm, "ffdhe2048", "", {"weak-group notice"}},
      {"modern", "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", "P-256", "", {"old-protocol error", "weak-cipher error"}},
      {"legacy", "TLSv1", "DES-CBC3-SHA", "P-256", "", {}},
      {"legacy", "SSLv3", "DES-CBC-SHA", "P-256", "", {"old-protocol error", "weak-cipher error"}},
      {"rfc9325", "TLSv1.2", "AES128-SHA", "P-256", "", {"weak-cipher notice"}},
      {"nist", "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", "P-256", "", {"weak-cipher error"}},
      {"nist", "TLSv1.3", kGcm, "X25519", "", {"weak-group notice"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.policy);
    CAPTURE(row.cipher);
    Sight seen = shaken(row.version, row.cipher, row.group, row.starttls);
    if (*row.group == '\0') seen.agreed.groups = {"ffdhe1024"};
    const Criteria criteria = under({row.policy});
    Names found;
    for (const char* const rule : {"old-protocol", "weak-cipher", "weak-group"})
      found.merge(only(rule, seen, kNow, criteria));
    CHECK(found == row.expected);
  }
}

TEST_CASE("what a stock nginx, Postfix or Dovecot takes is worth no warning") {
  struct Row {
    const char *server, *ciphers, *starttls;
  };
  for (const auto& [server, ciphers, starttls] :
       {Row{"nginx", "HIGH:!aNULL:!MD5", ""}, Row{"Postfix", "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH", "smtp"},
        Row{"Dovecot", "ALL:!kRSA:!SRP:!kDHd:!DSS:!aNULL:!eNULL:!EXPORT:!DES:!3DES:!MD5:!PSK:!RC4:!ADH:!LOW@STRENGTH",
            "imap"}}) {
    CAPTURE(server);
    Sight seen = shaken("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519", starttls);
    seen.agreed.versions = {"TLSv1.2", "TLSv1.3"};
    const std::string list = output_of({"openssl", "ciphers", "-s", "-tls1_2", ciphers});
    seen.agreed.ciphers = base::split(base::trim(list), ':');
    REQUIRE(seen.agreed.ciphers.size() > 10);
    seen.agreed.groups = {"X25519", "P-256", "X448", "P-521", "P-384", "ffdhe2048", "ffdhe3072"};
    for (const Finding& one : judge(seen, under({"intermediate", "webpki"}), kNow)) {
      CAPTURE(one.what.raw());
      CHECK(one.severity == Severity::notice);
    }
  }
}

TEST_CASE("all that is broken is one finding, as grave as the gravest, and names whose demand it is") {
  Sight seen = shaken("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519");
  seen.agreed.versions = {"TLSv1.3", "TLSv1.1", "TLSv1"};
  seen.agreed.ciphers = {"TLS_AES_256_GCM_SHA384", "DES-CBC3-SHA", "AES128-SHA"};
  const auto findings = judge(seen, under({"intermediate"}), kNow);
  CHECK(names_of(findings) == Names{"old-protocol error", "weak-cipher error"});
  CHECK(findings[0].what.raw() ==
        "the server speaks TLSv1.1, TLSv1: against Server Side TLS Guidelines 6.0, intermediate: protocols (2026-04)");
  CHECK(findings[1].what.raw().find("DES-CBC3-SHA: against") != std::string::npos);
}

TEST_CASE("further looks are told where they say no, and not where they were not taken") {
  const auto found = [](auto change) {
    probe::Capture capture{.outcome = probe::Outcome::complete, .chain = {world().leaf.der()}};
    change(capture.further);
    Sight seen = sight_of_leaf(world().leaf, kNow);
    seen.capture = &capture;
    return found_in(seen, kNow);
  };
  using probe::Further;
  CHECK(found([](Further&) {}).empty());
  CHECK(found([](Further& f) { f.resumes = f.post_quantum = f.split_hello = true; }).empty());
  CHECK(found([](Further& f) { f.resumes = false; }) == Names{"no-resumption notice"});
  CHECK(found([](Further& f) { f.post_quantum = false; }) == Names{"no-post-quantum notice"});
  CHECK(found([](Further& f) { f.split_hello = false; }) == Names{"split-hello warning"});
}

TEST_CASE("what a survey finds beside what was agreed on is held against the policy, and told where it was asked for") {
  struct Row {
    Names expected;
    std::vector<std::string> versions, ciphers, groups;
    std::optional<bool> server_order = std::nullopt;
    const char* starttls = "";
  };
  constexpr const char *kGcm = "TLS_AES_256_GCM_SHA384", *kGood = "ECDHE-RSA-AES128-GCM-SHA256",
                       *kCbc = "ECDHE-RSA-AES128-SHA", *kWeak = "DES-CBC3-SHA";
  const Row rows[] = {
      {{}, {"TLSv1.3", "TLSv1.2"}, {kGcm, kGood}, {"X25519", "P-256"}, true},
      {{"offers-old-protocol error"}, {"TLSv1.3", "TLSv1.1"}, {kGcm}, {"X25519"}},
      {{"offers-old-protocol error"}, {"TLSv1.3", "SSLv3"}, {kGcm}, {"X25519"}, std::nullopt, "imap"},
      {{"offers-old-protocol notice"}, {"TLSv1.3", "TLSv1.1", "TLSv1"}, {kGcm}, {"X25519"}, std::nullopt, "smtp"},
      {{"offers-old-protocol error"}, {"TLSv1.3", "SSLv3"}, {kGcm}, {"X25519"}, std::nullopt, "smtp"},
      {{"offers-weak-cipher notice"}, {"TLSv1.3", "TLSv1.2"}, {kGcm, kCbc, kGood}, {"X25519"}, false},
      {{"offers-weak-cipher error"}, {"TLSv1.3", "TLSv1.2"}, {kGcm, kGood, kWeak}, {"X25519"}, true},
      {{"offers-weak-cipher error", "cipher-order notice"},
       {"TLSv1.3", "TLSv1.2"},
       {kGcm, kWeak, kGood},
       {"X25519"},
       true},
      {{"offers-weak-cipher error", "cipher-order notice"},
       {"TLSv1.3", "TLSv1.2"},
       {kGcm, kGood, kWeak},
       {"X25519"},
       false},
      {{}, {"TLSv1.3", "TLSv1.2"}, {kGcm, "AECDH-AES128-SHA"}, {"X25519"}, std::nullopt, "smtp"},
      {{"offers-weak-group notice"}, {"TLSv1.3"}, {kGcm}, {"X25519", "X448"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.versions.back());
    CAPTURE(row.ciphers.back());
    probe::Capture capture{.outcome = probe::Outcome::complete, .chain = {world().leaf.der()}};
    capture.accepted = probe::Accepted{row.versions, row.ciphers, row.groups, row.server_order};
    Sight seen = shaken("TLSv1.3", kGcm, "X25519", row.starttls);
    seen.capture = &capture;
    CHECK(found_in(seen, kNow, under({"intermediate"})) == row.expected);
  }
}

TEST_CASE("a deep look is told where it says no, and not where it was not taken") {
  const auto found = [](auto change) {
    probe::Capture capture{.outcome = probe::Outcome::complete, .chain = {world().leaf.der()}};
    change(capture.further);
    Sight seen = sight_of_leaf(world().leaf, kNow);
    seen.capture = &capture;
    return found_in(seen, kNow);
  };
  using probe::Further;
  const auto strict = [&](const char* value) {
    return found([value](Further& f) { f.strict_transport = base::Untrusted(value); });
  };
  CHECK(found([](Further& f) { f.large_hello = true; }).empty());
  CHECK(found([](Further& f) { f.large_hello = false; }) == Names{"large-hello warning"});
  for (const char* const enough : {"max-age=15768000", "includeSubDomains; max-age=63072000", "MAX-AGE = \"31536000\""})
    CHECK(strict(enough).empty());
  for (const char* const little : {"", "max-age=15767999", "max-age=0", "max-age=x", "includeSubDomains"})
    CHECK(strict(little) == Names{"no-strict-transport notice"});
  const Certificate other =
      issue(server_template("other.example.org", key_of(KeyType::ecdsa_p256, 5)), world().issuing);
  const auto by_default = [&](const Certificate& leaf) {
    return found([&](Further& f) { f.default_chain = {base::Bytes(leaf.der().begin(), leaf.der().end())}; });
  };
  CHECK(by_default(world().leaf).empty());
  CHECK(by_default(other) == Names{"default-certificate notice"});
}

TEST_CASE("a certificate that demands a staple is told where none comes with a whole handshake") {
  const Certificate demands = self_signed_with({"-newkey", "ed25519", "-addext", "tlsfeature=status_request"});
  CHECK(demands.must_staple());
  CHECK_FALSE(world().leaf.must_staple());
  const auto found = [](const Certificate& leaf, probe::Outcome outcome, base::Bytes staple) {
    probe::Capture capture{.outcome = outcome, .ocsp_response = std::move(staple)};
    Sight seen = sight({leaf}, kNow);
    seen.capture = &capture;
    return only("staple-missing", seen, kNow, {});
  };
  CHECK(found(demands, probe::Outcome::complete, {}) == Names{"staple-missing error"});
  CHECK(found(demands, probe::Outcome::complete, {0x30}).empty());
  CHECK(found(demands, probe::Outcome::handshake_failed, {}).empty());
  CHECK(found(world().leaf, probe::Outcome::complete, {}).empty());
}

TEST_CASE("revoked is told of what is needed, unknown and good are not") {
  using State = pki::RevocationStatus::State;
  const auto found = [](std::vector<std::optional<pki::RevocationStatus>> said) {
    Sight seen = sight_of_leaf(world().leaf, kNow);
    seen.revocation = std::move(said);
    return found_in(seen, kNow);
  };
  const pki::RevocationStatus revoked{State::revoked, kNow - kDay, "keyCompromise"}, good{State::good, {}, {}},
      unknown{State::unknown, {}, "the CRL could not be fetched"};
  CHECK(found({}).empty());
  CHECK(found({good, good}).empty());
  CHECK(found({unknown, std::nullopt}).empty());
  CHECK(found({revoked}) == Names{"revoked critical"});
  CHECK(found({good, revoked}) == Names{"revoked critical"});
  CHECK(found({revoked, revoked}) == Names{"revoked critical", "revoked critical"});

  const Certificate stranger = make_root(KeyType::ecdsa_p256, 9, "Stranger").certificate;
  Sight seen = sight({world().leaf, world().issuing.certificate, stranger}, kNow);
  seen.revocation = {good, good, revoked};
  CHECK(only("revoked", seen, kNow, {}).empty());
}

TEST_CASE("a staple that proves nothing is told, one that was not judged is not") {
  const base::Bytes leaf = world().leaf.der(), issuer = world().issuing.certificate.der();
  std::vector<base::Bytes> sent{leaf, issuer};
  const auto found = [&](base::Bytes staple) {
    const probe::Capture capture{
        .outcome = probe::Outcome::complete, .chain = sent, .ocsp_response = std::move(staple), .when = kNow};
    return found_in(sight_of(capture, "a", {}), kNow);
  };
  CHECK(found({}).empty());
  CHECK(found({0x30, 0x03, 0x0a, 0x01, 0x03}) == Names{"staple-useless warning"});
  CHECK(found({0x00}) == Names{"staple-useless warning"});
  sent = {leaf, world().root.certificate.der(), issuer};
  CHECK(found({0x00}) == Names{"staple-useless warning"});
  sent = {leaf};
  CHECK(found({0x00}).empty());
}
