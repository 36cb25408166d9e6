#include "audit/compare.h"

#include "audit/judge.h"
#include "base/text.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace everseal::audit {
namespace {

constexpr std::size_t kPlacesShown = 5;
constexpr base::Seconds kReloadTime{3600};

enum Comparing : std::size_t {
  key_reused,
  serial_reused,
  addresses_differ,
  served_differs,
  superseded_served,
  upstream_plain,
  upstream_unverified,
  revocation_unknown
};

// In the order of Comparing.
const Judge kComparisonJudges[] = {
    {{"key-reused", Severity::warning, "one key for certificates of different services",
      "Certificates without a name in common share one key. Who takes it from one service can be the others, and none "
      "can be replaced by itself.",
      "Issue each service a certificate for a key of its own.", "NIST SP 800-57 Part 1 section 5.2", Nature::fault,
      Identity::place, Needs::run},
     nullptr},
    {{"serial-reused", Severity::error, "one serial number for different certificates",
      "An issuer gave one serial number to different certificates. A revocation of one is one of both, and some "
      "clients "
      "(Firefox) refuse the second that they see.",
      "Find out how the CA chooses serial numbers, and issue one of them anew.", "RFC 5280 section 4.1.2.2",
      Nature::fault, Identity::place, Needs::run},
     nullptr},
    {{"addresses-differ", Severity::warning, "addresses of one name show different certificates",
      "What clients get depends on the address that they happen to take. Most often one of the servers was not renewed "
      "or not reloaded.",
      "Bring the newest certificate to all of them. Where they differ on purpose say addresses = \"any\".",
      "RFC 9325 section 3.9", Nature::fault, Identity::place, Needs::run},
     nullptr},
    {{"served-differs", Severity::warning, "another certificate is served than the one that belongs there",
      "The server shows another certificate than its file holds, or than was deployed to it. Where the one on the disk "
      "is "
      "the newer, the server was not reloaded, and the old one will end in its hands (then an error).",
      "Reload the server, and see whether its config reads that file.", "server configs and deployments", Nature::fault,
      Identity::place, Needs::host},
     nullptr},
    {{"superseded-served", Severity::error, "an old version of a managed certificate is served",
      "A newer version of this certificate is in use here, and the server goes on with the old one, which will end in "
      "its hands: it was not brought there, or the server was not reloaded.",
      "Deploy it again, and see whether the reload of that deployment is the right one for this server.",
      "versions and deployments of the state"},
     nullptr},
    {{"upstream-plain", Severity::warning, "traffic goes on in plain text behind the edge",
      "The server ends TLS and passes what it carries on over the network in plain text.",
      "Speak TLS to the upstream and verify its certificate; an internal CA can give it one.",
      "NIST SP 800-207 section 2.1", Nature::fault, Identity::place, Needs::host},
     nullptr},
    {{"upstream-unverified", Severity::warning, "the upstream's certificate is not verified",
      "The server speaks TLS to its upstream and takes whatever certificate it shows: who stands in between can read "
      "it.",
      "Name the CA of the upstream and turn verification on (nginx: proxy_ssl_verify, Apache: SSLProxyVerify, HAProxy: "
      "verify required).",
      "RFC 9325 section 3.7", Nature::fault, Identity::place, Needs::host},
     nullptr},
    {{"revocation-unknown", Severity::warning, "revocation cannot be asked for",
      "A host that CRLs come from did not give them, so that for its certificates nothing can be said of revocation. "
      "This is told once for the host.",
      "Check the host, and whether this machine may reach it (a `proxy` of the config serves this, too). For hosts in "
      "your own networks say [audit] fetch_allow = [\"10.0.0.0/8\"]; without internet fetch = \"none\".",
      "RFC 5280 section 6.3"},
     nullptr},
};
static_assert(std::size(kComparisonJudges) == revocation_unknown + 1);

void add_finding(Comparing which, Severity severity, const Criteria& criteria, const std::string& place, Fields fields,
                 std::string what, std::vector<Finding>& findings, const pki::Certificate* about = nullptr) {
  Found(kComparisonJudges[which].rule, criteria, place, findings)
      .add(severity, std::move(fields), std::move(what), about);
}
void add_finding(Comparing which, const Criteria& criteria, const std::string& place, Fields fields, std::string what,
                 std::vector<Finding>& findings) {
  add_finding(which, kComparisonJudges[which].rule.severity, criteria, place, std::move(fields), std::move(what),
              findings);
}

// Two issuers may bear one name; "CN=localhost" signed itself on many a host.
base::Bytes issuer_of(const pki::Certificate& leaf) {
  base::Bytes issuer = leaf.issuer_der();
  const base::Bytes key = leaf.authority_key_id();
  if (!key.empty()) {
    issuer.insert(issuer.end(), key.begin(), key.end());
  } else if (issuer == leaf.subject_der()) {
    const pki::Sha256 own = leaf.spki_pin();
    issuer.insert(issuer.end(), own.begin(), own.end());
  }
  return issuer;
}

std::uint64_t hash_of(const pki::GeneralName& name) {
  const pki::Sha256 digest = pki::sha256(base::as_bytes(base::lower(name.value.raw())));
  std::uint64_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

bool share_a_name(const Shown& one, const Shown& other) {
  std::vector<std::uint64_t> common;
  std::ranges::set_intersection(one.names, other.names, std::back_inserter(common));
  return !common.empty();
}

using Group = std::vector<const Shown*>;

// What shares `part`, in order of place and certificate; of one certificate at many places each is there.
template <class Part>
std::map<Part, Group> grouped(const std::vector<Shown>& all, Part Shown::*part) {
  std::map<Part, Group> groups;
  for (const Shown& one : all) groups[one.*part].push_back(&one);
  for (auto& [key, group] : groups)
    std::ranges::sort(group, {}, [](const Shown* one) { return std::tie(one->place, one->certificate); });
  return groups;
}

// One place for each certificate of the group.
Group distinct(const Group& group) {
  std::set<pki::Fingerprint> seen;
  Group kept;
  for (const Shown* const one : group)
    if (seen.insert(one->certificate).second) kept.push_back(one);
  return kept;
}

Fields places_of(const Group& group) {
  Fields fields;
  for (const Shown* const one : group)
    fields.emplace_back("place", ours(fmt::format("{} shows {}", one->place, one->leaf)));
  return fields;
}

std::string listed_places(const Group& group) {
  std::string text;
  for (std::size_t i = 0; i < std::min(group.size(), kPlacesShown); ++i)
    text += fmt::format("{}{} at {}", i == 0 ? "" : ", ", group[i]->leaf, group[i]->place);
  if (group.size() > kPlacesShown) text += fmt::format(" and {} more", group.size() - kPlacesShown);
  return text;
}

void compare_keys(const std::vector<Shown>& all, std::vector<Finding>& findings) {
  for (const auto& [key, group] : grouped(all, &Shown::key)) {
    const Group certificates = distinct(group);
    const Shown* const first = certificates.front();
    // All that goes with the first by a name in common is one service.
    const bool is_reused = std::ranges::any_of(
        certificates, [&](const Shown* other) { return other != first && !share_a_name(*first, *other); });
    if (is_reused)
      add_finding(key_reused, *first->criteria, first->place, places_of(certificates),
                  fmt::format("one key for {}", listed_places(certificates)), findings);
  }
}

void compare_serials(const std::vector<Shown>& all, std::vector<Finding>& findings) {
  for (const auto& [serial, group] : grouped(all, &Shown::serial)) {
    const Group certificates = distinct(group);
    if (certificates.size() > 1)
      add_finding(serial_reused, *certificates.front()->criteria, certificates.front()->place, places_of(certificates),
                  fmt::format("one serial number for {}", listed_places(certificates)), findings);
  }
}

// A listener may hold an RSA key beside another: those are held apart.
void compare_addresses(const std::vector<Shown>& all, std::vector<Finding>& findings) {
  for (const auto& [endpoint, group] : grouped(all, &Shown::endpoint)) {
    if (endpoint.empty()) continue;
    for (const bool is_rsa : {false, true}) {
      Group family;
      std::ranges::copy_if(group, std::back_inserter(family),
                           [is_rsa](const Shown* one) { return one->is_rsa == is_rsa; });
      const Group certificates = distinct(family);
      if (certificates.size() < 2) continue;
      add_finding(addresses_differ, *family.front()->criteria, family.front()->place, places_of(family),
                  fmt::format("different certificates: {}", listed_places(certificates)), findings);
      break;
    }
  }
}

}  // namespace

std::span<const Judge> comparison_judges() { return kComparisonJudges; }

bool has_rsa_key(const pki::Certificate& certificate) { return certificate.public_key().text.starts_with("RSA"); }

Shown shown(std::string place, std::string endpoint, const pki::Certificate& leaf, const Criteria& criteria) {
  Shown one{std::move(place), std::move(endpoint), named(leaf), leaf.fingerprint(), leaf.spki_pin()};
  one.criteria = &criteria;
  base::Bytes serial = issuer_of(leaf);
  const std::string number = leaf.serial();
  serial.insert(serial.end(), number.begin(), number.end());
  one.serial = pki::sha256(serial);
  std::ranges::transform(leaf.names(), std::back_inserter(one.names), hash_of);
  std::ranges::sort(one.names);
  one.is_rsa = has_rsa_key(leaf);
  return one;
}

std::vector<Finding> Comparison::findings() {
  std::vector<Finding> found;
  compare_keys(all_, found);
  compare_serials(all_, found);
  compare_addresses(all_, found);
  return found;
}

std::vector<Finding> judge_served(const std::string& place, const pki::Certificate& served, const Expected& expected,
                                  const Criteria& criteria, base::Time now) {
  std::vector<Finding> findings;
  if (served == expected.leaf || (expected.since && now < *expected.since + kReloadTime)) return findings;
  const bool is_older = served.not_before() < expected.leaf.not_before();
  Fields fields{
      {"served", ours(named(served))}, {"expected", ours(named(expected.leaf))}, {"where", ours(expected.where)}};
  std::string what =
      is_older ? fmt::format("{} holds {}, the older {} is still served", expected.where, named(expected.leaf),
                             named(served))
               : fmt::format("{} holds {}, but {} is served", expected.where, named(expected.leaf), named(served));
  add_finding(served_differs, is_older ? Severity::error : Severity::warning, criteria, place, std::move(fields),
              std::move(what), findings, &served);
  return findings;
}

std::vector<Finding> judge_superseded(const std::string& place, const pki::Certificate& leaf,
                                      const Superseded& superseded, const Criteria& criteria, base::Time now) {
  std::vector<Finding> findings;
  if (now < superseded.since + kReloadTime) return findings;
  const std::string ends = base::format_time(superseded.ends);
  add_finding(
      superseded_served, Severity::error, criteria, place,
      {{"managed", ours(superseded.name)},
       {"version_served", ours(std::to_string(superseded.served))},
       {"version_in_use", ours(std::to_string(superseded.in_use))},
       {"where", ours(superseded.where)}},
      fmt::format("version {} of {} is served; version {}, until {}, {}: `everseal deploy {}`", superseded.served,
                  superseded.name, superseded.in_use, ends.substr(0, 10), superseded.where, superseded.name),
      findings, &leaf);
  return findings;
}

std::vector<Finding> judge_upstream(const std::string& place, const Upstream& upstream, const Criteria& criteria) {
  std::vector<Finding> findings;
  if (!upstream.leaves_host || upstream.transport == Upstream::Transport::verified) return findings;
  const bool is_plain = upstream.transport == Upstream::Transport::plain;
  add_finding(is_plain ? upstream_plain : upstream_unverified, criteria, place, {{"upstream", ours(upstream.target)}},
              fmt::format("{} is spoken to {}", upstream.target, is_plain ? "in plain text" : "without verification"),
              findings);
  return findings;
}

std::vector<Finding> judge_fetch(const std::string& place, Unfetched why, const std::string& problem,
                                 const Criteria& criteria) {
  std::vector<Finding> findings;
  const Severity severity = why == Unfetched::not_asked ? Severity::notice : Severity::warning;
  add_finding(revocation_unknown, severity, criteria, place, {{"problem", ours(problem)}}, problem, findings);
  return findings;
}

}  // namespace everseal::audit
