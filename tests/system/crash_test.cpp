// A rotation killed at each of its system calls in turn, and what the next run makes of it.
#include "system/kill.h"
#include "system/server.h"
#include "system/site.h"

#include <algorithm>
#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kMostKills = 40;
#else
constexpr std::size_t kMostKills = 120;
#endif

// A site with one verified version that is put back as it was before each kill.
class RotationArena {
 public:
  explicit RotationArena(const std::function<void(const RotationArena&)>& configure) {
    configure(*this);
    require_status(site.everseal({"renew"}), 0);
    first_ = site.live_serial("web");
    REQUIRE(nginx.served() == first_);
    saved_.emplace(site, Words{"state", "tls"});
  }

  void put_back() const {
    saved_->put_back();
    // Settled: for a moment a worker of before the last reload may still show the first.
    if (nginx.served() == first_) return;
    run_or_fail({reload});
    wait_until("the first version again", [&] { return nginx.served() == first_; });
  }

  Words rotation() const { return site.command({"-q", "renew", "web", "--force"}); }

  // Where it ended before it came to that call, as it looks at the server more or less often, it must have succeeded.
  std::vector<std::string> kill_at(const Call& call) {
    put_back();
    const base::Exit killed = run_killed(call, rotation());
    std::vector<std::string> wrong;
    if (was_killed(killed))
      ++kills;
    else if (!killed.success())
      wrong.push_back("was not killed: " + transcript(killed));
    const base::Exit next = site.everseal({"renew", "web"});
    if (!next.success()) wrong.push_back("the next run " + transcript(next));

    const std::string live = site.live_serial("web");
    // A worker of before may accept a moment longer.
    if (served() != live && nginx.served() != live)
      wrong.push_back(fmt::format("live is {}, served {}", live, served()));
    if (site.deployment_state("web", "server") != "verified")
      wrong.push_back("is " + site.deployment_state("web", "server"));
    check_history_and_key(site, "web", wrong);
    if (extra_) {
      if (const std::string more = extra_(*this); !more.empty()) wrong.push_back(more);
    }
    return wrong;
  }

  std::string served() const { return served_serial(nginx.port()); }

  std::size_t kills = 0;

  // One more check after each kill; what is wrong, or "".
  void also(std::function<std::string(const RotationArena&)> check) { extra_ = std::move(check); }

  Site site;
  std::string directory = site.server_directory("tls");
  Nginx nginx{site, "web", directory};
  std::string reload = site.script("reload", nginx.reload_command());

 private:
  std::optional<Saved> saved_;
  std::string first_;
  std::function<std::string(const RotationArena&)> extra_;
};

// Over all calls, or so many of them that kMostKills / `share` remain; two arenas work side by side.
void kill_rotations(RotationArena& left, RotationArena& right, std::size_t share) {
  left.put_back();
  const std::vector<Call> calls = list_calls(left.site, kMutating, left.rotation());
  REQUIRE(calls.size() > 50);
  const auto trial = [](RotationArena& arena) { return [&arena](const Call& call) { return arena.kill_at(call); }; };
  const std::size_t runs = try_everywhere({trial(left), trial(right)}, calls, kMostKills / share);
  CHECK(left.kills + right.kills >= runs * 2 / 3);
}

std::string deployment_of(const RotationArena& arena) {
  return deploy_table({.directory = arena.directory, .reload = arena.reload, .verify = arena.nginx.endpoint()});
}

}  // namespace

TEST_CASE("a rotation killed at any system call is finished by the next run, and nothing is signed twice") {
  const auto configure = [](const RotationArena& arena) {
    arena.site.configure("workers = 1\n" + certificate_table("web") + deployment_of(arena));
  };
  RotationArena left(configure);
  RotationArena right(configure);
  for (RotationArena* const arena : {&left, &right})
    arena->also([](const RotationArena& one) -> std::string {
      const std::size_t made = one.site.count_signed();
      const std::size_t versions = one.site.count_versions("web");
      if (made == versions && versions <= 2) return {};
      return fmt::format("{} certificates were signed for {} versions", made, versions);
    });
  kill_rotations(left, right, 1);
}

TEST_CASE("a rotation killed at any system call costs one certificate more at most from an exec issuer") {
  const Site ca;
  const auto configure = [&](const RotationArena& arena) {
    const Words sign = ca.command({"ca", "sign", "demo", "-"});
    const std::string script =
        arena.site.script("sign", fmt::format("echo signed >> {}\nexec {} --config {} ca sign demo -",
                                              arena.site / "signed", sign.at(0), ca.config_file()));
    arena.site.configure(fmt::format("workers = 1\n[issuer.far]\ntype = \"exec\"\ncommand = [\"{}\"]\n"
                                     "[certificate.web]\nissuer = [\"far\"]\nidentifiers = [\"localhost\"]\n",
                                     script) +
                         deployment_of(arena));
  };
  RotationArena left(configure);
  RotationArena right(configure);
  for (RotationArena* const arena : {&left, &right})
    arena->also([](const RotationArena& one) -> std::string {
      const std::string log = read_text(one.site / "signed");
      const auto made = static_cast<std::size_t>(std::ranges::count(log, '\n'));
      write_text(one.site / "signed", "");
      const std::size_t versions = one.site.count_versions("web");
      const std::size_t wanted = versions - 1;  // the first was signed before
      if (versions <= 2 && made >= wanted && made <= wanted + 1) return {};
      return fmt::format("{} certificates were signed for {} versions beside the first", made, wanted);
    });
  for (RotationArena* const arena : {&left, &right}) write_text(arena->site / "signed", "");
  kill_rotations(left, right, 4);
}
