#include "authority/ceremony.h"

#include "authority/crl.h"
#include "authority/revoke.h"
#include "fakes/unsynced_file_system.h"
#include "fixture.h"
#include "keystore/keystore.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include <doctest/doctest.h>
#include <sys/stat.h>

namespace everseal::authority {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777;
}

std::string text_of(const std::string& path) { return std::string(base::as_text(base::read_file(path, 1 << 20))); }

Ceremony ceremony(std::string_view authority) {
  Ceremony wanted;
  wanted.name = name(authority);
  return wanted;
}

// A company's root (and, where asked, a CA between), made by OpenSSL, that signs the CSR in `csr`.
std::vector<pki::Certificate> sign_elsewhere(const Fixture& at, const std::string& csr, const std::string& extensions) {
  const std::string cnf =
      at.write("ca.cnf",
               "[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=root\n[dn]\nCN=Company Root\n[root]\n"
               "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
               "subjectKeyIdentifier=hash\n[sub]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" +
                   extensions);
  run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
       at.path("company.key"), "-out", at.path("company.pem"), "-days", "3650", "-config", cnf});
  run({"openssl",
       "x509",
       "-req",
       "-in",
       csr,
       "-CA",
       at.path("company.pem"),
       "-CAkey",
       at.path("company.key"),
       "-CAcreateserial",
       "-CAserial",
       at.path("company.srl"),
       "-days",
       "1000",
       "-extfile",
       cnf,
       "-extensions",
       "sub",
       "-out",
       at.path("signed.pem")});
  auto chain = pki::Certificate::parse_all(base::read_file(at.path("company.pem"), 1 << 20));
  for (auto& certificate : pki::Certificate::parse_all(base::read_file(at.path("signed.pem"), 1 << 20)))
    chain.push_back(std::move(certificate));
  return chain;
}

std::string verdict_over(const Corp& corp, const pki::Certificate& leaf) {
  const pki::Certificate anchors[] = {corp.authority.root()};
  return pki::verify(leaf, corp.authority.chain(), anchors, corp.now, pki::Purpose::any).problem;
}

constexpr const char* kGoodCa = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n";

}  // namespace

TEST_CASE("a new authority has an encrypted root, an intermediate below it, a CRL and its rows") {
  Fixture at;
  auto store = at.open_store();
  auto wanted = ceremony("corp");
  wanted.organization = "Example";
  const Founded made = at.found(store, wanted);
  CHECK(made.directory == at.state() + "/authorities/corp");
  CHECK_FALSE(made.csr_file.has_value());
  REQUIRE((made.root && made.intermediate));
  CHECK(made.root->subject().raw() == "O=Example, CN=corp Root CA");
  CHECK(made.intermediate->subject().raw() == "O=Example, CN=corp Intermediate CA 1");
  CHECK(made.root->path_length() == 1);
  CHECK(made.intermediate->path_length() == 0);
  CHECK(made.root->public_key().type == pki::KeyType::ecdsa_p384);
  CHECK(made.intermediate->public_key().type == pki::KeyType::ecdsa_p256);

  for (const char* file : {"root.key.pem", "intermediate-1.key.pem"})
    CHECK(mode_of(made.directory + "/" + file) == 0600);
  CHECK(mode_of(made.directory) == 0700);
  CHECK(contains(text_of(made.directory + "/root.key.pem"), "BEGIN ENCRYPTED PRIVATE KEY"));
  CHECK(contains(text_of(made.directory + "/intermediate-1.key.pem"), "BEGIN PRIVATE KEY"));
  CHECK_FALSE(fs::exists(made.directory + "/root.passphrase"));
  run({"openssl", "pkey", "-in", made.directory + "/root.key.pem", "-noout", "-passin", "pass:correct horse battery"});
  run({"openssl", "verify", "-x509_strict", "-CAfile", made.directory + "/root.pem",
       made.directory + "/intermediate-1.pem"});
  CHECK(contains(run({"openssl", "crl", "-inform", "DER", "-in", made.directory + "/crl.der", "-noout", "-text"}),
                 "No Revoked Certificates"));

  inventory::Authorities authorities(store);
  CHECK(authorities.find(name("corp")).has_value());
  CHECK(authorities.certificates(name("corp")).size() == 2);
  CHECK(authorities.newest_crl(name("corp"), 1).has_value());
  CHECK(inventory::Certificates(store).find(made.root->fingerprint()).has_value());
  CHECK(thrown([&] { at.found(store, wanted); }).fault == Fault::exists);
}

