#include "cli.h"

#include <algorithm>
#include <map>

#include <fcntl.h>

using namespace everseal;
using nlohmann::json;
using test::run_everseal;
using test::Words;

namespace {

// Runs a line of shell in which $1 is the program.
base::Exit shell(const std::string& line) { return test::run({"sh", "-c", line, "sh", EVERSEAL_PROGRAM}); }

}  // namespace

TEST_CASE("help goes to standard output and fits a terminal of 80 columns") {
  const base::Exit overview = run_everseal({"--help"});
  CHECK(overview.status == 0);
  CHECK(overview.errors == "");
  CHECK(overview.output.find("Usage: everseal") != std::string::npos);
  CHECK(test::longest_line(overview.output) <= 80);
  CHECK(test::is_harmless(overview.output));
  for (const char* command : {"inspect", "kinds", "issue", "export"}) {
    CAPTURE(command);
    CHECK(overview.output.find(std::string("\n  ") + command) != std::string::npos);
    const base::Exit help = run_everseal({command, "--help"});
    CHECK(run_everseal({"help", command}).output == help.output);
    CHECK(run_everseal({"--state", "/nonexistent", "-q", "help", "--config=/nonexistent", command}).output ==
          help.output);
    CHECK(help.status == 0);
    CHECK(help.output.find(std::string("Usage: everseal ") + command) != std::string::npos);
    CHECK(help.output.find(std::string("  everseal ") + command) != std::string::npos);
  }
  CHECK(run_everseal({"ca", "--help"}).output == overview.output);
}

TEST_CASE("the help of every command fits a terminal of 80 columns, examples too") {
  const std::string overview = run_everseal({"--help"}).output;
  std::size_t commands = 0;
  for (const std::string& line : base::split(overview.substr(0, overview.find("Options for every")), '\n')) {
    if (!line.starts_with("  ") || line.starts_with("   ")) continue;
    Words words = base::split(line.substr(2, line.find("  ", 2) - 2), ' ');
    CAPTURE(base::join(words, " "));
    ++commands;
    words.emplace_back("--help");
    const base::Exit help = run_everseal(words);
    CHECK(help.status == 0);
    CHECK_MESSAGE(test::longest_line(help.output) <= 80, help.output);
  }
  CHECK(commands > 30);
}

TEST_CASE("what makes no request does not load libcurl and the thirty libraries behind it") {
  const base::Exit kinds = shell("LD_DEBUG=files \"$1\" kinds");
  CHECK(kinds.status == 0);
  CHECK(kinds.errors.find("libsqlite3") != std::string::npos);
  CHECK(kinds.errors.find("libcurl") == std::string::npos);
}

TEST_CASE("the version is one line") {
  const base::Exit version = run_everseal({"--version"});
  CHECK(version.status == 0);
  CHECK(version.output.starts_with("everseal "));
  CHECK(version.output.find('\n') == version.output.size() - 1);
}

TEST_CASE("the version is told in each of the forms that people try") {
  for (const Words& words : {Words{"--version"}, Words{"-V"}, Words{"version"}}) {
    CAPTURE(base::join(words, " "));
    CHECK(run_everseal(words).output == run_everseal({"--version"}).output);
  }
  for (const Words& words : {Words{"--version", "--json"}, Words{"--json", "version"}}) {
    CAPTURE(base::join(words, " "));
    const json document = json::parse(run_everseal(words).output);
    CHECK(document["everseal_format"] == 1);
    CHECK(run_everseal({"--version"}).output == "everseal " + document["version"].get<std::string>() + "\n");
  }
}

