// What was done before stays done, whichever way the database came back; and what doctor complains of, the command that
// it names mends.
#include "pki/crl.h"
#include "system/kill.h"
#include "system/site.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

bool is_on_crl(const Site& site, const std::string& serial) {
  const auto crl = pki::Crl::parse(base::as_bytes(read_text(site.state() + "/authorities/demo/crl.der")));
  return std::ranges::any_of(crl.entries, [&](const auto& entry) { return entry.serial == serial; });
}

Json complaints_of(const Site& site) {
  return Json::parse(site.everseal({"doctor", "--json"}).output).at("complaints");
}

std::string csr(const Site& site, const std::string& name) {
  run_or_fail({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
               site / (name + ".key"), "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name, "-out",
               site / (name + ".csr")});
  return site / (name + ".csr");
}

// What must be true afterwards, beside what is always checked.
struct Expectation {
  std::vector<std::string> revoked;                   // serials
  std::vector<std::string> revocable;                 // serials that can be revoked
  std::vector<std::pair<std::string, int>> not_back;  // name and version that a rollback is refused
  std::string signed_file;                            // a certificate of `ca sign`; ""
};

struct Action {
  std::string name;
  std::function<Expectation(const Site&)> run;
};

const Action kActions[] = {
    {"issue",
     [](const Site& site) {
       site.configure(certificate_table("web") + certificate_table("late"));
       require_status(site.everseal({"renew"}), 0);
       return Expectation{.revocable = {site.live_serial("late")}};
     }},
    {"renew",
     [](const Site& site) {
       require_status(site.everseal({"renew", "--force", "web"}), 0);
       return Expectation{.revocable = {site.live_serial("web")}};
     }},
    {"revoke",
     [](const Site& site) {
       const std::string first = site.live_serial("web");
       require_status(site.everseal({"revoke", "web", "--reason", "keyCompromise"}), 0);
       return Expectation{.revoked = {first}, .not_back = {{"web", 1}}};
     }},
    {"rollback",
     [](const Site& site) {
       require_status(site.everseal({"renew", "--force", "web"}), 0);
       const std::string second = site.live_serial("web");
       require_status(site.everseal({"rollback", "web"}), 0);
       return Expectation{.revocable = {second, site.live_serial("web")}};
     }},
    {"remove",
     [](const Site& site) {
       const std::string serial = site.live_serial("gone");
       require_status(site.everseal({"remove", "gone"}), 0);
       return Expectation{.revocable = {serial}};
     }},
    {"ca sign",
     [](const Site& site) {
       const base::Exit exit = site.everseal({"ca", "sign", "demo", csr(site, "dev.example.org")});
       require_status(exit, 0);
       const std::string file = site / "signed.pem";
       write_text(file, exit.output);
       return Expectation{.signed_file = file};
     }},
};

struct Way {
  std::string name;
  std::function<void(const Site&)> recover;
  bool has_database = true;  // the former one could be read
};

void lose_database(const Site& site) {
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(site.state() + "/everseal.db" + end);
  fs::remove_all(site.state() + "/backups");
}

const Way kWays[] = {
    {"restore",
     [](const Site& site) {
       require_status(site.everseal({"restore", site / "backup.db"}), 0);
     }},
    {"restore after the database was lost",
     [](const Site& site) {
       lose_database(site);
       require_status(site.everseal({"restore", site / "backup.db"}), 0);
     },
     false},
    {"rebuild",
     [](const Site& site) {
       const base::Exit exit = site.everseal({"doctor", "--rebuild"});
       require_status(exit, 0);
     }},
    {"rebuild after the database was lost",
     [](const Site& site) {
       lose_database(site);
       require_status(site.everseal({"doctor", "--rebuild"}), 0);
     },
     false},
    {"rebuild, then restore",
     [](const Site& site) {
       require_status(site.everseal({"doctor", "--rebuild"}), 0);
       require_status(site.everseal({"restore", site / "backup.db"}), 0);
     }},
};

void check(const Site& site, const Expectation& expected, bool has_database) {
  const base::Exit renewed = site.everseal({"renew"});
  CHECK_MESSAGE(renewed.success(), transcript(renewed));
  const base::Exit doctor = site.everseal({"doctor"});
  CHECK_MESSAGE(doctor.success(), transcript(doctor));
  require_status(site.everseal({"history", "--verify"}), 0);
  require_status(site.everseal({"ca", "crl", "demo"}), 0);
  for (const std::string& serial : expected.revoked) CHECK(is_on_crl(site, serial));
  for (const auto& [name, number] : expected.not_back) {
    const base::Exit back = site.everseal({"rollback", name, "--to", std::to_string(number)});
    CHECK_MESSAGE(!back.success(), transcript(back));
    CHECK(fs::read_symlink(site.state() + "/live/" + name).filename() != std::to_string(number));
  }
  for (const std::string& serial : expected.revocable) {
    const base::Exit exit = site.everseal({"revoke", "--serial", serial});
    CHECK_MESSAGE(exit.success(), transcript(exit));
    CHECK(is_on_crl(site, serial));
  }
  if (!expected.signed_file.empty() && has_database) {
    const base::Exit exit = site.everseal({"revoke", "--cert", expected.signed_file});
    CHECK_MESSAGE(exit.success(), transcript(exit));
    CHECK(is_on_crl(site, serial_of(expected.signed_file)));
  }
}

}  // namespace

