// The lineages of another client, each as a certificate that is kept alive here.
#pragma once

#include "reconcile/verbs/import/accounts.h"
#include "reconcile/verbs/import/challenges.h"
#include "reconcile/verbs/import/work.h"

#include <map>
#include <string>
#include <vector>

namespace everseal::reconcile {

class ImportedCertificates {
 public:
  ImportedCertificates(const ImportWork& work, const ImportedAccounts& accounts, ImportedChallenges& challenges)
      : work_(work), accounts_(accounts), challenges_(challenges) {}

  // Versions go to archive and store, the rest to the draft: a certificate of the config that has no version would be
  // ordered.
  void take_all();
  // Once the draft is written: puts them in use.
  void finish_all();

 private:
  // A certificate that is here, but for what the config says of it.
  struct Taken {
    Name name;
    int number = 0;  // of its version
    std::string issuer;
    std::string what;
  };

  config::Certificate wanted_of(const importer::Lineage& lineage) const;
  void take(importer::Lineage& lineage);
  int take_version(const importer::Lineage& lineage, const config::Certificate& wanted) const;
  void note_chain(const importer::Lineage& lineage, const Name& issuer) const;
  void finish(const Taken& one) const;

  const ImportWork& work_;
  const ImportedAccounts& accounts_;
  ImportedChallenges& challenges_;
  std::vector<Taken> taken_;
  std::map<Name, std::string> labels_;  // of lineages, by their name here
};

}  // namespace everseal::reconcile
