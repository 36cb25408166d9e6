#include "pki/pkcs12.h"

#include "base/error.h"
#include "pki/issued.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::pki;
using namespace everseal::pki::testing;

constexpr std::string_view kPassword = "correct horse";

struct Bundles {
  explicit Bundles(KeyType type = KeyType::ecdsa_p256)
      : root(make_root()), key(key_of(type, 2)), leaf(issue(server_template("www.example.org", key), root)) {}

  std::vector<Certificate> chain() const { return {leaf, root.certificate}; }
  base::Secret make(Pkcs12Form form, std::string_view password = kPassword) const {
    return make_pkcs12(key, chain(), "www", base::Secret(password), form);
  }

  Authority root;
  PrivateKey key;
  Certificate leaf;
};

base::Exit ask_openssl(const base::Secret& file, std::vector<std::string> more) {
  const Scratch scratch;
  std::vector<std::string> argv = {
      "openssl", "pkcs12", "-in", scratch.write("a.p12", file.reveal()), "-passin", "pass:" + std::string(kPassword)};
  argv.insert(argv.end(), more.begin(), more.end());
  return run(std::move(argv));
}

base::Error error_of(base::BytesView der, std::string_view password = kPassword) {
  try {
    parse_pkcs12(der, base::Secret(password));
  } catch (const base::Error& error) {
    return error;
  }
  return base::Error(base::Fault::internal, "was parsed");
}

bool says(const base::Error& error, std::string_view text) {
  return error.fault() == base::Fault::invalid && error.message().find(text) != std::string::npos;
}

// A file that OpenSSL's program makes of the world's key and chain.
base::Bytes exported(const Bundles& world, std::vector<std::string> more) {
  const Scratch scratch;
  std::vector<std::string> argv = {"openssl",
                                   "pkcs12",
                                   "-export",
                                   "-inkey",
                                   scratch.write("key.pem", world.key.pem().reveal_text()),
                                   "-in",
                                   scratch.write("chain.pem", pem_of(world.chain())),
                                   "-out",
                                   scratch.path("a.p12")};
  argv.insert(argv.end(), more.begin(), more.end());
  const base::Exit made = run(std::move(argv));
  REQUIRE_MESSAGE(made.success(), made.errors);
  return base::read_file(scratch.path("a.p12"), 1 << 20);
}

}  // namespace

TEST_CASE("every key type comes back from both forms") {
  for (const KeyType type : kAllKeyTypes) {
    for (const Pkcs12Form form : {Pkcs12Form::modern, Pkcs12Form::compatible}) {
      CAPTURE(to_string(type));
      const Bundles world(type);
      const Pkcs12 back = parse_pkcs12(world.make(form).reveal(), base::Secret(kPassword));
      REQUIRE(back.key.has_value());
      CHECK(back.key->der().reveal_text() == world.key.der().reveal_text());
      CHECK(back.certificates == world.chain());
    }
  }
}

TEST_CASE("strangers open both forms and find them as they should be") {
  const Bundles world;
  const std::pair<Pkcs12Form, std::vector<std::string_view>> forms[] = {
      {Pkcs12Form::modern,
       {"MAC: sha256, Iteration 100000", "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256"}},
      {Pkcs12Form::compatible, {"MAC: sha1, Iteration 100000", "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 100000"}},
  };
  for (const auto& [form, marks] : forms) {
    const base::Secret file = world.make(form);
    const base::Exit info = ask_openssl(file, {"-info", "-nodes"});
    REQUIRE_MESSAGE(info.success(), info.errors);
    for (const std::string_view mark : marks) CHECK_MESSAGE(info.errors.find(mark) != std::string::npos, info.errors);
    CHECK(info.errors.find("Shrouded Keybag") != std::string::npos);
    CHECK(info.output.find("friendlyName: www") != std::string::npos);
    CHECK(info.output.find("localKeyID") != info.output.rfind("localKeyID"));  // the key's and the leaf's
    CHECK(info.output.find(world.leaf.pem()) != std::string::npos);
    CHECK(info.output.find(world.root.certificate.pem()) != std::string::npos);

    const Scratch scratch;
    const base::Exit gnutls = run({"certtool", "--p12-info", "--inder", "--infile",
                                   scratch.write("a.p12", file.reveal()), "--password", std::string(kPassword)});
    CHECK_MESSAGE(gnutls.success(), gnutls.errors);
    CHECK(gnutls.output.find(world.leaf.pem()) != std::string::npos);
  }
}

TEST_CASE("what others make is read") {
  const Bundles world;
  const std::string pass = "pass:" + std::string(kPassword);
  const std::pair<std::string_view, std::vector<std::string>> files[] = {
      {"by default", {"-passout", pass}},
      {"without integrity check", {"-passout", pass, "-nomac"}},
      {"certificates in the open", {"-passout", pass, "-certpbe", "NONE"}},
      {"key in the open", {"-passout", pass, "-keypbe", "NONE"}},
      {"3DES", {"-passout", pass, "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"}},
  };
  for (const auto& [what, options] : files) {
    CAPTURE(what);
    const Pkcs12 back = parse_pkcs12(exported(world, options), base::Secret(kPassword));
    REQUIRE(back.key.has_value());
    CHECK(back.key->public_key_info() == world.key.public_key_info());
    CHECK(back.certificates == world.chain());
  }
  CHECK(parse_pkcs12(exported(world, {"-passout", "pass:"}), base::Secret()).certificates == world.chain());
  const Pkcs12 trust = parse_pkcs12(exported(world, {"-passout", pass, "-nokeys"}), base::Secret(kPassword));
  CHECK_FALSE(trust.key.has_value());
  CHECK(trust.certificates == world.chain());
}

