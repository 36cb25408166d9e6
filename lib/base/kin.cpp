#include "base/kin.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/text.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace everseal::base {
namespace {

constexpr std::size_t kLargestStat = 4096;

struct Seen {
  pid_t parent = 0;
  pid_t session = 0;
  unsigned long long start = 0;
};

// Of /proc/PID/stat (proc(5)): "PID (NAME) STATE PARENT GROUP SESSION ...", the start is the 22nd field.
std::optional<Seen> look_at(const std::string& process) {
  try {
    const Bytes stat = Directory::open("/proc/" + process).read("stat", kLargestStat).value_or(Bytes{});
    const std::string_view text = as_text(stat);
    const auto name_end = text.rfind(')');  // the name may hold anything
    if (name_end == std::string_view::npos) return std::nullopt;
    const std::vector<std::string> fields = split(trim(text.substr(name_end + 1)), ' ');
    if (fields.size() < 20) return std::nullopt;
    const auto parent = parse_number<pid_t>(fields[1]), session = parse_number<pid_t>(fields[3]);
    const auto start = parse_number<unsigned long long>(fields[19]);
    if (!parent || !session || !start) return std::nullopt;
    return Seen{*parent, *session, *start};
  } catch (const Error&) {
    return std::nullopt;  // it has ended
  }
}

std::map<pid_t, Seen> all_processes() {
  std::map<pid_t, Seen> all;
  try {
    for (const std::string& name : Directory::open("/proc").list())
      if (const auto process = parse_number<pid_t>(name))
        if (const auto seen = look_at(name)) all.emplace(*process, *seen);
  } catch (const Error&) {
    return {};
  }
  return all;
}

}  // namespace

// True where some were found that were not known.
bool Kin::look() {
  const std::map<pid_t, Seen> all = all_processes();
  const auto is_known = [&](pid_t process, unsigned long long start) {
    return std::ranges::any_of(known_,
                               [&](const Relative& one) { return one.process == process && one.start == start; });
  };
  bool grew = false;
  for (bool again = true; again;) {  // parents may have higher numbers than their children
    again = false;
    for (const auto& [process, seen] : all) {
      if (process == leader_ || is_known(process, seen.start)) continue;
      const auto parent = all.find(seen.parent);
      const bool is_child =
          seen.parent == leader_ || (parent != all.end() && is_known(seen.parent, parent->second.start));
      if (seen.session != leader_ && !is_child) continue;
      known_.push_back({process, seen.start});
      grew = again = true;
    }
  }
  return grew;
}

void Kin::signal(int number) {
  constexpr int kMostLooks = 20;  // at what makes new ones as fast as they are found
  for (int looks = 0; looks < (number == SIGKILL ? kMostLooks : 1); ++looks) {
    const bool grew = look();  // before anything is sent: whose parent has ended is nobody's child any more
    if (::kill(-leader_, number) != 0) ::kill(leader_, number);
    std::erase_if(known_, [](const Relative& one) {
      const auto seen = look_at(std::to_string(one.process));
      return !seen || seen->start != one.start;
    });
    for (const Relative& one : known_) ::kill(one.process, number);
    if (!grew) return;
  }
}

}  // namespace everseal::base
