// Orders survive: a run killed before or after any request and any commit is finished by the next one, with the same
// order, the same key and the same account.
#include "system/acme_site.h"
#include "system/kill.h"
#include "system/scripted_host.h"

#include <csignal>
#include <filesystem>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;
using fakes::AcmeExchange;
using fakes::AcmeServer;

namespace {

namespace fs = std::filesystem;

// So many of the system calls are tried, at even distances; all of them with a number above 1000.
constexpr std::size_t kMostKillsAtPebble = 36;
constexpr std::size_t kMostKillsAtScriptedCa = 60;

// What is recorded, sent and received.
const std::string kCalls = std::string(kMutating) + ",connect,sendto,sendmsg,recvfrom,recvmsg";

enum class Start {
  nothing,  // the account is made and the first version issued
  renewal,  // the account and version 1 are there
};

// Did the run that was killed mean to place an order, and never learn where it is? Read from a copy: the recovery of
// the database is the next run's business.
bool may_have_lost_an_order(const Site& site) {
  const std::string copy = site / "copy";
  fs::remove_all(copy);
  fs::create_directory(copy);
  for (const std::string end : {"", "-wal"})
    if (fs::exists(site.state() + "/everseal.db" + end))
      fs::copy_file(site.state() + "/everseal.db" + end, copy + "/everseal.db" + end);
  return run_or_fail({"sqlite3", copy + "/everseal.db",
                      "select count(*) from acme_order where status = 'intended' and url = ''"}) != "0\n";
}

Words words_of(Start start) { return start == Start::nothing ? Words{"renew"} : Words{"renew", "www", "--force"}; }

// A host that is put back as it was before each kill; its CA goes on.
class OrderArena {
 public:
  struct Ca {
    std::function<std::size_t()> orders;
    std::function<std::size_t()> accounts;
    std::function<std::size_t()> ended;  // orders that came to nothing, as nobody answered a challenge
  };
  OrderArena(const Site& site, Ca ca, Start start) : site_(site), ca_(std::move(ca)), start_(start) {
    if (start == Start::renewal) {
      require_status(site.everseal({"renew"}), 0);
      first_ = site.live_serial("www");
    }
    saved_.emplace(site, Words{"state"});
  }

  std::vector<Call> calls() const {
    saved_->put_back();
    return turning_points(list_calls(site_, kCalls, words()));
  }

  std::vector<std::string> kill_at(const Call& call) {
    saved_->put_back();
    const std::size_t orders_before = ca_.orders();
    const std::size_t accounts_before = ca_.accounts();
    const std::size_t ended_before = ca_.ended();
    const base::Exit killed = run_killed(call, words());
    std::vector<std::string> wrong;
    // A rejected nonce or another look more or less, and there is no such call.
    if (was_killed(killed))
      ++kills;
    else if (!killed.success())
      wrong.push_back("was not killed: " + transcript(killed));
    const bool may_have_lost_one = may_have_lost_an_order(site_);
    // The one that finishes, and one that finds nothing to do.
    for (const char* const which : {"the next run", "the run after it"})
      if (const base::Exit exit = site_.everseal({"renew"}); !exit.success())
        wrong.push_back(fmt::format("{} {}", which, transcript(exit)));

    const std::size_t versions = site_.count_versions("www");
    const std::size_t made = versions - (start_ == Start::renewal ? 1 : 0);
    if (made != 1 && !(made == 0 && start_ == Start::renewal)) wrong.push_back(fmt::format("{} versions", versions));
    if ((site_.live_serial("www") != first_) != (made == 1)) wrong.emplace_back("the newest version is not live");
    check_history_and_key(site_, "www", wrong);
    const std::size_t orders = ca_.orders() - orders_before;
    const bool has_ended = ca_.ended() != ended_before;
    if (has_ended) ++ended;
    if (orders != made && !((may_have_lost_one || has_ended) && orders == made + 1))
      wrong.push_back(fmt::format("{} orders were placed for {} version", orders, made));
    const std::size_t accounts = ca_.accounts() - accounts_before;
    if (accounts != (start_ == Start::nothing ? 1 : 0)) wrong.push_back(fmt::format("{} accounts were made", accounts));
    return wrong;
  }

