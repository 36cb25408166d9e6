// What an authority goes on with while the config says something wrong about it.
#include "base/error.h"
#include "contains.h"
#include "error_of.h"
#include "inventory/authorities.h"
#include "inventory/config_files.h"
#include "pki/crl.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "reconcile/doctor.h"
#include "reconcile/plan.h"
#include "reconcile/recover.h"
#include "reconcile/site.h"
#include "reconcile/verbs/ca_crl.h"
#include "reconcile/verbs/ca_sign.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/revoke.h"

#include <functional>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;
using std::chrono::days;

const Name kCorporate = Name::parse("corp");

struct CorpSite : Site {
  void say(const std::string& table) const { std::ofstream(root.path() + "/config/conf.d/corp.toml") << table; }
  std::string publication(std::string_view name = "web") const {
    return fmt::format(
        "[authority.corp.publish.{}]\ntype = \"files\"\ndirectory = \"{}/scratch\"\ncontents = [\"crl\"]\n", name,
        root.path());
  }
  std::string place(int line) const { return fmt::format("{}/config/conf.d/corp.toml:{}: ", root.path(), line); }
  std::string published() const { return root.path() + "/scratch/crl.der"; }
  pki::Crl crl() const { return pki::Crl::parse(base::read_file(host.state + "/authorities/corp/crl.der", 1 << 20)); }
  inventory::Store store() const { return inventory::Store::open(host.state, sql::Access::read_write, now); }

  std::optional<base::Error> refusal() const {
    const base::Bytes csr = pki::make_csr({{}, {pki::Identifier::parse("a.example.org")}},
                                          pki::PrivateKey::generate(pki::KeyType::ecdsa_p256));
    const CaSignRequest wanted{
        .authority = kCorporate, .profile = Name::parse("server"), .lifetime = {}, .count = 1, .csr = [&](std::size_t) {
          return csr;
        }};
    return refusal_of_signing(host, wanted);
  }
  std::optional<base::Fault> sign() const {
    const auto error = refusal();
    return error ? std::optional(error->fault()) : std::nullopt;
  }

  bool is_told() const {
    const auto complaints = examine(host);
    const auto planned = reconcile::plan(host, {});
    return std::ranges::any_of(
               complaints, [](const Complaint& one) { return one.what.find("authority.corp") != std::string::npos; }) &&
           std::ranges::any_of(planned, [](const PlannedSubject& one) {
             return one.subject == "authority/corp" &&
                    std::ranges::find(one.standing, plan::Rule::unreadable, &plan::Reason::rule) != one.standing.end();
           });
  }
};

