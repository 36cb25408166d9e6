#include "reconcile/desired.h"

#include "base/error.h"
#include "error_of.h"
#include "fakes/temporary_directory.h"
#include "inventory/authorities.h"
#include "inventory/managed.h"
#include "inventory/subjects.h"
#include "reconcile/plan.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::reconcile {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

std::string certificate(std::string_view name, std::string_view issuer = "ca") {
  return fmt::format("[certificate.{0}]\nidentifiers = [\"{0}.example.org\"]\nissuer = [\"{1}\"]\n", name, issuer);
}
constexpr std::string_view kIssuer = "[issuer.ca]\ntype = \"exec\"\ncommand = [\"/bin/false\"]\n";

struct ConfigSite {
  fakes::TemporaryDirectory root;
  Host host;
  Time now = base::wall_clock();
  inventory::Store store = inventory::Store::create(root / "state", now);

  ConfigSite() {
    fs::create_directories(root / "config/conf.d");
    host.state = root / "state";
    host.files = config::files(root / "config/everseal.toml", host.state);
    host.clock = [this] { return now; };
    main(std::string(kIssuer));
    write("a", certificate("a"));
    write("b", certificate("b"));
  }

  void main(const std::string& text) { std::ofstream(root / "config/everseal.toml") << text; }
  std::string path(const std::string& name) const { return root / ("config/conf.d/" + name + ".toml"); }
  void write(const std::string& name, const std::string& text) { std::ofstream(path(name)) << text; }

  Names subjects() {
    Names names;
    const Desired desired(host, store);
    for (const base::Problem& problem : desired.problems()) names.push_back(problem.subject);
    return names;
  }
  // Everybody has been looked at, and sleeps for a year.
  void settle() {
    const Desired desired(host, store);
    for (const auto& record : inventory::Managed(store).all())
      inventory::Subjects(store).rest(inventory::certificate_subject(record.name), now + std::chrono::days(365));
    for (const auto& record : inventory::Authorities(store).all())
      inventory::Subjects(store).rest(inventory::authority_subject(record.name), now + std::chrono::days(365));
  }
  // For an hour, as it failed three times at that issuer.
  void let_b_wait(const std::string& issuer) {
    inventory::AttemptRecord failed;
    failed.step = "issue";
    failed.subject = "certificate/b";
    failed.target = issuer;
    failed.count = 3;
    failed.not_before = now + std::chrono::hours(1);
    failed.last = now;
    inventory::Attempts(store).put(failed);
  }
  Names due(std::string_view kind) {
    Names names;
    for (const auto& subject : inventory::Subjects(store).due(kind, now)) names.push_back(subject.name.text());
    std::ranges::sort(names);
    return names;
  }
  Names managed(bool orphaned) {
    Names names;
    for (const auto& record : inventory::Managed(store).all())
      if (record.orphaned == orphaned) names.push_back(record.name.text());
    return names;
  }
  std::string spec(const std::string& name) { return inventory::Managed(store).find(Name::parse(name))->spec; }
};

TEST_CASE_FIXTURE(ConfigSite, "one broken file keeps what is stored of it, and all others go on") {
  settle();
  const std::string before = spec("b");
  const std::string broken[] = {"[certificate.b\n", certificate("b", "nobody"), certificate("b") + "colour = 1\n"};
  for (const std::string& text : broken) {
    CAPTURE(text);
    write("b", text);
    write("c" + std::to_string(text.size()), certificate("c" + std::to_string(text.size())));
    CHECK(subjects().size() == 1);
    CHECK(subjects().size() == 1);  // each time
    CHECK(managed(true) == Names{});
    CHECK(spec("b") == before);
  }
  CHECK(managed(false).size() == 5);
  write("b", certificate("b"));
  CHECK(subjects().empty());
  CHECK(spec("b") == before);
}

TEST_CASE_FIXTURE(ConfigSite, "a plan shows what is wrong in the config, with what it is about or by itself") {
  settle();
  const auto unreadable = [&](const std::vector<Name>& names) {
    Names found;
    for (const PlannedSubject& one : reconcile::plan(host, names))
      if (std::ranges::find(one.standing, plan::Rule::unreadable, &plan::Reason::rule) != one.standing.end())
        found.push_back(one.subject);
    return found;
  };
  CHECK(unreadable({}) == Names{});
  write("b", certificate("b") + "colour = 1\n");
  CHECK(unreadable({}) == Names{"certificate/b"});
  CHECK(unreadable({Name::parse("a")}) == Names{});
  write("b", "[certificate.b\n");
  CHECK(unreadable({}) == Names{"config"});
  CHECK(unreadable({Name::parse("a")}) == Names{"config"});
}

TEST_CASE_FIXTURE(ConfigSite, "a file that nobody may read keeps what is stored of it") {
  settle();
  if (::geteuid() == 0)
    REQUIRE(::chmod(path("b").c_str(), 0666) == 0);
  else
    REQUIRE(::chmod(path("b").c_str(), 0) == 0);
  CHECK(subjects() == Names{""});
  CHECK(managed(true) == Names{});
  fs::remove(path("b"));
  CHECK(subjects().empty());
  CHECK(managed(true) == Names{"b"});
}

