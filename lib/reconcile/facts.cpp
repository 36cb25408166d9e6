#include "reconcile/facts.h"

#include "base/error.h"
#include "reconcile/kinds.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

bool covers_exactly(const pki::Certificate& certificate, const std::vector<pki::Identifier>& wanted) {
  return certificate.names().size() == wanted.size() && pki::covers(certificate.names(), wanted);
}

}  // namespace

plan::CertificateFacts certificate_facts(Session& session, const Name& name) {
  plan::CertificateFacts facts;
  session.store.snapshot([&] {
    const auto managed = session.managed.find(name);
    if (!managed)
      throw base::Error(base::Fault::not_found, fmt::format("no certificate named {} is managed", name),
                        "`everseal list --managed` shows the names");
    facts.wanted = config::from_normal_form(managed->spec, config_kinds({}));
    facts.orphaned = managed->orphaned;
    facts.pinned = managed->pinned;
    facts.renewal = managed->origin == kOnce ? plan::Renewal::once : plan::Renewal::automatic;
    facts.keep = session.config.keep;
    for (inventory::VersionRecord& version : session.versions.of(name)) {
      bool names_match = false;
      if (version.certificate) {
        if (const auto der = session.certificates.der(*version.certificate))
          names_match = covers_exactly(pki::Certificate::parse(*der), facts.wanted.identifiers);
      }
      plan::VersionFacts one{std::move(version), names_match};
      one.renewal_info = session.offers_renewal_info(one.record.issuer);
      if (one.record.certificate && one.renewal_info == plan::RenewalInfoOf::issuer)
        one.info = session.renewal_infos.find(*one.record.certificate);
      facts.versions.push_back(std::move(one));
    }
    facts.next_number = session.versions.next_number(name);
    facts.deployments = session.deployments.of(inventory::ArtifactKind::version, name);
    facts.intents = session.intents.open_for(name);
    facts.attempts = session.attempts.of(subject_of(name));
  });
  return facts;
}

plan::AuthorityFacts authority_facts(Session& session, const Name& name) {
  plan::AuthorityFacts facts;
  session.store.snapshot([&] {
    const auto record = session.authority_rows.find(name);
    if (!record)
      throw base::Error(base::Fault::not_found, fmt::format("there is no authority {}", name),
                        "`everseal ca list` shows them; `everseal ca init` makes one");
    facts.record = *record;
    facts.has_intermediate = session.active_generation(name).has_value();
    facts.crl = session.newest_crl(name);
    if (const auto configured = session.config.authorities.find(name); configured != session.config.authorities.end()) {
      facts.publish = configured->second.publish;
      if (configured->second.crl_lifetime) facts.crl_lifetime = *configured->second.crl_lifetime;
    }
    facts.deployments = session.deployments.of(inventory::ArtifactKind::crl, name);
    facts.attempts = session.attempts.of(authority_subject(name));
  });
  return facts;
}

}  // namespace everseal::reconcile
