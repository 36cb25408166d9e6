// What each provider's API has for itself; what all share is in tests/contract/dns_contract_test.cpp.
#include "base/error.h"
#include "contains.h"
#include "error_of.h"
#include "fakes/dns_account.h"

#include <algorithm>
#include <functional>
#include <optional>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using base::Fault;
using fakes::DnsAccount;
using fakes::option;
using fakes::Secrets;
using net::ServerRequest;
using net::ServerResponse;
using Values = std::vector<std::string>;

namespace {

const std::string kMine = "mine" + std::string(39, '_');
const std::string kOthers = "of-another" + std::string(33, '_');


ServerResponse json(int status, const std::string& body) {
  return {.status = status, .content_type = "application/json", .body = body, .headers = {}};
}
ServerResponse xml(int status, const std::string& body) {
  return {.status = status, .content_type = "text/xml", .body = "<?xml version=\"1.0\"?>\n" + body, .headers = {}};
}

std::optional<ServerResponse> nothing() { return std::nullopt; }

std::string route53_error(const std::string& code, const std::string& message) {
  return fmt::format(
      "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>", code,
      message);
}

}  // namespace

TEST_SUITE("route53") {
  TEST_CASE("a batch that another one overtook is made again, in either form of the refusal") {
    const std::string overtaken = "[Tried to create resource record set [name='x', type='TXT'] but it already exists]";
    const std::optional<ServerResponse> refusals[] = {
        std::nullopt,  // the provider's own
        xml(400, route53_error("InvalidChangeBatch", overtaken)),
        xml(400, "<InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages><Message>" +
                     overtaken + "</Message></Messages><RequestId>1</RequestId></InvalidChangeBatch>"),
    };
    for (const auto& refusal : refusals) {
      DnsAccount account("route53");
      account.api->put(account.name(), account.shown("first"));
      bool is_done = false;
      account.api->set_rule([&](const ServerRequest& request, int) {
        if (request.method != "POST" || is_done) return nothing();
        is_done = true;
        account.api->put(account.name(), account.shown(kOthers));
        return refusal;
      });
      account.open()->add(account.record(kMine), {});
      CHECK(account.api->values(account.name()) == Values{"first", kMine, kOthers});
    }
  }

  TEST_CASE("who is always overtaken gives up") {
    DnsAccount account("route53");
    account.api->set_rule([&](const ServerRequest& request, int number) {
      if (request.method == "POST") account.api->put(account.name(), account.shown(std::to_string(number)));
      return nothing();
    });
    const base::Error error = error_of([&] { account.open()->add(account.record(kMine), {}); });
    CHECK(error.fault() == Fault::unreachable);
    CHECK(contains(error.message(), "others keep changing"));
  }

  TEST_CASE("a batch that is refused for what it says is not made again") {
    DnsAccount account("route53");
    account.api->set_rule([&](const ServerRequest& request, int) {
      return request.method == "POST"
                 ? std::optional(xml(400, route53_error("InvalidChangeBatch",
                                                        "[RRSet of type TXT is not permitted because a conflicting "
                                                        "RRSet of type CNAME exists]")))
                 : nothing();
    });
    const base::Error error = error_of([&] { account.open()->add(account.record(kMine), {}); });
    CHECK(error.fault() == Fault::denied);
    CHECK(contains(error.message(), "conflicting RRSet of type CNAME"));
    CHECK(account.api->requests() == 3);
  }

  TEST_CASE("a throttled request is sent again; one that always is comes later") {
    for (const char* const code : {"Throttling", "PriorRequestNotComplete"}) {
      DnsAccount account("route53");
      account.api->set_rule([&](const ServerRequest&, int number) {
        return number == 2 ? std::optional(xml(400, route53_error(code, "Rate exceeded"))) : nothing();
      });
      account.open()->add(account.record(kMine), {});
      CHECK(account.api->values(account.name()) == Values{kMine});
    }
    DnsAccount account("route53");
    std::stop_source source;
    account.api->set_rule([&](const ServerRequest&, int number) {
      if (number == 2) source.request_stop();
      return std::optional(xml(400, route53_error("Throttling", "Rate exceeded")));
    });
    CHECK(error_of([&] { account.open()->add(account.record(kMine), source.get_token()); }).fault() ==
          Fault::cancelled);
  }

  TEST_CASE("an identifier spares the search for the zone; a wrong one is a matter of configuration") {
    DnsAccount account("route53");
    account.open(Secrets::right, {{"hosted_zone_id", option("Z0EXAMPLE1234567")}})->add(account.record(kMine), {});
    CHECK(account.api->requests() == 2);
    CHECK(account.api->values(account.name()) == Values{kMine});
    const auto wrong = account.open(Secrets::right, {{"hosted_zone_id", option("Z0OTHER")}});
    const base::Error error = error_of([&] { wrong->add(account.record(kMine), {}); });
    CHECK(error.fault() == Fault::config);
    CHECK(contains(error.message(), "NoSuchHostedZone"));
  }

  TEST_CASE("a set with a routing policy is left alone") {
    DnsAccount account("route53");
    account.api->set_rule([&](const ServerRequest&, int number) {
      const std::string set = fmt::format(
          "<ListResourceRecordSetsResponse><ResourceRecordSets><ResourceRecordSet><Name>{}.</Name><Type>TXT</Type>"
          "<SetIdentifier>one</SetIdentifier><Weight>10</Weight><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>"
          "\"x\"</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></ResourceRecordSets>"
          "</ListResourceRecordSetsResponse>",
          account.name());
      return number == 2 ? std::optional(xml(200, set)) : nothing();
    });
    CHECK(error_of([&] { account.open()->add(account.record(kMine), {}); }).fault() == Fault::config);
    CHECK(account.api->requests() == 2);
  }
}

