// The audit by hand: what is asked, what is shown, what it exits with.
#include "cli/host_with_server.h"

#include <chrono>
#include <set>
#include <thread>

using namespace everseal;
using nlohmann::json;
using test::Words;

namespace {

std::set<std::string> rules_at(const json& place) {
  std::set<std::string> found;
  for (const json& finding : place.at("findings")) found.insert(finding.at("rule").get<std::string>());
  return found;
}

}  // namespace

TEST_CASE("an endpoint that serves a managed certificate has no finding above notice") {
  const test::HostWithServer host;
  const json report = host.json({"audit", host.target(), "--sni", "www.example.org", "--fail-on", "warning"});
  REQUIRE(report.at("places").size() == 1);
  const json& place = report.at("places")[0];
  CHECK(place.at("outcome") == "complete");
  CHECK(place.at("managed") == "www");
  CHECK(place.at("certificates").size() == 2);
  CHECK(place.at("tls_version") == "TLSv1.3");
  CHECK(report.at("summary").at("exit_code") == 0);
  const json shown = host.json({"show", place.at("certificates")[0].at("fingerprint").get<std::string>()});
  const json& seen = shown.at("certificate").at("seen_at");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].at("place") == place.at("name"));
  CHECK(seen[0].at("still_there") == true);
}

