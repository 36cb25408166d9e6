// Samples of one name in the text format 0.0.4 of Prometheus.
#pragma once

#include "base/text.h"
#include "base/time.h"

#include <chrono>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace everseal::report {

// NAME="VALUE", escaped; `value` is raw.
std::string label(std::string_view name, std::string_view value);

// A gauge. Borrows name and help.
class MetricFamily {
 public:
  MetricFamily(std::string_view name, std::string_view help) : name_(name), help_(help) {}

  template <class Number>
  void add(const std::string& labels, Number value) {
    if (!seen_.insert(labels).second) return;
    samples_ +=
        labels.empty() ? fmt::format("{} {}\n", name_, value) : fmt::format("{}{{{}}} {}\n", name_, labels, value);
  }
  void add(const std::string& labels, base::Time time) { add(labels, base::to_unix(time)); }
  void add(const std::string& labels, std::chrono::microseconds time) {
    add(labels, std::chrono::duration<double>(time).count());
  }

  std::string text() const {
    if (samples_.empty()) return {};
    return fmt::format("# HELP {} {}\n# TYPE {} gauge\n{}", name_, help_, name_, samples_);
  }

 private:
  std::string_view name_, help_;
  std::set<std::string> seen_;
  std::string samples_;
};

}  // namespace everseal::report
