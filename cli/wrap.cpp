#include "wrap.h"

#include "base/text.h"

namespace everseal::cli {
namespace {

std::size_t letter_end(std::string_view text, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) ++end;
  return end;
}

}  // namespace

std::string wrap(std::string_view text, std::size_t indent, std::size_t width, LongWords long_words) {
  const std::string line_break = "\n" + std::string(indent, ' ');
  std::string out;
  std::size_t column = indent;
  for (const std::string& word : base::split(text, ' ')) {
    const std::size_t size = base::columns(word);
    if (size == 0) continue;
    // What no line can hold is split where it stands.
    const bool fits_a_line = long_words == LongWords::keep || indent + size <= width;
    if (column > indent && column + 1 + size > width && fits_a_line) {
      out += line_break;
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    if (long_words == LongWords::keep || column + size <= width) {
      out += word;
      column += size;
      continue;
    }
    for (std::size_t i = 0; i < word.size();) {
      const std::size_t end = letter_end(word, i);
      const std::string_view letter = std::string_view(word).substr(i, end - i);
      if (column > indent && column + base::columns(letter) > width) {
        out += line_break;
        column = indent;
      }
      out += letter;
      column += base::columns(letter);
      i = end;
    }
  }
  return out;
}

}  // namespace everseal::cli
