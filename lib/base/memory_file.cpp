#include "base/memory_file.h"

#include "base/error.h"

#include <cerrno>

#include <sys/mman.h>
#include <unistd.h>

namespace everseal::base {

FileDescriptor memory_file(const char* name, BytesView bytes) {
  constexpr unsigned kNoExec = 8;  // MFD_NOEXEC_SEAL, since Linux 6.3
  int fd = ::memfd_create(name, MFD_CLOEXEC | kNoExec);
  if (fd < 0 && errno == EINVAL) fd = ::memfd_create(name, MFD_CLOEXEC);
  FileDescriptor memory(fd);
  if (!memory) throw errno_error("make", "a file in memory");
  while (!bytes.empty()) {
    const ssize_t count = ::write(memory.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw errno_error("write", "a file in memory");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) throw errno_error("rewind", "a file in memory");
  return memory;
}

}  // namespace everseal::base
