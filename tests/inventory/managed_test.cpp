#include "inventory/managed.h"

#include "inventory/certificates.h"
#include "inventory/events.h"
#include "inventory/subjects.h"
#include "inventory/support.h"

using namespace everseal;
using namespace everseal::inventory;
using base::Fault;

namespace {

ManagedRecord wanted(std::string_view name, const std::string& hash = "h1", const std::string& origin = "a.toml:1") {
  ManagedRecord record;
  record.name = named(name);
  record.spec = "{}";
  record.spec_hash = hash;
  record.origin = origin;
  return record;
}

std::vector<std::string> actions_told(Store& store) {
  std::vector<std::string> found;
  Events(store).each({}, [&](const EventRecord& event) { found.push_back(event.action + " " + event.subject); });
  return found;
}

std::vector<std::string> names_of(const std::vector<ManagedRecord>& records) {
  std::vector<std::string> names;
  for (const auto& record : records) names.push_back(record.name.text());
  return names;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("the config's list is taken whole: added, changed, orphaned, taken back") {
  TestState test;
  Managed managed(test.store);
  const std::vector first{wanted("a"), wanted("b"), wanted("c")};
  managed.replace_all(first, kNow);
  CHECK(names_of(managed.all()) == Strings{"a", "b", "c"});
  CHECK(actions_told(test.store).size() == 3);

  Subjects subjects(test.store);
  for (const char* name : {"a", "b", "c"}) subjects.rest(certificate_subject(named(name)), kNow + 100 * kDay);
  managed.set_pinned(named("b"), 4);
  const std::vector second{wanted("a"), wanted("b", "h2"), wanted("d")};
  managed.replace_all(second, kNow + kDay);
  CHECK(subjects.look_again(certificate_subject(named("a"))) == kNow + 100 * kDay);
  CHECK(subjects.look_again(certificate_subject(named("b"))) <= kNow + kDay);
  CHECK(managed.find(named("b"))->pinned == 4);
  CHECK(managed.find(named("b"))->spec_hash == "h2");
  CHECK(managed.find(named("c"))->orphaned);
  CHECK(actions_told(test.store) == Strings{"certificate.managed certificate/a", "certificate.managed certificate/b",
                                       "certificate.managed certificate/c", "certificate.reconfigured certificate/b",
                                       "certificate.managed certificate/d", "certificate.orphaned certificate/c"});

  managed.replace_all(second, kNow + 2 * kDay);
  CHECK(actions_told(test.store).size() == 6);
  managed.replace_all(first, kNow + 3 * kDay);
  CHECK_FALSE(managed.find(named("c"))->orphaned);
  CHECK(subjects.look_again(certificate_subject(named("c"))) <= kNow + 3 * kDay);
  CHECK(actions_told(test.store).size() == 9);  // b changed back, c readopted, d orphaned
}

TEST_CASE("what stays is not orphaned though the list lacks it, and what changed is told by name") {
  TestState test;
  Managed managed(test.store);
  CHECK(managed.replace_all(std::vector{wanted("a", "h", "a.toml:1"), wanted("b", "h", "b.toml:1")}, kNow) ==
        std::vector{named("a"), named("b")});
  const auto stays = [](const Name&, std::string_view origin) { return origin.starts_with("a.toml"); };
  CHECK(managed.replace_all(std::vector{wanted("c")}, kNow, stays) == std::vector{named("c")});
  CHECK_FALSE(managed.find(named("a"))->orphaned);
  CHECK(managed.find(named("b"))->orphaned);
  CHECK(managed.replace_all(std::vector{wanted("b", "h", "b.toml:1"), wanted("c")}, kNow, stays) ==
        std::vector{named("b")});
}

TEST_CASE("a certificate that moves to another file is not decided anew") {
  TestState test;
  Managed managed(test.store);
  managed.replace_all(std::vector{wanted("a", "h", "a.toml:1")}, kNow);
  Subjects subjects(test.store);
  subjects.rest(certificate_subject(named("a")), kNow + kDay);
  managed.replace_all(std::vector{wanted("a", "h", "b.toml:7")}, kNow);
  CHECK(managed.find(named("a"))->origin == "b.toml:7");
  CHECK(subjects.look_again(certificate_subject(named("a"))) == kNow + kDay);
  CHECK(actions_told(test.store).size() == 1);
}

TEST_CASE("what was issued once is never orphaned") {
  TestState test;
  Managed managed(test.store);
  managed.put(wanted("once", "h", "once"));
  managed.replace_all({}, kNow);
  CHECK_FALSE(managed.find(named("once"))->orphaned);
}

TEST_CASE("a managed certificate comes back as it was put") {
  TestState test;
  ManagedRecord record = wanted("a");
  record.environment = "prod";
  record.key_owner = KeyOwner::external;
  record.pinned = 3;
  record.spec = R"({"x":"y"})";
  Managed(test.store).put(record);
  const auto found = Managed(test.store).find(named("a"));
  REQUIRE(found);
  CHECK(found->spec == record.spec);
  CHECK(found->environment == "prod");
  CHECK(found->key_owner == KeyOwner::external);
  CHECK(found->pinned == 3);
  CHECK(Subjects(test.store).look_again(certificate_subject(named("a"))) == Time{});
  Managed(test.store).set_pinned(named("a"), std::nullopt);
  CHECK_FALSE(Managed(test.store).find(named("a"))->pinned);
  CHECK_FALSE(Managed(test.store).find(named("b")));
}

TEST_CASE("a version comes back as it was put") {
  TestState test;
  Managed(test.store).put(wanted("www"));
  const auto certificate = add_certificate(test.store, {});
  VersionRecord version;
  version.name = named("www");
  version.number = 1;
  version.state = VersionState::issued;
  version.issuer = named("internal");
  version.spec_hash = "abc";
  version.certificate = certificate.fingerprint();
  version.chain = {pki::fingerprint(base::as_bytes("1")), pki::fingerprint(base::as_bytes("2"))};
  version.not_before = kNow;
  version.not_after = kNow + kDay;
  version.renew_at = kNow + base::Seconds(5);
  version.created = kNow - base::Seconds(5);
  version.has_key = false;
  version.imported_from = "/etc/letsencrypt";
  Versions versions(test.store);
  versions.put(version);
  const auto found = versions.find(named("www"), 1);
  REQUIRE(found);
  CHECK(found->state == VersionState::issued);
  CHECK(found->issuer == version.issuer);
  CHECK(found->spec_hash == "abc");
  CHECK(found->certificate == version.certificate);
  CHECK(found->chain == version.chain);
  CHECK(found->not_before == version.not_before);
  CHECK(found->not_after == version.not_after);
  CHECK(found->renew_at == version.renew_at);
  CHECK(found->created == version.created);
  CHECK_FALSE(found->has_key);
  CHECK(found->imported_from == "/etc/letsencrypt");
  CHECK_FALSE(found->revoked_at);
  CHECK(versions.by_certificate(certificate.fingerprint())->number == 1);
  CHECK_FALSE(versions.by_certificate(pki::Fingerprint{}));
}

TEST_CASE("a version without a certificate yet, and one of something unknown") {
  TestState test;
  Managed(test.store).put(wanted("www"));
  Versions versions(test.store);
  VersionRecord version;
  version.name = named("www");
  version.number = 1;
  versions.put(version);
  CHECK_FALSE(versions.find(named("www"), 1)->certificate);
  CHECK(versions.find(named("www"), 1)->chain.empty());
  version.certificate = pki::fingerprint(base::as_bytes("never added"));
  CHECK(error_of([&] { versions.put(version); }).fault() == Fault::exists);
  version.certificate.reset();
  version.name = named("none");
  CHECK(error_of([&] { versions.put(version); }).fault() == Fault::exists);
}

TEST_CASE("one version at most is live") {
  TestState test;
  Managed(test.store).put(wanted("www"));
  Versions versions(test.store);
  CHECK(versions.next_number(named("www")) == 1);
  for (int number = 1; number <= 3; ++number) {
    VersionRecord version;
    version.name = named("www");
    version.number = number;
    version.state = VersionState::issued;
    versions.put(version);
  }
  CHECK(versions.next_number(named("www")) == 4);
  CHECK_FALSE(versions.live(named("www")));
  versions.set_live(named("www"), 1);
  versions.set_live(named("www"), 2);
  versions.set_live(named("www"), 2);
  CHECK(versions.live(named("www"))->number == 2);
  std::vector<VersionState> states;
  for (const auto& version : versions.of(named("www"))) states.push_back(version.state);
  CHECK(states == std::vector{VersionState::retired, VersionState::live, VersionState::issued});
  versions.set_live(named("www"), 1);  // a rollback
  CHECK(versions.live(named("www"))->number == 1);
  CHECK(versions.find(named("www"), 2)->state == VersionState::retired);
  CHECK(error_of([&] { versions.set_live(named("www"), 9); }).fault() == Fault::not_found);
  CHECK(versions.live(named("www"))->number == 1);

  VersionRecord second_live = *versions.find(named("www"), 3);
  second_live.state = VersionState::live;
  CHECK(error_of([&] { versions.put(second_live); }).fault() == Fault::exists);
}

TEST_CASE("a version that is put back cannot undo a revocation") {
  TestState test;
  Managed(test.store).put(wanted("www"));
  const auto certificate = add_certificate(test.store, {});
  Versions versions(test.store);
  VersionRecord version;
  version.name = named("www");
  version.number = 1;
  version.certificate = certificate.fingerprint();
  versions.put(version);
  const auto stale = *versions.find(named("www"), 1);
  version.revoked_at = kNow;
  version.revocation_reason = pki::RevocationReason::superseded;
  versions.put(version);
  versions.put(stale);
  const auto found = versions.find(named("www"), 1);
  CHECK(found->revoked_at == kNow);
  CHECK(found->revocation_reason == pki::RevocationReason::superseded);
  CHECK(Certificates(test.store).find(certificate.fingerprint())->revoked_at == kNow);
}

TEST_CASE("removing forgets the rows but gives no number twice") {
  TestState test;
  Managed managed(test.store);
  managed.put(wanted("www"));
  managed.put(wanted("api"));
  Versions versions(test.store);
  for (const char* name : {"www", "api"}) {
    VersionRecord version;
    version.name = named(name);
    version.number = 7;
    versions.put(version);
    Deployments(test.store).put({.artifact = ArtifactKind::version, .owner = named(name), .target = named("nginx")});
    Attempts(test.store).put({.step = "issue", .subject = std::string("certificate/") + name, .count = 1});
    Intents(test.store).add({.kind = IntentKind::remove, .subject = named(name)});
  }
  Deployments(test.store).put({.artifact = ArtifactKind::crl, .owner = named("www"), .target = named("web")});
  Events(test.store).add("certificate.removed", "certificate/www", {}, kNow);
  managed.remove(named("www"));

  CHECK_FALSE(managed.find(named("www")));
  CHECK(versions.of(named("www")).empty());
  CHECK(Deployments(test.store).of(ArtifactKind::version, named("www")).empty());
  CHECK(Deployments(test.store).of(ArtifactKind::crl, named("www")).size() == 1);
  CHECK(Attempts(test.store).of("certificate/www").empty());
  CHECK(Intents(test.store).open_for(named("www")).empty());
  CHECK(actions_told(test.store).size() == 1);
  CHECK(names_of(managed.all()) == Strings{"api"});
  CHECK(versions.of(named("api")).size() == 1);
  CHECK(Attempts(test.store).count() == 1);

  managed.put(wanted("www"));
  CHECK(versions.next_number(named("www")) == 8);
  managed.remove(named("www"));
  CHECK(versions.next_number(named("www")) == 8);
}

TEST_CASE("a deployment comes back as it was put, each target by itself") {
  TestState test;
  Deployments deployments(test.store);
  DeploymentRecord record{.artifact = ArtifactKind::crl,
                          .owner = named("corp"),
                          .target = named("web"),
                          .spec_hash = "h",
                          .version = 1795000000123,
                          .previous = 1795000000122,
                          .current = 1795000000121,
                          .state = DeploymentState::failed,
                          .before = Served::previous,
                          .after = Served::handshake_failed,
                          .reload_problem = "exit 1",
                          .problem = "refused",
                          .attempts = 3,
                          .not_before = kNow + kDay,
                          .changed = kNow};
  deployments.put(record);
  auto other = record;
  other.target = named("other");
  other.state = DeploymentState::unverified;
  other.previous.reset();
  other.current.reset();
  other.not_before.reset();
  deployments.put(other);
  const auto found = deployments.find(ArtifactKind::crl, named("corp"), named("web"));
  REQUIRE(found);
  CHECK(found->spec_hash == "h");
  CHECK(found->version == 1795000000123);
  CHECK(found->previous == 1795000000122);
  CHECK(found->current == 1795000000121);
  CHECK(found->state == DeploymentState::failed);
  CHECK(found->before == Served::previous);
  CHECK(found->after == Served::handshake_failed);
  CHECK(found->reload_problem == "exit 1");
  CHECK(found->problem == "refused");
  CHECK(found->attempts == 3);
  CHECK(found->not_before == kNow + kDay);
  CHECK(found->changed == kNow);
  CHECK(deployments.count_failed() == 2);
  const auto both = deployments.of(ArtifactKind::crl, named("corp"));
  REQUIRE(both.size() == 2);
  CHECK(both[0].target == named("other"));
  CHECK_FALSE(both[0].previous);
  CHECK(deployments.of(ArtifactKind::bundle, named("corp")).empty());

  record.state = DeploymentState::verified;
  deployments.put(record);
  CHECK(deployments.count_failed() == 1);
  deployments.remove(ArtifactKind::crl, named("corp"), named("other"));
  CHECK(deployments.count_failed() == 0);
  CHECK_FALSE(deployments.find(ArtifactKind::crl, named("corp"), named("other")));
}

TEST_CASE("intents wait in order until they are done") {
  TestState test;
  Intents intents(test.store);
  const auto first = intents.add({.kind = IntentKind::revoke,
                                  .subject = named("www"),
                                  .version = 3,
                                  .reason = pki::RevocationReason::key_compromise,
                                  .csr = {1, 2, 3},
                                  .created = kNow});
  const auto second = intents.add({.kind = IntentKind::deploy, .subject = named("www"), .created = kNow});
  intents.add({.kind = IntentKind::deploy, .subject = named("api"), .created = kNow});
  CHECK(second > first);
  const auto open = intents.open_for(named("www"));
  REQUIRE(open.size() == 2);
  CHECK(open[0].id == first);
  CHECK(open[0].kind == IntentKind::revoke);
  CHECK(open[0].version == 3);
  CHECK(open[0].reason == pki::RevocationReason::key_compromise);
  CHECK(open[0].csr == base::Bytes{1, 2, 3});
  CHECK(open[0].created == kNow);
  CHECK_FALSE(open[1].version);
  CHECK(open[1].csr.empty());
  intents.done(first, kNow);
  CHECK(intents.open_for(named("www")).size() == 1);
  // Committed, not only seen by this connection.
  Store second_store = Store::open(test.path, sql::Access::read_only, kNow);
  CHECK(Intents(second_store).open_for(named("www")).size() == 1);
}

TEST_CASE("attempts are counted by step, subject and target") {
  TestState test;
  Attempts attempts(test.store);
  attempts.put(
      {.step = "issue", .subject = "certificate/a", .target = "acme", .count = 1, .problem = "p", .last = kNow});
  attempts.put({.step = "issue",
                .subject = "certificate/a",
                .target = "acme",
                .count = 2,
                .problem = "q",
                .not_before = kNow + kDay,
                .last = kNow});
  attempts.put({.step = "issue", .subject = "certificate/a", .target = "internal", .count = 1, .last = kNow});
  attempts.put({.step = "issue", .subject = "certificate/b", .target = "acme", .count = 1, .last = kNow});
  CHECK(attempts.count() == 3);
  const auto found = attempts.find("issue", "certificate/a", "acme");
  REQUIRE(found);
  CHECK(found->count == 2);
  CHECK(found->problem == "q");
  CHECK(found->not_before == kNow + kDay);
  CHECK(attempts.of("certificate/a").size() == 2);
  attempts.clear("issue", "certificate/a", "acme");
  CHECK_FALSE(attempts.find("issue", "certificate/a", "acme"));
  attempts.clear_all("certificate/a");
  CHECK(attempts.count() == 1);
}

TEST_CASE("every word of the records reads back") {
  for (int i = 0; i <= static_cast<int>(VersionState::retired); ++i)
    CHECK(parse_version_state(to_string(static_cast<VersionState>(i))) == static_cast<VersionState>(i));
  for (int i = 0; i <= static_cast<int>(DeploymentState::failed); ++i)
    CHECK(parse_deployment_state(to_string(static_cast<DeploymentState>(i))) == static_cast<DeploymentState>(i));
  for (int i = 0; i <= static_cast<int>(Served::unreachable); ++i)
    CHECK(parse_served(to_string(static_cast<Served>(i))) == static_cast<Served>(i));
  for (int i = 0; i <= static_cast<int>(IntentKind::remove); ++i)
    CHECK(parse_intent_kind(to_string(static_cast<IntentKind>(i))) == static_cast<IntentKind>(i));
  for (int i = 0; i <= static_cast<int>(ArtifactKind::bundle); ++i)
    CHECK(parse_artifact_kind(to_string(static_cast<ArtifactKind>(i))) == static_cast<ArtifactKind>(i));
  for (int i = 0; i <= static_cast<int>(GenerationState::retired); ++i)
    CHECK(parse_generation_state(to_string(static_cast<GenerationState>(i))) == static_cast<GenerationState>(i));
  CHECK_FALSE(parse_version_state("LIVE"));
  CHECK_FALSE(parse_served(""));
}