TEST_SUITE("cloudflare") {
  TEST_CASE("a record that another set meanwhile is as good as one's own") {
    DnsAccount account("cloudflare");
    account.api->set_rule([&](const ServerRequest& request, int) {
      if (request.method == "POST") account.api->put(account.name(), account.shown(kMine));
      return nothing();
    });
    CHECK_NOTHROW(account.open()->add(account.record(kMine), {}));
    CHECK(account.api->values(account.name()) == Values{kMine});
  }

  TEST_CASE("a text without quotes is the same text") {
    DnsAccount account("cloudflare");
    account.api->put(account.name(), kMine);
    const auto provider = account.open();
    provider->add(account.record(kMine), {});
    CHECK(account.api->records(account.name()).size() == 1);
    provider->remove(account.record(kMine), {});
    CHECK(account.api->records(account.name()).empty());
  }

  TEST_CASE("an answer that does not say that it succeeded did not") {
    DnsAccount account("cloudflare");
    account.api->set_rule([&](const ServerRequest& request, int) {
      return request.method == "POST" ? std::optional(json(200, R"({"success":false,"errors":[],"result":null})"))
                                      : nothing();
    });
    CHECK(error_of([&] { account.open()->add(account.record(kMine), {}); }).fault() == Fault::invalid);
  }

  TEST_CASE("of zones of the same name the active one is taken") {
    DnsAccount account("cloudflare");
    account.api->set_rule([&](const ServerRequest&, int number) {
      constexpr const char* kTwo =
          R"({"success":true,"result":[{"id":"moved1","name":"example.org","status":"moved"},
              {"id":"0a6f34ae90b1c2d3e4f5a6b7c8d9e0f1","name":"example.org","status":"active"},
              {"id":"moved2","name":"example.org","status":"moved"}]})";
      return number == 1 ? std::optional(json(200, kTwo)) : nothing();
    });
    account.open()->add(account.record(kMine), {});
    CHECK(account.api->values(account.name()) == Values{kMine});
  }
}

