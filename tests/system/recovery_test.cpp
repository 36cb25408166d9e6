// What was done before stays done, whichever way the database came back; and what doctor complains of, the command that
// it names mends.
#include "pki/crl.h"
#include "system/kill.h"
#include "system/site.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
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
  std::optional<int> live;                            // version of web
  std::string signed_file;                            // a certificate of `ca sign`; ""
  bool removed = false;                               // `gone` has no key and no valid certificate
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
       return Expectation{.revocable = {site.live_serial("late")}, .live = 1};
     }},
    {"renew",
     [](const Site& site) {
       require_status(site.everseal({"renew", "--force", "web"}), 0);
       return Expectation{.revocable = {site.live_serial("web")}, .live = 2};
     }},
    {"revoke",
     [](const Site& site) {
       const std::string first = site.live_serial("web");
       require_status(site.everseal({"revoke", "web", "--reason", "keyCompromise"}), 0);
       return Expectation{.revoked = {first}, .not_back = {{"web", 1}}, .live = 2};
     }},
    {"rollback",
     [](const Site& site) {
       require_status(site.everseal({"renew", "--force", "web"}), 0);
       const std::string second = site.live_serial("web");
       require_status(site.everseal({"rollback", "web"}), 0);
       return Expectation{.revocable = {second, site.live_serial("web")}, .live = 1};
     }},
    {"remove",
     [](const Site& site) {
       const std::string serial = site.live_serial("gone");
       require_status(site.everseal({"remove", "gone"}), 0);
       return Expectation{.revocable = {serial}, .live = 1};
     }},
    {"remove with all that belongs to it",
     [](const Site& site) {
       const std::string serial = site.live_serial("gone");
       require_status(site.everseal({"remove", "gone", "--revoke", "--delete-keys"}), 0);
       return Expectation{.revoked = {serial}, .live = 1, .removed = true};
     }},
    {"ca sign",
     [](const Site& site) {
       const base::Exit exit = site.everseal({"ca", "sign", "demo", csr(site, "dev.example.org")});
       require_status(exit, 0);
       const std::string file = site / "signed.pem";
       write_text(file, exit.output);
       return Expectation{.live = 1, .signed_file = file};
     }},
};

struct Way {
  std::string name;
  std::function<void(const Site&)> recover;
  bool has_database = true;  // the former one could be read
};

void restore(const Site& site) { require_status(site.everseal({"restore", site / "backup.db"}), 0); }
void rebuild(const Site& site) { require_status(site.everseal({"doctor", "--rebuild"}), 0); }

// Kills it in the middle, where it writes most, and at the rename that ends it.
void kill_twice(const Site& site, const Words& words) {
  for (const Call& call : {Call{"pwrite64", 30}, Call{"renameat", 1}}) {
    const base::Exit killed = run_killed(call, site.command(words));
    CHECK_MESSAGE(was_killed(killed), call.name);
  }
}

// Stopped, not ended, in the middle of a transaction: it has the store open and waits for nothing.
void refuse_beside_an_open_store(const Site& site, const Words& words) {
  const std::string request = csr(site, "open.example.org");
  const std::string out = site / "open.pem";
  std::jthread signer([&] {
    const base::Exit exit = run({"sh", "-c",
                                 fmt::format("echo $$ > {}; exec strace -f -qq -o {} -e trace=pwrite64 -e "
                                             "inject=pwrite64:signal=STOP:when=2 {} > {}",
                                             site / "pid", site / "stopped",
                                             fmt::join(site.command({"ca", "sign", "demo", request}), " "), out)});
    CHECK_MESSAGE(exit.success(), transcript(exit));
  });
  wait_until("the signer stops",
             [&] { return fs::exists(site / "stopped") && contains(read_text(site / "stopped"), "SIGSTOP"); });
  const base::Exit refused = site.everseal(words);
  CHECK_MESSAGE(refused.status == 75, transcript(refused));
  const std::string trace = read_text(site / "stopped");
  ::kill(std::stoi(trace.substr(0, trace.find(' '))), SIGCONT);
  signer.join();
  fs::remove(site / "stopped");
  const std::string serial = serial_of(out);
  require_status(site.everseal(words), 0);
  const base::Exit revoked = site.everseal({"revoke", "--serial", serial});
  CHECK_MESSAGE(revoked.success(), transcript(revoked));
}