TEST_CASE("whichever way the database comes back, nothing that was revoked or issued is forgotten") {
  for (const Action& action : kActions) {
    const Site site;
    site.configure(certificate_table("web"));
    require_status(site.everseal({"renew"}), 0);
    require_status(site.everseal({"issue", "--once", "--issuer", "demo", "-d", "gone.example.org", "--as", "gone"}), 0);
    require_status(site.everseal({"backup", site / "backup.db"}), 0);
    const Expectation expected = action.run(site);
    fs::create_directory(site / "saved");
    run_or_fail({"cp", "-a", site.state(), site / "saved"});
    for (const Way& way : kWays) {
      CAPTURE(action.name);
      CAPTURE(way.name);
      fs::remove_all(site.state());
      run_or_fail({"cp", "-a", site / "saved/state", site.path()});
      way.recover(site);
      check(site, expected, way.has_database);
    }
  }
}

TEST_CASE("a recovery killed at any system call leaves a database, and the next one ends well") {
  struct Arena {
    explicit Arena(Words recovery) : words(std::move(recovery)) {
      site.configure(certificate_table("web"));
      require_status(site.everseal({"renew"}), 0);
      require_status(site.everseal({"backup", site / "backup.db"}), 0);
      first = site.live_serial("web");
      require_status(site.everseal({"revoke", "web"}), 0);
      fs::create_directory(site / "saved");
      run_or_fail({"cp", "-a", site.state(), site / "saved"});
      for (std::string& word : words)
        if (word == "BACKUP") word = site / "backup.db";
    }
    void put_back() const {
      fs::remove_all(site.state());
      run_or_fail({"cp", "-a", site / "saved/state", site.path()});
    }
    std::vector<std::string> kill_at(const Call& call) const {
      put_back();
      std::vector<std::string> wrong;
      const base::Exit killed = run_killed(call, site.command(words));
      if (!was_killed(killed) && !killed.success()) wrong.push_back("was not killed: " + transcript(killed));
      const base::Exit list = site.everseal({"list"});
      if (!list.success()) wrong.push_back("between " + transcript(list));
      for (const Words& next : {words, Words{"renew"}, Words{"doctor"}, Words{"ca", "crl", "demo"}}) {
        const base::Exit exit = site.everseal(next);
        if (!exit.success()) wrong.push_back("then " + transcript(exit));
      }
      if (!is_on_crl(site, first)) wrong.emplace_back("the revocation is forgotten");
      check_history_and_key(site, "web", wrong);
      return wrong;
    }
    Site site;
    Words words;
    std::string first;
  };
  for (const Words& words : {Words{"restore", "BACKUP"}, Words{"doctor", "--rebuild"}}) {
    CAPTURE(words.front());
    const Arena left(words);
    const Arena right(words);
    left.put_back();
    const std::vector<Call> calls = turning_points(list_calls(left.site, kMutating, left.site.command(left.words)));
    REQUIRE(calls.size() > 10);
    const auto trial = [](const Arena& arena) { return [&arena](const Call& call) { return arena.kill_at(call); }; };
    try_everywhere({trial(left), trial(right)}, calls, 30);
  }
}

TEST_CASE("what three signers hand out while restores come one after the other is known afterwards") {
  const Site site;
  require_status(site.everseal({"backup", site / "backup.db"}), 0);
  const std::string request = csr(site, "dev.example.org");
  std::atomic<bool> stop = false;
  std::mutex mutex;
  std::vector<std::string> serials;
  std::vector<std::string> wrong;
  {
    std::vector<std::jthread> signers;
    for (int i = 0; i < 3; ++i)
      signers.emplace_back([&] {
        while (!stop) {
          const base::Exit exit = site.everseal({"ca", "sign", "demo", request});
          const std::scoped_lock lock(mutex);
          if (exit.success())
            serials.push_back(pki::Certificate::parse_all(base::as_bytes(exit.output)).front().serial());
          else if (exit.status != 75)
            wrong.push_back(transcript(exit));
        }
      });
    int restored = 0;
    for (int i = 0; i < 8; ++i) restored += site.everseal({"restore", site / "backup.db"}).success() ? 1 : 0;
    stop = true;
    CHECK(restored > 0);
  }
  CHECK(serials.size() > 3);
  CHECK_MESSAGE(wrong.empty(), (wrong.empty() ? "" : wrong.front()));
  const std::string known = run_or_fail({"sqlite3", site.state() + "/everseal.db", "select serial from issued"});
  for (const std::string& serial : serials) CHECK(contains(known, serial));
  require_status(site.everseal({"doctor"}), 0);
}

