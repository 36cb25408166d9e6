#include "reconcile/lost.h"

#include "archive/archive.h"
#include "authority/crl.h"
#include "authority/files.h"
#include "authority/upkeep.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "inventory/authorities.h"
#include "inventory/managed.h"
#include "inventory/subjects.h"
#include "pki/crl.h"
#include "plan/authority.h"
#include "reconcile/session.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::reconcile {
namespace {

constexpr int kMost = 1000;
constexpr const char* kGoOnBehind = "lost.behind";

// Of what is compared for being the same, by nobody who means harm: FNV-1a.
class Look {
 public:
  void add(std::uint64_t value) noexcept {
    for (int i = 0; i < 8; ++i) {
      hash_ = (hash_ ^ ((value >> (8 * i)) & 0xff)) * 0x100000001b3;
    }
  }
  std::string text() const { return fmt::format("{:016x}", hash_); }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

// False where it is gone: what cannot be looked at says nothing.
bool add_file(int directory, const std::string& path, Look& look) {
  struct stat found {};
  if (::fstatat(directory, path.c_str(), &found, 0) != 0) {
    look.add(0);
    return errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
  }
  for (const auto value : {found.st_ino, static_cast<ino_t>(found.st_size), static_cast<ino_t>(found.st_mtim.tv_sec),
                           static_cast<ino_t>(found.st_mtim.tv_nsec), static_cast<ino_t>(found.st_ctim.tv_sec),
                           static_cast<ino_t>(found.st_ctim.tv_nsec)})
    look.add(value);
  return true;
}

std::string look_of(int live, const std::string& state, const inventory::InUseRecord& used) {
  std::optional<int> link;
  try {
    link = archive::live_link_of(state, used.name).number;
  } catch (const base::Error&) {
    return used.seen;  // what cannot be looked at says nothing
  }
  if (link != used.number) return {};
  // The archive reads nothing behind a link.
  for (const std::string& path :
       {fmt::format("../archive/{}", used.name), fmt::format("../archive/{}/{}", used.name, used.number)}) {
    struct stat found {};
    if (::fstatat(live, path.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(found.st_mode)) return {};
  }
  Look look;
  look.add(static_cast<std::uint64_t>(used.number));
  for (const std::string_view file : archive::kFiles) {
    if (file == archive::kKeyFile && !used.has_key) continue;
    if (!add_file(live, fmt::format("{}/{}", used.name, file), look)) return {};
  }
  for (const std::string& path : used.paths)
    if (!add_file(AT_FDCWD, path, look)) return {};
  return look.text();
}

}  // namespace

std::optional<std::string> look_of_file(const std::string& path) {
  Look look;
  if (!add_file(AT_FDCWD, path, look)) return std::nullopt;
  return look.text();
}

std::string look_of(const std::string& state, const inventory::InUseRecord& used) {
  const auto live = base::Directory::open_if_exists(state + "/live");
  return live ? look_of(live->descriptor(), state, used) : std::string();
}

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

namespace {

// What another CRL of its key says is revoked is news to the certificates before they are looked at.
void learn_revocations(inventory::Store& store, const Name& authority, Time now) {
  try {
    authority::merge_published_crl(store, authority, now);
  } catch (const base::Error& error) {
    base::log::debug("{}", error.message());  // the authority's own step says it
  }
}

// Did it fail for something that was missing?
bool lacked_something(const inventory::AttemptRecord& attempt) {
  return attempt.fault == to_string(base::Fault::not_found);
}

// Did a certificate's step fail because what lies at `path` was missing? Not of a path that begins alike.
bool lacked(const inventory::AttemptRecord& attempt, const std::string& path) {
  if (!lacked_something(attempt) || !certificate_in(attempt.subject)) return false;
  const auto at = attempt.problem.find(path);
  if (at == std::string::npos) return false;
  const std::string_view behind = std::string_view(attempt.problem).substr(at + path.size());
  return behind.empty() || behind.front() == '/' || behind.front() == ' ';
}

// Lets what waits and is `meant` be tried again.
void end_waits_of(inventory::Store& store, const std::function<bool(const inventory::AttemptRecord&)>& meant,
                  Time now) {
  inventory::Attempts attempts(store);
  for (inventory::AttemptRecord& attempt : attempts.waiting(kMost)) {
    if (!meant(attempt)) continue;
    attempt.not_before = now;
    attempts.put(attempt);
    if (const auto name = certificate_in(attempt.subject))
      inventory::Subjects(store).wake(inventory::certificate_subject(*name), now);
  }
}

void wake_authority(const Host& host, inventory::Store& store, const Name& name) {
  const bool is_back =
      inventory::Authorities(store).are_revocations_lost(name) && authority::tells_revocations(store, name);
  if (is_back) end_waits(store, "crl", host.clock());
  const bool stands = crl_stands(host.state, store, name);
  if (!stands) learn_revocations(store, name, host.clock());
  const auto failed = inventory::Attempts(store).of(authority_subject(name));
  if (authority::missing_to_sign(store, name).empty()) {
    if (std::ranges::any_of(failed, [](const inventory::AttemptRecord& attempt) {
          return attempt.step == plan::SignCrl::kind && lacked_something(attempt);
        }))
      inventory::Subjects(store).skip_wait(inventory::authority_subject(name), host.clock());
    const std::string path = authority::authority_path(store, name);
    end_waits_of(
        store, [&](const inventory::AttemptRecord& attempt) { return lacked(attempt, path); }, host.clock());
  }
  // With each run that has failures: what failed may not be wanted any more.
  if (is_back || !stands || !failed.empty())
    inventory::Subjects(store).wake(inventory::authority_subject(name), host.clock());
}

}  // namespace

void end_waits(inventory::Store& store, std::string_view step, Time now) {
  end_waits_of(
      store, [&](const inventory::AttemptRecord& attempt) { return attempt.step == step; }, now);
}

void wake_what_was_lost(const Host& host, inventory::Store& store) {
  const Time now = host.clock();
  inventory::Subjects subjects(store);
  for (const inventory::AuthorityRecord& one : inventory::Authorities(store).all())
    wake_authority(host, store, one.name);
  const auto live = base::Directory::create(host.state + "/live", 0700);
  inventory::Managed managed(store);
  const auto behind = store.setting(kGoOnBehind);
  const auto after = behind && Name::is_valid(*behind) ? std::optional(Name::parse(*behind)) : std::nullopt;
  const auto used = managed.in_use(after, kMost);
  for (const inventory::InUseRecord& one : used)
    if (const std::string look = look_of(live.descriptor(), host.state, one); look.empty() || look != one.seen)
      subjects.wake(inventory::certificate_subject(one.name), now);
  const bool more = used.size() == static_cast<std::size_t>(kMost);
  if (more || after) store.set_setting(kGoOnBehind, more ? used.back().name.text() : std::string());
}

}  // namespace everseal::reconcile
