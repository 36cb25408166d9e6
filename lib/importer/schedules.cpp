#include "importer/schedules.h"

#include "base/text.h"

#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <span>

#include <fmt/format.h>

namespace everseal::importer {
namespace {

// Where systemd looks for units, the first first; and where the one of root as a user does.
constexpr std::string_view kSystemFolders[] = {"/etc/systemd/system", "/run/systemd/system",
                                               "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                               "/lib/systemd/system"};
constexpr std::string_view kRootsFolders[] = {"/root/.config/systemd/user",  "/etc/systemd/user",
                                              "/run/systemd/user",           "/root/.local/share/systemd/user",
                                              "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"};
// Debian's cron lines of what systemd's timers run do nothing where it does.
constexpr const char* kSystemdRuns = "/run/systemd/system";

constexpr std::string_view kPackageTables = "/etc/cron.d";
constexpr std::string_view kUserTables[] = {"/var/spool/cron/crontabs", "/var/spool/cron", "/etc/crontabs"};
constexpr std::string_view kScripts[] = {"/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly",
                                         "/etc/cron.monthly"};
// Alpine's, whose run-parts passes over every name with something else than letters, digits, '_' and '-'.
constexpr std::string_view kPeriodic = "/etc/periodic";
constexpr std::string_view kPeriods[] = {"15min", "hourly", "daily", "weekly", "monthly"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// Is `program` a word of the line, of a path or of a unit's name?
bool names_program(std::string_view line, std::string_view program) {
  const auto is_part = [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  for (std::size_t at = line.find(program); at != std::string_view::npos; at = line.find(program, at + 1)) {
    const std::size_t end = at + program.size();
    if ((at == 0 || !is_part(line[at - 1])) && (end == line.size() || !is_part(line[end]))) return true;
  }
  return false;
}

class Timers {
 public:
  Timers(const HostFiles& host, std::span<const std::string_view> folders, std::string_view program)
      : host_(host), folders_(folders), program_(program) {}

  std::vector<Trace> active() const {
    std::vector<Trace> traces;
    for (const std::string& timer : enabled())
      if (runs_program(timer)) traces.push_back({host_.here(unit_file(timer)), 0, base::printable(timer)});
    return traces;
  }

 private:
  std::set<std::string> enabled() const {
    std::set<std::string> timers;
    for (const std::string_view folder : folders_)
      for (const std::string& wants : host_.names(std::string(folder))) {
        if (!wants.ends_with(".wants") && !wants.ends_with(".requires")) continue;
        for (const std::string& unit : host_.names(fmt::format("{}/{}", folder, wants)))
          if (unit.ends_with(".timer")) timers.insert(unit);
      }
    return timers;
  }

  // "" where there is none.
  std::string unit_file(const std::string& unit) const {
    for (const std::string_view folder : folders_)
      if (const std::string path = fmt::format("{}/{}", folder, unit); host_.has(path)) return path;
    const std::string pattern = template_of(unit);
    return pattern.empty() ? std::string() : unit_file(pattern);
  }

  // "renew@www.timer" may be an instance of "renew@.timer"; "" where it is none.
  static std::string template_of(const std::string& unit) {
    const std::size_t instance = unit.find('@') + 1;
    const std::size_t suffix = unit.rfind('.');
    if (instance == 0 || suffix == std::string::npos || suffix <= instance) return {};
    return unit.substr(0, instance) + unit.substr(suffix);
  }

  // With what stands beside it in UNIT.d/*.conf. "" where the unit is masked, or a link to nothing.
  std::string unit_text(const std::string& unit) const {
    std::string text = host_.read(unit_file(unit));
    if (text.empty()) return {};
    std::map<std::string, std::string> drop_ins;  // by file name; the first folder that has it counts
    for (const std::string& name : {unit, template_of(unit)})
      for (const std::string_view folder : folders_)
        for (const std::string& file : host_.names(fmt::format("{}/{}.d", folder, name)))
          if (file.ends_with(".conf")) drop_ins.emplace(file, fmt::format("{}/{}.d/{}", folder, name, file));
    for (const auto& [file, path] : drop_ins) text += "\n" + host_.read(path);
    return text;
  }

  // Of the options that begin with `option`; one without a value takes back what its name got before.
  static std::vector<std::string> values(std::string text, std::string_view option) {
    for (std::size_t at = 0; (at = text.find("\\\n", at)) != std::string::npos;) text.replace(at, 2, "  ");
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto whole : std::views::split(text, '\n')) {
      const std::string_view line = base::trim(std::string_view(whole.begin(), whole.end()));
      const std::size_t equals = line.find('=');
      if (equals == std::string_view::npos || !line.starts_with(option)) continue;
      const std::string name(base::trim(line.substr(0, equals)));
      const std::string_view value = base::trim(line.substr(equals + 1));
      if (value.empty())
        std::erase_if(found, [&](const auto& one) { return one.first == name; });
      else
        found.emplace_back(name, value);
    }
    std::vector<std::string> values;
    for (auto& [name, value] : found) values.push_back(std::move(value));
    return values;
  }

  bool runs_program(const std::string& timer) const {
    const std::string text = unit_text(timer);
    if (text.empty()) return false;
    const std::string name = timer.substr(0, timer.rfind('.'));
    if (names_program(name, program_)) return true;
    const std::vector<std::string> units = values(text, "Unit");
    const std::string service = units.empty() ? name + ".service" : units.back();
    return std::ranges::any_of(values(unit_text(service), "Exec"),
                               [&](const std::string& command) { return names_program(command, program_); });
  }

  const HostFiles& host_;
  std::span<const std::string_view> folders_;
  std::string_view program_;
};

class Cron {
 public:
  Cron(const HostFiles& host, std::string_view program)
      : host_(host),
        program_(program),
        systemd_runs_(host.has_directory(kSystemdRuns)),
        is_debian_(host.has("/etc/debian_version")) {}

  std::vector<Trace> active() const {
    std::vector<Trace> traces;
    const auto add = [&](const std::string& path, const auto& is_meant) {
      std::ranges::move(host_.lines(path, is_meant), std::back_inserter(traces));
    };
    const auto is_command = [this](std::string_view line) { return runs_program(line); };
    const auto is_job = [this](std::string_view line) { return !sets_variable(line) && runs_program(line); };
    add("/etc/crontab", is_job);
    for (const std::string& file : files(kPackageTables))
      if (!is_left_alone(file)) add(file, is_job);
    for (const std::string_view folder : kUserTables)
      for (const std::string& file : files(folder)) add(file, is_job);
    for (const std::string_view folder : kScripts)
      for (const std::string& file : files(folder))
        if (!is_left_alone(file) && host_.is_executable(file)) add(file, is_command);
    for (const std::string_view period : kPeriods)
      for (const std::string& file : files(fmt::format("{}/{}", kPeriodic, period)))
        if (is_plain_name(file) && host_.is_executable(file)) add(file, is_command);
    return traces;
  }

 private:
  std::vector<std::string> files(std::string_view folder) const {
    std::vector<std::string> paths = host_.names(std::string(folder));
    for (std::string& path : paths) path = fmt::format("{}/{}", folder, path);
    return paths;
  }

  static bool is_plain_name(const std::string& path) {
    return std::ranges::all_of(path.substr(path.rfind('/') + 1),
                               [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; });
  }

  // Such as MAILTO; a job begins with its time.
  static bool sets_variable(std::string_view line) {
    return !line.empty() && (is_letter(line.front()) || line.front() == '"' || line.front() == '\'');
  }

  bool runs_program(std::string_view line) const {
    const std::size_t yields = line.find(kSystemdRuns);
    const bool is_idle = systemd_runs_ && yields != std::string_view::npos && line.find('!') < yields;
    return names_program(line, program_) && !is_idle;
  }

  // cron, and run-parts for scripts, pass over what packages and editors leave behind; Debian's over every name with a
  // dot.
  bool is_left_alone(const std::string& path) const {
    const std::string name = path.substr(path.rfind('/') + 1);
    constexpr std::string_view kEnds[] = {"~", ".rpmsave", ".rpmorig", ".rpmnew", ".swp", ",v"};
    return (is_debian_ && name.find('.') != std::string::npos) ||
           std::ranges::any_of(kEnds, [&](std::string_view end) { return name.ends_with(end); });
  }

  const HostFiles& host_;
  std::string_view program_;
  bool systemd_runs_;
  bool is_debian_;
};

}  // namespace

std::vector<Trace> active_schedules(const std::string& root, std::string_view program) {
  const HostFiles host(root);
  std::vector<Trace> traces = Timers(host, kSystemFolders, program).active();
  std::ranges::move(Timers(host, kRootsFolders, program).active(), std::back_inserter(traces));
  std::ranges::move(Cron(host, program).active(), std::back_inserter(traces));
  return traces;
}

}  // namespace everseal::importer
