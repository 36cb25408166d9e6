#include "reconcile/take_in.h"

#include "authority/ceremony.h"
#include "authority/files.h"
#include "base/error.h"
#include "base/text.h"
#include "inventory/accounts.h"
#include "inventory/subjects.h"
#include "issuer/account_manifest.h"
#include "pki/digest.h"
#include "plan/certificate.h"
#include "plan/schedule.h"
#include "reconcile/requests.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

inventory::VersionRecord version_record(const archive::Version& version) {
  const archive::Manifest& manifest = version.manifest;
  const pki::Certificate& leaf = version.chain.front();
  inventory::VersionRecord record;
  record.name = manifest.name;
  record.number = manifest.number;
  record.state = inventory::VersionState::issued;
  record.issuer = manifest.issuer;
  record.spec_hash = manifest.spec_hash;
  record.certificate = leaf.fingerprint();
  for (std::size_t i = 1; i < version.chain.size(); ++i) record.chain.push_back(version.chain[i].fingerprint());
  record.not_before = leaf.not_before();
  record.not_after = leaf.not_after();
  record.renew_at = plan::renewal_time(leaf.not_before(), leaf.not_after(), pki::random_fraction());
  record.created = manifest.created;
  record.has_key = version.has_key;
  record.imported_from = manifest.imported_from;
  if (manifest.revoked) {
    record.revoked_at = manifest.revoked->when;
    record.revocation_reason = manifest.revoked->reason;
  }
  return record;
}

inventory::ManagedRecord managed_record(const archive::Manifest& manifest) {
  inventory::ManagedRecord managed;
  managed.name = manifest.name;
  managed.spec = manifest.spec;
  managed.spec_hash = base::hex(pki::sha256(base::as_bytes(manifest.spec)));
  // What a config asked for and none names any more is held: to deploy it could be to deploy over what is there now. A
  // config that names it says so at once (Desired).
  managed.origin = manifest.once ? std::string(kOnce) : fmt::format("archive/{}", manifest.name);
  managed.orphaned = !manifest.once;
  managed.key_owner = manifest.external_key ? inventory::KeyOwner::external : inventory::KeyOwner::ours;
  return managed;
}

// Gathers what came of it.
class Taking {
 public:
  Taking(Session& session, std::string_view step, Leads leads) : session_(session), step_(step), leads_(leads) {}

  template <class Work>
  void attempt(const std::string& subject, Work work) {
    try {
      work();
    } catch (const base::Error& error) {
      outcomes_.push_back(failure(subject, {}, std::string(step_), error));
    }
  }

  void authorities() {
    for (const std::string& entry : entries("authorities")) {
      if (!Name::is_valid(entry)) continue;
      const Name name = Name::parse(entry);
      attempt(authority_subject(name), [&] {
        const bool known = session_.authority_rows.find(name).has_value();
        const auto adopted = authority::adopt_authority(session_.store, name, session_.now());
        if (!adopted.mended.empty())
          say(authority_subject(name), "written",
              fmt::format("{} of {} is written again", base::join(adopted.mended, ", "), name));
        if (known) return;
        const bool tells = session_.authority_rows.newest_crl(name).has_value();
        say(authority_subject(name), "known",
            tells ? "is known again, with the revocations of its CRL" : "is known again");
        // Where a database is replaced, the replaced one may tell.
        if (tells || leads_ == Leads::files || session_.authority_rows.certificates(name).empty()) return;
        session_.authority_rows.set_revocations_lost(name, true);
        throw revocations_lost(session_.host.state, name);
      });
    }
  }

  void accounts() {
    for (const std::string& folder : entries("accounts")) {
      attempt("account/" + folder, [&] {
        const auto manifest = issuer::read_manifest(session_.host.state, folder);
        if (!manifest) return;
        const auto known =
            inventory::Accounts(session_.store).find(manifest->account.issuer, manifest->account.directory);
        if (known && known->url == manifest->account.url) return;
        issuer::recover_account(session_.store, folder, session_.now());
        say(issuer::account_subject(manifest->account.issuer), "known",
            fmt::format("{} is known again", base::printable(manifest->account.url)));
      });
    }
  }

