// From a request to a template that passed every rule: the pipeline's first half, without key and database.
#pragma once

#include "authority/sign.h"
#include "pki/issuance.h"

#include <string>
#include <vector>

namespace everseal::authority {

struct Draft {
  pki::Template wanted;  // without its serial
  const Profile* profile = nullptr;
  std::vector<std::string> warnings;
  std::string shape;  // alike for templates that differ in names, key and times only
};

// Throws Error(denied) naming every rule that refuses.
Draft draft(const Authority& authority, const Request& request, Time now);

const base::Bytes& public_key_info(const Request& request);

}  // namespace everseal::authority
