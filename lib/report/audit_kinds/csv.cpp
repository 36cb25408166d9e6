// Comma-separated values (RFC 4180), a row a place, written as the places come; at the end one with the outcome
// "compared" for what only all places together told of one.
#include "report/audited.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace everseal::report {
namespace {

constexpr std::string_view kCompared = "compared";  // in the place of an outcome
constexpr std::size_t kMostNames = 100;             // of a certificate; spreadsheets refuse cells that are far longer

// Makes a row of cells.
class CsvRow {
 public:
  // What a spreadsheet would take for a formula is kept from being one.
  void text(std::string_view raw) { printable_text(base::printable(raw)); }
  void printable_text(std::string_view text) {
    const bool is_formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
    const bool is_quoted = is_formula || text.find_first_of("\",\r\n") != std::string_view::npos ||
                           text.starts_with(' ') || text.ends_with(' ');
    begin();
    if (is_quoted) out_ += '"';
    if (is_formula) out_ += '\'';
    for (const char c : text) out_.append(c == '"' ? 2 : 1, c);
    if (is_quoted) out_ += '"';
  }
  void number(std::int64_t number) {
    begin();
    out_ += fmt::format("{}", number);
  }
  void time(const std::optional<base::Time>& time) { printable_text(time ? base::format_time(*time) : ""); }
  void nothing() { begin(); }
  std::string take() {
    out_ += "\r\n";
    begins_ = true;
    return std::exchange(out_, {});
  }

 private:
  void begin() {
    if (!std::exchange(begins_, false)) out_ += ',';
  }

  std::string out_;
  bool begins_ = true;
};

constexpr std::array kCsvColumns{"place",
                                 "address",
                                 "kind",
                                 "environment",
                                 "team",
                                 "source",
                                 "looked_at",
                                 "outcome",
                                 "phase",
                                 "problem",
                                 "severity",
                                 "rules",
                                 "findings",
                                 "known",
                                 "managed",
                                 "tls_version",
                                 "cipher",
                                 "group",
                                 "alpn",
                                 "client_certificate",
                                 "handshake_us",
                                 "subject",
                                 "issuer",
                                 "serial",
                                 "fingerprint",
                                 "names",
                                 "key",
                                 "not_before",
                                 "not_after",
                                 "days_left",
                                 "earliest_not_after",
                                 "path_ends",
                                 "certificates",
                                 "labels",
                                 "versions",
                                 "ciphers",
                                 "groups",
                                 "server_order",
                                 "resumes",
                                 "post_quantum",
                                 "split_hello",
                                 "large_hello",
                                 "strict_transport"};

class CsvSink : public AuditSink {
 public:
  explicit CsvSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(const AuditHead&) override {
    for (const char* const column : kCsvColumns) row_.printable_text(column);
    surface_.write(row_.take());
  }

  void place(const AuditedPlace& place) override {
    row_.text(place.place.name.raw());
    row_.text(place.place.address);
    row_.printable_text(to_string(place.place.kind));
    row_.text(place.place.environment);
    row_.text(place.place.team);
    row_.text(place.place.source);
    row_.time(place.probe.at);
    row_.printable_text(place.probe.outcome);
    row_.printable_text(place.probe.phase);
    row_.printable_text(place.probe.problem);
    write_findings(place);
    row_.printable_text(place.managed ? place.managed->text() : std::string());
    row_.printable_text(place.probe.tls_version);
    row_.printable_text(place.probe.cipher);
    row_.printable_text(place.probe.group);
    row_.text(place.probe.alpn.raw());
    row_.printable_text(place.probe.client_certificate);
    place.probe.handshake ? row_.number(place.probe.handshake->count()) : row_.nothing();
    write_certificate(place);
    std::vector<std::string> labels;
    for (const auto& [key, value] : labels_of(place)) labels.push_back(key + "=" + value);
    row_.text(base::join(labels, " "));
    write_offer(place.offer.value_or(AuditedOffer()));
    surface_.write(row_.take());
  }

  // A row of its own, as the place's is written.
  void compared(const AuditedPlace& compared) override {
    AuditedPlace row = compared;
    row.probe.outcome = kCompared;
    place(row);
  }

  int end(const AuditSummary& summary) override { return summary.exit_code; }

 private:
  void write_findings(const AuditedPlace& place) {
    std::vector<std::string> rules, sentences, known;
    for (const AuditedFinding& one : place.findings) {
      (counts(one) ? rules : known).push_back(one.finding.rule);
      if (counts(one)) sentences.push_back(one.finding.what);
    }
    row_.printable_text(gravest(place));
    row_.printable_text(base::join(rules, " "));
    row_.printable_text(base::join(sentences, "; "));
    row_.printable_text(base::join(known, " "));
  }

  void write_certificate(const AuditedPlace& place) {
    const inventory::CertificateRecord* const certificate = main_certificate(place);
    if (certificate == nullptr) {
      for (int i = 0; i < 11; ++i) row_.nothing();
    } else {
      row_.text(certificate->subject.raw());
      row_.text(certificate->issuer.raw());
      row_.printable_text(certificate->serial);
      row_.printable_text(certificate->fingerprint.text());
      write_names(names_of(*certificate));
      row_.printable_text(certificate->key);
      row_.time(certificate->not_before);
      row_.time(certificate->not_after);
      row_.number(std::chrono::floor<std::chrono::days>(certificate->not_after - place.probe.at).count());
      row_.time(earliest_end(place));
      row_.time(place.path_ends);
    }
    if (place.probe.outcome == kCompared)
      row_.nothing();
    else
      row_.number(static_cast<std::int64_t>(place.certificates.size()));
  }

  void write_offer(const AuditedOffer& offer) {
    for (const auto* const list : {&offer.versions, &offer.ciphers, &offer.groups})
      row_.printable_text(base::join(*list, " "));
    for (const auto& told :
         {offer.server_order, offer.resumes, offer.post_quantum, offer.split_hello, offer.large_hello})
      row_.printable_text(!told ? "" : *told ? "yes" : "no");
    row_.text(!offer.strict_transport                 ? std::string_view()
              : offer.strict_transport->raw().empty() ? "none"
                                                      : std::string_view(offer.strict_transport->raw()));
  }

  void write_names(std::vector<std::string> names) {
    const std::size_t left_out = names.size() - std::min(names.size(), kMostNames);
    names.resize(names.size() - left_out);
    if (left_out > 0) names.push_back(fmt::format("and {} more", left_out));
    row_.text(base::join(names, " "));
  }

  Surface surface_;
  CsvRow row_;
};

std::unique_ptr<AuditSink> open_csv(Surface surface) { return std::make_unique<CsvSink>(std::move(surface)); }

}  // namespace

extern const AuditKind csv_audit_kind;
const AuditKind csv_audit_kind{"csv", "a row a place, for spreadsheets", open_csv};

}  // namespace everseal::report
