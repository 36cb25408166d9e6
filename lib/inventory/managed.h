// Managed certificates, their versions, deployments, intents and failed attempts.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::inventory {

class Managed {
 public:
  explicit Managed(Store& store) : store_(store) {}

  // Takes the config's list: adds, updates, marks the vanished ones orphaned but those that `stays` (asked with the
  // record's origin) and "once" ones; what changed is due now. Records events for what changed. Gives the names that
  // are new or wanted otherwise than before.
  using Stays = std::function<bool(const Name& name, std::string_view origin)>;
  std::vector<Name> replace_all(std::span<const ManagedRecord> wanted, Time now, const Stays& stays = {});
  void put(const ManagedRecord& record);  // and it is due at once
  std::optional<ManagedRecord> find(const Name& name);
  std::vector<ManagedRecord> all();  // by name
  std::vector<Name> names();         // sorted
  void set_pinned(const Name& name, std::optional<int> version);
  // What is in use, by name, at most `limit` behind `after`.
  std::vector<InUseRecord> in_use(const std::optional<Name>& after, int limit);
  std::optional<InUseRecord> in_use(const Name& name);
  void set_seen(const Name& name, const std::string& seen);
  // The version whose revocation a CA elsewhere was asked for without a known answer: it may be revoked.
  std::optional<int> revocation_sent(const Name& name);
  void set_revocation_sent(const Name& name, std::optional<int> version);
  // How the file that defines it looked when its removal was asked for; "": unknown.
  std::string fragment_seen(const Name& name);
  void set_fragment_seen(const Name& name, const std::string& look);
  std::vector<ManagedRecord> orphans(int limit);  // by name
  std::int64_t count_orphans();
  // One that is kept alive for the same identifiers as `record`: the name that it may have got.
  std::optional<Name> same_names(const ManagedRecord& record);
  // Forgets what failed, ends every wait of it and its targets, and makes it due: what it stands on changed.
  // Subjects::skip_wait is for who asked.
  void retry_now(const Name& name, Time now);
  void remove(const Name& name);  // rows go; certificates and events stay

 private:
  Store& store_;
};

class Versions {
 public:
  explicit Versions(Store& store) : store_(store) {}
  std::vector<VersionRecord> of(const Name& name);  // oldest first
  // The newest 32, and older ones that still have a key; oldest first.
  std::vector<VersionRecord> recent(const Name& name);
  std::optional<VersionRecord> find(const Name& name, int number);
  std::optional<VersionRecord> live(const Name& name);
  std::optional<VersionRecord> by_certificate(const pki::Fingerprint& fingerprint);
  // Those that have expired by `now` and are not live, in order of expiry, at most `limit`.
  std::vector<EndedVersionRecord> ended(const Name& name, Time now, int limit);
  int next_number(const Name& name);
  // Inserts or replaces. Its managed certificate and, where it has one, its X.509 certificate were added before. What
  // is revoked stays so, also where `version` was read earlier.
  void put(const VersionRecord& version);
  // Marks `number` live and the one that was live retired.
  void set_live(const Name& name, int number);
  // Deletes the rows of `name`, but never gives one of its numbers again.
  void forget(const Name& name);
  // Deletes the row of one that is pending, with its order; its number is not given again.
  void give_up(const Name& name, int number);
  // Deletes the rows of some, and what hangs on them; their certificates stay. Error(internal) for the newest one,
  // whose number would be given again.
  void discard(const Name& name, std::span<const int> numbers);
  // next_number stays above `number`.
  void never_again(const Name& name, int number);

 private:
  Store& store_;
};

class Deployments {
 public:
  explicit Deployments(Store& store) : store_(store) {}
  std::vector<DeploymentRecord> of(ArtifactKind artifact, const Name& owner);
  std::optional<DeploymentRecord> find(ArtifactKind artifact, const Name& owner, const Name& target);
  void put(const DeploymentRecord& deployment);
  void remove(ArtifactKind artifact, const Name& owner, const Name& target);
  std::vector<FormerPlaceRecord> former_places(ArtifactKind artifact, const Name& owner);  // oldest first
  void add_former_place(const FormerPlaceRecord& place);
  void remove_former_place(std::int64_t id);
  // That a run began to take away what stands at `target`: `what` tells it from what comes to stand there later. The
  // beginning is durable on return, the end within the caller's transaction.
  void begin_taking_away(ArtifactKind artifact, const Name& owner, const Name& target, const std::string& what);
  bool was_taking_away(ArtifactKind artifact, const Name& owner, const Name& target, const std::string& what);
  void end_taking_away(ArtifactKind artifact, const Name& owner, const Name& target);
  // Each is staged again at the next decision, whatever it is, without back-off.
  void deploy_again(ArtifactKind artifact, const Name& owner);
  void deploy_again(ArtifactKind artifact, const Name& owner, const Name& target);
  // In state failed or unverified, of what is still wanted: what an exit code must tell.
  std::int64_t count_failed();
  std::vector<DeploymentRecord> failed(int limit);  // of them, by owner

 private:
  Store& store_;
};

class Intents {
 public:
  explicit Intents(Store& store) : store_(store) {}
  // Gives its id, and its subject is due at once. Without an actor it is the store's.
  std::int64_t add(const IntentRecord& intent);
  std::vector<IntentRecord> open_for(const Name& subject);  // oldest first
  // The newest of them: who asked last.
  std::optional<IntentRecord> open_removal(const Name& subject);
  void end(std::int64_t id, IntentOutcome outcome, Time now);
  void done(std::int64_t id, Time now) { end(id, IntentOutcome::done, now); }
  // Takes away up to `limit` that ended before `before`, the oldest first. Gives how many went.
  std::int64_t prune(Time before, int limit);

 private:
  Store& store_;
};

class Attempts {
 public:
  explicit Attempts(Store& store) : store_(store) {}
  std::vector<AttemptRecord> of(const std::string& subject);
  std::optional<AttemptRecord> find(const std::string& step, const std::string& subject, const std::string& target);
  void put(const AttemptRecord& attempt);
  void clear(const std::string& step, const std::string& subject, const std::string& target);
  void clear_all(const std::string& subject);
  std::int64_t count();                                // failures that stand
  std::vector<AttemptRecord> for_operator(int limit);  // those that only a person can end
  std::vector<AttemptRecord> waiting(int limit);       // the others, by subject

 private:
  Store& store_;
};

}  // namespace everseal::inventory
