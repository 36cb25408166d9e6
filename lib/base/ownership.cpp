#include "base/ownership.h"

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

namespace everseal::base {
namespace {

template <class Id>
std::optional<Id> parse_id(std::string_view text) {
  const auto id = parse_number<Id>(text);
  // -1 means "leave as it is" to chown(2).
  return id == static_cast<Id>(-1) ? std::nullopt : id;
}

// Asks with a buffer that grows as it must: the members of a group of LDAP can fill megabytes. `ask` is one of
// getpwnam_r and its like; false where the system knows no such entry.
template <class Ask>
bool look_up(std::vector<char>& buffer, std::string_view what, Ask ask) {
  constexpr std::size_t kLargest = 64 << 20;
  buffer.resize(4096);
  for (;;) {
    bool found = false;
    const int code = ask(buffer, found);
    if (found) return true;
    if (code == ERANGE && buffer.size() < kLargest) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    if (code == EINTR) continue;
    // What the manual lists for "not found", beside 0.
    if (code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM) return false;
    errno = code;
    throw errno_error("look up", what);
  }
}

std::string quoted_as(std::string_view kind, const std::string& name) {
  return fmt::format("the {} '{}'", kind, printable(name));
}

bool find_entry(const std::string& name, passwd& entry, std::vector<char>& buffer) {
  return look_up(buffer, quoted_as("user", name), [&](std::vector<char>& room, bool& found) {
    passwd* answer = nullptr;
    const int code = ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &answer);
    found = answer != nullptr;
    return code;
  });
}

std::optional<uid_t> find_user(const std::string& name) {
  passwd entry{};
  std::vector<char> buffer;
  return find_entry(name, entry, buffer) ? std::optional(entry.pw_uid) : parse_id<uid_t>(name);
}

std::optional<gid_t> find_group(const std::string& name) {
  group entry{};
  std::vector<char> buffer;
  const bool known = look_up(buffer, quoted_as("group", name), [&](std::vector<char>& room, bool& found) {
    group* answer = nullptr;
    const int code = ::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &answer);
    found = answer != nullptr;
    return code;
  });
  return known ? std::optional(entry.gr_gid) : parse_id<gid_t>(name);
}

}  // namespace

Ownership parse_ownership(std::string_view owner, mode_t mode) {
  Ownership ownership{.mode = mode};
  const auto colon = owner.find(':');
  const std::string user(owner.substr(0, colon));
  const std::string group(colon == std::string_view::npos ? std::string_view() : owner.substr(colon + 1));
  if (owner.find('\0') != std::string_view::npos || (user.empty() && group.empty()) ||
      (colon != std::string_view::npos && group.empty()))
    throw Error(Fault::config, fmt::format("'{}' is not an owner", printable(owner)),
                "write \"user\", \"user:group\" or \":group\"");
  if (!user.empty()) {
    ownership.user = find_user(user);
    if (!ownership.user) throw Error(Fault::config, fmt::format("this system has no user '{}'", printable(user)));
  }
  if (!group.empty()) {
    ownership.group = find_group(group);
    if (!ownership.group) throw Error(Fault::config, fmt::format("this system has no group '{}'", printable(group)));
  }
  return ownership;
}

std::optional<Account> find_account(const std::string& name) {
  passwd entry{};
  std::vector<char> buffer;
  if (!find_entry(name, entry, buffer)) return std::nullopt;
  Account account{entry.pw_uid, entry.pw_gid, std::vector<gid_t>(64), entry.pw_dir};
  int count = static_cast<int>(account.groups.size());
  while (::getgrouplist(name.c_str(), account.group, account.groups.data(), &count) < 0) {
    account.groups.resize(std::max(static_cast<std::size_t>(count), account.groups.size() * 2));
    count = static_cast<int>(account.groups.size());
  }
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

std::string user_name(uid_t user) {
  passwd entry{};
  std::vector<char> buffer;
  const std::string unnamed = fmt::format("uid {}", user);
  try {
    const bool known = look_up(buffer, unnamed, [&](std::vector<char>& room, bool& found) {
      passwd* answer = nullptr;
      const int code = ::getpwuid_r(user, &entry, room.data(), room.size(), &answer);
      found = answer != nullptr;
      return code;
    });
    return known ? std::string(entry.pw_name) : unnamed;
  } catch (const Error&) {
    return unnamed;  // for messages, which are not to fail
  }
}

}  // namespace everseal::base
