#include "reconcile/desired.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "inventory/config_files.h"
#include "inventory/managed.h"
#include "inventory/subjects.h"
#include "issuer/acme_ca.h"
#include "pki/digest.h"
#include "reconcile/kinds.h"
#include "reconcile/session.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

namespace everseal::reconcile {
namespace {

constexpr const char* kDigestSetting = "config.digest";      // of all files, where nothing is wrong with them
constexpr const char* kKindsSetting = "config.kinds";        // what they were understood by
constexpr const char* kUnusableSetting = "config.unusable";  // subjects, one a line
constexpr std::string_view kTrouble = "trouble";             // instead of the digest

std::vector<inventory::ManagedRecord> records_of(const config::Loaded& loaded) {
  std::vector<inventory::ManagedRecord> records;
  records.reserve(loaded.certificates.size());
  for (const auto& [name, certificate] : loaded.certificates) {
    inventory::ManagedRecord record;
    record.name = name;
    record.spec = config::normal_form(certificate);
    record.spec_hash = base::hex(pki::sha256(base::as_bytes(record.spec)));
    record.origin = to_string(certificate.origin);
    record.environment = certificate.environment;
    records.push_back(std::move(record));
  }
  return records;
}

// Of "/etc/everseal/conf.d/www.toml:3".
std::string_view file_of(std::string_view origin) { return origin.substr(0, origin.rfind(':')); }

// Which files say nothing about a certificate that they once defined: those that were not read this time.
class Unheard {
 public:
  Unheard(const config::Sources& sources, const config::Loaded& loaded) : sources_(sources), loaded_(loaded) {
    for (const config::Source& source : sources.files) present_.insert(source.path);
  }

  bool has(std::string_view file) const {
    if (present_.contains(file)) return !loaded_.parsed.contains(std::string(file));
    return std::ranges::any_of(sources_.unread, [&](const auto& unread) {
      const std::string& path = unread.first;
      return file == path || (path.ends_with('/') && file.starts_with(path));
    });
  }

