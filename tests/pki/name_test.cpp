#include "pki/name.h"

#include "judge.h"

#include <doctest/doctest.h>

namespace everseal::pki {
namespace {

using Kind = GeneralName::Kind;

GeneralName general(Kind kind, std::string text) { return {kind, base::Untrusted(std::move(text))}; }

std::string repeated(char c, std::size_t count) { return std::string(count, c); }

TEST_CASE("identifiers are told apart by their form and normalised") {
  const std::string label63 = repeated('a', 63);
  struct {
    std::string text;
    IdentifierKind kind;
    std::string normal;
  } accepts[] = {
      {"example.org", IdentifierKind::dns, "example.org"},
      {"WWW.Example.ORG", IdentifierKind::dns, "www.example.org"},
      {"example.org.", IdentifierKind::dns, "example.org"},
      {"localhost", IdentifierKind::dns, "localhost"},
      {"*.example.org", IdentifierKind::dns, "*.example.org"},
      {"_acme.example.org", IdentifierKind::dns, "_acme.example.org"},
      {"r3---sn-abc.example.org", IdentifierKind::dns, "r3---sn-abc.example.org"},
      {"1.example", IdentifierKind::dns, "1.example"},
      {"bücher.example", IdentifierKind::dns, "xn--bcher-kva.example"},
      {"BÜCHER.example", IdentifierKind::dns, "xn--bcher-kva.example"},
      {"*.bücher.example", IdentifierKind::dns, "*.xn--bcher-kva.example"},
      {"XN--BCHER-KVA.example", IdentifierKind::dns, "xn--bcher-kva.example"},
      {"straße.example", IdentifierKind::dns, "xn--strae-oqa.example"},
      {"例え。テスト", IdentifierKind::dns, "xn--r8jz45g.xn--zckzah"},
      {label63 + ".org", IdentifierKind::dns, label63 + ".org"},
      {"192.0.2.1", IdentifierKind::ip, "192.0.2.1"},
      {"2001:DB8:0:0::1", IdentifierKind::ip, "2001:db8::1"},
      {"[2001:db8::1]", IdentifierKind::ip, "2001:db8::1"},
      {"::1", IdentifierKind::ip, "::1"},
      {"fe80::1", IdentifierKind::ip, "fe80::1"},
      {"Joe.Doe+x@Example.ORG", IdentifierKind::email, "Joe.Doe+x@example.org"},
      {"joe@bücher.example", IdentifierKind::email, "joe@xn--bcher-kva.example"},
      {repeated('a', 64) + "@example.org", IdentifierKind::email, repeated('a', 64) + "@example.org"},
      {"HTTPS://example.org/A?b#c", IdentifierKind::uri, "https://example.org/A?b#c"},
      {"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", IdentifierKind::uri,
       "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
      {"https://[2001:db8::1]:8443/x%20y", IdentifierKind::uri, "https://[2001:db8::1]:8443/x%20y"},
      {"spiffe://example.org", IdentifierKind::uri, "spiffe://example.org"},
      {"SPIFFE://example.org/ns/Prod/sa/web_1", IdentifierKind::uri, "spiffe://example.org/ns/Prod/sa/web_1"},
      {"https://x/" + repeated('a', 2038), IdentifierKind::uri, "https://x/" + repeated('a', 2038)},
  };
  for (const auto& row : accepts) {
    CAPTURE(row.text);
    const Identifier identifier = Identifier::parse(row.text);
    CHECK(identifier.kind() == row.kind);
    CHECK(identifier.text() == row.normal);
    CHECK(Identifier::parse(identifier.text()) == identifier);
    CHECK(Identifier::parse(row.kind, row.text) == identifier);
  }
}

TEST_CASE("identifiers that break a rule are refused, and the rule is named") {
  const std::string label = repeated('a', 63) + ".";
  struct {
    std::string text;
    const char* rule;
  } rejects[] = {
      {"", "empty"},
      {".", "empty label"},
      {"example..org", "empty label"},
      {".example.org", "empty label"},
      {"example.org..", "empty label"},
      {repeated('a', 64) + ".org", "63"},
      {label + label + label + label + "org", "253"},
      {"-a.example.org", "hyphen"},
      {"a-.example.org", "hyphen"},
      {"exa mple.org", "blank"},
      {"example.org\n", "blank"},
      {std::string("example.org\0.evil", 17), "control"},
      {"exam\x1bple.org", "control"},
      {"a/b", "letters"},
      {"*", "letters"},
      {"a.*.example.org", "letters"},
      {"w*.example.org", "letters"},
      {"**.example.org", "letters"},
      {"*.*.example.org", "letters"},
      {"*.org", "two labels"},
      {"example.123", "digits"},
      {"1.2.3", "digits"},
      {"1.2.3.4.5", "digits"},
      {"256.1.1.1", "digits"},
      {"010.0.0.1", "digits"},
      {"\xff.example", "UTF-8"},
      {"xn--a.example", "no DNS name"},
      {"xn--\x62\xc3\xbc.example", "no DNS name"},
      {"a\xe2\x80\xae.example", "no DNS name"},
      {"*.192.0.2.1", "digits"},
      {"::ffff:192.0.2.1", "mapped"},
      {"fe80::1%eth0", "scope"},
      {"[192.0.2.1]", "brackets"},
      {"[example.org]", "written"},
      {"2001:db8::zz", "no"},
      {"abcd::12345", "written"},
      {"1:2:3:4:5:6:7:8:9", "written"},
      {"example.org:443", "port"},
      {"DNS:example.org", "kind"},
      {"ip:192.0.2.1", "kind"},
      {"@example.org", "64"},
      {"joe@", "empty"},
      {"a@b@example.org", "one"},
      {repeated('a', 65) + "@example.org", "64"},
      {"joe doe@example.org", "atoms"},
      {".joe@example.org", "atoms"},
      {"jo..e@example.org", "atoms"},
      {"\"joe\"@example.org", "atoms"},
      {"j\xc3\xb6@example.org", "atoms"},
      {"joe@*.example.org", "wildcard"},
      {"https:", "nothing follows"},
      {"https://", "no host"},
      {"https:///path", "no host"},
      {"https://user@:80/", "no host"},
      {"https://exa mple.org", "percent"},
      {"https://example.org/\x01", "percent"},
      {"https://b\xc3\xbc.example/", "percent"},
      {"https://example.org/%zz", "%"},
      {"https://example.org/%4", "%"},
      {"https://x/" + repeated('a', 2039), "2048"},
      {"spiffe:example.org", "spiffe://"},
      {"spiffe://", "trust domain"},
      {"spiffe:///path", "trust domain"},
      {"spiffe://Example.org/x", "trust domain"},
      {"spiffe://example.org:8443/x", "trust domain"},
      {"spiffe://user@example.org/x", "trust domain"},
      {"spiffe://example.org?x", "trust domain"},
      {"spiffe://example.org#x", "trust domain"},
      {"spiffe://example.org/", "segment"},
      {"spiffe://example.org//x", "segment"},
      {"spiffe://example.org/x/", "segment"},
      {"spiffe://example.org/./x", "segment"},
      {"spiffe://example.org/../x", "segment"},
      {"spiffe://example.org/x?y", "segments hold"},
      {"spiffe://example.org/x%20y", "segments hold"},
      {repeated('a', 100'000), "too long"},
  };
  for (const auto& row : rejects) {
    CAPTURE(row.text.substr(0, 100));
    CHECK(judge::fault_of([&] { Identifier::parse(row.text); }) == base::Fault::usage);
    const std::string message = judge::message_of([&] { Identifier::parse(row.text); });
    CAPTURE(message);
    CHECK(judge::contains(message, row.rule));
    CHECK_FALSE(judge::contains(message, "\x1b"));
  }
}

TEST_CASE("a kind that is asked for is not guessed") {
  CHECK(judge::fault_of([] { Identifier::parse(IdentifierKind::ip, "example.org"); }) == base::Fault::usage);
  CHECK(judge::fault_of([] { Identifier::parse(IdentifierKind::dns, "192.0.2.1"); }) == base::Fault::usage);
  CHECK(judge::fault_of([] { Identifier::parse(IdentifierKind::dns, "::1"); }) == base::Fault::usage);
  CHECK(judge::fault_of([] { Identifier::parse(IdentifierKind::email, "example.org"); }) == base::Fault::usage);
  CHECK(judge::fault_of([] { Identifier::parse(IdentifierKind::uri, "example.org"); }) == base::Fault::usage);
}

TEST_CASE("an address gives its octets") {
  CHECK(Identifier::parse("192.0.2.1").ip_octets() == base::Bytes{192, 0, 2, 1});
  CHECK(Identifier::parse("::1").ip_octets() == base::Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  CHECK(judge::fault_of([] { static_cast<void>(Identifier::parse("example.org").ip_octets()); }) ==
        base::Fault::internal);
}

TEST_CASE("identifiers are listed as text") {
  const std::vector<Identifier> two = {Identifier::parse("www.example.org"), Identifier::parse("10.0.0.1")};
  CHECK(to_string(two) == "www.example.org, 10.0.0.1");
  CHECK(to_string(std::span<const Identifier>{}).empty());
}

TEST_CASE("presented names match by RFC 9525") {
  struct {
    GeneralName presented;
    const char* reference;
    bool expected;
  } table[] = {
      {general(Kind::dns, "example.org"), "example.org", true},
      {general(Kind::dns, "EXAMPLE.org"), "example.org", true},
      {general(Kind::dns, "xn--bcher-kva.example"), "bücher.example", true},
      {general(Kind::dns, "*.example.org"), "www.example.org", true},
      {general(Kind::dns, "*.Example.org"), "www.example.org", true},
      {general(Kind::dns, "*.example.org"), "*.example.org", true},
      {general(Kind::ip, "192.0.2.1"), "192.0.2.1", true},
      {general(Kind::ip, "2001:db8::1"), "2001:DB8::1", true},
      {general(Kind::email, "joe@EXAMPLE.org"), "joe@example.org", true},
      {general(Kind::uri, "SPIFFE://example.org/x"), "spiffe://example.org/x", true},
      {general(Kind::dns, "*.example.org"), "example.org", false},
      {general(Kind::dns, "*.example.org"), "a.b.example.org", false},
      {general(Kind::dns, "*"), "localhost", false},
      {general(Kind::dns, "*.org"), "example.org", false},
      {general(Kind::dns, "w*.example.org"), "www.example.org", false},
      {general(Kind::dns, "www.*.org"), "www.example.org", false},
      {general(Kind::dns, "example.org."), "example.org", false},
      {general(Kind::dns, std::string("example.org\0.evil", 17)), "example.org", false},
      {general(Kind::dns, "www.example.org"), "*.example.org", false},
      {general(Kind::dns, "192.0.2.1"), "192.0.2.1", false},
      {general(Kind::dns, "*.0.2.1"), "192.0.2.1", false},
      {general(Kind::ip, "192.0.2.2"), "192.0.2.1", false},
      {general(Kind::uri, "example.org"), "example.org", false},
      {general(Kind::other, "example.org"), "example.org", false},
      {general(Kind::directory, "CN=example.org"), "example.org", false},
      {general(Kind::email, "Joe@example.org"), "joe@example.org", false},
      {general(Kind::uri, "spiffe://example.org/X"), "spiffe://example.org/x", false},
  };
  for (const auto& row : table) {
    CAPTURE(row.presented.value.raw());
    CAPTURE(row.reference);
    const Identifier reference = Identifier::parse(row.reference);
    CHECK(matches(std::span(&row.presented, 1), reference) == row.expected);
    CHECK(covers(std::span(&row.presented, 1), std::span(&reference, 1)) == row.expected);
  }
}

TEST_CASE("covers asks for every reference") {
  const std::vector<GeneralName> presented = {general(Kind::dns, "*.example.org"), general(Kind::ip, "192.0.2.1")};
  const std::vector<Identifier> inside = {Identifier::parse("a.example.org"), Identifier::parse("192.0.2.1")};
  const std::vector<Identifier> beyond = {Identifier::parse("a.example.org"), Identifier::parse("example.org")};
  CHECK(covers(presented, inside));
  CHECK_FALSE(covers(presented, beyond));
  CHECK(covers(presented, {}));
  CHECK_FALSE(covers({}, inside));
}

TEST_CASE("only names that Everseal would issue become identifiers") {
  CHECK(to_identifier(general(Kind::dns, "Example.org"))->text() == "example.org");
  CHECK(to_identifier(general(Kind::ip, "::1"))->kind() == IdentifierKind::ip);
  CHECK(to_identifier(general(Kind::email, "joe@example.org"))->kind() == IdentifierKind::email);
  CHECK(to_identifier(general(Kind::uri, "urn:x:y"))->kind() == IdentifierKind::uri);
  for (const GeneralName& name :
       {general(Kind::dns, "bücher.example"), general(Kind::dns, "example.org."), general(Kind::dns, "a b"),
        general(Kind::dns, ""), general(Kind::dns, std::string("a\0b", 3)), general(Kind::dns, "192.0.2.1"),
        general(Kind::ip, "x"), general(Kind::email, "x"), general(Kind::uri, "/relative"),
        general(Kind::directory, "CN=x"), general(Kind::other, "1.2.3")}) {
    CAPTURE(name.value.raw());
    CHECK_FALSE(to_identifier(name).has_value());
  }
}

TEST_CASE("a subject reads back as it is written") {
  using Rdns = std::vector<std::pair<std::string, std::string>>;
  struct {
    const char* text;
    Rdns rdns;
    const char* written;
  } accepts[] = {
      {"C=DE, O=Acme, CN=x", {{"C", "DE"}, {"O", "Acme"}, {"CN", "x"}}, "C=DE, O=Acme, CN=x"},
      {"  c=de,o = Acme ,cn=x  ", {{"C", "DE"}, {"O", "Acme"}, {"CN", "x"}}, "C=DE, O=Acme, CN=x"},
      {"O=Acme\\, Inc., CN=x", {{"O", "Acme, Inc."}, {"CN", "x"}}, "O=Acme\\, Inc., CN=x"},
      {"CN=\\ x\\ ", {{"CN", " x "}}, "CN=\\ x\\ "},
      {"CN=\\#x", {{"CN", "#x"}}, "CN=\\#x"},
      {"CN=a#b=c", {{"CN", "a#b=c"}}, "CN=a#b=c"},
      {"CN=\\\"a\\+b\\;c\\<d\\>e\\\\f", {{"CN", "\"a+b;c<d>e\\f"}}, "CN=\\\"a\\+b\\;c\\<d\\>e\\\\f"},
      {"CN=\\c3\\bc", {{"CN", "ü"}}, "CN=ü"},
      {"CN=Bücher", {{"CN", "Bücher"}}, "CN=Bücher"},
      {"OU=a, OU=b", {{"OU", "a"}, {"OU", "b"}}, "OU=a, OU=b"},
      {"DC=org, DC=example, UID=joe, emailAddress=joe@example.org",
       {{"DC", "org"}, {"DC", "example"}, {"UID", "joe"}, {"emailAddress", "joe@example.org"}},
       "DC=org, DC=example, UID=joe, emailAddress=joe@example.org"},
      {"serialNumber=12-34, ST=s, L=l, street=r, postalCode=p, title=t, GN=g, SN=n, organizationIdentifier=o",
       {{"serialNumber", "12-34"},
        {"ST", "s"},
        {"L", "l"},
        {"street", "r"},
        {"postalCode", "p"},
        {"title", "t"},
        {"GN", "g"},
        {"SN", "n"},
        {"organizationIdentifier", "o"}},
       "serialNumber=12-34, ST=s, L=l, street=r, postalCode=p, title=t, GN=g, SN=n, organizationIdentifier=o"},
      {"", {}, ""},
  };
  for (const auto& row : accepts) {
    CAPTURE(row.text);
    const DistinguishedName name = DistinguishedName::parse(row.text);
    CHECK(name.rdns == row.rdns);
    CHECK(name.text() == row.written);
    CHECK(DistinguishedName::parse(name.text()) == name);
  }
  CHECK(DistinguishedName::parse("OU=a, OU=b").first("OU") == "a");
  CHECK_FALSE(DistinguishedName::parse("OU=a").first("CN").has_value());
  CHECK(DistinguishedName::parse("CN=" + repeated('a', 64)).first("CN") == repeated('a', 64));
  CHECK_NOTHROW(DistinguishedName::parse("CN=" + [] {
    std::string umlauts;
    for (int i = 0; i < 64; ++i) umlauts += "ü";
    return umlauts;
  }()));
}

TEST_CASE("a subject that breaks a rule is refused") {
  struct {
    std::string text;
    const char* rule;
  } rejects[] = {
      {"x", "KEY=VALUE"},
      {"=x", "KEY=VALUE"},
      {"CN", "KEY=VALUE"},
      {"CN=x, y", "KEY=VALUE"},
      {"CN=a,,O=b", "KEY=VALUE"},
      {"CN=x,", "last comma"},
      {"CN=", "empty"},
      {"CN=  ", "empty"},
      {"O=a, CN=", "empty"},
      {"foo=x", "\"foo\" is not known"},
      {"1.2.3=x", "not known"},
      {"CN=a+O=b", "escape"},
      {"CN=a;b", "escape"},
      {"CN=\"a\"", "escape"},
      {"CN=#0c0141", "#"},
      {"CN=a\\", "backslash"},
      {"CN=a\\x", "backslash"},
      {"CN=\xff", "UTF-8"},
      {"CN=\\ff", "UTF-8"},
      {"CN=a\x1b", "control"},
      {"CN=a\\00", "control"},
      {"CN=" + repeated('a', 65), "64"},
      {"O=" + repeated('a', 65), "64"},
      {"OU=" + repeated('a', 65), "64"},
      {"L=" + repeated('a', 129), "128"},
      {"ST=" + repeated('a', 129), "128"},
      {"serialNumber=" + repeated('1', 65), "64"},
      {"serialNumber=a@b", "letters"},
      {"C=D", "two letters"},
      {"C=DEU", "two letters"},
      {"C=1A", "two letters"},
      {"DC=ü", "ASCII"},
      {repeated('a', 100'000), "too long"},
  };
  for (const auto& row : rejects) {
    CAPTURE(row.text.substr(0, 80));
    CHECK(judge::fault_of([&] { DistinguishedName::parse(row.text); }) == base::Fault::usage);
    const std::string message = judge::message_of([&] { DistinguishedName::parse(row.text); });
    CAPTURE(message);
    CHECK(judge::contains(message, row.rule));
  }
}

TEST_CASE("the text of a hostile subject is unambiguous and without control characters") {
  DistinguishedName hostile;
  hostile.rdns = {{"CN", std::string("a\0b\x1b, O=evil", 12)}};
  CHECK(hostile.text() == "CN=a\\00b\\1b\\, O=evil");
}

TEST_CASE("name constraints contain what RFC 5280 section 4.2.1.10 says") {
  struct {
    const char* constraint;
    const char* identifier;
    bool contained;
    bool touched;
  } table[] = {
      {"example.org", "example.org", true, true},
      {"example.org", "a.b.example.org", true, true},
      {"example.org", "*.example.org", true, true},
      {"Example.ORG", "WWW.example.org", true, true},
      {".example.org", "a.example.org", true, true},
      {".example.org", "*.example.org", true, true},
      {"internal", "db.internal", true, true},
      {"bücher.example", "www.bücher.example", true, true},
      {".example.org", "example.org", false, false},
      {"example.org", "badexample.org", false, false},
      {"example.org", "example.org.evil.test", false, false},
      {"a.example.org", "*.example.org", false, true},
      {".a.example.org", "*.example.org", false, false},
      {"a.b.example.org", "*.example.org", false, false},
      {"example.org", "192.0.2.1", false, false},
      {"example.org", "joe@example.org", false, false},
      {"10.0.0.0/8", "10.1.2.3", true, true},
      {"10.0.0.0/8", "11.0.0.1", false, false},
      {"10.0.0.0/8", "example.org", false, false},
      {"10.0.0.0/8", "::1", false, false},
      {"192.0.2.7", "192.0.2.7", true, true},
      {"192.0.2.7", "192.0.2.6", false, false},
      {"192.0.2.128/25", "192.0.2.129", true, true},
      {"192.0.2.128/25", "192.0.2.127", false, false},
      {"0.0.0.0/0", "203.0.113.9", true, true},
      {"::/0", "2001:db8::1", true, true},
      {"::/0", "192.0.2.1", false, false},
      {"fd00::/8", "fdab::1", true, true},
      {"fd00::/8", "fe00::1", false, false},
      {"email:example.org", "joe@example.org", true, true},
      {"@example.org", "joe@example.org", true, true},
      {"email:example.org", "joe@a.example.org", false, false},
      {"email:.example.org", "joe@a.example.org", true, true},
      {"email:.example.org", "joe@example.org", false, false},
      {"email:joe@example.org", "joe@example.org", true, true},
      {"email:joe@example.org", "Joe@example.org", false, false},
      {"uri:example.org", "https://example.org:8443/x", true, true},
      {"uri:example.org", "spiffe://example.org/x", true, true},
      {"uri:example.org", "https://joe@EXAMPLE.org/", true, true},
      {"uri:example.org", "https://example.org@evil.test/", false, false},
      {"uri:example.org", "https://a.example.org/", false, false},
      {"uri:.example.org", "https://a.example.org/", true, true},
      {"uri:.example.org", "https://example.org/", false, false},
      {"uri:example.org", "urn:example.org:x", false, true},
      {"uri:example.org", "https://192.0.2.1/", false, true},
      {"uri:example.org", "https://[2001:db8::1]/", false, true},
  };
  for (const auto& row : table) {
    CAPTURE(row.constraint);
    CAPTURE(row.identifier);
    const NameConstraint constraint = NameConstraint::parse(row.constraint);
    CHECK(constraint.contains(Identifier::parse(row.identifier)) == row.contained);
    CHECK(constraint.touches(Identifier::parse(row.identifier)) == row.touched);
  }
}

TEST_CASE("name constraints are normalised, or refused") {
  struct {
    const char* text;
    IdentifierKind kind;
    const char* normal;
  } accepts[] = {
      {"Example.org", IdentifierKind::dns, "example.org"},
      {".Example.org", IdentifierKind::dns, ".example.org"},
      {"10.0.0.0/8", IdentifierKind::ip, "10.0.0.0/8"},
      {"10.0.0.1", IdentifierKind::ip, "10.0.0.1/32"},
      {"FD00:0::/8", IdentifierKind::ip, "fd00::/8"},
      {"::1", IdentifierKind::ip, "::1/128"},
      {"@Example.org", IdentifierKind::email, "example.org"},
      {"email:Joe@Example.org", IdentifierKind::email, "Joe@example.org"},
      {"uri:.Example.org", IdentifierKind::uri, ".example.org"},
  };
  for (const auto& row : accepts) {
    CAPTURE(row.text);
    CHECK(NameConstraint::parse(row.text) == NameConstraint{row.kind, row.normal});
  }
  for (const char* text : {"", ".", "*.example.org", "exa mple", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x",
                           "10.0.0.0/-1", "fd00::/129", "10.0.0/8", "/8", "email:", "email:*.example.org",
                           "email:a@b@c", "uri:", "uri:https://example.org/", "..example.org"}) {
    CAPTURE(text);
    CHECK(judge::fault_of([&] { NameConstraint::parse(text); }) == base::Fault::usage);
  }
}

}  // namespace
}  // namespace everseal::pki