TEST_CASE("the exit code tells findings, what could not be looked at, and mistakes apart") {
  const test::HostWithServer host;
  const std::string closed = "127.0.0.1:9";
  struct Row {
    Words words;
    int status;
    std::string says;
  };
  const Row rows[] = {
      {{"audit", host.target(), "--sni", "other.example.org"}, 3, "name-mismatch"},
      {{"audit", host.target(), closed, "--sni", "other.example.org"}, 3, "connection-refused"},
      {{"audit", host.target(), "--sni", "other.example.org", "--fail-on", "critical"}, 0, "name-mismatch"},
      {{"audit", host.target(), closed, "--sni", "www.example.org"}, 4, "connection-refused"},
      {{"audit", closed}, 1, "connection-refused"},
      {{"audit", "/nonexistent/file.pem"}, 1, "file-unreadable"},
      {{"audit", "x:0"}, 2, "a port is a number"},
      {{"audit", "10.0.0.0/8"}, 2, "--most"},
      {{"audit", host.target(), "--fail-on", "grave"}, 2, "one of: notice, warning, error, critical"},
      {{"audit", host.target(), "--policy", "modren"}, 2, "modern"},
      {{"audit", host.target(), "--policy", "/nonexistent.json"}, 2, "/nonexistent.json"},
      {{"audit", host.target(), "--format", "tabel"}, 2, "table"},
      {{"audit", host.target(), "--warning", "soon"}, 2, "1/4"},
      {{"audit", "--targets", "/nonexistent"}, 2, "/nonexistent"},
      {{"audit", "--explain", "expird"}, 2, "did you mean 'expired'?"},
      {{"audit", "--diff", "yesterday"}, 2, "is no time"},
      {{"audit", "--diff", "2999-12-31"}, 2, "is still to come"},
      {{"audit", "--diff", "2999-12-31T00:00:00Z"}, 2, "is still to come"},
      {{"list", "--as-of", "2999-12-31"}, 2, "is still to come"},
      {{"audit", "report", "--from", "2999-12-31"}, 2, "is still to come"},
      {{"audit", "--diff", "last"}, 0, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(base::join(row.words, " "));
    const base::Exit exit = host.run(row.words, row.status);
    CHECK_MESSAGE(test::says(exit, row.says), exit.output, exit.errors);
  }
}

TEST_CASE("what links of a directory lead to is audited, as where certbot keeps what is live") {
  const test::HostWithServer host;
  std::filesystem::create_directories(host.folder.file("live/www"));
  std::filesystem::create_symlink(host.folder.file("tls/fullchain.pem"), host.folder.file("live/www/fullchain.pem"));
  std::filesystem::create_symlink("nowhere.pem", host.folder.file("live/www/old.pem"));
  for (const std::string& directory : {host.folder.file("live"), host.folder.file("state/live")}) {
    const json report = host.json({"audit", directory});
    REQUIRE(report.at("places").size() >= 1);
    CHECK(report.at("places")[0].at("managed") == "www");
    CHECK(test::says(host.run({"inspect", directory}, 0), "www 2"));
    CHECK(test::says(host.run({"discover", directory}, 0), "www.example.org"));
  }
  CHECK(test::says(host.run({"audit", host.folder.file("live")}, 0), "passed over: 1 symbolic link"));
}

TEST_CASE("a path without any certificate is nothing to look at, and one that is too large is told") {
  const test::Host host;
  std::filesystem::create_directory(host.folder.file("empty"));
  const std::string large = host.folder.file("large.bin");
  host.folder.write("large.bin", "");
  std::filesystem::resize_file(large, std::uintmax_t{17} << 20);
  const struct {
    std::string path;
    int status;
    std::string says;
  } rows[] = {{host.folder.file("empty"), 2, "there is no certificate in"},
              {"/proc/self", 2, "there is no certificate in"},
              {host.folder.write("notes", "none here"), 2, "there is no certificate in"},
              {large, 1, "more than the limit"}};
  for (const auto& [path, status, says] : rows) {
    CAPTURE(path);
    CHECK(test::says(host.run({"audit", path}, status), says));
  }
  host.run({"inspect", host.folder.file("empty")}, 2);
}

TEST_CASE("an endpoint that is wrong in the config is told by each run, and nothing of it is gone") {
  const test::HostWithServer host;
  const auto configured = [&](const std::string& more) {
    host.folder.write("everseal.toml", fmt::format("config_version = 1\n[endpoint.good]\ntargets = \"{0}\"\n"
                                                   "sni = \"www.example.org\"\n[endpoint.other]\n{1}\n",
                                                   host.target(), more));
  };
  configured(fmt::format("targets = \"{}\"\nsni = \"also.example.org\"", host.target()));
  host.run({"audit", "--fail-on", "critical"}, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // what is remembered has seconds
  const struct {
    std::string table, says;
  } rows[] = {{"targets = \"127.0.0.1:1x\"", "everseal.toml:6"},
              {"targets_file = \"nosuch\"", "everseal.toml:5"},
              {"targets = []\nsno = \"x\"", "everseal.toml:7"}};
  for (const auto& [table, says] : rows) {
    CAPTURE(table);
    configured(table);
    const base::Exit shown = host.run({"audit"}, 4);
    CHECK_MESSAGE(test::says(shown, says), shown.output, shown.errors);
    CHECK(test::says(shown, "1 not looked at"));
    host.run({"audit", "-q"}, 4);
    CHECK(test::says(host.run({"audit", "--format", "nagios"}, 3), "UNKNOWN"));
    const base::Exit changes = host.run({"audit", "--changes"}, 4);
    CHECK_MESSAGE(test::says(changes, says), changes.output, changes.errors);
    CHECK_FALSE(test::says(changes, "gone"));
    CHECK_FALSE(host.json({"audit"}, 4).at("summary").at("not_looked") == 0);
  }
  host.folder.write("everseal.toml", "config_version = 1\n[endpoint.other]\ntargets = \"127.0.0.1:1x\"\n");
  CHECK(test::says(host.run({"audit"}, 2), "everseal.toml:3"));
}

TEST_CASE("a state that cannot be used keeps nobody from looking, but for who asks what changed") {
  const test::HostWithServer host;
  std::filesystem::create_directory(host.folder.file("broken"));
  std::filesystem::permissions(host.folder.file("broken"), std::filesystem::perms::owner_all);
  host.folder.write("broken/everseal.db", "none", 0600);
  // The first is like one below a directory that may not be searched: nobody can tell whether it is there.
  for (const std::string& state : {host.folder.file(std::string(300, 'x')), host.folder.file("broken")}) {
    CAPTURE(state);
    const auto look = [&](Words words) {
      words.insert(words.begin(), {"--config", host.config(), "--state", state});
      words.insert(words.end(), {host.target(), "--sni", "www.example.org"});
      return test::run_everseal(words);
    };
    const base::Exit shown = look({"audit", "--fail-on", "critical"});
    CHECK_MESSAGE(shown.status == 4, shown.output, shown.errors);
    CHECK_MESSAGE(test::says(shown, "1 place looked at"), shown.output, shown.errors);
    CHECK_MESSAGE(test::says(shown, "nothing is remembered: "), shown.output, shown.errors);
    CHECK_FALSE(test::says(shown, "there is no state here"));
    const base::Exit inspected = look({"inspect"});
    CHECK_MESSAGE(test::says(inspected, "was not to be known: "), inspected.output, inspected.errors);
    const base::Exit changes = look({"audit", "--changes"});
    CHECK_MESSAGE(changes.status == 1, changes.output, changes.errors);
    for (const base::Exit& one : {shown, inspected, changes}) CHECK_FALSE(test::says(one, "please report it"));
  }
}

TEST_CASE("a config says what is trusted and looked at where there is no state, or none that may be read") {
  const test::HostWithServer host;
  std::filesystem::create_directory(host.folder.file("another"));
  host.folder.write("another/everseal.toml",
                    fmt::format(R"(config_version = 1
[audit]
trust = ["{}"]
[environment.prod]
[endpoint.www]
targets = ["{}"]
sni = "www.example.org"
environment = "prod"
)",
                                host.folder.file("state/authorities/corp/root.pem"), host.target()));
  std::filesystem::create_directory(host.folder.file("broken"));
  std::filesystem::permissions(host.folder.file("broken"), std::filesystem::perms::owner_all);
  host.folder.write("broken/everseal.db", "none", 0600);
  for (const auto& [state, status] : {std::pair{"nowhere", 0}, std::pair{"broken", 4}}) {
    CAPTURE(state);
    const auto look = [&](Words words) {
      words.insert(words.begin(),
                   {"--config", host.folder.file("another/everseal.toml"), "--state", host.folder.file(state)});
      return test::run_everseal(words);
    };
    const base::Exit all = look({"audit"});
    CHECK_MESSAGE(all.status == status, all.output, all.errors);
    CHECK_MESSAGE(test::says(all, "1 place looked at"), all.output, all.errors);
    const base::Exit inspected = look({"inspect", host.target(), "--sni", "www.example.org"});
    CHECK_MESSAGE(inspected.status == 0, inspected.output, inspected.errors);
    const base::Exit slip = look({"audit", host.target(), "--env", "prud"});
    CHECK_MESSAGE(slip.status == 2, slip.output, slip.errors);
    CHECK_MESSAGE(test::says(slip, "'prud'"), slip.output, slip.errors);
  }
}

TEST_CASE("an audit whose reader went away goes on, is remembered, and exits as ever") {
  const test::HostWithServer host;
  for (const std::string format : {"table", "json", "jsonl"}) {
    CAPTURE(format);
    std::string line = "(";
    for (const std::string& word :
         host.command({"audit", host.target(), "--sni", "other.example.org", "--format", format}))
      line += " '" + word + "'";
    line.replace(0, 1, fmt::format("({}", EVERSEAL_PROGRAM));
    const base::Exit exit = test::run({"sh", "-c", line + "; echo $? >&2) | :"});
    CHECK_MESSAGE(exit.errors == "3\n", exit.errors);
  }
  CHECK(test::says(host.run({"finding", "list"}, 0), "name-mismatch"));
}

TEST_CASE("options that leave one another no sense are refused") {
  const test::Host host;
  const Words rows[] = {{"--json", "--format", "html"},        {"--changes", "--format", "json"},
                        {"--changes", "--baseline", "x.json"}, {"--diff", "last", "--changes"},
                        {"--diff", "last", "127.0.0.1:9"},     {"--explain", "expired", "--format", "json"},
                        {"--json", "--format", "csv"},         {"--diff", "last", "--env", "x", "--deep"}};
  for (const Words& row : rows) {
    CAPTURE(base::join(row, " "));
    Words words{"audit"};
    words.insert(words.end(), row.begin(), row.end());
    if (row.front() == "--json") words.emplace_back("127.0.0.1:9");
    const base::Exit exit = host.run(words, 2);
    CHECK_MESSAGE(test::says(exit, "together"), exit.output, exit.errors);
  }
  host.run({"audit", "127.0.0.1:9", "--json", "--format", "json"}, 1);
}

TEST_CASE("an environment that names what is not there keeps only its own endpoints from being looked at") {
  const test::HostWithServer host;
  host.folder.write("everseal.toml",
                    fmt::format("config_version = 1\n[endpoint.good]\ntargets = \"{0}\"\nsni = \"www.example.org\"\n"
                                "[endpoint.lab]\ntargets = \"{0}\"\nenvironment = \"lab\"\n"
                                "[environment.lab]\npolicy = \"nosuch.json\"\n",
                                host.target()));
  const base::Exit shown = host.run({"audit", "--fail-on", "critical"}, 4);
  CHECK_MESSAGE(test::says(shown, "everseal.toml:8: environment.lab: policy"), shown.output, shown.errors);
  CHECK(test::says(shown, "1 place looked at"));
  CHECK(test::says(host.run({"audit", "--env", "lab"}, 1), "everseal.toml:8"));
  CHECK(test::says(host.run({"inspect", host.target(), "--env", "lab"}, 2), "everseal.toml:8"));
}

TEST_CASE("a monitor is told in its own words that there is no verdict") {
  const test::HostWithServer host;
  const base::Exit exit = host.run({"audit", host.target(), "--policy", "modren", "--format", "nagios"}, 3);
  CHECK_MESSAGE(exit.output.find("UNKNOWN") != std::string::npos, exit.output);
  CHECK(host.run({"audit", host.target(), "--sni", "other.example.org", "--format", "nagios"}, 2)
            .output.find("CRITICAL") != std::string::npos);
}

TEST_CASE("without TARGETs the config's endpoints and the listeners of what is kept alive are looked at") {
  test::HostWithServer host;
  CHECK(test::says(host.run({"audit"}, 2), "the config names nothing to look at"));
  host.run({"issue", "--as", "www", "--verify", host.target()}, 0);
  host.folder.write("everseal.toml",
                    host.folder.read("everseal.toml") +
                        fmt::format("\n[endpoint.shop]\ntargets = \"{}\"\nsni = \"shop.example.org\"\n"
                                    "environment = \"prod\"\nteam = \"web\"\nlabels = \"tier=edge\"\n"
                                    "[environment.prod]\nseverity = \"name-mismatch=warning\"\n"
                                    "[team.all]\nnames = \"*\"\n[team.web]\nnames = \"*.example.org\"\n",
                                    host.target()));
  const json report = host.json({"audit"});
  REQUIRE(report.at("places").size() == 2);
  for (const json& place : report.at("places")) {
    const bool is_shop = place.at("name").get<std::string>().find("shop") != std::string::npos;
    CHECK(rules_at(place).contains("name-mismatch") == is_shop);
    CHECK(place.at("team") == "web");
    if (!is_shop) continue;
    CHECK(place.at("environment") == "prod");
    CHECK(place.at("severity") == "warning");
    CHECK(place.at("labels") == json{{"tier", "edge"}});
  }
  CHECK(host.json({"audit", "--env", "prod"}).at("places").size() == 1);
  CHECK(test::says(host.run({"audit", "--env", "none"}, 2), "nothing is of an environment 'none'"));
}

TEST_CASE("the listeners and files of a server's config are audited and compared") {
  const test::HostWithServer host;
  const std::string nginx = host.folder.file("nginx.conf");
  const auto configured = [&](const std::string& certificate) {
    host.folder.write("nginx.conf",
                      fmt::format("http {{ server {{ listen {} ssl; server_name www.example.org;\nssl_certificate {};\n"
                                  "ssl_certificate_key {}; }} }}",
                                  host.target(), certificate, host.folder.file("tls/privkey.pem")));
  };
  configured(host.folder.file("tls/fullchain.pem"));
  const json report = host.json({"audit", "--from", "nginx=" + nginx, "--fail-on", "warning"});
  REQUIRE(report.at("places").size() == 2);
  for (const json& place : report.at("places")) {
    CHECK(place.at("source") == "nginx");
    CHECK(place.at("managed") == "www");
    for (const json& finding : place.at("findings")) CHECK(finding.at("rule") == "no-post-quantum");
  }
  configured(host.folder.file("tls/missing.pem"));
  CHECK(test::says(host.run({"audit", "--from", "nginx=" + nginx}, 4), "file-unreadable"));
  const struct {
    const char *from, *says;
  } rows[] = {{"iis", "one of: nginx, apache, haproxy, postfix, dovecot, postgresql"},
              {"nginx=/no/such/nginx.conf", "no file /no/such/nginx.conf"},
              {"nginx=/etc/passwd", "names no listener and no certificate"},
              {"", "no configs of ''"}};
  for (const auto& [from, says] : rows) CHECK(test::says(host.run({"audit", "--from", from}, 2), says));
}

TEST_CASE("a second audit tells only what changed, and is silent where nothing did") {
  const test::HostWithServer host;
  const Words audit{"audit", host.target(), "--sni", "www.example.org", "--changes"};
  CHECK(test::says(host.run(audit, 0), "seen for the first time"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // what is remembered has seconds
  const base::Exit again = host.run(audit, 0);
  CHECK(again.output.empty());
  CHECK(again.errors.empty());
  CHECK(test::says(host.run({"audit", "--diff", "1h"}, 0), "seen for the first time"));
  CHECK(test::says(host.run({"audit", "--diff", "last"}, 0), "nothing changed"));
}

TEST_CASE("what selects by an environment tells of its places alone, and of one that is nowhere that it is none") {
  const test::HostWithServer host;
  const std::string before = host.folder.read("everseal.toml");
  host.run({"audit", host.target(), "--env", "lab", "--sni", "www.example.org"}, 0);
  host.run({"audit", host.target(), "--env", "prod", "--sni", "other.example.org"}, 3);
  const std::string lab = host.target() + " as www.example.org", prod = host.target() + " as other.example.org";
  const base::Exit diff = host.run({"audit", "--diff", "1h", "--env", "lab"}, 0);
  CHECK(test::says(diff, lab));
  CHECK_FALSE(test::says(diff, prod));
  host.folder.openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                       "/CN=seen", "-addext", "subjectAltName=DNS:seen.example.org", "-addext",
                       "basicConstraints=critical,CA:FALSE", "-keyout", "@seen.key", "-out", "@seen.pem"});
  host.run({"audit", host.folder.file("seen.pem"), "--env", "files", "--fail-on", "critical"}, 0);
  CHECK(test::says(host.run({"list", "--seen", "--env", "files"}, 0), "seen.example.org"));
  CHECK_FALSE(test::says(host.run({"list", "--seen", "--env", "lab"}, 0), "seen.example.org"));
  for (const Words& words : {Words{"audit", "--diff", "1h", "--env", "fils"},
                             {"list", "--seen", "--env", "fils"},
                             {"list", "--env", "fils"},
                             {"finding", "list", "--env", "fils"}}) {
    const base::Exit exit = host.run(words, 2);
    CHECK_MESSAGE(test::says(exit, "did you mean 'files'?"), exit.output, exit.errors);
  }
  host.folder.write("everseal.toml", before + fmt::format("\n[endpoint.e]\ntargets = \"{}\"\nsni = "
                                                          "\"www.example.org\"\nenvironment = \"lab\"\n",
                                                          host.target()));
  CHECK(test::says(host.run({"audit", "--env", "lbb"}, 2), "did you mean 'lab'?"));
  host.run({"audit", "--env", "lab"}, 0);
}

TEST_CASE("a finding that is acknowledged counts for nothing until it is reopened") {
  const test::HostWithServer host;
  const Words audit{"audit", host.target(), "--sni", "other.example.org"};
  const std::string place = host.target() + " as other.example.org";
  host.run(audit, 3);
  const auto acknowledge = [&](Words more, int status) {
    Words words{"finding", "acknowledge", "name-mismatch", place};
    words.insert(words.end(), more.begin(), more.end());
    return host.run(words, status);
  };
  struct Row {
    Words words;
    int status;
    std::string says;
  };
  const Row refused[] = {
      {{"finding", "acknowledge", "name-mismach", place, "--reason", "x"}, 2, "did you mean 'name-mismatch'?"},
      {{"finding", "acknowledge", "expired", place, "--reason", "x"}, 1, "what is open there: name-mismatch"},
      {{"finding", "acknowledge", "expired", "nowhere:443", "--reason", "x"}, 1, "no audit ever saw a place called"},
      {{"finding", "acknowledge", "name-mismatch", place}, 2, "--reason"},
      {{"finding", "acknowledge", "name-mismatch", place, "--reason", " "}, 2, "says nothing"},
      {{"finding", "acknowledge", "name-mismatch", place, "--reason", "x", "--until", "367d"}, 2, "more than a year"},
      {{"finding", "acknowledge", "name-mismatch", place, "--reason", "x", "--until", "2020-01-01"}, 2, "is over"},
      {{"finding", "acknowledge", "name-mismatch", place, "--reason", "x", "--until", "soon"}, 2, "is no time"},
      {{"finding", "reopen", "name-mismatch", place}, 1, "is not acknowledged at"},
  };
  for (const Row& row : refused) {
    CAPTURE(base::join(row.words, " "));
    const base::Exit exit = host.run(row.words, row.status);
    CHECK_MESSAGE(test::says(exit, row.says), exit.output, exit.errors);
  }
  CHECK(host.count_events("finding.acknowledged") == 0);
  acknowledge({"--reason", "the lab", "--until", "30d"}, 0);
  const base::Exit known = host.run(audit, 0);
  CHECK(test::says(known, "known: name-mismatch"));
  CHECK(test::says(known, "1 known"));
  const json listed = host.json({"finding", "list", "--acknowledged"}).at("findings");
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].at("place") == place);
  CHECK(listed[0].at("acknowledged").at("reason") == "the lab");
  // Another one of the same takes its place, and what differs is said.
  CHECK(test::says(acknowledge({"--reason", "the lab of team web", "--until", "60d"}, 0), "the reason was 'the lab'"));
  CHECK(host.json({"finding", "list", "--acknowledged"}).at("findings").size() == 1);
  CHECK(host.count_events("finding.acknowledged") == 2);
  host.run({"finding", "reopen", "name-mismatch", place}, 0);
  CHECK(host.count_events("finding.reopened") == 1);
  CHECK(host.json({"finding", "list", "--acknowledged"}).at("findings").empty());
  host.run(audit, 3);
}

