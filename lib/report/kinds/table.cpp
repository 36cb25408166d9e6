// Aligned columns for people. Nothing is written where there are no rows.
#include "base/reprint.h"
#include "report/paint.h"
#include "report/report.h"
#include "report/wrap.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::report {
namespace {

constexpr std::size_t kMeasured = 1000;   // rows that decide how wide the columns are
constexpr std::size_t kNarrowest = 16;    // columns that one is not cut below while others can be left out
constexpr std::size_t kShortest = 8;      // nor at all
constexpr std::size_t kWrapsBeside = 24;  // columns that text needs to be wrapped beside the others
constexpr std::size_t kIndent = 4;        // of what stands below its row
constexpr std::string_view kGap = "  ";
constexpr std::size_t kTableFlushAt = 1 << 16;

struct Text {
  std::string text;
  Tone tone = Tone::plain;
};

std::string text_of(const Cell& cell) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "-"; }
    std::string operator()(const std::string& text) const { return base::reprinted(text); }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(bool truth) const { return truth ? "yes" : "no"; }
    std::string operator()(base::Time time) const { return base::format_time(time); }
    std::string operator()(const std::vector<std::string>& list) const {
      return list.empty() ? "-" : base::printable(base::join(list, ", "));
    }
    std::string operator()(const Cell::Members& members) const {
      std::string text;
      for (const auto& [key, value] : members)
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", base::printable(key), base::reprinted(value));
      return text;
    }
  };
  return std::visit(Visitor{}, cell.data());
}

class TableSink : public Sink {
 public:
  explicit TableSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(std::string_view, std::span<const Column> columns) override {
    columns_.assign(columns.begin(), columns.end());
  }

  void row(std::span<const Cell> cells) override {
    std::vector<Text> texts;
    texts.reserve(cells.size());
    for (const Cell& cell : cells) texts.push_back({text_of(cell), cell.tone()});
    if (!widths_.empty()) return write(texts);
    waiting_.push_back(std::move(texts));
    if (waiting_.size() == kMeasured) write_waiting();
  }

  void end() override {
    if (!waiting_.empty()) write_waiting();
    flush();
  }

 private:
  void write_waiting() {
    for (const Column& column : columns_) widths_.push_back(base::columns(column.title));
    for (const auto& texts : waiting_) {
      for (std::size_t i = 0; i < texts.size(); ++i) widths_[i] = std::max(widths_[i], base::columns(texts[i].text));
    }
    fit();
    std::vector<Text> titles;
    for (const Column& column : columns_) titles.push_back({std::string(column.title), Tone::heading});
    write(titles);
    for (const auto& texts : waiting_) write(texts);
    waiting_.clear();
  }

  // Which columns are shown, and how wide: those that may go are let go until the rest fits, then what may be cut is.
  void fit() {
    for (std::size_t i = 0; i < columns_.size(); ++i) shown_.push_back(i);
    if (!surface_.width) return;
    const std::size_t width = *surface_.width;
    while (least(kNarrowest) > width) {
      const auto goes = std::ranges::max_element(shown_, {}, [&](std::size_t i) { return columns_[i].goes; });
      if (goes == shown_.end() || columns_[*goes].goes == 0) break;
      shown_.erase(goes);
    }
    if (shown_.empty()) return;
    const std::size_t last = shown_.back();
    if (columns_[last].narrow == Narrow::wrap && needed() > width) {
      const std::size_t others = needed() - widths_[last];
      below_ = others + kWrapsBeside > width;
      widths_[last] = below_ ? 0 : width - others;
    }
    while (needed() > width) {
      std::size_t* widest = nullptr;
      for (const std::size_t i : shown_)
        if (columns_[i].narrow == Narrow::cut && (widest == nullptr || widths_[i] > *widest)) widest = &widths_[i];
      if (widest == nullptr || *widest <= kShortest) break;
      --*widest;
    }
    // What may not be cut goes over its column, the widest first, and the rest of its row into the next line.
    while (needed() > width) {
      std::size_t* widest = nullptr;
      for (const std::size_t i : shown_)
        if (i != last && columns_[i].narrow == Narrow::keep && (widest == nullptr || widths_[i] > *widest))
          widest = &widths_[i];
      if (widest == nullptr || *widest <= kNarrowest) break;
      --*widest;
    }
  }

  std::size_t needed() const {
    std::size_t sum = 0;
    for (const std::size_t i : shown_)
      if (!(below_ && i == shown_.back())) sum += widths_[i] + (sum == 0 ? 0 : kGap.size());
    return sum;
  }

  // What the columns that are shown need, with those that may be narrowed at `narrowest`.
  std::size_t least(std::size_t narrowest) const {
    std::size_t sum = 0;
    for (const std::size_t i : shown_) {
      const std::size_t own = columns_[i].narrow == Narrow::keep   ? widths_[i]
                              : columns_[i].narrow == Narrow::wrap ? 0
                                                                   : std::min(widths_[i], narrowest);
      sum += own + (sum == 0 ? 0 : kGap.size());
    }
    return sum;
  }

  void write(const std::vector<Text>& texts) {
    std::size_t column = 0;  // where the line stands
    std::size_t place = 0;   // where the next cell belongs
    for (const std::size_t i : shown_) {
      const auto& [text, tone] = texts[i];
      const bool wraps = i == shown_.back() && columns_[i].narrow == Narrow::wrap && surface_.width;
      if (wraps && below_) {
        if (tone == Tone::heading || text.empty() || text == "-") break;
        out_ += "\n" + std::string(kIndent, ' ');
        paint(out_, wrap(text, Indent{kIndent, kIndent}, *surface_.width, LongWords::split), tone, surface_.emphasis);
        break;
      }
      const bool cuts = surface_.width && columns_[i].narrow == Narrow::cut && base::columns(text) > widths_[i];
      const std::string shown = wraps  ? wrap(text, Indent{place, place}, *surface_.width, LongWords::split)
                                : cuts ? cut(text, widths_[i])
                                       : text;
      const std::size_t width = base::columns(shown);
      // What is longer than the rest of the line has one of its own, from its beginning.
      const bool is_too_long = surface_.width && !wraps && place > kIndent && place + width > *surface_.width;
      if (column > 0 && (column >= place || is_too_long)) {  // or the cell before went over its column
        out_ += surface_.width ? "\n" : kGap;
        column = surface_.width ? 0 : place;
      }
      const std::size_t start = is_too_long ? kIndent : place;
      if (column < start) out_.append(start - column, ' ');
      const std::size_t before = columns_[i].align == Align::right && width < widths_[i] ? widths_[i] - width : 0;
      out_.append(before, ' ');
      paint(out_, shown, tone, surface_.emphasis);
      column = start + before + width;
      place += widths_[i] + kGap.size();
    }
    out_.push_back('\n');
    if (out_.size() >= kTableFlushAt) flush();
  }

  void flush() {
    if (!out_.empty()) surface_.write(out_);
    out_.clear();
  }

  Surface surface_;
  std::vector<Column> columns_;
  std::vector<std::vector<Text>> waiting_;
  std::vector<std::size_t> widths_;  // once known
  std::vector<std::size_t> shown_;   // columns by their place
  bool below_ = false;               // the last column stands below its row
  std::string out_;
};

std::unique_ptr<Sink> open_table(Surface surface) { return std::make_unique<TableSink>(std::move(surface)); }

}  // namespace

extern const Kind table_kind;
const Kind table_kind{"table", "aligned columns, for people", open_table};

}  // namespace everseal::report
