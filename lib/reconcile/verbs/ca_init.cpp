#include "reconcile/verbs/ca_init.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "reconcile/fields.h"
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
  inventory::Store store = create_store(host);
  const auto lock = lock_reconciler(host);
  base::Problems problems;
  const config::Config config = read_config(host.files, store, problems, {request.ceremony.name});
  authority::require_usable(request.ceremony.name, authority_settings(config, request.ceremony.name));
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
  authority::Founded founded = authority::create_authority(store, request.ceremony, passphrases, now);
  tell_heads(host, store);
  return founded;
}

void require_new_authority(const Host& host, const Name& name) {
  if (!std::filesystem::exists(host.state + "/everseal.db")) return;
  inventory::Store store = open_store(host, sql::Access::read_only);
  if (inventory::Authorities(store).find(name))
    throw base::Error(base::Fault::exists, fmt::format("authority {} exists already", name),
                      "`everseal ca list` shows it");
}

namespace {

constexpr std::string_view kPlaces[] = {"here", "offline"};

constexpr base::Option kCaInitFields[] = {
    {.name = "name", .summary = "the authority's name", .required = true},
    {.name = "organization", .summary = "O of both CA certificates"},
    {.name = "permitted",
     .type = base::OptionType::names,
     .summary = "a name constraint: only below this (DNS, CIDR, ...); again for more"},
    {.name = "excluded",
     .type = base::OptionType::names,
     .summary = "a name constraint: nothing below this; again for more"},
    {.name = "root",
     .type = base::OptionType::choice,
     .summary = "offline: the root lives elsewhere; a CSR is written for it to sign",
     .fallback = "here",
     .choices = kPlaces},
    {.name = "passphrase_file",
     .type = base::OptionType::secret_file,
     .summary = "encrypts the intermediate's key; without it: a plain 0600 file"},
    {.name = "key", .summary = "key type of the intermediate; default ecdsa-p256"},
    {.name = "root_key", .summary = "key type of the root; default ecdsa-p384"},
    {.name = "lifetime", .type = base::OptionType::duration, .summary = "of the intermediate; default 1826d"},
    {.name = "root_lifetime", .type = base::OptionType::duration, .summary = "of the root; default 7305d"},
};

pki::KeyType key_type_in(const base::Options& request, std::string_view field, std::string_view option,
                         pki::KeyType fallback) {
  if (!request.has(field)) return fallback;
  const std::string text = request.string(field);
  if (const auto type = pki::parse_key_type(text)) return *type;
  throw base::Error(base::Fault::usage, fmt::format("{}: there is no key type '{}'", option, base::printable(text)));
}

}  // namespace

CaInitRequest ca_init_request(const base::Options& fields) {
  CaInitRequest request;
  authority::Ceremony& wanted = request.ceremony;
  wanted.name = name_in(fields, "name", "authority name");
  wanted.organization = fields.string("organization");
  wanted.root_key = key_type_in(fields, "root_key", "--root-key", wanted.root_key);
  wanted.intermediate_key = key_type_in(fields, "key", "--key", wanted.intermediate_key);
  wanted.intermediate_lifetime = fields.duration("lifetime").value_or(wanted.intermediate_lifetime);
  wanted.root_lifetime = fields.duration("root_lifetime").value_or(wanted.root_lifetime);
  if (fields.string("root") == "offline") wanted.root = authority::RootPlace::offline;
  request.permitted = fields.strings("permitted");
  request.excluded = fields.strings("excluded");
  if (fields.has("passphrase_file")) request.passphrase_file = fields.string("passphrase_file");
  return request;
}

const Verb ca_init_verb{"ca init",     1,      Needs::lease, "make an internal CA: a root and an intermediate",
                        kCaInitFields, nullptr};

}  // namespace everseal::reconcile
