#include "pki/certificate.h"

#include "fakes/temporary_directory.h"
#include "judge.h"
#include "pki/pem.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::pki {
namespace {

using Kind = GeneralName::Kind;

struct Wanted {
  std::string subject = "CN=test\n";  // lines of OpenSSL's configuration
  std::string extensions = "basicConstraints=critical,CA:FALSE\n";
  std::string sections;
  std::vector<std::string> arguments;
  KeyType key = KeyType::ecdsa_p256;
};

// A self-signed certificate that the openssl program made, as DER.
base::Bytes make(const Wanted& wanted) {
  const fakes::TemporaryDirectory directory;
  base::write_file(directory / "key", PrivateKey::generate(wanted.key).pem().reveal());
  base::write_file(directory / "config",
                   base::as_bytes("[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n"
                                  "x509_extensions=ext\n[dn]\n" +
                                  wanted.subject + "[ext]\n" + wanted.extensions + wanted.sections));
  std::vector<std::string> argv = {
      "openssl", "req", "-x509", "-new", "-key", directory / "key", "-config", directory / "config", "-outform", "DER"};
  argv.insert(argv.end(), wanted.arguments.begin(), wanted.arguments.end());
  return base::to_bytes(judge::run(argv));
}

Certificate certificate(const Wanted& wanted) { return Certificate::parse(make(wanted)); }

std::string ask_openssl(const Certificate& certificate, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"openssl", "x509", "-inform", "DER"});
  std::string answer = judge::run(arguments, certificate.der());
  while (answer.ends_with('\n')) answer.pop_back();
  return answer;
}

TEST_CASE("what a certificate says agrees with what openssl reads in it") {
  const Certificate read = certificate(
      {.subject = "C=DE\nO=Acme, Inc.\nOU=a+b\nCN=www.example.org\n",
       .extensions =
           "basicConstraints=critical,CA:TRUE,pathlen:3\n"
           "keyUsage=critical,digitalSignature,keyCertSign,cRLSign\n"
           "extendedKeyUsage=serverAuth,clientAuth,1.2.3.4\n"
           "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n"
           "subjectAltName=DNS:www.example.org,IP:192.0.2.1,IP:2001:db8::1,email:joe@example.org,"
           "URI:spiffe://example.org/x,RID:1.2.3.4,otherName:1.2.3.5;UTF8:x,dirName:dir\n"
           "crlDistributionPoints=URI:http://pki.example.org/a.crl,URI:http://pki.example.org/b.crl\n"
           "authorityInfoAccess=OCSP;URI:http://ocsp.example.org/,caIssuers;URI:http://pki.example.org/ca.der\n",
       .sections = "[dir]\nO=Acme\nCN=a\\, b\n",
       .arguments = {"-set_serial", "0x4f00ab", "-days", "90"}});

  CHECK("sha256 Fingerprint=" + read.fingerprint().text() == [&] {
    std::string text = ask_openssl(read, {"-noout", "-fingerprint", "-sha256"});
    std::erase(text, ':');
    return text.substr(0, 19) + base::lower(text.substr(19));
  }());
  CHECK("serial=" + read.serial() == base::lower(ask_openssl(read, {"-noout", "-serial"})));
  CHECK(read.serial() == "4f00ab");
  CHECK(read.subject().raw() == "C=DE, O=Acme\\, Inc., OU=a\\+b, CN=www.example.org");
  CHECK(read.issuer() == read.subject());
  CHECK(read.is_self_issued());
  CHECK(DistinguishedName::parse(read.subject().raw()) == read.subject_name());
  CHECK(read.subject_name().first("O") == "Acme, Inc.");
  CHECK(read.subject_der() == read.issuer_der());

  std::string dates = base::format_time(read.not_before()) + base::format_time(read.not_after());
  std::ranges::replace(dates, 'T', ' ');
  std::string judged = ask_openssl(read, {"-noout", "-dates", "-dateopt", "iso_8601"});
  CHECK(judged == "notBefore=" + dates.substr(0, 20) + "\nnotAfter=" + dates.substr(20));
  CHECK(read.not_after() - read.not_before() == base::Seconds(90 * 86400));

  const std::vector<GeneralName> names = {{Kind::dns, base::Untrusted("www.example.org")},
                                          {Kind::ip, base::Untrusted("192.0.2.1")},
                                          {Kind::ip, base::Untrusted("2001:db8::1")},
                                          {Kind::email, base::Untrusted("joe@example.org")},
                                          {Kind::uri, base::Untrusted("spiffe://example.org/x")},
                                          {Kind::other, base::Untrusted("registeredID 1.2.3.4")},
                                          {Kind::other, base::Untrusted("1.2.3.5")},
                                          {Kind::directory, base::Untrusted("O=Acme, CN=a\\, b")}};
  CHECK(read.names() == names);
  CHECK(read.is_ca());
  CHECK(read.path_length() == 3);
  CHECK(read.key_usage() == std::vector<std::string>{"digitalSignature", "keyCertSign", "cRLSign"});
  CHECK(read.extended_key_usage() == std::vector<std::string>{"serverAuth", "clientAuth", "1.2.3.4"});
  CHECK(read.subject_key_id().size() == 20);
  CHECK(read.subject_key_id() == read.authority_key_id());
  CHECK(read.crl_urls() ==
        std::vector{base::Untrusted("http://pki.example.org/a.crl"), base::Untrusted("http://pki.example.org/b.crl")});
  CHECK(read.ocsp_urls() == std::vector{base::Untrusted("http://ocsp.example.org/")});
  CHECK(read.issuer_urls() == std::vector{base::Untrusted("http://pki.example.org/ca.der")});
  CHECK(read.signature_algorithm() == "ecdsa-with-SHA256");
  CHECK(read.public_key().type == KeyType::ecdsa_p256);
  CHECK(read.pem() == ask_openssl(read, {}) + "\n");
  CHECK(read.describe() == "www.example.org (serial 4f00ab)");

  const std::string key = judge::run({"openssl", "pkey", "-pubin", "-outform", "DER"},
                                     base::as_bytes(ask_openssl(read, {"-noout", "-pubkey"})));
  CHECK(read.public_key_info() == base::to_bytes(key));
  CHECK(read.spki_pin() == sha256(base::as_bytes(key)));
}

