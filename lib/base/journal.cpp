#include "base/journal.h"

#include "base/text.h"

#include <syslog.h>

namespace everseal::base {

void write_journal(const std::string& line) {
  ::syslog(LOG_AUTHPRIV | LOG_NOTICE, "everseal: %s", printable(line).c_str());
}

}  // namespace everseal::base