TEST_CASE("against a baseline only what is new counts, and a bad one is refused before anything is looked at") {
  const test::HostWithServer host;
  const Words audit{"audit", host.target(), "--sni", "other.example.org"};
  const auto against = [&](const std::string& file, int status, Words words) {
    words.insert(words.end(), {"--baseline", file});
    return host.run(words, status);
  };
  Words first = audit;
  first.insert(first.end(), {"--format", "json"});
  const std::string before = host.folder.write("before.json", host.run(first, 3).output);
  CHECK(test::says(against(before, 0, audit), " known"));
  CHECK(against(before, 3, {"audit", host.target(), "--sni", "third.example.org"}).status == 3);
  Words json_again = audit;
  json_again.insert(json_again.end(), {"--baseline", before, "--format", "json"});
  const json again = json::parse(host.run(json_again, 0).output);
  CHECK(again.at("places")[0].at("findings")[0].at("in_baseline") == true);
  // What was written against a baseline is one as well.
  CHECK(test::says(against(host.folder.write("again.json", again.dump()), 0, audit), " known"));
  CHECK(test::says(against(host.folder.write("bad.json", "{\n\"everseal_format\": 1,\n\"places\": [}\n"), 2, audit),
                   "bad.json:3"));
  CHECK(test::says(against("/nonexistent.json", 2, audit), "/nonexistent.json"));
}

