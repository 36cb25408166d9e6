#include "base/handle.h"

#include <unistd.h>

namespace everseal::base {

void FileDescriptor::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace everseal::base
