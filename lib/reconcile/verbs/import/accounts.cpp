#include "reconcile/verbs/import/accounts.h"

#include "base/error.h"
#include "base/text.h"
#include "importer/foreign_files.h"
#include "inventory/accounts.h"
#include "issuer/acme_ca.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;
using importer::Account;
using importer::Lineage;

// What everybody calls these CAs.
constexpr std::pair<std::string_view, std::string_view> kUsualNames[] = {
    {"acme-v02.api.letsencrypt.org", "letsencrypt"},
    {"acme-staging-v02.api.letsencrypt.org", "letsencrypt-staging"},
    {"acme.zerossl.com", "zerossl"},
    {"api.buypass.com", "buypass"},
    {"dv.acme-v02.api.pki.goog", "google"},
};

std::string usual_name(const importer::Server& server) {
  for (const auto& [authority, name] : kUsualNames)
    if (authority == server.authority) return std::string(name);
  return Name::made_of(server.authority.substr(0, server.authority.rfind(':')), "issuer name").text();
}

bool is_at(const config::Issuer& issuer, const importer::Server& server) {
  if (issuer.type != issuer::kAcme) return false;
  const std::string directory = issuer.options.string("directory");
  return server.directory.empty() ? importer::authority_of(directory) == server.authority
                                  : directory == server.directory;
}

const config::Issuer& require_acme(const config::Config& config, const Name& name) {
  const auto issuer = config.issuers.find(name);
  if (issuer == config.issuers.end() || issuer->second.type != issuer::kAcme)
    throw Error(Fault::config, fmt::format("there is no issuer {} of type acme", name),
                "write an [issuer.NAME] first, or leave --issuer out: one is made");
  return issuer->second;
}

}  // namespace

void require_fitting_issuer(const ImportRequest& request, const importer::Found& found, const config::Config& config) {
  if (!request.issuer) return;
  const config::Issuer& issuer = require_acme(config, *request.issuer);
  const auto fits = [&](const auto& one) { return is_at(issuer, one.server); };
  if (!found.lineages.empty() && std::ranges::none_of(found.lineages, fits) &&
      std::ranges::none_of(found.accounts, fits))
    throw Error(Fault::config,
                fmt::format("nothing of {} is of the CA of issuer {}, {}", request.kind->name, *request.issuer,
                            base::printable(issuer.options.string("directory"))),
                "name another issuer, or leave --issuer out: one is made");
}

void ImportedAccounts::take_all() {
  for (std::size_t i = 0; i < work_.found.accounts.size(); ++i) {
    require_going_on(work_.host);
    const std::string& label = work_.found.accounts[i].label;
    if (is_used(i))
      import_alone(work_.report, "account/" + label, [&] { take(i); });
    else
      work_.report.leave(label, "no certificate uses this account, so it is not taken over");
  }
}

Name ImportedAccounts::issuer_of(const Lineage& lineage) const {
  if (lineage.account) {
    const auto taken = issuers_.find(*lineage.account);
    if (taken == issuers_.end()) throw Error(Fault::not_found, "its account could not be taken over");
    return taken->second;
  }
  for (const auto& [name, issuer] : work_.draft.config().issuers)
    if (is_at(issuer, lineage.server)) return name;
  throw Error(Fault::config, "its account is not here, and the config has no issuer at its CA",
              "write an [issuer.NAME] for it into the config, then import again");
}

bool ImportedAccounts::is_used(std::size_t account) const {
  const auto& lineages = work_.found.lineages;
  return std::ranges::find(lineages, std::optional(account), &Lineage::account) != lineages.end();
}

// Has an account chosen it in this run?
bool ImportedAccounts::is_chosen(const Name& issuer) const {
  return std::ranges::any_of(issuers_, [&](const auto& chosen) { return chosen.second == issuer; });
}

