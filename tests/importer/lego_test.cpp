// What lego 4 and 5 leave, as the system tests see it made by the real one, and what people and crashes make of it.
#include "importer/fixture.h"

#include <nlohmann/json.hpp>

namespace everseal::importer::testing {
namespace {

using nlohmann::json;

constexpr const char* kHost = "ca.example.net_14000";

struct Lego : Tree {
  void add_account(const std::string& server, const std::string& email, const pki::PrivateKey& key,
                   const json& record) const {
    const std::string folder = fmt::format("accounts/{}/{}", server, email);
    write(folder + "/account.json", record.dump(1, '\t'));
    write(fmt::format("{}/keys/{}.key", folder, email), traditional_pem(key));
  }

  void add_account_of_5(const std::string& email, const std::string& type, const pki::PrivateKey& key,
                        const json& record) const {
    const std::string folder = fmt::format("accounts/{}/{}/{}", kHost, email, type);
    write(folder + "/account.json", record.dump(1, '\t'));
    write(fmt::format("{}/{}.key", folder, email), traditional_pem(key));
  }

  void add(const std::string& name, const Issued& issued, const json& record) const {
    const std::string path = "certificates/" + name;
    write(path + ".json", record.dump(1, '\t'));
    write(path + ".crt", issued.chain_pem());
    write(path + ".issuer.crt", issued.issuer_pem());
    write(path + ".key", traditional_pem(issued.key));
  }
  void add(const std::string& name, const Issued& issued) const {
    add(name, issued, {{"domain", name}, {"certUrl", "https://ca.example.net:14000/certZ/1"}});
  }

