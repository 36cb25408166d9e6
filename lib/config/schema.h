// The config's JSON schema, made of its tables and of the kinds.
#pragma once

#include "config/config.h"

#include <string>

namespace everseal::config {

// JSON Schema 2020-12 of one file, as JSON with a newline at its end. What is said across files (no name twice,
// references to something) and what a kind finds wrong beyond the types of its options is beyond it.
std::string schema(const Kinds& kinds);

}  // namespace everseal::config
