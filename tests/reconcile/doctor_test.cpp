#include "reconcile/doctor.h"

#include "fakes/temporary_directory.h"
#include "inventory/store.h"

#include <filesystem>
#include <fstream>
#include <set>

#include <doctest/doctest.h>

namespace everseal::reconcile {
namespace {

TEST_CASE("rebuilds within one second keep every database that they replace, each with its log") {
  const fakes::TemporaryDirectory directory;
  Host host;
  host.state = directory / "state";
  host.clock = [] { return base::from_unix(1795000000); };
  inventory::Store::create(host.state, host.clock());
  const std::set<std::string> colours{"red", "green", "blue"};
  for (const std::string& colour : colours) {
    inventory::Store::open(host.state, sql::Access::read_write, host.clock()).set_setting("colour", colour);
    std::ofstream(host.state + "/everseal.db-wal") << colour;
    rebuild(host);
  }
  std::set<std::string> kept;
  for (const auto& entry : std::filesystem::directory_iterator(host.state)) {
    const std::string file = entry.path();
    if (file.find(".before-rebuild-") == std::string::npos || !file.ends_with("-wal")) continue;
    std::string colour;
    std::getline(std::ifstream(file), colour);
    std::filesystem::remove(file);
    const std::string database = file.substr(0, file.size() - 4);
    auto former = inventory::Store::over(host.state, sql::open(database, sql::Access::read_only));
    CHECK(former.setting("colour") == colour);
    kept.insert(colour);
  }
  CHECK(kept == colours);
}

}  // namespace
}  // namespace everseal::reconcile
