#include "dns/record_set.h"

#include "base/error.h"

#include <algorithm>
#include <map>
#include <mutex>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

constexpr int kTries = 5;

// A provider may ask to wait, which is no reason for workers in other zones to do so.
std::mutex& one_at_a_time(const std::string& zone) {
  static std::mutex mutex;
  static std::map<std::string, std::mutex> of_zones;
  const std::scoped_lock lock(mutex);
  return of_zones[zone];
}

// Reads, changes and writes until nobody came between.
template <class Read, class Change, class Write>
void change(const TxtRecord& record, Read read, Change change_values, Write write) {
  const std::scoped_lock lock(one_at_a_time(record.zone));
  for (int tries = 1; tries <= kTries; ++tries) {
    const std::vector<std::string> before = read();
    std::vector<std::string> values = before;
    change_values(values);
    if (values == before || write(before, values)) return;
  }
  throw base::Error(base::Fault::unreachable, fmt::format("others keep changing the TXT records at {}", record.name));
}

}  // namespace

void RecordSetProvider::add(const TxtRecord& record, std::stop_token stop) {
  change(
      record, [&] { return read(record, stop); },
      [&](std::vector<std::string>& values) {
        if (std::ranges::find(values, record.value) == values.end()) values.push_back(record.value);
      },
      [&](const auto& before, const auto& values) { return write(record, before, values, stop); });
}

void RecordSetProvider::remove(const TxtRecord& record, std::stop_token stop) {
  change(
      record, [&] { return read(record, stop); },
      [&](std::vector<std::string>& values) { std::erase(values, record.value); },
      [&](const auto& before, const auto& values) { return write(record, before, values, stop); });
}

}  // namespace everseal::dns
