#include "inventory/subjects.h"

#include "inventory/authorities.h"
#include "inventory/managed.h"
#include "inventory/support.h"

using namespace everseal;
using namespace everseal::inventory;

namespace {

std::vector<std::string> names_of(const std::vector<DueSubject>& subjects) {
  std::vector<std::string> names;
  for (const auto& subject : subjects) names.push_back(subject.name.text());
  return names;
}

using Strings = std::vector<std::string>;
constexpr base::Seconds kSecond{1};

}  // namespace

TEST_CASE("only what is due is found, the longest due first, each kind by itself") {
  TestState test;
  Subjects subjects(test.store);
  CHECK_FALSE(subjects.next_due());
  subjects.rest(certificate_subject(named("a")), kNow + 2 * kSecond);
  subjects.rest(certificate_subject(named("b")), kNow + kSecond);
  subjects.rest(certificate_subject(named("c")), kNow + 3 * kSecond);
  subjects.rest(certificate_subject(named("d")), std::nullopt);
  subjects.rest(authority_subject(named("b")), kNow);
  CHECK(subjects.due("certificate", kNow).empty());
  CHECK(names_of(subjects.due("certificate", kNow + 2 * kSecond)) == Strings{"b", "a"});
  CHECK(names_of(subjects.due("authority", kNow + 2 * kSecond)) == Strings{"b"});
  CHECK(subjects.next_due() == kNow);
  subjects.rest(authority_subject(named("b")), std::nullopt);
  CHECK(subjects.next_due() == kNow + kSecond);
}

TEST_CASE("what is due is walked in pages of a bounded size, each once") {
  TestState test;
  Subjects subjects(test.store);
  Strings wanted;
  for (int i = 0; i < 25; ++i) {
    const std::string name = fmt::format("n{:02}", i);
    subjects.rest(certificate_subject(named(name)), kNow - (i / 5) * kDay);
  }
  Strings seen;
  std::optional<DueSubject> last;
  for (auto page = subjects.due("certificate", kNow, last, 4); !page.empty();
       page = subjects.due("certificate", kNow, last, 4)) {
    CHECK(page.size() <= 4);
    last = page.back();
    for (const auto& name : names_of(page)) seen.push_back(name);
    // Those that were done rest, and one fails and stays due.
    for (const auto& one : page)
      if (one.name != named("n13")) subjects.rest(certificate_subject(one.name), kNow + kDay);
  }
  CHECK(seen.size() == 25);
  CHECK(seen.front() == "n20");
  CHECK(seen.back() == "n04");
  CHECK(names_of(subjects.due("certificate", kNow)) == Strings{"n13"});
}

TEST_CASE("a wake-up makes something due sooner, never later") {
  TestState test;
  Subjects subjects(test.store);
  const SubjectId www = certificate_subject(named("www"));
  subjects.wake(www, kNow);
  CHECK(subjects.look_again(www) == kNow);
  subjects.wake(www, kNow + kDay);
  CHECK(subjects.look_again(www) == kNow);
  subjects.wake(www, kNow - kDay);
  CHECK(subjects.look_again(www) == kNow - kDay);
  subjects.rest(www, std::nullopt);
  CHECK_FALSE(subjects.look_again(www));
  subjects.wake(www, kNow);
  CHECK(subjects.look_again(www) == kNow);
  subjects.rest(www, std::nullopt);
  subjects.wake_all("certificate", kNow + kDay);
  CHECK(subjects.look_again(www) == kNow + kDay);
  subjects.wake_all("certificate", kNow + 2 * kDay);
  CHECK(subjects.look_again(www) == kNow + kDay);
  subjects.forget(www);
  CHECK_FALSE(subjects.look_again(www));
}

TEST_CASE("a new intent, a changed config and a revocation wake what they touch") {
  TestState test;
  Subjects subjects(test.store);
  Managed managed(test.store);
  ManagedRecord record;
  record.name = named("www");
  record.origin = "a.toml:1";
  const SubjectId www = certificate_subject(record.name);
  managed.replace_all(std::vector{record}, kNow);
  CHECK(subjects.look_again(www) <= kNow);
  subjects.rest(www, kNow + kDay);
  managed.replace_all(std::vector{record}, kNow);
  CHECK(subjects.look_again(www) == kNow + kDay);

  Intents intents(test.store);
  const std::int64_t id = intents.add({.kind = IntentKind::revoke, .subject = record.name, .version = 1});
  CHECK(subjects.look_again(www) <= kNow);
  CHECK_FALSE(intents.open_for(record.name).front().actor.empty());
  intents.end(id, IntentOutcome::cancelled, kNow);
  CHECK(intents.open_for(record.name).empty());

  subjects.rest(www, std::nullopt);
  managed.replace_all({}, kNow);  // orphaned
  CHECK(subjects.look_again(www) == kNow);
  managed.remove(record.name);
  CHECK_FALSE(subjects.look_again(www));

  Authorities(test.store).put({.name = named("corp"), .settings = "{}"});
  subjects.rest(authority_subject(named("corp")), kNow + kDay);
  Authorities(test.store).mark_crl_dirty(named("corp"), kNow);
  CHECK(subjects.look_again(authority_subject(named("corp"))) == kNow);
}
