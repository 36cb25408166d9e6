// One endpoint, looked at and judged as an audit does, for somebody who asks about it alone.
#pragma once

#include "audit/finding.h"
#include "command.h"
#include "inspect/known.h"
#include "inventory/records.h"
#include "probe/capture.h"
#include "scan/sights.h"
#include "scan/targets.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::cli {

struct FoundHere {
  audit::Finding finding;
  std::optional<inventory::AcknowledgementRecord> acknowledgement;  // it counts for nothing while this holds
};

// What one of its addresses showed.
struct SeenAddress {
  probe::Capture capture;
  scan::Judged judged;  // its findings are in `found`
  std::vector<FoundHere> found;
  Known known;

  const pki::Certificate* leaf() const noexcept { return judged.leaves.empty() ? nullptr : &judged.leaves.front(); }
  // Would a client that asks for the endpoint's name go on? nullopt where nothing was asked for that could be compared.
  std::optional<bool> client_agrees(const scan::Wanted& wanted) const;
};

struct InspectedEndpoint {
  scan::Wanted wanted;
  std::string policy;  // "intermediate 6.0"
  base::Time now;
  std::vector<SeenAddress> addresses;
  std::vector<FoundHere> between;  // what is wrong of the addresses together
  bool has_state = false;          // there is something to be known of certificates
  std::vector<std::string> remarks;

  bool has(audit::Severity severity) const;  // a fault at or above it that nobody acknowledged
};

// HOST:PORT rather than a file?
bool is_endpoint(const std::string& what);
// Error(usage/config); what the network does is an outcome.
InspectedEndpoint inspect_endpoint(const Context& context, const std::string& what);

// In prose. `width`: columns of the terminal; absent: lines are as long as they are.
std::string endpoint_text(const InspectedEndpoint& endpoint, std::optional<std::size_t> width);
// schema/output/inspect-endpoint.schema.json
std::string endpoint_json(const InspectedEndpoint& endpoint);
// What to do next, as commands of this program; the most pressing first.
std::vector<std::string> next_commands(const InspectedEndpoint& endpoint);

}  // namespace everseal::cli
