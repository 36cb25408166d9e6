// Text: what peers wrote, what people type, and how it is shown.
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::base {

// Text that came from a certificate, a peer or a CA. It can hold anything: control bytes, terminal escapes,
// bidirectional overrides, broken UTF-8. It cannot be formatted; a renderer escapes it for its format first.
class Untrusted {
 public:
  Untrusted() = default;
  explicit Untrusted(std::string raw) : raw_(std::move(raw)) {}
  // The named door, for comparing, storing and escaping.
  const std::string& raw() const noexcept { return raw_; }
  bool empty() const noexcept { return raw_.empty(); }
  auto operator<=>(const Untrusted&) const = default;

 private:
  std::string raw_;
};

// One line for a terminal or a log: control characters, DEL, C1, line and paragraph separators, bidirectional and
// zero-width formatting characters, and broken UTF-8 become \n, \xNN or \u{NNNN}; a backslash becomes \\.
std::string printable(std::string_view text);
inline std::string printable(const Untrusted& text) { return printable(std::string_view(text.raw())); }

// A JSON string literal with its quotes (RFC 8259); broken UTF-8 becomes U+FFFD, and what `printable` would escape
// is \uNNNN, so that JSON shown on a terminal is as harmless.
std::string json_string(std::string_view text);
void append_json_string(std::string& out, std::string_view text);

std::string lower(std::string_view text);  // ASCII only
// TOML can write one; no path, argument or message can carry it.
inline bool has_nul(std::string_view text) noexcept { return text.find('\0') != std::string_view::npos; }
std::string_view trim(std::string_view text) noexcept;
std::vector<std::string> split(std::string_view text, char separator);  // keeps empty parts
// "a/b" -> {"a", "b"}, "/b" -> {"/", "b"}, "b" -> {".", "b"}: the directory, and the name in it.
std::pair<std::string, std::string> split_path(const std::string& path);
std::string join(std::span<const std::string> parts, std::string_view separator);

// Splits at blanks as a shell does, with '...', "..." and backslash, and nothing else: no variables, no globs.
// nullopt where a quote is left open.
std::optional<std::vector<std::string>> split_words(std::string_view text);

// The candidate nearest to `word` by edits, where one is near enough to be meant; for "did you mean".
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// How many columns `text` takes on a terminal (wcwidth over UTF-8; text must be printable).
std::size_t columns(std::string_view text) noexcept;

}  // namespace everseal::base
