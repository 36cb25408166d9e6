// Text broken into lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace everseal::cli {

// What is done with a word that is wider than a line.
enum class LongWords { keep, split };

// Breaks printable text at blanks so that no line exceeds `width` columns. The first line is taken to begin at column
// `indent`; the others get as many blanks.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width, LongWords long_words = LongWords::keep);

}  // namespace everseal::cli
