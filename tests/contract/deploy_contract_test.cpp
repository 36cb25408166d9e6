// What every deploy kind keeps to, whatever it deploys to. A kind that has no row in `configured` fails.
#include "base/error.h"
#include "contract/kind_contract.h"
#include "deploy/deploy.h"
#include "fakes/deployment.h"
#include "fakes/issuing_ca.h"
#include "fakes/temporary_directory.h"
#include "fakes/unsynced_file_system.h"

#include <functional>
#include <map>

#include <doctest/doctest.h>

using namespace everseal;
using base::Fault;
using deploy::Kind;
using fakes::Material;

namespace {

const base::Name kWww = base::Name::parse("www");

// A working configuration of a kind, deploying into `directory`.
base::Options configured(const Kind& kind, const std::string& directory) {
  const std::map<std::string_view, base::Table> tables{
      {"files", {{"directory", fakes::text(directory)}}},
      {"exec", {{"command", fakes::words({"/bin/true"})}}},
  };
  const auto found = tables.find(kind.name);
  REQUIRE_MESSAGE(found != tables.end(), "the kind has no configuration here: ", kind.name);
  return fakes::deploy_options(kind.name, found->second);
}

template <class Work>
Fault fault_of(Work&& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error.fault();
  }
  FAIL("nothing was thrown");
  return Fault::internal;
}

struct Fixture {
  fakes::TemporaryDirectory directory;
  fakes::IssuingCa ca;
  Material first{ca, directory / "1"};
  Material second{ca, directory / "2"};
};

void for_every_kind(const std::function<void(const Kind&)>& work) { contract::for_every(deploy::kinds(), work); }

}  // namespace

TEST_CASE("every deploy kind describes itself and its options") {
  contract::describe_themselves(deploy::kinds(), deploy::find_kind);
}

TEST_CASE_FIXTURE(Fixture, "every kind accepts its own configuration") {
  for_every_kind([&](const Kind& kind) {
    std::vector<std::string> claims;
    if (kind.check == nullptr) return;
    const auto problems = kind.check(configured(kind, directory.path()), kWww, claims);
    CHECK_MESSAGE(problems.empty(), (problems.empty() ? "" : problems.front()));
    for (const std::string& claim : claims) CHECK(claim.starts_with('/'));
  });
}

TEST_CASE_FIXTURE(Fixture, "nothing is current before something was switched to") {
  for_every_kind([&](const Kind& kind) {
    const auto target = kind.open(configured(kind, directory.path()), kWww);
    CHECK_FALSE(target->current());
    CHECK_FALSE(target->has(1));
    CHECK(fault_of([&] { target->switch_to(1); }) == Fault::not_found);
    CHECK_NOTHROW(target->prune({}));
    CHECK_FALSE(target->remove());
    CHECK(target->differences(first.artifact(1)).empty() == !target->reads_back());
  });
}

TEST_CASE_FIXTURE(Fixture, "staging does not switch; switching goes forth and back; each may be repeated") {
  for_every_kind([&](const Kind& kind) {
    const auto target = kind.open(configured(kind, directory.path()), kWww);
    for (int i = 0; i < 2; ++i) target->stage(first.artifact(1));
    CHECK(target->has(1));
    CHECK_FALSE(target->current());
    for (int i = 0; i < 2; ++i) target->switch_to(1);
    CHECK(target->current() == 1);
    CHECK_FALSE(target->reload({}));

    target->stage(second.artifact(2));
    CHECK(target->has(2));
    CHECK(target->current() == 1);
    target->switch_to(2);
    CHECK(target->current() == 2);
    target->switch_to(1);
    CHECK(target->current() == 1);
    CHECK(fault_of([&] { target->switch_to(3); }) == Fault::not_found);
    CHECK(target->current() == 1);
    target->remove();
  });
}

TEST_CASE_FIXTURE(Fixture, "a number beyond 32 bits is a number") {
  for_every_kind([&](const Kind& kind) {
    const auto target = kind.open(configured(kind, directory.path()), kWww);
    target->stage(first.artifact(5'000'000'000));
    target->switch_to(5'000'000'000);
    CHECK(target->current() == 5'000'000'000);
    target->remove();
  });
}

TEST_CASE_FIXTURE(Fixture, "pruning keeps what is current and what it is told to keep") {
  for_every_kind([&](const Kind& kind) {
    const auto target = kind.open(configured(kind, directory.path()), kWww);
    for (const int number : {1, 2, 3, 4}) target->stage(first.artifact(number));
    target->switch_to(2);
    const std::int64_t keep[] = {1, 9};
    for (int i = 0; i < 2; ++i) target->prune(keep);
    CHECK(target->current() == 2);
    CHECK(target->has(1));
    CHECK(target->has(2));
    CHECK_FALSE(target->has(3));
    CHECK_FALSE(target->has(4));
    target->switch_to(1);
    CHECK(target->current() == 1);
    target->remove();
  });
}

TEST_CASE_FIXTURE(Fixture, "removing takes all of it, and may be repeated") {
  for_every_kind([&](const Kind& kind) {
    const fakes::TemporaryDirectory own;
    const auto target = kind.open(configured(kind, own.path()), kWww);
    target->stage(first.artifact(1));
    target->switch_to(1);
    CHECK(target->remove());
    CHECK_FALSE(target->remove());
    CHECK_FALSE(target->current());
    CHECK_FALSE(target->has(1));
    CHECK(own.open().list().empty());
  });
}

TEST_CASE_FIXTURE(Fixture, "cut at any call, what is current is whole, and the same again ends in the same state") {
  using Mishap = fakes::Mishap;
  for_every_kind([&](const Kind& kind) {
    const auto rotate = [&](const std::string& at) {
      const auto target = kind.open(configured(kind, at), kWww);
      for (const Material* const material : {&first, &second}) {
        const int number = material == &first ? 1 : 2;
        target->stage(material->artifact(number));
        target->switch_to(number);
      }
      const std::int64_t keep[] = {2};
      target->prune(keep);
    };
    for (const Mishap::Kind mishap : {Mishap::Kind::power_cut, Mishap::Kind::kill}) {
      for (int at = 1;; ++at) {
        CAPTURE(at);
        const fakes::TemporaryDirectory own;
        const fakes::TemporaryDirectory scratch;
        const auto end = fakes::run_in_child(scratch.path(), {.kind = mishap, .at = at}, [&] { rotate(own.path()); });
        const auto target = kind.open(configured(kind, own.path()), kWww);
        const auto current = target->current();
        if (current) CHECK(target->has(*current));
        if (end.how == fakes::ChildEnd::How::done) break;
        REQUIRE(end.how == fakes::ChildEnd::How::cut);
        REQUIRE_NOTHROW(rotate(own.path()));
        CHECK(target->current() == 2);
        CHECK_FALSE(target->has(1));
      }
    }
  });
}
