// What an audit's looks leave behind: written in groups, so that recording costs less than looking.
#pragma once

#include "inventory/places.h"
#include "inventory/store.h"
#include "scan/agreement.h"
#include "scan/targets.h"
#include "scan/together.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace everseal::scan {

// For one thread at a time. What was added is durable after flush(), and after each group.
class Memory {
 public:
  Memory(inventory::Store& store, base::Time began);

  void add(inventory::Look look);
  void flush();

  // What a deployment put in its place; nullopt where nothing is known to stand there.
  std::optional<audit::Expected> deployed(const Wanted::Deployed& deployed);
  // What took the place of a version of a managed certificate.
  std::optional<audit::Superseded> superseded(const pki::Fingerprint& leaf);
  // Which managed certificate it is a version of.
  std::optional<base::Name> managed(const pki::Fingerprint& leaf);
  // One that holds for so grave a finding.
  std::optional<inventory::AcknowledgementRecord> acknowledgement(const inventory::PlaceRecord& place,
                                                                  const std::string& rule,
                                                                  std::string_view severity) const;
  // The certificates that a place showed since then, those of CAs left out.
  std::vector<SeenLeaf> leaves_since(const inventory::PlaceRecord& place, base::Time since);
  // The place as it was looked at last.
  std::optional<inventory::KnownPlace> known(const inventory::PlaceRecord& place);
  // Names of the DNS that a look of this `source` found something about that is still open.
  std::vector<inventory::PlaceRecord> open_names(const std::string& source);
  // What the comparison of many places found there, in place of what an earlier one did. Durable on return.
  void add_compared(const inventory::PlaceRecord& place, const std::vector<inventory::FindingRecord>& found,
                    base::Time at);
  // Closes what earlier comparisons found at places of `together` and neither it tells nor it with what all other
  // places showed last, which are added to it.
  void close_compared(Together& together, const audit::Criteria& criteria, base::Time now);
  // Places of an endpoint's name that no look of this run reached are gone, where one that did shows that the name is
  // still looked at; and all of `sources`, but for those of `unresolved` names.
  void forget_unreached(const std::set<std::string>& names, const std::set<std::string>& unresolved,
                        const std::vector<std::string>& sources, base::Time now);
  // Files at these paths and below them that no look of this run reached are gone where they are not there any more, or
  // hold nothing. Those that went all at once stay for a week from their last look, as their file system may be away:
  // said of each such directory, for a person.
  std::vector<std::string> forget_files(const std::vector<std::string>& roots, base::Time now);

 private:
  void add_others(Together& together, const audit::Criteria& criteria);

  using Key = std::pair<std::string, std::string>;  // place's text, rule

  inventory::Store& store_;
  base::Time began_;
  std::vector<inventory::Look> waiting_;
  std::chrono::steady_clock::time_point flushed_;
  std::map<pki::Fingerprint, std::optional<base::Name>> managed_;
  std::map<Key, inventory::AcknowledgementRecord> acknowledgements_;
};

}  // namespace everseal::scan
