#include "found_text.h"
#include "pki/digest.h"
#include "pki/issued.h"
#include "pki/judge.h"
#include "skip.h"

#include <cstdint>

#include <doctest/doctest.h>

namespace everseal::discover {
namespace {

using namespace testing;
using pki::KeyType;

// A key store, entry by entry.
class Store {
 public:
  explicit Store(std::uint32_t entries, std::uint32_t magic = 0xfeedfeed, std::uint32_t version = 2)
      : version_(version) {
    number(magic).number(version).number(entries);
  }
  Store& number(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) octets_ += static_cast<char>(value >> shift);
    return *this;
  }
  Store& text(std::string_view value) {
    octets_ += static_cast<char>(value.size() >> 8);
    octets_ += static_cast<char>(value.size());
    octets_ += value;
    return *this;
  }
  Store& head(std::uint32_t kind, std::string_view alias) { return number(kind).text(alias).number(0).number(0); }
  Store& certificate(const pki::Certificate& one) {
    if (version_ == 2) text("X.509");
    number(static_cast<std::uint32_t>(one.der().size()));
    octets_ += base::as_text(one.der());
    return *this;
  }
  // With its digest under a password of ASCII.
  std::string sealed(std::string_view password = "changeit") const {
    std::string keyed;
    for (const char c : password) keyed += std::string{'\0', c};
    return octets_ + std::string(base::as_text(pki::sha1(base::as_bytes(keyed + "Mighty Aphrodite" + octets_))));
  }

 private:
  std::string octets_;
  std::uint32_t version_;
};

TEST_CASE("a JKS file gives its certificates without any password") {
  const pki::testing::Authority root = pki::testing::make_root();
  const pki::Certificate leaf = pki::testing::issue(
      pki::testing::server_template("www.example.org", pki::testing::key_of(KeyType::ecdsa_p256, 7)), root);
  const auto keyed = [&](std::uint32_t magic, std::uint32_t version) {
    Store store(2, magic, version);
    store.head(1, "tomcat").number(4).number(0xabababab).number(2);
    store.certificate(leaf).certificate(root.certificate);
    store.head(2, "the root").certificate(root.certificate);
    return store.sealed();
  };
  const std::string found = "jks: 1 tomcat=www.example.org/unknown, 2 tomcat=Root/unknown, 3 the root=Root/unknown";
  CHECK(contents_of(keyed(0xfeedfeed, 2)) == found);
  CHECK(contents_of(keyed(0xfeedfeed, 1)) == found);
  CHECK(contents_of(keyed(0xcececece, 2)) == found);
  CHECK(contents_of(Store(1).head(2, "a").certificate(root.certificate).sealed()) == "jks: 1 a=Root (trust store)");
  CHECK(contents_of(Store(0).sealed()) == "none: ");
}

TEST_CASE("a JKS file that is cut, of another version or with what cannot be read is told of") {
  const pki::Certificate root = pki::testing::make_root().certificate;
  const std::string whole = Store(1).head(2, "a").certificate(root).sealed();
  struct {
    const char* what;
    std::string octets, found;
  } rows[] = {
      {"without its digest", whole.substr(0, whole.size() - 20), "jks: 1 a=Root (trust store); truncated"},
      {"cut in the certificate", whole.substr(0, 200), "jks: ; truncated"},
      {"its head alone", whole.substr(0, 4), "jks: ; truncated"},
      {"more entries than there are", Store(7).head(2, "a").certificate(root).sealed(), "jks: 1 a=Root; truncated"},
      {"four thousand million entries", Store(0xffffffff).sealed(), "jks: ; truncated"},
      {"a huge certificate", Store(1).head(2, "a").text("X.509").number(0xffffffff).sealed(), "jks: ; truncated"},
      {"version 3", Store(0, 0xfeedfeed, 3).sealed(), "jks: ; broken"},
      {"something behind it", whole + "x", "jks: 1 a=Root (trust store); broken"},
      {"a secret key", Store(2, 0xcececece).head(2, "a").certificate(root).head(3, "aes").sealed(),
       "jks: 1 a=Root; unsupported"},
      {"a certificate of another kind", Store(1).head(2, "a").text("X.400").number(0).sealed(), "none: "},
      {"a certificate that is none", Store(1).head(2, "a").text("X.509").number(0).sealed(), "jks: ; broken"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(contents_of(row.octets) == row.found);
  }
  survive_damage(base::as_bytes(whole));
}

TEST_CASE("the digest of a JKS file is checked where passwords are given") {
  const pki::testing::Scratch scratch;
  const pki::Certificate root = pki::testing::make_root().certificate;
  const auto sealed = [&](std::string_view password) {
    return Store(1).head(2, "a").certificate(root).sealed(password);
  };
  const Passwords given = Passwords::read(scratch.write("passwords", "one\nsecret\n"));
  CHECK(contents_of(sealed("secret"), given) == "jks: 1 a=Root (trust store)");
  CHECK(contents_of(sealed("other"), given) == "jks: 1 a=Root (trust store); encrypted");
  CHECK(contents_of(sealed("other")) == "jks: 1 a=Root (trust store)");
  std::string changed = sealed("secret");
  changed[30] ^= 1;  // in the date of the entry
  CHECK(contents_of(changed, given).ends_with("; encrypted"));
}

TEST_CASE("what keytool makes is read: JKS, JCEKS and PKCS#12, whatever the password's characters") {
  if (!judge::attempt({"/bin/sh", "-c", "command -v keytool"}).success())
    return skip_test("keytool is not installed", InCi::may_lack_it);
  const pki::testing::Scratch scratch;
  const std::string ascii = scratch.write("ascii", "of the key\n");
  const std::string others = scratch.write("others", "pa\xC3\x9F\xE2\x82\xACwort\n");  // as of JKS only
  for (const std::string type : {"JKS", "JCEKS", "PKCS12"}) {
    CAPTURE(type);
    const std::string path = scratch.path(type);
    const std::string& password = type == "PKCS12" ? ascii : others;
    const Passwords given = Passwords::read(password);
    judge::run({"keytool", "-J-Dfile.encoding=UTF-8", "-J-Dsun.jnu.encoding=UTF-8", "-genkeypair", "-alias", "tomcat",
                "-keyalg", "EC", "-dname", "CN=www.example.org", "-storetype", type, "-keystore", path,
                "-storepass:file", password, "-keypass:file", ascii});
    const std::string octets(base::as_text(base::read_file(path, 1 << 20)));
    CHECK(contents_of(octets, given) ==
          (type == "PKCS12" ? "pkcs12: 1 tomcat=www.example.org/matches" : "jks: 1 tomcat=www.example.org/unknown"));
  }
}

}  // namespace
}  // namespace everseal::discover
