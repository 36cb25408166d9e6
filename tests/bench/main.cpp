// Ratios against a bare baseline, measured in one run. Nothing is asserted: a person reads the table.
#include "base/error.h"
#include "bench/measure.h"

#include <cstdlib>
#include <string>
#include <utility>

using namespace everseal;

namespace {

// In a process of its own: what a program is started from hands its peak memory on to it.
bool runs(void (*work)()) {
  try {
    bench::apart(work);
    return true;
  } catch (const base::Error&) {  // which the process said
    return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::pair<const char*, void (*)()> kAll[] = {
      {"startup", bench::startup}, {"sign", bench::sign},         {"inventory", bench::inventory},
      {"renew", bench::renew},     {"due", bench::due},           {"acme", bench::acme},
      {"audit", bench::audit},     {"discover", bench::discover}, {"probes", bench::probes}};
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--only") only = argv[i + 1];
    if (std::string(argv[i]) == "--scale") bench::scale = std::atof(argv[i + 1]);
  }
  bool failed = false;
  for (const auto& [name, work] : kAll)
    if (only.empty() || only == name) failed = !runs(work) || failed;
  return failed ? 1 : 0;
}
