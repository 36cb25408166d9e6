// What people see: nothing that tells things apart is cut, nothing is claimed that is not so.
#include "cli/host.h"
#include "contains.h"

#include <string>

using namespace everseal;
using test::Words;

namespace {

const std::string kLongName = "a-certificate-with-quite-a-long-name-indeed.of.example.org";

// A shell line that a person or cron might run, with $1 the program and the host's options.
base::Exit piped(const test::Host& host, Words words) {
  Words line{"sh", "-c", "\"$@\" | cat", "sh", EVERSEAL_PROGRAM};
  for (const std::string& word : host.command(std::move(words))) line.push_back(word);
  return test::run(line);
}

}  // namespace

TEST_CASE("at 80 and at 160 columns every line fits, and names, times and ends are whole") {
  const test::HostWithWww host;
  host.run({"issue", "--issuer", "corp", "-d", kLongName, "-d", "second." + kLongName, "--once"}, 0);
  host.run({"issue", "--issuer", "corp", "-d", "left.example.org", "--as", "left"}, 0);
  std::filesystem::remove(host.folder.file("conf.d/left.toml"));
  host.run({"renew"}, 0);
  std::filesystem::remove(host.folder.file("state/archive/www/2/fullchain.pem"));
  struct Row {
    Words words;
    std::vector<std::string> whole;
  };
  const std::string until = host.json({"list"})["certificates"][0]["not_after"].get<std::string>().substr(0, 10);
  const std::string when = host.json({"history", "www", "--last", "1"})["events"][0]["when"];
  const Row rows[] = {
      {{"list"}, {"www", kLongName, until, "failing", "once"}},
      {{"list", "--all"}, {"www", kLongName, until}},
      {{"history", "www"}, {when, "certificate.issued", "version.live"}},
      {{"doctor"},
       {"fullchain.pem of version", "warning: certificate/left", "is no longer in the config", "--mend"}},
      {{"history", "--verify"}, {"events, unchanged", "head ca:", "keep that line elsewhere"}},
      {{"history"}, {"ca:1", "run:1", when, "certificate/www", "certificate/" + kLongName, "certificate.issued"}},
      {{"ca", "list"}, {"corp", "intermediate", "active"}},
      {{"plan"}, {"certificate/www", "authority/corp"}},
      {{"show", "www"}, {"www.example.org", "next look", "defined in"}},
      {{"show", "nosuch"}, {"`everseal list --managed`"}},
  };
  for (const std::size_t columns : {80U, 160U}) {
    for (const Row& row : rows) {
      CAPTURE(columns);
      CAPTURE(base::join(row.words, " "));
      const std::string shown = host.on_terminal(row.words, columns);
      for (const std::string& line : base::split(shown, '\n')) {
        // A path or a fingerprint is not cut, however narrow the terminal.
        const auto words = base::split(line, ' ');
        const bool is_kept = std::ranges::any_of(
            words, [](const std::string& word) { return word.size() >= 50 && !contains(word, kLongName); });
        if (!is_kept) CHECK_MESSAGE(base::columns(line) <= columns, line);
      }
      for (const std::string& part : row.whole) CHECK_MESSAGE(contains(shown, part), part, shown);
    }
  }
}

TEST_CASE("colours are for terminals that want them") {
  const test::HostWithWww host;
  CHECK(contains(host.on_terminal({"list"}, 80, ""), "\x1b[1mNAME"));
  CHECK_FALSE(contains(host.on_terminal({"list"}, 80), "\x1b"));
  CHECK_FALSE(contains(host.on_terminal({"list"}, 80, "TERM=dumb"), "\x1b"));
  CHECK_FALSE(contains(host.run({"list"}, 0).output, "\x1b"));
}

TEST_CASE("cron gets no mail where nothing was to be done, and a person gets an answer") {
  const test::HostWithWww host;
  const base::Exit silent = piped(host, {"renew"});
  CHECK(silent.output == "");
  CHECK(silent.errors == "");
  CHECK(contains(host.on_terminal({"renew"}, 80), "nothing to do"));
}

