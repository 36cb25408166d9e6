#include "reconcile/verbs/issue/once.h"

#include "authority/profile.h"
#include "base/error.h"
#include "base/text.h"
#include "config/change.h"
#include "inventory/certificates.h"
#include "inventory/managed.h"
#include "pki/csr.h"
#include "pki/digest.h"
#include "reconcile/kinds.h"
#include "reconcile/settings.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::IntentKind;
using inventory::IntentRecord;
using inventory::ManagedRecord;
using inventory::VersionRecord;
using inventory::VersionState;

struct Earlier {
  std::optional<ManagedRecord> row;
  std::optional<VersionRecord> version;         // the newest that is complete
  std::optional<pki::Certificate> certificate;  // of that version
  std::vector<IntentRecord> requests;           // that nothing came of yet
};

Earlier load(Run& run, const Name& name) {
  Earlier earlier;
  earlier.row = inventory::Managed(run.store).find(name);
  if (!earlier.row) return earlier;
  for (const VersionRecord& version : inventory::Versions(run.store).of(name) | std::views::reverse) {
    if (version.state == VersionState::pending || !version.certificate) continue;
    if (const auto der = inventory::Certificates(run.store).der(*version.certificate))
      earlier.certificate = pki::Certificate::parse(*der);
    earlier.version = version;
    break;
  }
  for (IntentRecord& intent : inventory::Intents(run.store).open_for(name))
    if (intent.kind == IntentKind::issue_once) earlier.requests.push_back(std::move(intent));
  return earlier;
}

std::string text_of(const std::vector<std::string>& values) {
  return values.empty() ? "none" : base::join(values, ", ");
}

// What an authority takes over of a CSR's subject, where the command line asks for none.
std::vector<std::string> subject_differences(Run& run, const config::Certificate& wanted, const pki::Csr& csr,
                                             const pki::Certificate& certificate) {
  if (!wanted.subject.empty()) return {};
  const config::Settings& config = run.desired.config();
  const auto is_authority = [&](const Name& issuer) {
    const auto found = config.issuers.find(issuer);
    return found == config.issuers.end() || found->second.type == "authority";
  };
  if (!std::ranges::all_of(wanted.issuers, is_authority)) return {};
  const authority::Settings settings = authority_settings(config, wanted.issuers.front());
  const authority::Profile& profile =
      authority::profile_of(settings, Name::parse(wanted.profile.value_or("server"), "profile"));
  std::vector<std::string> differences;
  const pki::DistinguishedName present = certificate.subject_name();
  for (const std::string& attribute : profile.subject) {
    if (attribute == "emailAddress" ||
        (attribute == "CN" && profile.common_name == authority::CommonName::from_identifier))
      continue;  // they follow the identifiers
    const auto values = [&](const pki::DistinguishedName& name) {
      std::vector<std::string> all;
      for (const auto& [key, value] : name.rdns)
        if (key == attribute) all.push_back(base::printable(value));
      return all;
    };
    const std::vector<std::string> asked = values(csr.subject);
    if (asked.empty() && attribute == "CN") continue;  // one was made of the identifiers
    if (asked != values(present))
      differences.push_back(fmt::format("{}: {} -> {}", attribute, text_of(values(present)), text_of(asked)));
  }
  return differences;
}

std::vector<std::string> differences(Run& run, const Earlier& earlier, const config::Certificate& wanted,
                                     const base::Bytes& csr) {
  std::vector<std::string> all = config::differences(
      config::from_normal_form(earlier.row->spec, config_kinds(authority_names(run.store))), wanted);
  if (!earlier.version || !earlier.certificate) return all;
  const bool external = earlier.row->key_owner == inventory::KeyOwner::external;
  if (csr.empty()) {
    if (external) all.emplace_back("key: that of a CSR -> made here");
    return all;
  }
  if (!external || earlier.certificate->public_key_info() != pki::public_key_info_in(csr))
    all.push_back(fmt::format("key: that of version {} -> another", earlier.version->number));
  for (std::string& difference : subject_differences(run, wanted, pki::Csr::parse(csr), *earlier.certificate))
    all.push_back(std::move(difference));
  return all;
}

enum class Ruling { as_wanted, asked_already, new_version };

Ruling answer(Run& run, const Earlier& earlier, const config::Certificate& wanted, const IssueRequest& request) {
  if (!earlier.row) return Ruling::new_version;
  if (earlier.row->origin != kOnce)
    throw base::Error(base::Fault::exists, fmt::format("{} is kept alive by {}", wanted.name, earlier.row->origin),
                      "choose another name with --as");
  const std::vector<std::string> all = differences(run, earlier, wanted, request.csr);
  const bool same_request = earlier.requests.size() == 1 && earlier.requests.front().csr == request.csr;
  if (!earlier.version) return all.empty() && same_request ? Ruling::asked_already : Ruling::new_version;
  if (request.existing == OnExisting::replace) return Ruling::new_version;
  if (!all.empty())
    throw base::Error(
        base::Fault::exists,
        fmt::format("{} was issued once already, and this differs: {}", wanted.name, base::join(all, "; ")),
        fmt::format("--replace issues it as version {}, --as OTHER beside it", earlier.version->number + 1));
  if (same_request) return Ruling::asked_already;
  const bool valid = !earlier.version->revoked_at && earlier.version->not_after > run.host.clock();
  return valid ? Ruling::as_wanted : Ruling::new_version;
}

}  // namespace

bool is_half_issued(Run& run, const Name& name) {
  const Earlier earlier = load(run, name);
  const std::vector<VersionRecord> versions = inventory::Versions(run.store).of(name);
  return !earlier.requests.empty() && !versions.empty() && versions.back().state == VersionState::pending &&
         versions.back().certificate;
}

void check_once(Run& run, const config::Certificate& wanted, const IssueRequest& request) {
  static_cast<void>(answer(run, load(run, wanted.name), wanted, request));
}

void ask_once(Run& run, const config::Certificate& wanted, const IssueRequest& request) {
  const Time now = run.host.clock();
  run.store.transaction([&] {
    const Earlier earlier = load(run, wanted.name);
    if (answer(run, earlier, wanted, request) != Ruling::new_version) return;
    ManagedRecord record = earlier.row.value_or(ManagedRecord{});
    record.name = wanted.name;
    record.spec = config::normal_form(wanted);
    record.spec_hash = base::hex(pki::sha256(base::as_bytes(record.spec)));
    record.origin = kOnce;
    record.environment = wanted.environment;
    record.key_owner = request.csr.empty() ? inventory::KeyOwner::ours : inventory::KeyOwner::external;
    IntentRecord intent;
    intent.kind = IntentKind::issue_once;
    intent.subject = wanted.name;
    intent.csr = request.csr;
    intent.created = now;
    inventory::Intents intents(run.store);
    for (const IntentRecord& former : earlier.requests)
      intents.end(former.id, inventory::IntentOutcome::cancelled, now);
    inventory::Managed(run.store).put(record);
    intents.add(intent);
  });
}

}  // namespace everseal::reconcile