TEST_CASE("what a certificate does not say is empty") {
  const Certificate bare = certificate({.extensions = "1.2.3.4=DER:0500\n", .arguments = {"-subj", "/"}});
  CHECK(bare.subject().empty());
  CHECK(bare.subject_name().empty());
  CHECK(bare.names().empty());
  CHECK_FALSE(bare.is_ca());
  CHECK_FALSE(bare.path_length().has_value());
  CHECK(bare.key_usage().empty());
  CHECK(bare.extended_key_usage().empty());
  CHECK(bare.crl_urls().empty());
  CHECK(bare.ocsp_urls().empty());
  CHECK(bare.issuer_urls().empty());
  CHECK(judge::contains(bare.describe(), "no name"));
}

TEST_CASE("every key type is named, and its signature") {
  const std::pair<KeyType, const char*> table[] = {{KeyType::ecdsa_p256, "ecdsa-with-SHA256"},
                                                   {KeyType::rsa_2048, "sha256WithRSAEncryption"},
                                                   {KeyType::ed25519, "ED25519"}};
  for (const auto& [type, algorithm] : table) {
    const Certificate read = certificate({.key = type});
    CHECK(read.public_key().type == type);
    CHECK(read.signature_algorithm() == algorithm);
  }
}

TEST_CASE("unusual serials and dates are read") {
  CHECK(certificate({.arguments = {"-set_serial", "0"}}).serial() == "00");
  CHECK(certificate({.arguments = {"-set_serial", "5"}}).serial() == "05");
  CHECK(certificate({.arguments = {"-set_serial", "0xff"}}).serial() == "ff");
  CHECK(certificate({.arguments = {"-set_serial", "-255"}}).serial() == "-ff");
  const Certificate lasting = certificate({.arguments = {"-days", "36500"}});
  CHECK(lasting.not_after() - lasting.not_before() == base::Seconds(36500LL * 86400));
}

