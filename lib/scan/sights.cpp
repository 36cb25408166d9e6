#include "scan/sights.h"

#include "audit/audit.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace everseal::scan {
namespace {

void take(std::vector<audit::Finding>& into, std::vector<audit::Finding> more) {
  std::ranges::move(more, std::back_inserter(into));
}

void ask(Revocations* revocations, audit::Sight& sight, Judged& judged) {
  if (revocations != nullptr)
    if (const auto awaited = revocations->fill(sight); !judged.awaits) judged.awaits = awaited;
  for (std::size_t i = 0; i < sight.chain.size(); ++i)
    if (i >= sight.revocation.size() || !sight.revocation[i] ||
        sight.revocation[i]->state == pki::RevocationStatus::State::unknown)
      judged.unproved.insert(sight.chain[i].fingerprint());
}

void finish(Judged& judged) {
  judged.findings = audit::merge(std::move(judged.findings));
  std::ranges::stable_sort(judged.findings, std::greater<>(), &audit::Finding::severity);
}

// Is a client's certificate, if it may be nothing else, or is shown to servers and not for them.
audit::Role role_of(const pki::Certificate& leaf, bool is_shown) {
  const auto usage = leaf.extended_key_usage();
  const auto has = [&](std::string_view one) { return std::ranges::find(usage, one) != usage.end(); };
  return (has("clientAuth") || is_shown) && !has("serverAuth") ? audit::Role::client : audit::Role::server;
}

audit::Sight sight_of(const discover::FoundCertificate& leaf, const std::vector<pki::Certificate>& authorities,
                      const std::string& place, audit::Stored stored) {
  audit::Sight sight;
  sight.place = place;
  sight.role = role_of(leaf.certificate, stored.is_shown == true);
  sight.chain.push_back(leaf.certificate);
  sight.chain.insert(sight.chain.end(), authorities.begin(), authorities.end());
  if (leaf.key == discover::KeyBeside::matches) stored.key_matches = true;
  if (leaf.key == discover::KeyBeside::other) stored.key_matches = false;
  sight.stored = std::move(stored);
  return sight;
}

}  // namespace

Judged judge_endpoint(const Wanted& wanted, const probe::Capture& capture, const std::string& place, Standard& standard,
                      Revocations* revocations, base::Time now) {
  Judged judged;
  judged.is_whole = capture.outcome == probe::Outcome::complete;
  if (capture.depth >= probe::Depth::further) judged.had.insert(audit::Needs::further);
  if (capture.accepted && capture.accepted->is_whole) judged.had.insert(audit::Needs::deep);
  const auto judge = [&](audit::Sight sight) {
    sight.starttls = wanted.target.starttls;
    if (!sight.chain.empty()) {
      sight.trust = standard.chains->judge(sight.chain);
      if (!judged.trust) judged.trust = sight.trust;
      judged.leaves.push_back(sight.chain.front());
      if (!judged.certificates) judged.certificates.emplace();
      judged.certificates->insert(judged.certificates->end(), sight.chain.begin(), sight.chain.end());
    }
    ask(revocations, sight, judged);
    if (!judged.path_ends) judged.path_ends = audit::ends_of(sight).path;
    take(judged.findings, audit::judge(sight, standard.criteria, now));
  };
  judge(audit::sight_of(capture, place, wanted.asked));
  if (auto other = audit::other_sight_of(capture, place, wanted.asked)) judge(std::move(*other));
  finish(judged);
  return judged;
}

Judged judge_file(const discover::File& file, const std::string& place, Standard& standard, Revocations* revocations,
                  base::Time now, const std::function<audit::Stored(const pki::Certificate&)>& beside) {
  Judged judged;
  judged.is_whole = file.troubles.empty();
  std::vector<pki::Certificate> authorities;
  for (const discover::FoundCertificate& found : file.certificates) {
    if (!judged.certificates) judged.certificates.emplace();
    judged.certificates->push_back(found.certificate);
    if (found.certificate.is_ca()) authorities.push_back(found.certificate);
  }
  const auto judge = [&](audit::Sight sight) {
    if (sight.stored && sight.stored->key_matches) judged.had.insert(audit::Needs::key);
    if (sight.stored && sight.stored->is_read) judged.had.insert(audit::Needs::host);
    if (sight.stored && sight.stored->is_shown) judged.had.insert(audit::Needs::clients);
    take(judged.findings, audit::judge(sight, standard.criteria, now));
  };
  for (const discover::FoundCertificate& found : file.certificates) {
    if (found.certificate.is_ca()) continue;
    audit::Sight sight = sight_of(found, authorities, place, beside(found.certificate));
    const pki::Purpose purpose = sight.role == audit::Role::client ? pki::Purpose::client : pki::Purpose::server;
    // What stands alone is no chain that anybody sends: whether one can be made of it is the server's business.
    if (!authorities.empty()) sight.trust = standard.chains->judge(sight.chain, purpose);
    ask(revocations, sight, judged);
    judged.leaves.push_back(found.certificate);
    judge(std::move(sight));
  }
  if (!file.troubles.empty()) {
    audit::Sight sight;
    sight.place = place;
    sight.stored.emplace();
    for (const discover::Trouble& trouble : file.troubles)
      sight.stored->troubles.emplace_back(to_string(trouble.reason), trouble.what);
    judge(std::move(sight));
  }
  if (judged.leaves.empty())
    for (const pki::Certificate& authority : authorities) {
      audit::Sight sight;
      sight.place = place;
      sight.role = audit::Role::anchor;
      sight.chain.push_back(authority);
      judge(std::move(sight));
    }
  finish(judged);
  return judged;
}

