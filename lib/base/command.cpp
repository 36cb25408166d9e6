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

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// The last line that is not blank, made printable and short.
std::string last_line(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  text = trim(text);
  if (const auto line = text.find_last_of("\r\n"); line != std::string_view::npos) text = trim(text.substr(line + 1));
  if (text.size() <= kLongest) return printable(text);
  return printable(text.substr(0, kLongest)) + "...";
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
  const std::string line = last_line(exit.errors);
  const std::string because = line.empty() ? std::string() : ": " + line;
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
