// Every document that --json prints keeps to its schema in schema/output; Python's jsonschema is the judge.
#include "cli/host.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

using namespace everseal;
using test::Words;

namespace {

struct HostWithCsr : test::HostWithWww {
  HostWithCsr() {
    folder.openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/",
                    "-addext", "subjectAltName=DNS:device.example.org", "-keyout", "@device.key", "-out",
                    "@device.csr"});
  }

  void keeps_to(const std::string& schema, Words words, int status = 0) const {
    CAPTURE(schema);
    words.emplace_back("--json");
    const base::Exit exit = run(std::move(words), status);
    const std::string file = folder.write("document.json", exit.output);
    const base::Exit judged = test::run({"python3", "-W", "ignore", "-m", "jsonschema", "-i", file,
                                         fmt::format("{}/schema/output/{}.schema.json", EVERSEAL_SOURCE_DIR, schema)});
    CHECK_MESSAGE(judged.success(), judged.errors, judged.output, exit.output);
  }
};

// The lines of `everseal help json`: what is called, and the schema.
std::vector<std::pair<std::string, std::string>> documents() {
  std::vector<std::pair<std::string, std::string>> rows;
  CHECK(test::run_everseal({"--state", "/nonexistent", "help", "json"}).output ==
        test::run_everseal({"help", "json"}).output);
  for (const std::string& line : base::split(test::run_everseal({"help", "json"}).output, '\n')) {
    if (!line.starts_with("  ")) continue;
    const auto gap = line.rfind(' ');
    rows.emplace_back(base::trim(line.substr(0, gap)), line.substr(gap + 1));
  }
  return rows;
}

}  // namespace

TEST_CASE("every command says which schema its document keeps to, and the table in schema/README.md is that one") {
  const auto rows = documents();
  CHECK(rows.size() > 30);
  std::ifstream file(std::string(EVERSEAL_SOURCE_DIR) + "/schema/README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  std::set<std::string> schemas;
  std::string table;
  for (const auto& [called, schema] : rows) {
    schemas.insert(schema + ".schema.json");
    table += fmt::format("| {} | `{}` |\n", called, schema);
  }
  CHECK_MESSAGE(readme.find(table) != std::string::npos, table);
  std::set<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(EVERSEAL_SOURCE_DIR) + "/schema/output"))
    there.insert(entry.path().filename());
  CHECK(schemas == there);
  // The overview's commands stand two blanks in; options and headings do not.
  const std::string overview = test::run_everseal({"--help"}).output;
  std::size_t commands = 0;
  for (const std::string& line : base::split(overview.substr(0, overview.find("Options for every")), '\n')) {
    if (!line.starts_with("  ") || line.starts_with("   ")) continue;
    const std::string words = line.substr(2, line.find("  ", 2) - 2);
    if (words == "config schema") continue;  // prints a schema itself
    ++commands;
    CHECK_MESSAGE(std::ranges::any_of(rows, [&](const auto& row) { return row.first == words; }), words);
  }
  CHECK(commands > 25);
}

TEST_CASE("config show has authorities and profiles as they are understood") {
  const test::Host host;
  std::filesystem::create_directories(host.folder.file("conf.d"));
  host.folder.write("conf.d/corp.toml",
                    "[authority.corp]\npermitted = \"example.org\"\n[profile.device]\nusage = \"clientAuth\"\n"
                    "lifetime = \"30d\"\n");
  const nlohmann::json shown = host.json({"config", "show"});
  CHECK(shown.at("authority").at("corp").at("permitted") == nlohmann::json{"example.org"});
  CHECK(shown.at("profile").at("device").at("usage") == nlohmann::json{"clientAuth"});
  CHECK(shown.at("profile").at("device").at("lifetime") == "30d");
}

