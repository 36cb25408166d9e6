// A small audit to report: what each format is held against.
#pragma once

#include "report/audit.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace everseal::report {

inline const base::Time kAuditNow = *base::parse_time("2026-11-30T08:00:00Z");
inline constexpr base::Seconds kDay{86400};

inline AuditHead audit_head() {
  using enum AuditedRule::Nature;
  using enum AuditedRule::Identity;
  AuditHead head;
  head.began = kAuditNow;
  head.what = "5 endpoints of the config";
  head.policy = "intermediate 6.0";
  head.policy_hash = std::string(64, 'a');
  head.version = "0.9.0";
  head.host = "watch-1";
  head.fail_on = "error";
  head.rules = {
      {"expired", "critical", "certificate has expired", "Clients refuse it.", "Renew it: `everseal renew NAME`.",
       "RFC 5280 section 4.1.2.5", fault, certificate},
      {"expiring", "warning", "certificate expires soon", "It ends soon.", "Renew it.", "RFC 5280 section 4.1.2.5",
       fault, certificate},
      {"name-mismatch", "error", "certificate is for other names", "Clients refuse it.", "Ask for the name too.",
       "RFC 9525 section 6", fault, place},
      {"key-reused", "warning", "one key for different services", "Who takes it has them all.", "Issue one each.",
       "NIST SP 800-57", fault, place},
      {"no-post-quantum", "notice", "no post-quantum key exchange", "What is recorded today can be read one day.",
       "Turn X25519MLKEM768 on.", "RFC 9794", fault, place},
      {"timed-out", "error", "no answer in time", "The peer did not get on with it.", "Check firewalls.",
       "limits of the audit", failure, place},
  };
  return head;
}

inline inventory::CertificateRecord audit_certificate(const std::string& name, base::Seconds left,
                                                      base::Seconds life = 90 * kDay) {
  inventory::CertificateRecord one;
  one.fingerprint = pki::fingerprint(base::as_bytes(name + std::to_string(left.count())));
  one.serial = one.fingerprint.text().substr(0, 32);
  one.subject = base::Untrusted("CN=" + name);
  one.issuer = base::Untrusted("CN=R11, O=Let's Encrypt, C=US");
  one.names = base::Untrusted(name);
  one.not_after = kAuditNow + left;
  one.not_before = one.not_after - life;
  one.key = "ECDSA P-256";
  one.first_seen = kAuditNow;
  return one;
}

inline AuditedPlace audit_place(const std::string& name, const std::string& address,
                                std::vector<inventory::CertificateRecord> certificates) {
  using namespace std::chrono_literals;
  AuditedPlace one;
  one.place.name = base::Untrusted(name);
  one.place.address = address;
  one.place.source = "config";
  one.place.first_look = one.place.last_look = one.probe.at = kAuditNow;
  one.probe.outcome = "complete";
  one.probe.phase = "handshake";
  one.probe.tls_version = "TLSv1.3";
  one.probe.cipher = "TLS_AES_256_GCM_SHA384";
  one.probe.group = "X25519";
  one.probe.handshake = 12345us;
  one.resolve = 800us;
  one.connect = 2500us;
  if (!certificates.empty()) one.probe.leaf = certificates.front().fingerprint;
  one.certificates = std::move(certificates);
  return one;
}

inline AuditedFinding audit_finding(const std::string& rule, const std::string& severity, const std::string& what) {
  AuditedFinding one;
  one.finding.rule = rule;
  one.finding.severity = severity;
  one.finding.what = what;
  one.finding.opened = kAuditNow;
  return one;
}

inline AuditedPlace unreachable_place() {
  AuditedPlace one = audit_place("db.example.org:5432", "", {});
  one.probe = {.at = kAuditNow, .outcome = "timed_out", .phase = "connect", .problem = "no answer within 5 s"};
  one.resolve.reset();
  one.connect.reset();
  one.findings.push_back(audit_finding("timed-out", "error", "no answer within 5 s"));
  return one;
}