TEST_CASE("who is known to be unreachable is no failure of the audit") {
  const test::HostWithServer host;
  host.run({"audit", "127.0.0.1:9"}, 1);
  host.run({"finding", "acknowledge", "connection-refused", "127.0.0.1:9", "--reason", "it is being built"}, 0);
  host.run({"audit", "127.0.0.1:9"}, 0);
  host.run({"audit", "127.0.0.1:9", host.target(), "--sni", "www.example.org"}, 4);  // another place, by its name
}

TEST_CASE("a rule is explained: what it means, what to do, where it comes from") {
  const test::HostWithServer host;
  const base::Exit exit = host.run({"audit", "--explain", "expired"}, 0);
  for (const char* title : {"means", "do", "severity", "source"}) CHECK(test::says(exit, title));
  // The lists of rules are one: what `kinds` names is explained, and what a report for code scanning tells of each.
  std::set<std::string> named, reported;
  const json kinds = host.json({"kinds"});
  for (const json& kind : kinds.at("kinds")) {
    if (kind.at("family") != "rule") continue;
    const auto id = kind.at("name").get<std::string>();
    named.insert(id);
    const json rule = host.json({"audit", "--explain", id}).at("rule");
    CHECK(rule.at("id") == id);
    CHECK(kind.at("summary") == rule.at("severity").get<std::string>() + ": " + rule.at("summary").get<std::string>());
    for (const char* const part : {"meaning", "remedy", "source"}) CHECK(rule.at(part) != "");
  }
  const json sarif =
      json::parse(host.run({"audit", host.target(), "--sni", "www.example.org", "--format", "sarif"}, 0).output);
  for (const json& rule : sarif.at("runs")[0].at("tool").at("driver").at("rules"))
    reported.insert(rule.at("id").get<std::string>());
  CHECK(named == reported);
  CHECK(named.contains("expired"));
}

TEST_CASE("files and directories are audited where they stand, by people without a state too") {
  const test::HostWithServer host;
  const json report = host.json({"audit", host.folder.file("tls")});
  std::set<std::string> names;
  for (const json& place : report.at("places")) names.insert(place.at("name").get<std::string>());
  CHECK(std::ranges::any_of(names, [](const std::string& name) { return name.ends_with("/fullchain.pem"); }));
  const base::Exit exit = test::run_everseal(
      {"--config", host.config(), "--state", host.folder.file("nowhere"), "audit", host.folder.file("tls")});
  CHECK(exit.status == 3);  // nobody here trusts that CA
  CHECK(test::says(exit, "nothing is remembered: there is no state here"));
  CHECK_FALSE(std::filesystem::exists(host.folder.file("nowhere")));
}
