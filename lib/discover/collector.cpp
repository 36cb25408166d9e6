#include "discover/collector.h"

#include "base/error.h"
#include "base/text.h"
#include "pki/key.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

constexpr std::size_t kMostCertificates = 100'000;
constexpr std::size_t kMostTroubles = 100;
constexpr std::size_t kMostKeys = 1'000;
constexpr std::size_t kSmallestTrustStore = 10;

}  // namespace

bool Collector::has_room() {
  if (file_.certificates.size() < kMostCertificates) return true;
  if (!std::exchange(has_too_many_certificates_, true))
    trouble(Reason::too_large, fmt::format("it holds more than {} certificates", kMostCertificates));
  return false;
}

std::string Collector::entry_at(const std::string& entry) const {
  return place_.empty() || entry.empty() ? place_ + entry : fmt::format("{}/{}", place_, entry);
}

void Collector::certificate(base::BytesView der, const std::string& name) {
  const std::string entry = entry_at(name);
  if (!has_room()) return;
  ++position_;
  try {
    file_.certificates.push_back({pki::Certificate::parse(der), position_, base::Untrusted(entry), KeyBeside::none});
  } catch (const base::Error& error) {
    trouble(Reason::broken,
            fmt::format("certificate {}{}: {}", position_, name.empty() ? "" : " (" + name + ")", error.message()));
  }
}

void Collector::key(base::BytesView der, const std::string& name) {
  std::optional<pki::Sha256> pin;
  try {
    pin = pki::sha256(pki::public_half(der));
  } catch (const base::Error&) {
    trouble(Reason::broken,
            name.empty() ? "a private key cannot be read" : fmt::format("the private key {} cannot be read", name));
  }
  key(pin, name);
}

void Collector::key(std::optional<pki::Sha256> pin, const std::string& name) {
  if (file_.keys.size() < kMostKeys)
    file_.keys.push_back({base::Untrusted(entry_at(name)), pin});
  else if (!std::exchange(has_too_many_keys_, true))
    trouble(Reason::too_large, fmt::format("it holds more than {} keys", kMostKeys));
}

void Collector::trouble(Reason reason, const std::string& what) {
  if (file_.troubles.size() < kMostTroubles) file_.troubles.push_back({reason, base::printable(what)});
}

void Collector::finish() {
  if (file_.certificates.empty()) file_.is_trust_store = false;
  std::set<pki::Sha256> pins;
  bool unknown = false;
  for (const FoundKey& key : file_.keys) {
    if (key.pin) pins.insert(*key.pin);
    unknown = unknown || !key.pin;
  }
  if (!file_.keys.empty())
    for (FoundCertificate& one : file_.certificates) {
      one.key = unknown ? KeyBeside::unknown : KeyBeside::other;
      if (pins.contains(one.certificate.spki_pin())) one.key = KeyBeside::matches;
    }
  const auto is_anchor = [](const FoundCertificate& one) {
    return one.certificate.is_ca() && one.certificate.is_self_issued();
  };
  if (file_.keys.empty() && file_.certificates.size() >= kSmallestTrustStore &&
      std::ranges::all_of(file_.certificates, is_anchor))
    file_.is_trust_store = true;
}

}  // namespace everseal::discover
