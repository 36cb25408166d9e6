// The log: for operators who follow what happens. It goes to stderr and never holds a secret.
#pragma once

#include <string_view>

#include <fmt/format.h>

namespace everseal::base::log {

enum class Level { trace, debug, info, warning, error, off };

// Sets what is written from now on; call before threads start. The default is `warning`.
void set_level(Level level) noexcept;
Level level() noexcept;

// Is `descriptor` connected to the journal (JOURNAL_STREAM, systemd.exec(5))? Its lines then begin with their priority.
bool is_journal(int descriptor) noexcept;

// Writes one line; control characters in `line` are escaped. Thread-safe.
void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::debug) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::info) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::warning) write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace everseal::base::log
