#include "found_text.h"
#include "pki/issued.h"
#include "pki/judge.h"

#include <doctest/doctest.h>

namespace everseal::discover {
namespace {

using namespace testing;
using pki::KeyType;

struct Files {
  pki::testing::Scratch scratch;
  pki::testing::Authority issuer = pki::testing::make_root();
  const pki::PrivateKey& key = pki::testing::key_of(KeyType::ecdsa_p256, 7);
  pki::Certificate leaf = pki::testing::issue(pki::testing::server_template("www.example.org", key), issuer);
  std::string key_path = scratch.write("key.pem", key.pem().reveal_text());
  std::string leaf_path = scratch.write("leaf.pem", leaf.pem());
  std::string ca_path = scratch.write("ca.pem", issuer.certificate.pem());

  std::string made(const std::string& password, std::vector<std::string> more = {}) const {
    std::vector<std::string> command{"openssl", "pkcs12",   "-export",          "-inkey", key_path,   "-in",
                                     leaf_path, "-passout", "pass:" + password, "-name",  "my server"};
    command.insert(command.end(), more.begin(), more.end());
    return judge::run(command);
  }
  Passwords passwords(std::string_view lines) const { return Passwords::read(scratch.write("passwords", lines)); }
};

TEST_CASE("a PKCS#12 file is opened by the passwords that are known, the empty one and Java's among them") {
  const Files files;
  const Passwords given = files.passwords("one\r\n\nsecret\n");
  const std::string with_ca = files.made("secret", {"-certfile", files.ca_path});
  CHECK(contents_of(with_ca, given) == "pkcs12: 1 my server=www.example.org/matches, 2 Root/other");
  CHECK(contents_of(with_ca) == "pkcs12: ; encrypted");
  CHECK(contents_of(files.made("other"), given) == "pkcs12: ; encrypted");
  CHECK(contents_of(files.made("")) == "pkcs12: 1 my server=www.example.org/matches");
  CHECK(contents_of(files.made("changeit")) == "pkcs12: 1 my server=www.example.org/matches");
  // What old programs write.
  CHECK(contents_of(files.made("secret", {"-legacy"}), given) == "pkcs12: 1 my server=www.example.org/matches");
  CHECK(contents_of(files.made("secret", {"-nomac"}), given) == "pkcs12: 1 my server=www.example.org/matches");
}

TEST_CASE("a PKCS#12 file without a key is a trust store") {
  const Files files;
  const std::string store = judge::run({"openssl", "pkcs12", "-export", "-nokeys", "-in", files.ca_path, "-passout",
                                        "pass:changeit", "-caname", "first"});
  CHECK(contents_of(store) == "pkcs12: 1 first=Root (trust store)");
}

TEST_CASE("PKCS#12 files that are cut or changed are told of, and survived") {
  const Files files;
  // Few rounds: each octet is tried.
  const std::string whole = files.made("", {"-iter", "1", "-maciter"});
  CHECK(contents_of(whole.substr(0, whole.size() - 1)) == "pkcs12: ; truncated");
  CHECK(contents_of(whole.substr(0, 20)) == "pkcs12: ; truncated");
  std::string changed = whole;
  changed[whole.size() / 2] = static_cast<char>(changed[whole.size() / 2] ^ 1);
  CHECK(contents_of(changed) == "pkcs12: ; encrypted");  // its integrity check cannot tell this from another password
  survive_damage(base::as_bytes(whole));
}

TEST_CASE("a file of passwords that is wrong is refused with its line, and without what stands there") {
  const Files files;
  struct {
    std::string lines, message;
  } rejects[] = {
      {"good\nhid\tden\n", ":2: the password holds a control character"},
      {std::string("hid\0den", 7), ":1: the password holds a control character"},
      {"hid\xff\n", ":1: the password is not UTF-8"},
      {"\xEF\xBB\xBFhid\n", ":1: the line begins with a byte order mark"},
  };
  for (const auto& row : rejects) {
    CAPTURE(row.message);
    const std::string message = judge::message_of([&] { files.passwords(row.lines); });
    CHECK(message.ends_with("/passwords" + row.message));
  }
  std::string many;
  for (int i = 0; i < 101; ++i) many += "x\n";
  CHECK(judge::message_of([&] { files.passwords(many); }).ends_with(":101: more than 100 passwords"));
  CHECK_NOTHROW(files.passwords(many.substr(2)));
  CHECK(files.passwords("a\nb").all().size() == 4);
  CHECK_FALSE(files.passwords("\n\n").are_given());
}

}  // namespace
}  // namespace everseal::discover
