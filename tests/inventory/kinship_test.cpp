#include "inventory/kinship.h"

#include "inventory/accounts.h"
#include "inventory/authorities.h"
#include "inventory/backup.h"
#include "inventory/managed.h"
#include "inventory/replace.h"
#include "inventory/support.h"

#include <functional>
#include <string>

#include <fmt/format.h>

using namespace everseal;
using namespace everseal::inventory;
using base::Error;
using base::Fault;

namespace {

void put_authority(Store& store, const std::string& name) {
  const pki::Certificate ca =
      make_certificate({.names = {}, .not_after = kNow + 3650 * kDay, .common_name = name, .is_ca = true});
  Authorities authorities(store);
  authorities.put({.name = named(name), .settings = "{}"});
  authorities.put_certificate({.authority = named(name), .fingerprint = ca.fingerprint(), .der = ca.der()});
}

void write_history(Store& store, const std::string& subject) {
  store.transaction([&] { Events(store).add("trial.made", subject, {}, kNow); });
}

bool are_one(TestState& one, TestState& other) {
  const bool forth = are_of_one_state(one.store.database(), other.store.database());
  CHECK(are_of_one_state(other.store.database(), one.store.database()) == forth);
  return forth;
}

}  // namespace

TEST_CASE("states that have nothing of their own in common are two") {
  TestState one, other;
  CHECK(are_one(one, other));  // both are new
  put_authority(one.store, "corp");
  write_history(one.store, "certificate/one");
  CHECK(are_one(one, other));  // one is new
  put_authority(other.store, "else");
  write_history(other.store, "certificate/other");
  CHECK_FALSE(are_one(one, other));
  SUBCASE("an authority") {
    const auto corp = Authorities(one.store).certificates(named("corp")).front();
    Authorities(other.store).put({.name = named("corp"), .settings = "{}"});
    Authorities(other.store).put_certificate(corp);
    CHECK(are_one(one, other));
  }
}

TEST_CASE("a backup of another state is refused unless that is accepted, and nothing was changed") {
  TestState one, other;
  put_authority(one.store, "corp");
  write_history(one.store, "certificate/one");
  put_authority(other.store, "else");
  write_history(other.store, "certificate/other");
  const std::string foreign = other.directory / "foreign.db";
  const std::string own = one.directory / "own.db";
  backup(other.store, foreign);
  backup(one.store, own);
  write_history(one.store, "certificate/later");
  { const Store closed = std::move(one.store); }
  const Error error = error_of([&] { restore(one.path, foreign, kNow + kDay); });
  CHECK(error.fault() == Fault::denied);
  CHECK(error.hint().find("--other-state") != std::string::npos);
  {
    Store store = Store::open(one.path, sql::Access::read_only, kNow);
    CHECK(Authorities(store).find(named("corp")).has_value());
    CHECK_FALSE(Authorities(store).find(named("else")).has_value());
  }
  CHECK_FALSE(restore(one.path, own, kNow + kDay).is_other_state);
  CHECK_FALSE(restore(one.path, own, kNow + 2 * kDay).is_other_state);  // histories parted
  CHECK(restore(one.path, foreign, kNow + 3 * kDay, {}, kTenSeconds, OtherState::accepted).is_other_state);
  one.store = Store::open(one.path, sql::Access::read_only, kNow + 3 * kDay);
  CHECK(Authorities(one.store).find(named("else")).has_value());
}
