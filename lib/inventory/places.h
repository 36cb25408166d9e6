// Where certificates are seen, and what each look showed.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace everseal::inventory {

// A place as the last look at it left it.
struct KnownPlace {
  PlaceRecord place;
  base::Bytes shown, judged;              // digests
  std::optional<Time> further_look;       // the last one; absent: never
  std::optional<pki::Fingerprint> alone;  // an endpoint's leaf that nothing of the other key family stood beside
  std::vector<FindingRecord> open;
};

// One look at a place, judged.
struct Look {
  PlaceRecord place;  // but for its id and its times
  // What was known of it a moment before; absent: the database is asked.
  std::optional<KnownPlace> known{};
  ProbeRecord probe;
  // As shown, the leaf first; absent where the look could not show any: what was seen before stays seen then.
  std::optional<std::vector<pki::Certificate>> certificates;
  std::vector<FindingRecord> findings;              // rule, certificate, severity, what
  std::function<bool(const FindingRecord&)> stays;  // an open one that is not among them: this look could not tell
  std::string stays_by;                             // what that goes by: where it is another, open ones are asked again
  bool is_further = false;                          // it asked for what one handshake does not show
};

// What changed since a moment, about one place.
struct PlaceChange {
  PlaceRecord place;
  bool is_new = false;                   // seen for the first time since then
  std::vector<SightingRecord> appeared;  // leaves and files' certificates
  std::vector<SightingRecord> vanished;
};

struct PlaceFilter {
  std::string environment;
  std::string team;
  std::optional<PlaceKind> kind;
  bool gone = false;  // also those that their source names no more
};

struct PlaceState {
  PlaceRecord place;
  std::optional<ProbeRecord> probe;  // what the last look showed
};

// The looks of one hour at one place.
struct ProbeHour {
  Time hour;
  std::int64_t looks = 0;
  std::int64_t failures = 0;    // without a certificate
  std::int64_t handshakes = 0;  // those with a time
  std::chrono::microseconds handshake_sum{}, handshake_max{};
};

class Places {
 public:
  explicit Places(Store& store) : store_(store) {}

  // Joins or makes one transaction. Writes a probe, sightings and findings only where they are others than before; a
  // look that changed nothing is one row touched. Gives the place's id.
  std::int64_t record(const Look& look);
  // Adds to the hours' rows.
  void add_hours(std::span<const std::pair<std::int64_t, ProbeHour>> hours);
  // Places of this source that no look reached since `started` are gone as of now. Gives how many went.
  std::int64_t mark_gone(std::string_view source, Time started, Time now);
  // The same of the endpoint's addresses.
  std::int64_t mark_gone_at(const std::string& endpoint, Time started, Time now);
  // The endpoint's addresses that went as of `now` did not: its name led nowhere, which says nothing of them.
  void keep(const std::string& endpoint, Time now);

  // Places of files at `root` and below it that no look reached since `started`.
  std::vector<PlaceRecord> files_unreached(const std::string& root, Time started);
  void mark_gone(std::int64_t place, Time now);

  std::optional<PlaceRecord> find(PlaceKind kind, const std::string& name, const std::string& address);
  std::optional<KnownPlace> known(PlaceKind kind, const std::string& name, const std::string& address);
  std::vector<PlaceRecord> named(const std::string& name);  // every address of it, and the file or name
  std::set<std::string> environments();                     // of all places, those that are gone too
  void each(const PlaceFilter& filter, const std::function<void(const PlaceState&)>& row);
  // Where a certificate was seen, now or before; the latest first.
  std::vector<std::pair<PlaceRecord, SightingRecord>> of(const pki::Fingerprint& certificate, int limit);
  std::vector<SightingRecord> shown_at(std::int64_t place);                // by the last look, in their order
  std::vector<SightingRecord> shown_then(std::int64_t place, Time when);   // likewise by the last one before `when`
  std::vector<SightingRecord> seen_since(std::int64_t place, Time since);  // what was still there then, or came later
  // Leaves, and files' certificates but for those of CAs, at the places that showed them at `when`, by certificate.
  struct Shown {
    CertificateRecord certificate;
    PlaceRecord place;
    SightingRecord sighting;
  };
  void each_shown_then(Time when, const std::function<void(const Shown&)>& row);
  std::vector<ProbeRecord> probes(std::int64_t place, int limit);  // the newest first
  std::vector<ProbeHour> hours(std::int64_t place, Time since);
  // Leaves and files' certificates that appeared or vanished since then, place by place, and the new places.
  std::vector<PlaceChange> changed_since(Time since);
  std::vector<PlaceRecord> gone_since(Time since);

  // Takes away up to `limit` rows each of probes, hours, and sightings that ended before those times, and places
  // nothing is left of. Gives how many went.
  std::int64_t prune(Time probes_before, Time hours_before, Time rest_before, int limit);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
