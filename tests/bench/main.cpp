// Ratios against a bare baseline, measured in one run. Nothing is asserted: a person reads the table.
#include "base/error.h"
#include "bench/measure.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <fmt/format.h>

using namespace everseal;

int main(int argc, char** argv) {
  constexpr std::pair<const char*, void (*)()> kAll[] = {
      {"startup", bench::startup}, {"sign", bench::sign}, {"inventory", bench::inventory}, {"renew", bench::renew}};
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--only") only = argv[i + 1];
    if (std::string(argv[i]) == "--scale") bench::scale = std::atof(argv[i + 1]);
  }
  try {
    for (const auto& [name, work] : kAll)
      if (only.empty() || only == name) work();
  } catch (const base::Error& error) {
    fmt::print(stderr, "bench: {}\n", error.text());
    return 1;
  }
  return 0;
}
