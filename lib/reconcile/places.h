// Where deployments write, as this host resolves it: links and mounts that came after the config was read included.
#pragma once

#include "config/config.h"
#include "reconcile/artifact.h"

#include <span>

namespace everseal::reconcile {

// Are both in one directory, whatever links and mounts lead there? False where one of them is missing or names none.
bool share_a_directory(const deploy::Target& one, const deploy::Target& other);

// Throws Error(exists) where a file that `target` would write is one that another deployment has that is wanted too:
// of another certificate or authority, or of the same one among its `wanted`. Whoever is there stays.
void require_own_place(Session& session, const Deployable& artifact, const config::Deployment& target,
                       std::span<const config::Deployment> wanted);

}  // namespace everseal::reconcile
