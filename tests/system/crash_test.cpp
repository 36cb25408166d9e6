// A rotation killed at each of its system calls in turn, and what the next run makes of it.
#include "pki/key.h"
#include "system/server.h"
#include "system/site.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

// What changes files, or tells somebody else: between two of these a kill finds the same state.
constexpr const char* kMutating =
    "write,writev,pwrite64,pwritev,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,rmdir,"
    "mkdir,mkdirat,symlink,symlinkat,link,linkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,utimensat";

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kMostKills = 40;
#else
constexpr std::size_t kMostKills = 400;
#endif

// A site with one verified version that is put back as it was before each kill.
class Arena {
 public:
  explicit Arena(const std::function<void(const Arena&)>& configure) {
    configure(*this);
    require_status(site.everseal({"renew"}), 0);
    first_ = site.live_serial("web");
    REQUIRE(nginx.served() == first_);
    fs::create_directory(site / "saved");
    run_or_fail({"cp", "-a", site.state(), directory, site / "saved"});
  }

  void put_back() const {
    run_or_fail({"rm", "-rf", site.state(), directory});
    run_or_fail({"cp", "-a", site / "saved/state", site / "saved/tls", site.path()});
    // Settled: for a moment a worker of before the last reload may still show the first.
    if (nginx.served() == first_) return;
    run_or_fail({reload});
    wait_until("the first version again", [&] { return nginx.served() == first_; });
  }

  base::Exit traced(const Words& options) const {
    Words words{"strace", "-qq", "-e", "signal=none", "-e", std::string("trace=") + kMutating};
    words.insert(words.end(), options.begin(), options.end());
    const Words renew = site.command({"-q", "renew", "web", "--force"});
    words.insert(words.end(), renew.begin(), renew.end());
    return run(words);
  }

  // The system calls of a rotation that nobody kills.
  std::size_t count_calls() const {
    put_back();
    require_status(traced({"-o", site / "trace"}), 0);
    const std::string trace = read_text(site / "trace");
    return static_cast<std::size_t>(std::ranges::count(trace, '\n'));
  }

  // Kills a forced renewal at its n-th call, runs the next one, and says what is wrong then. Where it ended before it
  // came to that call, as it looks at the server more or less often, it must have succeeded.
  std::vector<std::string> kill_at(std::size_t n) {
    put_back();
    const base::Exit killed =
        traced({"-o", "/dev/null", "-e", fmt::format("inject={}:signal=KILL:when={}", kMutating, n)});
    std::vector<std::string> wrong;
    const auto complain = [&](const std::string& what) {
      wrong.push_back(fmt::format("killed at call {}: {}", n, what));
    };
    if (killed.how == base::Exit::How::signalled && killed.status == SIGKILL)
      ++kills;
    else if (!killed.success())
      complain("was not killed: " + transcript(killed));
    const base::Exit next = site.everseal({"renew", "web"});
    if (!next.success()) complain("the next run " + transcript(next));

    const std::string live = site.live_serial("web");
    // A worker of before may accept a moment longer.
    if (served() != live && nginx.served() != live) complain(fmt::format("live is {}, served {}", live, served()));
    if (site.deployment_state("web", "server") != "verified") complain("is " + site.deployment_state("web", "server"));
    const auto key = pki::PrivateKey::parse(base::Secret(read_text(site.state() + "/live/web/privkey.pem")));
    const auto chain = pki::Certificate::parse_all(base::as_bytes(read_text(site.state() + "/live/web/fullchain.pem")));
    if (key.public_key_info() != chain.front().public_key_info()) complain("key and certificate differ");
    const base::Exit history = site.everseal({"history", "--verify"});
    if (!history.success()) complain("history " + transcript(history));
    if (extra_) {
      if (const std::string more = extra_(*this); !more.empty()) complain(more);
    }
    return wrong;
  }

  std::string served() const { return served_serial(nginx.port()); }

  std::size_t kills = 0;

  // One more check after each kill; what is wrong, or "".
  void also(std::function<std::string(const Arena&)> check) { extra_ = std::move(check); }

