// What a restored database must not forget.
#pragma once

#include "base/file.h"
#include "inventory/backup.h"

#include <string>

namespace everseal::inventory {

// From another database of this state. What was read before an error is merged; the error becomes a problem.
void merge_database(Store& into, sql::Database& from, Restored& outcome);
// From the CRL that an authority published last.
void merge_crl_file(Store& into, const Name& authority, base::BytesView crl, Time now, Restored& outcome);

// From the archive below `state`: versions that the database does not know keep their numbers.
void merge_archived_numbers(Store& into, const base::Directory& state, Restored& outcome);

}  // namespace everseal::inventory