TEST_SUITE("hetzner") {
  TEST_CASE("a change is waited for, however long it runs") {
    DnsAccount account("hetzner");
    int looks = 0;
    account.api->set_rule([&](const ServerRequest& request, int) {
      const bool is_look = contains(request.target, "/v1/actions/");
      return is_look && ++looks < 3 ? std::optional(json(200, R"({"action":{"id":1,"status":"running"}})")) : nothing();
    });
    const auto provider = account.open();
    provider->add(account.record(kMine), {});
    CHECK(looks == 3);
    CHECK_NOTHROW(provider->add(account.record(kOthers), {}));
  }

  TEST_CASE("a change that failed is an error with its reason") {
    DnsAccount account("hetzner");
    account.api->set_rule([&](const ServerRequest& request, int) {
      const std::string failed = fmt::format(
          R"({{"action":{{"id":1,"status":"error","error":{{"code":"action_failed","message":"no {}"}}}}}})",
          account.api->secrets().front());
      if (request.method == "POST") return std::optional(json(201, R"({"action":{"id":1,"status":"running"}})"));
      return contains(request.target, "/v1/actions/") ? std::optional(json(200, failed)) : nothing();
    });
    const base::Error error = error_of([&] { account.open()->add(account.record(kMine), {}); });
    CHECK(error.fault() == Fault::denied);
    CHECK(contains(error.message(), "no [secret]"));
  }

  TEST_CASE("what another did meanwhile is done") {
    DnsAccount account("hetzner");
    const auto provider = account.open();
    account.api->set_rule([&](const ServerRequest& request, int) {
      if (request.method == "POST") account.api->put(account.name(), account.shown(kMine), 60);
      return nothing();
    });
    CHECK_NOTHROW(provider->add(account.record(kMine), {}));
    CHECK(account.api->values(account.name()) == Values{kMine});
    account.api->set_rule([&](const ServerRequest& request, int) {
      if (request.method == "POST") account.api->take(account.name(), account.shown(kMine));
      return nothing();
    });
    CHECK_NOTHROW(provider->remove(account.record(kMine), {}));
    // A refusal for another reason stays one.
    account.api->set_rule([&](const ServerRequest& request, int) {
      constexpr const char* kProtected = R"({"error":{"code":"protected","message":"the zone is protected"}})";
      return request.method == "POST" ? std::optional(json(422, kProtected)) : nothing();
    });
    const base::Error error = error_of([&] { provider->add(account.record(kMine), {}); });
    CHECK(error.fault() == Fault::denied);
    CHECK(contains(error.message(), "the zone is protected"));
  }

  TEST_CASE("a zone that another change has locked is tried again") {
    for (const int status : {423, 409}) {
      DnsAccount account("hetzner");
      int refused = 0;
      account.api->set_rule([&](const ServerRequest& request, int) {
        return request.method == "POST" && ++refused <= 2
                   ? std::optional(json(status, R"({"error":{"code":"locked","message":"zone is locked"}})"))
                   : nothing();
      });
      account.open()->add(account.record(kMine), {});
      CHECK(refused == 3);
      CHECK(account.api->values(account.name()) == Values{kMine});
    }
  }
}

