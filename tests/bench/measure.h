// What the benchmarks share: processes and pieces of work measured side by side, and the table of ratios.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace everseal::bench {

// Of one process that ran to its end.
struct Usage {
  double wall = 0;    // seconds
  double cpu = 0;     // seconds, user and system
  double memory = 0;  // MiB, the most that was resident
};
struct Run {
  enum class Errors { shown, hidden };
  int status = 0;  // with which it ends; another throws
  Errors errors = Errors::shown;
};
// Output goes nowhere.
Usage run(const std::vector<std::string>& argv, const Run& how = {});
// The same of `work` in a process of its own, which begins with no thread but its own. Throws where that fails.
Usage apart(const std::function<void()>& work);

// Seconds that `work` takes on the wall.
double seconds(const std::function<void()>& work);

// Runs ours and theirs in turn, `rounds` times, so that what disturbs the machine disturbs both; medians.
struct Pair {
  double ours = 0;
  double theirs = 0;
};
Pair in_turn(int rounds, const std::function<double()>& ours, const std::function<double()>& theirs);
double median(std::vector<double> values);
double median(const std::vector<Usage>& usages, double Usage::*figure);
double mean(const std::vector<Usage>& usages, double Usage::*figure);

// One line: what, ours, the baseline's figure, and their ratio beside the goal that it is held against by a reader.
struct Line {
  std::string what;
  double ours = 0;
  std::string unit;
  std::optional<double> baseline = {};
  std::string goal = {};  // "<= 1.5x"
};
void print(const Line& line);
void print_heading(const std::string& text);

// Sizes are multiplied by this: --scale 0.1 is a quick look.
extern double scale;
int scaled(int size);

// The benchmarks, one file each.
void startup();
void sign();
void inventory();
void probes();
void renew();
void due();
void acme();
void audit();
void discover();

}  // namespace everseal::bench
