// A certificate read from a row that joins it.
#pragma once

#include "inventory/columns.h"

#include <string_view>

namespace everseal::inventory {

inline constexpr std::string_view kCertificateColumns =
    "certificate.fingerprint, certificate.serial, certificate.subject, certificate.issuer, certificate.names, "
    "certificate.not_before, certificate.not_after, certificate.key, certificate.is_ca, certificate.first_seen, "
    "certificate.revoked_at, certificate.revocation_reason, certificate.managed, certificate.version, "
    "certificate.environment, certificate.issuer_name, certificate.version_state";
inline constexpr int kCertificateColumnCount = 17;

// Of kCertificateColumns, the first of which is `column`.
inline CertificateRecord certificate_at(const sql::Statement& row, int column) {
  CertificateRecord record;
  record.fingerprint = fingerprint_at(row, column);
  record.serial = row.text(column + 1);
  record.subject = untrusted_at(row, column + 2);
  record.issuer = untrusted_at(row, column + 3);
  record.names = untrusted_at(row, column + 4);
  record.not_before = time_at(row, column + 5);
  record.not_after = time_at(row, column + 6);
  record.key = row.text(column + 7);
  record.is_ca = flag_at(row, column + 8);
  record.first_seen = time_at(row, column + 9);
  record.revoked_at = optional_at(row, column + 10, time_at);
  record.revocation_reason = optional_at(row, column + 11, reason_at);
  record.managed = optional_at(row, column + 12, name_at);
  record.version = optional_at(row, column + 13, int_at);
  record.environment = row.text(column + 14);
  record.issuer_name = row.text(column + 15);
  record.version_state = optional_at(row, column + 16, [](const sql::Statement& at, int index) {
    return enum_at(at, index, parse_version_state, "a version's state");
  });
  return record;
}

}  // namespace everseal::inventory
