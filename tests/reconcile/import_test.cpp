#include "fakes/unsynced_file_system.h"
#include "importer/acme_sh.h"
#include "reconcile/import_site.h"

namespace everseal::reconcile {
namespace {

using importer::testing::AcmeShTree;
using importer::testing::CertbotTree;
using namespace testing;

// Two accounts at the site's CA, each with a certificate.
struct TwoAccounts : CertbotTree {
  explicit TwoAccounts(ImportSite& site) {
    server = site.ca.directory_url();
    for (int i = 1; i <= 2; ++i) {
      const std::string name = fmt::format("w{}.example.org", i);
      site.register_key(account_key(i));
      account = fmt::format("account-{}", i);
      add_account(fmt::format("{}/{}", site.server(), account), account_key(i), "{}");
      add(name, Issued({name}, i));
    }
  }
};

TEST_CASE("looking says what taking does, and taking again takes nothing twice") {
  ImportSite site;
  const TwoAccounts certbot(site);
  const char* const expected =
      "account/localhost : done | account/localhost-2 : done | certificate/w1.example.org localhost: {0} | "
      "certificate/w2.example.org localhost-2: {0}";
  CHECK(outcomes_of(site.import("certbot", certbot.path(), ImportMode::look)) ==
        fmt::format(fmt::runtime(expected), "done"));
  CHECK(site.config().issuers.empty());
  // certbot's registration was lost, so that only the keys tell the accounts apart.
  for (int i = 0; i < 2; ++i) {
    CHECK(outcomes_of(site.import("certbot", certbot.path())) == fmt::format(fmt::runtime(expected), "warned"));
    CHECK(site.config().issuers.size() == 2);
    CHECK(site.config().certificates.size() == 2);
  }
  const ImportReport again = site.import("certbot", certbot.path(), ImportMode::look);
  CHECK(outcomes_of(again) == fmt::format(fmt::runtime(expected), "done"));
  for (const Outcome& outcome : again.verdict.outcomes) CHECK(judge::contains(outcome.text, "already"));
  CHECK(site.ca.orders_placed() == 0);
  CHECK(site.ca.violations().empty());
}

TEST_CASE("an account whose key was changed here meanwhile is still the same") {
  ImportSite site;
  site.register_key(account_key(1));
  CertbotTree certbot;
  certbot.server = site.ca.directory_url();
  certbot.add_account(fmt::format("{}/{}", site.server(), certbot.account), account_key(1),
                      fmt::format("{{\"uri\": \"{}\"}}", site.ca.url("/account/1")));
  certbot.add("www.example.org", Issued({"www.example.org"}, 1));
  REQUIRE(site.import("certbot", certbot.path()).verdict.exit_code() == 0);
  // As after a key change.
  for (const auto& entry : std::filesystem::recursive_directory_iterator(site.host.state + "/accounts"))
    if (entry.path().filename() == "key.pem") base::write_file(entry.path().string(), account_key(2).pem().reveal());
  const ImportReport again = site.import("certbot", certbot.path());
  CHECK_MESSAGE(again.verdict.exit_code() == 0, texts_of(again));
  CHECK(site.config().issuers.size() == 1);
}

TEST_CASE("an account that the CA refuses leaves its place to the next, and takes no key that is ours") {
  ImportSite site;
  const TwoAccounts certbot(site);
  int asked = 0;
  site.ca.set_rules(
      [&](fakes::AcmeExchange& exchange) {
        if (exchange.resource == "newAccount" && ++asked == 1)
          exchange.answer = fakes::AcmeAnswer::problem(401, "unauthorized", "deactivated");
      },
      nullptr);
  CHECK(outcomes_of(site.import("certbot", certbot.path())) ==
        "account/account-1 : failed | account/localhost : done | certificate/w1.example.org : failed | "
        "certificate/w2.example.org localhost: warned");
  // Now it knows none of them.
  site.refuse_accounts(400, "accountDoesNotExist", "gone");
  CHECK(site.import("certbot", certbot.path()).verdict.exit_code() == 1);
  int keys = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(site.host.state + "/accounts"))
    if (entry.path().filename() == "key.pem") ++keys;
  CHECK(keys == 1);
}

TEST_CASE("no issuer is made where its CA refuses the account or cannot be reached") {
  ImportSite site;
  const TwoAccounts certbot(site);
  site.refuse_accounts(401, "unauthorized", "deactivated");
  CHECK(site.import("certbot", certbot.path()).verdict.exit_code() == 1);
  CertbotTree far;
  far.server = "https://localhost:1/directory";  // where nobody listens
  far.add_account("localhost:1/directory/" + far.account, account_key(1), "{}");
  far.add("far.example.org", Issued({"far.example.org"}, 3));
  const ImportReport report = site.import("certbot", far.path());
  CHECK(outcomes_of(report) == fmt::format("account/{} : failed | certificate/far.example.org : failed", far.account));
  CHECK(site.config().issuers.empty());
  CHECK_FALSE(std::filesystem::exists(site.host.files.fragments));
  CHECK_FALSE(std::filesystem::exists(site.host.state + "/secrets"));
}

TEST_CASE("an account whose issuer was never written keeps its place for the next import") {
  ImportSite site;
  std::vector<CertbotTree> clients(2);
  for (int i = 1; i <= 2; ++i) {
    CertbotTree& client = clients[static_cast<std::size_t>(i - 1)];
    client.server = site.ca.directory_url();
    site.register_key(account_key(i));
    client.add_account(fmt::format("{}/{}", site.server(), client.account), account_key(i), "{}");
    client.add(fmt::format("w{}.example.org", i), Issued({fmt::format("w{}.example.org", i)}, i));
  }
  REQUIRE(site.import("certbot", clients[0].path()).verdict.exit_code() == 0);
  std::filesystem::remove_all(site.host.files.fragments);
  CHECK(outcomes_of(site.import("certbot", clients[1].path())) ==
        "account/localhost-2 : done | certificate/w2.example.org localhost-2: warned");
  CHECK(outcomes_of(site.import("certbot", clients[0].path())) ==
        "account/localhost : done | certificate/w1.example.org localhost: warned");
}

TEST_CASE("lineages of one name here, or of none, are told, and the others are taken") {
  ImportSite site;
  const TwoAccounts certbot(site);
  certbot.add("W1.example.org", Issued({"w1.example.org"}, 3));
  certbot.add("w2.example.org!", Issued({"other.example.org"}, 4));
  certbot.add("w2.example.org-", Issued({"w2.example.org"}, 5));
  certbot.add("---", Issued({"third.example.org"}, 6));
  for (const ImportMode mode : {ImportMode::look, ImportMode::take, ImportMode::take}) {
    const ImportReport report = site.import("certbot", certbot.path(), mode);
    const std::string texts = texts_of(report);
    CAPTURE(texts);
    CHECK(report.verdict.exit_code() == 4);
    CHECK(judge::contains(texts, "certificate/w1.example.org: W1.example.org and w1.example.org would both be called"));
    CHECK(judge::contains(texts,
                          "certificate/w2.example.org-: w2.example.org! and w2.example.org- would both be called"));
    CHECK(judge::contains(texts, "---: certificate name '---' is not allowed"));
    CHECK(std::ranges::count(report.verdict.outcomes, Result::failed, &Outcome::result) == 3);
  }
  CHECK(site.config().certificates.size() == 3);
}

TEST_CASE("an issuer that fits nothing is refused, before anything is taken") {
  ImportSite site;
  const TwoAccounts certbot(site);
  site.configure(site.issuer("ours") +
                 "[issuer.other]\ntype = \"acme\"\ndirectory = \"https://other.example.net/dir\"\n");
  ImportRequest request = site.request("certbot", certbot.path());
  for (const std::string name : {"other", "none"}) {
    CAPTURE(name);
    request.issuer = Name::parse(name);
    CHECK(judge::fault_of([&] { import_client(site.host, request); }) == base::Fault::config);
  }
  CHECK(site.config().certificates.empty());
  CHECK_FALSE(std::filesystem::exists(site.host.state + "/archive"));
}

TEST_CASE("where a challenge cannot be written that is said, and no secret of it stays") {
  ImportSite site;
  site.register_key(account_key(1));
  const AcmeShTree client;
  client.settings({{"SAVED_PDNS_Url", "http://\xff"}, {"SAVED_PDNS_Token", "hunter2"}});
  client.add_account("localhost/directory", account_key(1), {});
  client.add("a.example.org", Issued({"a.example.org"}, 1),
             {{"Le_API", site.ca.directory_url()}, {"Le_Webroot", "dns_pdns"}});
  const ImportReport report = site.import("acme.sh", client.path());
  CHECK_MESSAGE(report.verdict.exit_code() == 0, texts_of(report));
  REQUIRE(report.remarks.size() == 2);
  CHECK(judge::contains(report.remarks.front().text, "cannot be taken over"));
  CHECK(judge::contains(report.remarks.front().advice, "zones = [\"a.example.org\"]"));
  CHECK_FALSE(std::filesystem::exists(site.host.state + "/secrets"));
  CHECK(site.config().challenges.empty());
}

TEST_CASE("a certificate may be called as the file of an issuer or a challenge would be") {
  ImportSite site;
  site.register_key(account_key(1));
  const AcmeShTree client;
  client.add_account("localhost/directory", account_key(1), {});
  int number = 0;
  // Each import adds to what those before it wrote.
  for (const std::string name :
       {"www.example.org", "challenge.www.example.org", "issuer.localhost", "challenge.challenge.www.example.org"}) {
    CAPTURE(name);
    client.add(name, Issued({name}, ++number),
               {{"Le_API", site.ca.directory_url()}, {"Le_Webroot", fmt::format("/srv/{}", number)}});
    const ImportReport report = site.import("acme.sh", client.path());
    CHECK_MESSAGE(report.verdict.exit_code() == 0, texts_of(report));
    CHECK(site.config().certificates.contains(Name::parse(name)));
    CHECK(site.config().challenges.contains(Name::parse(name)));
  }
}

TEST_CASE("a certificate whose key is of no type that is used here is kept alive, and ordered with another") {
  const CertbotSite site;
  site.certbot.add("good.example.org", Issued({"good.example.org"}, 1));
  const std::pair<std::string, KeyType> rows[] = {{"ec", KeyType::ecdsa_p256}, {"rsa:1024", KeyType::rsa_4096}};
  for (const auto& [type, ours] : rows) {
    const std::string name = type.substr(0, 2) + ".example.org";
    const importer::testing::UnusedKey unused(type, name);
    site.certbot.add_conf(name, fmt::format("server = {}\nauthenticator = standalone\n", site.certbot.server));
    site.certbot.write(fmt::format("live/{}/privkey.pem", name), unused.key_pem);
    site.certbot.write(fmt::format("live/{}/fullchain.pem", name), unused.certificate_pem);
  }
  for (int i = 0; i < 2; ++i) {
    const ImportReport report = site.import();
    CHECK_MESSAGE(report.verdict.exit_code() == 0, texts_of(report));
    CHECK(judge::contains(texts_of(report), "the next `renew` orders it with a key of type ecdsa-p256"));
    CHECK(judge::contains(texts_of(report), "already here: ") == (i == 1));
    const config::Config config = site.config();
    CHECK(config.certificates.size() == 3);
    auto store = inventory::Store::open(site.host.state, sql::Access::read_only, site.host.clock());
    for (const auto& [type, ours] : rows) {
      const Name name = Name::parse(type.substr(0, 2) + ".example.org");
      CHECK(config.certificates.at(name).key == ours);
      CHECK(inventory::Versions(store).of(name).empty());
    }
  }
}

// What a config has without what it needs, or what it left lying about.
std::vector<std::string> half_made(const ImportSite& site) {
  std::vector<std::string> wrong;
  const config::Config config = site.config();
  auto store = inventory::Store::open(site.host.state, sql::Access::read_only, site.host.clock());
  for (const auto& [name, certificate] : config.certificates)
    if (inventory::Versions(store).of(name).empty()) wrong.push_back("no version of " + name.text());
  std::size_t secrets = 0;
  for (const auto& [name, challenge] : config.challenges)
    if (challenge.provider_options.has("token_file") &&
        base::read_secret_file(challenge.provider_options.string("token_file")).reveal_text() == "hunter2")
      ++secrets;
  if (secrets != config.challenges.size()) wrong.emplace_back("a challenge has no secret");
  const std::string folder = site.host.state + "/secrets";
  if (std::filesystem::exists(folder) && base::Directory::open(folder).list().size() != secrets)
    wrong.emplace_back("a secret has no challenge");
  return wrong;
}

TEST_CASE("an import that the disk fails anywhere leaves nothing half-made, and the next one finishes it") {
  const AcmeShTree client;
  client.settings({{"SAVED_CF_Token", "hunter2"}});
  client.add_account("localhost/directory", account_key(1), {});
  bool is_done = false;
  for (int at = 1; !is_done; ++at) {
    CAPTURE(at);
    ImportSite site;
    site.register_key(account_key(1));
    for (const std::string name : {"a.example.org", "b.example.org"})
      client.add(name, Issued({name}, name.front()), {{"Le_API", site.ca.directory_url()}, {"Le_Webroot", "dns_cf"}});
    site.tree.make_folder("scratch");
    const auto end = fakes::run_in_child(site.tree / "scratch", {fakes::Mishap::Kind::error, at, ENOSPC}, [&] {
      if (site.import("acme.sh", client.path()).verdict.exit_code() != 0) throw base::Error(base::Fault::io, "told");
    });
    REQUIRE(end.how != fakes::ChildEnd::How::other);
    is_done = end.how == fakes::ChildEnd::How::done;
    CHECK(base::join(half_made(site), ", ") == "");
    const ImportReport again = site.import("acme.sh", client.path());
    CHECK_MESSAGE(again.verdict.exit_code() == 0, texts_of(again));
    CHECK(base::join(half_made(site), ", ") == "");
    CHECK(site.config().certificates.size() == 2);
    std::size_t zones = 0;  // of one challenge, or of two where the first import left one to the next
    for (const auto& [name, challenge] : site.config().challenges) zones += challenge.zones.size();
    CHECK(zones == 2);
    CHECK(site.config().issuers.size() == 1);
  }
}

TEST_CASE("servers are asked for the directory as they see it, whatever their root is called here") {
  ImportSite site;
  CertbotTree certbot;
  const struct {
    std::string root, directory;  // below the test's folder
    std::string line;
    std::size_t found;
  } rows[] = {
      {"host", "host/etc/letsencrypt", "ssl_certificate /etc/letsencrypt/live/a;", 1},
      {"host/", "host/etc/letsencrypt/", "ssl_certificate /etc/letsencrypt/live/a;", 1},
      {"link", "host/etc/letsencrypt", "ssl_certificate /etc/letsencrypt/live/a;", 1},
      {"host", "link/etc/letsencrypt", "ssl_certificate /etc/letsencrypt/live/a;", 1},
      {"host", "to-it/", "ssl_certificate /etc/letsencrypt/live/a;", 1},
      // Not below the root: known to nobody there.
      {"host", "hostile/etc/letsencrypt", "ssl_certificate /etc/letsencrypt/live/a;", 0},
      {"host", "hostile/etc/letsencrypt", "ssl_certificate ile/etc/letsencrypt/live/a;", 0},
      {"host", "host/etc/letsencrypt", "ssl_certificate /etc/letsencrypt2/live/a;", 0},
  };
  for (const char* const host : {"host", "hostile"})
    site.tree.make_folder(std::string(host) + "/etc/letsencrypt/renewal");
  site.tree.link("link", "host");
  site.tree.link("to-it", "host/etc/letsencrypt");
  for (const auto& [root, directory, line, found] : rows) {
    CAPTURE(root);
    CAPTURE(directory);
    site.tree.write("host/etc/nginx/nginx.conf", line);
    ImportRequest request = site.request("certbot", site.tree / directory);
    request.root = site.tree / root;
    CHECK(import_client(site.host, request).references.size() == found);
  }
  // As the host itself writes it, where that is a link.
  site.tree.link("host/etc/certs", "letsencrypt");
  site.tree.write("host/etc/nginx/nginx.conf", "ssl_certificate /etc/certs/live/a;");
  ImportRequest request = site.request("certbot", site.tree / "host/etc/certs/");
  request.root = site.tree / "host";
  CHECK(import_client(site.host, request).references.size() == 1);
  request.root = site.tree / "nowhere";
  CHECK(judge::fault_of([&] { import_client(site.host, request); }) == base::Fault::not_found);
}

}  // namespace
}  // namespace everseal::reconcile
