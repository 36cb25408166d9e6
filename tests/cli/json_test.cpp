// Every document that --json prints keeps to its schema in schema/output; Python's jsonschema is the judge.
#include "cli/cli.h"

#include <string>

#include <fmt/format.h>

using namespace everseal;
using test::Words;

namespace {

// A host of its own with an authority "corp", a certificate "www" in its second version and a client's CSR.
class Host {
 public:
  Host() {
    std::filesystem::create_directory(folder.file("tls"));
    run({"init"}, 0);
    run({"ca", "init", "corp", "--root-passphrase-file", folder.write("root.passphrase", "correct horse\n", 0600)}, 0);
    run({"issue", "--issuer", "corp", "-d", "www.example.org", "--as", "www", "--deploy-dir", folder.file("tls")}, 0);
    run({"renew", "www", "--force"}, 0);
    folder.openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/",
                    "-addext", "subjectAltName=DNS:device.example.org", "-keyout", "@device.key", "-out",
                    "@device.csr"});
  }

  base::Exit run(Words words, int status) const {
    words.insert(words.begin(), {"--config", folder.file("everseal.toml"), "--state", folder.file("state")});
    base::Exit exit = test::run_everseal(std::move(words));
    REQUIRE_MESSAGE(exit.status == status, base::describe(exit), exit.output, exit.errors);
    return exit;
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

  test::Folder folder;
};

}  // namespace

TEST_CASE("every document of --json keeps to its schema") {
  const Host host;
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
      {"config-check", {"config", "check"}},
      {"config-show", {"config", "show"}},
      {"doctor", {"doctor"}},
      {"backup", {"backup", backup}},
      {"restore", {"restore", backup}},
      {"verdict", {"doctor", "--rebuild"}},
      {"inspect", {"inspect", csr}},
      {"kinds", {"kinds"}},
      {"error", {"show", "nobody"}, 1},
      {"error", {"export", "www", "--format", "der"}, 2},
      {"error", {"list", "--expiring", "soon"}, 2},
  };
  for (const Case& one : cases) host.keeps_to(one.schema, one.words, one.status);
}

TEST_CASE("a certificate is shown by the beginning of its fingerprint, whatever its form") {
  const Host host;
  const auto shown = nlohmann::json::parse(host.run({"list", "--json"}, 0).output);
  const std::string fingerprint = shown.at("certificates").at(0).at("fingerprint");
  std::string upper = fingerprint.substr(0, 2) + ":" + fingerprint.substr(2, 2) + ":" + fingerprint.substr(4, 7);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const std::string& text : {fingerprint, fingerprint.substr(0, 11), upper})
    CHECK(nlohmann::json::parse(host.run({"show", text, "--json"}, 0).output).at("fingerprint") == fingerprint);
  for (const std::string& text : {fingerprint.substr(0, 7), fingerprint + "0", std::string("zzzzzzzzzzz")})
    host.run({"show", text}, 1);
}
