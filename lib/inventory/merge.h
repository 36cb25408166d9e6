// What a database that takes the place of another must not forget.
#pragma once

#include "base/file.h"
#include "inventory/replace.h"

#include <set>
#include <string>
#include <vector>

namespace everseal::inventory {

// From another database of this state: authorities and what they did, certificates, issued serials, revocations, the
// newest CRLs, the highest numbers of versions. What was read before an error is merged; the error becomes a problem.
void merge_database(Store& into, sql::Database& from, Replacement& outcome);
// Open intents, of the certificates that `into` knows.
void merge_requests(Store& into, sql::Database& from, Replacement& outcome);
// Which versions rollbacks hold: what the database that is replaced says of names that both know.
void merge_pins(Store& into, sql::Database& from, Replacement& outcome);
// From the CRL that an authority published last. True where it is one of the authority's, and as new as any that `into`
// knows: then it names all that was revoked and may still be relied on.
bool merge_crl_file(Store& into, const Name& authority, base::BytesView crl, Time now, Replacement& outcome);

// From the archive below `state`: versions that the database does not know keep their numbers.
void merge_archived_numbers(Store& into, const base::Directory& state, Replacement& outcome);

// What an authority here signed, of all certificates that are known, is on its list of issued ones.
void learn_issued(Store& store, Replacement& outcome);
// What an authority revoked is revoked where its certificate is listed, and the other way round.
void mark_revoked(Store& store);

// Authorities of a database of this state that knew all that they revoked.
std::set<Name> knowing_revocations(sql::Database& from);
// Of each authority, whether anything tells what it revoked: gives those of which nothing in `known` does.
std::vector<Name> settle_revocations(Store& into, const std::set<Name>& known);

}  // namespace everseal::inventory
