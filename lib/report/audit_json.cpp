#include "report/audit_json.h"

namespace everseal::report {
namespace {

void text_or_null(JsonWriter& json, std::string_view text) {
  if (text.empty())
    json.null();
  else
    json.text(text);
}

void time_or_null(JsonWriter& json, const std::optional<base::Time>& time) {
  if (time)
    json.time(*time);
  else
    json.null();
}

void write_labels(JsonWriter& json, const AuditedPlace& place) {
  json.begin_object();
  for (const auto& [key, value] : labels_of(place)) json.key(key).text(value);
  json.end_object();
}

void write_certificate(JsonWriter& json, const inventory::CertificateRecord& certificate) {
  json.begin_object();
  json.key("fingerprint").text(certificate.fingerprint.text());
  json.key("serial").text(certificate.serial);
  json.key("subject").text(certificate.subject);
  json.key("issuer").text(certificate.issuer);
  json.key("names").texts(names_of(certificate));
  json.key("not_before").time(certificate.not_before);
  json.key("not_after").time(certificate.not_after);
  json.key("key").text(certificate.key);
  json.key("is_ca").boolean(certificate.is_ca);
  json.end_object();
}

void write_finding(JsonWriter& json, const AuditedFinding& one) {
  json.begin_object();
  json.key("rule").text(one.finding.rule);
  json.key("severity").text(one.finding.severity);
  json.key("what").text(one.finding.what);
  json.key("certificate");
  text_or_null(json, one.finding.certificate ? one.finding.certificate->text() : std::string());
  json.key("since");
  time_or_null(json, one.since);
  json.key("in_baseline").boolean(one.in_baseline);
  json.key("acknowledged");
  if (const auto& known = one.acknowledgement) {
    json.begin_object();
    json.key("reason").text(known->reason);
    json.key("by").text(known->actor);
    json.key("from").time(known->created);
    json.key("until").time(known->until);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
}

void write_timing(JsonWriter& json, std::string_view phase, const std::optional<std::chrono::microseconds>& time) {
  json.key(phase);
  if (time)
    json.number(time->count());
  else
    json.null();
}

void write_where(JsonWriter& json, const AuditedPlace& place) {
  json.key("kind").text(to_string(place.place.kind));
  json.key("name").text(place.place.name);
  json.key("address");
  text_or_null(json, place.place.address);
  json.key("environment");
  text_or_null(json, place.place.environment);
  json.key("team");
  text_or_null(json, place.place.team);
  json.key("labels");
  write_labels(json, place);
  json.key("source").text(place.place.source);
  json.key("at").time(place.probe.at);
}

void write_findings(JsonWriter& json, const AuditedPlace& place) {
  json.key("findings").begin_array();
  for (const AuditedFinding& finding : place.findings) write_finding(json, finding);
  json.end_array();
}

}  // namespace

void write_policies(JsonWriter& json, const std::vector<inventory::EnvironmentPolicy>& by_environment) {
  json.key("policies_of_environments").begin_array();
  for (const inventory::EnvironmentPolicy& one : by_environment) {
    json.begin_object().key("environment").text(one.environment).key("policy").text(one.policy);
    json.key("hash").text(one.hash).end_object();
  }
  json.end_array();
}

void write_head(JsonWriter& json, const AuditHead& head) {
  json.begin_object();
  json.key("began").time(head.began);
  json.key("what").text(head.what);
  json.key("host").text(head.host);
  json.key("version").text(head.version);
  json.key("policy").text(head.policy);
  json.key("policy_hash");
  text_or_null(json, head.policy_hash);
  write_policies(json, head.by_environment);
  json.key("fail_on").text(head.fail_on);
  json.end_object();
}

void write_offer(JsonWriter& json, const std::optional<AuditedOffer>& offer) {
  if (!offer) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("versions").texts(offer->versions).key("ciphers").texts(offer->ciphers).key("groups").texts(offer->groups);
  json.key("whole").boolean(offer->is_whole).key("server_order").value(offer->server_order);
  json.key("resumes").value(offer->resumes).key("post_quantum").value(offer->post_quantum);
  json.key("split_hello").value(offer->split_hello).key("large_hello").value(offer->large_hello);
  json.key("strict_transport").value(offer->strict_transport);
  json.end_object();
}

void write_place(JsonWriter& json, const AuditedPlace& place) {
  json.begin_object();
  write_where(json, place);
  json.key("addresses").texts(place.addresses);
  json.key("outcome").text(place.probe.outcome);
  json.key("phase").text(place.probe.phase);
  json.key("problem");
  text_or_null(json, place.probe.problem);
  json.key("severity");
  text_or_null(json, gravest(place));
  json.key("managed");
  text_or_null(json, place.managed ? place.managed->text() : std::string());
  json.key("tls_version");
  text_or_null(json, place.probe.tls_version);
  json.key("cipher");
  text_or_null(json, place.probe.cipher);
  json.key("group");
  text_or_null(json, place.probe.group);
  json.key("alpn");
  text_or_null(json, place.probe.alpn.raw());
  json.key("client_certificate");
  text_or_null(json, place.probe.client_certificate);
  json.key("timings_us").begin_object();
  write_timing(json, "resolve", place.resolve);
  write_timing(json, "connect", place.connect);
  write_timing(json, "starttls", place.starttls);
  write_timing(json, "handshake", place.probe.handshake);
  json.end_object();
  json.key("offer");
  write_offer(json, place.offer);
  json.key("ends").begin_object();
  const inventory::CertificateRecord* const leaf = leaf_of(place);
  json.key("leaf");
  time_or_null(json, leaf != nullptr ? std::optional(leaf->not_after) : std::nullopt);
  json.key("earliest");
  time_or_null(json, earliest_end(place));
  json.key("path");
  time_or_null(json, place.path_ends);
  json.end_object();
  json.key("certificates").begin_array();
  for (const auto& certificate : place.certificates) write_certificate(json, certificate);
  json.end_array();
  write_findings(json, place);
  json.end_object();
}

void write_compared(JsonWriter& json, const AuditedPlace& place) {
  json.begin_object();
  write_where(json, place);
  write_findings(json, place);
  json.end_object();
}

void write_rule(JsonWriter& json, const AuditedRule& rule) {
  json.begin_object();
  json.key("id").text(rule.id);
  json.key("severity").text(rule.severity);
  json.key("summary").text(rule.summary);
  json.key("meaning").text(rule.meaning);
  json.key("remedy").text(rule.remedy);
  json.key("source").text(rule.source);
  json.end_object();
}

void write_summary(JsonWriter& json, const AuditSummary& summary) {
  json.begin_object();
  json.key("ended").time(summary.ended);
  json.key("looked").number(summary.looked);
  json.key("failed").number(summary.failed);
  json.key("not_looked").number(summary.not_looked);
  json.key("findings").begin_object();
  for (const auto& [severity, count] : summary.findings) json.key(severity).number(count);
  json.end_object();
  json.key("acknowledged").number(summary.acknowledged);
  json.key("remarks").texts(summary.remarks);
  json.key("exit_code").number(summary.exit_code);
  json.end_object();
}

}  // namespace everseal::report
