#include "system/small_disk.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/mount.h>

namespace everseal::system {

namespace fs = std::filesystem;

SmallDisk::SmallDisk(std::string directory, const std::string& size) : directory_(std::move(directory)) {
  if (::mount("everseal-test", directory_.c_str(), "tmpfs", 0, ("mode=0700,size=" + size).c_str()) != 0)
    throw std::runtime_error(
        fmt::format("cannot mount a tmpfs (root with CAP_SYS_ADMIN may): {}", std::strerror(errno)));
}

SmallDisk::~SmallDisk() { ::umount2(directory_.c_str(), MNT_DETACH); }

void SmallDisk::fill(int pages) const {
  {
    std::ofstream file(filler(), std::ios::binary);
    const std::string page(4096, 'x');
    while (file.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  }
  fs::resize_file(filler(), fs::file_size(filler()) / 4096 * 4096 - static_cast<std::uintmax_t>(pages) * 4096);
}

void SmallDisk::empty() const { fs::remove(filler()); }

}  // namespace everseal::system
