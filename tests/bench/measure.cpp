#include "bench/measure.h"

#include "base/error.h"
#include "base/time.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace everseal::bench {
namespace {

double to_seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

Usage used(Usage usage, const rusage& resources) {
  usage.cpu = to_seconds(resources.ru_utime) + to_seconds(resources.ru_stime);
  usage.memory = static_cast<double>(resources.ru_maxrss) / 1024;
  return usage;
}

}  // namespace

double scale = 1;

int scaled(int size) { return std::max(1, static_cast<int>(size * scale)); }

double seconds(const std::function<void()>& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

// base::run watches pipes in steps of its own; a benchmark of processes wants nothing between spawn and wait.
Usage run(const std::vector<std::string>& argv, const Run& how) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (how.errors == Run::Errors::hidden)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  Usage usage;
  int status = 0;
  rusage resources{};
  usage.wall = seconds([&] {
    pid_t child = 0;
    const int code = ::posix_spawnp(&child, words.front(), &actions, nullptr, words.data(), environ);
    if (code != 0) throw base::Error(base::Fault::io, fmt::format("cannot run {}", argv.front()));
    while (::wait4(child, &status, 0, &resources) < 0 && errno == EINTR) {
    }
  });
  posix_spawn_file_actions_destroy(&actions);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != how.status)
    throw base::Error(base::Fault::io, fmt::format("{} did not end well", fmt::join(argv, " ")));
  return used(usage, resources);
}

Usage apart(const std::function<void()>& work) {
  std::fflush(nullptr);
  Usage usage;
  int status = 0;
  rusage resources{};
  usage.wall = seconds([&] {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 0;
      try {
        work();
      } catch (const base::Error& error) {
        fmt::print(stderr, "bench: {}\n", error.text());
        code = 1;
      } catch (const std::exception& error) {
        fmt::print(stderr, "bench: {}\n", error.what());
        code = 1;
      }
      std::fflush(nullptr);
      ::_exit(code);
    }
    if (child < 0) throw base::Error(base::Fault::io, "cannot start a process");
    while (::wait4(child, &status, 0, &resources) < 0 && errno == EINTR) {
    }
  });
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw base::Error(base::Fault::io, "a measured process failed");
  return used(usage, resources);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double median(const std::vector<Usage>& usages, double Usage::*figure) {
  std::vector<double> values;
  for (const Usage& usage : usages) values.push_back(usage.*figure);
  return median(std::move(values));
}

double mean(const std::vector<Usage>& usages, double Usage::*figure) {
  double sum = 0;
  for (const Usage& usage : usages) sum += usage.*figure;
  return sum / static_cast<double>(usages.size());
}

Pair in_turn(int rounds, const std::function<double()>& ours, const std::function<double()>& theirs) {
  std::vector<double> left;
  std::vector<double> right;
  for (int i = 0; i < rounds; ++i) {
    left.push_back(ours());
    right.push_back(theirs());
  }
  return {median(std::move(left)), median(std::move(right))};
}

void print_heading(const std::string& text) {
  fmt::print("\n{}\n{:<58} {:>10} {:>10} {:>7}  {}\n", text, "", "ours", "baseline", "ratio", "goal");
  std::fflush(stdout);
}

void print(const Line& line) {
  fmt::print("{:<58} {:>10}", line.what, fmt::format("{:.4g} {}", line.ours, line.unit));
  if (line.baseline)
    fmt::print(" {:>10} {:>6.2f}x  {}", fmt::format("{:.4g} {}", *line.baseline, line.unit), line.ours / *line.baseline,
               line.goal);
  else if (!line.goal.empty())
    fmt::print(" {:>10} {:>7}  {}", "", "", line.goal);
  fmt::print("\n");
  std::fflush(stdout);
}

}  // namespace everseal::bench
