// For people: a line a place as the audit goes on, below it what is wrong there, and what it comes to at the end. All
// columns but the last have one width from the first line on.
#include "report/audited.h"
#include "report/paint.h"
#include "report/wrap.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::report {
namespace {

constexpr std::size_t kBar = 8;
constexpr std::size_t kDetailsFrom = 110;  // columns of a terminal
constexpr std::size_t kBelowPlace = 10;    // of what stands below its place
constexpr std::string_view kFieldGap = "  ";

// A text in so many columns, blanks behind it.
struct Field {
  std::string_view title;
  std::size_t width;
};
constexpr Field kState{"STATE", 8}, kLife{"LIFE", kBar}, kLeft{"LEFT", 14}, kTls{"TLS", 7}, kKey{"KEY", 11},
    kIssuer{"ISSUER", 20};

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBar + 0.5);
  // What has life left never looks as if it had none.
  const std::size_t shown = share > 0 ? std::max<std::size_t>(full, 1) : 0;
  std::string text;
  for (std::size_t i = 0; i < kBar; ++i) text += i < shown ? "█" : "░";
  return text;
}

class AuditTable : public AuditSink {
 public:
  explicit AuditTable(Surface surface) : surface_(std::move(surface)) {}

  void begin(const AuditHead& head) override {
    rules_ = AuditedRules(head.rules);
    began_ = head.began;
    policy_ = head.policy;
    by_environment_ = head.by_environment;
  }

  void place(const AuditedPlace& place) override { write(place, {}); }

  void compared(const AuditedPlace& place) override { write(place, "compared with the others"); }

  int end(const AuditSummary& summary) override {
    if (!is_empty_) out_ += '\n';
    write_summary(summary);
    write_policies();
    for (const std::string& remark : summary.remarks) write_lines(remark);
    if (finds_) write_lines("`everseal audit --explain RULE` says what a rule means and what to do.");
    flush();
    return summary.exit_code;
  }

 private:
  // Where more than one policy judged.
  void write_policies() {
    for (const inventory::EnvironmentPolicy& one : by_environment_)
      write_lines(fmt::format("{} is judged by {} (SHA-256 {}), what has no policy of its own by {}",
                              base::printable(one.environment), base::printable(one.policy), one.hash.substr(0, 12),
                              base::printable(policy_)));
  }

  bool has_details() const { return !surface_.width || *surface_.width >= kDetailsFrom; }

  void write(const AuditedPlace& place, std::string_view remark) {
    if (std::exchange(is_empty_, false)) write_titles();
    write_row(place, remark);
    for (const Told& one : told_at(place))
      if (!one.is_note()) write_finding(*one.first, one.count);
    if (is_survey(place.offer))
      for (const OfferPart& part : parts_of(*place.offer))
        write_below(part.name, Tone::heading, base::printable(part.text));
    flush();
  }

  // What one rule found at a place, the gravest of it first: what is known apart from what counts.
  struct Told {
    const AuditedFinding* first;
    std::size_t count = 1;

    bool is_note() const { return !counts(*first) || gravity(first->finding.severity) <= gravity("notice"); }
  };

  static std::vector<Told> told_at(const AuditedPlace& place) {
    std::vector<Told> told;
    for (const AuditedFinding& one : place.findings) {
      const auto same = std::ranges::find_if(told, [&](const Told& before) {
        return before.first->finding.rule == one.finding.rule && counts(*before.first) == counts(one);
      });
      if (same == told.end())
        told.push_back({&one});
      else
        ++same->count;
    }
    return told;
  }

  void write_titles() {
    write_field(kState, kState.title, Tone::heading);
    write_field(kLife, kLife.title, Tone::heading);
    write_field(kLeft, kLeft.title, Tone::heading);
    if (has_details())
      for (const Field& field : {kTls, kKey, kIssuer}) write_field(field, field.title, Tone::heading);
    paint(out_, "PLACE", Tone::heading, surface_.emphasis);
    out_ += '\n';
    column_ = 0;
  }

  void write_row(const AuditedPlace& place, std::string_view remark) {
    const std::string_view state = rules_.state_of(place);
    write_field(kState, state, state == "failed" ? Tone::bad : gravity(state) > 0 ? tone_of(state) : Tone::good);
    const inventory::CertificateRecord* const certificate = main_certificate(place);
    if (certificate != nullptr) {
      const std::string_view ends = gravest_of_ends(place);
      const Tone tone = gravity(ends) > gravity("notice") ? tone_of(ends) : Tone::good;
      write_field(kLife, bar(life_left(*certificate, place.probe.at)), tone);
      write_field(kLeft, time_left(certificate->not_after, place.probe.at), tone == Tone::good ? Tone::plain : tone);
    } else {
      write_field(kLife, "");
      write_field(kLeft, "-");
    }
    if (has_details()) {
      write_field(kTls, place.probe.tls_version.empty() ? "-" : place.probe.tls_version);
      write_field(kKey, certificate == nullptr ? "-" : certificate->key);
      write_field(kIssuer, certificate == nullptr ? "-" : base::printable(short_name(certificate->issuer.raw())));
    }
    write_place(place, remark);
    out_ += '\n';
    column_ = 0;
  }