TEST_CASE("every document of --json keeps to its schema") {
  const HostWithCsr host;
  const std::string backup = host.folder.file("backup.db");
  const std::string garbage = host.folder.write("garbage.csr", "garbage");
  const std::string csr = host.folder.file("device.csr");
  struct Case {
    const char* schema;
    Words words;
    int status = 0;
  };
  const Case cases[] = {
      {"verdict", {"init"}},
      {"ca-init", {"ca", "init", "other", "--root", "offline"}},
      {"ca-list", {"ca", "list"}},
      {"ca-sign", {"ca", "sign", "corp", csr}},
      {"ca-sign", {"ca", "sign", "corp", csr, "--out-dir", host.folder.file("tls")}},
      {"ca-sign", {"ca", "sign", "corp", csr, garbage}, 4},
      {"verdict", {"ca", "crl", "corp"}},
      {"export", {"ca", "export", "corp"}},
      {"export", {"ca", "export", "corp", "--what", "crl", "--out", host.folder.file("corp.crl")}},
      {"verdict", {"issue", "--issuer", "corp", "--profile", "client", "-d", "alice@example.org", "--as", "alice"}},
      {"verdict",
       {"issue", "--issuer", "corp", "-d", "www.example.org", "--as", "www", "--deploy-dir", host.folder.file("tls")}},
      {"verdict", {"issue", "--issuer", "corp", "-d", "new.example.org", "--dry-run"}},
      {"account-list", {"account", "list"}},
      {"plan", {"plan"}},
      {"list", {"list", "--all"}},
      {"show", {"show", "www"}},
      {"history", {"history", "www"}},
      {"history-verify", {"history", "--verify"}},
      {"export", {"export", "www"}},
      {"export", {"export", "www", "--format", "key", "--out", host.folder.file("www.key")}},
      {"verdict", {"renew"}},
      {"verdict", {"verify", "www"}},
      {"verdict", {"rollback", "www"}},
      {"show", {"show", "www"}},
      {"verdict", {"deploy", "www"}},
      {"verdict", {"revoke", "alice"}},
      {"verdict", {"remove", "alice"}},
      {"list", {"list", "--all"}},
      {"audit", {"audit", "127.0.0.1:9", host.folder.file("tls"), csr}, 4},
      {"audit-changes", {"audit", host.folder.file("tls"), "--changes"}},
      {"audit-changes", {"audit", "--diff", "1h"}},
      {"audit-rule", {"audit", "--explain", "expired"}},
      {"verdict", {"finding", "acknowledge", "connection-refused", "127.0.0.1:9", "--reason", "it is no server"}},
      {"finding-list", {"finding", "list"}},
      {"finding-list", {"finding", "list", "--acknowledged"}},
      {"verdict", {"finding", "reopen", "connection-refused", "127.0.0.1:9"}},
      {"audit-report", {"audit", "report"}},
      {"audit-report", {"audit", "report", "--from", "2026-01-01", "--to", "2026-02-01"}},
      {"list", {"list", "--as-of", "1d"}},
      {"discover", {"discover", host.folder.file("tls")}},
      {"discover", {"discover", host.folder.file("tls"), "--save"}},
      {"config-check", {"config", "check"}},
      {"config-show", {"config", "show"}},
      {"doctor", {"doctor"}},
      {"backup", {"backup", backup}},
      {"restore", {"restore", backup}},
      {"verdict", {"doctor", "--mend"}},
      {"doctor", {"doctor", "--accept-clock"}},
      {"verdict", {"doctor", "--rebuild"}},
      {"inspect", {"inspect", csr}},
      {"inspect-endpoint", {"inspect", "127.0.0.1:9"}, 1},
      {"inspect-endpoint", {"inspect", "127.0.0.1:9", "--deep"}, 1},
      {"inspect-directory", {"inspect", host.folder.file("tls")}},
      {"kinds", {"kinds"}},
      {"verdict", {"renew", "www"}},
      {"plan", {"renew", "--dry-run"}},
      {"list", {"list"}},
      {"list", {"list", "--seen"}},
      {"list", {"list", "--expiring", "3650d"}},
      {"list", {"list", "--name", "*.example.org"}},
      {"show", {"show", "www.example.org"}},
      {"version", {"version"}},
      {"error", {"history", "nosuch"}, 1},
      {"error", {"plan", "--days", "x"}, 2},
      {"error", {"renew", "--force"}, 2},
      {"error", {"show", "nobody"}, 1},
      {"error", {"export", "www", "--format", "der"}, 2},
      {"error", {"list", "--expiring", "soon"}, 2},
  };
  for (const Case& one : cases) host.keeps_to(one.schema, one.words, one.status);
}

TEST_CASE("a certificate is shown by the beginning of its fingerprint, whatever its form") {
  const HostWithCsr host;
  const auto shown = nlohmann::json::parse(host.run({"list", "--json"}, 0).output);
  const std::string fingerprint = shown.at("certificates").at(0).at("fingerprint");
  std::string upper = fingerprint.substr(0, 2) + ":" + fingerprint.substr(2, 2) + ":" + fingerprint.substr(4, 7);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const std::string& text : {fingerprint, fingerprint.substr(0, 11), upper})
    CHECK(nlohmann::json::parse(host.run({"show", text, "--json"}, 0).output).at("certificate").at("fingerprint") ==
          fingerprint);
  for (const std::string& text : {fingerprint.substr(0, 7), fingerprint + "0", std::string("zzzzzzzzzzz")})
    host.run({"show", text}, 1);
}

TEST_CASE("doctor --mend --json says what is left, and its exit code is the one that it ends with") {
  const Host host;
  std::filesystem::create_directories(host.folder.file("conf.d"));
  host.folder.write("conf.d/bad.toml", "x = [\n", 0644);
  const auto document = host.json({"doctor", "--mend"}, 1);
  CHECK(document.at("exit_code") == 1);
  REQUIRE(document.at("remarks").size() == 1);
  const auto& left = document.at("remarks").at(0);
  CHECK(left.at("rule") == "config");
  CHECK(left.at("subject") == "store");
  CHECK(left.at("text").get<std::string>().find("bad.toml") != std::string::npos);
  CHECK(left.at("hint").is_string());
}

