#include "reconcile/verbs/import/challenges.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "config/toml.h"
#include "importer/foreign_files.h"
#include "issuer/acme_ca.h"
#include "issuer/methods.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;
using challenge::Method;

// Of one lineage. CAs put a hundred names into a certificate.
constexpr std::size_t kMostWays = 100;

using Entries = std::map<std::string, std::string>;

// An option's value as one text, equal for equal values.
std::string text_of_value(const base::Options::Entry& entry) {
  using base::OptionType;
  switch (entry.type) {
    case OptionType::integer:
    case OptionType::port:
    case OptionType::boolean:
    case OptionType::duration:
    case OptionType::mode:
      return std::to_string(entry.number);
    case OptionType::names:
    case OptionType::servers:
    case OptionType::command:
      return base::join(entry.list, "\n");
    default:
      return entry.text;
  }
}

// What a method is told, with defaults.
Entries entries_of(const Method& method) {
  Entries entries;
  for (const base::Options* const options : {&method.options, &method.provider_options})
    for (const auto& [name, entry] : options->entries()) entries.emplace(name, text_of_value(*entry));
  return entries;
}

bool holds(const std::string& file, const base::Secret& secret) {
  try {
    return std::ranges::equal(base::read_secret_file(file).reveal(), secret.reveal());
  } catch (const Error&) {
    return false;  // what cannot be read is another's
  }
}

// Does `method` do what was done there, with the same secrets?
bool is_alike(const Method& method, const Method& theirs,
              const std::vector<std::pair<std::string, base::Secret>>& secrets) {
  Entries ours = entries_of(method);
  Entries wanted = entries_of(theirs);
  for (const auto& [option, secret] : secrets) {
    if (!ours.contains(option) || !holds(ours[option], secret)) return false;
    ours.erase(option);
    wanted.erase(option);
  }
  return method.type == theirs.type && method.provider == theirs.provider && ours == wanted;
}

bool have_same_secrets(const importer::Challenge& left, const importer::Challenge& right) {
  return std::ranges::equal(left.secrets, right.secrets, [](const auto& one, const auto& other) {
    return one.first == other.first && std::ranges::equal(one.second.reveal(), other.second.reveal());
  });
}

// Equal for equal options; of secrets it says nothing.
std::string text_of(const importer::Challenge& challenge) {
  std::string text = challenge.type;
  for (const auto& [name, value] : challenge.options) {
    text += '\n' + name + '=';
    config::append_toml_value(text, value);
  }
  return text;
}

std::string described(const Method& method) {
  std::string text = method.type;
  if (!method.provider.empty()) text += ", provider = " + method.provider;
  for (const auto& [name, value] : entries_of(method)) text += fmt::format(", {} = {}", name, value);
  return importer::shown(text);
}

std::vector<std::string> zones_of(const std::vector<pki::Identifier>& names) {
  std::vector<std::string> zones;
  for (const pki::Identifier& name : names)
    if (std::string zone = importer::zone_of(name); !zone.empty() && std::ranges::find(zones, zone) == zones.end())
      zones.push_back(std::move(zone));
  return zones;
}

}  // namespace

challenge::Choice& IssuerChoices::of(const config::Config& config, const Name& issuer) {
  if (const auto found = choices_.find(issuer); found != choices_.end()) return found->second;
  std::vector<Method> methods = issuer::methods_of(config.issuers.at(issuer).options, challenge_methods(config));
  const auto& kept = methods_.emplace(issuer, std::move(methods)).first->second;
  return choices_.emplace(issuer, kept).first->second;
}

void IssuerChoices::add(std::string_view zone, const Method& method) {
  for (auto& [issuer, choice] : choices_) choice.add(zone, method);
}

void ImportedChallenges::remember(importer::Lineage& lineage, const config::Certificate& certificate) {
  const Name& issuer = certificate.issuers.front();
  static_cast<void>(choices_.of(work_.draft.config(), issuer));
  imported_.insert(certificate.name);
  std::map<pki::Identifier, Way*> ways;
  if (lineage.challenges.size() > kMostWays)
    work_.report.leave(
        lineage.label,
        fmt::format("was proved in {} ways; more than {} are not taken over", lineage.challenges.size(), kMostWays),
        "a [challenge.NAME] says how names are proved from now on");
  else
    for (importer::Challenge& challenge : lineage.challenges) {
      const std::vector<pki::Identifier> names = challenge.names;
      Way* const way = way_of(challenge, lineage.label, certificate.name);
      for (const pki::Identifier& name : names) ways.emplace(name, way);
    }
  for (const pki::Identifier& name : certificate.identifiers) {
    const auto way = ways.find(name);
    wanted_.push_back(
        {Whose::imported, lineage.label, certificate.name, issuer, name, way == ways.end() ? nullptr : way->second});
  }
}

