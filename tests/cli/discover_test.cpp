// What this host holds: found, remembered, and written to conf.d where that is asked for.
#include "base/time.h"
#include "cli/host.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>

using namespace everseal;
using nlohmann::json;
using test::Words;

namespace {

std::vector<std::string> found_files(const test::Host& host) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(host.folder.file("conf.d"))) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("found@") && name.ends_with(".toml")) names.push_back(name);
  }
  return names;
}

}  // namespace

TEST_CASE("certificates in a tree are found, remembered as seen, and proposed once") {
  const test::HostWithWww host;
  const std::string tree = host.folder.file("tree");
  std::filesystem::create_directory(tree);
  host.run({"ca", "sign", "corp", host.csr("other.csr", "DNS:other.example.org"), "--out-dir", tree}, 0);
  std::string certificate;
  for (const auto& entry : std::filesystem::directory_iterator(tree)) certificate = entry.path();
  REQUIRE_FALSE(certificate.empty());
  // With its key, as a server would have it.
  host.folder.write("tree/both.pem",
                    host.folder.read(std::filesystem::relative(certificate, host.folder.file("")).string()) +
                        host.folder.read("other.csr.key"));

  const json found = host.json({"discover", tree});
  REQUIRE(found.at("files").size() == 2);
  CHECK(found.at("servers").empty());
  CHECK(found.at("saved") == false);
  REQUIRE(found.at("tables").size() == 1);
  CHECK(found.at("tables")[0].at("change") == "new");
  CHECK(found.at("tables")[0].at("table") == "certificate.\"other.example.org\"");
  const std::string file = found.at("tables")[0].at("file");
  CHECK(file.ends_with("conf.d/found@files.toml"));
  CHECK_FALSE(std::filesystem::exists(file));
  const base::Exit shown = host.run({"discover", tree}, 0);
  CHECK(test::says(shown, "both.pem"));
  CHECK(test::says(shown, "with its key"));
  CHECK(test::says(shown, "--save` writes 1 table"));

  const base::Exit saved = host.run({"discover", tree, "--save"}, 0);
  CHECK(test::says(saved, "new     [certificate.\"other.example.org\"]"));
  CHECK(std::filesystem::exists(file));
  host.run({"config", "check"}, 0);
  CHECK(test::says(host.run({"discover", tree, "--save"}, 0), "nothing to change"));
  std::filesystem::rename(tree + "/both.pem", host.folder.file("both.pem"));
  CHECK(test::says(host.run({"discover", tree, "--save"}, 0), "gone    [certificate.\"other.example.org\"]"));
  std::filesystem::rename(host.folder.file("both.pem"), tree + "/both.pem");
  host.run({"discover", tree}, 0);

  // What was seen is in the inventory, with its place.
  const json listed = host.json({"list", "--seen"}).at("certificates");
  const auto one = std::ranges::find_if(
      listed, [](const json& row) { return row.at("identifiers") == json::array({"other.example.org"}); });
  REQUIRE(one != listed.end());
  REQUIRE(one->at("seen_at").size() == 2);
  CHECK(one->at("seen_at")[0].at("still_there") == true);
  CHECK(test::says(host.run({"list", "--seen"}, 0), "at " + tree));
}

TEST_CASE("the listeners of a server that nobody watches are written, and only what changed since") {
  const test::Host host;
  const auto configure = [&](const std::string& text) { host.folder.write("nginx.conf", "http { " + text + " }\n"); };
  const std::string shop = "server { listen 8443 ssl; server_name shop.example.org; }";
  const std::string from = "nginx=" + host.folder.file("nginx.conf");
  configure(shop + " server { listen 9443 ssl; server_name mail.example.org; }");
  const base::Exit first = host.run({"discover", "--from", from, "--save"}, 0);
  CHECK(test::says(first, "new     [endpoint.\"shop.example.org\"]"));
  CHECK(test::says(first, "new     [endpoint.\"mail.example.org\"]"));
  host.run({"config", "check"}, 0);
  CHECK(test::says(host.run({"discover", "--from", from, "--save"}, 0), "nothing to change"));
  // What was written is looked at, and somebody's own line is not written over.
  const json report = host.json({"audit"}, 1);
  CHECK(report.at("places").size() == 2);
  const std::string file = "conf.d/" + found_files(host).front();
  std::string text = host.folder.read(file);
  text.insert(text.find("targets", text.find("mail")), "labels = [\"tier=mail\"]\n");
  host.folder.write(file, text);
  configure("server { listen 8444 ssl; server_name shop.example.org; }");
  const base::Exit second = host.run({"audit", "--from", from, "--save"}, 1);
  CHECK(test::says(second, "changed [endpoint.\"shop.example.org\"]"));
  CHECK(test::says(second, "kept    [endpoint.\"mail.example.org\"]"));
  CHECK(host.folder.read(file).find("tier=mail") != std::string::npos);
  CHECK(host.json({"audit"}, 1).at("places").size() == 2);
  CHECK(test::says(host.run({"audit", "--save"}, 2), "--from"));
}