TEST_SUITE("powerdns") {
  TEST_CASE("a disabled record stays, and stays disabled") {
    DnsAccount account("powerdns");
    account.api->put_disabled(account.name(), account.shown("draft"));
    const auto provider = account.open();
    provider->add(account.record(kMine), {});
    CHECK(account.api->values(account.name()) == Values{kMine});
    provider->remove(account.record(kMine), {});
    CHECK(account.api->values(account.name()) == Values{});
    REQUIRE(account.api->records(account.name()).size() == 1);
    CHECK(account.api->records(account.name()).front().disabled);
    // One's own among them is taken for absent, and becomes a live one.
    provider->add(account.record("draft"), {});
    CHECK(account.api->values(account.name()) == Values{"draft"});
  }

  TEST_CASE("secondaries are told at once, where there are some, and a failure to do so is none") {
    DnsAccount account("powerdns");
    Values seen;
    account.api->set_rule([&](const ServerRequest& request, int number) {
      seen.push_back(request.method + " " + request.target.substr(0, request.target.find('?')));
      return number == 1 ? std::optional(json(200, R"({"name":"example.org.","kind":"Master","rrsets":[]})"))
                         : nothing();
    });
    account.open()->add(account.record(kMine), {});
    const std::string zone = "/api/v1/servers/localhost/zones/example.org.";
    CHECK(seen == Values{"GET " + zone, "PATCH " + zone, "PUT " + zone + "/notify"});
    CHECK(account.api->values(account.name()) == Values{kMine});
  }

  TEST_CASE("another server of the same API is asked for by name") {
    DnsAccount account("powerdns");
    const auto provider = account.open(Secrets::right, {{"server_id", option("ns 2")}});
    std::string target;
    account.api->set_rule([&](const ServerRequest& request, int) {
      target = request.target;
      return nothing();
    });
    CHECK(error_of([&] { provider->add(account.record(kMine), {}); }).fault() == Fault::config);
    CHECK(target.starts_with("/api/v1/servers/ns%202/zones/example.org."));
  }
}

TEST_SUITE("acme-dns") {
  TEST_CASE("an account file that is wrong is never shown") {
    DnsAccount account("acme-dns");
    const std::string secret = "htB9mR9DYgcu9bX_afHF62erXaH2TS7bg9KW3F7Z";
    const Values rejects{"{\"example.org\": {\"password\": \"" + secret + "\",}}",
                         "{\"password\": \"" + secret + "\"",
                         "[\"" + secret + "\"]",
                         secret,
                         "{\"example.org\": {\"password\": \"" + secret + "\"}}",
                         "{\"example.org\": {\"password\": \"" + secret + "\", \"subdomain\": \"s\"}}",
                         "{\"example.org\": \"" + secret + "\"}",
                         "{\"example.net\": {\"password\": \"" + secret + "\", \"fulldomain\": \"f.example.net\"}}",
                         "{}"};
    for (const std::string& text : rejects) {
      CAPTURE(text);
      const std::string file = account.secret_file("accounts.json", text);
      const base::Error error = error_of([&] {
        account.open(Secrets::right, {{"account_file", option(file)}})->add(account.record(kMine), {});
      });
      CHECK(error.fault() == Fault::config);
      CHECK_FALSE(contains(error.text(), secret));
    }
    CHECK(account.api->requests() == 0);
  }

  TEST_CASE("an account is known by the domain, or by where its CNAME leads; it may name its server") {
    DnsAccount account("acme-dns");
    const fakes::ApiOptions options = account.api->options(Secrets::right);
    const std::string url = options.texts.front().second;
    std::string text = options.files.front().second;
    text.replace(text.find("\"example.org\""), std::string("\"example.org\"").size(), "\"www.example.org\"");
    text.insert(text.find("\"username\""), "\"server_url\":\"" + url + "/\",");
    const std::string file = account.secret_file("accounts.json", text);
    const base::Options opened = fakes::dns_options("acme-dns", {{"account_file", option(file)}});
    account.kind.open(opened)->add(account.record(kMine), {});
    dns::TxtRecord by_domain = account.record(kOthers);
    by_domain.domain = "www.example.org";
    by_domain.name = "_acme-challenge.www.example.org";
    account.kind.open(opened)->add(by_domain, {});
    CHECK(account.api->values(account.name()) == Values{kMine, kOthers});
  }

  TEST_CASE("a server that says another value than it was told did not take it") {
    DnsAccount account("acme-dns");
    account.api->set_rule([](const ServerRequest&, int) { return std::optional(json(200, R"({"txt":"another"})")); });
    CHECK(error_of([&] { account.open()->add(account.record(kMine), {}); }).fault() == Fault::invalid);
  }
}

