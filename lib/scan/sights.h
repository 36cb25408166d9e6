// What was seen at a place, judged.
#pragma once

#include "audit/finding.h"
#include "audit/sight.h"
#include "discover/found.h"
#include "inventory/records.h"
#include "probe/capture.h"
#include "report/audit.h"
#include "scan/revocations.h"
#include "scan/standards.h"
#include "scan/targets.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace everseal::scan {

struct Judged {
  std::vector<audit::Finding> findings;                       // the gravest first
  std::optional<std::vector<pki::Certificate>> certificates;  // as shown; absent where the look showed none
  std::vector<pki::Certificate> leaves;                       // of them, those that somebody is to be served
  std::shared_ptr<const pki::ChainVerdict> trust;             // of the first leaf; null: not judged
  std::optional<base::Time> path_ends;                        // first end on the path that clients use
  bool is_whole = true;                                       // nothing was left untold by a failure
  std::set<pki::Fingerprint> recent;               // leaves that other addresses of the place showed not long ago
  std::set<audit::Needs> had{audit::Needs::look};  // what its rules could be told by
  std::optional<Revocations::Number> awaits;       // a CRL that may tell more
  std::set<pki::Fingerprint> unproved;             // of the certificates, those nothing told the revocation of
};

// `place`: as findings name it. `revocations` null: only what is stapled tells of revocation.
Judged judge_endpoint(const Wanted& wanted, const probe::Capture& capture, const std::string& place, Standard& standard,
                      Revocations* revocations, base::Time now);
// One place, whichever address answers; `captures` is not empty. What addresses show that were looked at to the end
// counts, where there is one.
struct JudgedAddresses {
  Judged judged;
  std::size_t spokesman = 0;  // the capture that stands for all
};
JudgedAddresses judge_addresses(const Wanted& wanted, const std::vector<probe::Capture>& captures,
                                const std::string& place, Standard& standard, Revocations* revocations, base::Time now);
// `beside`: what is known of a leaf beside what its file holds.
Judged judge_file(const discover::File& file, const std::string& place, Standard& standard, Revocations* revocations,
                  base::Time now, const std::function<audit::Stored(const pki::Certificate&)>& beside);
// Adds to what was judged.
void add_findings(Judged& judged, std::vector<audit::Finding> findings);

// For a report; nullopt where only one handshake was asked for.
std::optional<report::AuditedOffer> offer_of(const probe::Capture& capture);
inventory::ProbeRecord record_of_capture(const probe::Capture& capture);  // but for its time and leaf
inventory::ProbeRecord record_of_file(const discover::File& file);        // likewise
std::string labels_text(const std::vector<std::string>& labels);          // as PlaceRecord::labels has them

}  // namespace everseal::scan
