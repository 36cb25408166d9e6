// What every dns kind keeps to, whoever the provider is, and whatever it answers. A kind that has no row in `kMakers`
// and is none of the others fails.
#include "contract/dns_contract.h"

#include "base/error.h"
#include "base/log.h"
#include "contract/kind_contract.h"
#include "fakes/dns_account.h"
#include "fakes/temporary_directory.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

using namespace everseal;
using base::Fault;
using contract::challenge_value;
using contract::Values;
using dns::Kind;
using fakes::ApiRecord;
using fakes::DnsAccount;
using fakes::DnsApi;
using fakes::Secrets;
using net::ServerRequest;
using net::ServerResponse;

namespace {

// Those that speak to no HTTP API: exec below, rfc2136 to a real server in tests/system/dns_provider_test.cpp.
const std::set<std::string_view> kOthers{"exec", "rfc2136"};

const std::string kZone = fakes::DnsModel::kZone;
const std::string kName = "_acme-challenge.www." + kZone;
const std::string kMine = challenge_value('m');

void for_every_kind(const std::function<void(const Kind&)>& work) { contract::for_every(dns::kinds(), work); }

void for_every_api(const std::function<void(DnsAccount&)>& work) {
  for_every_kind([&](const Kind& kind) {
    if (kOthers.contains(kind.name)) return;
    REQUIRE_MESSAGE(fakes::dns_models().contains(kind.name), "the kind has no API here: ", kind.name);
    DnsAccount account(kind);
    work(account);
  });
}

std::optional<base::Error> failure_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error;
  }
  return std::nullopt;
}

base::Error error_of(const std::function<void()>& work) {
  const auto error = failure_of(work);
  REQUIRE_MESSAGE(error, "nothing was thrown");
  return *error;
}

// The first request is answered so, or the n-th.
DnsApi::Rule answering(const ServerResponse& response, int at = 1) {
  return [=](const ServerRequest&, int number) { return number == at ? std::optional(response) : std::nullopt; };
}

// How many requests a successful `work` takes.
int count_requests(const DnsAccount& account, const std::function<void(dns::Provider&)>& work) {
  account.api->set_rule({});
  const auto provider = account.open();
  work(*provider);
  return account.api->requests();
}

bool shows(const std::string& text, const Values& secrets) {
  return std::ranges::any_of(secrets,
                             [&](const std::string& secret) { return text.find(secret) != std::string::npos; });
}

