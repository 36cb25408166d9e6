// Files as they were read, found by the tree that they stand in.
#include "inventory/files.h"

#include "inventory/places.h"
#include "inventory/support.h"

using namespace everseal;
using namespace everseal::inventory;

namespace {

std::vector<std::string> below(Store& store, const std::string& root, int reader = 1) {
  std::vector<std::string> found;
  Files(store).each_below(root, reader, [&](const Files::Known& known) {
    found.push_back(fmt::format("{} {}{}", known.path, known.stamp, known.is_empty ? " empty" : ""));
  });
  return found;
}

}  // namespace

TEST_CASE("files are found at a path and below it, and nothing beside it") {
  TestState test;
  Files files(test.store);
  std::vector<FileRecord> all;
  for (const char* const path :
       {"/etc/ssl", "/etc/ssl/a", "/etc/ssl/b/c", "/etc/ssl-old/a", "/etc/ssl.pem", "/etc/ssl0", "/etc/sss"})
    all.push_back({.path = path, .stamp = "1", .reader = 1, .read = kNow, .holds = {}});
  files.put(all);
  CHECK(below(test.store, "/etc/ssl") ==
        std::vector<std::string>{"/etc/ssl 1 empty", "/etc/ssl/a 1 empty", "/etc/ssl/b/c 1 empty"});
  CHECK(below(test.store, "/etc/ssl/") == std::vector<std::string>{"/etc/ssl/a 1 empty", "/etc/ssl/b/c 1 empty"});
  CHECK(below(test.store, "/").size() == all.size());
  CHECK(below(test.store, "/etc/ssl", 2).empty());

  files.put(std::vector{FileRecord{.path = "/etc/ssl/a", .stamp = "2", .reader = 1, .read = kNow, .holds = {7}}});
  CHECK(below(test.store, "/etc/ssl/a") == std::vector<std::string>{"/etc/ssl/a 2"});
  CHECK(files.holds("/etc/ssl/a") == base::Bytes{7});
  CHECK_FALSE(files.holds("/etc/nothing"));
  files.forget(std::vector<std::string>{"/etc/ssl/a"});
  CHECK(below(test.store, "/etc/ssl/a").empty());
  CHECK(files.prune(kNow, 100) == 0);
  CHECK(files.prune(kNow + base::Seconds{1}, 2) == 2);
  CHECK(files.prune(kNow + base::Seconds{1}, 100) == 4);
}

TEST_CASE("places of files that no look reached are those below the path alone") {
  TestState test;
  Places places(test.store);
  const auto look_at = [&](const std::string& path, Time at) {
    Look look;
    look.place.kind = PlaceKind::file;
    look.place.name = base::Untrusted(path);
    look.probe.at = at;
    places.record(look);
  };
  for (const char* const path : {"/etc/ssl/a", "/etc/ssl/b", "/etc/ssl-old/a", "/etc/ssl"}) look_at(path, kNow);
  look_at("/etc/ssl/b", kNow + base::Seconds{60});
  const auto unreached = [&] {
    std::vector<std::string> names;
    for (const PlaceRecord& place : places.files_unreached("/etc/ssl", kNow + base::Seconds{60}))
      names.push_back(place.name.raw());
    return names;
  };
  CHECK(unreached() == std::vector<std::string>{"/etc/ssl", "/etc/ssl/a"});
  places.mark_gone(places.find(PlaceKind::file, "/etc/ssl/a", "")->id, kNow);
  CHECK(unreached() == std::vector<std::string>{"/etc/ssl"});
}
