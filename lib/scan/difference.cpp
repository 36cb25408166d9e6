#include "scan/difference.h"

#include "base/text.h"
#include "inventory/certificates.h"
#include "inventory/findings.h"
#include "inventory/places.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

using inventory::CertificateRecord;
using inventory::FindingRecord;
using inventory::SightingRecord;

std::string day(base::Time time) { return base::format_time(time).substr(0, 10); }

std::string rules(const std::vector<FindingRecord>& findings) {
  std::vector<std::string> names;
  for (const FindingRecord& finding : findings) names.push_back(finding.rule);
  return base::join(names, ", ");
}

std::string graver(const std::vector<FindingRecord>& findings) {
  std::vector<std::string> parts;
  for (const FindingRecord& finding : findings)
    parts.push_back(fmt::format("{} is {}", finding.rule, finding.severity));
  return base::join(parts, ", ");
}

std::string explain(const CertificateRecord& before, const CertificateRecord& after) {
  std::vector<std::string> parts;
  if (after.not_after < before.not_after)
    parts.push_back(fmt::format("ends sooner, {} instead of {}", day(after.not_after), day(before.not_after)));
  else
    parts.push_back(fmt::format("ends {} instead of {}", day(after.not_after), day(before.not_after)));
  if (after.issuer != before.issuer) parts.push_back(fmt::format("issued by {}", base::printable(after.issuer)));
  if (after.names != before.names)
    parts.push_back(fmt::format("speaks for {}", after.names.empty() ? "nobody" : base::printable(after.names)));
  if (after.key != before.key) parts.push_back(fmt::format("key {} instead of {}", after.key, before.key));
  return "another certificate: " + base::join(parts, "; ");
}

// The first of `these` that is none of `others`.
std::optional<pki::Fingerprint> first_beyond(const std::vector<pki::Fingerprint>& these,
                                             const std::vector<pki::Fingerprint>& others) {
  const auto found = std::ranges::find_if(
      these, [&](const pki::Fingerprint& one) { return std::ranges::find(others, one) == others.end(); });
  return found == these.end() ? std::nullopt : std::optional(*found);
}

class Comparison {
 public:
  Comparison(inventory::Store& store, const Span& span)
      : store_(store), since_(span.since), now_(span.until), lapsed_(span.lapsed), environment_(span.environment) {}

  std::vector<Difference> run() {
    take_places();
    take_findings();
    take_lapsed();
    std::vector<Difference> all;
    for (auto& [id, one] : by_place_)
      if (one.presence != Difference::Presence::stays || one.after || one.before || !one.opened.empty() ||
          !one.closed.empty() || !one.worsened.empty() || !one.lapsed.empty())
        all.push_back(std::move(one));
    if (!environment_.empty())
      std::erase_if(all, [&](const Difference& one) { return one.place.environment != environment_; });
    std::ranges::stable_sort(all, std::greater<>(), &Difference::is_worse);
    return all;
  }

 private:
  Difference& of(const inventory::PlaceRecord& place) {
    Difference& one = by_place_[place.id];
    one.place = place;
    return one;
  }

  void take_places() {
    inventory::Places places(store_);
    for (const auto& change : places.changed_since(since_)) {
      if (change.place.gone && *change.place.gone < since_) continue;
      Difference& one = of(change.place);
      if (change.is_new) one.presence = Difference::Presence::appeared;
      const bool any_address = change.place.kind == inventory::PlaceKind::endpoint && change.place.address.empty();
      const auto now = certificates_of(change.place, places.shown_at(change.place.id));
      const auto then = certificates_of(change.place, places.shown_then(change.place.id, since_));
      const auto fresh = first_beyond(now, then);
      if (fresh && !was_seen_before(places, *fresh, change.place.id)) one.after = record(*fresh);
      const auto former = first_beyond(then, now);
      // Which of its addresses a name gives today is chance.
      if (former && (one.after || (!fresh && !any_address))) one.before = record(*former);
    }
    for (const inventory::PlaceRecord& place : places.gone_since(since_)) {
      Difference& one = of(place);
      if (one.presence == Difference::Presence::appeared)
        by_place_.erase(place.id);
      else if (is_resolved_again(places, place))
        resolved_again_.insert(place.id);
      else
        one.presence = Difference::Presence::gone;
    }
  }

  // The name without an address went since it has some again.
  static bool is_resolved_again(inventory::Places& places, const inventory::PlaceRecord& gone) {
    return gone.kind == inventory::PlaceKind::endpoint && gone.address.empty() &&
           std::ranges::any_of(places.named(gone.name.raw()), [](const inventory::PlaceRecord& other) {
             return other.kind == inventory::PlaceKind::endpoint && !other.address.empty() && !other.gone;
           });
  }

