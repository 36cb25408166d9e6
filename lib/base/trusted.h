// What a privileged process may believe: nobody but root and the caller can change it, or lead it elsewhere.
#pragma once

#include "base/directory.h"
#include "base/ownership.h"

#include <optional>
#include <span>
#include <string>

#include <sys/stat.h>

namespace everseal::base {

bool is_ours_or_roots(const struct stat& status);

// Throws Error(config) where `path` (followed) or a directory above it could be changed by anyone but root and the
// caller. Files that run code or steer a privileged process pass this first. A directory where anybody may write is
// good with the sticky bit, which keeps what root and the caller put there.
void require_trusted(const std::string& path);

// Both walk `path` as root component by component, each judged through the descriptor that is gone on with, so that
// nobody swaps one behind a look at it. As another user they open it as it is: whoever is led astray there has only the
// caller's own rights. nullopt where it is absent; Error(denied) where it is not to be believed; Error(io).

// For what root works on by itself: every directory on the way is one that require_trusted() would take. From some
// directory on, all may belong to `owners`, or be written by their groups: what they exchange there is theirs already.
std::optional<Directory> open_trusted(const std::string& path, std::span<const Ownership> owners);
// For what somebody named: directories may be anyone's, but a link is followed only where nobody but root and the
// caller could have put it.
std::optional<Directory> open_unled(const std::string& path);

}  // namespace everseal::base
