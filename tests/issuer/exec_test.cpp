#include "base/file.h"
#include "base/text.h"
#include "error_of.h"
#include "fakes/issuing_ca.h"
#include "fakes/strangers_program.h"
#include "fakes/temporary_directory.h"
#include "issuer/issuer.h"
#include "issuer/shared.h"
#include "skip.h"

#include <set>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

namespace {

using namespace everseal;

TEST_CASE("root runs no issuer's program that somebody else can change") {
  if (skipped_without_root()) return;
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

// Writes down its environment; what it is asked to sign, it does not.
struct Recording {
  fakes::TemporaryDirectory place;
  inventory::Store store = inventory::Store::create(place / "state", base::wall_clock());
  issuer::Shared shared;
  std::unique_ptr<issuer::Issuer> it;

  Recording() {
    const base::Value command{
        base::List{{std::string("/bin/sh"), {}}, {std::string("-c"), {}}, {"env > " + (place / "seen"), {}}}, {}};
    const issuer::Kind& kind = *issuer::find_kind("exec");
    base::Problems problems;
    const auto options = base::Options::validate({{"command", command}, {"revoke_command", command}}, kind.options,
                                                 "issuer.it", {}, {}, problems);
    REQUIRE(problems.empty());
    it = kind.open(base::Name::parse("it"), options,
                   {.authority = {}, .store = store, .shared = shared, .challenges = {}, .clock = base::wall_clock});
  }
  std::set<std::string> told() const {
    std::set<std::string> names;
    for (const std::string& line : base::split(base::as_text(base::read_file(place / "seen", 1 << 22)), '\n'))
      if (line.starts_with("EVERSEAL_")) names.insert(line.substr(0, line.find('=')));
    return names;
  }
  std::set<std::string> told_of(int names) {
    issuer::Request request;
    request.managed = base::Name::parse("many");
    request.profile = "server";
    request.lifetime = base::Seconds(86'400);
    for (int i = 0; i < names; ++i)
      request.identifiers.push_back(pki::Identifier::parse(fmt::format("{}{}.example.test", std::string(55, 'a'), i)));
    error_of([&] { it->issue(request, base::wall_clock(), {}); });
    return told();
  }
};

TEST_CASE_FIXTURE(Recording, "an issuer's program is run for any number of names, and told what its kind lists") {
  std::set<std::string> seen = told_of(3);
  CHECK(seen.contains("EVERSEAL_IDENTIFIERS"));
  CHECK_FALSE(told_of(3'000).contains("EVERSEAL_IDENTIFIERS"));  // 220 KB, which no variable holds: the CSR has them
  const fakes::IssuingCa ca;
  const pki::Certificate certificate = ca.certificate();
  it->revoke({.certificate = certificate}, base::wall_clock(), {});
  seen.merge(told());
  std::set<std::string> listed;
  for (const base::Variable& one : issuer::find_kind("exec")->variables) listed.emplace(one.name);
  CHECK(seen == listed);
}

}  // namespace