TEST_CASE("what a config that cannot be read whole, or another server's, does not name stays watched") {
  const test::Host host;
  const std::string from = "nginx=" + host.folder.file("nginx.conf");
  const std::string site = "server { listen 8443 ssl; server_name shop.example.org; }";
  host.folder.write("nginx.conf", "http { " + site + " }\n");
  host.run({"discover", "--from", from, "--save"}, 0);
  const std::string file = "conf.d/" + found_files(host).front();
  const char* const broken[] = {
      "server { listen ssl {{\n",
      "http { include sites/shop.conf; }\n",
      "http { server { listen 9443 ssl; server_name mail.example.org; }\n",
  };
  for (const char* const text : broken) {
    CAPTURE(text);
    host.folder.write("nginx.conf", text);
    const base::Exit exit = host.run({"discover", "--from", from, "--save"}, 4);
    CHECK_MESSAGE(test::says(exit, "not all of the config could be read"), exit.output, exit.errors);
    CHECK(host.folder.read(file).find("shop.example.org") != std::string::npos);
  }
  host.folder.write("other.conf", "http { server { listen 9444 ssl; server_name other.example.org; } }\n");
  host.run({"discover", "--from", "nginx=" + host.folder.file("other.conf"), "--save"}, 0);
  CHECK(found_files(host).size() == 2);
  CHECK(host.folder.read(file).find("shop.example.org") != std::string::npos);
  // What is gone goes, once all was read.
  host.folder.write("nginx.conf", "http { server { listen 9443 ssl; server_name mail.example.org; } }\n");
  CHECK(test::says(host.run({"discover", "--from", from, "--save"}, 0), "gone    [endpoint.\"shop.example.org\"]"));
}

TEST_CASE("what discover cannot do is said before anything is written") {
  const test::Host host;
  struct Row {
    Words words;
    int status;
    std::string says;
  };
  const std::string tree = host.folder.file("");
  const Row rows[] = {
      {{"discover", "--from", "iis"}, 2, "one of: nginx, apache"},
      {{"discover", "--password-file", "/nonexistent"}, 2, "/nonexistent"},
      {{"discover", "/nonexistent/tree"}, 0, "not_found"},
  };
  for (const Row& row : rows) {
    CAPTURE(base::join(row.words, " "));
    const base::Exit exit = host.run(row.words, row.status);
    CHECK_MESSAGE(test::says(exit, row.says), exit.output, exit.errors);
  }
}

TEST_CASE("an auditor's report has who issued and revoked, and the inventory as it stood") {
  const test::HostWithWww host;
  host.run({"audit", host.folder.file("tls")}, 0);
  host.run({"revoke", "www"}, 0);
  const json report = host.json({"audit", "report"});
  CHECK(report.at("audits").size() == 1);
  CHECK(report.at("policies")[0].at("hash").get<std::string>().size() == 64);
  std::set<std::string> actions;
  for (const json& event : report.at("events")) {
    actions.insert(event.at("action").get<std::string>());
    CHECK_FALSE(event.at("who").get<std::string>().empty());
  }
  CHECK(actions.contains("certificate.issued"));
  CHECK(actions.contains("certificate.revoked"));
  CHECK(report.at("history").size() == 2);
  const auto managed =
      std::ranges::count_if(report.at("inventory"), [](const json& one) { return one.at("managed") == "www"; });
  CHECK(managed >= 1);
  const base::Exit shown = host.run({"audit", "report", "--from", "1d"}, 0);
  for (const char* heading : {"Policies (1)", "Inventory at the end", "Issued, revoked and done", "Exceptions (0)",
                              "Not covered", "History (2)"})
    CHECK_MESSAGE(test::says(shown, heading), heading);
  CHECK(host.json({"audit", "report", "--from", "2020-01-01", "--to", "2020-12-31"}).at("inventory").empty());
  CHECK(test::says(host.run({"audit", "report", "--from", "2020-02-01", "--to", "2020-01-01"}, 2), "is empty"));
  CHECK(test::says(host.run({"audit", "report", "--from", "soon"}, 2), "is no time"));
}

TEST_CASE("the list as of a moment has the version of then, and none of before") {
  const test::HostWithWww host;
  const std::string today = base::format_time(std::chrono::floor<base::Seconds>(std::chrono::system_clock::now()));
  const json now = host.json({"list", "--as-of", today.substr(0, 10)}).at("certificates");
  CHECK(now.size() >= 1);
  CHECK(host.json({"list", "--as-of", "2020-01-01"}).at("certificates").empty());
  CHECK(test::says(host.run({"list", "--as-of", "2020-01-01"}, 0), "nothing is known of then"));
  CHECK(test::says(host.run({"list", "--as-of", "1d", "--check"}, 2), "of another time"));
}
