#include "error_of.h"
#include "fakes/strangers_program.h"
#include "issuer/issuer.h"
#include "issuer/shared.h"

#include <doctest/doctest.h>
#include <unistd.h>

namespace {

using namespace everseal;

TEST_CASE("root runs no issuer's program that somebody else can change") {
  if (::geteuid() != 0) return;
  const fakes::StrangersProgram program;
  const fakes::TemporaryDirectory state;
  inventory::Store store = inventory::Store::create(state / "state", base::wall_clock());
  issuer::Shared shared;
  const issuer::Kind& kind = *issuer::find_kind("exec");
  base::Problems problems;
  const auto options = base::Options::validate({{"command", base::Value{base::List{{program.path(), {}}}, {}}}},
                                               kind.options, "issuer.it", {}, {}, problems);
  REQUIRE(problems.empty());
  const auto it =
      kind.open(base::Name::parse("it"), options,
                {.authority = {}, .store = store, .shared = shared, .challenges = {}, .clock = base::wall_clock});
  const auto fault = [&] { return error_of([&] { it->issue({}, base::wall_clock(), {}); }).fault(); };
  CHECK(fault() == base::Fault::config);
  CHECK_FALSE(program.was_run());
  program.give_to_root();
  CHECK(fault() == base::Fault::invalid);  // it wrote no certificate
  CHECK(program.was_run());
}

}  // namespace