TEST_CASE_FIXTURE(ConfigSite, "with a main file that does not parse a run goes on with what it said before") {
  settle();
  const std::string right = std::string(kIssuer);
  main("[issuer.ca\n");
  now += std::chrono::days(7);
  {
    Desired desired(host, store);
    CHECK(desired.problems().size() == 1);
    CHECK(desired.settings()->issuers.size() == 1);
  }
  CHECK(managed(true) == Names{});
  main(right);
  CHECK(subjects().empty());
  CHECK(managed(false) == Names{"a", "b"});
}

TEST_CASE_FIXTURE(ConfigSite, "without anything stored a main file that does not parse is the end, and says all") {
  main("[issuer.ca\n");
  const base::Error error = error_of([&] { Desired desired(host, store); });
  CHECK(error.fault() == base::Fault::config);
  CHECK(error.message().find("everseal.toml:1") != std::string::npos);
  CHECK(managed(false) == Names{});
}

TEST_CASE_FIXTURE(ConfigSite, "a certificate is orphaned only where its file was read well, or is gone") {
  write("b", certificate("b") + certificate("c"));
  settle();
  write("b", certificate("b"));
  CHECK(subjects().empty());
  CHECK(managed(true) == Names{"c"});
  fs::rename(path("b"), path("z"));
  CHECK(subjects().empty());
  CHECK(managed(true) == Names{"c"});
  CHECK(inventory::Managed(store).find(Name::parse("b"))->origin.ends_with("z.toml:1"));
}

TEST_CASE_FIXTURE(ConfigSite, "what is defined in an unchanged file too is told, and stays as it was") {
  settle();
  const std::string before = spec("a");
  write("c", certificate("a") + "profile = \"x\"\n");
  CHECK(subjects().front() == "certificate/a");
  CHECK(subjects().front() == "certificate/a");
  CHECK(spec("a") == before);
}

TEST_CASE_FIXTURE(ConfigSite, "two files that want to write the same file are told, whichever changed") {
  const auto deployed = [&](std::string_view name) {
    return certificate(name) +
           fmt::format("[certificate.{}.deploy.x]\ntype = \"files\"\ndirectory = \"{}\"\nverify = \"none\"\n", name,
                       root / "tls");
  };
  write("a", deployed("a"));
  settle();
  write("b", deployed("b"));
  CHECK(subjects() == Names{"certificate/b", "certificate/b"});  // both of its files
  CHECK(subjects() == Names{"certificate/b", "certificate/b"});  // both of its files
  CHECK(inventory::Managed(store).find(Name::parse("b"))->spec.find("deploy") == std::string::npos);
}

TEST_CASE_FIXTURE(ConfigSite, "a change wakes what it touches, and clears what that waited for") {
  const std::string two = std::string(kIssuer) + "[issuer.other]\ntype = \"exec\"\ncommand = [\"/bin/false\"]\n";
  main(two);
  write("b", certificate("b", "other"));
  inventory::AuthorityRecord corp;
  corp.name = Name::parse("corp");
  corp.settings = "{}";
  inventory::Authorities(store).put(corp);
  settle();
  const struct {
    std::function<void()> change;
    Names due;
    Names authorities;
  } rows[] = {
      {[] {}, {}, {}},
      {[&] { main(two + "# a comment\n"); }, {}, {}},
      {[&] { main(two + "timeout = \"1m\"\n"); }, {"b"}, {}},
      {[&] { main("keep = 3\n" + two); }, {"a", "b"}, {}},
      {[&] { main("keep = 3\n" + two + "[authority.corp]\n"); }, {}, {"corp"}},
      {[&] { write("a", certificate("a") + "environment = \"prod\"\n"); }, {"a"}, {}},
      {[&] { write("b", "# moved\n" + certificate("b", "other")); }, {}, {}},
  };
  for (const auto& [change, expected, authorities_due] : rows) {
    settle();
    let_b_wait("other");
    change();
    const Desired desired(host, store);
    CHECK(desired.problems().empty());
    CHECK(due("certificate") == expected);
    CHECK(due("authority") == authorities_due);
    const bool b_is_due = std::ranges::find(expected, "b") != expected.end();
    CHECK(inventory::Attempts(store).of("certificate/b").empty() == b_is_due);
  }
}

TEST_CASE_FIXTURE(ConfigSite, "what was wrong with an authority is waited for no longer, mended or taken out") {
  inventory::AuthorityRecord corp;
  corp.name = Name::parse("corp");
  corp.settings = "{}";
  inventory::Authorities(store).put(corp);
  write("b", certificate("b", "corp"));
  // Of the first nothing good was ever stored.
  const std::function<void()> ways[] = {[&] { fs::remove(path("ca")); }, [&] { write("ca", "[authority.corp]\n"); }};
  for (const auto& end : ways) {
    write("ca", "[authority.corp]\nnonsense = 1\n");
    settle();
    CHECK(subjects() == Names{"authority/corp"});
    let_b_wait("corp");
    CHECK(due("certificate").empty());
    end();
    CHECK(subjects().empty());
    CHECK(due("certificate") == Names{"b"});
    CHECK(inventory::Attempts(store).of("certificate/b").empty());
  }
}

}  // namespace
}  // namespace everseal::reconcile