TEST_CASE("a secret is blotted out however it is spelled") {
  DnsAccount account("digitalocean");
  const std::string secret = "a/b+c=d\"e\\f";
  const auto provider = account.open(Secrets::right, {{"token_file", option(account.secret_file("odd", secret))}});
  for (const std::string& spelled : {secret, std::string(R"(a/b+c=d\"e\\f)"), std::string(R"(a\/b+c=d"e\f)"),
                                     std::string("a%2Fb%2Bc%3Dd%22e%5Cf")}) {
    CAPTURE(spelled);
    account.api->set_rule(
        [&](const ServerRequest&, int) { return std::optional(json(400, "the token " + spelled + " is unknown")); });
    const base::Error error = error_of([&] { provider->add(account.record(kMine), {}); });
    CHECK(contains(error.message(), "the token [secret] is unknown"));
  }
  // At the edge of what is shown, too.
  account.api->set_rule(
      [&](const ServerRequest&, int) { return std::optional(json(400, std::string(295, ' ') + secret)); });
  CHECK_FALSE(contains(error_of([&] { provider->add(account.record(kMine), {}); }).message(), "a/b"));
}

TEST_CASE("an answer that repeats a part of the secret is not shown, however it is changed") {
  DnsAccount account("digitalocean");
  const std::string secret = "Zq7Mark-28CAD2f53c1eaca48ab";
  const auto provider = account.open(Secrets::right, {{"token_file", option(account.secret_file("odd", secret))}});
  const auto said_of = [&](const std::string& answer) {
    account.api->set_rule([&](const ServerRequest&, int) { return std::optional(json(400, answer)); });
    return error_of([&] { provider->add(account.record(kMine), {}); }).message();
  };
  const auto base64 = [](std::string_view text) { return base::base64(base::as_bytes(text)); };
  for (const std::string& answer :
       {std::string("ZQ7MARK-28CAD2F53C1EACA48AB"), std::string("zq7mark28cad2f53c1eaca48ab"), secret.substr(0, 12),
        secret.substr(15), std::string("Z q 7 M a r k - 2 8 C A D 2 f 5 3"), std::string("Zq7M***28CAD2f5***"),
        base64(secret), base64("Bearer " + secret), base64("user:" + secret), base64("u:" + secret),
        base64(secret).substr(5, 12)}) {
    CAPTURE(answer);
    CHECK(contains(said_of("bad token " + answer + " given"), "not shown"));
  }
  for (const std::string& answer : {std::string("the token is wrong"), std::string("Zq7Mark is the account"),
                                    std::string("{\"id\":\"unauthorized\"}")}) {
    CAPTURE(answer);
    CHECK(contains(said_of(answer), answer.substr(0, 5)));
  }
}

TEST_CASE("a secret with blanks around it is blotted out as servers see it, without them") {
  const std::string secret = "ZQ7-TOKEN-TRAIL-42";
  const struct {
    const char* provider;
    const char* option;
  } rows[] = {{"cloudflare", "token_file"}, {"digitalocean", "token_file"}, {"powerdns", "key_file"}};
  for (const auto& row : rows)
    for (const std::string& written : {secret + " ", secret + " \t\n", " " + secret, "  " + secret + "  "}) {
      CAPTURE(row.provider);
      CAPTURE(written);
      DnsAccount account(row.provider);
      const auto provider = account.open(Secrets::right, {{row.option, option(account.secret_file("odd", written))}});
      for (const std::string& echoed : {secret, std::string("zq7-token-trail"), secret.substr(4)}) {
        account.api->set_rule(
            [&](const ServerRequest&, int) { return std::optional(json(400, "header [" + echoed + "] is wrong")); });
        const std::string said = error_of([&] { provider->add(account.record(kMine), {}); }).message();
        CHECK_FALSE(contains(said, echoed));
        CHECK(contains(said, "HTTP 400"));
      }
    }
}

TEST_CASE("a token with a blank within it is refused without being shown") {
  DnsAccount account("cloudflare");
  const base::Error error = error_of(
      [&] { account.open(Secrets::right, {{"token_file", option(account.secret_file("odd", "ZQ7TOKEN TRAIL42"))}}); });
  CHECK(error.fault() == Fault::config);
  CHECK_FALSE(contains(error.text(), "ZQ7"));
}
