#include "scan/own_files.h"

#include "base/path.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

namespace everseal::scan {
namespace {

std::set<std::string> names_of(const pki::Certificate& certificate) {
  std::set<std::string> names;
  for (const pki::GeneralName& name : certificate.names()) names.insert(name.value.raw());
  return names;
}

}  // namespace

std::string canonical_path(const std::string& path) {
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

OwnFiles::OwnFiles(const OwnServers& servers) : servers_(servers) {
  std::set<std::string> certificates;
  for (const KeyPairing& pairing : servers.pairings) {
    for (const std::string& path : pairing.certificates) {
      pairings_[canonical_path(path)].push_back(&pairing);
      certificates.insert(canonical_path(path));
    }
    for (const std::string& path : pairing.keys) keys_only_.insert(canonical_path(path));
  }
  for (const auto& [path, source] : servers.files) read_.insert(canonical_path(path));
  for (const std::string& path : servers.shown) shown_.insert(canonical_path(path));
  for (const std::string& path : certificates) keys_only_.erase(path);
}

void OwnFiles::add(const discover::File& file) {
  const std::string path = canonical_path(file.path);
  const base::Time modified =
      std::chrono::floor<base::Seconds>(std::chrono::sys_time(std::chrono::nanoseconds(file.stamp.modified)));
  for (const discover::FoundCertificate& found : file.certificates)
    if (!found.certificate.is_ca()) leaves_[path].push_back({file.path, found.certificate, modified});
  auto& pins = keys_[path];
  pins.emplace();
  for (const discover::FoundKey& key : file.keys) {
    if (key.pin && pins) pins->push_back(*key.pin);
    if (!key.pin) pins.reset();
  }
  if (!file.troubles.empty() || (pins && pins->empty())) pins.reset();
}

audit::Stored OwnFiles::beside(const std::string& path, const pki::Certificate& leaf) const {
  audit::Stored stored;
  if (servers_.files.empty()) return stored;
  const std::string canonical = canonical_path(path);
  stored.is_read =
      std::ranges::any_of(read_, [&](const std::string& one) { return base::is_at_or_below(canonical, one); });
  stored.is_shown = shown_.contains(canonical);
  const auto pairings = pairings_.find(canonical);
  if (pairings == pairings_.end()) return stored;
  for (const KeyPairing* const pairing : pairings->second) {
    bool matches = false, is_known = true;
    for (const std::string& key : pairing->keys) {
      const auto pins = keys_.find(canonical_path(key));
      const bool can_tell = pins != keys_.end() && pins->second.has_value();
      is_known = is_known && can_tell;
      matches = matches || (can_tell && std::ranges::find(*pins->second, leaf.spki_pin()) != pins->second->end());
    }
    if (!matches && is_known) stored.key_matches = false;
    if (matches && !stored.key_matches) stored.key_matches = true;
  }
  return stored;
}

std::optional<audit::Expected> OwnFiles::expected(const Meant& meant, const pki::Certificate& served) const {
  std::vector<const Leaf*> all;
  for (const std::string& path : meant.files) {
    const std::string canonical = canonical_path(path);
    for (auto at = leaves_.lower_bound(canonical); at != leaves_.end() && at->first.starts_with(canonical); ++at)
      if (base::is_at_or_below(at->first, canonical))
        for (const Leaf& leaf : at->second) all.push_back(&leaf);
  }
  if (std::ranges::any_of(all, [&](const Leaf* leaf) { return leaf->certificate == served; })) return std::nullopt;
  // A listener may hold a key of each family, and a directory certificates for many names.
  const auto keep_like = [&](const auto& of) {
    if (all.size() > 1) std::erase_if(all, [&](const Leaf* leaf) { return of(leaf->certificate) != of(served); });
  };
  keep_like(audit::has_rsa_key);
  keep_like(names_of);
  if (all.size() != 1) return std::nullopt;
  return audit::Expected{all.front()->path, all.front()->certificate, all.front()->modified};
}

bool OwnFiles::is_closed_key(const discover::File& file) const {
  return file.certificates.empty() && keys_only_.contains(canonical_path(file.path)) &&
         std::ranges::any_of(file.troubles, [](const discover::Trouble& trouble) {
           return trouble.reason == discover::Reason::unreadable;
         });
}

}  // namespace everseal::scan