  Found read() const { return read_as("lego", path()); }
};

json registration(const std::string& url) {
  return {{"body", {{"status", "valid"}, {"contact", {"mailto:ops@example.org"}}}}, {"uri", url}};
}

// But for the one that says what lego does not keep.
std::string lego_remarks(Found& found) {
  if (!found.lineages.empty()) {
    REQUIRE_FALSE(found.remarks.empty());
    CHECK(judge::contains(found.remarks.back().text, "on its command line"));
    found.remarks.pop_back();
  }
  return remarks_of(found);
}

TEST_CASE("lego's accounts and certificates are read, of both layouts") {
  const auto& key = pki::testing::key_of(KeyType::ecdsa_p256, 9);
  const auto& rsa = pki::testing::key_of(KeyType::rsa_2048, 7);
  const struct {
    const char* layout;
    void (*add)(const Lego& lego, const pki::PrivateKey& key);
    std::string url;
    std::vector<std::string> contact;
  } rows[] = {
      {"4",
       [](const Lego& lego, const pki::PrivateKey& one) {
         lego.add_account(
             kHost, "ops@example.org", one,
             {{"email", "ops@example.org"}, {"registration", registration("https://ca.example.net:14000/1")}});
       },
       "https://ca.example.net:14000/1",
       {"mailto:ops@example.org"}},
      {"4, the address alone",
       [](const Lego& lego, const pki::PrivateKey& one) {
         lego.add_account(kHost, "ops@example.org", one, {{"email", "ops@example.org"}, {"registration", nullptr}});
       },
       {},
       {"mailto:ops@example.org"}},
      {"4, without an address",
       [](const Lego& lego, const pki::PrivateKey& one) {
         lego.add_account(kHost, "noemail", one, {{"email", ""}, {"registration", json::object()}});
       },
       {},
       {}},
      {"5",
       [](const Lego& lego, const pki::PrivateKey& one) {
         lego.add_account_of_5("ops@example.org", "EC256", one,
                               {{"id", "ops@example.org"},
                                {"email", "ops@example.org"},
                                {"keyType", "EC256"},
                                {"registration",
                                 {{"status", "valid"},
                                  {"contact", {"mailto:ops@example.org", "mailto:dev@example.org"}},
                                  {"accountURL", "https://ca.example.net:14000/5"}}}});
       },
       "https://ca.example.net:14000/5",
       {"mailto:ops@example.org", "mailto:dev@example.org"}},
      {"a record of other types",
       [](const Lego& lego, const pki::PrivateKey& one) {
         lego.add_account(kHost, "ops", one,
                          {{"email", 7}, {"registration", {{"uri", 7}, {"body", {{"contact", "x"}}}}}});
       },
       {},
       {}},
      {"no record",
       [](const Lego& lego, const pki::PrivateKey& one) {
         lego.add_account(kHost, "ops", one, {});
         lego.write(fmt::format("accounts/{}/ops/account.json", kHost), "{\"email");
       },
       {},
       {}},
  };
  const Issued www({"www.example.org", "example.org"}, 1);
  const Issued wild({"*.example.org"}, 2, KeyType::rsa_2048);
  for (const auto& [layout, add, url, contact] : rows) {
    CAPTURE(layout);
    const Lego lego;
    add(lego, key);
    lego.add_account("acme-v02.api.letsencrypt.org", "le@example.org", rsa,
                     {{"email", "le@example.org"}, {"registration", nullptr}});
    lego.add("www.example.org", www);
    lego.add("_.example.org", wild,
             {{"id", "_.example.org"},
              {"domains", {"*.example.org"}},
              {"certStableUrl", "https://acme-v02.api.letsencrypt.org/acme/cert/1"}});
    Found found = lego.read();
    CHECK(lego_remarks(found).empty());
    REQUIRE(found.accounts.size() == 2);
    const Account& well_known = found.accounts.front();
    CHECK(well_known.server.directory == "https://acme-v02.api.letsencrypt.org/directory");
    CHECK(well_known.key.public_key_info() == rsa.public_key_info());
    const Account& account = found.accounts.back();
    CHECK(account.server == Server{"", "ca.example.net:14000"});
    CHECK(account.url == url);
    CHECK(account.contact == contact);
    CHECK(account.key.public_key_info() == key.public_key_info());
    CHECK(labels_of(found) == "_.example.org, www.example.org");
    const Lineage& first = lineage_of(found, "www.example.org");
    CHECK(first.account == 1);
    CHECK(first.chain == www.chain);
    CHECK(first.key.value().public_key_info() == www.key.public_key_info());
    CHECK(first.challenges.empty());
    CHECK(lineage_of(found, "_.example.org").account == 0);
    CHECK(lineage_of(found, "_.example.org").key.value().type() == KeyType::rsa_2048);
  }
}

TEST_CASE("of several accounts at one CA one is taken, and that is said") {
  const Lego lego;
  for (int i = 0; i < 2; ++i)
    lego.add_account(
        kHost, fmt::format("{}@example.org", i), pki::testing::key_of(KeyType::ecdsa_p256, 20 + i),
        {{"email", ""}, {"registration", registration(fmt::format("https://ca.example.net:14000/{}", i))}});
  lego.add("www.example.org", Issued({"www.example.org"}));
  Found found = lego.read();
  CHECK(judge::contains(lego_remarks(found), "which of its accounts ordered it; 0@example.org is taken"));
  CHECK(found.lineages.front().account == 0);
}

TEST_CASE("certificates without an issuer beside them, in one file or two, are one chain") {
  const Issued issued({"www.example.org"});
  const struct {
    std::string leaf_file, issuer_file;
  } rows[] = {{issued.chain_pem(), issued.issuer_pem()},
              {issued.leaf_pem(), issued.issuer_pem()},
              {issued.chain_pem(), ""},
              {issued.issuer_pem() + issued.leaf_pem(), "\n"}};
  for (const auto& [leaf_file, issuer_file] : rows) {
    const Lego lego;
    lego.add("www.example.org", issued);
    lego.write("certificates/www.example.org.crt", leaf_file);
    lego.write("certificates/www.example.org.issuer.crt", issuer_file);
    CHECK(lineage_of(lego.read(), "www.example.org").chain == issued.chain);
  }
}

TEST_CASE("a certificate of lego's that is broken is told, and leaves the others") {
  const struct {
    const char* what;
    void (*breaks)(const Lego& lego);
    std::string why;
  } rows[] = {
      {"a key of one's own", [](const Lego& it) { fs::remove(it / "certificates/bad.key"); },
       "bad: its key is not here: it was made from a request of its own"},
      {"another key", [](const Lego& it) { it.link("certificates/bad.key", "good.key"); },
       "belongs to the private key"},
      {"garbage for a key", [](const Lego& it) { it.write("certificates/bad.key", "hunter2"); }, "! bad: its key: "},
      {"a loop for a key", [](const Lego& it) { it.link("certificates/bad.key", "bad.key"); }, "! bad: cannot open "},
      {"a broken record", [](const Lego& it) { it.write("certificates/bad.json", "{\"domain\""); },
       "is no JSON object"},
      {"a record that is a list", [](const Lego& it) { it.write("certificates/bad.json", "[]"); }, "is no JSON object"},
      {"a record that nests", [](const Lego& it) { it.write("certificates/bad.json", std::string(100'000, '[')); },
       "is no JSON object"},
      {"no certificate", [](const Lego& it) { fs::remove(it / "certificates/bad.crt"); }, "belongs to the private key"},
      {"no certificate at all",
       [](const Lego& it) {
         fs::remove(it / "certificates/bad.crt");
         fs::remove(it / "certificates/bad.issuer.crt");
       },
       "there is no certificate at "},
  };
  const Issued good({"good.example.org"}, 1);
  const Issued other({"other.example.org"}, 2);
  for (const auto& [what, breaks, why] : rows) {
    CAPTURE(what);
    const Lego lego;
    lego.add("good", good);
    lego.add("bad", other);
    breaks(lego);
    Found found = lego.read();
    CHECK(labels_of(found) == "good");
    const std::string remarks = lego_remarks(found);
    CHECK_MESSAGE(judge::contains(remarks, why), remarks);
    CHECK(found.remarks.size() == 1);
    CHECK_FALSE(judge::contains(remarks, "hunter2"));
  }
  // What its record does not say is unknown, which hinders nothing.
  const Lego lego;
  lego.add("good", good, {{"certUrl", 7}, {"certStableUrl", "http://x"}});
  const Found found = lego.read();
  CHECK(lineage_of(found, "good").server == Server());
  CHECK_FALSE(lineage_of(found, "good").account);
}

TEST_CASE("files where lego has folders, circles and strange names stop nothing") {
  const Lego lego;
  lego.add("good", Issued({"good.example.org"}, 1));
  lego.add("b\x1b[2J", Issued({"other.example.org"}, 2));
  lego.write("accounts/file", "");
  lego.write(fmt::format("accounts/{}/file", kHost), "");
  lego.link("accounts/loop", "loop");
  lego.link(fmt::format("accounts/{}/loop", kHost), "loop");
  lego.write(fmt::format("accounts/{}/c\x1b[2J/account.json", kHost), "{}");
  lego.link(fmt::format("accounts/{}/d/account.json", kHost), "account.json");
  lego.link("certificates/loop.json", "loop.json");
  lego.make_folder("certificates/folder.json");
  Found found = lego.read();
  CHECK(labels_of(found) == "b\\x1b[2J, good");
  const std::string remarks = lego_remarks(found);
  CHECK(found.remarks.size() == 4);
  for (const char* const subject : {"! c\\x1b[2J: its key: ", "! d: ", "! loop: ", "! folder: "})
    CHECK_MESSAGE(judge::contains(remarks, subject), remarks);
}

TEST_CASE("what is no directory of lego's is refused with advice") {
  const Tree tree;
  tree.write("certificates", "");
  tree.link("accounts", "accounts");
  const auto read = [&] { static_cast<void>(find_kind("lego")->read(tree.path())); };
  CHECK(judge::fault_of(read) == base::Fault::config);
  CHECK(judge::contains(judge::message_of(read), "neither certificates/ nor accounts/"));
}

}  // namespace
}  // namespace everseal::importer::testing
