// How a certificate of another client would come to the servers that read it there.
#pragma once

#include "reconcile/verbs/import.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace everseal::reconcile {

class ImportedDeployments {
 public:
  // `directories` are what the client's directory is called: first as it was read, then as the host sees it. `state` is
  // ours. `references` outlive it.
  ImportedDeployments(const std::vector<importer::Reference>& references, std::vector<std::string> directories,
                      std::string state);

  // Where the client wrote copies for servers: of kind `files`, which write these. Where a server reads the client's
  // own files: of kind `exec`, which reload it once it reads ours, or `files` where it wants one file for all. Empty
  // where no server is known and nothing was copied.
  std::vector<ImportedProposal> propose(const importer::Lineage& lineage, const config::Certificate& wanted) const;

 private:
  using Readers = std::vector<const importer::Reference*>;
  // The lines that name one of `files` or what is below it.
  Readers readers_of(const std::vector<std::string>& files) const;
  std::vector<std::string> names_of(const std::vector<std::string>& files) const;

  std::unordered_map<std::string, Readers> readers_;  // by each path that is named, and each above it
  std::vector<std::string> directories_;
  std::string state_;
};

}  // namespace everseal::reconcile
