// What the DNS says of a name, and whether the next renewal will be let.
#include "audit/names.h"

#include "audit/world.h"
#include "pki/digest.h"
#include "pki/sha512.h"

#include <string>
#include <vector>

namespace {

using namespace everseal;
using namespace everseal::audit;
using namespace everseal::audit::testing;
using dns::Validation;

dns::Observed healthy(std::vector<dns::CaaRecord> caa = {}) {
  dns::Observed seen;
  seen.name = "www.example.org";
  seen.zone = "example.org";
  seen.validation = Validation::secure;
  seen.caa = dns::Caa{caa.empty() ? "" : "example.org", std::move(caa), {}};
  return seen;
}

Renewing renewing() {
  return {.issuer = "le",
          .identities = {"letsencrypt.org"},
          .directory_host = "acme-v02.api.letsencrypt.org",
          .account = "https://acme.example/acct/7",
          .method = "dns-01"};
}

Names of(const dns::Observed& seen, const std::vector<Renewing>& issuers = {renewing()},
         const std::string& place = "www.example.org") {
  return names_of(judge_name(place, seen, issuers, {}));
}

dns::CaaRecord issue_record(std::string value) { return {false, "issue", std::move(value)}; }

}  // namespace

TEST_CASE("CAA records that let the CA issue are silent") {
  const std::vector<std::vector<dns::CaaRecord>> accepts{
      {},
      {issue_record("letsencrypt.org")},
      {issue_record("LetsEncrypt.org.")},
      {issue_record(" letsencrypt.org ; ")},
      {issue_record("other.example"), issue_record("letsencrypt.org")},
      {issue_record("letsencrypt.org; accounturi=https://acme.example/acct/7")},
      {issue_record("letsencrypt.org;accounturi=https://acme.example/acct/7;validationmethods=http-01,dns-01")},
      {issue_record("letsencrypt.org; validationmethods=dns-01")},
      {issue_record("letsencrypt.org; validationmethods=http-01"), issue_record("letsencrypt.org")},
      {issue_record("letsencrypt.org; accounturi=https://acme.example/acct/1"),
       issue_record("letsencrypt.org; accounturi=https://acme.example/acct/7")},
      {issue_record("letsencrypt.org; something=else")},
      {{false, "iodef", "mailto:ca@example.org"}},
      {{true, "iodef", "mailto:ca@example.org"}},
      {{false, "unheard-of", "x"}},
      {{false, "issuewild", ";"}},
      {{true, "issue", "letsencrypt.org"}},
  };
  for (const auto& caa : accepts) {
    CAPTURE(caa.empty() ? std::string() : caa.front().value);
    CHECK(of(healthy(caa)).empty());
  }
  CHECK(of(healthy({issue_record(";"), {false, "issuewild", "letsencrypt.org"}}), {renewing()}, "*.www.example.org")
            .empty());
  CHECK(of(healthy({issue_record("letsencrypt.org")}), {renewing()}, "*.www.example.org").empty());
}

TEST_CASE("CAA records that forbid the next renewal are found, each by its rule") {
  struct Row {
    std::vector<dns::CaaRecord> caa;
    const char* rule;
  };
  const std::vector<Row> rejects{
      {{issue_record(";")}, "caa-issuer error"},
      {{issue_record("")}, "caa-issuer error"},
      {{issue_record("other.example")}, "caa-issuer error"},
      {{issue_record("notletsencrypt.org")}, "caa-issuer error"},
      {{issue_record("letsencrypt.org; broken")}, "caa-issuer error"},
      {{issue_record("letsencrypt.org; accounturi=https://acme.example/acct/8")}, "caa-account error"},
      {{issue_record("letsencrypt.org; accounturi=https://acme.example/acct/77")}, "caa-account error"},
      {{issue_record("letsencrypt.org; accounturi=https://acme.example/acct/7; accounturi=https://x")},
       "caa-account error"},
      {{issue_record("letsencrypt.org; validationmethods=http-01")}, "caa-method error"},
      {{issue_record("letsencrypt.org; validationmethods=dns-01x,xdns-01")}, "caa-method error"},
      {{issue_record("letsencrypt.org; validationmethods=")}, "caa-method error"},
      {{issue_record("letsencrypt.org; accounturi=https://acme.example/acct/7; validationmethods=http-01"),
        issue_record("letsencrypt.org; accounturi=https://acme.example/acct/8; validationmethods=dns-01")},
       "caa-method error"},
      {{issue_record("letsencrypt.org"), {true, "unheard-of", "x"}}, "caa-critical error"},
  };
  for (const Row& row : rejects) {
    CAPTURE(row.caa.front().value);
    CHECK(of(healthy(row.caa)) == Names{row.rule});
  }
  CHECK(of(healthy({issue_record("letsencrypt.org"), {false, "issuewild", ";"}}), {renewing()}, "*.www.example.org") ==
        Names{"caa-issuer error"});
  Renewing second = renewing();
  second.is_first = false;
  CHECK(of(healthy({issue_record(";")}), {second}) == Names{"caa-issuer warning"});
  Renewing without_account = renewing();
  without_account.account.clear();
  CHECK(of(healthy({issue_record("letsencrypt.org; accounturi=https://acme.example/acct/7")}), {without_account}) ==
        Names{"caa-account error"});
}