TEST_CASE("a wrong command line ends with 2, says why, and what was meant") {
  struct Row {
    Words words;
    const char* message;
    const char* hint;
  };
  const Row rows[] = {
      {{"inspct", "x"}, "inspct", "inspect"},
      {{"kindz"}, "kindz", "kinds"},
      {{"help", "kindz"}, "kindz", "kinds"},
      {{"kindz", "--help"}, "kindz", "kinds"},
      {{"help", "ca", "ini"}, "ca ini", "ca init"},
      {{"ca", "ini"}, "ca ini", "ca init"},
      {{"kinds", "--jsn"}, "--jsn", "--json"},
      {{"inspect", "x", "--starttl", "smtp"}, "--starttl", "--starttls"},
      {{"inspect", "x", "--password-fil=y"}, "--password-fil", "--password-file"},
      {{"inspect"}, "WHAT", "inspect"},
      {{"inspect", "a", "b"}, "b", "inspect"},
      {{"inspect", "a", "--sni"}, "--sni", "inspect"},
      {{"kinds", "unheard"}, "unheard", "issuer, challenge, dns, deploy"},
      {{"\x1b[31mred"}, "[31mred", "--help"},
      {{"certificates"}, "certificates", "`everseal list`"},
      {{"certonly", "-d", "x"}, "certonly", "`everseal issue`"},
      {{"ls"}, "'ls'", "`everseal list`"},
      {{"status"}, "status", "`everseal list`"},
      {{"web", "show"}, "'web'", "`everseal show web`"},
      {{"issue", "www.example.org", "--issuer", "x"}, "www.example.org", "`-d www.example.org`"},
      {{"issue", "--domain"}, "--domain needs a value", "everseal issue --help"},
      {{"plan", "--days", "x"}, "--days: 'x' is no whole number", "--days 14"},
      {{"plan", "--days", "0"}, "--days: '0'", "--days 14"},
      {{}, "no command", "--help"},
  };
  for (const Row& row : rows) {
    CAPTURE(base::join(row.words, " "));
    const base::Exit exit = run_everseal(row.words);
    CHECK(exit.status == 2);
    CHECK(exit.output == "");
    CHECK(exit.errors.starts_with("everseal: "));
    CHECK_MESSAGE(exit.errors.find(row.message) != std::string::npos, exit.errors);
    const auto hint = exit.errors.find("\n  ");
    REQUIRE(hint != std::string::npos);
    CHECK_MESSAGE(exit.errors.find(row.hint, hint) != std::string::npos, exit.errors);
    CHECK(test::is_harmless(exit.errors));
  }
}

TEST_CASE("with --json a failure is a document too, and the message stays on standard error") {
  struct Row {
    Words words;
    const char* fault;
    int status;
  };
  const Row rows[] = {
      {{"--json", "inspct"}, "usage", 2},
      {{"kinds", "--json", "--nonsense"}, "usage", 2},
      {{"inspect", "/nonexistent/file", "--json"}, "not_found", 1},
      {{"inspect", "/dev/null", "--json"}, "invalid", 1},
      {{"inspect", "host:99999", "--json"}, "usage", 2},
  };
  for (const Row& row : rows) {
    CAPTURE(base::join(row.words, " "));
    const base::Exit exit = run_everseal(row.words);
    CHECK(exit.status == row.status);
    const json document = json::parse(exit.output);
    CHECK(document.size() == 2);
    CHECK(document["everseal_format"] == 1);
    CHECK(document["error"].size() == 5);
    CHECK(document["error"]["exit_code"] == row.status);
    CHECK(document["error"]["fault"] == row.fault);
    CHECK(document["error"]["message"] != "");
    CHECK(exit.errors.find(document["error"]["message"].get<std::string>()) != std::string::npos);
  }
}

TEST_CASE("a reader that goes away ends the output quietly") {
  const base::Exit exit = shell("\"$1\" kinds --json | head -c 1");
  CHECK(exit.status == 0);
  CHECK(exit.errors == "");
}

TEST_CASE("a full disk behind standard output is reported") {
  for (const char* const line : {"\"$1\" kinds > /dev/full", "\"$1\" kinds --json > /dev/full",
                                 "\"$1\" kinds --json >&-", "\"$1\" kinds nosuch --json > /dev/full"}) {
    CAPTURE(line);
    const base::Exit exit = shell(line);
    CHECK(exit.how == base::Exit::How::exited);
    CHECK((exit.status == 1 || exit.status == 2));
    CHECK(!exit.errors.empty());
  }
  CHECK(shell("\"$1\" kinds > /dev/full").errors.find("standard output") != std::string::npos);
}

