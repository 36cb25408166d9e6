// What a CA says of directories, orders, authorizations and renewal information.
#include "acme/authorization.h"
#include "acme/directory.h"
#include "acme/order.h"
#include "acme/renewal_info.h"
#include "base/error.h"
#include "pki/issuance.h"
#include "pki/key.h"

#include <functional>
#include <string>

#include <doctest/doctest.h>

namespace {

using namespace everseal;

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error.message();
  }
  return "nothing was wrong";
}

std::string authorization(const std::string& token, const std::string& more = "") {
  return R"({"identifier":{"type":"dns","value":"www.example.org"},"status":"pending","challenges":[
    {"type":"http-01","url":"https://ca/c/1","status":"pending","token":")" +
         token +
         R"("},{"type":"dns-persist-01","url":"https://ca/c/2","status":"pending","issuer-domain-names":["ca.example"]},
    {"type":"never-heard-of","url":"https://ca/c/3","status":"pending"}])" +
         more + "}";
}

}  // namespace

TEST_SUITE("documents") {
  TEST_CASE("a directory is read with what it may have") {
    const auto directory =
        acme::parse_directory(R"({"newNonce":"n","newAccount":"a","newOrder":"o","revokeCert":"r","keyChange":"k",
      "renewalInfo":"i","meta":{"termsOfService":"t","externalAccountRequired":true,"profiles":{"short":"6 days"},"caaIdentities":["x"]}})");
    CHECK(directory.new_order == "o");
    CHECK(directory.renewal_info == "i");
    CHECK(directory.external_account_required);
    CHECK(directory.profiles.at("short").raw() == "6 days");
    CHECK(message_of([] { acme::parse_directory(R"({"newNonce":"n"})"); }) == "the ACME directory has no newAccount");
    CHECK(message_of([] { acme::parse_directory("<html>"); }) == "the ACME directory is not JSON: \"<html>\"");
    CHECK(message_of([] { acme::parse_directory(std::string(1000, '[')); }).find("nests too deeply") !=
          std::string::npos);
  }

  TEST_CASE("an order is read; what a CA gets wrong is said") {
    const std::string good =
        R"({"status":"pending","expires":"2026-11-24T12:00:00.5+01:00","identifiers":[{"type":"dns","value":"a.example.org"},
      {"type":"ip","value":"::1"}],"authorizations":["https://ca/z/1"],"finalize":"https://ca/f"})";
    const auto order = acme::parse_order("https://ca/o/1", good);
    CHECK(order.url == "https://ca/o/1");
    CHECK(order.status == acme::OrderStatus::pending);
    CHECK(base::format_time(*order.expires) == "2026-11-24T11:00:00Z");
    CHECK(pki::to_string(order.identifiers) == "a.example.org, ::1");
    const std::pair<std::string, std::string> rejects[] = {
        {"[]", "the order is no JSON object"},
        {R"({"status":"done","finalize":"f"})", "the order has the unknown status 'done'"},
        {R"({"status":"pending"})", "the order has no finalize URL"},
        {R"({"status":"valid","finalize":"f"})", "the order is valid and has no certificate URL"},
        {R"({"status":"pending","finalize":"f","identifiers":[{"type":"dns","value":"a b"}]})",
         "the CA names an identifier that cannot be: dns 'a b'"},
        {R"({"status":"pending","finalize":"f","identifiers":[{"type":"email","value":"a@b"}]})",
         "the CA names an identifier that cannot be: email 'a@b'"},
    };
    for (const auto& [json, message] : rejects) CHECK(message_of([&] { acme::parse_order("u", json); }) == message);
  }

  TEST_CASE("the identifiers of an order are a set") {
    const auto a = pki::Identifier::parse("a.example.org"), b = pki::Identifier::parse("b.example.org");
    CHECK(acme::same_identifiers({a, b}, {b, a}));
    CHECK_FALSE(acme::same_identifiers({a, b}, {a, a}));
    CHECK_FALSE(acme::same_identifiers({a}, {a, b}));
  }

  TEST_CASE("an authorization keeps challenges of every type, with or without a token") {
    const auto read = acme::parse_authorization("https://ca/z/1", authorization("abc-_"));
    CHECK(read.identifier.text() == "www.example.org");
    CHECK_FALSE(read.wildcard);
    REQUIRE(read.challenges.size() == 3);
    CHECK(read.challenges[1].issuer_domain_names == std::vector<std::string>{"ca.example"});
    CHECK(read.challenges[2].type == "never-heard-of");
    CHECK(acme::parse_authorization("u", authorization("a", R"(,"wildcard":true)")).wildcard);
    for (const std::string& token :
         {std::string("../../x"), std::string("a/b"), std::string("a b"), std::string("a="), std::string(257, 'a')})
      CHECK(message_of([&] { acme::parse_authorization("u", authorization(token)); }) ==
            "the CA's token for http-01 is not base64url of at most 256 characters");
  }

  TEST_CASE("a wildcard authorization is one of the name below it, however it is written") {
    const auto read = acme::parse_authorization(
        "u", R"({"identifier":{"type":"dns","value":"*.example.org"},"status":"valid","challenges":[]})");
    CHECK(read.wildcard);
    CHECK(read.identifier.text() == "example.org");
  }

  TEST_CASE("a window of renewal information is two times in order") {
    const auto info = acme::parse_renewal_info(
        R"({"suggestedWindow":{"start":"2026-11-24T00:00:00Z","end":"2026-11-25T00:00:00Z"},"explanationURL":"https://ca/why"})");
    CHECK(base::format_time(info.start) == "2026-11-24T00:00:00Z");
    CHECK(info.explanation.raw() == "https://ca/why");
    const char* const rejects[] = {
        R"({})",
        R"("x")",
        "",
        R"({"suggestedWindow":{"start":"2026-11-24T00:00:00Z"}})",
        R"({"suggestedWindow":{"start":"soon","end":"later"}})",
        R"({"suggestedWindow":{"start":"2026-11-24T00:00:00Z","end":"2026-11-24T00:00:00Z"}})",
        R"({"suggestedWindow":{"start":"2026-11-25T00:00:00Z","end":"2026-11-24T00:00:00Z"}})",
    };
    for (const char* const json : rejects) CHECK_THROWS_AS(acme::parse_renewal_info(json), base::Error);
  }

  TEST_CASE("a certificate is named by its authority key identifier and its serial with the sign octet") {
    const auto ca_key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
    pki::Template wanted;
    wanted.serial = *base::from_hex("01");
    wanted.subject = pki::DistinguishedName::parse("CN=ca");
    wanted.public_key_info = ca_key.public_key_info();
    wanted.not_before = base::from_unix(1'800'000'000);
    wanted.not_after = base::from_unix(1'900'000'000);
    wanted.is_ca = true;
    const auto ca = pki::Certificate::parse(pki::sign_certificate(wanted, nullptr, ca_key));
    // RFC 9773 section 4.1 has the serial 87:65:43:21.
    for (const auto& [serial, text] :
         {std::pair("87654321", "AIdlQyE"), std::pair("7fff", "f_8"), std::pair("01", "AQ")}) {
      wanted.is_ca = false;
      wanted.serial = *base::from_hex(serial);
      const auto leaf = pki::Certificate::parse(pki::sign_certificate(wanted, &ca, ca_key));
      CHECK(acme::certificate_id(leaf) == base::base64url(ca.subject_key_id()) + "." + text);
    }
  }
}