TEST_CASE("name constraints of the ceremony hold for independent judges, and leave no address free") {
  Ceremony wanted;
  wanted.permitted = {pki::NameConstraint::parse("example.org"), pki::NameConstraint::parse("email:example.org")};
  wanted.excluded = {pki::NameConstraint::parse("secret.example.org")};
  Corp corp({}, wanted);
  const Constraints constraints = read_constraints(corp.authority.certificate());
  CHECK(constraints.permitted == wanted.permitted);
  REQUIRE(constraints.excluded.size() == 3);
  CHECK(constraints.excluded[0].text == "secret.example.org");
  CHECK(constraints.excluded[1].text == "0.0.0.0/0");
  CHECK(constraints.excluded[2].text == "::/0");
  CHECK_FALSE(constraints.has_others);
  CHECK(corp.sign(request("server", {"www.example.org"})).outcome == Outcome::signed_now);
  for (const std::string_view outside :
       {"www.example.net", "a.secret.example.org", "10.0.0.1", "fd00::1", "*.example.net", "bob@example.net"})
    CHECK_MESSAGE(contains(corp.refusal(request("client", {outside})).message, "name constraint"), outside);

  Ceremony addresses;
  addresses.permitted = {pki::NameConstraint::parse("example.org"), pki::NameConstraint::parse("10.0.0.0/8")};
  Corp with_addresses({}, addresses);
  const auto leaf = with_addresses.sign(request("server", {"10.1.2.3"})).leaf;
  // Verifiers take a common name for a DNS name where there is no other, so an address must not stand there.
  CHECK(leaf.subject().empty());
  CHECK(verdict_over(with_addresses, leaf) == "");
  CHECK(with_addresses.refusal(request("server", {"11.1.2.3"})).fault == Fault::denied);
  auto alice = request("client", {"10.1.2.3"});
  alice.subject = pki::DistinguishedName::parse("CN=alice");
  CHECK(verdict_over(with_addresses, with_addresses.sign(alice).leaf) == "");
  alice.subject = pki::DistinguishedName::parse("CN=alice.example.net");
  CHECK(contains(with_addresses.refusal(alice).message, "common name alice.example.net: verifiers take it for"));
  alice.subject = pki::DistinguishedName::parse("CN=alice.example.org");
  CHECK(verdict_over(with_addresses, with_addresses.sign(alice).leaf) == "");
}

TEST_CASE("a root without a passphrase, or with a short one, is refused") {
  Fixture at;
  auto store = at.open_store();
  const base::Secret too_short(std::string_view("1234567"));
  CHECK(thrown([&] { create_authority(store, ceremony("corp"), {}, at.now); }).fault == Fault::usage);
  CHECK(thrown([&] { create_authority(store, ceremony("corp"), {.root = &too_short}, at.now); }).fault == Fault::usage);
  auto backwards = ceremony("corp");
  backwards.root_lifetime = std::chrono::days{1};
  CHECK(thrown([&] { at.found(store, backwards); }).fault == Fault::usage);
  CHECK_FALSE(fs::exists(at.state() + "/authorities/corp"));
}

TEST_CASE("an intermediate's own passphrase is needed to open it") {
  Fixture at;
  auto store = at.open_store();
  create_authority(store, ceremony("corp"), {.root = &at.passphrase, .intermediate = &at.passphrase}, at.now);
  CHECK(thrown([&] { Authority::open(store, name("corp"), {}); }).fault == Fault::invalid);
  const base::Secret wrong(std::string_view("wrong horse"));
  CHECK(thrown([&] { Authority::open(store, name("corp"), {}, &wrong); }).fault == Fault::invalid);
  CHECK(Authority::open(store, name("corp"), {}, &at.passphrase).generation() == 1);
  CHECK(thrown([&] { Authority::open(store, name("none"), {}); }).fault == Fault::not_found);
}

