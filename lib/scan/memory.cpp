#include "scan/memory.h"

#include "base/path.h"
#include "base/text.h"
#include "discover/walk.h"
#include "inventory/certificates.h"
#include "inventory/findings.h"
#include "inventory/managed.h"
#include "scan/superseded.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kGroup = 256;
constexpr std::chrono::milliseconds kLongestWait{500};
constexpr base::Seconds kMayBeAway{7 * 86'400};  // from the last look

std::pair<std::int64_t, inventory::ProbeHour> hour_of(std::int64_t place, const inventory::Look& look) {
  using std::chrono::floor;
  inventory::ProbeHour hour;
  hour.hour = floor<std::chrono::hours>(look.probe.at);
  hour.looks = 1;
  hour.failures = look.certificates ? 0 : 1;
  if (look.probe.handshake) {
    hour.handshakes = 1;
    hour.handshake_sum = hour.handshake_max = *look.probe.handshake;
  }
  return {place, hour};
}

// What stands above a file that is gone and holds nothing, as a mount point does whose file system is away; the root
// where that is not there itself. "" where other things are there still.
std::string emptied_above(const std::string& file, std::string_view root) {
  namespace fs = std::filesystem;
  if (root.size() > 1 && root.ends_with('/')) root.remove_suffix(1);
  std::error_code problem;
  for (fs::path directory = fs::path(file).parent_path(); base::is_at_or_below(directory.native(), root);
       directory = directory.parent_path()) {
    const fs::file_type type = fs::status(directory, problem).type();
    if (type == fs::file_type::not_found) {
      if (directory.native() == root) return std::string(root);
      continue;
    }
    return type == fs::file_type::directory && fs::is_empty(directory, problem) && !problem ? directory.string()
                                                                                            : std::string();
  }
  return {};
}

bool is_of_run(const std::string& rule) {
  const audit::Rule* const known = audit::find_rule(rule);
  return known != nullptr && known->needs == audit::Needs::run;
}

}  // namespace

Memory::Memory(inventory::Store& store, base::Time began)
    : store_(store), began_(began), flushed_(steady_clock::now()) {
  for (auto& [acknowledgement, place] : inventory::Findings(store).acknowledgements(began))
    if (acknowledgement.holds_at(began))
      acknowledgements_.insert_or_assign({place.text(), acknowledgement.rule}, acknowledgement);
}

void Memory::add(inventory::Look look) {
  waiting_.push_back(std::move(look));
  if (waiting_.size() >= kGroup || steady_clock::now() - flushed_ >= kLongestWait) flush();
}

void Memory::flush() {
  flushed_ = steady_clock::now();
  if (waiting_.empty()) return;
  store_.transaction(
      [&] {
        inventory::Places places(store_);
        std::vector<std::pair<std::int64_t, inventory::ProbeHour>> hours;
        for (const inventory::Look& look : waiting_) hours.push_back(hour_of(places.record(look), look));
        places.add_hours(hours);
      },
      inventory::Durability::deferred);
  waiting_.clear();
}

std::optional<audit::Expected> Memory::deployed(const Wanted::Deployed& deployed) {
  const auto record =
      inventory::Deployments(store_).find(inventory::ArtifactKind::version, deployed.certificate, deployed.deployment);
  if (!record || !record->current) return std::nullopt;
  const auto version = inventory::Versions(store_).find(deployed.certificate, static_cast<int>(*record->current));
  if (!version || !version->certificate) return std::nullopt;
  const auto der = inventory::Certificates(store_).der(*version->certificate);
  if (!der) return std::nullopt;
  return audit::Expected{
      fmt::format("version {} of {} at {}", version->number, deployed.certificate.text(), deployed.deployment.text()),
      pki::Certificate::parse(*der), record->changed};
}

std::optional<audit::Superseded> Memory::superseded(const pki::Fingerprint& leaf) {
  return managed(leaf) ? superseded_by(store_, leaf) : std::nullopt;
}

std::optional<base::Name> Memory::managed(const pki::Fingerprint& leaf) {
  const auto known = managed_.find(leaf);
  if (known != managed_.end()) return known->second;
  const auto record = inventory::Certificates(store_).find(leaf);
  return managed_.emplace(leaf, record ? record->managed : std::nullopt).first->second;
}

std::optional<inventory::AcknowledgementRecord> Memory::acknowledgement(const inventory::PlaceRecord& place,
                                                                        const std::string& rule,
                                                                        std::string_view severity) const {
  const auto found = acknowledgements_.find({place.text(), rule});
  if (found == acknowledgements_.end() || inventory::gravity(severity) > inventory::gravity(found->second.severity))
    return std::nullopt;
  return found->second;
}

std::vector<SeenLeaf> Memory::leaves_since(const inventory::PlaceRecord& place, base::Time since) {
  inventory::Places places(store_);
  const auto known = places.find(place.kind, place.name.raw(), place.address);
  std::vector<SeenLeaf> leaves;
  if (!known) return leaves;
  for (const inventory::SightingRecord& sighting : places.seen_since(known->id, since)) {
    const auto certificate = inventory::Certificates(store_).find(sighting.certificate);
    if (certificate && !certificate->is_ca)
      leaves.push_back({.certificate = sighting.certificate,
                        .is_rsa = certificate->key.starts_with("RSA"),
                        .from = sighting.first_seen,
                        .until = sighting.last_seen.value_or(known->last_look),
                        .is_open = !sighting.last_seen});
  }
  return leaves;
}

