// The CRL of an authority's active generation and its upkeep.
#pragma once

#include "authority/authority.h"
#include "inventory/records.h"

#include <cstdint>
#include <optional>

namespace everseal::authority {

// Signs a fresh CRL, writes authorities/NAME/crl.der durably and then its row. What crl.der says is revoked and the
// database does not know (a crash between the two, or an older backup restored) becomes known first: no revocation is
// ever forgotten. Its number is larger than every number before and at least the Unix time; it ends no later than the
// authority's certificate. Error(denied) once that has ended.
inventory::CrlRecord refresh_crl(Authority& authority, Time now);

// A number that somebody else gave leaves room for ours behind it, or is not followed.
inline constexpr std::uint64_t kLargestFollowed = (std::uint64_t{1} << 62) - 1;

// Does crl.der say what the authority revoked: is it signed by it, and as new as any CRL that is known?
bool tells_revocations(inventory::Store& store, const Name& authority);
// Was it lost with a database what the authority revoked, and is there no CRL that says it?
bool lacks_revocations(inventory::Store& store, const Name& authority);

// The same merge for `restore` and `doctor`, without signing and without the key: gives how many revocations were news.
std::int64_t merge_published_crl(inventory::Store& store, const Name& authority, Time now);

}  // namespace everseal::authority
