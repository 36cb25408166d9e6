#include "issuer/known_directory.h"

#include "base/error.h"
#include "net/json.h"

namespace everseal::issuer {

std::string directory_setting(const std::string& url) { return "acme.directory/" + url; }

std::vector<std::string> known_caa_identities(inventory::Store& store, const std::string& url) {
  const auto setting = store.setting(directory_setting(url));
  const auto blank = setting ? setting->find(' ') : std::string::npos;
  if (blank == std::string::npos) return {};
  try {
    const base::Table directory = net::parse_json_object(std::string_view(*setting).substr(blank + 1), "the directory");
    const base::Table* const meta = net::object_at(directory, "meta");
    return meta == nullptr ? std::vector<std::string>() : net::texts_at(*meta, "caaIdentities");
  } catch (const base::Error&) {
    return {};  // kept by another version
  }
}

}  // namespace everseal::issuer
