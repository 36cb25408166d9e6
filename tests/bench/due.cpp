#include "base/time.h"
#include "bench/site.h"
#include "inventory/managed.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::bench {
namespace {

constexpr std::string_view kSpec =
    R"({{"identifiers":["host{0}.example.org"],"issuer":["bench"],"key":"ecdsa-p256","name":"host{0:07}"}})";

// Nothing is to be done for them: the config names them no more.
void add_orphans(const std::string& state, int count) {
  constexpr int kBatch = 10'000;
  inventory::Store store = inventory::Store::open(state, sql::Access::read_write, base::wall_clock());
  for (int first = 0; first < count; first += kBatch)
    store.transaction([&] {
      for (int i = first; i < std::min(count, first + kBatch); ++i) {
        inventory::ManagedRecord record;
        record.name = base::Name::parse(fmt::format("host{:07}", i));
        record.spec = fmt::format(kSpec, i);
        record.spec_hash = fmt::format("{:064x}", i);
        record.origin = fmt::format("/etc/everseal/conf.d/host{}.toml:1", i);
        record.orphaned = true;
        inventory::Managed(store).put(record);
      }
    });
}

}  // namespace

void due() {
  for (const int count : {scaled(20'000), scaled(200'000)}) {
    const Site site;
    site.everseal({"init"});
    add_orphans(site.state(), count);
    site.everseal({"backup", site / "backup.db"});
    print_heading(fmt::format("{} certificates that are all due after a restore, with nothing to do for them", count));
    const Usage restored = site.everseal({"restore", site / "backup.db"});
    print({"restore, wall", restored.wall, "s"});
    print({"restore, memory", restored.memory, "MiB"});
    const Usage first = site.everseal({"renew"});
    print({"the first renew: subjects a second", count / first.wall, "/s"});
    print({"the first renew, wall", first.wall, "s"});
    print({"the first renew, memory", first.memory, "MiB", {}, "the same for both"});
    const Usage second = site.everseal({"renew"});
    print({"the second, wall", second.wall * 1e3, "ms"});
    print({"the second, memory", second.memory, "MiB"});
  }
}

}  // namespace everseal::bench