namespace {

// The one that ends first comes first, in each run.
bool stands_before(const pki::Certificate& one, const pki::Certificate& other) {
  return std::pair(one.not_after(), one.fingerprint()) < std::pair(other.not_after(), other.fingerprint());
}

void add_distinct(std::vector<pki::Certificate>& all, const pki::Certificate& one) {
  if (std::ranges::find(all, one) == all.end()) all.push_back(one);
}

}  // namespace

JudgedAddresses judge_addresses(const Wanted& wanted, const std::vector<probe::Capture>& captures,
                                const std::string& place, Standard& standard, Revocations* revocations,
                                base::Time now) {
  struct At {
    std::size_t number;
    Judged judged;
  };
  std::vector<At> all;
  for (std::size_t i = 0; i < captures.size(); ++i)
    if (captures[i].outcome == probe::Outcome::complete)
      all.push_back({i, judge_endpoint(wanted, captures[i], place, standard, revocations, now)});
  const auto by_address = [&](std::size_t one, std::size_t other) {
    return captures[one].address < captures[other].address;
  };
  if (all.empty()) {
    std::size_t first = 0;
    for (std::size_t i = 1; i < captures.size(); ++i)
      if (by_address(i, first)) first = i;
    return {judge_endpoint(wanted, captures[first], place, standard, revocations, now), first};
  }
  std::ranges::sort(all, [&](const At& one, const At& other) {
    if (one.judged.leaves.empty() || other.judged.leaves.empty() ||
        one.judged.leaves.front() == other.judged.leaves.front())
      return by_address(one.number, other.number);
    return stands_before(one.judged.leaves.front(), other.judged.leaves.front());
  });
  JudgedAddresses merged{.judged = {}, .spokesman = all.front().number};
  Judged& judged = merged.judged;
  judged.had = all.front().judged.had;  // all were asked the same
  std::vector<pki::Certificate> shown;
  for (At& at : all) {
    for (const pki::Certificate& leaf : at.judged.leaves) add_distinct(judged.leaves, leaf);
    for (const pki::Certificate& one : at.judged.certificates.value_or(std::vector<pki::Certificate>()))
      add_distinct(shown, one);
    if (at.judged.path_ends && (!judged.path_ends || *at.judged.path_ends < *judged.path_ends))
      judged.path_ends = at.judged.path_ends;
    take(judged.findings, std::move(at.judged.findings));
    judged.unproved.merge(at.judged.unproved);
    if (!judged.awaits) judged.awaits = at.judged.awaits;
  }
  std::ranges::sort(judged.leaves, stands_before);
  judged.certificates = judged.leaves;
  for (const pki::Certificate& one : shown) add_distinct(*judged.certificates, one);
  finish(judged);
  return merged;
}

void add_findings(Judged& judged, std::vector<audit::Finding> findings) {
  take(judged.findings, std::move(findings));
  finish(judged);
}

std::optional<report::AuditedOffer> offer_of(const probe::Capture& capture) {
  if (capture.depth < probe::Depth::further && !capture.accepted) return std::nullopt;
  const probe::Accepted accepted = capture.accepted.value_or(probe::Accepted());
  const probe::Further& further = capture.further;
  return report::AuditedOffer{.versions = accepted.versions,
                              .ciphers = accepted.ciphers,
                              .groups = accepted.groups,
                              .server_order = accepted.server_order,
                              .resumes = further.resumes,
                              .post_quantum = further.post_quantum,
                              .split_hello = further.split_hello,
                              .large_hello = further.large_hello,
                              .strict_transport = further.strict_transport,
                              .is_whole = accepted.is_whole};
}

inventory::ProbeRecord record_of_capture(const probe::Capture& capture) {
  inventory::ProbeRecord record;
  record.outcome = probe::to_string(capture.outcome);
  record.phase = probe::to_string(capture.phase);
  record.problem = capture.problem;
  record.tls_version = capture.tls_version;
  record.cipher = capture.cipher;
  record.group = capture.group;
  record.alpn = capture.alpn;
  if (capture.client_certificate_requested)
    record.client_certificate = capture.client_certificate_required ? "required" : "requested";
  if (capture.outcome == probe::Outcome::complete) record.handshake = capture.handshake_time;
  return record;
}

inventory::ProbeRecord record_of_file(const discover::File& file) {
  inventory::ProbeRecord record;
  record.outcome = file.troubles.empty() ? "complete" : std::string(to_string(file.troubles.front().reason));
  record.phase = "read";
  if (!file.troubles.empty()) record.problem = file.troubles.front().what;
  return record;
}

std::string labels_text(const std::vector<std::string>& labels) {
  if (labels.empty()) return {};
  std::string text = "{";
  for (const std::string& label : labels) {
    const auto equals = label.find('=');
    if (text.size() > 1) text += ", ";
    base::append_json_string(text, label.substr(0, equals));
    text += ": ";
    base::append_json_string(
        text, equals == std::string::npos ? std::string_view() : std::string_view(label).substr(equals + 1));
  }
  return text + "}";
}

}  // namespace everseal::scan