TEST_CASE("a run in back-off says whose failure waits and until when, however quiet") {
  const test::HostWithWww host;
  host.folder.write("conf.d/failing.toml",
                    "[issuer.other]\ntype = \"exec\"\ncommand = [\"/bin/false\"]\n[certificate.failing]\n"
                    "issuer = \"other\"\nidentifiers = \"failing.example.org\"\n");
  host.run({"renew"}, 1);
  const base::Exit silent = host.run({"renew", "-q"}, 1);
  CHECK(silent.output == "");
  for (const char* part :
       {"warning: certificate/failing: issue at other waits until ", "`everseal renew failing` tries it again"})
    CHECK_MESSAGE(contains(silent.errors, part), silent.errors);
  const base::Exit told = host.run({"renew"}, 1);
  CHECK(contains(told.output, "nothing was tried: 1 earlier failure waits"));
  CHECK(contains(told.errors, "certificate/failing: issue at other waits until "));
}

TEST_CASE("nothing is called verified that no listener showed") {
  const test::HostWithWww host;
  host.run({"issue", "--issuer", "corp", "-d", "bare.example.org", "--as", "bare"}, 0);
  for (const Words& words : {Words{"verify", "www"}, Words{"verify", "bare"}, Words{"verify"}}) {
    const base::Exit exit = host.run(words, 0);
    CHECK_MESSAGE(contains(exit.output, ": not verified: "), exit.output);
    CHECK_FALSE(contains(exit.output, ": verified"));
  }
  const nlohmann::json outcome = host.json({"verify", "www"})["outcomes"][0];
  CHECK(outcome["step"] == "unverifiable");
  CHECK(outcome["result"] == "warned");
  CHECK(outcome["seen"].empty());
}

TEST_CASE("a removal claims no versions where there are none") {
  const test::HostWithWww host;
  host.folder.write("conf.d/new.toml", "[certificate.new]\nissuer = \"corp\"\nidentifiers = \"new.example.org\"\n");
  const std::string never = host.json({"remove", "new"})["outcomes"][0]["text"];
  CHECK(never == fmt::format("is no longer kept alive; {} is deleted", host.folder.file("conf.d/new.toml")));
  CHECK(contains(host.json({"remove", "www"})["outcomes"][0]["text"].get<std::string>(), "its versions stay in "));
}

TEST_CASE("a restore counts the revocations and serials that the backup did not know") {
  const test::HostWithWww host;
  const std::string backup = host.folder.file("backup.db");
  host.run({"backup", backup}, 0);
  host.run({"revoke", "www"}, 0);  // another takes its place
  const base::Exit restored = host.run({"restore", backup}, 0);
  CHECK_MESSAGE(contains(restored.output, "the backup did not know them: 1 serial(s), 1 revocation(s)"),
                restored.output);
  host.run({"issue", "--issuer", "corp", "-d", "new.example.org", "--as", "new"}, 0);
  const nlohmann::json again = host.json({"restore", backup});
  CHECK(again["serials"] == 2);
  CHECK(again["revocations"] == 1);
}

TEST_CASE("a listing of nothing says so, and not among the data") {
  const test::HostWithWww host;
  for (const Words& words : {Words{"list", "--expiring", "1d"}, Words{"list", "--issuer", "nobody"}}) {
    const base::Exit exit = host.run(words, 0);
    CHECK(exit.output == "");
    CHECK(contains(exit.errors, "nothing is like that"));
  }
  host.run({"remove", "www"}, 0);
  CHECK(contains(host.run({"list"}, 0).errors, "nothing is managed"));
}

