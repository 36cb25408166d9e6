// The status line of a Nagios plugin with its performance data, and a plugin's exit codes.
// https://nagios-plugins.org/doc/guidelines.html
#include "report/audited.h"
#include "report/wrap.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::report {
namespace {

constexpr std::size_t kMostTold = 3;
constexpr std::size_t kLongestTold = 300;  // columns; Nagios cuts what is read at some kilobytes

enum PluginState { kOk = 0, kWarning = 1, kCritical = 2, kUnknown = 3 };
constexpr std::string_view kPluginWords[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

// '|' begins the performance data.
std::string status_text(std::string text) {
  std::ranges::replace(text, '|', '/');
  return text;
}

class NagiosSink : public AuditSink {
 public:
  explicit NagiosSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(const AuditHead& head) override { began_ = head.began; }

  void place(const AuditedPlace& place) override {
    for (const AuditedFinding& one : place.findings) {
      const int gravity_of_it = gravity(one.finding.severity);
      if (!counts(one) || gravity_of_it <= gravity("notice")) continue;
      gravest_ = std::max(gravest_, gravity_of_it);
      ++troubles_;
      told_.push_back({gravity_of_it, place.place.text() + ": " + one.finding.what});
      std::ranges::stable_sort(told_, std::greater(), &Told::gravity);
      if (told_.size() > kMostTold) told_.pop_back();
    }
    if (const auto* const certificate = main_certificate(place)) {
      const auto left = certificate->not_after - place.probe.at;
      least_left_ = std::min(least_left_.value_or(left), left);
    }
    if (const auto& handshake = place.probe.handshake) slowest_ = std::max(slowest_.value_or(*handshake), *handshake);
  }

  int end(const AuditSummary& summary) override {
    const PluginState state = gravest_ >= gravity("error")     ? kCritical
                              : gravest_ == gravity("warning") ? kWarning
                              : is_whole(summary)              ? kOk
                                                               : kUnknown;
    std::string text = counted(summary.looked, "place", "places") + " looked at";
    for (const auto& [severity, count] : summary.findings)
      if (count > 0 && severity != "notice") text += fmt::format(", {} {}", count, severity);
    if (summary.failed > 0) text += fmt::format(", {} failed", summary.failed);
    if (summary.not_looked > 0) text += fmt::format(", {} not looked at", summary.not_looked);
    if (summary.acknowledged > 0) text += fmt::format(", {} known", summary.acknowledged);
    for (const Told& one : told_) text += "; " + cut(one.text, kLongestTold);
    if (troubles_ > told_.size()) text += fmt::format("; and {} more", troubles_ - told_.size());
    surface_.write(line(state, text) + performance(summary) + "\n");
    return state;
  }

  std::optional<int> fail(std::string_view problem) override {
    surface_.write(line(kUnknown, base::printable(problem)) + "\n");
    return kUnknown;
  }

 private:
  struct Told {
    int gravity;
    std::string text;
  };

  // Who did not answer is a finding.
  static bool is_whole(const AuditSummary& summary) {
    return summary.looked > 0 && summary.not_looked == 0 && summary.is_whole;
  }

  static std::string line(PluginState state, const std::string& text) {
    return fmt::format("EVERSEAL {} - {}", kPluginWords[state], status_text(text));
  }

  // What is not known has no value.
  std::string performance(const AuditSummary& summary) const {
    std::string text = fmt::format(" | places={};;;0 failed={};;;0", summary.looked, summary.failed);
    for (const auto& [severity, count] : summary.findings) text += fmt::format(" {}={};;;0", severity, count);
    if (least_left_) text += fmt::format(" left={}s;;;", least_left_->count());
    if (slowest_) text += fmt::format(" handshake={:.6f}s;;;0", std::chrono::duration<double>(*slowest_).count());
    return text + fmt::format(" time={}s;;;0", (summary.ended - began_).count());
  }

  Surface surface_;
  base::Time began_{};
  int gravest_ = 0;
  std::size_t troubles_ = 0;
  std::vector<Told> told_;  // the gravest first
  std::optional<base::Seconds> least_left_;
  std::optional<std::chrono::microseconds> slowest_;
};

std::unique_ptr<AuditSink> open_nagios(Surface surface) { return std::make_unique<NagiosSink>(std::move(surface)); }

}  // namespace

extern const AuditKind nagios_audit_kind;
const AuditKind nagios_audit_kind{"nagios", "a plugin's status line and exit code, for Nagios and its kin",
                                  open_nagios};

}  // namespace everseal::report
