// Rows to a reader: a sink takes columns, then rows, and writes them as its format wants.
#pragma once

#include "base/text.h"
#include "base/time.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace everseal::report {

// How a cell is coloured where colours are wanted.
enum class Tone { plain, good, warning, bad, heading };

// One value of a row. Every sink escapes text for its format, so text that came from strangers may be given as it is.
class Cell {
 public:
  using Members = std::vector<std::pair<std::string, std::string>>;
  using Data =
      std::variant<std::monostate, std::string, std::int64_t, bool, base::Time, std::vector<std::string>, Members>;

  Cell() = default;  // null
  Cell(std::string text) : data_(std::move(text)) {}
  Cell(std::string_view text) : data_(std::string(text)) {}
  Cell(const char* text) : data_(std::string(text)) {}
  Cell(const base::Untrusted& text) : data_(text.raw()) {}
  Cell(std::int64_t number) : data_(number) {}
  Cell(int number) : data_(std::int64_t{number}) {}
  Cell(bool truth) : data_(truth) {}
  Cell(base::Time time) : data_(time) {}
  Cell(std::vector<std::string> list) : data_(std::move(list)) {}
  Cell(Members members) : data_(std::move(members)) {}
  Cell(const std::vector<base::Untrusted>& list);
  template <class T>
  Cell(const std::optional<T>& value) : Cell(value ? Cell(*value) : Cell()) {}
  Cell(Cell cell, Tone tone) : data_(std::move(cell.data_)), tone_(tone) {}

  const Data& data() const noexcept { return data_; }
  Tone tone() const noexcept { return tone_; }

 private:
  Data data_;
  Tone tone_ = Tone::plain;
};

enum class Align { left, right };

// What becomes of a column whose texts are wider than there is room. keep: the rest of the row goes into the next line.
// cut: shown with an ellipsis. wrap, for the last column only: broken into lines, below the row where it must be.
enum class Narrow { keep, cut, wrap };

struct Column {
  std::string_view key;    // of the JSON member, "not_after"
  std::string_view title;  // for people, "EXPIRES"
  Align align = Align::left;
  Narrow narrow = Narrow::cut;
  int goes = 0;  // not 0: may be let go where there is no room, the highest number first
};

enum class Emphasis { none, colours };

// Where and how it is shown.
struct Surface {
  std::function<void(std::string_view)> write;
  std::optional<std::size_t> width;  // columns of a terminal; absent: all is shown
  Emphasis emphasis = Emphasis::none;
};

// Used by one thread at a time: begin once, any number of rows, end once. Throws what `write` throws.
class Sink {
 public:
  virtual ~Sink() = default;
  // `name` says what the rows are, "certificates". The columns' texts outlive the sink.
  virtual void begin(std::string_view name, std::span<const Column> columns) = 0;
  virtual void row(std::span<const Cell> cells) = 0;  // as many as columns
  virtual void end() = 0;
};

struct Kind {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Sink> (*open)(Surface surface);
};

std::span<const Kind* const> kinds();
// Throws Error(usage) that lists the known ones.
const Kind& require_kind(std::string_view name);

}  // namespace everseal::report
