#include "base/command.h"

#include "base/error.h"
#include "base/text.h"
#include "base/trusted.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::base {
namespace {

// The last lines that say something, made printable and short: programs often end with a mere pointer to a log.
std::string last_lines(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  constexpr std::size_t kMost = 4;
  std::vector<std::string> lines;
  std::size_t length = 0;
  while (!trim(text).empty() && lines.size() < kMost) {
    text = trim(text);
    const auto end = text.rfind('\n');
    std::string_view line = trim(end == std::string_view::npos ? text : text.substr(end + 1));
    text = end == std::string_view::npos ? std::string_view() : text.substr(0, end);
    // What a progress bar overwrote was not meant to stay.
    if (const auto overwritten = line.rfind('\r'); overwritten != std::string_view::npos)
      line = trim(line.substr(overwritten + 1));
    length += line.size() + 2;
    if (!lines.empty() && length > kLongest) break;
    lines.push_back(line.size() <= kLongest ? printable(line) : printable(line.substr(0, kLongest)) + "...");
  }
  std::ranges::reverse(lines);
  return join(lines, "; ");
}

}  // namespace

void require_usable(const Command& command) {
  const auto refuse = [](std::string message) { return Error(Fault::invalid, std::move(message)); };
  if (command.argv.empty() || command.argv.front().empty()) throw refuse("a command needs the name of a program");
  if (std::ranges::any_of(command.argv, has_nul)) throw refuse("an argument of a command holds a NUL");
  const std::string& program = command.argv.front();
  if (program.find('/') != std::string::npos && program.front() != '/')
    throw Error(Fault::invalid, fmt::format("cannot run '{}': a relative path", printable(program)),
                "name the program, or write its path from the root");
  for (const auto& [name, value] : command.environment) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
      throw refuse(fmt::format("'{}' cannot name an environment variable", printable(name)));
    // The value may be a secret by mistake, so it is not shown.
    if (has_nul(value)) throw refuse(fmt::format("the environment variable {} holds a NUL", printable(name)));
    if (name.size() + 1 + value.size() > kLongestVariable)
      throw refuse(fmt::format("the environment variable {} would be longer than 128 KiB", printable(name)));
  }
  if (has_nul(command.directory) || command.directory.empty()) throw refuse("a command needs a directory to run in");
  if (command.user && has_nul(*command.user)) throw refuse("the user of a command holds a NUL");
}

std::vector<std::string> environment_of(const Command& command, const std::optional<Account>& account) {
  std::vector<std::pair<std::string, std::string>> variables{{"PATH", std::string(kProgramPath)}};
  for (const char* const name : {"HOME", "LANG", "TZ"})
    if (const char* const value = std::getenv(name); value != nullptr) variables.emplace_back(name, value);
  const auto set = [&variables](const std::string& name, const std::string& value) {
    const auto same = std::ranges::find(variables, name, &std::pair<std::string, std::string>::first);
    if (same == variables.end())
      variables.emplace_back(name, value);
    else
      same->second = value;
  };
  if (account) set("HOME", account->home);
  for (const auto& [name, value] : command.environment) set(name, value);
  std::vector<std::string> lines;
  for (const auto& [name, value] : variables) lines.push_back(name + "=" + value);
  return lines;
}

std::string describe(const Exit& exit) {
  const std::string lines = last_lines(exit.errors);
  const std::string because = lines.empty() ? std::string() : ": " + lines;
  switch (exit.how) {
    case Exit::How::exited:
      return fmt::format("exited with status {}{}", exit.status, because);
    case Exit::How::signalled: {
      const char* const name = ::sigabbrev_np(exit.status);
      return fmt::format("was killed by signal {}{}{}", exit.status,
                         name == nullptr ? "" : fmt::format(" (SIG{})", name), because);
    }
    case Exit::How::timed_out:
      if (exit.status % 1000 != 0)
        return fmt::format("did not end within {} ms and was killed{}", exit.status, because);
      return fmt::format("did not end within {} s and was killed{}", exit.status / 1000, because);
    case Exit::How::cancelled:
      return fmt::format("was stopped before it ended{}", because);
    case Exit::How::not_started:
      return fmt::format("could not be started{}", because);
  }
  return "ended";
}

std::optional<std::string> find_executable(const std::string& name) {
  const auto is_executable = [](const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
  };
  if (name.empty() || has_nul(name)) return std::nullopt;
  if (name.front() == '/') return is_executable(name) ? std::optional(name) : std::nullopt;
  if (name.find('/') != std::string::npos) return std::nullopt;
  for (const std::string& directory : split(kProgramPath, ':'))
    if (std::string path = directory + "/" + name; is_executable(path)) return path;
  return std::nullopt;
}

void require_trusted_executable(const std::string& name) {
  if (::geteuid() != 0) return;
  if (const auto program = find_executable(name)) require_trusted(*program);
}

}  // namespace everseal::base
