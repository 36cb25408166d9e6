#include "base/log.h"

#include "base/text.h"

#include <atomic>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace everseal::base::log {
namespace {

std::atomic<Level> current = Level::warning;

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("everseal");
    made->set_pattern("%^%l%$: %v");
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

}  // namespace

void set_level(Level level) noexcept { current = level; }
Level level() noexcept { return current; }

void write(Level level, std::string_view line) {
  if (level < current) return;
  const std::string text = printable(line);
  logger().log(native(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace everseal::base::log