  void certificate(const Name& name) {
    const std::string subject = subject_of(name);
    const std::vector<int> there = session_.archive.numbers(name);
    bool changed = false;
    taken_.clear();
    int removed = 0;
    attempt(subject, [&] { removed = session_.archive.removed_through(name); });
    if (leads_ == Leads::files && is_removed(name, there, removed)) {
      remove(name);
      return removed_certificate(name);
    }
    for (const int number : there)
      attempt(subject, [&] {
        if (number > removed || session_.versions.find(name, number))
          changed |= version(name, number);
        else
          learn(name, number);
      });
    for (const inventory::VersionRecord& record : session_.versions.of(name))
      if (!std::ranges::binary_search(there, record.number)) attempt(subject, [&] { changed |= lost(record); });
    attempt(subject, [&] { changed |= link(name); });
    if (leads_ == Leads::files)
      attempt(subject, [&] {
        for (Outcome& outcome : take_in_requests(session_, name, step_)) outcomes_.push_back(std::move(outcome));
      });
    if (changed) inventory::Subjects(session_.store).wake(inventory::certificate_subject(name), session_.now());
  }

  // What was removed can be revoked still.
  void removed_certificate(const Name& name) {
    for (const int number : session_.archive.numbers(name)) attempt(subject_of(name), [&] { learn(name, number); });
  }

  std::vector<Outcome> outcomes() && { return std::move(outcomes_); }

 private:
  // `change`: what came of it, in a word.
  void say(std::string subject, std::string change, std::string text, Result result = Result::done,
           std::optional<int> version = std::nullopt) {
    outcomes_.push_back({.subject = std::move(subject),
                         .target = {},
                         .step = std::string(step_),
                         .result = result,
                         .text = std::move(text),
                         .facts = {.version = version, .change = std::move(change)}});
  }
  void say_of(const inventory::VersionRecord& version, std::string change, std::string text,
              Result result = Result::done) {
    say(subject_of(version.name), std::move(change), std::move(text), result, version.number);
    outcomes_.back().facts.not_after = version.not_after;
  }

  std::vector<std::string> entries(const char* directory) const {
    const auto found = base::Directory::open_if_exists(fmt::format("{}/{}", session_.host.state, directory));
    return found ? found->list() : std::vector<std::string>();
  }

  // A database from before the removal knows it as kept alive.
  bool is_removed(const Name& name, const std::vector<int>& there, int through) const {
    if (through == 0 || !session_.managed.find(name)) return false;
    return (there.empty() || there.back() <= through) &&
           std::ranges::all_of(session_.versions.of(name),
                               [&](const inventory::VersionRecord& one) { return one.number <= through; });
  }

  void remove(const Name& name) {
    attempt(subject_of(name), [&] {
      session_.store.transaction([&] {
        session_.managed.remove(name);
        session_.events.add(kRemoved, subject_of(name), Detail{{"learnt_from", "removed.json"}}, session_.now());
      });
      say(subject_of(name), "removed", "stays removed");
    });
  }

  // The certificates of a version alone, and whether they are revoked.
  void learn(const Name& name, int number) {
    const auto found = session_.archive.read(name, number);
    if (!found || session_.certificates.find(found->chain.front().fingerprint())) return;
    session_.store.transaction([&] {
      session_.certificates.add(found->chain, session_.now());
      if (const auto& revoked = found->manifest.revoked)
        session_.certificates.set_revoked(found->chain.front().fingerprint(), revoked->when, revoked->reason);
    });
  }

