#include "discover/listeners.h"

#include "discover/servers/address.h"
#include "discover/servers/readers.h"

namespace everseal::discover {

Listeners::Listeners(ServerKind server, std::string_view config) : sites_(sites_in(server, config)) {}

std::vector<std::string> Listeners::at(int number) const {
  const Site* nearest = nullptr;
  for (const Site& site : sites_)
    if (site.where.line <= number && number <= site.last_line &&
        (nearest == nullptr || site.where.line >= nearest->where.line))
      nearest = &site;
  return nearest != nullptr ? distinct(nearest->listeners) : std::vector<std::string>();
}

}  // namespace everseal::discover
