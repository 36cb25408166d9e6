// Very many subjects that are due at once.
#include "inventory/subjects.h"
#include "reconcile/site.h"
#include "reconcile/verbs/renew.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // g++ 12 has it in no header
#else
#include <malloc.h>
#endif

namespace {

using namespace everseal;
using namespace everseal::reconcile;

// In octets.
std::size_t heap_in_use() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return __sanitizer_get_current_allocated_bytes();
#else
  return ::mallinfo2().uordblks;
#endif
}

// Most of the heap that a run over `count` due certificates, for which nothing is to be done, uses beyond what it began
// with.
std::size_t heap_of_run(int count) {
  Site site;
  std::ofstream(site.root.path() + "/config/everseal.toml") << "config_version = 1\nworkers = 1\n";
  {
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
    store.transaction([&] {
      for (int i = 0; i < count; ++i) {
        inventory::ManagedRecord record;
        record.name = Name::parse(fmt::format("host{}", i));
        config::Certificate wanted = site.www();
        wanted.name = record.name;
        wanted.deployments.clear();
        record.spec = config::normal_form(wanted);
        record.spec_hash = fmt::format("{:064x}", i);
        record.origin = "/etc/everseal/everseal.toml:1";
        record.orphaned = true;
        inventory::Managed(store).put(record);
      }
    });
  }
  renew(site.host, {{}, Force::no});  // what is read once is read
  {
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
    inventory::Subjects(store).wake_all("certificate", site.now);
  }
  const std::size_t begin = heap_in_use();
  std::size_t most = begin;
  int looks = 0;
  Host host = site.host;
  host.clock = [&] {
    ++looks;
    most = std::max(most, heap_in_use());
    return site.now;
  };
  CHECK(renew(host, {}).outcomes.empty());
  CHECK(looks > count);
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
  CHECK(inventory::Subjects(store).due("certificate", site.now).empty());
  return most - begin;
}

TEST_CASE("however many subjects are due at once, a run works them off in the same memory") {
  const std::size_t few = heap_of_run(500);
  const std::size_t many = heap_of_run(6000);
  MESSAGE("heap of a run over 500: ", few, ", over 6000: ", many);
  // What SQLite keeps of the database in its cache is bounded, too, but not full in the first case: 2,000 KiB, and what
  // it and the allocator add to each page.
  constexpr std::size_t kCache = std::size_t{5} << 19;
  CHECK(many < few + kCache);
}

}  // namespace
