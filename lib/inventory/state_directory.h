// The directory that holds the state: whose it must be, and where its database lies.
#pragma once

#include "base/file.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::inventory {

inline constexpr const char* kDatabase = "everseal.db";  // in the state directory
std::string database_file(const std::string& state);
// What SQLite made beside it, too. None of it need be there.
void remove_database(const base::Directory& state, std::string_view name);

// One of the state's own directories that is something else: a link, or a file.
struct Misplaced {
  bool is_link = false;
  std::string what;     // printable: "/var/lib/everseal/archive is a symbolic link to /mnt/archive"
  std::string remedy;   // in words, with commands for a shell
  std::string command;  // the one that puts it right; "" where something has to be brought back first
};
// Of those without which nothing can be done. What is missing is made.
std::vector<Misplaced> misplaced(const std::string& state);

// Throws Error(not_found) where there is none, Error(denied) where another user owns it or others could change or read
// it, Error(config) on a network file system or where a directory of its own is misplaced. The database in it, if any,
// must belong to the caller too.
void require_state_directory(const std::string& state);
// Makes it (0700) where it is missing, then requires the same.
void make_state_directory(const std::string& state);

}  // namespace everseal::inventory
