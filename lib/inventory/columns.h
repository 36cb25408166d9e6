// Columns read as the types of records.h. What does not read back was not written by us: Error(corrupt).
#pragma once

#include "base/error.h"
#include "inventory/records.h"
#include "sql/database.h"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace everseal::inventory {

[[noreturn]] inline void throw_unreadable(std::string_view what) {
  throw base::Error(base::Fault::corrupt, fmt::format("the database holds {} that cannot be read", what),
                    "`everseal restore FILE` brings back a backup; `everseal doctor --rebuild` makes a new database");
}

inline std::string text_at(const sql::Statement& row, int column) { return std::string(row.text(column)); }
inline Time time_at(const sql::Statement& row, int column) { return base::from_unix(row.integer(column)); }
inline int int_at(const sql::Statement& row, int column) { return static_cast<int>(row.integer(column)); }
inline bool flag_at(const sql::Statement& row, int column) { return row.integer(column) != 0; }
inline base::Bytes bytes_at(const sql::Statement& row, int column) {
  const base::BytesView blob = row.blob(column);
  return {blob.begin(), blob.end()};
}
inline base::Untrusted untrusted_at(const sql::Statement& row, int column) {
  return base::Untrusted(std::string(base::as_text(row.blob(column))));
}

inline Name name_at(const sql::Statement& row, int column) {
  const std::string_view text = row.text(column);
  if (!Name::is_valid(text)) throw_unreadable("a name");
  return Name::parse(text);
}

inline pki::Fingerprint fingerprint_of(base::BytesView octets) {
  pki::Fingerprint fingerprint;
  if (octets.size() != fingerprint.octets.size()) throw_unreadable("a fingerprint");
  std::copy(octets.begin(), octets.end(), fingerprint.octets.begin());
  return fingerprint;
}
inline pki::Fingerprint fingerprint_at(const sql::Statement& row, int column) {
  return fingerprint_of(row.blob(column));
}

inline pki::RevocationReason reason_at(const sql::Statement& row, int column) {
  return static_cast<pki::RevocationReason>(row.integer(column));
}

// nullopt for NULL, otherwise what `read` makes of the column.
template <class Read>
auto optional_at(const sql::Statement& row, int column, Read read) -> std::optional<decltype(read(row, column))> {
  if (row.is_null(column)) return std::nullopt;
  return read(row, column);
}

template <class Parse>
auto enum_at(const sql::Statement& row, int column, Parse parse, std::string_view what) {
  const auto value = parse(row.text(column));
  if (!value) throw_unreadable(what);
  return *value;
}

// authority, role, generation, state, fingerprint, der, key_file
inline AuthorityCertificateRecord authority_certificate_at(const sql::Statement& row) {
  AuthorityCertificateRecord certificate;
  certificate.authority = name_at(row, 0);
  certificate.role = enum_at(row, 1, parse_authority_role, "an authority's role");
  certificate.generation = int_at(row, 2);
  certificate.state = enum_at(row, 3, parse_generation_state, "a generation's state");
  certificate.fingerprint = fingerprint_at(row, 4);
  certificate.der = bytes_at(row, 5);
  certificate.key_file = text_at(row, 6);
  return certificate;
}

inline std::optional<std::int64_t> unix_of(const std::optional<Time>& time) {
  if (!time) return std::nullopt;
  return base::to_unix(*time);
}
inline std::optional<std::int64_t> number_of(const std::optional<pki::RevocationReason>& reason) {
  if (!reason) return std::nullopt;
  return static_cast<std::int64_t>(*reason);
}

}  // namespace everseal::inventory
