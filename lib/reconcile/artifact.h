// What can be deployed, seen from the steps: a managed certificate's versions, or an authority's CRL and trust bundle.
#pragma once

#include "deploy/deploy.h"
#include "plan/schedule.h"
#include "reconcile/session.h"
#include "reconcile/verdict.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace everseal::reconcile {

// What a look at a target showed.
struct Sight {
  inventory::Served served = inventory::Served::unknown;
  std::string text;          // printable: "127.0.0.1:8443 serves version 2", "127.0.0.1:8443: connection refused"
  bool can_be_seen = true;   // false: nothing there can be read back, and `text` says so
  std::vector<Seen> seen{};  // one a listener, where there are any
};

class Deployable {
 public:
  virtual ~Deployable() = default;
  virtual inventory::ArtifactKind kind() const = 0;
  virtual const Name& name() const = 0;
  virtual std::string subject() const = 0;  // "certificate/www"
  // Calls `use` with artifact `number`; secrets in it live as long as the call.
  virtual void with(std::int64_t number, const std::function<void(const deploy::Artifact&)>& use) = 0;
  // Looks once at all that verifies `target`; the worst of them counts.
  virtual Sight look(const config::Deployment& target, deploy::Target& place, std::int64_t number,
                     std::optional<std::int64_t> previous) = 0;
  // Whether what was deployed as artifact `number` is still there, as far as a few system calls show that; a
  // publication is read. What cannot be read back stands.
  virtual bool stands(deploy::Target& place, std::int64_t number) = 0;
  // Why the target must not go back, or nullopt where it may.
  virtual std::optional<std::string> against_rollback(const inventory::DeploymentRecord& record, Time now) = 0;
  // The numbers whose copies may stay at a target beside the one that is served.
  virtual std::vector<std::int64_t> kept() = 0;
  // What an outcome says of artifact `number`.
  virtual Facts facts(std::int64_t number) = 0;
  // Of the artifact in use, for back-off.
  virtual std::optional<plan::Validity> in_use() = 0;
};

// What an outcome says of a version: its certificate, as far as it is known.
Facts facts_of(Session& session, const inventory::VersionRecord& version);
// The target that the config names; Error(config) where its kind does not exist.
std::unique_ptr<deploy::Target> open_target(const config::Deployment& target, const Name& owner);
std::unique_ptr<Deployable> certificate_artifact(Session& session, const Name& name);
std::unique_ptr<Deployable> authority_artifact(Session& session, const Name& name);

}  // namespace everseal::reconcile
