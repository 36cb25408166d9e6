#include "reconcile/doctor.h"

#include "authority/ceremony.h"
#include "base/error.h"
#include "config/load.h"
#include "inventory/backup.h"
#include "inventory/clock.h"
#include "issuer/account_manifest.h"
#include "issuer/acme_ca.h"
#include "pki/chain.h"
#include "reconcile/kinds.h"
#include "reconcile/reconcile.h"
#include "reconcile/settings.h"
#include "reconcile/take_in.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// Runs one check; what it throws is a complaint like any other.
template <class Check>
bool attempt(std::vector<Complaint>& complaints, std::string remedy, Check check) {
  try {
    check();
    return true;
  } catch (const base::Error& error) {
    complaints.push_back({error.message(), error.hint().empty() ? std::move(remedy) : error.hint()});
    return false;
  }
}

// `remove` leaves the versions where they are.
bool was_removed(Session& session, const Name& name) {
  if (session.managed.find(name)) return false;
  bool removed = false;
  session.events.each({.subject = subject_of(name), .limit = 1},
                      [&](const inventory::EventRecord& event) { removed = event.action == kRemoved; });
  return removed;
}

void examine_archive(Session& session, std::vector<Complaint>& complaints) {
  for (const Name& name : session.archive.names()) {
    const bool removed = was_removed(session, name);
    for (const int number : session.archive.numbers(name)) {
      attempt(complaints, "restore that directory from a backup, or renew with --force", [&] {
        const auto version = session.archive.read(name, number);
        if (!removed && !session.versions.find(name, number))
          complaints.push_back(
              {fmt::format("version {} of {} lies in the archive and is not in the database", number, name),
               "`everseal doctor --rebuild` takes it in"});
        const auto key = session.archive.key(name, number);
        if (version && key && !pki::key_matches(*key, version->chain.front()))
          complaints.push_back({fmt::format("the key of version {} of {} does not match its certificate", number, name),
                                "`everseal renew --force` makes a new version"});
      });
    }
    for (const inventory::VersionRecord& version : session.versions.of(name)) {
      if (version.state == inventory::VersionState::live && session.archive.live(name) != version.number)
        complaints.push_back({fmt::format("version {} of {} should be live, and {}/live/{} says otherwise",
                                          version.number, name, session.host.state, name),
                              "`everseal deploy` puts it right"});
    }
  }
}

void examine_authorities(Session& session, std::vector<Complaint>& complaints) {
  for (const inventory::AuthorityRecord& record : session.authority_rows.all())
    attempt(complaints, "check its directory and its passphrase_file",
            [&] { session.authority(record.name).require_valid(session.now()); });
}

void examine_accounts(Session& session, std::vector<Complaint>& complaints) {
  using issuer::AcmeEndpoint;
  for (const auto& [name, issuer] : session.config.issuers) {
    if (issuer.type != issuer::kAcme) continue;
    for (const AcmeEndpoint endpoint : {AcmeEndpoint::production, AcmeEndpoint::staging}) {
      if (endpoint == AcmeEndpoint::staging && !issuer.options.has("staging")) continue;
      attempt(complaints, "",
              [&] { issuer::AcmeCa(name, issuer.options, session.surroundings(), endpoint).require_key(); });
    }
  }
}

// A killed run leaves its temporary file behind: ".NAME.<24 hex digits>".
void sweep(const base::Directory& directory) {
  for (const std::string& name : directory.list()) {
    const auto dot = name.rfind('.');
    const bool temporary = name.starts_with('.') && dot != 0 && dot != std::string::npos && name.size() - dot == 25 &&
                           name.find_first_not_of("0123456789abcdef", dot + 1) == std::string::npos;
    if (temporary) directory.remove(name);
  }
}

// Another database takes the place of the present one only when it is complete.
void set_aside(const std::string& state, Time now) {
  const base::Directory directory = base::Directory::open(state);
  const std::string kept = inventory::name_to_keep(directory, "rebuild", now);
  for (const std::string suffix : {"", "-wal", "-shm"})
    if (directory.has("everseal.db" + suffix)) directory.rename("everseal.db" + suffix, kept + suffix);
}

