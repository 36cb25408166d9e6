// What a run sees although nothing is due: what is gone from the disk, or was changed there.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"
#include "reconcile/host.h"

#include <optional>
#include <string>
#include <string_view>

namespace everseal::reconcile {

// Looks, in one system call a file, whether live links, the archive's and deployed files and CRLs of what is in use
// stand and look as they did, and wakes the subjects of those that do not. At most a thousand a run; with more the
// next run goes on from there.
void wake_what_was_lost(const Host& host, inventory::Store& store);

// Whatever failed at that step is tried again by the next run: what it waited for is there. The count goes on.
void end_waits(inventory::Store& store, std::string_view step, Time now);

// How the files of what is in use look, without being read: inode, size and times of each. "" where one is missing.
std::string look_of(const std::string& state, const inventory::InUseRecord& used);

// The same of one file; nullopt where it is gone.
std::optional<std::string> look_of_file(const std::string& path);

// Is the authority's crl.der, octet for octet, its newest CRL?
bool crl_stands(const std::string& state, inventory::Store& store, const Name& authority);

}  // namespace everseal::reconcile
