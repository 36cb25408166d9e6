#include "report/borrowed_metrics.h"

#include "report/audited.h"

#include <algorithm>

namespace everseal::report {
namespace {

// "TLSv1.2" -> "TLS 1.2", "TLSv1" -> "TLS 1.0"
std::string version_of(const std::string& ours) {
  if (ours == "TLSv1") return "TLS 1.0";
  return ours.starts_with("TLSv") ? "TLS " + ours.substr(4) : ours;
}

// A serial number in hex as that exporter writes it.
std::string decimal(std::string_view hex) {
  std::string digits = "0";  // the lowest first
  for (const char c : hex) {
    const auto at = std::string_view("0123456789abcdef").find(c);
    if (at == std::string_view::npos) return std::string(hex);
    int carry = static_cast<int>(at);
    for (char& digit : digits) {
      const int value = (digit - '0') * 16 + carry;
      digit = static_cast<char>('0' + value % 10);
      carry = value / 10;
    }
    for (; carry > 0; carry /= 10) digits += static_cast<char>('0' + carry % 10);
  }
  std::ranges::reverse(digits);
  return digits;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

BorrowedMetrics::BorrowedMetrics(std::span<const std::string> exporters) {
  const auto has = [&](std::string_view name) { return std::ranges::find(exporters, name) != exporters.end(); };
  blackbox_ = has("blackbox");
  files_ = has("x509-exporter");
  managed_ = has("cert-manager");
}

void BorrowedMetrics::add(const AuditedPlace& place, const std::string& labels) {
  if (blackbox_ && place.place.kind == inventory::PlaceKind::endpoint) add_blackbox(place, labels);
  if (files_ && place.place.kind == inventory::PlaceKind::file) add_files(place, labels);
  if (managed_ && place.managed) add_managed(place, labels);
}

void BorrowedMetrics::add_blackbox(const AuditedPlace& place, const std::string& labels) {
  const auto with = [&](std::string_view name, std::string_view value) { return labels + "," + label(name, value); };
  const bool is_fine = place.probe.outcome == "complete" && gravity(gravest(place)) < gravity("error");
  success_.add(labels, is_fine ? 1 : 0);
  std::optional<std::chrono::microseconds> whole;
  for (const auto& phase : {place.resolve, place.connect, place.starttls, place.probe.handshake})
    if (phase) whole = whole.value_or(std::chrono::microseconds{}) + *phase;
  if (whole) duration_.add(labels, *whole);
  if (place.resolve) lookup_.add(labels, *place.resolve);
  if (const auto ends = earliest_end(place)) earliest_.add(labels, *ends);
  if (place.path_ends) path_.add(labels, *place.path_ends);
  if (!place.probe.tls_version.empty()) version_.add(with("version", version_of(place.probe.tls_version)), 1);
  if (!place.probe.cipher.empty()) cipher_.add(with("cipher", place.probe.cipher), 1);
  if (const auto* const leaf = leaf_of(place))
    chain_.add(
        fmt::format("{},{},{},{},{},{}", labels, label("fingerprint_sha256", leaf->fingerprint.text()),
                    label("subject", leaf->subject.raw()), label("issuer", leaf->issuer.raw()),
                    label("subjectalternative", base::join(names_of(*leaf), ",")), label("serialnumber", leaf->serial)),
        1);
}

void BorrowedMetrics::add_files(const AuditedPlace& place, const std::string& labels) {
  const std::string& path = place.place.name.raw();
  const std::string file = fmt::format("{},{},{}", labels, label("filename", file_name(path)), label("filepath", path));
  error_.add(file, place.probe.outcome == "complete" ? 0 : 1);
  for (const auto& one : place.certificates) {
    const std::string all = fmt::format("{},{},{},{}", file, label("serial_number", decimal(one.serial)),
                                        label("subject_CN", name_parts(one.subject.raw()).common),
                                        label("issuer_CN", name_parts(one.issuer.raw()).common));
    not_before_.add(all, one.not_before);
    not_after_.add(all, one.not_after);
    expired_.add(all, one.not_after < place.probe.at ? 1 : 0);
  }
}

void BorrowedMetrics::add_managed(const AuditedPlace& place, const std::string& labels) {
  if (const auto* const leaf = leaf_of(place))
    managed_end_.add(labels + "," + label("name", place.managed->text()), leaf->not_after);
}

std::string BorrowedMetrics::text() const {
  std::string out;
  for (const MetricFamily* const family : {&success_, &duration_, &lookup_, &earliest_, &path_, &version_, &cipher_,
                                           &chain_, &not_before_, &not_after_, &expired_, &error_, &managed_end_})
    out += family->text();
  return out;
}

}  // namespace everseal::report
