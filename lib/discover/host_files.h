// Files of a host: this one, or one whose root directory is mounted here.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::discover {

struct Trace {
  std::string file;  // where it is here
  int line = 0;      // 0: the file as such
  std::string text;  // the line, printable
};

// Paths are absolute, as the host sees them, and so are the targets of links at their end. What cannot be read is as
// good as not there; sizes are bounded.
class HostFiles {
 public:
  explicit HostFiles(std::string root);  // "/", "/mnt/host", "/mnt/host/"

  std::string here(std::string_view path) const { return root_ + std::string(path); }
  // What a link leads to, itself where it is none; "" where it leads round in circles.
  std::string followed(std::string path) const;

  bool has(const std::string& path) const;  // of any type, not followed
  bool has_file(const std::string& path) const;
  bool has_directory(const std::string& path) const;
  bool is_executable(const std::string& path) const;
  std::string read(const std::string& path) const;
  // The same; throws Error(not_found/io), and Error(invalid) for what is no regular file or too large.
  std::string load(const std::string& path) const;
  // Of a directory that is there and cannot be listed: why, printable.
  using Refused = std::function<void(const std::string& why)>;
  std::vector<std::string> names(const std::string& directory,
                                 const Refused& refused = {}) const;  // sorted, none hidden
  // What a shell makes of `pattern`: "*", "?" and "[...]" in each component, sorted; without any of them the path
  // itself where it is there.
  std::vector<std::string> matching(const std::string& pattern, const Refused& refused = {}) const;
  // Those that `is_meant` says, without blanks around them; comments do not count.
  std::vector<Trace> lines(const std::string& path, const std::function<bool(std::string_view)>& is_meant) const;

 private:
  std::string root_;  // without a slash at its end
};

// One line of what may be long.
std::string shown(std::string_view text);

}  // namespace everseal::discover
