#include "reconcile/verbs/ca_init.h"

#include "base/error.h"
#include "inventory/authorities.h"
#include "reconcile/kinds.h"
#include "reconcile/reconcile.h"
#include "reconcile/settings.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// What the config says, where the request does not.
void complete(CaInitRequest& request, const config::Config& config) {
  const Name& name = request.ceremony.name;
  if (const auto configured = config.authorities.find(name); configured != config.authorities.end()) {
    if (request.permitted.empty()) request.permitted = configured->second.permitted;
    if (request.excluded.empty()) request.excluded = configured->second.excluded;
    if (!request.passphrase_file) request.passphrase_file = configured->second.passphrase_file;
  } else if (request.passphrase_file) {
    throw base::Error(base::Fault::config, fmt::format("there is no [authority.{}] in the config", name),
                      "the passphrase is needed at every signature: put passphrase_file into that table");
  }
  for (const std::string& text : request.permitted)
    request.ceremony.permitted.push_back(pki::NameConstraint::parse(text));
  for (const std::string& text : request.excluded)
    request.ceremony.excluded.push_back(pki::NameConstraint::parse(text));
}

}  // namespace

authority::Founded ca_init(const Host& host, CaInitRequest request) {
  const Time now = host.clock();
  inventory::Store store = inventory::Store::create(host.state, now);
  const auto lock = lock_reconciler(host);
  base::Problems problems;
  const config::Config config = read_config(host.files, store, problems, {request.ceremony.name});
  static_cast<void>(authority_settings(config, request.ceremony.name));  // its table is good
  complete(request, config);
  std::optional<base::Secret> intermediate, made;
  if (request.passphrase_file) intermediate = base::read_secret_file(*request.passphrase_file);
  authority::Passphrases passphrases;
  passphrases.intermediate = intermediate ? &*intermediate : nullptr;
  if (request.ceremony.root == authority::RootPlace::here) {
    if (request.root_passphrase == nullptr) {
      made = authority::generate_passphrase();
      passphrases.keeping = authority::PassphraseKeeping::beside_key;
    }
    passphrases.root = made ? &*made : request.root_passphrase;
  }
  return authority::create_authority(store, request.ceremony, passphrases, now);
}

void require_new_authority(const Host& host, const Name& name) {
  if (!std::filesystem::exists(host.state + "/everseal.db")) return;
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
  if (inventory::Authorities(store).find(name))
    throw base::Error(base::Fault::exists, fmt::format("authority {} exists already", name),
                      "`everseal ca list` shows it");
}

}  // namespace everseal::reconcile
