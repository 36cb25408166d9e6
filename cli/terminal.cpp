#include "terminal.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"

#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace everseal::cli {
namespace {

constexpr std::size_t kNarrowest = 30;  // below it, broken lines are harder to read than long ones

int descriptor(Stream stream) noexcept { return stream == Stream::output ? STDOUT_FILENO : STDERR_FILENO; }

// Echo is off while this lives.
class Silence {
 public:
  explicit Silence(int tty) : tty_(tty) {
    if (::tcgetattr(tty_, &former_) != 0) throw base::errno_error("read the settings of", "the terminal");
    termios silent = former_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (::tcsetattr(tty_, TCSAFLUSH, &silent) != 0) throw base::errno_error("silence", "the terminal");
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() { ::tcsetattr(tty_, TCSAFLUSH, &former_); }

 private:
  int tty_;
  termios former_{};
};

void put(int tty, std::string_view text) {
  if (::write(tty, text.data(), text.size()) < 0) throw base::errno_error("write to", "the terminal");
}

base::Secret read_line(int tty) {
  std::string line;
  line.reserve(1024);  // so that no copy of it is left behind by growth
  char c = 0;
  while (line.size() < 1024 && ::read(tty, &c, 1) == 1 && c != '\n') line += c;
  return base::Secret::take(line);
}

}  // namespace

bool is_terminal(Stream stream) noexcept { return ::isatty(descriptor(stream)) == 1; }

std::optional<std::size_t> width(Stream stream) noexcept {
  winsize size{};
  if (!is_terminal(stream) || ::ioctl(descriptor(stream), TIOCGWINSZ, &size) != 0) return std::nullopt;
  return size.ws_col == 0 ? 80 : size.ws_col;
}

bool can_rewrite(Stream stream) noexcept {
  const char* const terminal = std::getenv("TERM");
  return is_terminal(stream) && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool wants_colour(Stream stream) noexcept {
  const char* const no_colour = std::getenv("NO_COLOR");
  return can_rewrite(stream) && (no_colour == nullptr || *no_colour == '\0');
}

std::string flowed(std::string_view text, Indent indent, Stream stream) {
  const auto columns = width(stream);
  if (!columns || *columns < kNarrowest) return std::string(text);
  std::string out;
  for (const std::string& line : base::split(text, '\n')) {
    if (!out.empty()) out += '\n';
    const std::size_t first = out.empty() ? indent.first : 0;
    out += wrap(line, {first, indent.others}, *columns);
  }
  return out;
}

std::string styled(std::string_view text, Style style, Stream stream) {
  if (!wants_colour(stream)) return std::string(text);
  const int code = style == Style::bold    ? 1
                   : style == Style::dim   ? 2
                   : style == Style::red   ? 31
                   : style == Style::green ? 32
                                           : 33;
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::optional<base::Secret> ask_secret(const std::string& question, Ask ask) {
  const base::FileDescriptor tty(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!tty) return std::nullopt;
  const Silence silence(tty.get());
  for (;;) {
    put(tty.get(), question + ": ");
    base::Secret first = read_line(tty.get());
    put(tty.get(), "\n");
    if (ask == Ask::once) return first;
    put(tty.get(), "once more: ");
    const base::Secret second = read_line(tty.get());
    put(tty.get(), "\n");
    if (!first.empty() && first.reveal_text() == second.reveal_text()) return first;
    put(tty.get(), first.empty() ? "an empty passphrase is not allowed\n" : "they differ, try again\n");
  }
}

}  // namespace everseal::cli