TEST_CASE("subjects of every shape have an unambiguous text") {
  const auto subject_of = [](const std::string& lines) { return certificate({.subject = lines}).subject().raw(); };
  CHECK(subject_of("O=a\n+CN=b\nOU=c\n") == "CN=b+O=a, OU=c");
  CHECK(subject_of("CN=a\\\\b\\\"c\n") == "CN=a\\\\b\\\"c");
  CHECK(subject_of("CN=\\#a\n") == "CN=\\#a");
  CHECK(subject_of("CN=Bücher\n") == "CN=Bücher");
  CHECK(subject_of("businessCategory=x\n") == "2.5.4.15=x");
  CHECK(certificate({.subject = "businessCategory=x\n"}).subject_name().rdns.at(0).first == "2.5.4.15");
  base::Bytes bits_der = make({.subject = "x500UniqueIdentifier=xy\n"});
  const base::Bytes bit_string = {0x03, 0x02, 0x00, 0x79};
  for (int i = 0; i < 2; ++i) bits_der = judge::patched(bits_der, base::Bytes{0x0c, 0x02, 0x78, 0x79}, bit_string);
  const Certificate bits = Certificate::parse(bits_der);
  CHECK(bits.subject().raw() == "2.5.4.45=#03020079");
  // The same letters in the encodings of the last century.
  for (const char* mask : {"MASK:0x4", "MASK:0x800"}) {
    CAPTURE(mask);
    const fakes::TemporaryDirectory directory;
    base::write_file(directory / "key", PrivateKey::generate(KeyType::ecdsa_p256).pem().reveal());
    base::write_file(directory / "config",
                     base::as_bytes(fmt::format("[req]\nprompt=no\nutf8=yes\nstring_mask={}\ndistinguished_name=dn\n"
                                                "[dn]\nO=B\xc3\xbc"
                                                "cher\n",
                                                mask)));
    const std::string der = judge::run({"openssl", "req", "-x509", "-new", "-key", directory / "key", "-config",
                                        directory / "config", "-outform", "DER"});
    CHECK(Certificate::parse(base::as_bytes(der)).subject().raw() ==
          "O=B\xc3\xbc"
          "cher");
  }
}

TEST_CASE("hostile text survives as it is, and describes itself printable") {
  const base::Bytes der = make(
      {.subject = "CN=hostilesubject\n", .extensions = "subjectAltName=DNS:hostilename,email:quiet@example.org\n"});
  const std::string name(
      "ho\0\x1b[2J\r\n\xff"
      "e",
      11);
  const std::string subject("\x1b[0mx\x07\0\xe2\x80\xae=, C", 14);
  base::Bytes hostile = judge::patched(der, std::string_view("hostilename"), name);
  // Subject and issuer hold it.
  hostile = judge::patched(hostile, std::string_view("hostilesubject"), subject);
  hostile = judge::patched(hostile, std::string_view("hostilesubject"), subject);
  const Certificate read = Certificate::parse(hostile);
  CHECK(read.names().at(0) == GeneralName{Kind::dns, base::Untrusted(name)});
  CHECK(read.subject_name().first("CN") == subject);
  CHECK(read.subject().raw() == "CN=" + subject.substr(0, subject.size() - 3) + "\\, C");
  for (const char c : read.describe()) CHECK(static_cast<unsigned char>(c) >= 0x20);
  CHECK_FALSE(matches(read.names(), Identifier::parse("ho")));
}

