// What people asked for and is not done yet, as documents tell it.
#pragma once

#include "inventory/records.h"

#include <string>
#include <vector>

namespace everseal::cli {

// A JSON array.
std::string requests_in_json(const std::vector<inventory::IntentRecord>& requests);

}  // namespace everseal::cli