  // The name is never cut; what more there is to say of it stays away where it does not fit beside it.
  void write_place(const AuditedPlace& place, std::string_view remark) {
    const std::string name = place.place.text();
    const std::size_t indent = std::exchange(column_, 0);
    if (!surface_.width) {
      out_ += name;
    } else if (indent + base::columns(name) <= *surface_.width || *surface_.width < indent + kBelowPlace) {
      out_ += name;
    } else {
      out_ += wrap(name, indent, *surface_.width, LongWords::split);
      return;
    }
    std::size_t column = indent + base::columns(name);
    std::vector<std::string> notes = notes_of(place);
    if (!remark.empty()) notes.insert(notes.begin(), std::string(remark));
    for (const std::string& note : notes) {
      const std::size_t size = base::columns(note) + kFieldGap.size();
      if (surface_.width && column + size > *surface_.width) continue;
      out_ += kFieldGap;
      out_ += note;
      column += size;
    }
  }

  static std::vector<std::string> notes_of(const AuditedPlace& place) {
    std::vector<std::string> notes;
    if (!place.place.environment.empty()) notes.push_back(base::printable(place.place.environment));
    if (place.managed) notes.push_back("managed as " + place.managed->text());
    // What ends first of a bundle is no leaf.
    if (showed_certificates(place) && std::ranges::all_of(place.certificates, &inventory::CertificateRecord::is_ca))
      notes.push_back(counted(std::ssize(place.certificates), "CA certificate", "CA certificates"));
    for (const Told& one : told_at(place))
      if (one.is_note())
        notes.push_back(fmt::format("({}{}{})", counts(*one.first) ? "" : "known: ", one.first->finding.rule,
                                    one.count > 1 ? fmt::format(", {} times", one.count) : ""));
    return notes;
  }

  // And how many more there are of it.
  void write_finding(const AuditedFinding& one, std::size_t count) {
    finds_ = true;
    write_below(fmt::format("{} {}", one.finding.severity, one.finding.rule), tone_of(one.finding.severity),
                count == 1 ? one.finding.what : fmt::format("{}; and {} more of it", one.finding.what, count - 1));
  }

  // "HEAD: WHAT"
  void write_below(std::string_view head, Tone tone, const std::string& what) {
    out_.append(kBelowPlace, ' ');
    paint(out_, fmt::format("{}:", head), tone, surface_.emphasis);
    out_ += ' ';
    const std::size_t column = kBelowPlace + base::columns(head) + 2;
    out_ += surface_.width ? wrap(what, Indent{column, kBelowPlace + 2}, *surface_.width, LongWords::split) : what;
    out_ += '\n';
  }

  void write_summary(const AuditSummary& summary) {
    std::string text = counted(summary.looked, "place", "places") + " looked at";
    if (summary.ended > began_) text += " in " + base::approximate(summary.ended - began_);
    std::vector<std::string> found;
    Tone tone = Tone::good;
    for (const auto& [severity, count] : summary.findings) {
      if (count == 0) continue;
      if (tone == Tone::good) tone = gravity(severity) > gravity("notice") ? tone_of(severity) : Tone::good;
      found.push_back(severity == "critical" ? fmt::format("{} critical", count)
                                             : counted(count, severity, severity + "s"));
    }
    text += ": " + (found.empty() ? std::string("nothing found") : base::join(found, ", "));
    if (summary.acknowledged > 0) text += fmt::format(", {} known", summary.acknowledged);
    if (summary.failed > 0) {
      text += fmt::format("; {} failed", summary.failed);
      if (tone == Tone::good) tone = Tone::warning;
    }
    if (summary.not_looked > 0) {
      text += fmt::format("; {} not looked at", summary.not_looked);
      if (tone == Tone::good) tone = Tone::warning;
    }
    write_lines(text, tone);
  }

  void write_lines(const std::string& line, Tone tone = Tone::plain) {
    paint(out_, surface_.width ? wrap(line, Indent{0, 2}, *surface_.width, LongWords::split) : line, tone,
          surface_.emphasis);
    out_ += '\n';
  }

  void write_field(const Field& field, std::string_view text, Tone tone = Tone::plain) {
    const std::string shown = cut(text, field.width);
    paint(out_, shown, tone, surface_.emphasis);
    out_.append(field.width - base::columns(shown), ' ');
    out_ += kFieldGap;
    column_ += field.width + kFieldGap.size();
  }

  void flush() {
    surface_.write(out_);
    out_.clear();
  }

  Surface surface_;
  AuditedRules rules_;
  base::Time began_{};
  std::string policy_;
  std::vector<inventory::EnvironmentPolicy> by_environment_;
  std::size_t column_ = 0;  // where the row stands
  bool is_empty_ = true;    // no place yet
  bool finds_ = false;      // something above a notice
  std::string out_;
};

std::unique_ptr<AuditSink> open_audit_table(Surface surface) {
  return std::make_unique<AuditTable>(std::move(surface));
}

}  // namespace

extern const AuditKind table_audit_kind;
const AuditKind table_audit_kind{"table", "a line a place and what is wrong there, for people", open_audit_table};

}  // namespace everseal::report
