// Reading what is open already, and opening without waiting for anybody.
#pragma once

#include "base/encoding.h"
#include "base/handle.h"
#include "base/secret.h"

#include <cstddef>
#include <string>

namespace everseal::base {

// Reads to the end; Error(invalid) beyond `limit` octets. What is outgrown is wiped, as it may hold a secret. `what` is
// for messages.
Bytes read_to_end(int fd, std::size_t limit, const std::string& what);
Secret read_secret_to_end(int fd, std::size_t limit, const std::string& what);

// A regular file below an open directory; none where absent. Opening never blocks, as a FIFO would. `link_flag` is
// O_NOFOLLOW or 0. Error(invalid) for what is no regular file.
FileDescriptor open_regular(int directory, const std::string& name, int link_flag, const std::string& what);

}  // namespace everseal::base
