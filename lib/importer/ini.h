// ConfigObj's dialect of INI, in which certbot keeps what it knows of a lineage.
#pragma once

#include "base/value.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::importer {

// Sections are tables, "[[b]]" below "[a]" one in it. Values are texts, in three quotes also over several lines, or
// lists of texts where a comma stands outside quotes; nothing is interpolated. Error(invalid) names the line that
// ConfigObj would not take either; it never shows it.
base::Table parse_ini(std::string_view text);

std::string text_at(const base::Table& table, std::string_view key);                // "" where absent or no text
std::vector<std::string> texts_at(const base::Table& table, std::string_view key);  // a text alone is a list of one
const base::Table& table_at(const base::Table& table, std::string_view key);        // empty where absent

// Overwrites every text in it, where some of them were secrets.
void wipe(base::Table& table) noexcept;

}  // namespace everseal::importer
