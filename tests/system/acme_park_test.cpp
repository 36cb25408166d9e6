// Orders that cannot go on now: nothing is lost, nothing is placed twice, and it is said what stands in the way.
#include "system/scripted_host.h"
#include "system/small_disk.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;
using fakes::AcmeExchange;

namespace {

namespace fs = std::filesystem;

// From now on the CA works on the certificate until it is done; `looks` counts who asks.
void take_long(const ScriptedHost& host, std::atomic<int>& looks, const std::string& retry_after) {
  host.ca.set_rules({}, [&looks, retry_after](AcmeExchange& exchange) {
    if (exchange.resource != "finalize" && exchange.resource != "order") return;
    Json order = Json::parse(exchange.answer->body);
    if (order.at("status") != "valid") return;
    order["status"] = "processing";
    order.erase("certificate");
    exchange.answer->body = order.dump();
    exchange.answer->headers["retry-after"] = retry_after;
    ++looks;
  });
}

}  // namespace

TEST_CASE("a run that is asked to end while the CA works leaves the order, and the next run finishes it") {
  const ScriptedHost host;
  std::atomic<int> looks = 0;
  take_long(host, looks, "60");
  base::Exit exit;
  for (const int nth : {1, 2}) {
    looks = 0;
    std::stop_source stop;
    {
      base::Command command;
      command.argv = host.site.command({"renew"});
      command.timeout = std::chrono::minutes(2);
      const std::jthread worker([&] { exit = base::run(command, stop.get_token()); });
      wait_until("the CA is asked", [&] { return looks >= 2; });
      stop.request_stop();
    }
    INFO(nth, ": ", transcript(exit));
    // It ended by itself: nobody had to kill it.
    CHECK(exit.how == base::Exit::How::cancelled);
    CHECK(contains(exit.output, "the next run goes on from there"));
    CHECK(host.site.count_versions("www") == 0);
    CHECK(host.site.json({"show", "www"}).at("versions").at(0).at("order").at("status") == "processing");
    CHECK(host.site.count_events("www", "certificate.failed") == 0);
  }
  host.ca.set_rules({}, {});
  require_status(host.site.everseal({"renew"}), 0);
  CHECK(host.ca.orders_placed() == 1);
  CHECK(host.ca.count("finalize") == 1);
  CHECK(host.site.count_versions("www") == 1);
  CHECK(host.ca.violations() == std::vector<std::string>{});
}

TEST_CASE("an order that the CA works on for hours is looked at again when the CA said, and stays the same") {
  const ScriptedHost host;
  std::atomic<int> looks = 0;
  take_long(host, looks, "7200");
  const base::Exit waits = host.site.everseal({"renew"});
  INFO(transcript(waits));
  CHECK(waits.status == 1);
  CHECK(contains(waits.output, "the CA is not finished with the certificate"));
  // A timer's run comes too early, and asks nobody.
  const int asked = host.ca.count("order");
  CHECK(host.site.everseal({"renew"}).status == 1);
  CHECK(host.ca.count("order") == asked);
  host.ca.set_rules({}, {});
  require_status(host.renew(), 0);
  CHECK(host.ca.orders_placed() == 1);
  CHECK(host.ca.count("finalize") == 1);
}

TEST_CASE("an order that was begun for a wish that is withdrawn is given up, and one that the CA finished is fetched") {
  const ScriptedHost host;
  require_status(host.renew(), 0);
  const auto begin = [&](const char* resource) {
    host.ca.set_rules(
        [resource](AcmeExchange& exchange) {
          if (exchange.resource == resource)
            exchange.answer = fakes::AcmeAnswer::problem(500, "urn:ietf:params:acme:error:serverInternal", "not now");
        },
        {});
    CHECK(host.renew({"--force"}).status != 0);
    host.ca.set_rules({}, {});
    return host.site.everseal({"renew", "www", "--cancel"});
  };
  // Nothing is proved yet.
  const int orders = host.ca.orders_placed();
  base::Exit cancelled = begin("challenge");
  INFO(transcript(cancelled));
  CHECK(cancelled.status == 0);
  CHECK(contains(cancelled.output + cancelled.errors, "the next run gives that up"));
  CHECK(host.ca.orders_placed() == orders + 1);
  require_status(host.site.everseal({"renew"}), 0);
  require_status(host.site.everseal({"renew", "www"}), 0);
  CHECK(host.site.count_versions("www") == 1);
  CHECK(host.ca.count("finalize") == 1);
  CHECK(host.site.count_events("www", "certificate.given_up") == 1);
  CHECK_FALSE(fs::exists(host.site.state() + "/archive/www/.2"));
  // The certificate is there to be fetched.
  cancelled = begin("certificate");
  CHECK(contains(cancelled.output + cancelled.errors, "finished all the same"));
  require_status(host.site.everseal({"renew", "www"}), 0);
  CHECK(host.site.count_versions("www") == 2);
  CHECK(host.ca.count("finalize") == 2);
  CHECK(host.ca.violations() == std::vector<std::string>{});
}