// Everything that is written to stderr while it lives, with the log at its most talkative.
class Log {
 public:
  Log() : before_(::dup(2)) {
    const int file = ::open(path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ::dup2(file, 2);
    ::close(file);
    base::log::set_level(base::log::Level::trace);
  }
  ~Log() { end(); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  std::string end() {
    if (before_ >= 0) {
      base::log::set_level(level_);
      ::dup2(before_, 2);
      ::close(std::exchange(before_, -1));
    }
    std::ostringstream text;
    text << std::ifstream(path()).rdbuf();
    return text.str();
  }

 private:
  std::string path() const { return directory_ / "log"; }
  fakes::TemporaryDirectory directory_;
  base::log::Level level_ = base::log::level();
  int before_;
};

std::string http_date(base::Time time) {
  const std::time_t seconds = base::to_unix(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

}  // namespace

TEST_CASE("every dns kind describes itself and its options") {
  contract::describe_themselves(dns::kinds(), dns::find_kind);
}

TEST_CASE("every API keeps several values at a name, and takes away its own alone") {
  for_every_api([](DnsAccount& account) {
    if (account.is_acme_dns()) return;
    const auto provider = account.open();
    const contract::DnsPlace place{
        .values = [&](const std::string& name) { return account.api->values(name); },
        .put = [&](const std::string& name,
                   const std::string& value) { account.api->put(name, account.shown(value)); }};
    for (const std::string& name : {kName, "_acme-challenge." + kZone, kZone})
      contract::keeps_values(*provider, place, name, kZone);
  });
}

TEST_CASE("acme-dns keeps the two newest values, and is not told one twice") {
  const DnsAccount account("acme-dns");
  const auto provider = account.open();
  const std::string one = challenge_value('1'), two = challenge_value('2'), three = challenge_value('3');
  provider->add(account.record(one), {});
  provider->add(account.record(two), {});
  provider->add(account.record(one), {});
  CHECK(account.api->values(account.name()) == Values{one, two});
  provider->add(account.record(three), {});
  CHECK(account.api->values(account.name()) == Values{two, three});
  CHECK_NOTHROW(provider->remove(account.record(two), {}));
}

TEST_CASE("a hook keeps several values at a name, and takes away its own alone") {
  const fakes::TemporaryDirectory directory;
  const std::string hook = directory / "hook";
  std::ofstream(hook) << R"sh(#!/bin/sh
file="${0%/*}/$EVERSEAL_RECORD"
touch "$file"
grep -vxF "$EVERSEAL_VALUE" "$file" > "$file.new"
[ "$1" = remove ] || echo "$EVERSEAL_VALUE" >> "$file.new"
mv "$file.new" "$file"
)sh";
  std::filesystem::permissions(hook, std::filesystem::perms::owner_all);
  const auto provider =
      dns::find_kind("exec")->open(fakes::dns_options("exec", {{"command", fakes::option(Values{hook})}}));
  const contract::DnsPlace place{
      .values =
          [&](const std::string& name) {
            Values values;
            std::ifstream file(directory / name);
            for (std::string line; std::getline(file, line);) values.push_back(line);
            std::ranges::sort(values);
            return values;
          },
      .put = [&](const std::string& name,
                 const std::string& value) { std::ofstream(directory / name, std::ios::app) << value << '\n'; }};
  contract::keeps_values(*provider, place, kName, kZone);
}

TEST_CASE("what others set stays as they wrote it, with its TTL") {
  for_every_api([](DnsAccount& account) {
    if (account.is_acme_dns()) return;
    const Values texts = account.kind.name == "digitalocean"
                             ? Values{"plain", "with \"quotes\"", std::string(255, 'x')}
                             : Values{R"("plain")", R"("two" "strings")", R"("with \"quotes\" and \\")",
                                      R"("\195\164")", "\"" + std::string(255, 'x') + "\""};
    for (const std::string& text : texts) account.api->put(kName, text, 7200);
    const auto as_written = [&] {
      Values found;
      for (const ApiRecord& one : account.api->records(kName))
        if (one.text != account.shown(kMine)) found.push_back(one.text);
      return found;
    };
    const auto provider = account.open();
    provider->add(account.record(kMine), {});
    CHECK(as_written() == texts);
    CHECK(account.api->ttl(kName) == 7200);
    CHECK(account.api->records(kName).size() == texts.size() + 1);
    provider->remove(account.record(kMine), {});
    CHECK(as_written() == texts);
    CHECK(account.api->ttl(kName) == 7200);
    CHECK(account.api->records(kName).size() == texts.size());
  });
}

TEST_CASE("a value is found among more than a page of others") {
  for_every_api([](DnsAccount& account) {
    if (account.is_acme_dns()) return;
    for (int i = 0; i < 450; ++i) account.api->put(kName, account.shown(fmt::format("other {}", i)));
    account.api->put(kName, account.shown(kMine));
    const auto provider = account.open();
    provider->add(account.record(kMine), {});
    CHECK(account.api->records(kName).size() == 451);
    provider->remove(account.record(kMine), {});
    CHECK(account.api->records(kName).size() == 450);
  });
}

TEST_CASE("workers that set values at one name at once lose none") {
  for_every_api([](DnsAccount& account) {
    if (account.is_acme_dns()) return;
    const Values values{challenge_value('1'), challenge_value('2'), challenge_value('3'), challenge_value('4')};
    const auto at_once = [&](const std::function<void(dns::Provider&, const std::string&)>& work) {
      std::vector<std::optional<base::Error>> errors(values.size());
      std::vector<std::unique_ptr<dns::Provider>> providers;
      for (std::size_t i = 0; i < values.size(); ++i) providers.push_back(account.open());
      {
        std::vector<std::jthread> workers;
        for (std::size_t i = 0; i < values.size(); ++i)
          workers.emplace_back([&, i] { errors[i] = failure_of([&] { work(*providers[i], values[i]); }); });
      }
      for (const auto& error : errors) CHECK_MESSAGE(!error, (error ? error->message() : ""));
    };
    at_once([&](dns::Provider& provider, const std::string& value) { provider.add(account.record(value), {}); });
    CHECK(account.api->values(kName) == values);
    at_once([&](dns::Provider& provider, const std::string& value) { provider.remove(account.record(value), {}); });
    CHECK(account.api->values(kName) == Values{});
  });
}

TEST_CASE("a zone that is not the provider's is a matter of configuration") {
  for_every_api([](DnsAccount& account) {
    const auto provider = account.open();
    for (const std::string zone : {"example.com", "another.example"}) {
      CAPTURE(zone);
      const auto foreign = contract::txt("_acme-challenge." + zone, zone, kMine);
      CHECK(error_of([&] { provider->add(foreign, {}); }).fault() == Fault::config);
    }
  });
}

TEST_CASE("a wrong secret is refused, and shown nowhere") {
  for_every_api([](DnsAccount& account) {
    const auto provider = account.open(Secrets::wrong);
    const base::Error error = error_of([&] { provider->add(account.record(kMine), {}); });
    CHECK(error.fault() == Fault::denied);
    CHECK_FALSE(error.hint().empty());
    for (const auto& [name, text] : account.api->options(Secrets::wrong).files)
      CHECK(error.text().find(text) == std::string::npos);
    CHECK(account.api->values(account.name()) == Values{});
  });
}

TEST_CASE("what a status says is what the error says") {
  struct Row {
    int status;
    Fault fault;
  };
  const Row rows[] = {{400, Fault::denied},      {401, Fault::denied},      {403, Fault::denied},
                      {404, Fault::config},      {408, Fault::unreachable}, {422, Fault::denied},
                      {429, Fault::unreachable}, {500, Fault::unreachable}, {502, Fault::unreachable},
                      {503, Fault::unreachable}, {504, Fault::unreachable}, {301, Fault::denied}};
  for_every_api([&](DnsAccount& account) {
    for (const Row& row : rows) {
      CAPTURE(row.status);
      const auto provider = account.open();
      // Always, or an absent set would be made.
      account.api->set_rule([&](const ServerRequest&, int) {
        return std::optional(ServerResponse{.status = row.status, .body = "so it is\n", .headers = {}});
      });
      const base::Error error = error_of([&] { provider->add(account.record(kMine), {}); });
      CHECK(error.fault() == row.fault);
      CHECK_FALSE(error.retry_at());
      if (row.status != 404) CHECK(error.message().find(std::to_string(row.status)) != std::string::npos);
    }
  });
}

TEST_CASE("who asks to wait for a moment is asked again, at any request") {
  for_every_api([](DnsAccount& account) {
    const auto add = [&](dns::Provider& provider) { provider.add(account.record(kMine), {}); };
    const int requests = count_requests(account, add);
    account.open()->remove(account.record(kMine), {});
    for (int at = 1; at <= requests; ++at) {
      CAPTURE(at);
      account.api->set_rule(answering({.status = 429, .body = "slow down", .headers = {{"Retry-After", "0"}}}, at));
      const auto provider = account.open();
      CHECK_NOTHROW(add(*provider));
      CHECK(account.api->requests() == requests + 1);
      const Values stand = account.api->values(account.name());
      CHECK(std::ranges::find(stand, kMine) != stand.end());
      CHECK_NOTHROW(provider->remove(account.record(kMine), {}));
    }
    // But not for ever.
    account.api->set_rule([](const ServerRequest&, int) {
      return std::optional(ServerResponse{.status = 429, .body = "", .headers = {{"Retry-After", "0"}}});
    });
    const auto provider = account.open();
    CHECK(error_of([&] { add(*provider); }).fault() == Fault::unreachable);
    CHECK(account.api->requests() < 10);
  });
}

TEST_CASE("who asks to wait for long is obeyed by who asks again") {
  for_every_api([](DnsAccount& account) {
    for (const int status : {429, 500, 503}) {
      CAPTURE(status);
      const auto provider = account.open();
      const base::Time before = base::wall_clock();
      account.api->set_rule(answering({.status = status, .body = "later", .headers = {{"Retry-After", "7200"}}}));
      const base::Error by_seconds = error_of([&] { provider->add(account.record(kMine), {}); });
      CHECK(by_seconds.fault() == Fault::unreachable);
      REQUIRE(by_seconds.retry_at());
      CHECK(*by_seconds.retry_at() >= before + base::Seconds(7200));
      CHECK(*by_seconds.retry_at() <= base::wall_clock() + base::Seconds(7200));
      CHECK(account.api->requests() == 1);

      const base::Time then = before + base::Seconds(86400);
      account.api->set_rule(
          answering({.status = status, .body = "later", .headers = {{"Retry-After", http_date(then)}}}));
      CHECK(error_of([&] { provider->add(account.record(kMine), {}); }).retry_at() == then);
    }
  });
}

TEST_CASE("a wait that the provider asks for ends where someone asks to stop") {
  for_every_api([](DnsAccount& account) {
    std::stop_source source;
    account.api->set_rule([&](const ServerRequest&, int) {
      source.request_stop();
      return std::optional(ServerResponse{.status = 429, .body = "", .headers = {{"Retry-After", "50"}}});
    });
    const auto provider = account.open();
    CHECK(error_of([&] { provider->add(account.record(kMine), source.get_token()); }).fault() == Fault::cancelled);
  });
}

TEST_CASE("a provider that is not there is unreachable") {
  for_every_api([](DnsAccount& account) {
    const auto provider = account.open();
    account.api.reset();
    CHECK(error_of([&] { provider->add(account.record(kMine), {}); }).fault() == Fault::unreachable);
  });
}

TEST_CASE("an answer that means nothing is an error, and never taken for an empty name") {
  std::string deep;
  for (int i = 0; i < 5'000; ++i) deep += "{\"result\":[";
  const std::string elements = "<ListResourceRecordSetsResponse><ResourceRecordSets>";
  const Values bodies{
      "",
      " \n",
      "{}",
      "[]",
      "null",
      "42",
      "\"text\"",
      "<html><body>Please log in</body></html>",
      "{\"result\":",
      R"({"success":false,"result":[],"rrsets":"x","records":{},"domain_records":1,"rrset":[],"txt":2})",
      R"({"success":true,"result":["x"],"rrsets":[1],"records":[null],"domain_records":[[]],"rrset":"x"})",
      R"({"success":true,"result":null,"rrsets":null,"records":null,"domain_records":null,"rrset":{}})",
      R"({"error":"something went wrong"})",
      "<?xml version=\"1.0\"?>\n<ErrorResponse></ErrorResponse>",
      elements,
      std::string("\0\xff\xfe", 3),
      deep,
      std::string(2 << 20, ' ') + "{}"};
  for_every_api([&](DnsAccount& account) {
    const std::string others = account.shown("of another");
    if (!account.is_acme_dns()) account.api->put(kName, others);
    for (const bool removes : {false, true}) {
      if (removes && account.is_acme_dns()) continue;
      CAPTURE(removes);
      const auto work = [&](dns::Provider& provider) {
        if (removes)
          provider.remove(account.record(kMine), {});
        else
          provider.add(account.record(kMine), {});
      };
      const auto reset = [&] {
        account.api->set_rule({});
        if (removes)
          account.open()->add(account.record(kMine), {});
        else
          account.open()->remove(account.record(kMine), {});
      };
      reset();
      const int requests = count_requests(account, work);
      for (int at = 1; at <= requests; ++at) {
        CAPTURE(at);
        for (std::size_t i = 0; i < bodies.size(); i += at == 1 ? 1 : 3) {
          const std::string& body = bodies[i];
          CAPTURE(body.substr(0, 100));
          reset();
          account.api->set_rule(answering({.status = 200, .body = body, .headers = {}}, at));
          const auto provider = account.open();
          const auto error = failure_of([&] { work(*provider); });
          if (at == 1) CHECK(error);
          if (error) CHECK(error->message().size() < 1'000);
          if (account.is_acme_dns()) continue;
          const auto stands = account.api->values(kName);
          CHECK(std::ranges::find(stands, "of another") != stands.end());
        }
      }
    }
  });
}

TEST_CASE("a provider or proxy that repeats what it was told gives no secret away") {
  for_every_api([](DnsAccount& account) {
    const Values secrets = account.api->secrets();
    Log log;
    std::string messages;
    std::vector<int> counts;
    for (const int status : {200, 301, 400, 401, 403, 404, 422, 429, 500, 503}) {
      for (const auto& [before, after] :
           {std::pair("", ""), std::pair("{\"error\":\"", "\"}"),
            std::pair("<Error><Code>No</Code><Message>", "</Message></Error>"),
            std::pair("{\"success\":false,\"errors\":[{\"code\":1,\"message\":\"", "\"}]}")}) {
        account.api->set_rule([&](const ServerRequest& request, int) {
          std::string said;
          for (const auto& [name, value] : request.headers) said += name + ": " + value + " ";
          return std::optional(ServerResponse{.status = status, .body = before + said + after, .headers = {}});
        });
        const auto provider = account.open();
        const auto error = failure_of([&] { provider->add(account.record(kMine), {}); });
        CHECK(error);
        if (error) messages += error->text() + "\n";
      }
    }
    const std::string logged = log.end();
    CHECK_FALSE(shows(messages, secrets));
    CHECK_FALSE(shows(logged, secrets));
  });
}
