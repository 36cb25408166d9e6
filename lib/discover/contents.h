// What the octets of one file are.
#pragma once

#include "base/encoding.h"
#include "discover/found.h"
#include "discover/passwords.h"

namespace everseal::discover {

// Enough octets of a file to tell by `may_hold` whether the rest is worth reading.
inline constexpr std::size_t kHead = 4096;
// False for what no container begins with: the rest of a file is then not read. `head` is the whole file where that is
// shorter than kHead.
bool may_hold(base::BytesView head) noexcept;
// True where `head` begins as a container does, so that a file which is too large to be read is told of.
bool begins_container(base::BytesView head) noexcept;

// Fills container, is_trust_store, certificates, keys and troubles of `file`, whose path only says by its end what its
// owner took it for. Whatever the octets are, they are a value: nothing is thrown for them. Thread-safe.
void read_contents(base::BytesView octets, const Passwords& passwords, File& file);

// Does the name end as those of certificates and their containers do (".pem", ".crt", ".p12", ...)?
bool is_container_name(std::string_view path);

}  // namespace everseal::discover
