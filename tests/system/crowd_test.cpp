// Many processes at once, each with verb after verb at one state.
#include "pki/crl.h"
#include "system/site.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kMembers = 20;
constexpr int kShared = 4;  // certificates that all of them work on
constexpr int kBusy = 75;
constexpr int kTries = 5;
constexpr seconds kHung{100};  // ten times what a process waits for the store

// What one of them knows, and draws from.
struct Member {
  int number = 0;
  int made = 0;  // names that it gave
  std::mt19937 random{static_cast<unsigned>(number)};
  std::vector<std::string> issued;   // of its own, and still wanted
  std::vector<std::string> backups;  // that it wrote

  std::string fresh(std::string_view prefix) { return fmt::format("{}{}-{}", prefix, number, made++); }
  std::string shared() { return fmt::format("web{}", random() % kShared); }
  // One of its own where it has any.
  std::string any() { return issued.empty() ? shared() : issued[random() % issued.size()]; }
};

struct Verb {
  std::string name;
  int weight;
  // Beside 0 and 75, with which any may end.
  std::set<int> statuses;
  std::function<Words(Member&, const Site&)> words;
  // What it means that it was done; `words` are those that were run.
  std::function<void(Member&, const Words& words)> done = {};
  bool signs = false;  // prints serials as JSON
};

Words issue_words(const std::string& name, bool once) {
  Words words{"issue", "--issuer", "demo", "-d", name + ".example.org", "--as", name, "--json"};
  if (once) words.emplace_back("--once");
  return words;
}

void remember_issued(Member& member, const Words& words) { member.issued.push_back(words.at(6)); }

template <class... Word>
std::function<Words(Member&, const Site&)> always(Word... word) {
  return [words = Words{word...}](Member&, const Site&) { return words; };
}

std::vector<Verb> all_verbs() {
  const auto of_shared = [](Words words) {
    return [words](Member& member, const Site&) {
      Words made = words;
      made.push_back(member.shared());
      return made;
    };
  };
  return {
      {"issue",
       4,
       {},
       [](Member& m, const Site&) { return issue_words(m.fresh("kept"), false); },
       remember_issued,
       true},
      {"issue --once",
       4,
       {},
       [](Member& m, const Site&) { return issue_words(m.fresh("once"), true); },
       remember_issued,
       true},
      {"renew", 4, {}, always("renew", "--json"), {}, true},
      {"renew --force", 3, {}, of_shared({"renew", "--force", "--json"}), {}, true},
      {"renew --cancel", 1, {1}, of_shared({"renew", "--cancel"})},  // none is waiting
      {"revoke", 2, {}, of_shared({"revoke", "--json"}), {}, true},
      {"rollback", 2, {1}, of_shared({"rollback"})},  // there is no earlier version, or it is revoked
      {"remove",
       1,
       {1},  // it is not managed
       [](Member& m, const Site&) {
         return Words{"remove", m.issued.empty() ? "nobody" : m.issued.front(), "--revoke", "--delete-keys"};
       },
       [](Member& m, const Words& words) { std::erase(m.issued, words.at(1)); }},
      {"deploy", 2, {}, of_shared({"deploy"})},
      {"ca sign",
       8,
       {},
       [](Member&, const Site& site) {
         return Words{"ca", "sign", "demo", site / "device.csr", "--json"};
       },
       {},
       true},
      {"ca crl", 2, {}, always("ca", "crl", "demo")},
      {"ca init",
       1,
       {},
       [](Member& m, const Site& site) {
         return Words{"ca", "init", m.fresh("other"), "--root-passphrase-file", site / "root.passphrase"};
       }},
      {"export",
       2,
       {},
       [](Member& m, const Site& site) {
         const std::string name = m.shared();
         return Words{"export", name, "--out", site / m.fresh("export")};
       }},
      {"backup",
       2,
       {},
       [](Member& m, const Site& site) {
         return Words{"backup", site / m.fresh("backup")};
       },
       [](Member& m, const Words& words) { m.backups.push_back(words.at(1)); }},
      {"restore",
       1,
       {},
       [](Member& m, const Site& site) {
         return Words{"restore", m.backups.empty() ? site / "first.backup" : m.backups[m.random() % m.backups.size()]};
       }},
      {"doctor", 1, {}, always("doctor")},
      {"doctor --mend", 1, {}, always("doctor", "--mend")},
      {"doctor --rebuild", 1, {}, always("doctor", "--rebuild")},
      {"list", 2, {}, always("list", "--all")},
      {"show",
       2,
       {1},
       [](Member& m, const Site&) {
         return Words{"show", m.any()};
       }},  // not there yet or any more
      {"plan", 2, {}, always("plan")},
      {"history", 2, {}, always("history")},
      {"history --verify", 2, {}, always("history", "--verify")},
      {"verify", 2, {}, of_shared({"verify"})},
      {"config check", 1, {}, always("config", "check")},
      {"account list", 1, {}, always("account", "list")},
      {"renew --dry-run", 1, {}, always("renew", "--dry-run")},
  };
}

