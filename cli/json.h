// What several documents write alike.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

namespace everseal::cli {

inline nlohmann::ordered_json text_or_null(std::string_view text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

}  // namespace everseal::cli