TEST_SUITE("settings") {
  TEST_CASE("an authority whose table was never right signs CRLs and revokes, and signs no certificate") {
    const std::string wrong[] = {
        "[authority.corp]\ncrl_lifetime = 5\n",
        "[authority.corp]\nallow = [\"**\"]\n",
        "[authority.corp]\nfree_beer = true\n",
        "[authority.corp.publish.web]\ntype = \"carrier-pigeon\"\n",
        "[authority.corp.publish.web]\ntype = \"files\"\n",
        "[authority.corp]\npublish = 5\n",
        "[authority]\ncorp = 5\n",
        "[authority.corp]\n[authority.corp.publish.web]\ntype = \"files\"\ndirectory = \"tls\"\ncolour = 1\n",
    };
    for (const std::string& table : wrong) {
      CAPTURE(table);
      CorpSite site;
      REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
      site.say(table);
      const auto first = site.crl().number;
      CHECK(renew(site.host, {}).exit_code() == 1);
      CHECK(site.is_told());
      CHECK(site.sign() == base::Fault::config);
      site.now += days(4);
      CHECK(renew(site.host, {}).exit_code() != 0);
      CHECK(site.crl().number > first);
      CHECK(site.crl().next_update == site.now + days(7));
      CHECK(site.crl().entries.empty());
      CHECK(revoke(site.host, revocation_of_www()).exit_code() != 0);  // nothing takes its place
      CHECK(site.crl().entries.size() == 1);
      CHECK(site.versions().front().revoked_at);
      CHECK(site.live() == 1);

      site.say("[authority.corp]\ncrl_lifetime = \"3d\"\n");
      site.now += days(1);
      CHECK(renew(site.host, {}).exit_code() == 0);
      CHECK(site.live() == 2);
      CHECK(site.sign() == std::nullopt);
    }
  }

  TEST_CASE("a table in a file that was never right may forbid what is asked, so nothing is signed by it") {
    for (const char* const table :
         {"[authority.corp]\ndeny = [\"a.example.org\"]\nlongest = 30d\n",
          "authority.corp.deny = [\"a.example.org\"]\nx = \n", "[ authority . \"corp\" ]\n="}) {
      CAPTURE(std::string(table));
      CorpSite site;
      site.say(table);
      CHECK(site.sign() == base::Fault::config);
      CHECK(ca_crl(site.host, kCorporate).exit_code() == 0);
    }
    // What does not even spell it stops nothing.
    for (const char* const other : {"[certificate.x]\nidentifiers = [\n", "[authority.other]\n=\n", "corp =\n"}) {
      CAPTURE(std::string(other));
      CorpSite site;
      site.say(other);
      CHECK(site.sign() == std::nullopt);
    }
  }

  TEST_CASE("what was last right of an authority stands in for what is wrong now, policy too") {
    CorpSite site;
    site.say("[authority.corp]\ncrl_lifetime = \"3d\"\nallow = [\"*.example.org\"]\n" + site.publication());
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    REQUIRE(renew(site.host, {}).exit_code() == 0);
    REQUIRE(std::filesystem::exists(site.published()));
    site.say("[authority.corp]\ncrl_lifetime = 5\n" + site.publication());
    for (int day = 0; day < 6; ++day) {
      site.now += days(1);
      CHECK(renew(site.host, {}).exit_code() != 0);
      CHECK(*site.crl().next_update > site.now + days(1));
      CHECK(base::read_file(site.published(), 1 << 20) == site.crl().der);
    }
    CHECK(site.sign() == std::nullopt);
    CHECK(revoke(site.host, revocation_of_www()).outcomes.front().result == Result::done);
    CHECK(site.crl().entries.size() == 1);
    CHECK(base::read_file(site.published(), 1 << 20) == site.crl().der);
  }

  TEST_CASE("a publication that is gone or something else is planned for, and written again by the next run") {
    const struct {
      const char* title;
      std::function<void(const std::string& file)> spoil;
    } rows[] = {
        {"gone", [](const std::string& file) { std::filesystem::remove(file); }},
        {"junk in the file", [](const std::string& file) { std::ofstream(file) << "junk"; }},
        {"another file",
         [](const std::string& file) {
           std::filesystem::remove(file);
           std::ofstream(file) << "junk";
         }},
        {"all of it gone",
         [](const std::string& file) {
           std::filesystem::remove(file);
           std::filesystem::remove_all(std::filesystem::path(file).parent_path() / ".everseal");
         }},
    };
    for (const auto& row : rows) {
      CAPTURE(row.title);
      CorpSite site;
      site.say("[authority.corp]\n" + site.publication());
      REQUIRE(renew(site.host, {}).exit_code() == 0);
      row.spoil(site.published());
      const auto planned = reconcile::plan(site.host, {});
      const auto authority = std::ranges::find(planned, "authority/corp", &PlannedSubject::subject);
      REQUIRE(authority != planned.end());
      REQUIRE_FALSE(authority->steps.empty());
      CHECK(authority->steps.front().why.front().rule == plan::Rule::lost);
      const Verdict verdict = renew(site.host, {});
      CHECK(verdict.exit_code() == 0);
      CHECK_FALSE(verdict.outcomes.empty());
      CHECK(base::read_file(site.published(), 1 << 20) == site.crl().der);
      CHECK(renew(site.host, {}).outcomes.empty());
    }
  }

  TEST_CASE("a reload that fails is not forgotten where what was served before it is what is wanted") {
    CorpSite site;
    site.say("[authority.corp]\n" + site.publication());
    REQUIRE(renew(site.host, {}).exit_code() == 0);
    site.say("[authority.corp]\n" + site.publication() + "reload = [\"/bin/false\"]\n");
    const Verdict verdict = renew(site.host, {});
    CHECK(verdict.exit_code() == 1);
    REQUIRE(verdict.outcomes.size() == 1);
    CHECK(contains(verdict.outcomes.front().text, "the reload failed"));
    const auto planned = reconcile::plan(site.host, {});
    const auto authority = std::ranges::find(planned, "authority/corp", &PlannedSubject::subject);
    REQUIRE(authority != planned.end());
    REQUIRE(authority->steps.size() == 1);
    CHECK(contains(authority->steps.front().why.front().text, "the reload failed"));
    CHECK(base::read_file(site.published(), 1 << 20) == site.crl().der);
    site.say("[authority.corp]\n" + site.publication() + "reload = [\"/bin/true\"]\n");
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(examine(site.host).empty());
  }

  TEST_CASE("nothing that is published is taken away for a table that cannot be read") {
    CorpSite site;
    site.say("[authority.corp]\n" + site.publication());
    REQUIRE(renew(site.host, {}).exit_code() == 0);
    REQUIRE(std::filesystem::exists(site.published()));
    {
      inventory::Store store = site.store();
      store.database().execute("delete from config_file");  // nobody remembers what was right
      store.database().execute("delete from setting where key = 'config.digest'");
    }
    const std::string wrong[] = {
        "[authority.corp]\n" + site.publication() + "colour = 1\n",
        "[authority.corp]\npublish = 5\n",
        "[authority]\ncorp = 5\n",
    };
    for (const std::string& table : wrong) {
      CAPTURE(table);
      site.say(table);
      site.now += days(4);
      CHECK(renew(site.host, {}).exit_code() != 0);
      CHECK(std::filesystem::exists(site.published()));
    }
    site.say("[authority.corp]\n");
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK_FALSE(std::filesystem::exists(site.published()));
  }

  TEST_CASE("a rebuild keeps what was last right of the settings") {
    CorpSite site;
    site.say("[authority.corp]\ncrl_lifetime = \"3d\"\n" + site.publication());
    REQUIRE(renew(site.host, {}).exit_code() == 0);
    site.say("[authority.corp]\ncrl_lifetime = 5\n");
    rebuild(site.host);
    site.now += days(4);
    CHECK(renew(site.host, {}).exit_code() != 0);
    CHECK(site.crl().next_update == site.now + days(3));
    CHECK(base::read_file(site.published(), 1 << 20) == site.crl().der);
  }

  TEST_CASE("what an authority here signed is revoked whatever became of its issuer's table") {
    const std::string later[] = {"", "[issuer.inside]\ntype = \"authority\"\nauthority = \"corp\"\ncolour = 1\n",
                                 "[issuer.inside]\ntype = \"authority\"\n"};
    for (const std::string& table : later) {
      CAPTURE(table);
      CorpSite site;
      site.say("[issuer.inside]\ntype = \"authority\"\nauthority = \"corp\"\n");
      config::Certificate www = site.www();
      www.issuers = {Name::parse("inside")};
      REQUIRE(issue(site.host, {www, Keep::alive, {}}).exit_code() == 0);
      {
        inventory::Store store = site.store();
        store.database().execute("delete from config_file");
        store.database().execute("delete from setting where key = 'config.digest'");
      }
      site.say(table);
      revoke(site.host, revocation_of_www());
      CHECK(site.crl().entries.size() == 1);
      CHECK(site.versions().front().revoked_at);
    }
  }

  TEST_CASE("a profile that was never right is none, whatever is built in under its name") {
    CorpSite site;
    CHECK(site.sign() == std::nullopt);
    site.say(
        "[profile.server]\nusage = [\"serverAuth\"]\nlifetime = \"90d\"\nlongest = \"90d\"\nallow = "
        "[\"*.other.test\"]\ncolour = 1\n");
    CHECK(site.sign() == base::Fault::config);
    CHECK(contains(site.refusal()->message(), "the profile server is not usable: " + site.place(6)));
    site.say(
        "[profile.server]\nusage = [\"serverAuth\"]\nlifetime = \"90d\"\nlongest = \"90d\"\nallow = "
        "[\"*.example.org\"]\n");
    CHECK(site.sign() == std::nullopt);
  }

  TEST_CASE("whoever is refused for a file that was never right hears which one it is") {
    CorpSite site;
    site.say("[profile.browser]\nusage = [\"serverAuth\"]\nallow = [\"server.example.org\"\nx =\n");
    CHECK(site.sign() == base::Fault::config);
    const std::string message = site.refusal()->message();
    CHECK_MESSAGE(contains(message, "the profile server is not usable: its table may stand in a file that is wrong: "),
                  message);
    CHECK_MESSAGE(contains(message, site.place(4)), message);
    site.say("[authority.corp]\nallow = [\n");
    CHECK_MESSAGE(contains(site.refusal()->message(), "its table may stand in a file that is wrong: " + site.place(2)),
                  site.refusal()->message());
    site.say("[profile.server]\nusage = [\"serverAuth\"]\n");
    CHECK(site.sign() == std::nullopt);
  }
}

}  // namespace