TEST_CASE("an authority with an offline root waits for its intermediate") {
  Fixture at;
  auto store = at.open_store();
  auto wanted = ceremony("corp");
  wanted.root = RootPlace::offline;
  const Founded waiting = create_authority(store, wanted, {}, at.now);
  REQUIRE(waiting.csr_file.has_value());
  CHECK_FALSE(waiting.root.has_value());
  CHECK(thrown([&] { Authority::open(store, name("corp"), {}); }).fault == Fault::denied);

  struct Row {
    std::string extensions;
    std::string_view message;
  };
  const Row rejects[] = {
      {"basicConstraints=critical,CA:FALSE\n", "is not a CA"},
      {"basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n", "may not sign certificates and CRLs"},
  };
  for (const Row& row : rejects) {
    CAPTURE(row.extensions);
    const auto chain = sign_elsewhere(at, *waiting.csr_file, row.extensions);
    const Thrown refusal = thrown([&] { import_intermediate(store, name("corp"), chain, base::wall_clock()); });
    CHECK(refusal.fault == Fault::denied);
    CHECK(contains(refusal.message, row.message));
  }
  auto chain = sign_elsewhere(at, *waiting.csr_file, kGoodCa);
  CHECK(contains(thrown([&] { import_intermediate(store, name("corp"), {chain[1]}, base::wall_clock()); }).message,
                 "self-signed root"));
  CHECK(thrown([&] { import_intermediate(store, name("corp"), chain, at.now + std::chrono::days{2000}); }).fault ==
        Fault::denied);
  CHECK(thrown([&] { import_intermediate(store, name("other"), chain, base::wall_clock()); }).fault ==
        Fault::not_found);

  const Founded made = import_intermediate(store, name("corp"), chain, base::wall_clock());
  REQUIRE(made.root.has_value());
  CHECK(*made.root == chain[0]);
  auto authority = Authority::open(store, name("corp"), {});
  const auto leaf = sign(authority, request("server", {"www.example.org"}), base::wall_clock()).leaf;
  run({"openssl", "verify", "-x509_strict", "-CAfile", made.directory + "/root.pem", "-untrusted",
       made.directory + "/intermediate-1.pem", at.write("leaf.pem", {leaf})});
  CHECK_FALSE(inventory::Authorities(store).newest_crl(name("corp"), 1));
  refresh_crl(authority, base::wall_clock());
  CHECK(thrown([&] { import_intermediate(store, name("corp"), chain, base::wall_clock()); }).fault == Fault::exists);
}

TEST_CASE("an intermediate for another key is not taken") {
  Fixture at;
  auto store = at.open_store();
  auto wanted = ceremony("corp");
  wanted.root = RootPlace::offline;
  create_authority(store, wanted, {}, at.now);
  wanted.name = name("other");
  const auto other = create_authority(store, wanted, {}, at.now);
  const auto chain = sign_elsewhere(at, *other.csr_file, kGoodCa);
  CHECK(contains(thrown([&] { import_intermediate(store, name("corp"), chain, base::wall_clock()); }).message,
                 "is not for the authority's key"));
}

TEST_CASE("a CA that exists elsewhere is taken over with its key, its constraints and the chain above it") {
  Fixture at;
  auto store = at.open_store();
  const auto key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
  const std::string csr = at.write(
      "ca.csr", pki::csr_pem(pki::make_csr({pki::DistinguishedName::parse("CN=Company Issuing CA"), {}}, key)));
  const auto chain = sign_elsewhere(at, csr,
                                    std::string(kGoodCa) +
                                        "nameConstraints=critical,permitted;DNS:example.org,permitted;dirName:dir\n"
                                        "[dir]\nO=Example\n");
  const base::Secret passphrase(std::string_view("another horse"));
  CHECK(thrown([&] {
          import_authority(store, name("corp"), chain, key_of(pki::KeyType::ecdsa_p256), &passphrase,
                           base::wall_clock());
        }).fault == Fault::denied);
  import_authority(store, name("corp"), chain, key, &passphrase, base::wall_clock());
  CHECK(contains(text_of(at.state() + "/authorities/corp/intermediate-1.key.pem"), "ENCRYPTED"));

  Settings settings;
  Profile server = builtin_profiles().front();
  server.subject = {"O", "CN"};
  settings.profiles = merge_profiles({server});
  auto authority = Authority::open(store, name("corp"), settings, &passphrase);
  auto wanted = request("server", {"www.example.org"});
  wanted.subject = pki::DistinguishedName::parse("O=Example");
  const auto refused = thrown([&] { sign(authority, request("server", {"www.example.net"}), base::wall_clock()); });
  CHECK(contains(refused.message, "outside the permitted name constraints"));
  // Directory names are judged by building the chain.
  wanted.subject = pki::DistinguishedName::parse("O=Somebody Else");
  CHECK(contains(thrown([&] { sign(authority, wanted, base::wall_clock()); }).message, "does not carry it"));
  CHECK(inventory::Certificates(store).find_by_serial(chain[1].serial()).size() == 1);
}

