#include "reconcile/requests.h"

#include "archive/archive.h"
#include "base/error.h"
#include "base/log.h"
#include "inventory/managed.h"
#include "reconcile/artifact.h"
#include "reconcile/kinds.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::IntentKind;
using inventory::IntentRecord;

bool is_kept(const IntentRecord& intent) {
  return intent.kind == IntentKind::remove || intent.kind == IntentKind::revoke;
}

archive::Request request_of(const IntentRecord& intent) {
  return {.kind = intent.kind == IntentKind::remove ? archive::Request::Kind::remove : archive::Request::Kind::revoke,
          .version = intent.version,
          .reason = intent.reason,
          .revoke = intent.revoke,
          .delete_keys = intent.delete_keys,
          .actor = intent.actor,
          .created = intent.created};
}

IntentRecord intent_of(const Name& name, const archive::Request& request) {
  IntentRecord intent;
  intent.kind = request.kind == archive::Request::Kind::remove ? IntentKind::remove : IntentKind::revoke;
  intent.subject = name;
  intent.version = request.version;
  intent.reason = request.reason;
  intent.revoke = request.revoke;
  intent.delete_keys = request.delete_keys;
  intent.actor = request.actor;
  intent.created = request.created;
  return intent;
}

// What was revoked meanwhile, for that reason or a graver one.
bool is_moot(Session& session, const Name& name, const archive::Request& request) {
  if (!request.version) return false;
  const auto version = session.versions.find(name, *request.version);
  if (!version || !version->certificate) return true;
  return version->revoked_at &&
         !pki::is_graver(request.reason, version->revocation_reason.value_or(pki::RevocationReason::unspecified));
}

// A place of which nothing can be told may hold something.
bool holds_something(const config::Deployment& target, const Name& name) {
  try {
    return open_target(target, name)->current().has_value();
  } catch (const base::Error& error) {
    base::log::debug("{}", error.message());
    return true;
  }
}

}  // namespace

void know_targets(Session& session, const Name& name) {
  const auto managed = session.managed.find(name);
  if (!managed) return;
  const config::Certificate wanted = config::from_normal_form(managed->spec, config_kinds({}));
  for (const config::Deployment& target : wanted.deployments) {
    if (session.deployments.find(inventory::ArtifactKind::version, name, target.name)) continue;
    const std::string spec = config::target_form(target);
    const auto places = session.deployments.former_places(inventory::ArtifactKind::version, name);
    const bool is_known = std::ranges::find(places, spec, &inventory::FormerPlaceRecord::spec) != places.end();
    if (is_known || !holds_something(target, name)) continue;
    inventory::FormerPlaceRecord place;
    place.artifact = inventory::ArtifactKind::version;
    place.owner = name;
    place.target = target.name;
    place.spec = spec;
    place.left_at = session.now();
    session.deployments.add_former_place(place);
  }
}

void note_requests(Session& session, const Name& name) {
  std::vector<archive::Request> open;
  for (const IntentRecord& intent : session.intents.open_for(name))
    if (is_kept(intent)) open.push_back(request_of(intent));
  session.archive.note_requests(name, open);
}

std::vector<Outcome> take_in_requests(Session& session, const Name& name, std::string_view step) {
  std::vector<Outcome> outcomes;
  if (!session.managed.find(name)) return outcomes;
  std::vector<archive::Request> known;
  for (const IntentRecord& intent : session.intents.open_for(name)) known.push_back(request_of(intent));
  for (const archive::Request& request : session.archive.requests(name)) {
    if (std::ranges::find(known, request) != known.end() || is_moot(session, name, request)) continue;
    const IntentRecord intent = intent_of(name, request);
    session.intents.add(intent);
    if (intent.delete_keys) know_targets(session, name);
    const std::string what = request.kind == archive::Request::Kind::remove
                                 ? std::string("its removal")
                                 : fmt::format("the revocation of version {}", request.version.value_or(0));
    outcomes.push_back({.subject = subject_of(name),
                        .target = {},
                        .step = std::string(step),
                        .result = Result::done,
                        .text = fmt::format("{} is open again: {}", what, asked_by(intent)),
                        .facts = {.version = request.version, .change = "asked_for"}});
  }
  return outcomes;
}

}  // namespace everseal::reconcile
