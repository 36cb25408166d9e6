#include "importer/schedules.h"

#include "base/error.h"
#include "base/text.h"
#include "importer/foreign_files.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

namespace everseal::importer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 100'000;

constexpr std::string_view kUnitFolders[] = {"/etc/systemd/system", "/run/systemd/system",
                                             "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                             "/lib/systemd/system"};
constexpr std::string_view kEnabledIn[] = {"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"};
constexpr std::string_view kCronFolders[] = {"/etc/cron.d",      "/etc/cron.hourly",  "/etc/cron.daily",
                                             "/etc/cron.weekly", "/etc/cron.monthly", "/var/spool/cron/crontabs",
                                             "/var/spool/cron",  "/etc/crontabs"};
constexpr std::string_view kServerFolders[] = {"/etc/nginx", "/etc/apache2", "/etc/httpd", "/etc/haproxy"};
// Debian's cron lines of timers that systemd runs do nothing where it does.
constexpr std::string_view kSystemdRuns = "/run/systemd/system";

std::string read_or_nothing(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return {};
  try {
    return read_text(path).value_or(std::string());
  } catch (const base::Error&) {
    return {};
  }
}

bool is_comment(std::string_view line) { return line.empty() || line.starts_with('#') || line.starts_with(';'); }

// Is `program` a word of the line, of a path or of a unit's name?
bool names_program(std::string_view line, std::string_view program) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (std::size_t at = line.find(program); at != std::string_view::npos; at = line.find(program, at + 1)) {
    const std::size_t end = at + program.size();
    if ((at == 0 || !is_part(line[at - 1])) && (end == line.size() || !is_part(line[end]))) return true;
  }
  return false;
}

void add_lines(const std::string& file, const auto& is_meant, std::vector<Trace>& traces) {
  int number = 0;
  for (const std::string& whole : base::split(read_or_nothing(file), '\n')) {
    ++number;
    const std::string_view line = base::trim(whole);
    if (!is_comment(line) && is_meant(line)) traces.push_back({file, number, base::printable(line.substr(0, 400))});
  }
}

std::string unit_file(const std::string& root, const std::string& unit) {
  for (const std::string_view folder : kUnitFolders) {
    const std::string path = fmt::format("{}{}/{}", root, folder, unit);
    if (std::error_code error; fs::exists(fs::symlink_status(path, error))) return path;
  }
  return {};
}

// The unit that a timer starts.
std::string unit_of(const std::string& timer_text, const std::string& timer) {
  for (const std::string& whole : base::split(timer_text, '\n'))
    if (const std::string_view line = base::trim(whole); line.starts_with("Unit="))
      return std::string(base::trim(line.substr(5)));
  return timer.substr(0, timer.rfind('.')) + ".service";
}

bool runs_program(const std::string& root, const std::string& timer, std::string_view program) {
  const std::string file = unit_file(root, timer);
  const std::string text = read_or_nothing(file);
  if (text.empty()) return false;  // masked, or a link to nothing
  if (names_program(timer.substr(0, timer.rfind('.')), program)) return true;
  std::vector<Trace> starts;
  add_lines(
      unit_file(root, unit_of(text, timer)),
      [&](std::string_view line) { return line.starts_with("Exec") && names_program(line, program); }, starts);
  return !starts.empty();
}

std::vector<std::string> enabled_timers(const std::string& root) {
  std::set<std::string> timers;
  for (const std::string_view folder : kEnabledIn)
    for (const std::string& wants : names_in(fmt::format("{}{}", root, folder))) {
      if (!wants.ends_with(".wants") && !wants.ends_with(".requires")) continue;
      for (const std::string& unit : names_in(fmt::format("{}{}/{}", root, folder, wants)))
        if (unit.ends_with(".timer")) timers.insert(unit);
    }
  return {timers.begin(), timers.end()};
}

// "/" and "/mnt/host/" both go before a path that begins with '/'.
std::string without_slash(std::string root) {
  while (root.ends_with('/')) root.pop_back();
  return root;
}

}  // namespace

std::vector<Trace> active_schedules(const std::string& root_, std::string_view program) {
  const std::string root = without_slash(root_);
  std::vector<Trace> traces;
  for (const std::string& timer : enabled_timers(root))
    if (runs_program(root, timer, program)) traces.push_back({unit_file(root, timer), 0, timer});
  const bool systemd_runs = fs::is_directory(root + std::string(kSystemdRuns));
  const auto is_meant = [&](std::string_view line) {
    const bool yields_to_systemd =
        line.find('!') < line.find(kSystemdRuns) && line.find(kSystemdRuns) != std::string_view::npos;
    return names_program(line, program) && !(systemd_runs && yields_to_systemd);
  };
  add_lines(root + "/etc/crontab", is_meant, traces);
  for (const std::string_view folder : kCronFolders)
    for (const std::string& name : names_in(fmt::format("{}{}", root, folder)))
      add_lines(fmt::format("{}{}/{}", root, folder, name), is_meant, traces);
  return traces;
}

std::vector<Trace> references(const std::string& root_, const std::vector<std::string>& paths) {
  const std::string root = without_slash(root_);
  const auto is_meant = [&](std::string_view line) {
    return std::ranges::any_of(paths, [&](const std::string& path) {
      const std::size_t at = line.find(path);
      if (at == std::string_view::npos) return false;
      const std::size_t end = at + path.size();
      return end == line.size() || std::string_view("/;\"' \t").find(line[end]) != std::string_view::npos;
    });
  };
  std::vector<Trace> traces;
  std::set<std::string> seen;  // sites-enabled leads to sites-available
  for (const std::string_view folder : kServerFolders) {
    std::error_code error;
    for (fs::recursive_directory_iterator
             at(root + std::string(folder), fs::directory_options::skip_permission_denied, error),
         end;
         !error && at != end && seen.size() < kMostFiles; at.increment(error)) {
      std::error_code ignored;
      if (!at->is_regular_file(ignored)) continue;
      const std::string file = fs::canonical(at->path(), ignored).string();
      if (!file.empty() && seen.insert(file).second) add_lines(at->path().string(), is_meant, traces);
    }
  }
  std::ranges::sort(traces, {}, [](const Trace& trace) { return std::pair(trace.file, trace.line); });
  return traces;
}

}  // namespace everseal::importer
