#include "audit/json_tree.h"

#include "base/text.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::audit {
namespace {

constexpr std::size_t kDeepest = 16;
constexpr std::size_t kTokenShown = 40;

// Tells in which line the last character stood that is no blank: the reader looks one ahead behind a number.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  struct Lines {
    int present = 1;
    int of_token = 1;
  };

  CountingIterator(const char* at, Lines* lines) : at_(at), lines_(lines) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (*at_ == '\n') {
      ++lines_->present;
    } else if (std::isspace(static_cast<unsigned char>(*at_)) == 0) {
      lines_->of_token = lines_->present;
    }
    ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  Lines* lines_;
};

class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  // Without `keys` all members are wanted.
  Builder(const std::string& file, const CountingIterator::Lines& lines, std::span<const std::string_view> keys,
          base::Problems& problems)
      : file_(file), lines_(lines), keys_(keys), problems_(problems) {}

  bool null() override { return is_passed_over() || !keys_.empty() || complain("null", "leave it out"); }
  bool boolean(bool value) override { return add({value, here()}); }
  bool number_integer(number_integer_t value) override { return add({std::int64_t{value}, here()}); }
  bool number_unsigned(number_unsigned_t value) override {
    if (!std::in_range<std::int64_t>(value)) return is_passed_over() || complain("a number that is too large");
    return add({static_cast<std::int64_t>(value), here()});
  }
  bool number_float(number_float_t, const string_t&) override {
    return is_passed_over() || complain("a number that is no integer");
  }
  bool string(string_t& value) override { return add(base::text_value(std::move(value), here())); }
  bool binary(binary_t&) override { return complain("binary data"); }
  bool start_object(std::size_t) override { return open({base::Table(), here()}); }
  bool key(string_t& value) override {
    if (depth_passed_over_ > 0) return true;
    passes_over_next_ = !keys_.empty() && std::ranges::find(keys_, value) == keys_.end();
    if (passes_over_next_) return true;
    if (base::find(std::get<base::Table>(open_.back().value.data), value) != nullptr)
      return complain(fmt::format("the key \"{}\" stands twice", base::printable(value)), "remove one of them");
    open_.back().key = std::move(value);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open({base::List(), here()}); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string& token, const nlohmann::json::exception& error) override {
    // The library's own words for what it would have taken.
    const std::string_view text = error.what();
    const auto expected = text.rfind("expected ");
    return complain(token.empty() ? "the JSON ends too early"
                                  : fmt::format("not JSON near \"{}\"", base::printable(token.substr(0, kTokenShown))),
                    expected == std::string_view::npos ? std::string() : base::printable(text.substr(expected)));
  }

  std::optional<base::Table> take() {
    if (!done_) return std::nullopt;
    if (auto* const table = std::get_if<base::Table>(&root_.data)) return std::move(*table);
    complain("not an object", "a JSON object is expected");
    return std::nullopt;
  }

 private:
  struct Level {
    base::Value value;
    std::string key;
  };

  base::Origin here() const { return {file_, lines_.of_token}; }
  bool complain(std::string message, std::string hint = {}) {
    problems_.push_back({here(), "", std::move(message), std::move(hint)});
    return false;
  }
  // Is it, or stands in, a member that nobody wants?
  bool is_passed_over() { return depth_passed_over_ > 0 || std::exchange(passes_over_next_, false); }
  bool add(base::Value value) {
    if (is_passed_over()) return true;
    if (open_.empty()) {
      root_ = std::move(value);
      done_ = true;
    } else if (auto* const list = std::get_if<base::List>(&open_.back().value.data)) {
      list->push_back(std::move(value));
    } else {
      std::get<base::Table>(open_.back().value.data).emplace_back(std::move(open_.back().key), std::move(value));
    }
    return true;
  }
  bool open(base::Value value) {
    if (is_passed_over()) {
      ++depth_passed_over_;
      return true;
    }
    if (open_.size() == kDeepest) return complain("nested too deeply");
    open_.push_back({std::move(value), {}});
    return true;
  }
  bool close() {
    if (depth_passed_over_ > 0) {
      --depth_passed_over_;
      return true;
    }
    base::Value value = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(value));
  }

  const std::string& file_;
  const CountingIterator::Lines& lines_;
  std::span<const std::string_view> keys_;
  base::Problems& problems_;
  std::vector<Level> open_;
  base::Value root_;
  bool done_ = false;
  bool passes_over_next_ = false;
  std::size_t depth_passed_over_ = 0;
};

}  // namespace

std::optional<base::Table> parse_json_tree(std::string_view json, const std::string& file, base::Problems& problems) {
  return parse_json_members(json, {}, file, problems);
}

std::optional<base::Table> parse_json_members(std::string_view json, std::span<const std::string_view> keys,
                                              const std::string& file, base::Problems& problems) {
  CountingIterator::Lines lines;
  Builder builder(file, lines, keys, problems);
  const CountingIterator first(json.data(), &lines), last(json.data() + json.size(), &lines);
  if (!nlohmann::json::sax_parse(first, last, &builder)) return std::nullopt;
  return builder.take();
}

}  // namespace everseal::audit