const Way kWays[] = {
    {"restore", restore},
    {"restore after the database was lost",
     [](const Site& site) {
       site.lose_database();
       restore(site);
     },
     false},
    {"restore that was killed",
     [](const Site& site) {
       kill_twice(site, {"restore", site / "backup.db"});
       restore(site);
     }},
    {"restore while another has the store open",
     [](const Site& site) {
       refuse_beside_an_open_store(site, {"restore", site / "backup.db"});
     }},
    {"rebuild", rebuild},
    {"rebuild after the database was lost",
     [](const Site& site) {
       site.lose_database();
       rebuild(site);
     },
     false},
    {"rebuild that was killed",
     [](const Site& site) {
       kill_twice(site, {"doctor", "--rebuild"});
       rebuild(site);
     }},
    {"rebuild while another has the store open",
     [](const Site& site) {
       refuse_beside_an_open_store(site, {"doctor", "--rebuild"});
     }},
    {"rebuild, then restore",
     [](const Site& site) {
       rebuild(site);
       restore(site);
     }},
};

std::string state_of(const Site& site, const std::string& name, int number) {
  const Json shown = site.json({"show", name});
  for (const Json& version : shown.at("versions"))
    if (version.at("version") == number) return version.dump();
  return "none";
}

void check(const Site& site, const Expectation& expected, bool has_database) {
  const base::Exit renewed = site.everseal({"renew"});
  CHECK_MESSAGE(renewed.success(), transcript(renewed));
  const base::Exit doctor = site.everseal({"doctor"});
  CHECK_MESSAGE(doctor.success(), transcript(doctor));
  require_status(site.everseal({"history", "--verify"}), 0);
  require_status(site.everseal({"ca", "crl", "demo"}), 0);
  const std::string live = fs::read_symlink(site.state() + "/live/web").filename();
  if (expected.live) CHECK(live == std::to_string(*expected.live));
  CHECK(contains(state_of(site, "web", std::stoi(live)), "\"live\""));
  for (const std::string& serial : expected.revoked) {
    CHECK(is_on_crl(site, serial));
    const base::Exit again = site.everseal({"revoke", "--serial", serial});
    CHECK_MESSAGE(again.how == base::Exit::How::exited, transcript(again));
    CHECK(is_on_crl(site, serial));
  }
  for (const auto& [name, number] : expected.not_back) {
    CHECK(contains(state_of(site, name, number), "revoked"));
    const base::Exit back = site.everseal({"rollback", name, "--to", std::to_string(number)});
    CHECK_MESSAGE(!back.success(), transcript(back));
    CHECK(fs::read_symlink(site.state() + "/live/" + name).filename() != std::to_string(number));
  }
  if (expected.removed) {
    for (const auto& entry : fs::recursive_directory_iterator(site.state() + "/archive/gone"))
      CHECK(entry.path().filename() != "privkey.pem");
    CHECK_FALSE(site.everseal({"rollback", "gone"}).success());
  }
  for (const std::string& serial : expected.revocable) {
    const base::Exit exit = site.everseal({"revoke", "--serial", serial});
    CHECK_MESSAGE(exit.success(), transcript(exit));
    CHECK(is_on_crl(site, serial));
  }
  if (!expected.signed_file.empty()) {
    // Of a database that is lost nothing but the certificate tells its serial.
    const std::string serial = serial_of(expected.signed_file);
    const base::Exit exit = site.everseal(has_database ? Words{"revoke", "--serial", serial}
                                                       : Words{"revoke", "--cert", expected.signed_file});
    CHECK_MESSAGE(exit.success(), transcript(exit));
    CHECK(is_on_crl(site, serial));
  }
}

}  // namespace