TEST_CASE("ten thousand names are read, and searched") {
  std::string section = "[names]\n";
  for (int i = 0; i < 10'000; ++i) section += fmt::format("DNS.{}=host-{}.example.org\n", i, i);
  const Certificate read = certificate({.extensions = "subjectAltName=@names\n", .sections = section});
  REQUIRE(read.names().size() == 10'000);
  CHECK(read.names().back().value.raw() == "host-9999.example.org");
  std::vector<Identifier> references;
  for (int i = 0; i < 10'000; ++i) references.push_back(Identifier::parse(fmt::format("host-{}.example.org", i)));
  CHECK(covers(read.names(), references));
  references.push_back(Identifier::parse("host-10000.example.org"));
  CHECK_FALSE(covers(read.names(), references));
  CHECK(matches(read.names(), Identifier::parse("host-9999.example.org")));
}

TEST_CASE("names that cannot be read are told of, not hidden") {
  const Certificate odd = certificate({.extensions = "subjectAltName=DER:300787050102030405\n"});
  REQUIRE(odd.names().size() == 1);
  CHECK(odd.names()[0] == GeneralName{Kind::other, base::Untrusted("iPAddress")});
  const Certificate broken = certificate({.extensions = "subjectAltName=DER:3082ffff\n"});
  REQUIRE(broken.names().size() == 1);
  CHECK(broken.names()[0].kind == Kind::other);
  const base::Bytes once =
      make({.extensions = "subjectAltName=DNS:a.example\n2.5.29.99=DER:300b8209622e6578616d706c65\n"});
  const Certificate twice =
      Certificate::parse(judge::patched(once, base::Bytes{0x55, 0x1d, 0x63}, base::Bytes{0x55, 0x1d, 0x11}));
  REQUIRE(twice.names().size() == 2);
  CHECK(twice.names()[1].value.raw() == "b.example");
  const Certificate no_basics = certificate({.extensions = "basicConstraints=DER:0500\n"});
  CHECK_FALSE(no_basics.is_ca());
}

TEST_CASE("hosts are matched as openssl matches them") {
  const Certificate read =
      certificate({.extensions = "subjectAltName=DNS:example.org,DNS:*.Example.net,IP:192.0.2.1,IP:2001:db8::1\n"});
  for (const char* host : {"example.org", "www.example.org", "www.example.net", "example.net", "a.b.example.net"}) {
    CAPTURE(host);
    CHECK(matches(read.names(), Identifier::parse(host)) ==
          judge::contains(ask_openssl(read, {"-noout", "-checkhost", host}), "does match"));
  }
  for (const char* address : {"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"}) {
    CAPTURE(address);
    CHECK(matches(read.names(), Identifier::parse(address)) ==
          judge::contains(ask_openssl(read, {"-noout", "-checkip", address}), "does match"));
  }
}

TEST_CASE("certificates are the same where their DER is") {
  const base::Bytes der = make({});
  CHECK(Certificate::parse(der) == Certificate::parse(der));
  CHECK_FALSE(Certificate::parse(der) == certificate({}));
  const Certificate copy = Certificate::parse(der);
  CHECK(copy.der() == der);
}

TEST_CASE("files hold one certificate, many, or none") {
  const Certificate one = certificate({});
  const Certificate two = certificate({});
  const std::string text = "subject=x\n" + one.pem() + "issuer=y\r\n" + two.pem();
  const std::vector<Certificate> both = Certificate::parse_all(base::as_bytes(text));
  REQUIRE(both.size() == 2);
  CHECK(both[0] == one);
  CHECK(both[1] == two);
  CHECK(Certificate::parse_all(one.der()).at(0) == one);
  const std::string with_key = std::string(PrivateKey::generate(KeyType::ed25519).pem().reveal_text()) + one.pem();
  CHECK(Certificate::parse_all(base::as_bytes(with_key)).size() == 1);

  base::Bytes posing = make({.subject = "CN=-----BEGIN CERTIFICATE-----\n"});
  CHECK(Certificate::parse_all(posing).at(0).der() == posing);

  base::Bytes trailing = one.der();
  trailing.push_back(0);
  const std::pair<const char*, base::Bytes> rejects[] = {
      {"nothing", {}},
      {"text", base::to_bytes("hello")},
      {"a key", base::to_bytes(PrivateKey::generate(KeyType::ed25519).pem().reveal_text())},
      {"octets after it", trailing},
      {"two in DER",
       [&] {
         base::Bytes joined = one.der();
         joined.insert(joined.end(), two.der().begin(), two.der().end());
         return joined;
       }()},
      {"zeros", base::Bytes(1 << 16)},
      {"more than 1 MiB", base::Bytes((1 << 20) + 1, 0x30)},
      {"an endless length", base::Bytes{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}},
  };
  for (const auto& [what, bytes] : rejects) {
    CAPTURE(what);
    CHECK(judge::fault_of([&] { Certificate::parse_all(bytes); }) == base::Fault::invalid);
  }
  const std::string message = judge::message_of(
      [&] { Certificate::parse_all(base::as_bytes(one.pem() + pem("CERTIFICATE", base::as_bytes("broken")))); });
  CHECK(judge::contains(message, "certificate 2"));
}

TEST_CASE("a certificate whose time is none is refused") {
  const base::Bytes der = make({.arguments = {"-days", "1"}});
  const Certificate read = Certificate::parse(der);
  std::string time = base::format_time(read.not_after());
  std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == 'T'; });
  const std::string utc = time.substr(2);
  const base::Bytes bad = judge::patched(der, std::string_view(utc), utc.substr(0, 2) + "13" + utc.substr(4));
  CHECK(judge::contains(judge::message_of([&] { Certificate::parse(bad); }), "notAfter"));
}

TEST_CASE("cut and damaged certificates are refused or read, and nothing else happens") {
  const Certificate whole = certificate(
      {.subject = "C=DE\nO=Acme\nCN=x\n",
       .extensions = "basicConstraints=CA:TRUE,pathlen:1\nkeyUsage=keyCertSign\nextendedKeyUsage=serverAuth\n"
                     "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
                     "subjectAltName=DNS:a.example,IP:192.0.2.1,dirName:dir,otherName:1.2.3.5;UTF8:x\n"
                     "crlDistributionPoints=URI:http://a/\nauthorityInfoAccess=OCSP;URI:http://b/\n",
       .sections = "[dir]\nCN=x\n"});
  judge::check_prefixes_are_refused(whole.der(), [](base::BytesView bytes) { Certificate::parse(bytes); });
  const std::string pem = whole.pem();
  judge::check_prefixes_are_refused(base::as_bytes(pem).first(pem.size() - 1),
                                    [](base::BytesView bytes) { Certificate::parse_all(bytes); });
  const auto look_everywhere = [](base::BytesView bytes) {
    const Certificate read = Certificate::parse(bytes);
    read.serial();
    read.subject();
    read.issuer();
    read.subject_name();
    read.is_self_issued();
    read.names();
    read.public_key();
    read.spki_pin();
    read.signature_algorithm();
    read.key_usage();
    read.extended_key_usage();
    read.subject_key_id();
    read.authority_key_id();
    read.crl_urls();
    read.ocsp_urls();
    read.issuer_urls();
    read.describe();
    covers(read.names(), std::vector{Identifier::parse("a.example")});
  };
  CHECK(judge::check_damage_is_survived(whole.der(), look_everywhere, 3000) > 3000);
}

TEST_CASE("a serial number is read however it is written") {
  struct Row {
    std::string text;
    std::optional<std::string> serial;
  };
  const Row rows[] = {
      {"0641cd66", "0641cd66"},
      {"641cd66", "0641cd66"},  // as Go and Python print it
      {"0x641CD66", "0641cd66"},
      {"06:41:CD:66", "0641cd66"},
      {" 06 41 cd 66\n", "0641cd66"},
      {"000000641cd66", "0641cd66"},
      {"1000", "1000"},
      {"0", "00"},
      {"", std::nullopt},
      {"0x", std::nullopt},
      {"6g", std::nullopt},
      {"-01", std::nullopt},
      {std::string(130, 'a'), std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(parse_serial(row.text) == row.serial);
  }
}

TEST_CASE("threads may look at one certificate at once") {
  const Certificate shared = certificate({.extensions = "subjectAltName=DNS:a.example,DNS:b.example\n"});
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        if (shared.names().size() == 2 && shared.describe().starts_with("a.example") && !shared.is_ca()) ++right;
      });
  }
  CHECK(right == 8);
}

}  // namespace
}  // namespace everseal::pki
