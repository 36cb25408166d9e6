// The parts of dns/ that need no server.
#include "base/error.h"
#include "dns/api.h"
#include "dns/lookup.h"
#include "dns/signature_v4.h"
#include "dns/tsig_key.h"
#include "pki/hmac.h"

#include <string>

#include <doctest/doctest.h>

using namespace everseal;

TEST_SUITE("dns") {
  TEST_CASE("addresses of name servers are read with and without a port") {
    const std::pair<const char*, const char*> accepts[] = {
        {"192.0.2.1", "192.0.2.1:53"},
        {"192.0.2.1:5353", "192.0.2.1:5353"},
        {"2001:db8::1", "[2001:db8::1]:53"},
        {"[2001:db8::1]", "[2001:db8::1]:53"},
        {"[2001:db8::1]:5353", "[2001:db8::1]:5353"},
    };
    for (const auto& [text, read] : accepts) CHECK(to_string(dns::parse_server(text)) == read);
    for (const char* const text : {"", "ns1.example.org", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:70000", "192.0.2.1:x",
                                   "192.0.2.300", "[::1", "[::1]x", "[::1]:"}) {
      CAPTURE(text);
      CHECK_THROWS_AS(dns::parse_server(text), base::Error);
    }
  }

  TEST_CASE("a TSIG key is read as tsig-keygen writes it, and as BIND takes it") {
    const char* const accepts[] = {
        "key \"acme.\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n",
        "# mine\nkey acme { algorithm HMAC-SHA256; secret c2VjcmV0; };",
        "// mine\nkey ACME{algorithm hmac-sha256;secret \"c2VjcmV0\";};",
    };
    for (const char* const text : accepts) {
      CAPTURE(text);
      const dns::TsigKey key = dns::parse_tsig_key(base::Secret(text));
      CHECK(key.name == "acme");
      CHECK(key.algorithm == "hmac-sha256");
      CHECK(key.secret.reveal_text() == "c2VjcmV0");
    }
    const std::pair<const char*, const char*> rejects[] = {
        {"", "the TSIG key file lacks key, algorithm or secret"},
        {"key acme { algorithm hmac-sha256; };", "the TSIG key file lacks key, algorithm or secret"},
        {"key acme { algorithm rot13; secret c2VjcmV0; };", "the TSIG algorithm rot13 is unknown"},
        {"key acme { algorithm hmac-sha256; secret \"not base64!\"; };", "the secret of the TSIG key is not base64"},
        {"key acme { algorithm hmac-sha256; secret \"\"; };", "the secret of the TSIG key is not base64"},
    };
    for (const auto& [text, message] : rejects) {
      CAPTURE(text);
      CHECK_THROWS_WITH_AS(dns::parse_tsig_key(base::Secret(text)), message, base::Error);
    }
  }

  TEST_CASE("names are said below their zone") {
    CHECK(dns::relative_name("_acme-challenge.www.example.org", "example.org") == "_acme-challenge.www");
    CHECK(dns::relative_name("example.org", "example.org") == "@");
    CHECK_THROWS_AS(dns::relative_name("www.badexample.org", "example.org"), base::Error);
  }

  TEST_CASE("text is encoded for a URL and quoted for a record") {
    CHECK(dns::url_encoded("a b/c?d=\xc3\xa4~") == "a%20b%2Fc%3Fd%3D%C3%A4~");
    CHECK(dns::in_quotes("x") == "\"x\"");
    CHECK(dns::without_quotes("\"x\"") == "x");
    CHECK(dns::without_quotes("x") == "x");
    CHECK(dns::without_quotes("\"") == "\"");
  }

  TEST_CASE("an HMAC is that of RFC 4231") {
    const base::Bytes key(20, 0x0b);
    CHECK(base::hex(pki::hmac(pki::Hash::sha256, key, base::as_bytes("Hi There"))) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(base::hex(pki::hmac(pki::Hash::sha384, key, base::as_bytes("Hi There"))) ==
          "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6");
  }

  // The numbers are those of AWS's documentation of the signing process (GET of an object, with its example
  // credentials).
  TEST_CASE("an AWS request is signed as AWS documents it") {
    dns::AwsRequest request;
    request.method = "GET";
    request.path = "/test.txt";
    request.headers = {{"host", "examplebucket.s3.amazonaws.com"},
                       {"range", "bytes=0-9"},
                       {"x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                       {"x-amz-date", "20130524T000000Z"}};
    const dns::AwsCredentials credentials{
        "AKIAIOSFODNN7EXAMPLE", base::Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {}};
    const auto now = *base::parse_time("2013-05-24T00:00:00Z");
    CHECK(dns::amz_date(now) == "20130524T000000Z");
    CHECK(dns::authorization_v4(request, credentials, "us-east-1", "s3", now) ==
          "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
          "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
          "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    CHECK(dns::canonical_query({{"type", "TXT"}, {"name", "a b."}}) == "name=a%20b.&type=TXT");
  }
}
