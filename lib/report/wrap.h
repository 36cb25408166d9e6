// Text broken into lines, or cut to one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace everseal::report {

// What is done with a word that is wider than a line.
enum class LongWords { keep, split };

// Where lines begin: the first one at a column that was written to already, the others behind as many blanks.
struct Indent {
  std::size_t first = 0;
  std::size_t others = 0;
};

// Breaks printable text at blanks so that no line exceeds `width` columns. A command in `backquotes` stays in one piece
// where a line can hold it, so that it can be copied.
std::string wrap(std::string_view text, Indent indent, std::size_t width, LongWords long_words = LongWords::keep);
inline std::string wrap(std::string_view text, std::size_t indent, std::size_t width,
                        LongWords long_words = LongWords::keep) {
  return wrap(text, Indent{indent, indent}, width, long_words);
}

// The longest beginning of printable `text` that with an ellipsis fits into `width` columns; all of it where it fits.
std::string cut(std::string_view text, std::size_t width);

}  // namespace everseal::report
