// A directory of a test's own, gone when the test ends.
#pragma once

#include "base/file.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace everseal::fakes {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "everseal-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::filesystem::filesystem_error("mkdtemp", {});
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const noexcept { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  base::Directory open() const { return base::Directory::open(path_); }

 private:
  std::string path_;
};

}  // namespace everseal::fakes
