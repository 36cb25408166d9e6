// Whether two databases are of one state.
#pragma once

#include "sql/database.h"

namespace everseal::inventory {

// True where their histories begin alike, or both know the certificate of a version or an authority, or an account; and
// where one of them knows none of these, as it is new. What everybody can see, such as a CA's own certificate, counts
// for nothing. Throws Error where one cannot be read.
bool are_of_one_state(sql::Database& one, sql::Database& other);

}  // namespace everseal::inventory
