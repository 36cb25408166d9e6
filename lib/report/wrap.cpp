#include "report/wrap.h"

#include "base/text.h"

#include <algorithm>
#include <vector>

namespace everseal::report {
namespace {

std::size_t letter_end(std::string_view text, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) ++end;
  return end;
}

// The pieces that stay together: words, and what stands in backquotes with the marks around it.
std::vector<std::string> pieces_of(std::string_view text, std::size_t longest) {
  std::vector<std::string> words = base::split(text, ' ');
  std::vector<std::string> pieces;
  const auto opens = [](const std::string& word) { return std::ranges::count(word, '`') % 2 == 1; };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t begin = i;
    std::string quoted = words[i];
    if (opens(quoted)) {
      while (i + 1 < words.size()) {
        quoted += ' ' + words[++i];
        if (opens(words[i])) break;
      }
      if (opens(quoted) || base::columns(quoted) > longest) {  // never closed, or for no line
        quoted = words[begin];
        i = begin;
      }
    }
    pieces.push_back(std::move(quoted));
  }
  return pieces;
}

}  // namespace

std::string wrap(std::string_view text, Indent indent, std::size_t width, LongWords long_words) {
  const std::string line_break = "\n" + std::string(indent.others, ' ');
  std::string out;
  std::size_t column = indent.first;
  bool begins = true;  // nothing of `text` is on the line yet
  const auto break_line = [&] {
    out += line_break;
    column = indent.others;
    begins = true;
  };
  for (const std::string& word : pieces_of(text, width > indent.others ? width - indent.others : 0)) {
    const std::size_t size = base::columns(word);
    if (size == 0) continue;
    // What no line can hold is split where it stands, unless most of this one is full.
    const bool fits_a_line = long_words == LongWords::keep || indent.others + size <= width;
    if (!begins && ((column + 1 + size > width && (fits_a_line || column >= width / 2)) || column + 1 >= width)) {
      break_line();
    } else if (!begins) {
      out += ' ';
      ++column;
    }
    begins = false;
    if (long_words == LongWords::keep || column + size <= width) {
      out += word;
      column += size;
      continue;
    }
    for (std::size_t i = 0; i < word.size();) {
      const std::size_t end = letter_end(word, i);
      const std::string_view letter = std::string_view(word).substr(i, end - i);
      if (column > indent.others && column + base::columns(letter) > width) break_line();
      out += letter;
      begins = false;
      column += base::columns(letter);
      i = end;
    }
  }
  return out;
}

std::string cut(std::string_view text, std::size_t width) {
  if (base::columns(text) <= width) return std::string(text);
  std::size_t used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const std::size_t next = letter_end(text, end);
    used += base::columns(text.substr(end, next - end));
    if (used + 1 > width) break;
    end = next;
  }
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace everseal::report
