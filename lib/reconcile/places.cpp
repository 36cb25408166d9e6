#include "reconcile/places.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "reconcile/kinds.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using std::filesystem::path;

bool is_one_directory(const path& one, const path& other) {
  std::error_code missing;
  return std::filesystem::equivalent(one.parent_path(), other.parent_path(), missing);
}

// The file of `other` that is one of `own`; nullopt: none is.
std::optional<std::string> shared_file(const deploy::Target& own, const deploy::Target& other) {
  for (const std::string& mine : own.paths())
    for (const std::string& theirs : other.paths())
      if (path(mine).filename() == path(theirs).filename() && is_one_directory(mine, theirs)) return theirs;
  return std::nullopt;
}

[[noreturn]] void refuse(const Deployable& artifact, const config::Deployment& target, const std::string& subject,
                         const config::Deployment& other, const std::string& file) {
  const bool is_version = artifact.kind() == inventory::ArtifactKind::version;
  throw base::Error(
      base::Fault::exists,
      fmt::format("{} leads to where {} of {} has {}: by a link or a mount their directories are one", target.name,
                  other.name, subject, base::printable(file)),
      fmt::format("undo the link or mount, or give one of them another directory or other file names; then `everseal "
                  "{} {}`",
                  is_version ? "deploy" : "ca crl", artifact.name()));
}

struct Owned {
  std::string subject;
  std::vector<config::Deployment> deployments;
};

// What is wanted under that name, be it a certificate's or an authority's. What cannot be read any more is deployed
// nowhere.
std::vector<Owned> wanted_of(Session& session, const Name& name) {
  std::vector<Owned> found;
  const auto managed = session.managed.find(name);
  if (managed && !managed->orphaned) {
    try {
      found.push_back({subject_of(name), config::from_normal_form(managed->spec, config_kinds({})).deployments});
    } catch (const base::Error& error) {
      base::log::debug("{}: {}", subject_of(name), error.message());
    }
  }
  if (const auto authority = session.config.authorities.find(name); authority != session.config.authorities.end())
    found.push_back({authority_subject(name), authority->second.publish});
  return found;
}

}  // namespace

bool share_a_directory(const deploy::Target& one, const deploy::Target& other) {
  const auto own = one.paths(), others = other.paths();
  return !own.empty() && !others.empty() && is_one_directory(own.front(), others.front());
}

void require_own_place(Session& session, const Deployable& artifact, const config::Deployment& target,
                       std::span<const config::Deployment> wanted) {
  const Name& name = artifact.name();
  const auto place = open_target(target, name);
  // Of one certificate each file has one owner, and each directory one set of versions.
  for (const config::Deployment& other : wanted)
    if (other.name != target.name)
      if (const auto theirs = open_target(other, name); share_a_directory(*place, *theirs))
        refuse(artifact, target, artifact.subject(), other, theirs->paths().front());
  for (const Name& occupant : place->occupants())
    for (const Owned& owned : wanted_of(session, occupant))
      for (const config::Deployment& other : owned.deployments)
        if (const auto file = shared_file(*place, *open_target(other, occupant)))
          refuse(artifact, target, owned.subject, other, *file);
}

}  // namespace everseal::reconcile