TEST_CASE("a ceremony that is cut anywhere is finished or begun anew by the next") {
  std::set<bool> finished;
  // A passphrase takes its time. An odd distance has both mishaps come.
  const int stride = std::getenv("EVERSEAL_EVERY_KILL") != nullptr ? 1 : 3;
  for (int at_call = 1;; at_call += stride) {
    Fixture at;
    Ceremony wanted = ceremony("corp");
    wanted.root_key = pki::KeyType::ed25519;
    const auto kind = at_call % 2 == 0 ? fakes::Mishap::Kind::power_cut : fakes::Mishap::Kind::kill;
    const std::string scratch = at.path("scratch");
    fs::create_directory(scratch);
    const auto end = fakes::run_in_child(scratch, {.kind = kind, .at = at_call}, [&] {
      auto store = at.open_store();
      create_authority(store, wanted, {.root = &at.passphrase}, at.now);
    });
    CAPTURE(at_call);
    if (end.how == fakes::ChildEnd::How::done) {
      CHECK(at_call > 1);
      break;
    }
    REQUIRE(end.how == fakes::ChildEnd::How::cut);
    auto store = at.open_store();
    const Founded made = at.found(store, wanted);
    finished.insert(made.finished_earlier_run);
    auto authority = Authority::open(store, name("corp"), {});
    CHECK(sign(authority, request("server", {"www.example.org"}), at.now).outcome == Outcome::signed_now);
    const auto directory = base::Directory::open(made.directory);
    CHECK(keystore::file().open({directory, "root.key.pem", &at.passphrase}).has_value());
    CHECK(base::Directory::open(at.state() + "/authorities").list() == std::vector<std::string>{"corp"});
  }
  CHECK(finished.contains(false));
}

TEST_CASE("a directory that the database does not know is finished with its own passphrase, or left alone") {
  Fixture at;
  const Ceremony wanted = ceremony("corp");
  {
    auto store = at.open_store();
    const base::Secret first(std::string_view("first passphrase"));
    create_authority(store, wanted, {.root = &first, .keeping = PassphraseKeeping::beside_key}, at.now);
  }
  const std::string directory = at.state() + "/authorities/corp";
  CHECK(mode_of(directory + "/root.passphrase") == 0600);
  const std::string key = text_of(directory + "/root.key.pem");
  fs::remove(at.state() + "/everseal.db");
  fs::remove(at.state() + "/everseal.db-wal");
  fs::remove(at.state() + "/everseal.db-shm");
  auto store = inventory::Store::create(at.state(), at.now);

  auto other = wanted;
  other.permitted = {pki::NameConstraint::parse("example.org")};
  CHECK(thrown([&] { at.found(store, other); }).fault == Fault::exists);
  CHECK(text_of(directory + "/root.key.pem") == key);

  const Founded again = at.found(store, wanted);
  CHECK(again.finished_earlier_run);
  CHECK(again.passphrase_file == directory + "/root.passphrase");
  CHECK(text_of(directory + "/root.key.pem") == key);
}

TEST_CASE("a wrong passphrase does not finish an earlier run") {
  Fixture at;
  {
    auto store = at.open_store();
    at.found(store, ceremony("corp"));
  }
  for (const char* file : {"/everseal.db", "/everseal.db-wal", "/everseal.db-shm"}) fs::remove(at.state() + file);
  auto store = inventory::Store::create(at.state(), at.now);
  const base::Secret wrong(std::string_view("wrong horse"));
  CHECK(thrown([&] { create_authority(store, ceremony("corp"), {.root = &wrong}, at.now); }).fault == Fault::exists);
  CHECK_FALSE(inventory::Authorities(store).find(name("corp")).has_value());
}

TEST_CASE("a lost database learns an authority and its revocations back from the directory") {
  Fixture at;
  std::string serial;
  {
    auto store = at.open_store();
    at.found(store, ceremony("corp"));
    auto authority = Authority::open(store, name("corp"), {});
    serial = sign(authority, request("server", {"www.example.org"}), at.now).leaf.serial();
    revoke(authority, serial, pki::RevocationReason::superseded, at.now);
  }
  for (const char* file : {"/everseal.db", "/everseal.db-wal", "/everseal.db-shm"}) fs::remove(at.state() + file);
  auto store = inventory::Store::create(at.state(), at.now);
  CHECK(adopt_authority(store, name("corp"), at.now).root.has_value());
  CHECK(adopt_authority(store, name("corp"), at.now).root.has_value());
  const auto issued = inventory::Authorities(store).find_issued(name("corp"), serial);
  REQUIRE(issued.has_value());
  CHECK(issued->revoked_at == at.now);
  auto authority = Authority::open(store, name("corp"), {});
  const auto crl = pki::Crl::parse(refresh_crl(authority, at.now).der);
  REQUIRE(crl.entries.size() == 1);
  CHECK(crl.entries[0].serial == serial);
  CHECK(thrown([&] { adopt_authority(store, name("none"), at.now); }).fault == Fault::not_found);
}

TEST_CASE("generated passphrases are six groups, never the same") {
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    const base::Secret secret = generate_passphrase();
    const std::string text(secret.reveal_text());
    CHECK(text.size() == 35);
    CHECK(std::ranges::count(text, '-') == 5);
    CHECK(text.find_first_of("ilou") == std::string::npos);
    seen.insert(text);
  }
  CHECK(seen.size() == 50);
}

}  // namespace everseal::authority
