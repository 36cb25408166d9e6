#include "reconcile/lost.h"

#include "authority/files.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "inventory/authorities.h"
#include "inventory/managed.h"
#include "inventory/subjects.h"
#include "pki/crl.h"

#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace everseal::reconcile {
namespace {

constexpr int kMost = 2000;
constexpr const char* kGoOnBehind = "lost.behind";

// Only what is gone counts: what cannot be looked at says nothing.
bool is_gone(int directory, const std::string& path) {
  return ::faccessat(directory, path.c_str(), F_OK, AT_EACCESS) != 0 &&
         (errno == ENOENT || errno == ENOTDIR || errno == ELOOP);
}

bool is_lost(int live, const inventory::InUseRecord& used) {
  char target[256];
  const ssize_t length = ::readlinkat(live, used.name.text().c_str(), target, sizeof target);
  if (length < 0) return errno == ENOENT || errno == EINVAL;
  if (!std::string_view(target, static_cast<std::size_t>(length)).ends_with(fmt::format("/{}", used.number)))
    return true;
  if (is_gone(live, fmt::format("{}/{}", used.name, used.has_key ? "privkey.pem" : "cert.pem"))) return true;
  return std::ranges::any_of(used.paths, [](const std::string& path) { return is_gone(AT_FDCWD, path); });
}

}  // namespace

bool crl_stands(const std::string& state, inventory::Store& store, const Name& authority) {
  const auto newest = inventory::Authorities(store).newest_crl(authority);
  if (!newest) return true;  // none was signed yet
  const auto directory = base::Directory::open_if_exists(fmt::format("{}/authorities/{}", state, authority));
  try {
    return directory && directory->has(authority::kCrlFile) &&
           directory->read(authority::kCrlFile, pki::kLargestCrl) == newest->der;
  } catch (const base::Error& error) {
    base::log::debug("{}", error.message());
    return error.fault() == base::Fault::io;
  }
}

void wake_what_was_lost(const Host& host, inventory::Store& store) {
  const Time now = host.clock();
  inventory::Subjects subjects(store);
  const auto live = base::Directory::open_if_exists(host.state + "/live");
  if (!live) return;
  inventory::Managed managed(store);
  const auto behind = store.setting(kGoOnBehind);
  const auto after = behind && Name::is_valid(*behind) ? std::optional(Name::parse(*behind)) : std::nullopt;
  const auto used = managed.in_use(after, kMost);
  for (const inventory::InUseRecord& one : used)
    if (is_lost(live->descriptor(), one)) subjects.wake(inventory::certificate_subject(one.name), now);
  const bool more = used.size() == static_cast<std::size_t>(kMost);
  if (more || after) store.set_setting(kGoOnBehind, more ? used.back().name.text() : std::string());
  for (const inventory::AuthorityRecord& one : inventory::Authorities(store).all())
    if (!crl_stands(host.state, store, one.name)) subjects.wake(inventory::authority_subject(one.name), now);
}

}  // namespace everseal::reconcile