TEST_CASE("each managed certificate has a row with a true state, the worst first, whether it was ever issued or not") {
  const test::HostWithWww host;
  host.run({"issue", "--issuer", "corp", "-d", "once.example.org", "--as", "once", "--once"}, 0);
  host.folder.write("conf.d/refused.toml",
                    "[certificate.refused]\nissuer = [\"corp\"]\nidentifiers = [\"refused.example.org\"]\n"
                    "profile = \"server\"\nkey = \"ecdsa-p256\"\n[certificate.refused.deploy.web]\ntype = \"files\"\n"
                    "directory = \"/nonexistent/tls\"\nverify = \"none\"\n");
  host.run({"renew"}, 1);
  host.run({"issue", "--issuer", "corp", "-d", "gone.example.org", "--as", "gone"}, 0);
  std::filesystem::remove(host.folder.file("conf.d/gone.toml"));
  host.run({"renew"}, 1);
  std::map<std::string, std::string> states;
  std::vector<std::string> order;
  const nlohmann::json listed = host.json({"list"});
  for (const nlohmann::json& row : listed["certificates"]) {
    states[row["name"]] = row["state"];
    order.push_back(row["name"]);
  }
  CHECK(states == std::map<std::string, std::string>{
                      {"refused", "failing"}, {"gone", "orphaned"}, {"once", "once"}, {"www", "live"}});
  CHECK(order == std::vector<std::string>{"refused", "gone", "once", "www"});
  CHECK(contains(host.run({"list"}, 0).errors, "2 of 4 need attention"));
  CHECK(host.run({"list", "--check"}, 3).status == 3);
  CHECK(host.run({"list", "--check", "--issuer", "nobody"}, 0).status == 0);
  CHECK(host.run({"list", "--check", "--expiring", "1d"}, 0).status == 0);
  CHECK(host.run({"list", "--check", "--expiring", "3650d"}, 3).status == 3);
  // A monitor's mail says what is wrong, and is empty where nothing is.
  const base::Exit wrong = host.run({"list", "--check", "--quiet"}, 3);
  for (const char* name : {"refused", "gone"}) CHECK(contains(wrong.output, name));
  for (const char* name : {"www", "once"}) CHECK_FALSE(contains(wrong.output, name));
  CHECK(wrong.errors == "");
  for (const char* name : {"refused", "gone"}) host.run({"remove", name}, 0);
  const base::Exit sound = host.run({"list", "--check", "--quiet"}, 0);
  CHECK(sound.output + sound.errors == "");
}

TEST_CASE("an authority that needs somebody is a row of the listing, and fails its check") {
  const test::HostWithWww host;
  host.run({"issue", "--as", "www", "--environment", "prod"}, 0);
  const std::string key = host.folder.file("state/authorities/corp/intermediate-1.key.pem");
  CHECK(host.run({"list", "--check", "--quiet"}, 0).output == "");
  CHECK(host.json({"list"})["authorities"][0]["state"] == "live");
  std::filesystem::rename(key, key + ".away");
  const base::Exit wrong = host.run({"list", "--check", "--quiet"}, 3);
  for (const char* part : {"authority/corp", "needs_operator", "intermediate-1.key.pem"})
    CHECK(contains(wrong.output, part));
  CHECK_FALSE(contains(wrong.output, "www"));
  CHECK(contains(host.run({"list"}, 0).errors, "1 of 2 needs attention"));
  CHECK(host.json({"list"})["authorities"][0]["needs_attention"] == true);
  CHECK(host.run({"list", "--check", "--env", "prod"}, 0).status == 0);
  CHECK(host.run({"list", "--check", "--expiring", "1d"}, 0).status == 0);
  std::filesystem::rename(key + ".away", key);
  CHECK(host.run({"list", "--check", "--quiet"}, 0).output == "");
}

