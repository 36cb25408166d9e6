#include "bench/site.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

namespace everseal::bench {

void renew() {
  const int count = scaled(10'000);
  const Site site;
  site.everseal({"init"});
  site.everseal({"ca", "init", "bench", "--root-passphrase-file", site.passphrase_file()});
  std::filesystem::create_directory(site / "conf.d");
  for (int i = 0; i < count; ++i)
    std::ofstream(fmt::format("{}/host{}.toml", site / "conf.d", i))
        << fmt::format("[certificate.host{0}]\nissuer = [\"bench\"]\nidentifiers = [\"host{0}.example.org\"]\n", i);
  print_heading(fmt::format("{} managed certificates in as many config files", count));
  const Usage first = site.everseal({"renew"});
  print({"the first renew, which issues all: certificates a second", count / first.wall, "/s"});
  std::vector<double> wall;
  std::vector<double> cpu;
  double memory = 0;
  for (int i = 0; i < 15; ++i) {
    const Usage usage = site.everseal({"renew"});
    wall.push_back(usage.wall * 1e3);
    cpu.push_back(usage.cpu * 1e3);
    memory = usage.memory;
  }
  print({"renew with nothing due, wall", median(wall), "ms", {}, "< 100 ms"});
  print({"renew with nothing due, CPU", median(cpu), "ms"});
  print({"renew with nothing due, memory", memory, "MiB", {}, "< 50 MiB"});
  const Usage plan = site.everseal({"plan"});
  print({"plan over all of them, wall", plan.wall * 1e3, "ms"});
}

}  // namespace everseal::bench
