#include "acme/identifier.h"

#include "base/error.h"
#include "base/text.h"
#include "net/json.h"

#include <fmt/format.h>

namespace everseal::acme {

std::string identifier_json(const pki::Identifier& identifier) {
  const bool is_dns = identifier.kind() == pki::IdentifierKind::dns;
  if (!is_dns && identifier.kind() != pki::IdentifierKind::ip)
    throw base::Error(base::Fault::config,
                      fmt::format("an ACME CA does not issue for {}", base::printable(identifier.text())),
                      "ACME knows DNS names and IP addresses; an internal CA issues for e-mail addresses and URIs");
  return fmt::format(R"({{"type":"{}","value":{}}})", is_dns ? "dns" : "ip", base::json_string(identifier.text()));
}

pki::Identifier parse_identifier(const base::Table& json) {
  const std::string type = net::text_at(json, "type");
  const std::string value = net::text_at(json, "value");
  try {
    if (type == "dns") return pki::Identifier::parse(pki::IdentifierKind::dns, value);
    if (type == "ip") return pki::Identifier::parse(pki::IdentifierKind::ip, value);
  } catch (const base::Error&) {
    // told below with both
  }
  throw base::Error(base::Fault::invalid,
                    fmt::format("the CA names an identifier that cannot be: {} '{}'",
                                base::printable(type.substr(0, 40)), base::printable(value.substr(0, 300))));
}

}  // namespace everseal::acme
