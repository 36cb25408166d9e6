#include "challenge/txt_records.h"

#include "base/error.h"
#include "base/file.h"
#include "error_of.h"
#include "fakes/temporary_directory.h"
#include "pki/key.h"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using challenge::Method;

namespace {

base::Value text(std::string_view value) { return {std::string(value), {}}; }

base::Options options(std::span<const base::Option> known, const base::Table& table) {
  base::Problems problems;
  base::Options validated = base::Options::validate(table, known, {}, {}, {}, problems);
  REQUIRE(problems.empty());
  return validated;
}

// One name, proved by a hook that writes down its call. The DNS is asked at a port where nobody answers.
struct Fixture {
  fakes::TemporaryDirectory place;
  acme::Account account{pki::PrivateKey::generate(pki::KeyType::ecdsa_p256), "https://ca/acct/1"};
  acme::Authorization authorization{.url = "https://ca/z", .identifier = pki::Identifier::parse("www.example.test")};
  acme::Challenge challenge;

  std::unique_ptr<challenge::Answerer> answerer(std::string_view format, std::string_view follow,
                                                std::string_view check) const {
    const std::string hook = place / "hook";
    std::ofstream(hook) << "#!/bin/sh\n{ echo \"$@\"; echo \"$EVERSEAL_RECORD $EVERSEAL_ZONE\"; } >> \"$0.calls\"\n";
    std::filesystem::permissions(hook, std::filesystem::perms::owner_all);
    Method method;
    method.type = "dns-01";
    method.options = options(challenge::find_kind("dns-01")->options,
                             {{"follow_cname", base::Value{follow == "true", {}}},
                              {"propagation_check", text(check)},
                              {"resolvers", base::Value{base::List{text("127.0.0.1:1")}, {}}}});
    method.provider = "exec";
    method.provider_options = options(dns::find_kind("exec")->options,
                                      {{"command", base::Value{base::List{text(hook)}, {}}}, {"format", text(format)}});
    return challenge::make_txt_answerer(
        method, [](const challenge::Task& task) { return "_acme-challenge." + task.authorization.identifier.text(); });
  }
  void present(challenge::Answerer& answerer) {
    challenge.type = "dns-01";
    challenge.token = "token";
    const challenge::Task task{authorization, challenge, account};
    answerer.present({&task, 1}, {});
  }
  bool was_called() const { return std::filesystem::exists(place / "hook.calls"); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a hook that needs no zone is called without a question to the DNS, where none is wanted") {
  for (const char* const format : {"certbot", "lego", "lego-raw", "dehydrated"}) {
    CAPTURE(format);
    const auto made = answerer(format, "false", "none");
    CHECK_NOTHROW(present(*made));
    CHECK(was_called());
    CHECK(made->clean_up().empty());
    std::filesystem::remove(place / "hook.calls");
  }
}

TEST_CASE_FIXTURE(Fixture, "what was asked of whom, why, and which option asks nobody, is said where nobody answers") {
  struct Case {
    const char* format;
    const char* follow;
    const char* check;
    std::vector<std::string> said;
    bool calls;
  };
  const Case cases[] = {
      {"certbot",
       "true",
       "none",
       {"follow CNAMEs from _acme-challenge.www.example.test", "127.0.0.1:1 does not answer",
        "asked for CNAME of _acme-challenge.www.example.test", "`follow_cname = false`"},
       false},
      {"everseal",
       "false",
       "none",
       {"find the zone of _acme-challenge.www.example.test", "asked for SOA of _acme-challenge.www.example.test",
        "needs no zone"},
       false},
      {"certbot",
       "false",
       "authoritative",
       {"find the name servers of _acme-challenge.www.example.test", "asked for SOA", "`propagation_check`"},
       true},
  };
  for (const Case& one : cases) {
    CAPTURE(one.said.front());
    const auto made = answerer(one.format, one.follow, one.check);
    const base::Error error = error_of([&] { present(*made); });
    CHECK(error.fault() == base::Fault::unreachable);
    for (const std::string& part : one.said) {
      CAPTURE(part);
      CHECK(error.text().find(part) != std::string::npos);
    }
    CHECK(error.text().find("LDNS") == std::string::npos);
    CHECK(was_called() == one.calls);
    std::filesystem::remove(place / "hook.calls");
  }
}
