// The config's JSON schema, made of its tables and of the kinds.
#pragma once

#include "config/config.h"

#include <span>
#include <string>

namespace everseal::config {

// JSON Schema 2020-12 of one file, as JSON with a newline at its end. What is said across files (no name twice,
// references to something) and what a kind finds wrong beyond the types of its options is beyond it.
std::string schema(const Kinds& kinds);

// The schema of an object with these options, as JSON; it refers to `#/$defs` of the document that it becomes part of,
// where the schemas of values belong.
std::string schema_of(std::span<const base::Option> options);
std::string schemas_of_values();

}  // namespace everseal::config
