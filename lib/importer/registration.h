// What a CA said of an account, as certbot and lego keep it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace everseal::importer {

struct Registration {
  std::string url;                   // or ""
  std::vector<std::string> contact;  // URLs
};

// certbot's regr.json, or lego's account.json. What is absent, of another type or no JSON is left out: the CA knows the
// account by its key.
Registration read_registration(std::string_view json);

}  // namespace everseal::importer
