// The text format 0.0.4 of Prometheus, for the textfile collector of node_exporter. A family's samples stand together,
// so all is kept until the end. What is not known has no sample, and a series stands once.
#include "report/audited.h"
#include "report/borrowed_metrics.h"
#include "report/metric_family.h"

#include <set>

#include <fmt/format.h>

namespace everseal::report {
namespace {

// Whatever people call theirs, it is a name, and none of ours.
std::string own_label(std::string_view key) {
  std::string name = "label_";
  for (const char c : key) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += is_plain ? c : '_';
  }
  return name;
}

class PrometheusSink : public AuditSink {
 public:
  explicit PrometheusSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(const AuditHead& head) override {
    began_ = head.began;
    borrowed_ = BorrowedMetrics(head.compat);
    info_.add(fmt::format("{},{},{}", label("version", head.version), label("policy", head.policy),
                          label("policy_sha256", head.policy_hash)),
              1);
  }

  void place(const AuditedPlace& place) override {
    const std::string labels = labels_of(place);
    const auto with = [&](std::string_view name, std::string_view value) { return labels + "," + label(name, value); };
    success_.add(labels, place.probe.outcome == "complete" ? 1 : 0);
    if (place.probe.outcome != "complete")
      failure_.add(with("outcome", place.probe.outcome) + "," + label("phase", place.probe.phase), 1);
    const auto add_phase = [&](std::string_view phase, const auto& time) {
      if (time) phases_.add(with("phase", phase), *time);
    };
    add_phase("resolve", place.resolve);
    add_phase("connect", place.connect);
    add_phase("starttls", place.starttls);
    add_phase("handshake", place.probe.handshake);
    if (!place.probe.tls_version.empty())
      tls_.add(fmt::format("{},{},{},{},{},{}", labels, label("version", place.probe.tls_version),
                           label("cipher", place.probe.cipher), label("group", place.probe.group),
                           label("alpn", place.probe.alpn.raw()),
                           label("client_certificate", place.probe.client_certificate)),
               1);
    add_certificates(place, labels);
    add_findings(place, labels);
    borrowed_.add(place, labels);
  }

  void compared(const AuditedPlace& place) override { add_findings(place, labels_of(place)); }

  int end(const AuditSummary& summary) override {
    ended_.add({}, summary.ended);
    duration_.add({}, (summary.ended - began_).count());
    places_.add(label("state", "complete"), summary.looked - summary.failed);
    places_.add(label("state", "failed"), summary.failed);
    places_.add(label("state", "not_looked"), summary.not_looked);
    for (const auto& [severity, count] : summary.findings) found_.add(label("severity", severity), count);
    known_.add({}, summary.acknowledged);
    std::string out;
    for (const MetricFamily* const family :
         {&info_, &ended_, &duration_, &places_, &found_, &known_, &success_, &failure_, &phases_, &tls_, &leaf_ends_,
          &earliest_ends_, &path_ends_, &leaf_begins_, &leaf_info_, &certificate_ends_, &findings_})
      out += family->text();
    out += borrowed_.text();
    surface_.write(out);
    return summary.exit_code;
  }

 private:
  static std::string labels_of(const AuditedPlace& place) {
    std::string text =
        fmt::format("{},{},{},{}", label("place", place.place.name.raw()), label("address", place.place.address),
                    label("environment", place.place.environment), label("team", place.place.team));
    std::set<std::string> names;
    for (const auto& [key, value] : report::labels_of(place))
      if (const std::string name = own_label(key); names.insert(name).second) text += "," + label(name, value);
    return text;
  }

  void add_findings(const AuditedPlace& place, const std::string& labels) {
    for (const AuditedFinding& one : place.findings)
      findings_.add(
          fmt::format("{},{},{},{}", labels, label("rule", one.finding.rule), label("severity", one.finding.severity),
                      label("acknowledged", counts(one) ? "false" : "true")),
          1);
  }

  void add_certificates(const AuditedPlace& place, const std::string& labels) {
    if (const auto* const leaf = leaf_of(place)) {
      leaf_ends_.add(labels, leaf->not_after);
      leaf_begins_.add(labels, leaf->not_before);
      leaf_info_.add(fmt::format("{},{},{},{},{},{},{}", labels, label("fingerprint", leaf->fingerprint.text()),
                                 label("serial", leaf->serial), label("subject", leaf->subject.raw()),
                                 label("issuer", leaf->issuer.raw()), label("key", leaf->key),
                                 label("managed", place.managed ? place.managed->text() : std::string())),
                     1);
    }
    if (const auto ends = earliest_end(place)) earliest_ends_.add(labels, *ends);
    if (place.path_ends) path_ends_.add(labels, *place.path_ends);
    for (const auto& one : place.certificates)
      certificate_ends_.add(fmt::format("{},{},{}", labels, label("fingerprint", one.fingerprint.text()),
                                        label("subject", one.subject.raw())),
                            one.not_after);
  }

  Surface surface_;
  base::Time began_{};
  MetricFamily info_{"everseal_audit_info", "What judged: version of Everseal, policy and its digest."};
  MetricFamily ended_{"everseal_audit_end_timestamp_seconds", "When the audit ended."};
  MetricFamily duration_{"everseal_audit_duration_seconds", "How long the audit took."};
  MetricFamily places_{"everseal_audit_places", "Places by what became of looking at them."};
  MetricFamily found_{"everseal_audit_findings",
                      "Findings by severity, without known ones and those that only say that a look failed."};
  MetricFamily known_{"everseal_audit_acknowledged_findings", "Findings that somebody acknowledged."};
  MetricFamily success_{"everseal_probe_success", "1 where the look went through to its end, else 0."};
  MetricFamily failure_{"everseal_probe_failure_info", "How and in which phase a look failed."};
  MetricFamily phases_{"everseal_probe_phase_duration_seconds", "How long each phase of a look took."};
  MetricFamily tls_{"everseal_tls_info", "What a handshake agreed on."};
  MetricFamily leaf_ends_{"everseal_leaf_not_after_timestamp_seconds", "End of the leaf at a place."};
  MetricFamily earliest_ends_{"everseal_chain_earliest_not_after_timestamp_seconds",
                              "Earliest end of the certificates that a place shows, needed or not."};
  MetricFamily path_ends_{"everseal_path_earliest_not_after_timestamp_seconds",
                          "Earliest end on the path that clients use."};
  MetricFamily leaf_begins_{"everseal_leaf_not_before_timestamp_seconds", "Begin of the leaf at a place."};
  MetricFamily leaf_info_{"everseal_leaf_info", "What the leaf at a place is."};
  MetricFamily certificate_ends_{"everseal_certificate_not_after_timestamp_seconds",
                                 "End of each certificate that a place shows."};
  MetricFamily findings_{"everseal_finding", "A rule that is broken at a place."};
  BorrowedMetrics borrowed_{{}};
};

std::unique_ptr<AuditSink> open_prometheus(Surface surface) {
  return std::make_unique<PrometheusSink>(std::move(surface));
}

}  // namespace

extern const AuditKind prometheus_audit_kind;
const AuditKind prometheus_audit_kind{"prometheus", "metrics as text, for node_exporter's textfile collector",
                                      open_prometheus};

}  // namespace everseal::report