  bool version(const Name& name, int number) {
    auto known = session_.versions.find(name, number);
    const bool revoked = known && revocation(*known);
    if (known && known->certificate && (adopt_other(*known) || repair(*known))) return true;
    const bool unfinished = known && !known->certificate;
    if (!known || (unfinished && leads_ == Leads::files)) {
      const auto found = session_.archive.read(name, number);
      if (!found) return false;
      take_in(session_, *found);
      taken_.insert(number);
      retire_if_older(name, number);
      say_of(*session_.versions.find(name, number), "known", fmt::format("version {} is known again", number));
      return true;
    }
    return key(*known) || revoked;
  }

  bool revocation(const inventory::VersionRecord& record) {
    const auto revoked = untold_revocation(session_, record);
    if (!revoked) return false;
    session_.store.transaction([&] {
      session_.certificates.set_revoked(*record.certificate, revoked->when, revoked->reason);
      session_.events.add("certificate.revoked", subject_of(record.name),
                          Detail{{"version", std::to_string(record.number)},
                                 {"reason", std::string(to_string(revoked->reason))},
                                 {"learnt_from", "manifest.json"}},
                          session_.now());
    });
    say_of(record, "revoked",
           fmt::format("version {} is known again to be revoked ({})", record.number, to_string(revoked->reason)));
    outcomes_.back().facts.reason = to_string(revoked->reason);
    return true;
  }

  // The whole version that has its number in the archive and another certificate: a database that went another way,
  // or of another state, knows that number too. What no key is left to tell of is decided by who leads.
  std::optional<archive::Version> intact_other(const inventory::VersionRecord& known) const {
    try {
      auto found = session_.archive.read(known.name, known.number);
      if (!found || found->chain.front().fingerprint() == *known.certificate) return std::nullopt;
      if (fits_key(known, found->chain.front()).value_or(leads_ == Leads::files)) return found;
    } catch (const base::Error& error) {
      if (error.fault() == base::Fault::io) throw;  // else it is damaged
    }
    return std::nullopt;
  }

  // nullopt: there is no key, or none that can be read.
  std::optional<bool> fits_key(const inventory::VersionRecord& version, const pki::Certificate& leaf) const {
    try {
      const auto key = session_.archive.key(version.name, version.number);
      if (key) return pki::key_matches(*key, leaf);
    } catch (const base::Error& error) {
      if (error.fault() == base::Fault::io) throw;
    }
    return std::nullopt;
  }

  // The database's certificate has no key here: to write it there would take a working pair away.
  bool adopt_other(const inventory::VersionRecord& known) {
    const auto other = intact_other(known);
    if (!other) return false;
    const auto replaced = session_.certificates.find(*known.certificate);
    session_.store.transaction([&] {
      take_in(session_, *other, "version.adopted",
              Detail{{"version", std::to_string(known.number)},
                     {"fingerprint", other->chain.front().fingerprint().text()},
                     {"instead_of", known.certificate->text()}});
      auto record = session_.versions.find(known.name, known.number);
      record->state = known.state;
      session_.versions.put(*record);
    });
    taken_.insert(known.number);
    say_of(
        known, "replaced",
        fmt::format("version {} stays the certificate that the archive holds with its key; the database knew another "
                    "by that number{}",
                    known.number, replaced ? fmt::format(", serial {}, which stays known", replaced->serial) : ""),
        Result::warned);
    return true;
  }

  // Files that the database can write again.
  bool repair(const inventory::VersionRecord& record) {
    const Stored stored = stored_version(session_, record);
    if (stored.chain.empty()) return false;
    const std::vector<std::string> damaged = session_.archive.damage(stored.manifest, stored.chain);
    if (damaged.empty()) return false;
    if (!fits_key(record, stored.chain.front()).value_or(true))
      throw base::Error(
          base::Fault::corrupt,
          fmt::format("{} of version {} cannot be written again: the key there is of another certificate",
                      base::join(damaged, ", "), record.number),
          fmt::format("bring the version back from a backup, or `everseal renew --force {}` makes a new one",
                      record.name));
    session_.archive.repair(stored.manifest, stored.chain);
    say_of(record, "written",
           fmt::format("{} of version {} is written again", base::join(damaged, ", "), record.number));
    return true;
  }