void take_in_accounts(Session& session, Verdict& verdict) {
  const auto accounts = base::Directory::open_if_exists(session.host.state + "/accounts");
  for (const std::string& folder : accounts ? accounts->list() : std::vector<std::string>()) {
    try {
      if (const auto manifest = issuer::recover_account(session.store, folder, session.now()))
        verdict.outcomes.push_back({issuer::account_subject(manifest->account.issuer),
                                    {},
                                    "rebuild",
                                    Result::done,
                                    fmt::format("{} is known again", base::printable(manifest->account.url))});
    } catch (const base::Error& error) {
      verdict.outcomes.push_back({"account/" + folder, {}, "rebuild", Result::failed, error.text()});
    }
  }
}

}  // namespace

std::vector<Complaint> examine(const Host& host) {
  std::vector<Complaint> complaints;
  std::optional<base::FileLock> lock;
  if (!attempt(complaints, "", [&] { lock = lock_reconciler(host); })) return complaints;
  attempt(complaints, "", [&] { sweep(base::Directory::open(host.state)); });
  config::Config config;
  attempt(complaints, "`everseal config check` says where", [&] {
    inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
    base::Problems problems;
    config = read_config(host.files, store, problems);
    for (const base::Problem& problem : problems)
      complaints.push_back({to_string(problem), "`everseal config check` looks at it again"});
  });
  attempt(complaints, "`everseal doctor --rebuild` recreates the database, `everseal restore FILE` takes a backup",
          [&] {
            inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, host.clock());
            Session session(host, config, store);
            store.database().check_integrity();
            store.prove_writable(session.now());
            const inventory::HistoryVerdict history = session.events.verify();
            if (!history.intact())
              complaints.push_back({"the history is not what it was: " + history.problem(), "compare it with a backup"});
            const auto clock = inventory::judge_clock(store, session.now(), host.build_date, host.machine());
            if (!clock.trusted) {
              const base::Error error = inventory::untrusted_clock(clock);
              complaints.push_back({error.message() + "; nothing is signed or ordered until then", error.hint()});
            }
            examine_archive(session, complaints);
            examine_authorities(session, complaints);
            examine_accounts(session, complaints);
            for (const auto& [name, authority] : config.authorities) authority_settings(config, name);
          });
  return complaints;
}

Verdict rebuild(const Host& host) {
  const auto lock = lock_reconciler(host);
  Verdict verdict;
  const Time now = host.clock();
  set_aside(host.state, now);
  inventory::Store store = inventory::Store::create(host.state, now);
  const config::Config none;
  Session session(host, none, store);
  const auto authorities = base::Directory::open_if_exists(host.state + "/authorities");
  for (const std::string& entry : authorities ? authorities->list() : std::vector<std::string>()) {
    if (!Name::is_valid(entry)) continue;
    const Name name = Name::parse(entry);
    try {
      authority::adopt_authority(session.store, name, now);
      verdict.outcomes.push_back(
          {authority_subject(name), {}, "rebuild", Result::done, "is known again, with the revocations of its CRL"});
    } catch (const base::Error& error) {
      verdict.outcomes.push_back({authority_subject(name), {}, "rebuild", Result::failed, error.text()});
    }
  }
  take_in_accounts(session, verdict);
  for (const Name& name : session.archive.names()) {
    for (const int number : session.archive.numbers(name)) {
      try {
        const auto version = session.archive.read(name, number);
        if (!version) continue;
        take_in(session, *version);
        verdict.outcomes.push_back(
            {subject_of(name), {}, "rebuild", Result::done, fmt::format("version {} is known again", number)});
      } catch (const base::Error& error) {
        verdict.outcomes.push_back({subject_of(name), {}, "rebuild", Result::failed, error.text()});
      }
    }
    const auto live = session.archive.live(name);
    if (live && session.versions.find(name, *live)) session.versions.set_live(name, *live);
  }
  session.events.add("store.rebuilt", "store", Detail{{"certificates", std::to_string(session.managed.all().size())}},
                     now);
  return verdict;
}

}  // namespace everseal::reconcile