TEST_CASE("an import tells its outcomes by the members of every other verdict") {
  const auto outcome_in = [](const std::string& schema) {
    std::ifstream file(fmt::format("{}/schema/output/{}.schema.json", EVERSEAL_SOURCE_DIR, schema));
    return nlohmann::json::parse(file)["properties"]["outcomes"]["items"];
  };
  const nlohmann::json verdict = outcome_in("verdict"), import = outcome_in("import");
  CHECK(import["required"] == verdict["required"]);
  for (const auto& [member, form] : verdict["properties"].items()) {
    CAPTURE(member);
    REQUIRE(import["properties"].contains(member));
    CHECK(import["properties"][member].value("type", nlohmann::json()) == form.value("type", nlohmann::json()));
  }
  CHECK(import["properties"].size() == verdict["properties"].size());
}

TEST_CASE("what is planned, left and taken in is told by members, not by sentences alone") {
  const test::HostWithWww host;
  const std::string backup = host.folder.file("backup.db");
  host.run({"backup", backup}, 0);
  const auto find = [](const nlohmann::json& list, std::string_view member, std::string_view value) {
    for (const auto& one : list)
      if (one.at(member) == value) return one;
    return nlohmann::json();
  };
  const nlohmann::json planned = find(host.json({"plan"})["subjects"], "subject", "certificate/www");
  const nlohmann::json listed = host.json({"list"})["certificates"][0];
  CHECK(planned["version"] == 2);
  CHECK(planned["not_after"] == listed["not_after"]);
  CHECK(planned["renew_at"] == listed["renew_at"]);
  CHECK(planned["requests"].empty());
  CHECK(listed["deployments"][0]["directory"] == host.folder.file("tls"));
  CHECK(listed["deployments"][0]["verify"].is_array());
  const nlohmann::json as_wanted = host.json({"issue", "--as", "www", "-d", "www.example.org"})["outcomes"][0];
  CHECK(as_wanted["version"] == 2);
  CHECK(as_wanted["not_after"] == listed["not_after"]);

  const std::string corp = host.folder.file("state/authorities/corp");
  std::filesystem::rename(corp, corp + ".away");
  host.run({"revoke", "www", "--reason", "keyCompromise"}, 1);
  const nlohmann::json open = find(host.json({"plan", "www"})["subjects"], "subject", "certificate/www");
  CHECK(open["requests"][0]["kind"] == "revoke");
  CHECK(open["requests"][0]["reason"] == "keyCompromise");
  std::set<std::string> reasons;
  for (const auto& step : open["steps"])
    if (step["action"]["kind"] == "revoke") reasons.insert(step["action"]["reason"].get<std::string>());
  CHECK(reasons == std::set<std::string>{"keyCompromise"});
  std::filesystem::rename(corp + ".away", corp);
  host.run({"revoke", "www", "--cancel"}, 0);

  const nlohmann::json removed = host.json({"remove", "www"})["outcomes"][0];
  const nlohmann::json& left = removed["left"];
  CHECK(removed["files"][0] == host.folder.file("conf.d/www.toml"));
  CHECK(find(left, "what", "version")["not_after"].is_string());
  CHECK(find(left, "what", "target")["path"] == host.folder.file("tls"));
  CHECK(find(left, "what", "keys")["path"] == host.folder.file("state/archive/www"));
  CHECK(find(host.json({"restore", backup})["files"], "change", "removed")["subject"] == "certificate/www");
  std::set<std::string> kept;
  const nlohmann::json rebuilt = host.json({"doctor", "--rebuild"});
  for (const auto& one : rebuilt["outcomes"])
    for (const auto& file : one["files"]) kept.insert(file.get<std::string>());
  REQUIRE(kept.size() == 1);
  CHECK(std::filesystem::exists(*kept.begin()));
  std::filesystem::remove(host.folder.file("state/archive/www/removed.json"));
  for (const char* const end : {"", "-wal", "-shm"})
    std::filesystem::remove(host.folder.file("state/everseal.db") + end);
  std::set<int> known;
  const nlohmann::json from_nothing = host.json({"doctor", "--rebuild"});
  for (const auto& one : from_nothing["outcomes"])
    if (one["change"] == "known" && one["version"].is_number()) known.insert(one["version"].get<int>());
  CHECK(known == std::set<int>{1, 2});
}

TEST_CASE("a listing of the authorities says which cannot sign") {
  const test::HostWithWww host;
  const nlohmann::json sound = host.json({"ca", "list"});
  CHECK(sound["authorities"].size() == 2);
  for (const auto& one : sound["authorities"]) {
    CHECK(one["standing"] == "live");
    CHECK(one["needs_attention"] == false);
    CHECK(one["why"].is_null());
  }
  const std::string corp = host.folder.file("state/authorities/corp");
  std::filesystem::rename(corp, corp + ".away");
  const nlohmann::json away = host.json({"ca", "list"});
  CHECK(away["authorities"].size() == 2);
  for (const auto& one : away["authorities"]) {
    CHECK(one["state"] == "active");
    CHECK(one["standing"] == "needs_operator");
    CHECK(one["needs_attention"] == true);
    CHECK(one["why"].get<std::string>().find("is missing") != std::string::npos);
  }
  CHECK(host.run({"ca", "list"}, 0).output.find("needs_operator") != std::string::npos);
}
