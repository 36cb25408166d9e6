#include "keystore/keystore.h"

#include "base/error.h"
#include "base/process.h"
#include "fakes/temporary_directory.h"

#include <algorithm>

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace everseal;
using base::Fault;
using base::Secret;
using keystore::Location;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

template <class Work>
Fault fault_of(Work&& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error.fault();
  }
  FAIL("nothing was thrown");
  return Fault::internal;
}

base::Exit openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  return base::run({.argv = std::move(arguments)});
}

}  // namespace

TEST_CASE("every kind is a row of the table, and the archive's kind is one of them") {
  CHECK(std::ranges::find(keystore::kinds(), &keystore::file()) != keystore::kinds().end());
  CHECK(keystore::file().name == "file");
}

TEST_CASE("each key type is made, is private, and is the same key when opened again") {
  for (const pki::KeyType type : pki::kAllKeyTypes) {
    CAPTURE(pki::to_string(type));
    const fakes::TemporaryDirectory directory;
    const base::Directory open = directory.open();
    const Location at{.directory = open, .name = "privkey.pem"};
    const pki::Signer made = keystore::file().create(at, type);
    CHECK(made.type() == type);
    CHECK(mode_of(directory / "privkey.pem") == 0600);
    CHECK(open.list() == std::vector<std::string>{"privkey.pem"});
    const auto opened = keystore::file().open(at);
    REQUIRE(opened);
    CHECK(opened->public_key_info() == made.public_key_info());
    CHECK(openssl({"pkey", "-in", directory / "privkey.pem", "-noout", "-check"}).success());
  }
}

TEST_CASE("with a passphrase the key rests encrypted and opens with that passphrase alone") {
  const fakes::TemporaryDirectory directory;
  const base::Directory open = directory.open();
  const Secret passphrase(std::string_view("correct horse"));
  const Secret wrong(std::string_view("battery staple"));
  const pki::Signer made = keystore::file().create({.directory = open, .name = "ca.key", .passphrase = &passphrase},
                                                   pki::KeyType::ecdsa_p256);

  const auto text = open.read_secret("ca.key", 65536);
  REQUIRE(text);
  CHECK(text->reveal_text().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  CHECK(openssl({"pkey", "-in", directory / "ca.key", "-noout", "-passin", "pass:correct horse"}).success());

  const auto opened = keystore::file().open({.directory = open, .name = "ca.key", .passphrase = &passphrase});
  REQUIRE(opened);
  CHECK(opened->public_key_info() == made.public_key_info());
  CHECK(fault_of([&] { keystore::file().open({.directory = open, .name = "ca.key", .passphrase = &wrong}); }) ==
        Fault::invalid);
  CHECK(fault_of([&] { keystore::file().open({.directory = open, .name = "ca.key"}); }) == Fault::invalid);
}

TEST_CASE("a key is never overwritten") {
  const fakes::TemporaryDirectory directory;
  const base::Directory open = directory.open();
  const Location at{.directory = open, .name = "privkey.pem"};
  const pki::Signer first = keystore::file().create(at, pki::KeyType::ecdsa_p256);
  CHECK(fault_of([&] { keystore::file().create(at, pki::KeyType::ecdsa_p256); }) == Fault::exists);
  CHECK(fault_of([&] { keystore::file().import_key(at, pki::PrivateKey::generate(pki::KeyType::ed25519)); }) ==
        Fault::exists);
  CHECK(keystore::file().open(at)->public_key_info() == first.public_key_info());
}

TEST_CASE("a key made elsewhere goes in and comes out unchanged") {
  const fakes::TemporaryDirectory directory;
  const base::Directory open = directory.open();
  const Location at{.directory = open, .name = "privkey.pem"};
  const auto key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p384);
  keystore::file().import_key(at, key);
  const auto out = keystore::file().export_key(at);
  REQUIRE(out);
  CHECK(out->pem().reveal_text() == key.pem().reveal_text());
}

TEST_CASE("an absent key is no error, and removing one twice neither") {
  const fakes::TemporaryDirectory directory;
  const base::Directory open = directory.open();
  const Location at{.directory = open, .name = "privkey.pem"};
  CHECK_FALSE(keystore::file().open(at));
  CHECK_FALSE(keystore::file().export_key(at));
  keystore::file().create(at, pki::KeyType::ed25519);
  keystore::file().remove(at);
  CHECK_FALSE(open.has("privkey.pem"));
  CHECK_NOTHROW(keystore::file().remove(at));
}

TEST_CASE("a broken key is named by its path and never shown") {
  const fakes::TemporaryDirectory directory;
  const base::Directory open = directory.open();
  const Location at{.directory = open, .name = "privkey.pem"};
  for (const std::string_view text :
       {"", "hello secretive", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0aXZl\n-----END PRIVATE KEY-----\n"}) {
    CAPTURE(text);
    open.replace("privkey.pem", base::as_bytes(text));
    try {
      keystore::file().open(at);
      FAIL("a broken key was opened");
    } catch (const base::Error& error) {
      CHECK(error.fault() == Fault::invalid);
      CHECK(error.message().find(directory / "privkey.pem") != std::string::npos);
      CHECK(error.message().find("ecretive") == std::string::npos);
      CHECK(error.message().find("c2VjcmV0") == std::string::npos);
    }
  }
}
