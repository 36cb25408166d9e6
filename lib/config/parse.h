// Between the files' tables and the whole config; for this module's own files.
#pragma once

#include "config/load.h"
#include "config/reader.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::config {

inline constexpr std::string_view kCertificates = "certificate";  // the section that is no setting

// The tables of one file; nullopt and a problem where it is not TOML or of a newer version.
std::optional<base::Table> read_file(const Source& source, base::Problems& problems);

struct FileTables {
  std::string path;
  base::Table table;
};
// Merges and validates; appends every problem. `elsewhere`: references are not checked; `unparsed`: what they may lead
// to.
Config read_tables(std::vector<FileTables> files, const Kinds& kinds, base::Problems& problems, References references,
                   Unparsed unparsed);

// "issuer/le": what a problem of that table is about.
std::string subject_of(std::string_view section, std::string_view name);
bool is_certificate(std::string_view subject);
// Of settings: is that table in `config`, and away with it. A subject that is no named table is always there.
bool contains(const Config& config, std::string_view subject);
void erase(Config& config, std::string_view subject);

void sort_by_place(base::Problems& problems, const std::vector<Source>& sources);

}  // namespace everseal::config