  void take_findings() {
    const auto take = [&](const inventory::PlacedFinding& changed) {
      const FindingRecord& finding = changed.finding;
      if (changed.acknowledgement || (changed.place.gone && !resolved_again_.contains(changed.place.id))) return;
      if (finding.closed && finding.opened < since_)
        of(changed.place).closed.push_back(finding);
      else if (!finding.closed)
        (finding.opened < since_ ? of(changed.place).worsened : of(changed.place).opened).push_back(finding);
    };
    inventory::Findings(store_).each_changed(since_, now_ + base::Seconds{1}, now_, take);
  }

  // An acknowledgement that ended by itself is no news of its own; that its finding counts again is.
  void take_lapsed() {
    inventory::Findings findings(store_);
    for (const auto& [known, place] : findings.acknowledgements(lapsed_.empty() ? since_ : base::Time())) {
      if (known.withdrawn || known.until > now_ || place.gone) continue;
      if (known.until < since_ && !(lapsed_.contains(known.id) && place.last_look >= since_)) continue;
      if (findings.acknowledgement(known.rule, place.id, now_)) continue;
      for (const FindingRecord& finding : findings.open_at(place.id)) {
        const bool is_told = finding.opened >= since_ || (finding.raised && *finding.raised >= since_);
        if (finding.rule == known.rule && !is_told) of(place).lapsed.push_back(finding);
      }
    }
  }

  // Of an endpoint each leaf; in a file each certificate counts.
  std::vector<pki::Fingerprint> certificates_of(const inventory::PlaceRecord& place,
                                                const std::vector<SightingRecord>& sightings) {
    std::vector<pki::Fingerprint> all;
    for (const SightingRecord& sighting : sightings) {
      bool counts = sighting.position == 0 || place.kind == inventory::PlaceKind::file;
      if (!counts) {
        const auto certificate = record(sighting.certificate);
        counts = certificate && !certificate->is_ca;
      }
      if (counts) all.push_back(sighting.certificate);
    }
    return all;
  }

  // Known from before at the same place: nodes behind one address take turns.
  bool was_seen_before(inventory::Places& places, const pki::Fingerprint& certificate, std::int64_t place) const {
    constexpr int kMostPlaces = 1000;
    return std::ranges::any_of(places.of(certificate, kMostPlaces), [&](const auto& one) {
      return one.second.place == place && one.second.first_seen < since_;
    });
  }

  std::optional<CertificateRecord> record(const pki::Fingerprint& fingerprint) {
    return inventory::Certificates(store_).find(fingerprint);
  }

  inventory::Store& store_;
  base::Time since_, now_;
  std::set<std::int64_t> lapsed_;
  std::string environment_;
  std::set<std::int64_t> resolved_again_;
  std::map<std::int64_t, Difference> by_place_;
};

}  // namespace

std::string Difference::text() const {
  std::vector<std::string> parts;
  if (presence == Presence::gone)
    parts.emplace_back(place.kind == inventory::PlaceKind::file
                           ? "it is gone, or holds no certificate any more"
                           : "nobody names it any more, or its address is another");
  if (presence == Presence::appeared)
    parts.push_back(after ? fmt::format("seen for the first time, ends {}", day(after->not_after))
                          : std::string("looked at for the first time"));
  if (presence == Presence::stays && after)
    parts.push_back(before ? explain(*before, *after)
                           : fmt::format("a certificate, where none was seen before: ends {}", day(after->not_after)));
  if (presence == Presence::stays && before && !after)
    parts.push_back(fmt::format("a certificate is there no more: {}", base::printable(before->names)));
  if (!opened.empty()) parts.push_back("found: " + rules(opened));
  if (!worsened.empty()) parts.push_back("worse: " + graver(worsened));
  if (!lapsed.empty()) parts.push_back("no longer acknowledged: " + rules(lapsed));
  if (!closed.empty()) parts.push_back("over: " + rules(closed));
  return base::join(parts, "; ");
}

bool Difference::is_worse() const {
  if (presence == Presence::gone || !opened.empty() || !worsened.empty() || !lapsed.empty()) return true;
  return before && after && (after->not_after < before->not_after || after->issuer != before->issuer);
}

std::vector<Difference> differences(inventory::Store& store, const Span& span) { return Comparison(store, span).run(); }

std::set<std::int64_t> lapsed_since_looked_at(inventory::Store& store, base::Time now) {
  std::set<std::int64_t> lapsed;
  for (const auto& [known, place] : inventory::Findings(store).acknowledgements(base::Time()))
    if (!known.withdrawn && known.until <= now && known.until > place.last_look) lapsed.insert(known.id);
  return lapsed;
}

}  // namespace everseal::scan
