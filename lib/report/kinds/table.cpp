// Aligned columns for people. Nothing is written where there are no rows.
#include "report/report.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace everseal::report {
namespace {

constexpr std::size_t kMeasured = 1000;  // rows that decide how wide the columns are
constexpr std::size_t kNarrowest = 8;    // columns that one is not cut below
constexpr std::string_view kGap = "  ";
constexpr std::size_t kFlushAt = 1 << 16;

std::string text_of(const Cell& cell) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "-"; }
    std::string operator()(const std::string& text) const { return base::printable(text); }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(bool truth) const { return truth ? "yes" : "no"; }
    std::string operator()(base::Time time) const { return base::format_time(time); }
    std::string operator()(const std::vector<std::string>& list) const {
      return list.empty() ? "-" : base::printable(base::join(list, ", "));
    }
    std::string operator()(const Cell::Members& members) const {
      std::string text;
      for (const auto& [key, value] : members)
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", base::printable(key), base::printable(value));
      return text;
    }
  };
  return std::visit(Visitor{}, cell.data());
}

// The longest beginning of printable `text` that with an ellipsis fits into `width` columns.
std::string cut(std::string_view text, std::size_t width) {
  std::size_t used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    std::size_t next = end + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xc0U) == 0x80U) ++next;
    used += base::columns(text.substr(end, next - end));
    if (used + 1 > width) break;
    end = next;
  }
  return std::string(text.substr(0, end)) + "…";
}

class TableSink : public Sink {
 public:
  explicit TableSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(std::string_view, std::span<const Column> columns) override {
    columns_.assign(columns.begin(), columns.end());
  }

  void row(std::span<const Cell> cells) override {
    std::vector<std::string> texts;
    texts.reserve(cells.size());
    for (const Cell& cell : cells) texts.push_back(text_of(cell));
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
      for (std::size_t i = 0; i < texts.size(); ++i) widths_[i] = std::max(widths_[i], base::columns(texts[i]));
    }
    fit();
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.emplace_back(column.title);
    if (surface_.emphasis == Emphasis::bold) out_ += "\x1b[1m";
    write(titles);
    if (surface_.emphasis == Emphasis::bold) out_.insert(out_.size() - 1, "\x1b[0m");
    for (const auto& texts : waiting_) write(texts);
    waiting_.clear();
  }

  // Takes from the widest column until the rows fit, or nothing is left to take.
  void fit() {
    if (!surface_.width || widths_.empty()) return;
    const std::size_t gaps = kGap.size() * (widths_.size() - 1);
    std::size_t needed = std::accumulate(widths_.begin(), widths_.end(), gaps);
    while (needed > *surface_.width) {
      const auto widest = std::ranges::max_element(widths_);
      if (*widest <= kNarrowest) return;
      --*widest;
      --needed;
    }
  }

  void write(const std::vector<std::string>& texts) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const bool last = i + 1 == texts.size();
      const bool cuts = surface_.width && base::columns(texts[i]) > widths_[i];
      const std::string& text = cuts ? (cut_ = cut(texts[i], widths_[i])) : texts[i];
      const std::size_t width = base::columns(text);
      const std::size_t padding = width < widths_[i] ? widths_[i] - width : 0;
      if (columns_[i].align == Align::right) out_.append(padding, ' ');
      out_ += text;
      if (last) break;
      if (columns_[i].align == Align::left) out_.append(padding, ' ');
      out_ += kGap;
    }
    out_.push_back('\n');
    if (out_.size() >= kFlushAt) flush();
  }

  void flush() {
    if (!out_.empty()) surface_.write(out_);
    out_.clear();
  }

  Surface surface_;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> waiting_;
  std::vector<std::size_t> widths_;  // once known
  std::string cut_;
  std::string out_;
};

std::unique_ptr<Sink> open(Surface surface) { return std::make_unique<TableSink>(std::move(surface)); }

}  // namespace

extern const Kind table_kind;
const Kind table_kind{"table", "aligned columns, for people", open};

}  // namespace everseal::report
