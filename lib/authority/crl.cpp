#include "authority/crl.h"

#include "authority/files.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "inventory/events.h"
#include "pki/crl.h"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

namespace everseal::authority {
namespace {

using base::Error;
using base::Fault;
using inventory::CrlRecord;
using inventory::IssuedRecord;

constexpr base::Seconds kCrlBackDate = std::chrono::minutes{5};

// The last number that ours may have: the inventory's integers have 63 bits.
constexpr std::uint64_t kLargestNumber = std::numeric_limits<std::int64_t>::max();

// What crl.der says. One that does not parse, that another key signed or that is no regular file says nothing.
std::optional<pki::Crl> read_published(const base::Directory& directory, const pki::Certificate& issuer) {
  try {
    const auto bytes = directory.read(kCrlFile, pki::kLargestCrl);
    if (!bytes) return std::nullopt;
    pki::Crl crl = pki::Crl::parse(*bytes);
    if (!pki::is_signed_by(crl, issuer)) return std::nullopt;
    if (crl.number > kLargestFollowed) crl.number.reset();
    return crl;
  } catch (const Error& error) {
    if (error.fault() != Fault::invalid) throw;
  }
  return std::nullopt;
}

struct Generation {
  inventory::Store& store;
  const Name& authority;
  int number;
  const pki::Certificate& certificate;
};

// True where the revocation was news.
bool learn(const Generation& generation, const pki::RevokedEntry& entry, Time now) {
  inventory::Authorities authorities(generation.store);
  auto issued = authorities.find_issued(generation.authority, entry.serial);
  if (!issued) {
    // Forgotten with an older database: it stays on the CRL as long as the CA lives, for its end is not known.
    issued = IssuedRecord{.authority = generation.authority,
                          .generation = generation.number,
                          .serial = entry.serial,
                          .fingerprint = {},
                          .not_after = generation.certificate.not_after()};
    authorities.add_issued(*issued);
  }
  if (!authorities.revoke(generation.authority, entry.serial, std::min(entry.when, now), entry.reason)) return false;
  inventory::Events(generation.store)
      .add("certificate.revoked", fmt::format("authority/{}", generation.authority),
           {{"serial", entry.serial}, {"reason", std::string(to_string(entry.reason))}, {"learnt_from", kCrlFile}},
           now);
  return true;
}

// Within a transaction.
std::int64_t merge(const Generation& generation, const pki::Crl& published, Time now) {
  std::int64_t news = 0;
  for (const pki::RevokedEntry& entry : published.entries)
    if (learn(generation, entry, now)) ++news;
  return news;
}

std::uint64_t next_number(const std::optional<CrlRecord>& newest, const std::optional<pki::Crl>& published, Time now) {
  std::uint64_t number = static_cast<std::uint64_t>(std::max<std::int64_t>(base::to_unix(now), 1));
  if (newest && newest->number >= kLargestNumber)
    throw Error(Fault::invalid,
                fmt::format("CRL {} of {} has the largest number that there is", newest->number, newest->authority),
                "the authority can publish no revocation any more: make another with `everseal ca init`");
  if (newest) number = std::max(number, newest->number + 1);
  if (published && published->number) number = std::max(number, *published->number + 1);
  return number;
}

// An entry goes only after a CRL that was signed past its certificate's end still had it (RFC 5280 section 3.3).
std::vector<pki::RevokedEntry> entries(inventory::Authorities& authorities, const Authority& authority,
                                       const std::optional<CrlRecord>& newest, Time now) {
  const Time kept_from = newest ? std::min(newest->this_update, now) : now;
  std::vector<pki::RevokedEntry> all;
  for (const IssuedRecord& issued : authorities.revoked(authority.name(), authority.generation(), kept_from))
    all.push_back(
        {issued.serial, issued.revoked_at.value_or(now), issued.reason.value_or(pki::RevocationReason::unspecified)});
  return all;
}

// A CRL without what was revoked before would be taken for word that it is good again.
void require_known_revocations(inventory::Authorities& authorities, const Authority& authority, bool is_told) {
  const Name& name = authority.name();
  if (is_told) authorities.set_revocations_lost(name, false);
  if (!authorities.are_revocations_lost(name)) return;
  throw Error(Fault::corrupt,
              fmt::format("what {} revoked was lost with its database and its {}: a CRL without it would call it good "
                          "again",
                          name, kCrlFile),
              fmt::format("put the newest CRL that it published at {0}/{2}; where there is none, or nothing was "
                          "revoked: `everseal ca crl {1} --accept-loss`",
                          authority.directory().path(), name, kCrlFile));
}

}  // namespace

CrlRecord refresh_crl(Authority& authority, Time now) {
  const Time end = authority.certificate().not_after();
  if (end <= now)
    throw Error(Fault::denied, fmt::format("the certificate of authority {} ended {}: nobody trusts a CRL of it",
                                           authority.name(), base::format_time(end)));
  // Where the clock is before the authority's own begin a revocation is published all the same.
  const Time begin = std::max(now, authority.certificate().not_before());
  inventory::Store& store = authority.store();
  CrlRecord record{.authority = authority.name(), .generation = authority.generation()};
  // The file is written inside: one writer at a time, and durable before the commit.
  store.transaction([&] {
    inventory::Authorities authorities(store);
    const auto published = read_published(authority.directory(), authority.certificate());
    if (published) merge({store, authority.name(), authority.generation(), authority.certificate()}, *published, now);
    const auto newest = authorities.newest_crl(authority.name(), authority.generation());
    const bool is_told =
        published && authorities.is_newest_crl(authority.name(), authority.generation(), published->number);
    require_known_revocations(authorities, authority, is_told);
    const pki::CrlRequest request{
        .number = next_number(newest, published, now),
        .this_update = std::max(now - kCrlBackDate, authority.certificate().not_before()),
        .next_update = std::min(begin + authority.settings().crl_lifetime, end),
        .entries = entries(authorities, authority, newest, now),
    };
    record.number = request.number;
    record.this_update = request.this_update;
    record.next_update = request.next_update;
    record.der = pki::make_crl(request, authority.certificate(), authority.signer());
    if (authority.directory().has_directory(kCrlFile)) authority.directory().move_aside(kCrlFile);
    authority.directory().replace(kCrlFile, record.der, {.mode = 0644});
    authorities.put_crl(record);
    inventory::Events(store).add("crl.signed", fmt::format("authority/{}", authority.name()),
                                 {{"number", std::to_string(record.number)},
                                  {"generation", std::to_string(record.generation)},
                                  {"entries", std::to_string(request.entries.size())},
                                  {"next_update", base::format_time(record.next_update)}},
                                 now, inventory::Chain::ca);
  });
  return record;
}

bool tells_revocations(inventory::Store& store, const Name& authority) {
  inventory::Authorities authorities(store);
  const auto directory = base::Directory::open_if_exists(authority_path(store, authority));
  const auto active = authorities.active_generation(authority);
  if (!directory || !active) return false;
  for (const auto& row : authorities.certificates(authority))
    if (row.role == inventory::AuthorityRole::intermediate && row.generation == *active) {
      const auto published = read_published(*directory, pki::Certificate::parse(row.der));
      return published && authorities.is_newest_crl(authority, *active, published->number);
    }
  return false;
}

bool lacks_revocations(inventory::Store& store, const Name& authority) {
  return inventory::Authorities(store).are_revocations_lost(authority) && !tells_revocations(store, authority);
}

std::int64_t merge_published_crl(inventory::Store& store, const Name& authority, Time now) {
  const auto directory = base::Directory::open_if_exists(authority_path(store, authority));
  if (!directory) return 0;
  std::int64_t news = 0;
  store.transaction([&] {
    inventory::Authorities authorities(store);
    for (const auto& row : authorities.certificates(authority)) {
      if (row.role != inventory::AuthorityRole::intermediate) continue;
      const auto certificate = pki::Certificate::parse(row.der);
      const auto published = read_published(*directory, certificate);
      if (!published) continue;
      news += merge({store, authority, row.generation, certificate}, *published, now);
      const auto newest = authorities.newest_crl(authority, row.generation);
      if (published->number && published->next_update && (!newest || newest->number < *published->number))
        authorities.put_crl({authority, row.generation, *published->number, published->this_update,
                             *published->next_update, published->der});
      std::set<std::string> listed;
      for (const pki::RevokedEntry& entry : published->entries) listed.insert(entry.serial);
      for (const IssuedRecord& issued : authorities.revoked(authority, row.generation, now))
        if (!listed.contains(issued.serial)) authorities.mark_crl_dirty(authority, now);
    }
  });
  return news;
}

}  // namespace everseal::authority