  // Beside a newer one in use it is history.
  void retire_if_older(const Name& name, int number) {
    const auto live = session_.versions.live(name);
    if (!live || live->number < number) return;
    auto record = session_.versions.find(name, number);
    record->state = inventory::VersionState::retired;
    session_.versions.put(*record);
  }

  bool key(inventory::VersionRecord record) {
    const bool has_key = session_.archive.standing(record.name, record.number).has_key;
    if (!record.certificate || record.has_key == has_key) return false;
    record.has_key = has_key;
    session_.versions.put(record);
    // Whether a renewal took it, as from old versions, or it was lost, nobody can tell where a newer one is there.
    const bool is_old =
        std::ranges::any_of(session_.archive.numbers(record.name), [&](int number) { return number > record.number; });
    const std::string version = fmt::format("version {}", record.number);
    say_of(record, has_key ? "key" : "no_key",
           has_key  ? version + " has its private key"
           : is_old ? version + " has no private key any more, as old versions have none: there is no way back to it"
                    : fmt::format("it is recorded that {} has lost its private key", version));
    return true;
  }

  // Of a row whose directory is gone.
  bool lost(inventory::VersionRecord record) {
    using inventory::VersionState;
    const bool in_use = record.state == VersionState::live || record.state == VersionState::issued;
    const bool retires = in_use && leads_ == Leads::files;
    if (!record.certificate || (!record.has_key && !retires)) return false;
    record.has_key = false;
    if (retires) record.state = VersionState::retired;
    session_.versions.put(record);
    if (in_use || leads_ == Leads::database)
      say_of(record, "lost", fmt::format("version {} is lost from the archive", record.number), Result::warned);
    return true;
  }

  bool link(const Name& name) {
    using archive::LiveLink;
    const LiveLink link = session_.archive.live_link(name);
    const auto live = session_.versions.live(name);
    const bool agree = live && link.number == live->number;
    if (agree) {
      if (leads_ == Leads::files) hold_where_rolled_back(name, live->number, taken_);
      return false;
    }
    if (leads_ == Leads::files && link.number && session_.archive.standing(name, *link.number).complete &&
        session_.versions.find(name, *link.number)) {
      session_.versions.set_live(name, *link.number);
      const std::vector<int> numbers = session_.archive.numbers(name);
      hold_where_rolled_back(name, *link.number, {numbers.begin(), numbers.end()});
      return true;
    }
    if (!live || !session_.archive.standing(name, live->number).complete || lacks_key(session_, *live)) return false;
    if (link.kind == LiveLink::Kind::no_link)
      say(subject_of(name), "put_aside",
          fmt::format("what stood in the place of the live link is kept as {}", session_.archive.move_aside(name)),
          Result::warned);
    session_.archive.make_live(name, live->number);
    // What a run failed at is done.
    inventory::Attempts(session_.store)
        .clear(std::string(plan::MakeLive::kind), subject_of(name), std::to_string(live->number));
    say_of(*live, "live", fmt::format("the live link leads to version {}", live->number));
    return true;
  }

  // A link to an older version than could be used is what a rollback leaves.
  void hold_where_rolled_back(const Name& name, int live, const std::set<int>& numbers) {
    for (const inventory::VersionRecord& newer : session_.versions.of(name)) {
      if (newer.number <= live || !numbers.contains(newer.number) || !newer.certificate || !newer.has_key ||
          newer.revoked_at || *newer.not_after <= session_.now())
        continue;
      session_.managed.set_pinned(name, live);
      say(subject_of(name), "held",
          fmt::format(
              "version {} stays in use although {} is newer, as after a rollback; `everseal deploy {}` ends that", live,
              newer.number, name),
          Result::done, live);
      return;
    }
  }

  Session& session_;
  std::string_view step_;
  Leads leads_;
  std::vector<Outcome> outcomes_;
  std::set<int> taken_;  // versions of the certificate at hand that the database did not know
};

}  // namespace