 private:
  const config::Sources& sources_;
  const config::Loaded& loaded_;
  std::set<std::string_view> present_;
};

// Is what no file names any more kept as it was, because the file that may name it said nothing?
bool stays(const config::Loaded& loaded, const Unheard& unheard, const Name& name, std::string_view origin) {
  return loaded.broken.contains(name) || unheard.has(file_of(origin));
}

// Does what was read say something that only the other files can judge: other settings, files that somebody else may
// write too, a name that may be defined elsewhere?
bool concerns_others(const config::Loaded& loaded, const config::Memory& before, const Unheard& unheard,
                     inventory::Store& store) {
  if (!config::changed_settings(before, loaded.memory).empty()) return true;
  inventory::Managed managed(store);
  return std::ranges::any_of(loaded.certificates, [&](const auto& one) {
    const auto& [name, certificate] = one;
    const auto known = before.find(certificate.origin.file);
    const auto now = loaded.memory.find(certificate.origin.file);
    if (known != before.end() && now != loaded.memory.end() && known->second == now->second) return false;
    if (!certificate.deployments.empty()) return true;
    const auto stored = managed.find(name);
    return stored && !stored->orphaned && unheard.has(file_of(stored->origin));
  });
}

void remember(inventory::Store& store, const config::Memory& before, const config::Memory& after) {
  inventory::ConfigFiles files(store);
  for (const auto& [path, good] : after)
    if (const auto known = before.find(path); known == before.end() || known->second != good)
      files.put(path, {good.digest, good.settings});
  for (const auto& [path, good] : before)
    if (!after.contains(path)) files.remove(path);
}

bool names_issuer(const std::set<std::string>& changed, const Name& name, const config::Certificate& certificate,
                  const config::Settings& settings) {
  const auto has = [&](std::string_view section, const std::string& one) {
    return changed.contains(fmt::format("{}/{}", section, one));
  };
  if (has("issuer", name.text()) || has("authority", name.text())) return true;
  const auto found = settings.issuers.find(name);
  if (found == settings.issuers.end()) return false;
  const config::Issuer& issuer = found->second;
  if (issuer.type == issuer::kAcme)
    return std::ranges::any_of(changed, [](const std::string& one) { return one.starts_with("challenge/"); });
  if (issuer.type != "authority") return false;
  return has("authority", issuer.options.string("authority")) ||
         (!certificate.profile && has("profile", issuer.options.string("profile")));
}

bool touches(const std::set<std::string>& changed, const config::Certificate& certificate,
             const config::Settings& settings) {
  if (changed.contains("keep")) return true;
  if (changed.contains("profile/" + certificate.profile.value_or("server"))) return true;
  return std::ranges::any_of(certificate.issuers,
                             [&](const Name& name) { return names_issuer(changed, name, certificate, settings); });
}

// What was wrong and is not any more, be it mended or taken out, is a change for whoever waits for it.
void add_what_is_over(inventory::Store& store, const config::Settings& settings, std::set<std::string>& changed) {
  const std::string before = store.setting(kUnusableSetting).value_or("");
  std::string now;
  for (const auto& [subject, problem] : settings.unusable) now += (now.empty() ? "" : "\n") + subject;
  if (before == now) return;
  for (const std::string& subject : base::split(before, '\n'))
    if (!subject.empty() && !settings.unusable.contains(subject)) changed.insert(subject);
  store.set_setting(kUnusableSetting, now);
}

void wake(inventory::Store& store, const std::set<std::string>& changed, const config::Loaded& loaded, Time now) {
  if (changed.empty()) return;
  for (const auto& [name, certificate] : loaded.certificates)
    if (touches(changed, certificate, loaded.settings)) inventory::Managed(store).retry_now(name, now);
  for (const inventory::AuthorityRecord& authority : inventory::Authorities(store).all()) {
    const inventory::SubjectId subject = inventory::authority_subject(authority.name);
    if (changed.contains(subject.text())) inventory::Subjects(store).wake(subject, now);
  }
}

std::string subject_or_config(const base::Problem& problem) {
  return problem.subject.empty() ? std::string("config") : problem.subject;
}

}  // namespace

ConfigReading::ConfigReading(const Host& host, inventory::Store& store)
    : files_(host.files),
      kinds_(config_kinds(authority_names(store))),
      sources_(config::read_each(host.files)),
      digest_(config::digest(sources_.files)) {}

std::optional<ConfigReading::Changes> ConfigReading::changes(inventory::Store& store) const {
  using config::Extent;
  const auto stored = store.setting(kDigestSetting);
  const bool same_kinds = store.setting(kKindsSetting) == config::digest(kinds_);
  if (sources_.unread.empty() && stored == digest_ && same_kinds) return std::nullopt;
  // Beside something broken, what is good by itself may have been found wrong: all of it is judged again.
  const bool all = !same_kinds || stored == kTrouble;
  Changes changes{config_memory(store), {}};
  const auto load = [&](Extent extent) {
    changes.loaded = config::load(files_, sources_, changes.before, kinds_, extent);
  };
  load(all ? Extent::all : Extent::changed);
  if (!all && concerns_others(changes.loaded, changes.before, Unheard(sources_, changes.loaded), store))
    load(Extent::all);
  return changes;
}

config::Settings ConfigReading::settings(inventory::Store& store) const {
  return config::load(files_, sources_, config_memory(store), kinds_, config::Extent::settings).settings;
}

Desired::Desired(const Host& host, inventory::Store& store) : store_(&store), reading_(host, store) {
  if (auto changes = reading_.changes(store)) take_in(std::move(*changes), host.clock());
}

void Desired::take_in(ConfigReading::Changes changes, Time now) {
  auto& [before, loaded] = changes;
  if (!loaded.usable) throw config::refusal(loaded.problems);
  inventory::Store& store = *store_;
  const std::vector<inventory::ManagedRecord> records = records_of(loaded);
  const Unheard unheard(reading_.sources(), loaded);
  const std::string state = loaded.problems.empty() ? reading_.digest() : std::string(kTrouble);
  const std::string kinds = config::digest(reading_.kinds());
  store.transaction([&] {
    inventory::Managed managed(store);
    const auto changed = managed.replace_all(
        records, now, [&](const Name& name, std::string_view origin) { return stays(loaded, unheard, name, origin); });
    for (const Name& name : changed) managed.retry_now(name, now);
    std::set<std::string> settings = config::changed_settings(before, loaded.memory);
    add_what_is_over(store, loaded.settings, settings);
    wake(store, settings, loaded, now);
    remember(store, before, loaded.memory);
    if (store.setting(kDigestSetting) != state) store.set_setting(kDigestSetting, state);
    if (store.setting(kKindsSetting) != kinds) store.set_setting(kKindsSetting, kinds);
  });
  problems_ = std::move(loaded.problems);
  settings_ = std::make_shared<const config::Settings>(std::move(loaded.settings));
}

const std::shared_ptr<const config::Settings>& Desired::settings() {
  if (!settings_) settings_ = std::make_shared<const config::Settings>(reading_.settings(*store_));
  return settings_;
}

Untaken look_at_config(const Host& host, inventory::Store& store) {
  Untaken untaken;
  const ConfigReading reading(host, store);
  auto changes = reading.changes(store);
  if (!changes) return untaken;
  config::Loaded& loaded = changes->loaded;
  const Unheard unheard(reading.sources(), loaded);
  untaken.problems = std::move(loaded.problems);
  untaken.unparsed = std::move(loaded.unparsed);
  inventory::Managed managed(store);
  if (loaded.usable)
    for (const inventory::ManagedRecord& stored : managed.all())
      if (!stored.orphaned && stored.origin != kOnce && !loaded.certificates.contains(stored.name) &&
          !stays(loaded, unheard, stored.name, stored.origin))
        untaken.gone.insert(stored.name);
  for (auto& [name, certificate] : loaded.certificates) {
    const auto stored = managed.find(name);
    if (!stored || stored->orphaned) untaken.unread.emplace(name, std::move(certificate));
  }
  return untaken;
}

bool remembers(const std::string& state, const std::string& main, Time now) {
  try {
    inventory::Store store = inventory::Store::open(state, sql::Access::read_only, now);
    return config_memory(store).contains(config::absolute(main));
  } catch (const base::Error&) {
    return false;
  }
}

base::Problems problems_for(const base::Problems& problems, const std::vector<Name>& names) {
  base::Problems some;
  std::ranges::copy_if(problems, std::back_inserter(some), [&](const base::Problem& problem) {
    return problem.subject.empty() ||
           std::ranges::any_of(names, [&](const Name& name) { return problem.subject == subject_of(name); });
  });
  return some;
}

std::vector<Outcome> outcomes_of(const base::Problems& problems) {
  std::vector<Outcome> outcomes;
  for (const base::Problem& problem : problems)
    outcomes.push_back({subject_or_config(problem),
                        {},
                        "config",
                        Result::failed,
                        without_hint(problem),
                        {.fault = base::Fault::config, .hint = problem.hint}});
  return outcomes;
}

}  // namespace everseal::reconcile
