#include "issuer/shared.h"

namespace everseal::issuer {

acme::Client& Shared::acme_client(const acme::ClientSettings& settings) {
  const std::scoped_lock lock(mutex_);
  auto& client = clients_[{settings.directory_url, settings.http.ca_file, settings.http.proxy}];
  if (!client) client = std::make_unique<acme::Client>(settings);
  return *client;
}

}  // namespace everseal::issuer
