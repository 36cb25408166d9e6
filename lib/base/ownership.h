// Whose a file is, and what the system knows of users and groups. The system may ask a directory service, so what it
// could not find out (Error(io)) is told from what does not exist.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace everseal::base {

struct Ownership {
  std::optional<uid_t> user;  // absent: as created
  std::optional<gid_t> group;
  mode_t mode = 0600;
};
// "user", "user:group", ":group", names or numbers. Throws Error(config) where the system knows no such name.
Ownership parse_ownership(std::string_view owner, mode_t mode);

// Whom a program can run as.
struct Account {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
  std::string home;
};
std::optional<Account> find_account(const std::string& name);

std::string user_name(uid_t user);  // "uid 1234" where the system knows none or cannot say

}  // namespace everseal::base