// What all of them saw.
class Ledger {
 public:
  void record(const Verb& verb, const Words& words, const base::Exit& exit) {
    const std::scoped_lock lock(mutex_);
    ++counts_[verb.name][exit.how == base::Exit::How::exited ? fmt::to_string(exit.status) : describe(exit)];
    const bool expected = exit.how == base::Exit::How::exited &&
                          (exit.status == 0 || exit.status == kBusy || verb.statuses.contains(exit.status));
    if (!expected && wrong.size() < 20) wrong.push_back(fmt::format("{}: {}", fmt::join(words, " "), transcript(exit)));
    if (!verb.signs || !exit.success()) return;
    const Json said = Json::parse(exit.output);
    for (const Json& one : said.value(said.contains("outcomes") ? "outcomes" : "certificates", Json::array()))
      if (one.value("serial", Json()).is_string()) serials.insert(one.at("serial").get<std::string>());
  }

  std::string table() const {
    std::string text;
    for (const auto& [verb, statuses] : counts_) text += fmt::format("{}: {}\n", verb, fmt::join(statuses, " "));
    return text;
  }
  std::size_t done(const std::string& verb) const {
    const auto found = counts_.find(verb);
    if (found == counts_.end() || !found->second.contains("0")) return 0;
    return found->second.at("0");
  }

  std::set<std::string> serials;  // that somebody was told
  std::vector<std::string> wrong;

 private:
  std::mutex mutex_;
  std::map<std::string, std::map<std::string, std::size_t>> counts_;  // verb, how it ended
};

void work(Member& member, const Site& site, const std::vector<Verb>& verbs, Ledger& ledger,
          steady_clock::time_point end) {
  std::vector<int> weights;
  for (const Verb& verb : verbs) weights.push_back(verb.weight);
  std::discrete_distribution<std::size_t> draw(weights.begin(), weights.end());
  while (steady_clock::now() < end) {
    const Verb& verb = verbs[draw(member.random)];
    const Words words = verb.words(member, site);
    // Who is told that another run works tries again, and gives up at some time.
    for (int tries = 0; tries < kTries; ++tries) {
      const base::Exit exit = site.everseal(words, {.timeout = kHung, .output_limit = 64 << 20});
      ledger.record(verb, words, exit);
      if (exit.success() && verb.done) verb.done(member, words);
      if (exit.status != kBusy) break;
    }
  }
}

}  // namespace

TEST_CASE("twenty processes at once with every verb lose nothing that one of them was told") {
  const Site site;
  std::string tables;
  for (int i = 0; i < kShared; ++i) {
    const std::string name = fmt::format("web{}", i);
    fs::create_directory(site / name);
    tables += certificate_table(name) +
              deploy_table({.certificate = name, .directory = site / name, .reload = {}, .verify = {}});
  }
  site.configure(tables);
  run_or_fail({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
               site / "device.key", "-subj", "/CN=device.example.org", "-addext",
               "subjectAltName=DNS:device.example.org", "-out", site / "device.csr"});
  require_status(site.everseal({"renew"}), 0);
  require_status(site.everseal({"backup", site / "first.backup"}), 0);

  const std::vector<Verb> verbs = all_verbs();
  Ledger ledger;
  std::vector<Member> members(kMembers);
  const auto end = steady_clock::now() + (std::getenv("EVERSEAL_LONG") != nullptr ? seconds(60) : seconds(10));
  {
    std::vector<std::jthread> threads;
    for (int number = 0; Member& member : members) {
      member.number = number++;
      member.random.seed(static_cast<unsigned>(member.number));
      threads.emplace_back([&] {
        try {
          work(member, site, verbs, ledger, end);
        } catch (const std::exception& error) {
          FAIL_CHECK(error.what());
        }
      });
    }
  }
  MESSAGE(ledger.table());
  for (const std::string& one : ledger.wrong) FAIL_CHECK(one);
  for (const char* verb : {"ca sign", "list", "backup"}) CHECK_MESSAGE(ledger.done(verb) > 0, verb);

  // It comes to rest, and is sound.
  for (const Words& words :
       {Words{"renew"}, Words{"renew"}, Words{"doctor"}, Words{"history", "--verify"}, Words{"config", "check"}}) {
    const base::Exit exit = site.everseal(words);
    CHECK_MESSAGE(exit.success(), fmt::format("{}: {}", fmt::join(words, " "), transcript(exit)));
    if (!exit.success()) MESSAGE(site.everseal({"plan"}).output);
  }
  const std::string known =
      run_or_fail({"sqlite3", site.state() + "/everseal.db", "select serial from issued"}, {.output_limit = 64 << 20});
  std::size_t lost = 0;
  for (const std::string& serial : ledger.serials)
    if (!contains(known, serial)) ++lost;
  CHECK(lost == 0);
  const std::string managed = site.everseal({"list", "--managed"}).output;
  for (const Member& member : members)
    for (const std::string& name : member.issued) CHECK_MESSAGE(contains(managed, name), name);

  constexpr std::size_t kRevoked = 30;
  const std::vector<std::string> serials(ledger.serials.begin(), ledger.serials.end());
  std::vector<std::string> revoked;
  for (std::size_t i = 0; i < serials.size(); i += std::max<std::size_t>(1, serials.size() / kRevoked)) {
    const base::Exit exit = site.everseal({"revoke", "--serial", serials[i]});
    CHECK_MESSAGE(exit.success(), transcript(exit));
    revoked.push_back(serials[i]);
  }
  const auto crl = pki::Crl::parse(base::as_bytes(read_text(site.state() + "/authorities/demo/crl.der")));
  for (const std::string& serial : revoked)
    CHECK_MESSAGE(std::ranges::any_of(crl.entries, [&](const auto& entry) { return entry.serial == serial; }), serial);
  require_status(site.everseal({"doctor"}), 0);
}
