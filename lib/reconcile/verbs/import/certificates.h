// The lineages of another client, each as a certificate that is kept alive here.
#pragma once

#include "reconcile/verbs/import/accounts.h"
#include "reconcile/verbs/import/challenges.h"
#include "reconcile/verbs/import/deployments.h"
#include "reconcile/verbs/import/work.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace everseal::reconcile {

class ImportedCertificates {
 public:
  ImportedCertificates(const ImportWork& work, const ImportedAccounts& accounts, ImportedChallenges& challenges,
                       const ImportedDeployments& deployments)
      : work_(work), accounts_(accounts), challenges_(challenges), deployments_(deployments) {}

  // Their versions go to archive and store.
  void take_all();
  // The rest, after their challenges, so that a crash leaves no certificate that would be proved otherwise; and after
  // their versions, since a certificate of the config that has none would be ordered.
  void add_to_draft();
  // Once the draft is written: puts them in use.
  void finish_all();

 private:
  struct Taken {
    config::Certificate wanted;
    std::string what;
    Facts facts;     // of the certificate that is there
    int number = 0;  // of its version; 0: its key is none that can be used here
    std::string proposal;
    bool was_here = false;  // version and config
  };

  config::Certificate wanted_of(const importer::Lineage& lineage) const;
  void require_other_label(const importer::Lineage& lineage, const Name& name);
  std::optional<int> known_version(const importer::Lineage& lineage, const config::Certificate& wanted) const;
  void take(importer::Lineage& lineage);
  std::string propose(const importer::Lineage& lineage, const config::Certificate& wanted) const;
  int take_version(const importer::Lineage& lineage, const config::Certificate& wanted) const;
  void note_chain(const importer::Lineage& lineage, const Name& issuer) const;
  void finish(const Taken& one) const;

  const ImportWork& work_;
  const ImportedAccounts& accounts_;
  ImportedChallenges& challenges_;
  const ImportedDeployments& deployments_;
  std::vector<Taken> taken_;
  std::map<Name, std::string> labels_;  // of lineages, by their name here
};

}  // namespace everseal::reconcile
