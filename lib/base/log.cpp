#include "base/log.h"

#include "base/text.h"

#include <atomic>
#include <cstdlib>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::base::log {
namespace {

std::atomic<Level> current = Level::warning;

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("everseal");
    made->set_pattern(is_journal(STDERR_FILENO) ? "%v" : "%^%l%$: %v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum native(Level level) noexcept {
  switch (level) {
    case Level::trace: return spdlog::level::trace;
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
    case Level::off: return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::string_view priority(Level level) noexcept {
  switch (level) {
    case Level::error: return "<3>";
    case Level::warning: return "<4>";
    case Level::info: return "<6>";
    default: return "<7>";
  }
}

}  // namespace

bool is_journal(int descriptor) noexcept {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  if (stream == nullptr || ::fstat(descriptor, &status) != 0) return false;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

void set_level(Level level) noexcept { current = level; }
Level level() noexcept { return current; }

void write(Level level, std::string_view line) {
  if (level < current) return;
  std::string text = printable(line);
  if (is_journal(STDERR_FILENO)) text.insert(0, priority(level));
  logger().log(native(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace everseal::base::log