  Site site;
  std::string directory = site.server_directory("tls");
  Nginx nginx{site, "web", directory};
  std::string reload = site.script("reload", nginx.reload_command());

 private:
  std::string first_;
  std::function<std::string(const Arena&)> extra_;
};

// Over all calls, or so many of them that kMostKills / `share` remain; two arenas work side by side.
void kill_everywhere(std::array<Arena*, 2> arenas, std::size_t share) {
  const std::size_t calls = arenas.front()->count_calls();
  REQUIRE(calls > 50);
  const std::size_t stride = std::max<std::size_t>(1, (calls * share + kMostKills - 1) / kMostKills);
  MESSAGE("a rotation makes ", calls, " mutating system calls; killed at every ", stride, ". of them");
  std::atomic<std::size_t> next = 1;
  std::atomic<std::size_t> runs = 0;
  std::mutex mutex;
  std::vector<std::string> wrong;
  {
    std::vector<std::jthread> threads;
    for (Arena* const arena : arenas)
      threads.emplace_back([&, arena] {
        for (std::size_t n = next.fetch_add(stride); n <= calls; n = next.fetch_add(stride)) {
          ++runs;
          std::vector<std::string> found;
          try {
            found = arena->kill_at(n);
          } catch (const std::exception& error) {
            found.push_back(fmt::format("killed at call {}: {}", n, error.what()));
          }
          const std::scoped_lock lock(mutex);
          wrong.insert(wrong.end(), found.begin(), found.end());
        }
      });
  }
  CHECK(wrong.size() == 0);
  CHECK(arenas[0]->kills + arenas[1]->kills >= runs * 2 / 3);
  for (std::size_t i = 0; i < std::min<std::size_t>(wrong.size(), 5); ++i) FAIL_CHECK(wrong[i]);
}

std::string deployment_of(const Arena& arena) {
  return deploy_table({.directory = arena.directory, .reload = arena.reload, .verify = arena.nginx.endpoint()});
}

}  // namespace

TEST_CASE("a rotation killed at any system call is finished by the next run, and nothing is signed twice") {
  const auto configure = [](const Arena& arena) {
    arena.site.configure("workers = 1\n" + certificate_table("web") + deployment_of(arena));
  };
  Arena left(configure);
  Arena right(configure);
  for (Arena* const arena : {&left, &right})
    arena->also([](const Arena& one) -> std::string {
      const std::size_t made = one.site.count_signed();
      const std::size_t versions = one.site.count_versions("web");
      if (made == versions && versions <= 2) return {};
      return fmt::format("{} certificates were signed for {} versions", made, versions);
    });
  kill_everywhere({&left, &right}, 1);
}

TEST_CASE("a rotation killed at any system call costs one certificate more at most from an exec issuer") {
  const Site ca;
  const auto configure = [&](const Arena& arena) {
    const Words sign = ca.command({"ca", "sign", "demo", "-"});
    const std::string script =
        arena.site.script("sign", fmt::format("echo signed >> {}\nexec {} --config {} ca sign demo -",
                                              arena.site / "signed", sign.at(0), ca.config_file()));
    arena.site.configure(fmt::format("workers = 1\n[issuer.far]\ntype = \"exec\"\ncommand = [\"{}\"]\n"
                                     "[certificate.web]\nissuer = [\"far\"]\nidentifiers = [\"localhost\"]\n",
                                     script) +
                         deployment_of(arena));
  };
  Arena left(configure);
  Arena right(configure);
  for (Arena* const arena : {&left, &right})
    arena->also([](const Arena& one) -> std::string {
      const std::string log = read_text(one.site / "signed");
      const auto made = static_cast<std::size_t>(std::ranges::count(log, '\n'));
      write_text(one.site / "signed", "");
      // The first version's was counted before.
      const std::size_t versions = one.site.count_versions("web");
      if (made + 1 <= versions + 1) return {};
      return fmt::format("{} certificates were signed for version 2", made);
    });
  for (Arena* const arena : {&left, &right}) write_text(arena->site / "signed", "");
  kill_everywhere({&left, &right}, 4);
}
