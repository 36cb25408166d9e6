#include "system/program.h"

#include "base/file.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

namespace everseal::system {
namespace {

constexpr std::chrono::minutes kLongest{10};  // a command that hangs; a machine may be slow

// Debian's package of each program that is not part of every system.
std::string package_of(const std::string& program) {
  const auto name = std::filesystem::path(program).filename().string();
  if (name == "nginx") return "nginx-light";
  if (name == "initdb" || name == "pg_ctl" || name == "postgres") return "postgresql";
  if (name == "mariadbd") return "mariadb-server-core";
  if (name == "dovecot") return "dovecot-imapd";
  if (name == "psql") return "postgresql-client";
  if (name == "setpriv") return "util-linux";
  return name;
}

}  // namespace

base::Exit run(Words argv, const base::Command& how) {
  base::Command command = how;
  if (!base::find_executable(argv.front()))
    throw std::runtime_error(
        fmt::format("{} is missing: install the package {} (tests/run does)", argv.front(), package_of(argv.front())));
  command.argv = std::move(argv);
  if (command.timeout == base::Command{}.timeout) command.timeout = kLongest;
  command.environment.emplace_back("EVERSEAL_JOURNAL", "off");
  // Leaks are the business of the modules' own tests, and cannot be looked for under strace.
  command.environment.emplace_back("ASAN_OPTIONS", "detect_leaks=0:verify_asan_link_order=0");
  return base::run(command);
}

std::string run_or_fail(Words argv, const base::Command& how) {
  const std::string name = argv.front();
  base::Exit exit = run(std::move(argv), how);
  if (!exit.success()) throw std::runtime_error(fmt::format("{} {}\n{}", name, describe(exit), transcript(exit)));
  return std::move(exit.output);
}

std::string transcript(const base::Exit& exit) {
  return fmt::format("{}\n--- output\n{}--- errors\n{}", describe(exit), exit.output, exit.errors);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

void write_text(const std::string& path, const std::string& text, unsigned mode) {
  base::write_file(path, base::as_bytes(text), {.user = {}, .group = {}, .mode = mode});
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void wait_until(const std::string& what, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain: " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace everseal::system
