// After an import each name is proved as it was before, or the report says that it is not.
#include "importer/acme_sh.h"
#include "reconcile/import_site.h"

#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <set>

namespace everseal::reconcile {
namespace {

using importer::testing::AcmeShTree;
using namespace testing;

// A site whose CA knows the one account of acme.sh's, and its files.
struct AcmeShSite : ImportSite {
  AcmeShTree client;

  AcmeShSite() {
    register_key(account_key(1));
    client.settings({{"SAVED_CF_Token", "hunter2"}, {"SAVED_PDNS_Url", "http://ns"}, {"SAVED_PDNS_Token", "hunter3"}});
    client.add_account("localhost/directory", account_key(1), {});
  }
  // Each of `names` by its way.
  void add(const std::vector<std::pair<std::string, std::string>>& names, int number) const {
    std::vector<std::string> all, others, ways;
    for (const auto& [name, way] : names) {
      if (!all.empty()) others.push_back(name);
      all.push_back(name);
      ways.push_back(way);
    }
    client.add(fmt::format("c{}", number), Issued(all, number),
               {{"Le_API", ca.directory_url()},
                {"Le_Domain", all.front()},
                {"Le_Alt", others.empty() ? "no" : base::join(others, ",")},
                {"Le_Webroot", base::join(ways, ",")}});
  }
  ImportReport import() const { return ImportSite::import("acme.sh", client.path()); }
};

std::string challenges_of(const config::Config& config) {
  std::vector<std::string> challenges;
  for (const auto& [name, challenge] : config.challenges)
    challenges.push_back(challenge.type + " " + base::join(challenge.zones, " "));
  std::ranges::sort(challenges);
  return base::join(challenges, ", ");
}

// "c1: a.example.org, b.example.org by challenge c1 (http-01, same)"
std::string proofs_of(const ImportReport& report) {
  std::vector<std::string> lines;
  for (const ImportedProof& proof : report.proofs)
    lines.push_back(fmt::format("{}: {} by {} ({}, {})", proof.certificate, base::join(proof.identifiers, ", "),
                                proof.challenge.empty() ? "issuer" : "challenge " + proof.challenge.text(), proof.type,
                                to_string(proof.before)));
  return base::join(lines, " | ");
}

std::string remarks_of(const ImportReport& report) {
  std::string text;
  for (const importer::Remark& remark : report.remarks)
    text += fmt::format("{}: {} ({})\n", remark.subject, remark.text, remark.advice);
  return text;
}

TEST_CASE("a zone of one certificate does not take the names of another") {
  using Proved = std::vector<std::pair<std::string, std::string>>;
  const struct {
    std::vector<Proved> certificates;
    std::string config;      // of the operator
    std::string challenges;  // beside his
    std::string proofs;
    std::string changed;  // a name that is proved otherwise
  } rows[] = {
      {{{{"example.org", "no"}}}, {}, {}, "c1: example.org by issuer (http-01, same)", {}},
      {{{{"example.org", "/srv"}}, {{"mail.example.org", "no"}}},
       {},
       "http-01 example.org, http-01 mail.example.org",
       "c1: example.org by challenge c1 (http-01, same) | c2: mail.example.org by challenge c2 (http-01, same)",
       {}},
      {{{{"mail.example.org", "no"}}, {{"example.org", "/srv"}}},
       {},
       "http-01 example.org, http-01 mail.example.org",
       "c1: mail.example.org by challenge c1 (http-01, same) | c2: example.org by challenge c2 (http-01, same)",
       {}},
      {{{{"*.example.org", "dns_cf"}, {"crlf.example.org", "no"}, {"example.org", "/srv"}}},
       {},
       "dns-01 example.org, http-01 crlf.example.org, http-01 example.org",
       "c1: *.example.org by challenge c1-2 (dns-01, same) | c1: crlf.example.org by challenge c1-3 (http-01, same) | "
       "c1: example.org by challenge c1 (http-01, same)",
       {}},
      // One way is one challenge, whoever has it.
      {{{{"a.example.org", "dns_cf"}}, {{"b.example.org", "dns_cf"}}, {{"c.b.example.org", "dns_cf"}}},
       {},
       "dns-01 a.example.org b.example.org",
       "c1: a.example.org by challenge c1 (dns-01, same) | c2: b.example.org by challenge c1 (dns-01, same) | "
       "c3: c.b.example.org by challenge c1 (dns-01, same)",
       {}},
      // Two ways for one name are one too many.
      {{{{"example.org", "/srv/a"}}, {{"example.org", "/srv/b"}}},
       {},
       "http-01 example.org",
       "c1: example.org by challenge c1 (http-01, same) | c2: example.org by challenge c1 (http-01, other)",
       "example.org was proved by http-01, port = 80, webroot = /srv/b; here [challenge.c1] is tried"},
      {{{{"*.example.org", "dns_cf"}}, {{"example.org", "dns_pdns"}}},
       {},
       "dns-01 example.org",
       "c1: *.example.org by challenge c1 (dns-01, same) | c2: example.org by challenge c1 (dns-01, other)",
       "example.org was proved by dns-01, provider = powerdns"},
      // Above the names the operator's own zone gives way, at the very name it does not.
      {{{{"www.example.org", "no"}}},
       "[challenge.ours]\ntype = \"http-01\"\nzones = [\"example.org\"]\nwebroot = \"/ours\"\n",
       "http-01 www.example.org",
       "c1: www.example.org by challenge c1 (http-01, same)",
       {}},
      {{{{"www.example.org", "no"}}},
       "[challenge.ours]\ntype = \"http-01\"\nzones = [\"www.example.org\"]\nwebroot = \"/ours\"\n",
       {},
       "c1: www.example.org by challenge ours (http-01, other)",
       "www.example.org was proved by http-01, port = 80; here [challenge.ours] is tried"},
      {{{{"www.example.org", "/ours"}}},
       "[challenge.ours]\ntype = \"http-01\"\nzones = [\"example.org\"]\nwebroot = \"/ours\"\n",
       {},
       "c1: www.example.org by challenge ours (http-01, same)",
       {}},
      // What cannot be translated may be taken by others' zones; the report says by which.
      {{{{"example.org", "/srv"}, {"www.example.org", "apache"}}},
       {},
       "http-01 example.org",
       "c1: example.org by challenge c1 (http-01, same) | c1: www.example.org by challenge c1 (http-01, unknown)",
       {}},
      {{{{"192.0.2.7", "/srv"}, {"example.org", "/srv"}}},
       {},
       "http-01 example.org",
       "c1: 192.0.2.7 by issuer (http-01, other) | c1: example.org by challenge c1 (http-01, same)",
       "192.0.2.7 was proved by http-01, port = 80, webroot = /srv; here the way of its issuer is tried"},
      {{{{"*.example.org", "/srv"}}}, {}, {}, "c1: *.example.org by issuer (, other)", "nothing here proves it"},
  };
  for (const auto& [certificates, config, challenges, proofs, changed] : rows) {
    CAPTURE(proofs);
    AcmeShSite site;
    site.configure(config);
    const std::string before = challenges_of(site.config());
    int number = 0;
    for (const Proved& names : certificates) site.add(names, ++number);
    // Again, too: then all of it is the operator's.
    for (int i = 0; i < 2; ++i) {
      const ImportReport report = site.import();
      CHECK_MESSAGE(report.verdict.exit_code() == 0, texts_of(report));
      CHECK(proofs_of(report) == proofs);
      CHECK(challenges_of(site.config()) == before + (before.empty() || challenges.empty() ? "" : ", ") + challenges);
      const std::string remarks = remarks_of(report);
      CHECK(judge::contains(remarks, "was proved by http-01") + judge::contains(remarks, "was proved by dns-01") ==
            (changed.empty() ? 0 : 1));
      CHECK_MESSAGE(judge::contains(remarks, changed), remarks);
      CHECK_FALSE(judge::contains(remarks, "hunter"));
    }
  }
}

TEST_CASE("a zone that is added does not take the names of certificates that are here") {
  const AcmeShSite site;
  const std::string certificates =
      "[certificate.api]\nidentifiers = [\"api.example.org\", \"www.example.org\"]\nissuer = \"here\"\n"
      "[certificate.db]\nidentifiers = [\"db.example.net\", \"sub.db.example.net\"]\nissuer = \"here\"\n"
      "[challenge.ours]\ntype = \"http-01\"\nzones = [\"example.net\"]\nwebroot = \"/ours\"\n";
  site.configure(site.issuer("here") + "webroot = \"/here\"\n" + certificates);
  site.add({{"example.org", "/srv"}, {"www.example.org", "/srv"}, {"db.example.net", "/srv"}}, 1);
  const ImportReport report = site.import();
  REQUIRE_MESSAGE(report.verdict.exit_code() == 0, texts_of(report));
  CHECK(challenges_of(site.config()) ==
        "http-01 api.example.org, http-01 example.net, http-01 example.org db.example.net");
  for (const auto& [name, challenge] : site.config().challenges)
    if (challenge.zones.front() == "api.example.org") CHECK(challenge.options.string("webroot") == "/here");
  // Where one name is wanted in two ways, and where a challenge of the operator's would have to be written again.
  const std::string remarks = remarks_of(report);
  CHECK(judge::contains(remarks, "api: www.example.org was proved by http-01, port = 80, webroot = /here; here [chal"));
  CHECK(judge::contains(remarks, "db: db.example.net was proved by http-01, port = 80, webroot = /ours; here [chal"));
  CHECK(judge::contains(remarks, "db: sub.db.example.net was proved by http-01, port = 80, webroot = /ours; here ["));
  CHECK_FALSE(judge::contains(remarks, "api: api.example.org"));
  // The report tells of what was imported.
  for (const ImportedProof& proof : report.proofs) CHECK(proof.certificate.text() == "c1");
}

TEST_CASE("a webroot of certbot's does not take a name that stands alone") {
  const CertbotSite site;
  site.certbot.add("example.test", Issued({"example.test"}, 1),
                   "authenticator = webroot\nwebroot_path = /srv,\n[[webroot_map]]\nexample.test = /srv\n");
  site.certbot.add("mail.example.test", Issued({"mail.example.test"}, 2), "authenticator = standalone\n");
  const ImportReport report = site.import();
  CHECK(proofs_of(report) ==
        "example.test: example.test by challenge example.test (http-01, same) | "
        "mail.example.test: mail.example.test by challenge mail.example.test (http-01, same)");
  CHECK(site.config().challenges.at(Name::parse("mail.example.test")).options.string("webroot").empty());
}

TEST_CASE("a webroot whose answers would go through a link is told") {
  const struct {
    const char *link, *target;  // below the webroot
    const char* told;           // nullptr: nothing
  } rows[] = {
      {".well-known", "elsewhere", "/.well-known is a link"},
      {".well-known/acme-challenge", "../elsewhere", "/.well-known/acme-challenge is a link"},
      {".well-known/acme-challenge", "/nowhere", "/.well-known/acme-challenge is a link"},
      {".well-known/other", "../elsewhere", nullptr},
  };
  for (const auto& [link, target, told] : rows) {
    CAPTURE(link);
    AcmeShSite site;
    site.tree.make_folder("www/elsewhere");
    site.tree.link(std::string("www/") + link, target);
    site.add({{"example.org", site.tree / "www"}, {"www.example.org", site.tree / "www"}}, 1);
    const std::string remarks = remarks_of(site.import());
    const std::size_t first = remarks.find(" is a link");
    CHECK((first != std::string::npos) == (told != nullptr));
    if (told != nullptr) CHECK_MESSAGE(judge::contains(remarks, told), remarks);
    CHECK(remarks.find(" is a link", first + (told != nullptr)) == std::string::npos);
  }
}

// What a [challenge.NAME] does, in the words of acme.sh.
std::string way_of(const config::Challenge& challenge) {
  if (challenge.type == "tls-alpn-01") return "alpn";
  if (challenge.type == "http-01") {
    const std::string webroot = challenge.options.string("webroot");
    return webroot.empty() ? "no" : webroot;
  }
  const std::string secret = challenge.provider == "cloudflare" ? "token_file" : "key_file";
  const std::string token(base::read_secret_file(challenge.provider_options.string(secret)).reveal_text());
  return challenge.provider == "cloudflare" && token == "hunter2" ? "dns_cf"
         : challenge.provider == "powerdns" && token == "hunter3" ? "dns_pdns"
                                                                  : "another";
}

// The rule once more: the longest zone; in one zone what proves no wildcards, then by name; else stand-alone.
std::string tried_for(const config::Config& config, const std::string& name) {
  const bool is_wildcard = name.starts_with("*.");
  const std::string plain = is_wildcard ? name.substr(2) : name;
  std::optional<std::tuple<std::size_t, bool>> best;
  std::string way = is_wildcard ? "nothing" : "no";
  for (const auto& [key, challenge] : config.challenges)
    for (const std::string& zone : challenge.zones) {
      const bool is_dns = challenge.type.starts_with("dns-");
      if (plain != zone && !plain.ends_with("." + zone)) continue;
      if (is_wildcard && !is_dns) continue;
      const std::tuple rank(zone.size(), !is_dns);
      if (best && *best >= rank) continue;
      best = rank;
      way = way_of(challenge);
    }
  return way;
}

TEST_CASE("whatever an import finds, each name is proved as before, or the report says that it is not") {
  const std::vector<std::string> pool{"example.org",     "a.example.org",     "b.a.example.org", "*.example.org",
                                      "*.a.example.org", "c.b.a.example.org", "example.net"};
  const std::vector<std::string> any{"no", "alpn", "/srv/1", "/srv/2", "dns_cf", "dns_pdns"};
  const std::vector<std::string> operators{
      "", "", "[challenge.m]\ntype = \"http-01\"\nwebroot = \"/srv/1\"\nzones = [\"{}\"]\n",
      "[challenge.a]\ntype = \"tls-alpn-01\"\nzones = [\"{}\"]\n",
      "[challenge.z]\ntype = \"http-01\"\nzones = [\"{}\"]\n"};
  std::size_t kept = 0, told = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
    AcmeShSite site;
    const std::string& theirs = operators[below(operators.size())];
    if (!theirs.empty())
      site.configure(fmt::format(fmt::runtime(theirs), pool[std::array{0UL, 1UL, 2UL, 5UL}[below(4)]]));
    std::map<std::pair<std::string, std::string>, std::string> wanted;  // by certificate and name
    for (int number = 1; number <= static_cast<int>(1 + below(4)); ++number) {
      std::map<std::string, std::string> names;
      while (names.size() < 1 + below(3)) {
        const std::string& name = pool[below(pool.size())];
        names[name] = any[name.starts_with("*.") ? 4 + below(2) : below(any.size())];
      }
      site.add({names.begin(), names.end()}, number);
      for (const auto& [name, way] : names) wanted[{fmt::format("c{}", number), name}] = way;
    }
    const ImportReport report = site.import();
    REQUIRE_MESSAGE(report.verdict.exit_code() == 0, texts_of(report));
    const config::Config config = site.config();
    const std::string remarks = remarks_of(report);
    std::size_t said = 0;
    for (const ImportedProof& proof : report.proofs)
      for (const std::string& name : proof.identifiers) {
        ++said;
        const std::string& way = wanted.at({proof.certificate.text(), name});
        const bool is_same = tried_for(config, name) == way;
        CAPTURE(name);
        CAPTURE(way);
        CHECK(proof.before == (is_same ? ImportedProof::Before::same : ImportedProof::Before::other));
        CHECK(judge::contains(remarks, fmt::format("{}: {} was proved by ", proof.certificate, name)) == !is_same);
        ++(is_same ? kept : told);
        if (is_same) continue;
        // Only where the name is wanted in two ways, or the operator has its very zone.
        std::set<std::string> ways;
        const std::string plain = name.starts_with("*.") ? name.substr(2) : name;
        for (const auto& [key, one] : wanted)
          if (key.second == plain || key.second == "*." + plain) ways.insert(one);
        CHECK((ways.size() > 1 || judge::contains(base::as_text(base::read_file(*site.host.files.main, 1 << 20)),
                                                  fmt::format("\"{}\"", plain))));
      }
    CHECK(said == wanted.size());
  }
  CHECK(kept > 5 * told);
  CHECK(told > 0);
}

TEST_CASE("thousands of webroots in one file are neither written nor waited for") {
  const CertbotSite site;
  std::string map;
  for (int i = 0; i < 45'000; ++i) map += fmt::format("{}.a.b = /{}\n", i, i);
  site.certbot.add("few.example.org", Issued({"few.example.org"}, 1),
                   "authenticator = webroot\n[[webroot_map]]\nfew.example.org = /srv\n" + map);
  std::vector<std::string> names;
  map.clear();
  for (int i = 0; i < 2'000; ++i) {
    names.push_back(fmt::format("{}.example.org", i));
    map += fmt::format("{}.example.org = /{}\n", i, i);
  }
  site.certbot.add("many.example.org", Issued(names, 2), "authenticator = webroot\n[[webroot_map]]\n" + map);
  const auto begun = std::chrono::steady_clock::now();
  const ImportReport report = site.import();
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(20));
  CHECK_MESSAGE(report.verdict.exit_code() == 0, texts_of(report));
  CHECK(challenges_of(site.config()) == "http-01 few.example.org");
  CHECK_MESSAGE(judge::contains(remarks_of(report), "was proved in 2000 ways; more than 100 are not taken over"),
                remarks_of(report).substr(0, 500));
}

}  // namespace
}  // namespace everseal::reconcile
