// What becomes of an order at a CA that misbehaves: the state afterwards, the message, and how many orders were placed.
#include "fakes/acme_server.h"
#include "fakes/slow_proxy.h"
#include "system/scripted_host.h"

#include <functional>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;
using fakes::AcmeAnswer;
using fakes::AcmeExchange;
using fakes::AcmeServer;

namespace {

using Host = ScriptedHost;

std::string said(const base::Exit& exit) { return exit.output + exit.errors; }

using Edit = std::function<void(AcmeExchange&)>;

// `edit` for each answer about a resource.
Edit each(const std::string& resource, Edit edit) {
  return [resource, edit](AcmeExchange& exchange) {
    if (exchange.resource == resource) edit(exchange);
  };
}
// `edit` for the first only.
Edit first(const std::string& resource, const Edit& edit) {
  return each(resource, [edit, done = false](AcmeExchange& exchange) mutable {
    if (!std::exchange(done, true)) edit(exchange);
  });
}
void cut(AcmeExchange& exchange) { exchange.cut = true; }
Edit with_json(const std::function<void(Json&)>& change) {
  return [change](AcmeExchange& exchange) {
    if (exchange.answer->status >= 300) return;
    Json json = Json::parse(exchange.answer->body);
    change(json);
    exchange.answer->body = json.dump();
  };
}
Edit with_body(const std::string& body) {
  return [body](AcmeExchange& exchange) { exchange.answer->body = body; };
}
Edit with(const AcmeAnswer& answer) {
  return [answer](AcmeExchange& exchange) { exchange.answer = answer; };
}

struct Row {
  std::string about;
  Edit before, after;
  int status = 1;       // of the first run
  std::string message;  // in what it says
  int orders = 1;       // that are placed when the second run has succeeded, with a CA that behaves by then
  bool lasts = false;   // its first order stays as it is
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.about);
    const Host host;
    host.ca.set_rules(row.before, row.after);
    const base::Exit exit = host.renew();
    CHECK_MESSAGE(exit.status == row.status, transcript(exit));
    CHECK_MESSAGE(contains(said(exit), row.message), transcript(exit));
    CHECK(host.site.count_versions("www") == (row.status == 0 ? 1 : 0));
    if (row.lasts)
      host.ca.set_rules({}, [&](AcmeExchange& exchange) {
        if (exchange.number == 1) row.after(exchange);
      });
    else
      host.ca.set_rules({}, {});
    const base::Exit next = host.renew();
    CHECK_MESSAGE(next.success(), transcript(next));
    CHECK(host.site.count_versions("www") == 1);
    CHECK(host.ca.orders_placed() == row.orders);
    CHECK(host.ca.violations() == std::vector<std::string>{});
  }
}

}  // namespace

TEST_CASE("a connection that is cut once costs no order, but where nobody can know whether one was placed") {
  std::vector<Row> rows;
  for (const std::string resource :
       {"newNonce", "newAccount", "authorization", "challenge", "order", "finalize", "certificate"}) {
    rows.push_back(
        {.about = resource + " lost", .before = first(resource, cut), .after = {}, .status = 0, .message = ""});
    rows.push_back(
        {.about = resource + " unanswered", .before = {}, .after = first(resource, cut), .status = 0, .message = ""});
  }
  rows.push_back({.about = "directory lost", .before = first("directory", cut), .after = {}, .message = "/directory"});
  rows.push_back({.about = "newOrder lost", .before = first("newOrder", cut), .after = {}, .message = "/order"});
  rows.push_back({.about = "newOrder unanswered",
                  .before = {},
                  .after = first("newOrder", cut),
                  .message = "/order",
                  .orders = 2});
  check(rows);
}

TEST_CASE("a CA that is gone in the middle finds its order taken up when it is back") {
  std::vector<Row> rows;
  for (const std::string resource : {"newAccount", "authorization", "challenge", "order", "finalize", "certificate"})
    rows.push_back({.about = resource, .before = each(resource, cut), .after = {}, .message = "localhost"});
  check(rows);
}