  std::size_t kills = 0;
  std::size_t ended = 0;

 private:
  Words words() const { return site_.command(words_of(start_)); }

  const Site& site_;
  Ca ca_;
  Start start_;
  std::string first_;
  std::optional<Saved> saved_;
};

void kill_orders(OrderArena& left, OrderArena& right, std::size_t most) {
  const std::vector<Call> calls = left.calls();
  REQUIRE(calls.size() > 80);
  const auto trial = [](OrderArena& arena) { return [&arena](const Call& call) { return arena.kill_at(call); }; };
  const std::size_t runs = try_everywhere({trial(left), trial(right)}, calls, most);
  CHECK(left.kills + right.kills >= runs * 3 / 4);
}

constexpr const char* kCertificate =
    "[certificate.www]\nissuer = [\"pebble\"]\nidentifiers = [\"www.example.org\", \"example.org\"]\n";

OrderArena::Ca counts_of(const Pebble& pebble) {
  return {[&] { return pebble.orders_placed(); }, [&] { return pebble.accounts_made(); },
          [&] { return pebble.count_in_log("set INVALID by invalid authz"); }};
}
OrderArena::Ca counts_of(const AcmeServer& ca) {
  return {[&] { return static_cast<std::size_t>(ca.orders_placed()); },
          [&] { return static_cast<std::size_t>(ca.accounts_made()); }, [] { return std::size_t{0}; }};
}

// A host whose answers lie in a web server's directory: they are there while nobody runs, as the CA validates when it
// wants to. Those of a stand-alone server end with the run, and with them the order (RFC 8555 section 7.1.6).
struct WebrootHost {
  explicit WebrootHost(const PebbleProgram& program) : acme(program, {.authorization_reuse_percent = 0}) {
    fs::create_directory(webroot);
    server.emplace(Words{"python3", "-m", "http.server", std::to_string(acme.pebble.http_port()), "--bind", "127.0.0.1",
                         "--directory", webroot});
    server->wait_for_port(acme.pebble.http_port());
    acme.configure(fmt::format("webroot = \"{}\"", webroot), kCertificate);
  }
  AcmeSite acme;
  std::string webroot = acme.site / "webroot";
  std::optional<Daemon> server;
};

struct StandAloneHost {
  explicit StandAloneHost(const PebbleProgram& program) : acme(program, {.authorization_reuse_percent = 0}) {
    acme.configure("", kCertificate);
  }
  AcmeSite acme;
};

enum class When {
  before,  // the CA looks at the request
  after,   // it took effect, and before it is answered
};

struct Killed {
  base::Exit exit;
  std::string at;  // what the request was about; "": it never came to the n-th
};

// Runs the program under a shell's process id, by which the CA kills it at its n-th request.
Killed run_killed_at_request(const ScriptedHost& host, When when, int n, const Words& words) {
  const std::string id_file = host.site / "pid";
  Killed killed;
  const auto rule = [&, seen = 0](AcmeExchange& exchange) mutable {
    if (++seen != n) return;
    killed.at = exchange.resource;
    exchange.cut = true;
    ::kill(std::stoi(read_text(id_file)), SIGKILL);
  };
  if (when == When::before)
    host.ca.set_rules(rule, {});
  else
    host.ca.set_rules({}, rule);
  Words all{"sh", "-c", R"(echo $$ >"$0"; exec "$@")", id_file};
  const Words command = host.site.command(words);
  all.insert(all.end(), command.begin(), command.end());
  killed.exit = run(std::move(all));
  host.ca.set_rules({}, {});  // waits for the rule's end
  return killed;
}

}  // namespace

