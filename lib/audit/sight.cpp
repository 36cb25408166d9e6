#include "audit/sight.h"

#include "audit/judge.h"
#include "base/error.h"

#include <algorithm>
#include <utility>

namespace everseal::audit {
namespace {

Sight sight_with(std::string place, std::vector<pki::Identifier> asked, std::span<const base::Bytes> der) {
  ReadChain read = read_chain(der);
  Sight sight;
  sight.place = std::move(place);
  sight.asked = std::move(asked);
  sight.chain = std::move(read.chain);
  sight.unreadable = read.unreadable;
  return sight;
}

// What the staple proves of the leaf; nothing where its issuer was not sent.
std::optional<pki::RevocationStatus> stapled(const probe::Capture& capture,
                                             const std::vector<pki::Certificate>& chain) {
  if (capture.ocsp_response.empty() || chain.empty()) return std::nullopt;
  const auto issuer = std::ranges::find(chain.begin() + 1, chain.end(), chain.front().issuer_der(),
                                        [](const pki::Certificate& one) { return one.subject_der(); });
  if (issuer == chain.end()) return std::nullopt;
  return pki::status_by_ocsp(capture.ocsp_response, chain.front(), *issuer, capture.when);
}

void keep_earlier(std::optional<base::Time>& earliest, base::Time time) {
  if (!earliest || time < *earliest) earliest = time;
}

}  // namespace

ReadChain read_chain(std::span<const base::Bytes> der) {
  ReadChain read;
  for (const base::Bytes& one : der) {
    try {
      read.chain.push_back(pki::Certificate::parse(one));
    } catch (const base::Error&) {
      ++read.unreadable;
    }
  }
  return read;
}

Sight sight_of(const probe::Capture& capture, std::string place, std::vector<pki::Identifier> asked) {
  Sight sight = sight_with(std::move(place), std::move(asked), capture.chain);
  sight.capture = &capture;
  sight.revocation = {stapled(capture, sight.chain)};
  if (!capture.tls_version.empty()) sight.agreed.versions = {capture.tls_version};
  if (!capture.cipher.empty()) sight.agreed.ciphers = {capture.cipher};
  if (!capture.group.empty()) sight.agreed.groups = {capture.group};
  return sight;
}

std::optional<Sight> other_sight_of(const probe::Capture& capture, std::string place,
                                    std::vector<pki::Identifier> asked) {
  if (capture.further.other_chain.empty()) return std::nullopt;
  return sight_with(std::move(place), std::move(asked), capture.further.other_chain);
}

Ends ends_of(const Sight& sight) {
  Ends ends;
  if (sight.chain.empty()) return ends;
  ends.leaf = sight.chain.front().not_after();
  for (const pki::Certificate& one : sight.chain) keep_earlier(ends.earliest_sent, one.not_after());
  if (!sight.trust || sight.trust->accepted() == nullptr) return ends;
  for (const pki::Certificate& one : sight.trust->accepted()->path) keep_earlier(ends.path, one.not_after());
  return ends;
}

std::vector<pki::Certificate> path_in_use(const Sight& sight) {
  const pki::StoreVerdict* const accepted = sight.trust ? sight.trust->accepted() : nullptr;
  return accepted != nullptr ? accepted->path : sight.chain;
}

}  // namespace everseal::audit
