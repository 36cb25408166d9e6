// A file system of a few pages, that a test fills.
#pragma once

#include <string>

namespace everseal::system {

class SmallDisk {
 public:
  // Mounts it over `directory`; `size` as mount(8) has it, "3m".
  SmallDisk(std::string directory, const std::string& size);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // Leaves room for so many pages of 4096 octets.
  void fill(int pages) const;
  // Nothing but the filler goes.
  void empty() const;

 private:
  std::string filler() const { return directory_ + "/filler"; }

  std::string directory_;
};

}  // namespace everseal::system
