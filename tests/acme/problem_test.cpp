#include "acme/problem.h"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using base::Fault;

TEST_SUITE("problem") {
  TEST_CASE("a problem is shown as the CA wrote it, with its subproblems") {
    const auto problem = acme::parse_problem(403, R"({
      "type": "urn:ietf:params:acme:error:compound", "detail": "two names failed", "status": 403,
      "subproblems": [
        {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids", "identifier": {"type": "dns", "value": "a.example.org"}},
        {"type": "urn:ietf:params:acme:error:dns", "detail": "SERVFAIL", "identifier": {"type": "dns", "value": "b.example.org"}}]})");
    CHECK(to_string(problem) ==
          "compound: two names failed [a.example.org: caa: CAA forbids; b.example.org: dns: SERVFAIL]");
    CHECK(problem.is("compound"));
  }

  TEST_CASE("what is no problem document is shown for what it is") {
    struct Row {
      int status;
      std::string body, text;
    };
    const Row rows[] = {
        {502, "<html>Bad Gateway</html>", "HTTP 502: <html>Bad Gateway</html>"},
        {500, "", "HTTP 500"},
        {400, "[1, 2]", "HTTP 400: [1, 2]"},
        {400, R"({"type": 7, "detail": null, "subproblems": "x"})", "HTTP 400"},
        {404, R"({"type": "about:blank", "detail": "gone"})", "HTTP 404: gone"},
        {429, R"({"type": "https://ca.example/slow", "detail": "wait"})", "https://ca.example/slow: wait"},
    };
    for (const auto& [status, body, text] : rows) CHECK(to_string(acme::parse_problem(status, body)) == text);
  }

  TEST_CASE("hostile text is bounded and printable") {
    const auto problem =
        acme::parse_problem(400, R"({"type": "urn:ietf:params:acme:error:malformed", "detail": "\u001b[2J\u202e)" +
                                     std::string(100'000, 'x') + "\"}");
    const std::string text = to_string(problem);
    CHECK(text.size() < 3000);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("\u202e") == std::string::npos);
  }

  TEST_CASE("what can be retried is told from what needs somebody") {
    const auto fault = [](int status, const std::string& type) {
      return acme::to_error(acme::parse_problem(status, R"({"type":"urn:ietf:params:acme:error:)" + type + "\"}"), {})
          .fault();
    };
    for (const char* const type : {"rateLimited", "serverInternal", "badNonce", "connection", "dns", "tls"}) {
      CAPTURE(type);
      CHECK(fault(400, type) == Fault::unreachable);
    }
    for (const char* const type : {"unauthorized", "rejectedIdentifier", "badCSR", "caa", "userActionRequired",
                                   "accountDoesNotExist", "externalAccountRequired", "malformed"}) {
      CAPTURE(type);
      CHECK(fault(403, type) == Fault::denied);
    }
    CHECK(fault(503, "ofTheirOwn") == Fault::unreachable);
    CHECK(fault(403, "ofTheirOwn") == Fault::denied);
  }

  TEST_CASE("every problem says what to do next, with the words of what a name is wrong with") {
    // RFC 8555 section 6.7, RFC 9773 section 7.4, the profiles draft, and what they do not know.
    for (const char* const type : {"accountDoesNotExist",
                                   "alreadyReplaced",
                                   "alreadyRevoked",
                                   "badCSR",
                                   "badNonce",
                                   "badPublicKey",
                                   "badRevocationReason",
                                   "badSignatureAlgorithm",
                                   "caa",
                                   "compound",
                                   "connection",
                                   "dns",
                                   "externalAccountRequired",
                                   "incorrectResponse",
                                   "invalidContact",
                                   "invalidProfile",
                                   "malformed",
                                   "orderNotReady",
                                   "rateLimited",
                                   "rejectedIdentifier",
                                   "serverInternal",
                                   "tls",
                                   "unauthorized",
                                   "unsupportedContact",
                                   "unsupportedIdentifier",
                                   "userActionRequired",
                                   "ofTheirOwn"})
      for (const int status : {400, 429, 503}) {
        CAPTURE(type);
        CAPTURE(status);
        const std::string hint =
            acme::to_error(
                acme::parse_problem(status, fmt::format(R"({{"type":"urn:ietf:params:acme:error:{}"}})", type)), {})
                .hint();
        CHECK_FALSE(hint.empty());
      }
    CHECK_FALSE(acme::to_error(acme::parse_problem(502, "<html>"), {}).hint().empty());
    const auto hint_of = [](const std::string& body) {
      return acme::to_error(acme::parse_problem(403, body), {}).hint();
    };
    CHECK(hint_of(R"({"type": "urn:ietf:params:acme:error:compound", "subproblems": [
        {"type": "urn:ietf:params:acme:error:caa", "identifier": {"type": "dns", "value": "a.example.org"}}]})") ==
          hint_of(R"({"type": "urn:ietf:params:acme:error:caa"})"));
  }

  TEST_CASE("an error says what to do, and not before when") {
    const auto when = base::from_unix(1'800'000'000);
    const auto error = acme::to_error(
        acme::parse_problem(
            403,
            R"({"type":"urn:ietf:params:acme:error:userActionRequired","detail":"new terms","instance":"https://ca/terms"})"),
        when);
    CHECK(error.hint() == "visit https://ca/terms , then run the same command again");
    CHECK(error.retry_at() == when);
  }
}