TEST_CASE("a run killed before or after any request is finished by the next one, with the same order") {
  for (const Start start : {Start::nothing, Start::renewal}) {
    const ScriptedHost host;
    if (start == Start::renewal) require_status(host.renew(), 0);
    const Saved saved(host.site, {"state"});
    for (const When when : {When::before, When::after}) {
      std::set<std::string> killed_at;
      for (int n = 1;; ++n) {
        saved.put_back();
        const int orders_before = host.ca.orders_placed();
        const int accounts_before = host.ca.accounts_made();
        const auto [exit, at] = run_killed_at_request(host, when, n, words_of(start));
        if (at.empty()) {
          require_status(exit, 0);
          break;
        }
        CAPTURE(static_cast<int>(start));
        CAPTURE(static_cast<int>(when));
        CAPTURE(n);
        CAPTURE(at);
        REQUIRE(was_killed(exit));
        killed_at.insert(at);
        require_status(host.site.everseal({"renew"}), 0);
        CHECK(host.site.count_versions("www") == (start == Start::nothing ? 1 : 2));
        // Of that order nobody here can know.
        const bool is_lost = at == "newOrder" && when == When::after;
        CHECK(host.ca.orders_placed() - orders_before == (is_lost ? 2 : 1));
        CHECK(host.ca.accounts_made() - accounts_before == (start == Start::nothing ? 1 : 0));
        std::vector<std::string> wrong;
        check_history_and_key(host.site, "www", wrong);
        CHECK(wrong == std::vector<std::string>{});
      }
      std::set<std::string> expected{"newOrder", "authorization", "challenge", "order", "finalize", "certificate"};
      // A known CA's directory is remembered, and with it no nonce comes.
      expected.insert(start == Start::nothing ? "newAccount" : "newNonce");
      for (const std::string& resource : expected) CHECK_MESSAGE(killed_at.contains(resource), resource);
    }
    CHECK(host.ca.violations() == std::vector<std::string>{});
  }
}

TEST_CASE("run after run is killed, each one request later, and there is one account and one order in the end") {
  for (const When when : {When::before, When::after}) {
    CAPTURE(static_cast<int>(when));
    const ScriptedHost host;
    bool is_done = false;
    for (int n = 1; !is_done; ++n) {
      const auto [exit, at] = run_killed_at_request(host, when, n, {"renew"});
      is_done = at.empty();
      if (is_done)
        require_status(exit, 0);
      else
        REQUIRE(was_killed(exit));
    }
    CHECK(host.site.count_versions("www") == 1);
    CHECK(host.ca.accounts_made() == 1);
    CHECK(host.ca.orders_placed() <= (when == When::after ? 2 : 1));
    CHECK(host.ca.violations() == std::vector<std::string>{});
  }
}

TEST_CASE("a run killed at any system call finishes its order in the next, at a scripted CA") {
  for (const Start start : {Start::nothing, Start::renewal}) {
    CAPTURE(static_cast<int>(start));
    const ScriptedHost hosts[2];
    OrderArena left(hosts[0].site, counts_of(hosts[0].ca), start);
    OrderArena right(hosts[1].site, counts_of(hosts[1].ca), start);
    kill_orders(left, right, kMostKillsAtScriptedCa);
    for (const ScriptedHost& host : hosts) CHECK(host.ca.violations() == std::vector<std::string>{});
  }
}

TEST_CASE("a first issue killed at any system call finishes its order in the next run, at Pebble") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const WebrootHost hosts[]{WebrootHost(*program), WebrootHost(*program)};
  OrderArena left(hosts[0].acme.site, counts_of(hosts[0].acme.pebble), Start::nothing);
  OrderArena right(hosts[1].acme.site, counts_of(hosts[1].acme.pebble), Start::nothing);
  kill_orders(left, right, kMostKillsAtPebble);
  CHECK(left.ended + right.ended == 0);
}

TEST_CASE("a renewal killed at any system call finishes its order in the next run, at Pebble") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const StandAloneHost hosts[]{StandAloneHost(*program), StandAloneHost(*program)};
  OrderArena left(hosts[0].acme.site, counts_of(hosts[0].acme.pebble), Start::renewal);
  OrderArena right(hosts[1].acme.site, counts_of(hosts[1].acme.pebble), Start::renewal);
  kill_orders(left, right, kMostKillsAtPebble);
  MESSAGE((left.ended + right.ended), " orders ended, as nobody answered while the CA validated");
}
