// JSON of a peer as plain values. Members that are null are left out; numbers that are no integers become text.
#pragma once

#include "base/time.h"
#include "base/value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::net {

// Throws Error(invalid) where `json` is not one JSON object (RFC 8259) or nests deeper than 32. `what` names it in the
// message.
base::Table parse_json_object(std::string_view json, std::string_view what);
base::Value parse_json(std::string_view json, std::string_view what);

// Members of an object. What is absent or of another type is as good as not there.
std::string text_at(const base::Table& object, std::string_view key);  // ""
std::optional<std::int64_t> integer_at(const base::Table& object, std::string_view key);
bool flag_at(const base::Table& object, std::string_view key);  // false
std::vector<std::string> texts_at(const base::Table& object, std::string_view key);
std::vector<base::Table> objects_at(const base::Table& object, std::string_view key);
const base::Table* object_at(const base::Table& object, std::string_view key) noexcept;  // null
std::optional<base::Time> time_at(const base::Table& object, std::string_view key);      // RFC 3339

}  // namespace everseal::net