std::vector<inventory::PlaceRecord> Memory::open_names(const std::string& source) {
  inventory::PlaceFilter filter;
  filter.kind = inventory::PlaceKind::name;
  std::vector<inventory::PlaceRecord> names;
  inventory::Places(store_).each(filter, [&](const inventory::PlaceState& state) {
    if (state.place.source == source) names.push_back(state.place);
  });
  std::erase_if(names, [&](const inventory::PlaceRecord& place) {
    return inventory::Findings(store_).open_at(place.id).empty();
  });
  return names;
}

std::optional<inventory::KnownPlace> Memory::known(const inventory::PlaceRecord& place) {
  return inventory::Places(store_).known(place.kind, place.name.raw(), place.address);
}

void Memory::add_compared(const inventory::PlaceRecord& place, const std::vector<inventory::FindingRecord>& found,
                          base::Time at) {
  const auto known = inventory::Places(store_).find(place.kind, place.name.raw(), place.address);
  if (!known) return;
  inventory::Findings(store_).replace(
      known->id, found, [](const auto& finding) { return !is_of_run(finding.rule); }, at);
}

// Of endpoints each leaf, of files all but the certificates of CAs.
void Memory::add_others(Together& together, const audit::Criteria& criteria) {
  inventory::Places places(store_);
  inventory::Certificates certificates(store_);
  std::vector<inventory::PlaceRecord> others;
  places.each({}, [&](const inventory::PlaceState& state) {
    if (!together.has(state.place)) others.push_back(state.place);
  });
  for (const inventory::PlaceRecord& place : others) {
    std::vector<pki::Certificate> leaves;
    for (const inventory::SightingRecord& sighting : places.shown_at(place.id)) {
      const auto der = certificates.der(sighting.certificate);
      if (!der) continue;
      pki::Certificate certificate = pki::Certificate::parse(*der);
      if (!certificate.is_ca()) leaves.push_back(std::move(certificate));
    }
    together.add(place, place.address.empty() ? std::string() : place.name.raw(), leaves, criteria);
  }
}

void Memory::close_compared(Together& together, const audit::Criteria& criteria, base::Time now) {
  inventory::Findings findings(store_);
  std::vector<inventory::PlacedFinding> open;
  for (const audit::Rule* const rule : audit::rules())
    if (rule->needs == audit::Needs::run) std::ranges::move(findings.open_of(rule->id, now), std::back_inserter(open));
  std::erase_if(open, [&](const auto& one) { return !together.has(one.place); });
  const auto keep_untold = [&] {
    for (const Together::At& at : together.findings())
      std::erase_if(open, [&](const inventory::PlacedFinding& one) {
        return one.place.text() == at.place.text() && std::ranges::any_of(at.findings, [&](const audit::Finding& told) {
                 return told.rule->id == one.finding.rule;
               });
      });
  };
  if (!open.empty()) keep_untold();
  if (open.empty()) return;
  add_others(together, criteria);
  keep_untold();
  for (const inventory::PlacedFinding& one : open)
    findings.replace(
        one.place.id, {}, [&](const auto& finding) { return finding.id != one.finding.id; }, now);
}

void Memory::forget_unreached(const std::set<std::string>& names, const std::set<std::string>& unresolved,
                              const std::vector<std::string>& sources, base::Time now) {
  store_.transaction([&] {
    inventory::Places places(store_);
    for (const std::string& name : names) places.mark_gone_at(name, began_, now);
    for (const std::string& source : sources) places.mark_gone(source, began_, now);
    for (const std::string& name : unresolved) places.keep(name, now);
    inventory::Findings(store_).close_gone(now);
  });
}

std::vector<std::string> Memory::forget_files(const std::vector<std::string>& roots, base::Time now) {
  inventory::Places places(store_);
  std::vector<inventory::PlaceRecord> gone;
  std::map<std::string, std::vector<inventory::PlaceRecord>> emptied;  // by directory
  for (const std::string& root : roots)
    for (inventory::PlaceRecord& place : places.files_unreached(root, began_)) {
      const discover::File file = discover::look_at_file(place.name.raw(), {});
      const bool is_gone = std::ranges::all_of(
          file.troubles, [](const auto& trouble) { return trouble.reason == discover::Reason::not_found; });
      if (!file.certificates.empty() || !is_gone) continue;
      const std::string directory = emptied_above(place.name.raw(), root);
      (directory.empty() ? gone : emptied[directory]).push_back(std::move(place));
    }
  std::vector<std::string> away;
  for (auto& [directory, files] : emptied) {
    const bool is_recent =
        std::ranges::any_of(files, [&](const auto& place) { return place.last_look >= now - kMayBeAway; });
    if (files.size() > 1 && is_recent)
      away.push_back(
          fmt::format("nothing is left in {}, where {} files with certificates were: for a week they count as they "
                      "were seen last (is its file system mounted?)",
                      base::printable(directory), files.size()));
    else
      std::ranges::move(files, std::back_inserter(gone));
  }
  if (gone.empty()) return away;
  store_.transaction([&] {
    for (const inventory::PlaceRecord& place : gone) places.mark_gone(place.id, now);
    inventory::Findings(store_).close_gone(now);
  });
  return away;
}

}  // namespace everseal::scan