TEST_CASE("answers that are huge, no JSON or half of it are refused, and the order is kept") {
  std::vector<Row> rows;
  const std::string huge = "{\"status\":\"" + std::string(3 << 20, 'a') + "\"}";
  for (const auto& [resource, orders] : {std::pair<std::string, int>("directory", 1),
                                         {"newAccount", 1},
                                         {"newOrder", 2},
                                         {"authorization", 1},
                                         {"order", 1},
                                         {"finalize", 1},
                                         {"certificate", 1}})
    for (const auto& [about, body, message] :
         {std::tuple<std::string, std::string, std::string>("huge", huge, "larger than"),
          {"HTML", "<html>\x1b[31m</html>", ""},
          {"an array", "[]", ""},
          {"cut short", "{\"status\": \"val", ""},
          {"empty", "", ""},
          {"deep", std::string(100'000, '['), ""}})
      rows.push_back({.about = resource + " " + about,
                      .before = {},
                      .after = each(resource, with_body(body)),
                      .message = message,
                      .orders = orders});
  check(rows);
}

TEST_CASE("an answer that does not come is given up in bounded time, and the order is kept") {
  const Host host;
  host.ca.set_rules({},
                    first("finalize", [](AcmeExchange&) { std::this_thread::sleep_for(std::chrono::seconds(31)); }));
  const base::Exit given_up = host.renew();
  require_status(given_up, 1);
  CHECK_MESSAGE(contains(said(given_up), "timed out"), transcript(given_up));
  require_status(host.renew(), 0);
  CHECK(host.ca.orders_placed() == 1);
}

TEST_CASE("a CA that lies about names, keys or URLs gets nothing accepted") {
  const auto other_name = [](Json& json) { json["identifiers"][0]["value"] = "evil.example"; };
  const std::string stranger = [] {
    const Host host;
    require_status(host.renew(), 0);
    return read_text(host.site.state() + "/live/www/fullchain.pem");
  }();
  const auto url = [](const char* member, const char* value) {
    return with_json([member, value](Json& json) { json[member] = value; });
  };
  check({
      {.about = "an order for another name",
       .before = {},
       .after = each("newOrder", with_json(other_name)),
       .message = "other names",
       .orders = 2},
      {.about = "an order that changes its names",
       .before = {},
       .after = each("order", with_json(other_name)),
       .message = "changed the names"},
      {.about = "an authorization for another name",
       .before = {},
       .after = each("authorization", with_json([](Json& json) { json["identifier"]["value"] = "evil.example"; })),
       .message = "evil.example, which was not ordered"},
      {.about = "another key's certificate",
       .before = {},
       .after = each("certificate", with_body(stranger)),
       .message = "key"},
      {.about = "a token that is a path",
       .before = {},
       .after =
           each("authorization", with_json([](Json& json) { json["challenges"][0]["token"] = "../../../etc/passwd"; })),
       .message = "base64url"},
      {.about = "a finalize URL without TLS",
       .before = {},
       .after = each("order", url("finalize", "http://localhost/finalize")),
       .message = "http://localhost/finalize"},
      {.about = "a certificate in a file",
       .before = {},
       .after =
           [edit = url("certificate", "file:///etc/passwd")](AcmeExchange& exchange) {
             if (exchange.resource == "finalize" || exchange.resource == "order") edit(exchange);
           },
       .message = "file:"},
      {.about = "an order URL without TLS",
       .before = {},
       .after = each("newOrder",
                     [](AcmeExchange& exchange) { exchange.answer->headers["location"] = "http://localhost/order/1"; }),
       .message = "http://localhost/order/1",
       .orders = 2},
      {.about = "an unknown status",
       .before = {},
       .after = each("order", url("status", "perhaps")),
       .message = "unknown status 'perhaps'"},
  });
}

TEST_CASE("an order that came to nothing is given up, and another is placed the next time") {
  const Json why{{"type", "urn:ietf:params:acme:error:caa"}, {"detail", "CAA forbids \x1b[31mit"}, {"status", 403}};
  check({
      {.about = "the order goes invalid",
       .before = {},
       .after = each("order", with_json([&](Json& json) { json["status"] = "invalid", json["error"] = why; })),
       .message = "caa: CAA forbids",
       .orders = 2,
       .lasts = true},
      {.about = "the authorization expires",
       .before = each("challenge", cut),
       .after = each("authorization", with_json([](Json& json) { json["status"] = "expired"; })),
       .message = "",
       .orders = 2,
       .lasts = true},
      {.about = "finalize says not ready, once",
       .before = first("finalize", with(AcmeAnswer::problem(403, "orderNotReady", "still thinking"))),
       .after = {},
       .status = 0,
       .message = ""},
      {.about = "finalize says not ready, always",
       .before = each("finalize", with(AcmeAnswer::problem(403, "orderNotReady", "still thinking"))),
       .after = {},
       .message = "orderNotReady: still thinking"},
      {.about = "the order is forgotten",
       .before = each("order", with(AcmeAnswer::problem(404, "malformed", "no such order"))),
       .after = {},
       .message = "forgot the order"},
  });
}

TEST_CASE("what the CA refuses is shown as it wrote it, each name with its reason") {
  AcmeAnswer compound = AcmeAnswer::json(
      403, {{"type", "urn:ietf:params:acme:error:rejectedIdentifier"},
            {"detail", "some names are refused"},
            {"subproblems", Json::array({{{"type", "urn:ietf:params:acme:error:dns"},
                                          {"detail", "no such domain"},
                                          {"identifier", {{"type", "dns"}, {"value", "www.example.org"}}}},
                                         {{"type", "urn:ietf:params:acme:error:caa"},
                                          {"detail", "CAA forbids it"},
                                          {"identifier", {{"type", "dns"}, {"value", "example.org"}}}}})}});
  AcmeAnswer terms = AcmeAnswer::json(403, {{"type", "urn:ietf:params:acme:error:userActionRequired"},
                                            {"detail", "the terms have changed"},
                                            {"instance", "https://ca.example/terms"}});
  check({
      {.about = "subproblems",
       .before = each("newOrder", with(compound)),
       .after = {},
       .message = "www.example.org: dns: no such domain; example.org: caa: CAA forbids it"},
      {.about = "user action",
       .before = each("newOrder", with(terms)),
       .after = {},
       .message = "visit https://ca.example/terms"},
  });
}

TEST_CASE("Retry-After is kept, as seconds or as a date: no request before it") {
  for (const int status : {429, 503})
    for (const bool as_date : {false, true}) {
      CAPTURE(status);
      CAPTURE(as_date);
      const Host host;
      const base::Time now = base::wall_clock();
      AcmeAnswer refusal = AcmeAnswer::problem(status, status == 429 ? "rateLimited" : "serverInternal", "not so fast");
      refusal.headers["retry-after"] =
          as_date ? run_or_fail({"date", "-u", "-d", fmt::format("@{}", base::to_unix(now) + 7200),
                                 "+%a, %d %b %Y %H:%M:%S GMT"})
                        .substr(0, 29)
                  : "7200";
      host.ca.set_rules(each("newOrder", with(refusal)), {});
      const base::Exit refused = host.site.everseal({"renew"});
      CHECK(refused.status == 1);
      CHECK(contains(said(refused), "not so fast"));
      const int asked = host.ca.count("newOrder");
      CHECK(asked == 1);
      // A timer runs it again: the failure stands, and is not made worse.
      CHECK(host.site.everseal({"renew"}).status == 1);
      CHECK(host.ca.count("newOrder") == asked);
      const auto next = base::parse_time(host.site.json({"show", "www"}).at("look_again").get<std::string>());
      REQUIRE(next);
      CHECK(*next >= now + std::chrono::seconds(7200 - 2));
      host.ca.set_rules({}, {});
      require_status(host.renew(), 0);
      CHECK(host.ca.orders_placed() == 1);
    }
}

TEST_CASE("what was done already is no failure") {
  const Host host;
  require_status(host.renew(), 0);
  const std::string before = host.site.live_serial("www");
  // Another client has replaced it: the order is placed without `replaces`.
  host.ca.set_rules(each("newOrder",
                         [](AcmeExchange& exchange) {
                           if (exchange.payload.contains("replaces"))
                             exchange.answer = AcmeAnswer::problem(409, "alreadyReplaced", "it has a successor");
                         }),
                    {});
  require_status(host.renew({"--force"}), 0);
  CHECK(host.site.live_serial("www") != before);
  CHECK(host.ca.orders_placed() == 2);
  host.ca.set_rules(each("revokeCert", with(AcmeAnswer::problem(400, "alreadyRevoked", "it is"))), {});
  require_status(host.site.everseal({"revoke", "www"}), 0);
  CHECK(host.ca.count("revokeCert") == 1);
}

TEST_CASE("thirty-two orders are under way at once at a CA that is far away") {
  constexpr int kCertificates = 300;
  std::string tables;
  for (int i = 0; i < kCertificates; ++i)
    tables += fmt::format(
        "[certificate.host{0}]\nissuer = [\"scripted\"]\nidentifiers = [\"a{0}.example.org\", \"b{0}.example.org\", "
        "\"c{0}.example.org\", \"d{0}.example.org\", \"e{0}.example.org\"]\n",
        i);
  const fakes::SlowProxy proxy(std::chrono::milliseconds(100));
  const Host host(tables, fmt::format("proxy = \"{}\"\n", proxy.url()));
  require_status(host.site.everseal({"-q", "renew"}), 0);
  CHECK(host.ca.orders_placed() == kCertificates);
  CHECK(proxy.most_at_once() == 32);
  // Connections are kept, between certificates too.
  CHECK(proxy.tunnels() <= 32);
  CHECK(host.site.count_leaves() == kCertificates);
  CHECK(host.ca.count("directory") == 1);
  CHECK(host.ca.count("newAccount") == 1);
  CHECK(host.ca.violations() == std::vector<std::string>{});
}
