#include "probe/starttls.h"

#include "base/error.h"
#include "base/text.h"

#include <fmt/format.h>

namespace everseal::probe {

const Starttls& require_starttls(std::string_view name) {
  std::vector<std::string> known;
  for (const Starttls* protocol : starttls_protocols()) {
    if (protocol->name == name) return *protocol;
    known.emplace_back(protocol->name);
  }
  throw base::Error(base::Fault::usage, fmt::format("no STARTTLS protocol is called \"{}\"", base::printable(name)),
                    fmt::format("known are {}", base::join(known, ", ")));
}

}  // namespace everseal::probe
