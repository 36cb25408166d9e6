// How the names of another client were proved, as challenges of the config.
#pragma once

#include "reconcile/verbs/import/work.h"

#include <string>

namespace everseal::reconcile {

class ImportedChallenges {
 public:
  explicit ImportedChallenges(const ImportWork& work) : work_(work) {}

  // What the config covers already is the operator's. One that the config refuses is left to the operator, too.
  void take(importer::Lineage& lineage, const Name& certificate);

 private:
  bool is_covered(const std::string& zone, const std::string& type) const;
  void take_one(importer::Challenge& challenge, const std::string& label, const Name& certificate);

  const ImportWork& work_;
};

}  // namespace everseal::reconcile