Stored stored_version(Session& session, const inventory::VersionRecord& version) {
  Stored stored;
  if (!version.certificate) return stored;
  std::vector<pki::Fingerprint> fingerprints{*version.certificate};
  fingerprints.insert(fingerprints.end(), version.chain.begin(), version.chain.end());
  for (const pki::Fingerprint& fingerprint : fingerprints) {
    const auto der = session.certificates.der(fingerprint);
    if (!der) return {};
    stored.chain.push_back(pki::Certificate::parse(*der));
  }
  const auto managed = session.managed.find(version.name);
  stored.manifest = {.name = version.name,
                     .number = version.number,
                     .issuer = version.issuer,
                     .spec = managed ? managed->spec : std::string(),
                     .spec_hash = version.spec_hash,
                     .fingerprint = version.certificate->text(),
                     .created = version.created,
                     .external_key = managed && managed->key_owner == inventory::KeyOwner::external,
                     .once = managed && managed->origin == kOnce,
                     .imported_from = version.imported_from};
  if (version.revoked_at && !signer_here(session, stored.chain.front()))
    stored.manifest.revoked = {*version.revoked_at,
                               version.revocation_reason.value_or(pki::RevocationReason::unspecified)};
  return stored;
}

std::optional<archive::Revoked> untold_revocation(Session& session, const inventory::VersionRecord& version) {
  if (!version.certificate) return std::nullopt;
  try {
    const auto manifest = session.archive.manifest(version.name, version.number);
    if (!manifest || !manifest->revoked || manifest->fingerprint != version.certificate->text()) return std::nullopt;
    const auto known = version.revocation_reason.value_or(pki::RevocationReason::unspecified);
    if (!version.revoked_at || pki::is_graver(manifest->revoked->reason, known)) return manifest->revoked;
  } catch (const base::Error& error) {
    if (error.fault() != base::Fault::corrupt) throw;  // what is damaged is written again
  }
  return std::nullopt;
}

base::Error revocations_lost(const std::string& state, const Name& authority) {
  return base::Error(base::Fault::corrupt,
                     "what it revoked was lost with the database: its crl.der is missing, damaged or too old",
                     fmt::format("put the newest CRL that it published at {}/{}/{}/{}; until then it signs none, but "
                                 "`everseal ca crl {} --accept-loss` lets it",
                                 state, authority::kAuthoritiesDirectory, authority, authority::kCrlFile, authority));
}

bool lacks_key(Session& session, const inventory::VersionRecord& version) {
  if (session.archive.standing(version.name, version.number).has_key) return false;
  const auto managed = session.managed.find(version.name);
  return version.has_key || (managed && managed->key_owner == inventory::KeyOwner::ours);
}

bool was_removed(Session& session, const Name& name) {
  return !session.managed.find(name) &&
         inventory::newest_action(session.store.database(), subject_of(name)) == kRemoved;
}

std::vector<Outcome> take_in_files(Session& session, std::string_view step, Leads leads,
                                   const std::function<bool(const Name&)>& removed) {
  Taking taking(session, step, leads);
  taking.authorities();
  taking.accounts();
  for (const Name& name : session.known_names())
    taking.attempt(subject_of(name), [&] {
      if (!removed(name))
        taking.certificate(name);
      else if (leads == Leads::files)
        taking.removed_certificate(name);
    });
  return std::move(taking).outcomes();
}

void take_in(Session& session, const archive::Version& version, const std::string& event, const Detail& detail) {
  const Time now = session.now();
  const Name& name = version.manifest.name;
  session.store.transaction([&] {
    session.certificates.add(version.chain, now);
    if (!session.managed.find(name)) session.managed.put(managed_record(version.manifest));
    session.versions.put(version_record(version));
    if (!event.empty()) session.events.add(event, subject_of(name), detail, now);
  });
}

}  // namespace everseal::reconcile
