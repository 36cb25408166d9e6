// One endpoint or one directory, explained.
#include "cli/host_with_server.h"

#include <set>

using namespace everseal;
using nlohmann::json;
using test::Words;

namespace {

std::set<std::string> rules_of(const json& found) {
  std::set<std::string> rules;
  for (const json& finding : found.at("findings"))
    if (finding.at("severity") != "notice") rules.insert(finding.at("rule").get<std::string>());
  return rules;
}

// Beside what is deployed: the version before, the leaf alone, and a self-signed one.
struct HostWithFaults : test::HostWithServer {
  HostWithFaults() {
    folder.openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    "@self.key", "-out", "@self.pem", "-subj", "/CN=www.example.org", "-addext",
                    "subjectAltName=DNS:www.example.org", "-days", "30"});
  }
  std::string version(int number, const std::string& file) const {
    return folder.file(fmt::format("state/archive/www/{}/{}", number, file));
  }
};

}  // namespace

TEST_CASE("an endpoint is explained in words that say who trusts it, which certificate it is and what to do") {
  const HostWithFaults host;
  struct Row {
    std::string chain, key, sni;
    int status;
    std::set<std::string> rules;
    json agrees;
    Words says;
    Words next;
  };
  const std::string newest = host.folder.file("tls/fullchain.pem"), its_key = host.folder.file("tls/privkey.pem");
  const Row rows[] = {
      {newest,
       its_key,
       "www.example.org",
       0,
       {},
       true,
       {"No trouble found", "Trusted by the roots of the authorities here, below corp Root CA",
        "It is version 2 of www, the newest", "It speaks for www.example.org"},
       {}},
      {newest,
       its_key,
       "other.example.org",
       3,
       {"name-mismatch"},
       false,
       {"refuse this endpoint", "It does not speak for other.example.org", "Do this:"},
       {"everseal show www"}},
      {host.version(2, "cert.pem"),
       its_key,
       "www.example.org",
       3,
       {"chain-incomplete"},
       false,
       {"refuse this endpoint", "the server does not send corp Intermediate CA 1 (serial ",
        "the certificate of corp Intermediate CA 1 is neither sent nor there"},
       {"everseal deploy www", "everseal show www"}},
      {host.version(1, "fullchain.pem"),
       host.version(1, "privkey.pem"),
       "www.example.org",
       0,
       {},
       true,
       {"An old version of www is served: 1, where there is 2.",
        "It is version 1 of www, which is kept alive here. There is a newer one: version 2, which is on the disk"},
       {"everseal deploy www", "everseal verify www"}},
      {host.folder.file("self.pem"),
       host.folder.file("self.key"),
       "www.example.org",
       3,
       {"self-signed"},
       false,
       {"issued by itself", "It is none that is kept alive here, but www is kept alive for this name: version 2"},
       {"everseal deploy www", "everseal verify www"}},
      {host.folder.file("self.pem"),
       host.folder.file("self.key"),
       "mail.example.org",
       3,
       {"self-signed", "name-mismatch"},
       false,
       {"It is none that is kept alive here: somebody else has to renew it"},
       {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.chain);
    CAPTURE(row.sni);
    host.serve(row.chain, row.key);
    const Words inspect{"inspect", host.target(), "--sni", row.sni};
    const json document = host.json(inspect, row.status);
    REQUIRE(document.at("addresses").size() == 1);
    const json& seen = document.at("addresses")[0];
    CHECK_MESSAGE(rules_of(seen) == row.rules, seen.at("findings").dump(1));
    CHECK(seen.at("client_agrees") == row.agrees);
    CHECK(document.at("next") == json(row.next));
    const base::Exit text = host.run(inspect, row.status);
    for (const std::string& words : row.says)
      CHECK_MESSAGE(text.output.find(words) != std::string::npos, words, "\n", text.output);
    CHECK((text.output.find("No trouble found") != std::string::npos) ==
          (row.agrees == json(true) && row.rules.empty()));
    // An audit says the same of it.
    const json audited = host.json({"audit", host.target(), "--sni", row.sni}, row.status);
    CHECK(rules_of(audited.at("places")[0]) == row.rules);
  }
}

TEST_CASE("no trouble is not told of an endpoint whose name nobody asked for") {
  const HostWithFaults host;
  const json document = host.json({"inspect", host.target()});
  CHECK(document.at("addresses")[0].at("client_agrees").is_null());
  CHECK(document.at("next") ==
        json::parse(fmt::format(R"(["everseal inspect {} --sni www.example.org"])", host.target())));
  const base::Exit text = host.run({"inspect", host.target()}, 0);
  CHECK(text.output.find("No trouble found") == std::string::npos);
  CHECK(text.output.find("no name was compared") != std::string::npos);

  // A certificate that has the address speaks for who comes by it.
  host.run({"issue", "--issuer", "corp", "-d", "127.0.0.1", "--as", "by-address"}, 0);
  const std::string live = host.folder.file("state/live/by-address");
  host.serve(live + "/fullchain.pem", live + "/privkey.pem");
  CHECK(host.run({"inspect", host.target()}, 0).output.find("No trouble found") != std::string::npos);
}

TEST_CASE("what cannot be looked at is a result with its cause, and mistakes are told apart") {
  const HostWithFaults host;
  struct Row {
    Words words;
    int status;
    std::string says;
  };
  const Row rows[] = {
      {{"inspect", "127.0.0.1:1"}, 1, "connection refused"},
      {{"inspect", "no-such-host.invalid:443"}, 1, "cannot resolve"},
      {{"inspect", host.target(), "--sni", "other.example.org", "--fail-on", "critical"}, 0, "refuse this endpoint"},
      {{"inspect", host.target(), "--starttls", "gopher"}, 2, "gopher"},
      {{"inspect", host.target(), "--policy", "modren"}, 2, "modern"},
      {{"inspect", host.target(), "--fail-on", "grave"}, 2, "one of: notice, warning, error, critical"},
      {{"inspect", host.target(), "--password-file", "x"}, 2, "--password-file is for files"},
      {{"inspect", "/dev/null", "--sni", "x"}, 2, "--sni is for endpoints"},
      {{"inspect", host.folder.file("tls"), "--sni", "x"}, 2, "--sni is for endpoints"},
      {{"inspect", host.folder.file("self.pem"), "--fail-on", "error"}, 2, "endpoints and directories"},
      {{"inspect", "host:99999"}, 2, "a port is a number"},
  };
  for (const Row& row : rows) {
    CAPTURE(base::join(row.words, " "));
    const base::Exit exit = host.run(row.words, row.status);
    CHECK_MESSAGE(test::says(exit, row.says), exit.output, exit.errors);
  }
  const json unreached = host.json({"inspect", "127.0.0.1:1"}, 1).at("addresses")[0];
  CHECK(unreached.at("outcome") == "connection_refused");
  CHECK(unreached.at("timings_us").at("handshake").is_null());
  CHECK(unreached.at("certificates").empty());
}

TEST_CASE("STARTTLS is spoken as the port has it by custom, unless it is said otherwise") {
  const test::Host host;
  CHECK(host.json({"inspect", "127.0.0.1:25"}, 1).at("starttls") == "smtp");
  CHECK(host.json({"inspect", "127.0.0.1:25", "--starttls", "none"}, 1).at("starttls").is_null());
  CHECK(host.json({"inspect", "127.0.0.1:443"}, 1).at("starttls").is_null());
}

TEST_CASE("the environment that the config gives an endpoint judges it, and one that is not declared is a mistake") {
  const test::HostWithServer host;
  host.folder.write("everseal.toml", host.folder.read("everseal.toml") +
                                         fmt::format("\n[endpoint.shop]\ntargets = \"{}\"\nsni = \"shop.example.org\"\n"
                                                     "environment = \"lab\"\n[environment.lab]\n"
                                                     "severity = \"name-mismatch=warning\"\n",
                                                     host.target()));
  const Words inspect{"inspect", host.target(), "--sni", "shop.example.org"};
  CHECK(host.json(inspect).at("environment") == "lab");
  Words other = inspect;
  other.insert(other.end(), {"--env", "labb"});
  CHECK(test::says(host.run(other, 2), "there is no environment"));
}

TEST_CASE("a directory is told file by file, with what is wrong in each") {
  const HostWithFaults host;
  std::filesystem::create_directories(host.folder.file("etc/sub"));
  host.folder.write("etc/good.pem", host.folder.read("tls/fullchain.pem") + host.folder.read("tls/privkey.pem"));
  host.folder.write("etc/sub/mixed.pem", host.folder.read("tls/fullchain.pem") + host.folder.read("self.key"));
  host.folder.write("etc/sub/cut.pem", host.folder.read("self.pem").substr(0, 300));
  host.folder.write("etc/notes.txt", "nothing here\n");
  const std::string directory = host.folder.file("etc");
  const json document = host.json({"inspect", directory}, 3);
  CHECK(document.at("looked").at("files") == 4);
  REQUIRE(document.at("files").size() == 3);
  const json& files = document.at("files");
  CHECK(files[0].at("path") == directory + "/good.pem");
  CHECK(files[0].at("managed") == "www");
  CHECK(files[0].at("version") == 2);
  CHECK(rules_of(files[0]).empty());
  CHECK(rules_of(files[1]).contains("file-unreadable"));
  CHECK(rules_of(files[2]) == std::set<std::string>{"key-mismatch"});
  const std::string shown = host.on_terminal({"inspect", directory}, 80);
  CHECK_MESSAGE(test::longest_line(shown) <= 80, shown);
  CHECK(shown.find("sub/mixed.pem") != std::string::npos);
  CHECK(shown.find("www 2") != std::string::npos);
  host.json({"inspect", host.folder.file("tls")}, 0);
}

TEST_CASE("what is told of an endpoint keeps to the width of the terminal") {
  const HostWithFaults host;
  host.serve(host.version(1, "cert.pem"), host.version(1, "privkey.pem"));
  for (const std::size_t columns : {std::size_t{40}, std::size_t{80}, std::size_t{160}}) {
    const std::string shown = host.on_terminal({"inspect", host.target(), "--sni", "www.example.org"}, columns);
    CHECK_MESSAGE(test::longest_line(shown) <= columns, shown);
  }
}