ImportedAccounts::Holder ImportedAccounts::holder_of(const Name& issuer, const std::string& directory,
                                                     const Account& account) const {
  const auto ours = inventory::Accounts(work_.store).find(issuer, directory);
  if (!ours) return Holder::nobody;
  const auto key = issuer::AcmeCa::key_of(work_.host.state, *ours);
  if (key && key->public_key_info() == account.key.public_key_info()) return Holder::same;
  if (ours->url.empty()) return key ? Holder::other : Holder::nobody;
  return ours->url == account.url ? Holder::same : Holder::other;
}

bool ImportedAccounts::is_free_for(const Name& issuer, const std::string& directory, const Account& account) const {
  return !is_chosen(issuer) && holder_of(issuer, directory, account) != Holder::other;
}

std::optional<Name> ImportedAccounts::present_issuer(const Account& account) const {
  const config::Config& config = work_.draft.config();
  const std::optional<Name>& wanted = work_.request.issuer;
  if (wanted && is_at(require_acme(config, *wanted), account.server)) return *wanted;
  for (const auto& [name, issuer] : config.issuers)
    if (is_at(issuer, account.server) && is_free_for(name, issuer.options.string("directory"), account)) return name;
  return std::nullopt;
}

config::Fragment ImportedAccounts::new_issuer(const Account& account) const {
  const importer::Server& server = account.server;
  if (server.directory.empty())
    throw Error(Fault::config,
                fmt::format("nothing tells the directory of its CA{}",
                            server.authority.empty() ? "" : " at " + base::printable(server.authority)),
                "write an [issuer.NAME] with it into the config, then import again");
  const std::vector<Name>& authorities = work_.draft.kinds().known_authorities;
  const auto is_taken = [&](const Name& one) {
    return work_.draft.config().issuers.contains(one) || !is_free_for(one, server.directory, account) ||
           std::ranges::find(authorities, one) != authorities.end();
  };
  config::Fragment issuer{"issuer", work_.draft.free_name("issuer", usual_name(server), is_taken), {}};
  issuer.options.emplace_back("type", base::text_value(std::string(issuer::kAcme)));
  issuer.options.emplace_back("directory", base::text_value(server.directory));
  if (!account.contact.empty()) issuer.options.emplace_back("contact", base::list_value(account.contact));
  const std::string& trust = work_.request.ca_file.empty() ? account.ca_file : work_.request.ca_file;
  if (!trust.empty()) issuer.options.emplace_back("ca_file", base::text_value(trust));
  return issuer;
}

void ImportedAccounts::take(std::size_t index) {
  const Account& account = work_.found.accounts[index];
  if (const auto present = present_issuer(account)) return adopt(index, work_.draft.config().issuers.at(*present));
  const config::Fragment fragment = new_issuer(account);
  config::Config part = work_.draft.read(fragment);
  adopt(index, part.issuers.at(fragment.name));
  work_.draft.add(fragment, std::move(part));
}

void ImportedAccounts::adopt(std::size_t index, const config::Issuer& issuer) {
  const Account& account = work_.found.accounts[index];
  const bool was_here = holder_of(issuer.name, issuer.options.string("directory"), account) == Holder::same;
  std::string shown = account.url.empty() ? account.label : base::printable(account.url);
  if (work_.session != nullptr) {
    issuer::AcmeCa ca(issuer.name, issuer.options, work_.session->surroundings());
    shown = base::printable(ca.adopt(account.key, account.url, work_.host.stop).url);
  }
  const bool is_here = was_here || work_.session != nullptr;
  std::string text =
      is_here ? fmt::format("account {} is that of the issuer {} {}", shown, issuer.name, was_here ? "already" : "now")
              : fmt::format("account {} would become that of the issuer {}", shown, issuer.name);
  issuers_.emplace(index, issuer.name);
  work_.report.add(is_here ? kTaken : kLookedAt, "account/" + issuer.name.text(), {}, Result::done, std::move(text));
}

}  // namespace everseal::reconcile
