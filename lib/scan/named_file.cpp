#include "scan/named_file.h"

#include "base/error.h"
#include "base/file.h"

namespace everseal::scan {

base::Bytes read_named_file(const std::string& path, std::size_t limit, const std::string& what) {
  try {
    return base::read_file(path, limit);
  } catch (const base::Error& error) {
    throw base::Error(base::Fault::config, what + ": " + error.message(), error.hint());
  }
}

}  // namespace everseal::scan
