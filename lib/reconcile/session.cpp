#include "reconcile/session.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/clock.h"
#include "reconcile/settings.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

namespace everseal::reconcile {

std::vector<challenge::Method> challenge_methods(const config::Settings& config) {
  std::vector<challenge::Method> methods;
  for (const auto& [name, challenge] : config.challenges)
    methods.push_back(
        {name, challenge.type, challenge.zones, challenge.options, challenge.provider, challenge.provider_options});
  return methods;
}

Session::Session(const Host& host_, const config::Settings& config_, inventory::Store& store_)
    : host(host_), config(config_), store(store_), archive(host_.state), challenges_(challenge_methods(config_)) {}

issuer::Surroundings Session::surroundings() {
  return {[this](const Name& wanted) -> authority::Authority& { return authority(wanted); },
          store,
          *host.shared,
          challenges_,
          host.clock,
          [this](Time time) { inventory::note_peer_date(store, time, host.machine()); },
          config.proxy,
          config.proxy_password_file.value_or("")};
}

plan::RenewalInfoOf Session::offers_renewal_info(const Name& name) const {
  const auto configured = config.issuers.find(name);
  const issuer::Kind* const kind =
      configured == config.issuers.end() ? nullptr : issuer::find_kind(configured->second.type);
  return kind != nullptr && kind->renewal_information == issuer::RenewalInformation::offered
             ? plan::RenewalInfoOf::issuer
             : plan::RenewalInfoOf::nobody;
}

authority::Authority& Session::authority(const Name& name) {
  if (const auto open = authorities_.find(name); open != authorities_.end()) return open->second;
  const auto passphrase = [&]() -> std::optional<base::Secret> {
    const auto configured = config.authorities.find(name);
    if (configured == config.authorities.end() || !configured->second.passphrase_file) return std::nullopt;
    return base::read_secret_file(*configured->second.passphrase_file);
  };
  return authorities_
      .emplace(name, authority::Authority::open(store, name, authority_settings(config, name), *host.keys, passphrase))
      .first->second;
}

std::vector<pki::Certificate> Session::trust_bundle(const Name& authority) {
  std::vector<pki::Certificate> anchors;
  for (const inventory::AuthorityCertificateRecord& record : authority_rows.certificates(authority))
    if (record.role == inventory::AuthorityRole::root && record.state != inventory::GenerationState::retired)
      anchors.push_back(pki::Certificate::parse(record.der));
  return anchors;
}

std::vector<Name> Session::known_names() {
  std::vector<Name> names = managed.names();
  std::ranges::copy(archive.names(), std::back_inserter(names));
  std::ranges::sort(names);
  const auto twice = std::ranges::unique(names);
  names.erase(twice.begin(), twice.end());
  return names;
}

std::optional<Name> certificate_in(std::string_view subject) {
  const auto slash = subject.find('/');
  if (slash == std::string_view::npos || !Name::is_valid(subject.substr(slash + 1))) return std::nullopt;
  const Name name = Name::parse(subject.substr(slash + 1));
  return subject == subject_of(name) ? std::optional(name) : std::nullopt;
}

std::optional<Name> signer_here(Session& session, const pki::Certificate& certificate) {
  for (const inventory::IssuedRecord& issued : session.authority_rows.find_issued_by_serial(certificate.serial()))
    if (issued.fingerprint == certificate.fingerprint()) return issued.authority;
  return std::nullopt;
}

issuer::Issuer& Session::issuer(const Name& name) {
  if (const auto open = issuers_.find(name); open != issuers_.end()) return *open->second;
  std::unique_ptr<issuer::Issuer> made;
  if (const auto configured = config.issuers.find(name); configured != config.issuers.end()) {
    const issuer::Kind* const kind = issuer::find_kind(configured->second.type);
    if (kind == nullptr)
      throw base::Error(base::Fault::config, fmt::format("there is no issuer kind {}", configured->second.type),
                        "`everseal kinds` lists them");
    made = kind->open(name, configured->second.options, surroundings());
  } else if (const auto wrong = config.unusable.find("issuer/" + name.text()); wrong != config.unusable.end()) {
    throw base::Error(base::Fault::config, fmt::format("the issuer {} is not usable: {}", name, wrong->second));
  } else if (authority_rows.find(name)) {
    // An authority of this store needs no table in the config.
    const base::Table table{{"authority", {name.text(), {}}}};
    base::Problems problems;
    const issuer::Kind* const kind = issuer::find_kind("authority");
    made = kind->open(name, base::Options::validate(table, kind->options, {}, {}, {}, problems), surroundings());
  } else {
    throw base::Error(
        base::Fault::config, fmt::format("there is no issuer {}", name),
        fmt::format("name one with [issuer.{}] in the config, or make one with `everseal ca init {}`", name, name));
  }
  return *issuers_.emplace(name, std::move(made)).first->second;
}

void Session::progress(Progress::Kind kind, const std::string& subject, const std::string& text) const {
  host.progress({kind, subject, base::printable(text)});
}

}  // namespace everseal::reconcile