TEST_CASE("a certificate is found by the names that it speaks for and by its serial") {
  const test::HostWithWww host;
  host.run({"issue", "--issuer", "corp", "-d", "*.apps.example.org", "--as", "apps"}, 0);
  CHECK(host.json({"show", "www.example.org"})["name"] == "www");
  CHECK(host.json({"show", "shop.apps.example.org"})["name"] == "apps");
  const std::string serial = host.json({"list"})["certificates"][0]["serial"];
  std::string upper;
  for (std::size_t i = 0; i < serial.size(); i += 2) upper += (i == 0 ? "" : ":") + serial.substr(i, 2);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const std::string& text : {serial, upper, "0x" + serial})
    CHECK(host.json({"show", text})["certificate"]["serial"] == serial);
  CHECK(contains(host.run({"show", "nobody.example.org"}, 1).errors, "no certificate"));
  host.run({"issue", "--issuer", "corp", "-d", "www.example.org", "--as", "other"}, 0);
  const std::string several = host.run({"show", "www.example.org"}, 2).errors;
  for (const char* const command : {"`everseal show other`", "`everseal show www`"}) CHECK(contains(several, command));
}

TEST_CASE("what is wrong in the config is told with what to do, each once") {
  const test::HostWithWww host;
  host.folder.write("conf.d/lost.toml",
                    "[certificate.lost]\nissuer = [\"nosuch\"]\nidentifiers = [\"x.example.org\"]\n");
  for (const auto& [words, status] :
       std::vector<std::pair<Words, int>>{{{"renew"}, 1}, {{"plan"}, 0}, {{"doctor"}, 1}, {{"config", "check"}, 2}}) {
    const base::Exit exit = host.run(words, status);
    const std::string told = exit.output + exit.errors;
    for (const char* const part : {"there is no issuer or authority 'nosuch'", "everseal ca init nosuch"}) {
      CHECK_MESSAGE(contains(told, part), told);
      CHECK_MESSAGE(told.find(part) == told.rfind(part), told);
    }
  }
}

TEST_CASE("a database that cannot be read is one complaint") {
  for (const char* const damage : {"head -c 200 /dev/urandom | dd of=\"$0\" conv=notrunc bs=200",
                                   "truncate -s 5000 \"$0\"", ": > \"$0\"", "rm \"$0\""}) {
    CAPTURE(damage);
    const test::HostWithWww host;
    const std::string database = host.folder.file("state/everseal.db");
    test::require_success(test::run({"sh", "-c", fmt::format("{} && rm -f \"$0-wal\" \"$0-shm\"", damage), database}));
    const nlohmann::json complaints = host.json({"doctor"}, 1)["complaints"];
    CHECK_MESSAGE(complaints.size() == 1, complaints.dump());
    CHECK(complaints[0]["rule"] == "database");
    CHECK(contains(complaints[0]["remedy"].get<std::string>(), "--rebuild"));
  }
}

TEST_CASE("the history of nothing says that there is no such thing, and an authority has one too") {
  const test::HostWithWww host;
  CHECK(contains(host.run({"history", "nosuch"}, 1).errors, "nosuch"));
  CHECK(!host.json({"history", "corp"})["events"].empty());
  host.run({"remove", "www"}, 0);
  CHECK(!host.json({"history", "www"})["events"].empty());
}

TEST_CASE("a renewal of everything is asked for in so many words") {
  const test::HostWithWww host;
  const base::Exit refused = host.run({"renew", "--force"}, 2);
  CHECK(contains(refused.errors, "1 certificate: 1 at corp"));
  CHECK(contains(refused.errors, "--all"));
  CHECK(host.json({"list"})["certificates"][0]["version"] == 2);
  host.run({"renew", "www", "--all"}, 2);
  host.run({"renew", "--force", "--all"}, 0);
  CHECK(host.json({"list"})["certificates"][0]["version"] == 3);
}

TEST_CASE("a broken history is one document, and the exit code says it") {
  const test::HostWithWww host;
  test::require_success(test::run({"python3", "-c",
                                   "import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); "
                                   "d.execute(\"update event set detail='{}' where number=3\"); d.commit()",
                                   host.folder.file("state/everseal.db")}));
  const nlohmann::json document = host.json({"history", "--verify"}, 1);
  CHECK(document["intact"] == false);
  CHECK(std::ranges::any_of(document["chains"], [](const nlohmann::json& chain) { return chain["problem"] != ""; }));
}
