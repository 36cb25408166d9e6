// The queries behind list, show and what asks for the audit's memory, straight through SQLite's own interface on the
// same database.
#pragma once

#include <cstdint>
#include <string>

struct sqlite3;

namespace everseal::bench {

// Each query gives the seconds it took; every column of every row is read.
class BareSql {
 public:
  explicit BareSql(const std::string& file);
  ~BareSql();
  BareSql(const BareSql&) = delete;
  BareSql& operator=(const BareSql&) = delete;

  double expiring(std::int64_t now, std::int64_t before) const;
  double named(const std::string& reversed) const;
  double fingerprint(const std::string& hex) const;
  // Sightings and findings that began or ended in that time, with their places.
  double changed(std::int64_t from, std::int64_t until) const;
  // Certificates with the places that showed them then.
  double shown_at(std::int64_t when) const;
  // Copies all rows of both certificate tables into a new database with the same indexes; rows of the first a second.
  double copy_rate(const std::string& file) const;

 private:
  double query(const std::string& sql) const;
  sqlite3* db_ = nullptr;
};

}  // namespace everseal::bench
