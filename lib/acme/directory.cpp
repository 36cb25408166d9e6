#include "acme/directory.h"

#include "base/error.h"
#include "net/json.h"

#include <fmt/format.h>

namespace everseal::acme {

Directory parse_directory(std::string_view json) {
  const base::Table table = net::parse_json_object(json, "the ACME directory");
  const auto resource = [&](std::string_view name) {
    std::string url = net::text_at(table, name);
    if (url.empty())
      throw base::Error(base::Fault::invalid, fmt::format("the ACME directory has no {}", name),
                        "is `directory` of the issuer the URL of a directory?");
    return url;
  };
  Directory directory;
  directory.new_nonce = resource("newNonce");
  directory.new_account = resource("newAccount");
  directory.new_order = resource("newOrder");
  directory.revoke_certificate = resource("revokeCert");
  directory.key_change = net::text_at(table, "keyChange");
  directory.renewal_info = net::text_at(table, "renewalInfo");
  const base::Table* const meta = net::object_at(table, "meta");
  if (meta == nullptr) return directory;
  directory.terms_of_service = net::text_at(*meta, "termsOfService");
  directory.external_account_required = net::flag_at(*meta, "externalAccountRequired");
  if (const base::Table* const profiles = net::object_at(*meta, "profiles"))
    for (const auto& [name, description] : *profiles)
      directory.profiles.emplace(name, base::Untrusted(net::text_at(*profiles, name)));
  return directory;
}

}  // namespace everseal::acme