TEST_CASE("a CA that never said its name is known by its directory, and else not judged") {
  Renewing unknown = renewing();
  unknown.identities.clear();
  CHECK(of(healthy({issue_record("letsencrypt.org")}), {unknown}).empty());
  CHECK(of(healthy({issue_record("letsencrypt.org; validationmethods=http-01")}), {unknown}) ==
        Names{"caa-method error"});
  CHECK(of(healthy({issue_record("other.example")}), {unknown}).empty());
  CHECK(of(healthy({issue_record(";")}), {unknown}) == Names{"caa-issuer error"});
}

TEST_CASE("names whose answers do not verify or do not come are told once") {
  dns::Observed bogus = healthy({issue_record(";")});
  bogus.validation = Validation::bogus;
  bogus.caa->failed_at = "www.example.org";
  bogus.challenge_validation = Validation::bogus;
  CHECK(of(bogus) == Names{"dnssec-bogus error"});
  dns::Observed failing = healthy();
  failing.validation = Validation::failing;
  CHECK(of(failing) == Names{"dns-failing error"});
  dns::Observed no_caa = healthy();
  no_caa.caa->failed_at = "example.org";
  CHECK(of(no_caa) == Names{"dns-failing error"});
  dns::Observed no_challenge = healthy();
  no_challenge.challenge_validation = Validation::bogus;
  CHECK(of(no_challenge) == Names{"dnssec-bogus error"});
  for (const Validation well : {Validation::secure, Validation::insecure}) {
    dns::Observed seen = healthy();
    seen.validation = well;
    seen.challenge_validation = well;
    CHECK(of(seen).empty());
  }
}

TEST_CASE("an alias of the challenge into a zone that is not there is found, one into a zone that is there is not") {
  dns::Observed seen = healthy();
  seen.challenge_validation = Validation::insecure;
  for (const char* const zone : {"example.org", "acme-dns.example.net", "example.co.uk"}) {
    CAPTURE(zone);
    seen.challenge = dns::Alias{std::string("x.") + zone, zone, Validation::insecure};
    CHECK(of(seen).empty());
  }
  for (const char* const zone : {"org", "net", ""}) {
    CAPTURE(zone);
    seen.challenge = dns::Alias{std::string("x.gone.") + zone, zone, Validation::insecure};
    CHECK(of(seen) == Names{"challenge-dangling error"});
  }
  // A network with a zone of one label has that one.
  seen.zone = "corp";
  seen.challenge = dns::Alias{"x.corp", "corp", Validation::insecure};
  CHECK(of(seen).empty());
}

TEST_CASE("TLSA records are held against what is served") {
  const World& own = world();
  const std::vector<pki::Certificate> chain{own.leaf, own.issuing.certificate};
  const auto bytes = [](const auto& digest) { return base::Bytes(digest.begin(), digest.end()); };
  const auto names = [&](std::vector<dns::TlsaRecord> records, Validation validation = Validation::secure) {
    return names_of(judge_tlsa("_25._tcp.mx.example.org", {std::move(records), validation}, {chain}, {}));
  };
  const base::Bytes key = bytes(pki::sha256(own.leaf.public_key_info()));
  const base::Bytes issuer_key = bytes(pki::sha256(own.issuing.certificate.public_key_info()));
  const base::Bytes other(32, 1);
  CHECK(names({}).empty());
  CHECK(names({{3, 1, 1, key}}).empty());
  CHECK(names({{3, 1, 1, other}, {3, 1, 1, key}}).empty());
  CHECK(names({{3, 0, 1, bytes(pki::sha256(own.leaf.der()))}}).empty());
  CHECK(names({{3, 1, 2, bytes(pki::sha512(own.leaf.public_key_info()))}}).empty());
  CHECK(names({{3, 0, 0, own.leaf.der()}}).empty());
  CHECK(names({{2, 1, 1, issuer_key}}).empty());
  CHECK(names({{3, 1, 1, other}}) == Names{"tlsa-mismatch error"});
  CHECK(names({{3, 1, 1, issuer_key}}) == Names{"tlsa-mismatch error"});
  CHECK(names({{2, 1, 1, key}}) == Names{"tlsa-mismatch error"});
  CHECK(names({{3, 0, 1, key}}) == Names{"tlsa-mismatch error"});
  CHECK(names({{3, 1, 2, key}}) == Names{"tlsa-mismatch error"});
  CHECK(names({{1, 1, 1, key}}) == Names{"tlsa-unused notice"});
  CHECK(names({{3, 2, 1, key}}) == Names{"tlsa-unused notice"});
  CHECK(names({{3, 1, 1, other}}, Validation::insecure) == Names{"tlsa-unused notice"});
  CHECK(names({}, Validation::insecure).empty());
  CHECK(names({}, Validation::bogus) == Names{"dnssec-bogus error"});
}