TEST_CASE("the leaf comes first wherever it stands; without a key the order stays") {
  const Bundles world;
  const Scratch scratch;
  const std::vector<Certificate> turned = {world.root.certificate, world.leaf};
  const std::string certificates = scratch.write("chain.pem", pem_of(turned));
  const base::Exit with_key =
      run({"certtool", "--to-p12", "--p12-name", "www", "--password", std::string(kPassword), "--outder",
           "--load-certificate", certificates, "--load-privkey",
           scratch.write("key.pem", world.key.pem().reveal_text()), "--outfile", scratch.path("a.p12")});
  REQUIRE_MESSAGE(with_key.success(), with_key.errors);
  CHECK(parse_pkcs12(base::read_file(scratch.path("a.p12"), 1 << 20), base::Secret(kPassword)).certificates ==
        world.chain());
  const base::Exit without =
      run({"openssl", "pkcs12", "-export", "-nokeys", "-passout", "pass:" + std::string(kPassword), "-in", certificates,
           "-out", scratch.path("b.p12")});
  REQUIRE_MESSAGE(without.success(), without.errors);
  CHECK(parse_pkcs12(base::read_file(scratch.path("b.p12"), 1 << 20), base::Secret(kPassword)).certificates == turned);
}

TEST_CASE("a wrong password is told from a broken file") {
  const Bundles world;
  for (const Pkcs12Form form : {Pkcs12Form::modern, Pkcs12Form::compatible}) {
    const base::Secret file = world.make(form);
    CHECK(says(error_of(file.reveal(), "wrong horse"), "wrong password"));
    CHECK(says(error_of(file.reveal(), ""), "wrong password"));
    base::Bytes longer(file.reveal().begin(), file.reveal().end());
    longer.push_back(0);
    CHECK(says(error_of(longer), "DER is broken"));
  }
  CHECK(says(error_of(exported(world, {"-passout", "pass:right", "-nomac"}), "wrong"), "wrong password"));
  CHECK(says(error_of(world.leaf.der()), "DER is broken"));
  CHECK(says(error_of(base::as_bytes("garbage")), "DER is broken"));
  CHECK(says(error_of(base::Bytes((16 << 20) + 1)), "larger than 16 MiB"));
}

TEST_CASE("every prefix is refused") {
  const Bundles world;
  const base::Secret file = world.make(Pkcs12Form::modern);
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    CHECK(says(error_of(file.reveal().first(size)), "DER is broken"));
  }
}

TEST_CASE("a file that asks for endless rounds is refused before they begin") {
  const Bundles world;
  const base::Secret file = world.make(Pkcs12Form::modern);
  const std::string_view rounds("\x02\x03\x01\x86\xa0", 5);
  for (std::size_t at = file.reveal_text().find(rounds); at != std::string_view::npos;
       at = file.reveal_text().find(rounds, at + 1)) {
    CAPTURE(at);
    base::Bytes greedy(file.reveal().begin(), file.reveal().end());
    greedy[at + 2] = 0x7f;
    // Those of the encryption are behind the integrity check, which fails first.
    CHECK(error_of(greedy).fault() == base::Fault::invalid);
  }
  base::Bytes greedy(file.reveal().begin(), file.reveal().end());
  greedy[file.reveal_text().rfind(rounds) + 2] = 0x7f;
  CHECK(says(error_of(greedy), "rounds"));
  base::Bytes open = exported(world, {"-passout", "pass:x", "-iter", "100000", "-nomac"});
  const std::size_t inner = base::as_text(open).find(rounds);
  REQUIRE(inner != std::string_view::npos);
  open[inner + 2] = 0x7f;
  const base::Error error = error_of(open, "x");
  CHECK_MESSAGE(says(error, "rounds"), error.message());
}

TEST_CASE("what makes no PKCS#12 file is refused") {
  const Bundles world;
  const auto fault_of = [&](const PrivateKey& key, const std::vector<Certificate>& chain, const std::string& name,
                            std::string_view password) -> std::optional<base::Fault> {
    try {
      make_pkcs12(key, chain, name, base::Secret(password), Pkcs12Form::modern);
    } catch (const base::Error& error) {
      return error.fault();
    }
    return std::nullopt;
  };
  CHECK_FALSE(fault_of(world.key, world.chain(), "www", "x").has_value());
  CHECK_FALSE(fault_of(world.key, world.chain(), "", "x").has_value());
  CHECK(fault_of(world.key, world.chain(), "www", "") == base::Fault::usage);
  CHECK(fault_of(world.key, world.chain(), "www", std::string_view("a\0b", 3)) == base::Fault::usage);
  CHECK(fault_of(world.key, world.chain(), "\xff", "x") == base::Fault::usage);
  CHECK(fault_of(world.key, {}, "www", "x") == base::Fault::invalid);
  CHECK(fault_of(world.key, {world.root.certificate, world.leaf}, "www", "x") == base::Fault::invalid);
  CHECK(fault_of(key_of(KeyType::ed25519, 7), world.chain(), "www", "x") == base::Fault::invalid);
}

TEST_CASE("names and passwords are not only ASCII") {
  const Bundles world;
  const std::string_view password = "pässwört";
  const base::Secret file =
      make_pkcs12(world.key, world.chain(), "Ährenfeld", base::Secret(password), Pkcs12Form::compatible);
  CHECK(parse_pkcs12(file.reveal(), base::Secret(password)).certificates == world.chain());
  const Scratch scratch;
  const base::Exit info = run({"certtool", "--p12-info", "--inder", "--infile", scratch.write("a.p12", file.reveal()),
                               "--password", std::string(password)});
  CHECK(info.success());
}
