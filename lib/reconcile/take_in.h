// What lies in the state directory beside the database becomes known to the store: the files say it again.
#pragma once

#include "archive/archive.h"
#include "base/error.h"
#include "reconcile/session.h"
#include "reconcile/verdict.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::reconcile {

// A version that lies complete in the archive. Its manifest tells what is wanted; where no such certificate is managed
// it becomes one that was issued once. A renewal time is drawn. `event` (not "") is recorded in the same transaction.
void take_in(Session& session, const archive::Version& version, const std::string& event = {},
             const Detail& detail = {});

// Of an authority that signs no CRL until somebody says what it revoked (Authorities::are_revocations_lost).
base::Error revocations_lost(const std::string& state, const Name& authority);

// Has that version no key here although its key was made here, or is recorded to be here?
bool lacks_key(Session& session, const inventory::VersionRecord& version);

// `remove` may leave the versions where they are.
bool was_removed(Session& session, const Name& name);

// The row of a version as a manifest and its chain, leaf first; empty where the store has no certificate of it.
struct Stored {
  archive::Manifest manifest;
  std::vector<pki::Certificate> chain;
};
Stored stored_version(Session& session, const inventory::VersionRecord& version);

// What the manifest of a version says and the database does not: another CA revoked it.
std::optional<archive::Revoked> untold_revocation(Session& session, const inventory::VersionRecord& version);

// Which of the two says what is in use and what is left, where they differ: the files after a restore or rebuild; the
// database otherwise.
enum class Leads { files, database };

// Authorities and accounts that are not known, versions that are complete and not known, keys that are gone, files of a
// version that the database can write again, and the live links. Names that `removed` are left alone. What fails is an
// outcome of its own and stops nothing else. Doing it again changes nothing.
std::vector<Outcome> take_in_files(Session& session, std::string_view step, Leads leads,
                                   const std::function<bool(const Name&)>& removed);

}  // namespace everseal::reconcile
