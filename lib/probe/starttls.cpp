#include "probe/starttls.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace everseal::probe {
namespace {

constexpr int kSubmission = 587;  // the second port of SMTP (RFC 6409)

}  // namespace

const Starttls& require_starttls(std::string_view name) {
  std::vector<std::string> known;
  for (const Starttls* protocol : starttls_protocols()) {
    if (protocol->name == name) return *protocol;
    known.emplace_back(protocol->name);
  }
  throw base::Error(base::Fault::usage, fmt::format("no STARTTLS protocol is called \"{}\"", base::printable(name)),
                    fmt::format("known are {}", base::join(known, ", ")));
}

const Starttls* starttls_on(int port) {
  if (port == kSubmission) return &require_starttls("smtp");
  const auto protocols = starttls_protocols();
  const auto found = std::ranges::find(protocols, port, &Starttls::port);
  return found == protocols.end() ? nullptr : *found;
}

const Starttls* starttls_greeting(std::string_view head) {
  const auto protocols = starttls_protocols();
  const auto found =
      std::ranges::find_if(protocols, [&](const Starttls* one) { return one->greets != nullptr && one->greets(head); });
  return found == protocols.end() ? nullptr : *found;
}

bool is_greeting(std::string_view head, std::string_view beginning, std::string_view word) {
  const std::string line = base::lower(head.substr(0, head.find_first_of("\r\n")));
  return line.starts_with(beginning) && line.find(word) != std::string::npos;
}

}  // namespace everseal::probe
