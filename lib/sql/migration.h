// Schema versions: numbered files, applied in order, one transaction for all that is missing. A migration may make a
// table anew that others refer to: foreign keys are checked before the commit, not enforced meanwhile.
#pragma once

#include "base/embedded.h"
#include "base/time.h"
#include "sql/database.h"

#include <span>

namespace everseal::sql {

std::span<const base::EmbeddedFile> sqlite_migrations();  // "0001_first.sql", ...
std::span<const base::EmbeddedFile> sqlite_migrations(int last);  // those that make up schema `last`

int schema_version(Database& database);  // 0 where nothing was applied yet
int newest_schema_version();

// Throws Error(newer) where the database is newer than this program; says how to go on.
void require_known_schema(Database& database);
void require_known_schema(Database& database, std::span<const base::EmbeddedFile> known);

// Brings the schema up to date. Nobody else has the database open, and the caller keeps a copy of one that matters.
// Gives how many migrations were applied; all of them are, or none.
int migrate(Database& database, base::Time now);
int migrate(Database& database, std::span<const base::EmbeddedFile> migrations, base::Time now);

}  // namespace everseal::sql
