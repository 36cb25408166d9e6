// The files that `..._file` options name.
#pragma once

#include "base/secret.h"

#include <string>

namespace everseal::base {

// Both read "credential:NAME" ($CREDENTIALS_DIRECTORY/NAME, or /etc/everseal/credentials/NAME where that has none), or
// a path that nobody but its owner (root or the caller) can read or write. Error(config) with the rule that it breaks,
// never with a word of what it holds.

// One line: a token, a password, a passphrase. Line ends behind it are dropped; whatever else is no printable part of
// one line (a second line, a NUL or control character, a byte order mark) is refused, as it would be sent or hashed
// along.
Secret read_secret_file(const std::string& option);
// Octet for octet: PEM, DER, JSON, key files of other programs.
Secret read_secret_document(const std::string& option);

}  // namespace everseal::base