TEST_CASE("options of every command may stand before or after it") {
  const std::string expected = run_everseal({"kinds", "report", "--json"}).output;
  CHECK(json::parse(expected)["kinds"].size() >= 2);
  for (const Words& words : {Words{"--json", "kinds", "report"}, Words{"kinds", "--json", "report"},
                             Words{"--config", "/nonexistent", "--json", "kinds", "report"}}) {
    CHECK(run_everseal(words).output == expected);
  }
}

TEST_CASE("kinds shows every kind with its options, in both forms") {
  const base::Exit document = run_everseal({"kinds", "--json"});
  test::require_success(document);
  std::map<std::string, int> families;
  std::vector<std::string> options;
  const json parsed = json::parse(document.output);
  for (const json& kind : parsed["kinds"]) {
    ++families[kind["family"]];
    for (const json& option : kind["options"]) options.push_back(option["name"]);
  }
  for (const char* family : {"issuer", "challenge", "dns", "deploy", "keystore", "starttls", "report"})
    CHECK(families[family] > 0);
  CHECK(families.size() == 11);
  const base::Exit text = run_everseal({"kinds"});
  test::require_success(text);
  CHECK(test::longest_line(text.output) <= 80);
  CHECK(options.size() > 5);
  for (const std::string& option : options) CHECK_MESSAGE(text.output.find(option) != std::string::npos, option);
}

TEST_CASE("each verb has its command, whose options are the fields of its request") {
  const json schema = json::parse(run_everseal({"--state", "/nonexistent", "help", "requests", "--json"}).output);
  // Verbs that other commands speak for, and the option with which each does.
  const std::map<std::string, Words> elsewhere{{"cancel", {"renew", "--cancel"}},
                                               {"doctor rebuild", {"doctor", "--rebuild"}},
                                               {"doctor mend", {"doctor", "--mend"}},
                                               {"doctor accept-clock", {"doctor", "--accept-clock"}},
                                               {"account", {"account register", "ISSUER"}}};
  // Fields that a command calls otherwise, or that are its own words.
  const std::map<std::string, std::string> otherwise{{"revoke name", "NAME"},
                                                     {"remove name", "NAME"},
                                                     {"deploy name", "NAME"},
                                                     {"rollback name", "NAME"},
                                                     {"verify names", "NAME"},
                                                     {"renew names", "NAME"},
                                                     {"export name", "NAME"},
                                                     {"ca crl name", "NAME"},
                                                     {"ca init name", "NAME"},
                                                     {"ca import name", "NAME"},
                                                     {"ca sign name", "NAME"},
                                                     {"ca init permitted", "--permit"},
                                                     {"ca init excluded", "--exclude"},
                                                     {"issue identifiers", "-d, --domain"},
                                                     {"issue name", "--as"},
                                                     {"revoke certificate", "--cert"},
                                                     {"backup file", "FILE"},
                                                     {"finding acknowledge rule", "RULE"},
                                                     {"finding acknowledge place", "PLACE"},
                                                     {"finding reopen rule", "RULE"},
                                                     {"finding reopen place", "PLACE"},
                                                     {"restore file", "FILE"},
                                                     {"import client", "CLIENT"},
                                                     {"import directory", "DIR"},
                                                     {"account issuer", "ISSUER"},
                                                     {"account action", "register"}};
  std::size_t count = 0;
  for (const json& verb : schema.at("oneOf")) {
    const std::string name = verb.at("title");
    CAPTURE(name);
    ++count;
    const auto other = elsewhere.find(name);
    Words words = base::split(other == elsewhere.end() ? name : other->second.front(), ' ');
    words.emplace_back("--help");
    const base::Exit help = run_everseal(words);
    REQUIRE(help.status == 0);
    if (other != elsewhere.end()) CHECK(help.output.find("\n  " + other->second.back()) != std::string::npos);
    if (name == "cancel") continue;
    for (const auto& [field, type] : verb.at("properties").at("request").at("properties").items()) {
      CAPTURE(field);
      const auto called = otherwise.find(name + " " + field);
      std::string option = "--" + field;
      std::ranges::replace(option, '_', '-');
      if (called != otherwise.end()) option = called->second;
      CHECK(help.output.find(option) != std::string::npos);
    }
  }
  CHECK(count >= 20);
}