// One place of each sort: faultless, expiring, expired and misnamed, unreachable, known of, a file.
inline std::vector<AuditedPlace> audit_places() {
  const auto issuer = audit_certificate("R11", 900 * kDay, 3650 * kDay);
  AuditedPlace fine =
      audit_place("www.example.org:443", "10.0.0.1:443", {audit_certificate("www.example.org", 63 * kDay), issuer});
  fine.place.environment = "prod";
  fine.place.team = "web";
  fine.place.labels = R"({"rack":"r1"})";
  fine.managed = base::Name::parse("www");
  fine.path_ends = fine.certificates.front().not_after;
  fine.findings.push_back(audit_finding("no-post-quantum", "notice", "it takes no X25519MLKEM768"));

  AuditedPlace expiring =
      audit_place("shop.example.org:443", "10.0.0.2:443", {audit_certificate("shop.example.org", 9 * kDay), issuer});
  expiring.findings.push_back(
      audit_finding("expiring", "warning", "the certificate of shop.example.org ends in 9 days"));
  expiring.findings.back().finding.certificate = expiring.certificates.front().fingerprint;
  expiring.findings.back().since = kAuditNow - 3 * kDay;

  AuditedPlace expired =
      audit_place("old.example.org:443", "10.0.0.3:443", {audit_certificate("older.example.org", -3 * kDay)});
  expired.place.environment = "staging";
  expired.findings.push_back(
      audit_finding("expired", "critical", "the certificate of older.example.org ended 2026-11-27T08:00:00Z"));
  expired.findings.back().finding.certificate = expired.certificates.front().fingerprint;
  expired.findings.push_back(
      audit_finding("name-mismatch", "error", "it speaks for older.example.org, not for old.example.org"));

  AuditedPlace known =
      audit_place("lab.example.org:8443", "10.0.0.4:8443", {audit_certificate("lab.example.org", 5 * kDay)});
  known.findings.push_back(audit_finding("expiring", "warning", "the certificate of lab.example.org ends in 5 days"));
  known.findings.back().finding.certificate = known.certificates.front().fingerprint;
  known.findings.back().acknowledgement = inventory::AcknowledgementRecord{.rule = "expiring",
                                                                           .reason = "goes away with the lab",
                                                                           .actor = "alice",
                                                                           .created = kAuditNow - kDay,
                                                                           .until = kAuditNow + 30 * kDay};

  AuditedPlace file =
      audit_place("/etc/nginx/tls/fullchain.pem", "", {audit_certificate("www.example.org", 63 * kDay), issuer});
  file.place.kind = inventory::PlaceKind::file;
  file.place.source = "arguments";
  file.probe = {.at = kAuditNow, .outcome = "complete", .phase = "read", .leaf = file.probe.leaf};
  file.resolve.reset();
  file.connect.reset();
  return {fine, expiring, expired, unreachable_place(), known, file};
}

// As whoever carries an audit out counts.
inline AuditSummary audit_summary(const std::vector<AuditedPlace>& places) {
  AuditSummary summary;
  summary.ended = kAuditNow + base::Seconds{7};
  for (const char* const severity : {"critical", "error", "warning", "notice"})
    summary.findings.emplace_back(severity, 0);
  for (const AuditedPlace& place : places) {
    ++summary.looked;
    if (place.certificates.empty()) ++summary.failed;
    for (const AuditedFinding& one : place.findings) {
      if (one.acknowledgement)
        ++summary.acknowledged;
      else if (one.finding.rule != "timed-out")
        ++std::ranges::find(summary.findings, one.finding.severity, &std::pair<std::string, std::int64_t>::first)
              ->second;
    }
  }
  summary.exit_code = 3;
  return summary;
}

struct Reported {
  std::string text;
  int exit_code = -1;
};

// Looked at by --deep.
inline AuditedPlace surveyed_place() {
  AuditedPlace one =
      audit_place("deep.example.org:443", "10.0.0.9:443", {audit_certificate("deep.example.org", 60 * kDay)});
  one.offer = AuditedOffer{.versions = {"TLSv1.3", "TLSv1.2"},
                           .ciphers = {"TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"},
                           .groups = {"X25519", "P-256"},
                           .server_order = true,
                           .resumes = true,
                           .post_quantum = false,
                           .split_hello = true,
                           .large_hello = std::nullopt,
                           .strict_transport = base::Untrusted("max-age=<b>\x1b")};
  return one;
}

// What only all places together told of the first of audit_places().
inline AuditedPlace compared_place() {
  AuditedPlace one;
  one.place = audit_places().front().place;
  one.probe.at = kAuditNow;
  one.findings.push_back(audit_finding("key-reused", "warning", "one key for www.example.org and old.example.org"));
  return one;
}

inline Reported reported(std::string_view kind, const std::vector<AuditedPlace>& places, const AuditSummary& summary,
                         std::optional<std::size_t> width = std::nullopt, Emphasis emphasis = Emphasis::none,
                         const std::vector<AuditedPlace>& compared = {}) {
  Reported result;
  const auto sink = require_audit_kind(kind).open(
      {.write = [&](std::string_view text) { result.text += text; }, .width = width, .emphasis = emphasis});
  sink->begin(audit_head());
  for (const AuditedPlace& place : places) sink->place(place);
  for (const AuditedPlace& place : compared) sink->compared(place);
  result.exit_code = sink->end(summary);
  return result;
}

inline Reported reported(std::string_view kind, const std::vector<AuditedPlace>& places,
                         std::optional<std::size_t> width = std::nullopt, Emphasis emphasis = Emphasis::none) {
  return reported(kind, places, audit_summary(places), width, emphasis);
}

}  // namespace everseal::report