TEST_CASE("what doctor complains of, the command that it names mends") {
  Site site;
  const std::string tls = site.server_directory("tls");
  site.configure(certificate_table("web") + deploy_table({.certificate = "web", .directory = tls}));
  require_status(site.everseal({"renew"}), 0);
  require_status(site.everseal({"renew", "--force", "web"}), 0);
  const std::string sound = complaints_of(site).dump();
  REQUIRE(sound == "[]");
  fs::create_directory(site / "saved");
  run_or_fail({"cp", "-a", site.state(), tls, site / "saved"});
  const std::string state = site.state();
  const std::string version = state + "/archive/web/2";
  const std::string live = state + "/live/web";
  const std::string crl = state + "/authorities/demo/crl.der";
  struct Row {
    std::string rule;
    std::string subject;
    std::string damage;  // for a shell
  };
  const Row rows[] = {
      {"version-lost", "certificate/web", "rm -r " + version},
      {"version-lost", "certificate/web", "rm -r " + state + "/archive/web"},
      {"version-damaged", "certificate/web", "rm " + version + "/cert.pem"},
      {"version-damaged", "certificate/web", "rm " + version + "/manifest.json"},
      {"version-damaged", "certificate/web", "echo garbage > " + version + "/fullchain.pem"},
      {"version-damaged", "certificate/web", "rm " + state + "/archive/web/1/chain.pem"},
      {"key-lost", "certificate/web", "rm " + version + "/privkey.pem"},
      {"key-lost", "certificate/web", "rm " + state + "/archive/web/1/privkey.pem"},
      {"key-mismatch", "certificate/web", "cp " + state + "/archive/web/1/privkey.pem " + version + "/privkey.pem"},
      {"key-unreadable", "certificate/web", "echo garbage > " + version + "/privkey.pem"},
      {"key-readable", "certificate/web", "chmod 0644 " + version + "/privkey.pem"},
      {"access", "certificate/web", "chmod 0777 " + state + "/archive/web"},
      {"version-unknown", "certificate/web",
       "sqlite3 " + state + "/everseal.db \"delete from version where number = 1\""},
      {"live-link-missing", "certificate/web", "rm " + live},
      {"live-link-wrong", "certificate/web", "ln -sfn ../archive/web/1 " + live},
      {"live-link-wrong", "certificate/web", "ln -sfn ../archive/web/9 " + live},
      {"live-link-elsewhere", "certificate/web", "ln -sfn /etc " + live},
      {"live-not-a-link", "certificate/web", "rm " + live + " && cp -r " + version + " " + live},
      {"deployment-differs", "certificate/web", "rm " + tls + "/privkey.pem"},
      {"deployment-differs", "certificate/web", "rm -r " + tls + "/.everseal"},
      {"deployment-differs", "certificate/web", "chmod 0644 " + tls + "/.everseal/web/current/privkey.pem"},
      {"deployment-differs", "certificate/web", "echo garbage > " + tls + "/.everseal/web/current/fullchain.pem"},
      {"crl-missing", "authority/demo", "rm " + crl},
      {"crl-damaged", "authority/demo", "echo garbage > " + crl},
      {"crl-not-a-file", "authority/demo", "rm " + crl + " && mkfifo " + crl},
      {"key-readable", "authority/demo", "chmod 0644 " + state + "/authorities/demo/intermediate-1.key.pem"},
      {"access", "store", "chmod 0644 " + state + "/everseal.db"},
      {"authority-unknown", "authority/demo",
       "sqlite3 " + state +
           "/everseal.db 'delete from issued; delete from crl; delete from authority_certificate; delete from "
           "authority'"},
  };
  site.script("everseal", fmt::format("exec {} --config {} \"$@\"", site.command({}).front(), site.config_file()));
  for (const Row& row : rows) {
    CAPTURE(row.damage);
    fs::remove_all(state);
    fs::remove_all(tls);
    run_or_fail({"cp", "-a", site / "saved/state", site / "saved/tls", site.path()});
    run_or_fail({"sh", "-c", row.damage});
    const Json complaints = complaints_of(site);
    const auto found = std::ranges::find_if(
        complaints, [&](const Json& one) { return one.at("rule") == row.rule && one.at("subject") == row.subject; });
    CHECK_MESSAGE(found != complaints.end(), complaints.dump());
    if (found == complaints.end()) continue;
    const std::string command = found->at("command").get<std::string>();
    CAPTURE(command);
    const base::Exit mended = run({"sh", "-c", fmt::format("PATH={}:$PATH; {}", site.path(), command)});
    CHECK_MESSAGE(mended.success(), transcript(mended));
    const base::Exit after = site.everseal({"doctor"});
    CHECK_MESSAGE(after.success(), transcript(after));
  }
}

TEST_CASE("doctor waits for another run, and does not call it unsound") {
  const Site site;
  const std::string hold = fmt::format("flock {}/locks/reconciler sleep", site.state());
  const base::Exit waited = run({"sh", "-c",
                                 fmt::format("{} 2 & sleep 0.3; exec {} --config {} doctor", hold,
                                             site.command({}).front(), site.config_file())});
  CHECK_MESSAGE(waited.success(), transcript(waited));
}
