// One worker's tools: a connection to the store that nobody else uses meanwhile, the archive, the config.
#pragma once

#include "archive/archive.h"
#include "authority/authority.h"
#include "config/config.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "inventory/events.h"
#include "inventory/managed.h"
#include "inventory/orders.h"
#include "inventory/store.h"
#include "inventory/subjects.h"
#include "issuer/issuer.h"
#include "plan/certificate.h"
#include "reconcile/host.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace everseal::reconcile {

class Session {
 public:
  // All of them outlive the session.
  Session(const Host& host, const config::Settings& config, inventory::Store& store);

  const Host& host;
  const config::Settings& config;
  inventory::Store& store;
  archive::Archive archive;

  inventory::Certificates certificates{store};
  inventory::Subjects subjects{store};
  inventory::Managed managed{store};
  inventory::Versions versions{store};
  inventory::Deployments deployments{store};
  inventory::Intents intents{store};
  inventory::Attempts attempts{store};
  inventory::Authorities authority_rows{store};
  inventory::Events events{store};
  inventory::Orders orders{store};
  inventory::RenewalInfos renewal_infos{store};

  Time now() const { return host.clock(); }
  // The issuer that the config names, or the authority of that name; opened once. Error(config) where there is none.
  issuer::Issuer& issuer(const Name& name);
  // Does that issuer say when it wants a certificate renewed? No, where there is no such issuer.
  plan::RenewalInfoOf offers_renewal_info(const Name& name) const;
  // What an issuer may use here.
  issuer::Surroundings surroundings();
  // An authority of this store with the config's settings; opened once. Error(config) where its passphrase is missing.
  authority::Authority& authority(const Name& name);
  // The trust anchors that a publication of `authority` holds.
  std::vector<pki::Certificate> trust_bundle(const Name& authority);
  // Certificates that the database or the archive knows, sorted.
  std::vector<Name> known_names();
  void progress(Progress::Kind kind, const std::string& subject, const std::string& text) const;

 private:
  std::vector<challenge::Method> challenges_;
  std::map<Name, authority::Authority> authorities_;
  std::map<Name, std::unique_ptr<issuer::Issuer>> issuers_;
};

// The challenges of the config, in its order, as an issuer knows them.
std::vector<challenge::Method> challenge_methods(const config::Settings& config);

// The authority of this store that signed `certificate`, whatever the config calls its issuer.
std::optional<Name> signer_here(Session& session, const pki::Certificate& certificate);

// How events, attempts and outcomes name what they are about.
inline std::string subject_of(const Name& certificate) { return inventory::certificate_subject(certificate).text(); }
inline std::string authority_subject(const Name& authority) { return inventory::authority_subject(authority).text(); }

// The certificate that a subject is; nullopt where it is none.
std::optional<Name> certificate_in(std::string_view subject);

// ManagedRecord::origin of what was issued once and stands in no config file.
inline constexpr std::string_view kOnce = "once";
inline constexpr std::string_view kRemoved = "certificate.removed";  // the event after which nothing is managed
inline constexpr std::string_view kKeyDeleted = "key.deleted";

using Detail = std::vector<std::pair<std::string, std::string>>;

}  // namespace everseal::reconcile
