#include "dns/dns.h"
#include "error_of.h"
#include "fakes/strangers_program.h"
#include "skip.h"

#include <doctest/doctest.h>
#include <unistd.h>

namespace {

using namespace everseal;

std::unique_ptr<dns::Provider> open_exec(const std::string& program) {
  const dns::Kind& kind = *dns::find_kind("exec");
  base::Problems problems;
  const auto options =
      base::Options::validate({{"command", base::Value{base::List{{program, {}}}, {}}}, {"format", {"certbot", {}}}},
                              kind.options, "challenge.it", {}, {}, problems);
  REQUIRE(problems.empty());
  return kind.open(options);
}

TEST_CASE("root runs no program for DNS records that somebody else can change") {
  if (skipped_without_root()) return;
  const fakes::StrangersProgram program;
  const auto provider = open_exec(program.path());
  dns::TxtRecord record;
  record.name = "_acme-challenge.example.org";
  record.domain = "example.org";
  record.value = "x";
  const base::Error error = error_of([&] { provider->add(record, {}); });
  CHECK(error.fault() == base::Fault::config);
  CHECK(error.message().find("belongs to another user") != std::string::npos);
  CHECK_FALSE(program.was_run());
  program.give_to_root();
  provider->add(record, {});
  CHECK(program.was_run());
}

}  // namespace
