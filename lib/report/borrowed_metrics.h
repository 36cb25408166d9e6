// Names that other exporters made known, of what an audit shows: dashboards and alerts that go by them go on.
#pragma once

#include "report/audit.h"
#include "report/metric_family.h"

#include <span>
#include <string>
#include <vector>

namespace everseal::report {

// Their meaning is the exporter's, their labels are ours and those of its labels that people select by. What is not
// known has no sample.
class BorrowedMetrics {
 public:
  // `exporters`: of kExporters.
  explicit BorrowedMetrics(std::span<const std::string> exporters);

  // `labels`: of the place, as ours have them.
  void add(const AuditedPlace& place, const std::string& labels);
  std::string text() const;

 private:
  void add_blackbox(const AuditedPlace& place, const std::string& labels);
  void add_files(const AuditedPlace& place, const std::string& labels);
  void add_managed(const AuditedPlace& place, const std::string& labels);

  bool blackbox_ = false, files_ = false, managed_ = false;

  // blackbox_exporter: endpoints.
  MetricFamily success_{"probe_success",
                        "1 where a client would have agreed: the look went through and found no error, else 0."};
  MetricFamily duration_{"probe_duration_seconds", "How long the look took, of all phases together."};
  MetricFamily lookup_{"probe_dns_lookup_time_seconds", "How long the name's addresses took."};
  MetricFamily earliest_{"probe_ssl_earliest_cert_expiry", "Earliest end of the certificates that were sent."};
  MetricFamily path_{"probe_ssl_last_chain_expiry_timestamp_seconds", "Earliest end on the path that clients use."};
  MetricFamily version_{"probe_tls_version_info", "The version that was agreed on."};
  MetricFamily cipher_{"probe_tls_cipher_info", "The cipher suite that was agreed on, as OpenSSL calls it."};
  MetricFamily chain_{"probe_ssl_last_chain_info", "What the leaf is."};

  // x509-certificate-exporter: each certificate of a file.
  MetricFamily not_before_{"x509_cert_not_before", "Begin of each certificate in a file."};
  MetricFamily not_after_{"x509_cert_not_after", "End of each certificate in a file."};
  MetricFamily expired_{"x509_cert_expired", "1 where the certificate has ended, else 0."};
  MetricFamily error_{"x509_cert_error", "1 where the file could not be read whole, else 0."};

  // cert-manager: what is kept alive.
  MetricFamily managed_end_{"certmanager_certificate_expiration_timestamp_seconds",
                            "End of a managed certificate, as it is served or stored."};
};

}  // namespace everseal::report