void ImportedChallenges::remember_present() {
  const config::Config& config = work_.draft.config();
  for (const auto& [key, certificate] : config.certificates) {
    if (imported_.contains(key)) continue;
    for (const Name& issuer : certificate.issuers) {
      const auto configured = config.issuers.find(issuer);
      if (configured == config.issuers.end() || configured->second.type != issuer::kAcme) continue;
      for (const pki::Identifier& name : certificate.identifiers)
        if (const Method* const chosen = choices_.of(config, issuer).first_for(name))
          wanted_.push_back({Whose::present, key.text(), key, issuer, name, present_way(*chosen, key, name)});
    }
  }
}

// What is chosen now, as something that may be written for a zone of its own where it is the issuer's own.
ImportedChallenges::Way* ImportedChallenges::present_way(const Method& chosen, const Name& certificate,
                                                         const pki::Identifier& name) {
  if (!chosen.name.empty()) {
    Way& way = ways_.emplace_back();
    way.certificate = certificate;
    way.method = chosen;
    way.written = chosen.name;
    return &way;
  }
  importer::Challenge own{.type = chosen.type, .names = {name}, .options = {}, .secrets = {}};
  for (const auto& [option, entry] : chosen.options.entries()) {
    if (entry->type == base::OptionType::port)
      importer::put_port(own.options, std::string(option), text_of_value(*entry));
    else
      own.options.emplace_back(std::string(option), base::text_value(text_of_value(*entry)));
  }
  return way_of(own, certificate.text(), certificate);
}

// nullptr where the config does not take it, which is left to the operator then.
ImportedChallenges::Way* ImportedChallenges::way_of(importer::Challenge& challenge, const std::string& label,
                                                    const Name& certificate) {
  std::vector<std::string> zones = zones_of(challenge.names);
  Way way{std::move(challenge), label, certificate, {}, {}, {}};
  try {
    std::vector<Way*>& alike = ways_by_text_[text_of(way.theirs)];
    for (Way* const known : alike)
      if (have_same_secrets(known->theirs, way.theirs)) return known;
    const Name name = work_.draft.free_name("challenge", certificate.text(), [](const Name&) { return false; });
    const config::Config part = work_.draft.read(fragment_of(way, name, zones));
    way.method = challenge_methods(part).front();
    way.method.name = {};
    way.method.zones.clear();
    return alike.emplace_back(&ways_.emplace_back(std::move(way)));
  } catch (const Error& error) {
    if (error.fault() != Fault::config && error.fault() != Fault::usage) throw;  // usage: a text that is no UTF-8
    work_.report.leave(label, fmt::format("how it was proved cannot be taken over: {}", error.message()),
                       fmt::format("a [challenge.NAME] for zones = [\"{}\"] says how it is proved from now on",
                                   base::printable(base::join(zones, "\", \""))));
    return nullptr;
  }
}

config::Fragment ImportedChallenges::fragment_of(const Way& way, const Name& name,
                                                 const std::vector<std::string>& zones) const {
  config::Fragment fragment{"challenge", name, {}};
  fragment.options.emplace_back("type", base::text_value(way.theirs.type));
  fragment.options.emplace_back("zones", base::list_value(zones));
  std::ranges::copy(way.theirs.options, std::back_inserter(fragment.options));
  for (const auto& [option, secret] : way.theirs.secrets)
    fragment.options.emplace_back(option,
                                  base::text_value(work_.draft.secret_path(fmt::format("{}.{}", name, option))));
  return fragment;
}

bool ImportedChallenges::is_as_before(const Wanted& wanted, const Method* chosen) const {
  const Way* const way = wanted.way;
  if (chosen == nullptr) return false;
  if (chosen == &way->method || (!way->written.empty() && chosen->name == way->written)) return true;
  const auto [known, is_new] = alike_.try_emplace({chosen, way}, false);
  if (is_new) known->second = is_alike(*chosen, way->method, way->theirs.secrets);
  return known->second;
}

void ImportedChallenges::add_to_draft() {
  import_alone(work_.report, "config", [&] { remember_present(); });
  // From the top down, since a zone takes whatever lies below it. At one zone the wildcard comes first: what proves it
  // would prove the plain name too, which then is given what comes before that.
  std::vector<const Wanted*> order;
  for (const Wanted& wanted : wanted_) order.push_back(&wanted);
  std::ranges::stable_sort(order, {}, [](const Wanted* wanted) {
    return std::pair(importer::zone_of(wanted->name).size(), !wanted->name.is_wildcard());
  });
  for (const Wanted* const wanted : order) give_zone(*wanted);
  for (Way& way : ways_) import_alone(work_.report, subject_of(way.certificate), [&] { add(way); });
}

