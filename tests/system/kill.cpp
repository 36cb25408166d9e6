#include "system/kill.h"

#include "pki/key.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace everseal::system {
namespace {

base::Exit run_traced(const std::string& calls, Words options, const Words& words) {
  options.insert(options.begin(), {"strace", "-qq", "-e", "signal=none", "-e", "trace=" + calls});
  options.insert(options.end(), words.begin(), words.end());
  return run(std::move(options));
}

}  // namespace

std::vector<Call> list_calls(const Site& site, const std::string& calls, const Words& words) {
  require_status(run_traced(calls, {"-o", site / "trace"}, words), 0);
  std::istringstream trace(read_text(site / "trace"));
  std::map<std::string, std::size_t> seen;
  std::vector<Call> made;
  for (std::string line; std::getline(trace, line);) {
    const std::string name = line.substr(0, line.find('('));
    made.push_back({name, ++seen[name]});
  }
  return made;
}

std::vector<Call> turning_points(const std::vector<Call>& calls) {
  std::vector<Call> points;
  for (std::size_t i = 0; i < calls.size(); ++i)
    if (i == 0 || calls[i].name != "pwrite64" || calls[i - 1].name != "pwrite64") points.push_back(calls[i]);
  return points;
}

base::Exit run_killed(const Call& call, const Words& words) {
  // Each name has a count of its own, also where several are given.
  return run_traced(
      call.name, {"-o", "/dev/null", "-e", fmt::format("inject={}:signal=KILL:when={}", call.name, call.nth)}, words);
}

bool was_killed(const base::Exit& exit) { return exit.how == base::Exit::How::signalled && exit.status == SIGKILL; }

Saved::Saved(const Site& site, Words names) : site_(&site), names_(std::move(names)) {
  std::filesystem::create_directory(site / "saved");
  for (const std::string& name : names_) run_or_fail({"cp", "-a", site / name, site / "saved"});
}

void Saved::put_back() const {
  for (const std::string& name : names_) {
    run_or_fail({"rm", "-rf", *site_ / name});
    run_or_fail({"cp", "-a", *site_ / ("saved/" + name), site_->path()});
  }
}

void check_history_and_key(const Site& site, const std::string& name, std::vector<std::string>& wrong) {
  const std::string live = site.state() + "/live/" + name;
  const auto key = pki::PrivateKey::parse(base::Secret(read_text(live + "/privkey.pem")));
  const auto chain = pki::Certificate::parse_all(base::as_bytes(read_text(live + "/fullchain.pem")));
  if (key.public_key_info() != chain.front().public_key_info()) wrong.emplace_back("key and certificate differ");
  const base::Exit history = site.everseal({"history", "--verify"});
  if (!history.success()) wrong.push_back("history " + transcript(history));
}

std::size_t try_everywhere(const std::array<Trial, 2>& trials, const std::vector<Call>& calls, std::size_t most) {
  const bool takes_all = std::getenv("EVERSEAL_EVERY_KILL") != nullptr;
  const std::size_t stride = takes_all ? 1 : std::max<std::size_t>(1, (calls.size() + most - 1) / most);
  MESSAGE("a run makes ", calls.size(), " such system calls; killed at every ", stride, ". of them");
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> tried = 0;
  std::mutex mutex;
  std::vector<std::string> wrong;
  {
    std::vector<std::jthread> threads;
    for (const Trial& trial : trials)
      threads.emplace_back([&] {
        for (std::size_t i = next.fetch_add(stride); i < calls.size(); i = next.fetch_add(stride)) {
          ++tried;
          std::vector<std::string> found;
          try {
            found = trial(calls[i]);
          } catch (const std::exception& error) {
            found.emplace_back(error.what());
          }
          const std::scoped_lock lock(mutex);
          for (const std::string& one : found)
            wrong.push_back(fmt::format("killed at call {}, {} number {}: {}", i, calls[i].name, calls[i].nth, one));
        }
      });
  }
  CHECK(wrong.size() == 0);
  for (std::size_t i = 0; i < std::min<std::size_t>(wrong.size(), 5); ++i) FAIL_CHECK(wrong[i]);
  return tried;
}

namespace {

struct Arena {
  explicit Arena(const Killing& killing_)
      : killing(killing_), site(killing_.ca), saved((killing_.prepare(site), site), killing_.places) {}

  std::vector<std::string> kill_at(const Call& call) {
    saved.put_back();
    std::vector<std::string> wrong;
    const base::Exit killed = run_killed(call, site.command(killing.words(site)));
    if (was_killed(killed))
      ++kills;
    else if (!killed.success())
      wrong.push_back("was not killed: " + transcript(killed));
    killing.go_on(site, wrong);
    return wrong;
  }

  const Killing& killing;
  Site site;
  Saved saved;
  std::size_t kills = 0;
};

}  // namespace

void kill_everywhere(const Killing& killing, std::size_t most) {
  Arena left(killing);
  Arena right(killing);
  const std::vector<Call> calls =
      turning_points(list_calls(left.site, kMutating, left.site.command(killing.words(left.site))));
  REQUIRE(calls.size() > 10);
  const auto trial = [](Arena& arena) { return [&arena](const Call& call) { return arena.kill_at(call); }; };
  const std::size_t runs = try_everywhere({trial(left), trial(right)}, calls, most);
  CHECK(left.kills + right.kills >= runs * 2 / 3);
}

void require_success(const Site& site, const std::vector<Words>& commands, std::vector<std::string>& wrong) {
  for (const Words& words : commands)
    if (const base::Exit exit = site.everseal(words); !exit.success())
      wrong.push_back(fmt::format("{}: {}", fmt::join(words, " "), transcript(exit)));
}

}  // namespace everseal::system