TEST_CASE("whichever way the database comes back, nothing that was revoked or issued is forgotten") {
  const auto recover_from = [](const Action& action) {
    const Site site;
    site.configure(certificate_table("web"));
    require_status(site.everseal({"renew"}), 0);
    require_status(site.everseal({"issue", "--once", "--issuer", "demo", "-d", "gone.example.org", "--as", "gone"}), 0);
    require_status(site.everseal({"backup", site / "backup.db"}), 0);
    const Expectation expected = action.run(site);
    const Saved saved(site, {"state"});
    for (const Way& way : kWays) {
      CAPTURE(action.name);
      CAPTURE(way.name);
      saved.put_back();
      way.recover(site);
      check(site, expected, way.has_database);
    }
  };
  // Side by side: a restore waits for who has the store open.
  std::vector<std::jthread> threads;
  for (const Action& action : kActions)
    threads.emplace_back([&] {
      try {
        recover_from(action);
      } catch (const std::exception& error) {
        FAIL_CHECK(action.name, ": ", error.what());
      } catch (const doctest::detail::TestFailureException&) {
      }
    });
}

TEST_CASE("a recovery killed at any system call leaves a database, and the next one ends well") {
  for (const char* const command : {"restore", "rebuild"}) {
    CAPTURE(std::string(command));
    const auto words = [&](const Site& site) {
      return command == std::string_view("restore") ? Words{"restore", site / "backup.db"}
                                                    : Words{"doctor", "--rebuild"};
    };
    kill_everywhere(
        {.prepare =
             [](const Site& site) {
               site.configure(certificate_table("web"));
               require_status(site.everseal({"renew"}), 0);
               require_status(site.everseal({"backup", site / "backup.db"}), 0);
               write_text(site / "first.pem", read_text(site.state() + "/live/web/cert.pem"));
               require_status(site.everseal({"revoke", "web"}), 0);
             },
         .places = {"state"},
         .words = words,
         .go_on =
             [&](const Site& site, std::vector<std::string>& wrong) {
               require_success(site, {{"list"}, words(site), {"renew"}, {"doctor"}, {"ca", "crl", "demo"}}, wrong);
               if (!is_on_crl(site, serial_of(site / "first.pem"))) wrong.emplace_back("the revocation is forgotten");
               check_history_and_key(site, "web", wrong);
             }},
        30);
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
  const Saved saved(site, {"state", "tls"});
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
      {"version-lost", "certificate/web", "rm -r " + version},
      {"version-lost", "certificate/web", "rm -r " + state + "/archive/web/1"},
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
      {"deployment-differs", "certificate/web", "rm -r " + tls},
      {"no-directory", "store", "rm -r " + state + "/live && touch " + state + "/live"},
      {"version-unreadable", "certificate/web", "cp -r " + version + " " + state + "/archive/web/3"},
      {"version-unreadable", "certificate/other",
       "mkdir -m 700 " + state + "/archive/other && cp -r " + version + " " + state + "/archive/other"},
      {"version-unreadable", "certificate/web", "mkdir -m 700 " + state + "/archive/web/99"},
      {"crl-not-a-file", "authority/demo", "rm " + crl + " && mkdir " + crl + " && touch " + crl + "/x"},
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
    saved.put_back();
    run_or_fail({"sh", "-c", row.damage});
    const Json complaints = complaints_of(site);
    const auto found = std::ranges::find_if(
        complaints, [&](const Json& one) { return one.at("rule") == row.rule && one.at("subject") == row.subject; });
    CHECK_MESSAGE(found != complaints.end(), complaints.dump());
    if (found == complaints.end()) continue;
    const std::string command = found->at("command").get<std::string>();
    CAPTURE(std::string(command));
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