void ImportedChallenges::give_zone(const Wanted& wanted) {
  const std::string zone = importer::zone_of(wanted.name);
  if (wanted.way == nullptr || zone.empty() || !challenge::can_prove(wanted.way->method, wanted.name)) return;
  if (!decided_.insert(wanted.name).second) return;  // another certificate has the same name
  const challenge::Choice& choice = choices_.of(work_.draft.config(), wanted.issuer);
  if (is_as_before(wanted, choice.first_for(wanted.name)) || !wanted.way->written.empty()) return;
  if (const Method* const there = choice.first_of(zone, wanted.name)) {
    // Who wrote this very zone into the config wants it so. Of two that are added, one comes before the other only
    // where it alone proves no wildcards.
    const bool is_operators = !there->name.empty();
    if (is_operators || challenge::proves_wildcards(wanted.way->method) || !challenge::proves_wildcards(*there)) return;
  }
  wanted.way->zones.push_back(zone);
  choices_.add(zone, wanted.way->method);
}

void ImportedChallenges::add(Way& way) {
  if (way.zones.empty()) return;
  const auto is_taken = [&](const Name& name) { return work_.draft.config().challenges.contains(name); };
  const Name name = work_.draft.free_name("challenge", way.certificate.text(), is_taken);
  const config::Fragment fragment = fragment_of(way, name, way.zones);
  work_.draft.add(fragment, work_.draft.read(fragment));
  for (const auto& [option, secret] : way.theirs.secrets)
    work_.draft.add_secret(fmt::format("{}.{}", name, option), secret.copy());
  way.written = name;
}

void ImportedChallenges::report() const {
  const config::Config& config = work_.draft.config();
  IssuerChoices choices;
  for (const Wanted& wanted : wanted_) {
    const Method* const chosen = choices.of(config, wanted.issuer).first_for(wanted.name);
    const bool is_known = wanted.way != nullptr;
    if (wanted.whose == Whose::present) {
      if (is_known && !is_as_before(wanted, chosen)) leave_changed(wanted, chosen);
      continue;
    }
    ImportedProof proof{.certificate = wanted.certificate,
                        .issuer = wanted.issuer,
                        .challenge = chosen == nullptr ? Name() : chosen->name,
                        .type = chosen == nullptr ? std::string() : chosen->type,
                        .before = !is_known                      ? ImportedProof::Before::unknown
                                  : is_as_before(wanted, chosen) ? ImportedProof::Before::same
                                                                 : ImportedProof::Before::other,
                        .identifiers = {wanted.name.text()}};
    std::vector<ImportedProof>& proofs = work_.report.proofs;
    if (!proofs.empty() && proofs.back().is_of_one_with(proof))
      proofs.back().identifiers.push_back(wanted.name.text());
    else
      proofs.push_back(proof);
    if (proof.before == ImportedProof::Before::other) leave_changed(wanted, chosen);
    if (chosen != nullptr) note_links(wanted.label, *chosen);
  }
}

// An answer is written without following links that others may have put there.
void ImportedChallenges::note_links(const std::string& label, const Method& method) const {
  const Entries entries = entries_of(method);
  const auto webroot = entries.find("webroot");
  if (method.type != "http-01" || webroot == entries.end() || !webroots_.insert(webroot->second).second) return;
  for (const std::string_view part : {"/.well-known", "/.well-known/acme-challenge"}) {
    const std::string path = webroot->second + std::string(part);
    std::error_code ignored;
    if (!std::filesystem::is_symlink(path, ignored)) continue;
    return work_.report.leave(
        label, fmt::format("{} is a link, which is not followed to write an answer", base::printable(path)),
        "put a directory in its place, or tell the web server to serve "
        "/.well-known/acme-challenge/ from another `webroot`");
  }
}

void ImportedChallenges::leave_changed(const Wanted& wanted, const Method* chosen) const {
  const std::string zone = importer::zone_of(wanted.name);
  const std::string now =
      chosen == nullptr ? "nothing here proves it"
      : chosen->name.empty()
          ? fmt::format("here the way of its issuer is tried, {}", described(*chosen))
          : fmt::format("here [{}] is tried, {}", config::dotted("challenge", chosen->name.text()), described(*chosen));
  work_.report.leave(wanted.label,
                     fmt::format("{} was proved by {}; {}", wanted.name.text(), described(wanted.way->method), now),
                     zone.empty() ? "options of its [issuer.NAME] say how: `challenge`, `webroot`, `http_port`"
                                  : fmt::format("a [challenge.NAME] with zones = [\"{}\"] says how", zone));
}

}  // namespace everseal::reconcile