TEST_CASE("what is recorded can be read on a disk that is full to the last octet") {
  const ScriptedHost host;
  require_status(host.renew(), 0);
  const std::string& state = host.site.state();
  fs::rename(state, host.site / "made");
  fs::create_directory(state);
  const SmallDisk disk(state, "4m");
  run_or_fail({"cp", "-a", host.site / "made/.", state});
  disk.fill(0);
  for (const Words& words : {Words{"list"}, {"show", "www"}, {"plan"}, {"history", "www"}}) {
    const base::Exit exit = host.site.everseal(words);
    INFO(transcript(exit));
    CHECK(exit.status == 0);
    CHECK(contains(exit.output, "www"));
  }
  const base::Exit looked = host.site.everseal({"doctor", "--json"});
  require_status(looked, 1);
  const auto complaints = Json::parse(looked.output)["complaints"];
  REQUIRE_MESSAGE(complaints.size() == 1, looked.output);
  CHECK(complaints[0]["rule"] == "not-writable");
  const std::string backup = host.site / "backup.db";
  require_status(host.site.everseal({"backup", backup}), 0);
  disk.empty();
  require_status(host.site.everseal({"restore", backup}), 0);
  require_status(host.site.everseal({"history", "--verify"}), 0);
  require_status(host.site.everseal({"renew"}), 0);
  CHECK(contains(host.site.everseal({"list"}).output, "www"));
}

TEST_CASE("a full disk places no order, and one that fills on the way loses none") {
  const ScriptedHost host;
  const std::string& state = host.site.state();
  fs::rename(state, host.site / "made");
  fs::create_directory(state);
  const SmallDisk disk(state, "4m");
  // A first issue with so many pages left, and another run with room again. Was the order placed by the first?
  const auto places = [&](int pages) {
    CAPTURE(pages);
    for (const auto& entry : fs::directory_iterator(state)) fs::remove_all(entry);
    run_or_fail({"cp", "-a", host.site / "made/.", state});
    const int orders = host.ca.orders_placed();
    const int accounts = host.ca.accounts_made();
    disk.fill(pages);
    const base::Exit exit = host.site.everseal({"renew"});
    disk.empty();
    INFO(transcript(exit));
    REQUIRE(exit.how == base::Exit::How::exited);
    const int placed = host.ca.orders_placed() - orders;
    if (!exit.success()) CHECK(contains(exit.errors + exit.output, "free some space"));
    // By hand: the failure may have been recorded, and with it when to try again.
    require_status(host.renew(), 0);
    CHECK(host.ca.orders_placed() - orders == 1);
    CHECK(host.ca.accounts_made() - accounts == 1);
    CHECK(host.site.count_versions("www") == 1);
    require_status(host.site.everseal({"history", "--verify"}), 0);
    return placed > 0;
  };
  CHECK_FALSE(places(0));
  // Where the room just ends before the order, or just after it.
  int refused = 0;
  int placed = 400;
  REQUIRE(places(placed));
  while (placed - refused > 1) {
    const int middle = (refused + placed) / 2;
    (places(middle) ? placed : refused) = middle;
  }
  for (int pages = placed + 1; pages < placed + 6; ++pages) places(pages);
  CHECK(host.ca.violations() == std::vector<std::string>{});
}

TEST_CASE("of two renewals at once one places the order, and the other ends with 75") {
  const ScriptedHost host;
  std::vector<base::Exit> others;
  // While the first waits for this answer.
  host.ca.set_rules(
      [&](AcmeExchange& exchange) {
        if (exchange.resource != "newOrder") return;
        others.push_back(host.site.everseal({"renew"}));
        others.push_back(host.site.everseal({"renew", "www", "--force"}));
      },
      {});
  require_status(host.site.everseal({"renew"}), 0);
  REQUIRE(others.size() == 2);
  for (const base::Exit& other : others) {
    CHECK(other.status == 75);
    CHECK(contains(other.errors, "another run works on"));
  }
  host.ca.set_rules({}, {});
  require_status(host.site.everseal({"renew"}), 0);
  CHECK(host.ca.orders_placed() == 1);
  CHECK(host.ca.accounts_made() == 1);
}
