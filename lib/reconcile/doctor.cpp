#include "reconcile/doctor.h"

#include "authority/ceremony.h"
#include "authority/crl.h"
#include "authority/files.h"
#include "authority/upkeep.h"
#include "base/error.h"
#include "base/ownership.h"
#include "base/shell.h"
#include "base/text.h"
#include "config/load.h"
#include "inventory/backup.h"
#include "inventory/clock.h"
#include "inventory/replace.h"
#include "inventory/state_directory.h"
#include "issuer/acme_ca.h"
#include "pki/chain.h"
#include "pki/crl.h"
#include "plan/certificate.h"
#include "reconcile/artifact.h"
#include "reconcile/facts.h"
#include "reconcile/hold.h"
#include "reconcile/kinds.h"
#include "reconcile/orphan.h"
#include "reconcile/reconcile.h"
#include "reconcile/take_in.h"
#include "sql/migration.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;

constexpr std::string_view kStore = "store";
constexpr const char* kMend = "everseal doctor --mend";
constexpr mode_t kOthers = 0077;
constexpr std::chrono::seconds kLongestPatience{10};

class Complaints {
 public:
  void add(Complaint complaint) { all_.push_back(std::move(complaint)); }
  // One that a command mends: "`COMMAND` does it".
  void add(std::string rule, std::string subject, std::string what, std::string command, std::string_view does) {
    add({.rule = std::move(rule),
         .subject = std::move(subject),
         .what = std::move(what),
         .remedy = fmt::format("`{}` {}", command, does),
         .command = std::move(command)});
  }

  // Runs one check; what it throws is a complaint like any other. That another run is busy is none.
  template <class Check>
  bool attempt(const std::string& rule, const std::string& subject, const std::string& remedy, Check check) {
    try {
      check();
      return true;
    } catch (const Error& error) {
      if (error.fault() == Fault::busy || error.fault() == Fault::cancelled) throw;
      add({.rule = rule,
           .subject = subject,
           .what = error.message(),
           .remedy = error.hint().empty() ? remedy : error.hint(),
           .command = {}});
      return false;
    }
  }

  bool empty() const noexcept { return all_.empty(); }
  bool has_of(std::string_view subject) const {
    return std::ranges::find(all_, subject, &Complaint::subject) != all_.end();
  }
  std::vector<Complaint> all() && { return std::move(all_); }

 private:
  std::vector<Complaint> all_;
};

// A look takes its time for who is at work.
base::FileLock wait_for_lock(Host host) {
  if (!host.wait) host.wait = kLongestPatience;
  return lock_reconciler(host);
}

std::optional<struct stat> status_of(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) return found;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  throw base::errno_error("look at", path);
}

// Does `path` belong to the state's owner, closed to all others? Links and what is missing are not asked.
bool is_private(const std::string& path) {
  const auto found = status_of(path);
  return !found || S_ISLNK(found->st_mode) || (found->st_uid == ::geteuid() && (found->st_mode & kOthers) == 0);
}

// One complaint for a file, or for a directory and what in it is not private.
void complain_of_access(Complaints& complaints, const std::string& subject, const std::string& path, bool secret) {
  const auto found = status_of(path);
  const std::string owner = base::user_name(::geteuid());
  std::string command;
  if (::geteuid() == 0) command = fmt::format("chown -R {} {} && ", base::shell_word(owner), base::shell_word(path));
  command += fmt::format("chmod -R go= {}", base::shell_word(path));
  std::string what = found && found->st_uid != ::geteuid()
                         ? fmt::format("{} belongs to {}", path, base::user_name(found->st_uid))
                         : fmt::format("others may read or change {}", path);
  complaints.add(
      secret ? "key-readable" : "access", subject, std::move(what), std::move(command),
      secret ? "closes it; whether others have read the key nobody can tell: what it certifies can be revoked with "
               "reason keyCompromise, and made anew"
             : "closes it");
}

void examine_access(const Host& host, Complaints& complaints) {
  const base::Directory state = base::Directory::open(host.state);
  for (const std::string& entry : state.list())
    if (entry.starts_with(inventory::kDatabase) && !is_private(fmt::format("{}/{}", host.state, entry)))
      complain_of_access(complaints, std::string(kStore), fmt::format("{}/{}", host.state, entry), false);
  for (const char* directory : {"accounts", "archive", "authorities", "backups", "crls", "live", "locks", "secrets"}) {
    const std::string path = fmt::format("{}/{}", host.state, directory);
    if (const auto found = status_of(path); found && !S_ISDIR(found->st_mode) && !S_ISLNK(found->st_mode))
      complaints.add("no-directory", std::string(kStore), fmt::format("{} is no directory", path),
                     fmt::format("mv {0} {0}.wrong", base::shell_word(path)), "puts it aside");
    else if (!is_private(path))
      complain_of_access(complaints, std::string(kStore), path, false);
  }
}

void examine_version_access(Session& session, const Name& name, Complaints& complaints) {
  const std::string path = fmt::format("{}/archive/{}", session.host.state, name);
  bool open = !is_private(path);
  bool key_open = false;
  for (const int number : session.archive.numbers(name)) {
    open = open || !is_private(fmt::format("{}/{}", path, number));
    const std::string key = fmt::format("{}/{}/privkey.pem", path, number);
    const auto found = status_of(key);
    key_open = key_open || (found && S_ISREG(found->st_mode) && !is_private(key));
  }
  if (open || key_open) complain_of_access(complaints, subject_of(name), path, key_open);
}

// The version that servers would use: live, or complete and about to be.
bool is_used(const inventory::VersionRecord& version) { return version.state == inventory::VersionState::live; }

std::string renewal(const Name& name) { return fmt::format("everseal renew --force {} && {}", name, kMend); }

bool is_clock_trusted(Session& session) {
  return inventory::judge_clock(session.store, session.now(), session.host.build_date, session.host.machine()).trusted;
}

struct KeyTrouble {
  std::string rule;
  std::string what;
};

// Of a key that is there.
std::optional<KeyTrouble> key_trouble(Session& session, const inventory::VersionRecord& version, const Stored& stored) {
  try {
    if (pki::key_matches(*session.archive.key(version.name, version.number), stored.chain.front())) return std::nullopt;
    return KeyTrouble{"key-mismatch", fmt::format("the key of version {} of {} does not match its certificate",
                                                  version.number, version.name)};
  } catch (const Error& error) {
    if (error.fault() == Fault::io) throw;
    return KeyTrouble{"key-unreadable", error.message()};
  }
}

// True where its key is wrong: then there is nothing to compare a deployment with.
bool examine_version(Session& session, const inventory::VersionRecord& version, Complaints& complaints) {
  const Name& name = version.name;
  const std::string subject = subject_of(name);
  const std::string directory = fmt::format("{}/archive/{}/{}", session.host.state, name, version.number);
  const auto found = status_of(directory);
  if (!found || !S_ISDIR(found->st_mode)) {
    if (!version.certificate) return false;  // it is being made
    if (is_used(version))
      complaints.add("version-lost", subject,
                     fmt::format("version {} of {} is in use, and {} is missing", version.number, name, directory),
                     renewal(name), "makes a new version");
    else if (version.has_key)
      complaints.add(
          "version-lost", subject,
          fmt::format("version {} of {} is gone from the archive, so nobody can go back to it: {} is missing",
                      version.number, name, directory),
          kMend, "records it");
    return false;
  }
  if (untold_revocation(session, version))
    complaints.add("revocation-unknown", subject,
                   fmt::format("the manifest.json of version {} of {} tells of a revocation that the database does not "
                               "know",
                               version.number, name),
                   kMend, "records it");
  // Where the clock is not believed that is the complaint.
  if (plan::is_live_ahead(version, session.now()) && is_clock_trusted(session))
    complaints.add("version-ahead", subject,
                   fmt::format("version {} of {} is in use and valid from {} on only: a clock that was ahead made it",
                               version.number, name, base::format_time(*version.not_before)),
                   renewal(name), "makes a new version");
  const Stored stored = stored_version(session, version);
  if (!stored.chain.empty()) {
    const auto damaged = session.archive.damage(stored.manifest, stored.chain);
    if (!damaged.empty())
      complaints.add(
          "version-damaged", subject,
          fmt::format("{} of version {} of {} is missing or damaged", base::join(damaged, ", "), version.number, name),
          kMend, "writes it again");
  }
  const bool has_key = session.archive.standing(name, version.number).has_key;
  // Of a removal that is to destroy the keys, and has not recorded yet which are gone.
  const auto removal = session.intents.open_removal(name);
  const bool is_lost = is_used(version) ? lacks_key(session, version) : version.has_key && !has_key;
  if (is_lost && !(removal && removal->delete_keys))
    complaints.add(
        "key-lost", subject, fmt::format("the private key of version {} of {} is missing", version.number, name),
        is_used(version) ? renewal(name) : kMend, is_used(version) ? "makes a new version" : "records that it is gone");
  if (has_key && !version.has_key && version.certificate)
    complaints.add("key-unknown", subject,
                   fmt::format("the private key of version {} of {} is in the archive, and the database knows of none",
                               version.number, name),
                   kMend, "records it");
  if (!has_key || stored.chain.empty()) return false;
  const std::string key = fmt::format("{}/privkey.pem", directory);
  const std::string away = fmt::format("mv {} {}.wrong && {}", base::shell_word(key), base::shell_word(key),
                                       is_used(version) ? renewal(name) : kMend);
  auto trouble = key_trouble(session, version, stored);
  if (!trouble) return false;
  complaints.add(trouble->rule, subject, std::move(trouble->what), away, "puts it aside");
  return true;
}

std::optional<Time> last_removal(Session& session, const Name& name) {
  std::optional<Time> removed;
  session.events.each({.subject = subject_of(name)}, [&](const inventory::EventRecord& event) {
    if (event.action == kRemoved) removed = event.when;
  });
  return removed;
}

void examine_unknown_versions(Session& session, const Name& name, Complaints& complaints) {
  if (was_removed(session, name)) return;
  const std::vector<int> numbers = session.archive.numbers(name);
  if (numbers.empty()) return;
  const int removed_through = session.archive.removed_through(name);
  for (const int number : numbers) {
    if (number <= removed_through || session.versions.find(name, number)) continue;
    complaints.attempt("version-unreadable", subject_of(name), "", [&] {
      std::optional<archive::Version> version;
      try {
        version = session.archive.read(name, number);
      } catch (const Error& error) {
        if (error.fault() != Fault::corrupt) throw;
        const std::string parent = fmt::format("{}/archive/{}", session.host.state, name);
        return complaints.add("version-unreadable", subject_of(name), error.message(),
                              fmt::format("mv {0}/{1} {0}/.{1}.wrong", base::shell_word(parent), number),
                              "puts it aside");
      }
      // A removal leaves what is in the archive, and the name may have come back since.
      const auto removed = last_removal(session, name);
      if (removed && version && version->manifest.created <= *removed) return;
      complaints.add("version-unknown", subject_of(name),
                     fmt::format("version {} of {} lies in the archive and is not in the database", number, name),
                     kMend, "takes it in");
    });
  }
}

void examine_live_link(Session& session, const Name& name, Complaints& complaints) {
  using archive::LiveLink;
  const auto live = session.versions.live(name);
  const LiveLink link = session.archive.live_link(name);
  const std::string path = session.archive.live_path(name);
  const auto complain = [&](const char* rule, std::string what) {
    complaints.add(rule, subject_of(name), std::move(what), kMend, "puts it right");
  };
  if (link.kind == LiveLink::Kind::no_link)
    return complain("live-not-a-link", fmt::format("{} is no symbolic link", path));
  if (link.kind == LiveLink::Kind::elsewhere)
    return complain("live-link-elsewhere",
                    fmt::format("{} leads to {}, which is no version", path, base::printable(link.target)));
  if (!live) {
    if (link.number && session.versions.find(name, *link.number) &&
        session.archive.standing(name, *link.number).complete)
      complain("live-link-wrong",
               fmt::format("{} leads to version {}, which the database does not have in use", path, *link.number));
    return;
  }
  // Where the version itself is lost, or its key, that is the complaint.
  if (!session.archive.standing(name, live->number).complete || lacks_key(session, *live)) return;
  if (link.kind == LiveLink::Kind::missing)
    complain("live-link-missing",
             fmt::format("version {} of {} is in use, and {} is missing", live->number, name, path));
  else if (link.number != live->number)
    complain("live-link-wrong", fmt::format("version {} of {} is in use, and {} leads to version {}", live->number,
                                            name, path, *link.number));
}

// "mkdir -p DIR && " where that of `paths` is gone: a deployment makes none of its own accord.
std::string made_for(const std::vector<std::string>& paths) {
  const std::string directory =
      paths.empty() ? std::string() : std::filesystem::path(paths.front()).parent_path().string();
  return directory.empty() || status_of(directory) ? std::string()
                                                   : fmt::format("mkdir -p {} && ", base::shell_word(directory));
}

// What stands at one target, against what was deployed there.
void examine_target(Session& session, Deployable& artifact, const config::Deployment& target, std::string command,
                    Complaints& complaints) {
  const auto record = session.deployments.find(artifact.kind(), artifact.name(), target.name);
  if (!record || !record->current) return;
  complaints.attempt("deployment-unreadable", artifact.subject(), "", [&] {
    artifact.with(*record->current, [&](const deploy::Artifact& made) {
      const auto place = open_target(target, artifact.name());
      const auto differences = place->differences(made);
      if (differences.empty()) return;
      command = made_for(place->paths()) + command;
      complaints.add(
          "deployment-differs", artifact.subject(),
          fmt::format("{} at the target {}: {}", artifact.name(), target.name, base::join(differences, "; ")),
          std::move(command), "deploys again");
    });
  });
}

void examine_deployments(Session& session, const Name& name, Complaints& complaints) {
  const auto managed = session.managed.find(name);
  if (!managed || managed->orphaned || session.intents.open_removal(name)) return;
  const config::Certificate wanted = config::from_normal_form(managed->spec, config_kinds({}));
  const auto live = session.versions.live(name);
  // Without its version there is nothing to compare with.
  if (!live) return;
  const archive::Standing standing = session.archive.standing(name, live->number);
  if (!standing.complete || standing.has_key != live->has_key || lacks_key(session, *live)) return;
  const auto artifact = certificate_artifact(session, name);
  for (const config::Deployment& target : wanted.deployments) {
    const auto record = session.deployments.find(artifact->kind(), name, target.name);
    if (record && record->current == live->number)
      examine_target(session, *artifact, target, trying_again(session.store, name), complaints);
  }
}

// What nobody proved of a sound state: `list` calls it unverified, and `plan` shows the same steps.
void tell_open_deployments(const plan::CertificateFacts& facts, Time now, Complaints& complaints) {
  const Name& name = facts.wanted.name;
  for (const auto& step : plan::decide(facts, now).steps) {
    const auto* const action = std::get_if<plan::DeploymentAction>(&step.action);
    if (action == nullptr || std::holds_alternative<plan::Retire>(*action)) continue;
    complaints.add({.rule = "deployment-open",
                    .severity = Severity::warning,
                    .subject = subject_of(name),
                    .what = fmt::format("{} is not proved to be served: {}", name, step.why.front().text),
                    .remedy = fmt::format("`everseal renew {}` goes on with it", name),
                    .command = fmt::format("everseal renew {}", name)});
  }
}

void examine_certificate(Session& session, const Name& name, Complaints& complaints) {
  const std::string path = fmt::format("{}/archive/{}", session.host.state, name);
  if (const auto found = status_of(path); found && !S_ISDIR(found->st_mode) && !S_ISLNK(found->st_mode))
    return complaints.add("no-directory", subject_of(name),
                          fmt::format("{} is no directory, and the versions of {} belong there", path, name),
                          fmt::format("mv {0} {0}.wrong && {1}", base::shell_word(path), renewal(name)),
                          "makes a new version; or put the directory back");
  examine_version_access(session, name, complaints);
  bool key_in_use_is_wrong = false;
  for (const inventory::VersionRecord& version : session.versions.of(name))
    complaints.attempt("version-unreadable", subject_of(name), "restore it from a backup", [&] {
      if (examine_version(session, version, complaints) && is_used(version)) key_in_use_is_wrong = true;
    });
  examine_unknown_versions(session, name, complaints);
  examine_live_link(session, name, complaints);
  if (!key_in_use_is_wrong) examine_deployments(session, name, complaints);
  // What a run would put right for another reason than these.
  if (complaints.has_of(subject_of(name)) || !session.managed.find(name) || session.intents.open_removal(name)) return;
  const plan::CertificateFacts facts = certificate_facts(session, name);
  if (std::string loss = plan::loss(facts, session.now()); !loss.empty())
    return complaints.add("not-as-planned", subject_of(name), fmt::format("{}: {}", name, loss), "everseal renew",
                          "sees to it");
  tell_open_deployments(facts, session.now(), complaints);
}

void examine_certificates(Session& session, Complaints& complaints) {
  for (const Name& name : session.known_names())
    complaints.attempt("certificate-unreadable", subject_of(name), "`everseal doctor --rebuild` recreates the database",
                       [&] { examine_certificate(session, name, complaints); });
}

void examine_crl(Session& session, const Name& name, Complaints& complaints) {
  const std::string path = fmt::format("{}/authorities/{}/{}", session.host.state, name, authority::kCrlFile);
  const auto complain = [&](const char* rule, std::string what) {
    complaints.add(rule, authority_subject(name), std::move(what), fmt::format("everseal ca crl {}", name),
                   "signs a new one");
  };
  if (authority::lacks_revocations(session.store, name)) {
    const Error error = revocations_lost(session.host.state, name);
    return complaints.add({.rule = "revocations-lost",
                           .subject = authority_subject(name),
                           .what = fmt::format("authority {}: {}", name, error.message()),
                           .remedy = error.hint(),
                           .command = {}});
  }
  const auto found = status_of(path);
  if (!found) return complain("crl-missing", fmt::format("{} is missing", path));
  if (!S_ISREG(found->st_mode)) return complain("crl-not-a-file", fmt::format("{} is no regular file", path));
  const auto bytes = base::Directory::open(path.substr(0, path.rfind('/'))).read(authority::kCrlFile, pki::kLargestCrl);
  if (!bytes) return complain("crl-missing", fmt::format("{} is missing", path));
  try {
    const pki::Crl crl = pki::Crl::parse(*bytes);
    for (const auto& signer : session.authority_rows.certificates(name)) {
      const pki::Certificate certificate = pki::Certificate::parse(signer.der);
      if (signer.role != inventory::AuthorityRole::intermediate || !pki::is_signed_by(crl, certificate)) continue;
      const auto newest = session.authority_rows.newest_crl(name, signer.generation);
      if (newest && !crl.number)
        complain("crl-without-number", fmt::format("{} has no number, or one beyond 2^63", path));
      else if (crl.number > authority::kLargestFollowed)
        complain(
            "crl-unknown",
            fmt::format("{} is CRL {}, which was not signed here and is beyond the largest number that is followed: "
                        "clients that saw it may refuse the next ones",
                        path, *crl.number));
      else if (newest && *crl.number > newest->number)
        complain("crl-unknown", fmt::format("{} is CRL {}, which is not known here: CRL {} was signed last", path,
                                            *crl.number, newest->number));
      else if (newest && *crl.number < newest->number)
        complain("crl-old", fmt::format("{} is CRL {}, and CRL {} was signed", path, *crl.number, newest->number));
      else if (crl.this_update > session.now())
        complain("crl-ahead", fmt::format("{} begins {}: it was signed under a clock that was ahead, and is refused "
                                          "until then",
                                          path, base::format_time(crl.this_update)));
      else if (crl.next_update && *crl.next_update <= session.now() && session.now() < certificate.not_after())
        complain("crl-ended", fmt::format("{} ended {}", path, base::format_time(*crl.next_update)));
      return;
    }
    complain("crl-foreign", fmt::format("{} was signed by another CA", path));
  } catch (const Error& error) {
    if (error.fault() != Fault::invalid) throw;
    complain("crl-damaged", fmt::format("{}: {}", path, base::printable(error.message())));
  }
}

void examine_authority_access(const Host& host, const Name& name, Complaints& complaints) {
  const std::string path = fmt::format("{}/authorities/{}", host.state, name);
  const auto directory = base::Directory::open_if_exists(path);
  if (!directory) return;
  if (!is_private(path)) return complain_of_access(complaints, authority_subject(name), path, true);
  for (const std::string& entry : directory->list()) {
    const std::string file = fmt::format("{}/{}", path, entry);
    if ((entry.ends_with(".key.pem") || entry == authority::kRootPassphraseFile) && !is_private(file))
      complain_of_access(complaints, authority_subject(name), file, true);
  }
}

void examine_authority_files(Session& session, const Name& name, Complaints& complaints) {
  for (const authority::FileTrouble& trouble : authority::file_troubles(session.store, name)) {
    Complaint complaint{.rule = "authority-file",
                        .subject = authority_subject(name),
                        .what = fmt::format("{} of authority {} {}", trouble.file, name, trouble.what),
                        .remedy = "compare it with a backup: which of the two is right a person has to judge",
                        .command = {}};
    if (!trouble.text.empty()) {
      complaint.remedy = fmt::format("`{}` writes it again", kMend);
      complaint.command = kMend;
    }
    complaints.add(std::move(complaint));
  }
}

// True where it is over. A person sees to what it signed; nothing of the state is wrong for that.
bool tell_end(Session& session, const Name& name, Complaints& complaints) {
  const auto ends = authority_facts(session, name).ends;
  if (!ends || *ends > session.now()) return false;
  complaints.add({.rule = "authority-ended",
                  .severity = Severity::warning,
                  .subject = authority_subject(name),
                  .what = fmt::format("the certificate of authority {} ended {}: nothing that it signed is trusted",
                                      name, base::format_time(*ends)),
                  .remedy = std::string(plan::kAnotherAuthority),
                  .command = {}});
  return true;
}

void examine_authorities(Session& session, Complaints& complaints) {
  for (const inventory::AuthorityRecord& record : session.authority_rows.all()) {
    const Name& name = record.name;
    const std::string subject = authority_subject(name);
    examine_authority_access(session.host, name, complaints);
    complaints.attempt("authority-unreadable", subject, "",
                       [&] { examine_authority_files(session, name, complaints); });
    if (session.authority_rows.certificates(name).empty()) {
      complaints.add({.rule = "authority-pending",
                      .severity = Severity::warning,
                      .subject = subject,
                      .what = fmt::format("authority {} waits for its intermediate", name),
                      .remedy = "have its intermediate.csr.pem signed, then `everseal ca import` brings the chain",
                      .command = {}});
      continue;
    }
    if (tell_end(session, name, complaints)) continue;
    if (!complaints.attempt("authority-unusable", subject, "check its directory and its passphrase_file",
                            [&] { session.authority(name).require_valid(session.now()); }))
      continue;
    complaints.attempt("crl-unreadable", subject, "", [&] { examine_crl(session, name, complaints); });
    const auto configured = session.config.authorities.find(name);
    if (configured == session.config.authorities.end()) continue;
    const auto artifact = authority_artifact(session, name);
    const auto newest = session.authority_rows.newest_crl(name);
    for (const config::Deployment& target : configured->second.publish) {
      const auto published = session.deployments.find(artifact->kind(), name, target.name);
      if (newest && published && published->current &&
          *published->current != static_cast<std::int64_t>(newest->number)) {
        complaints.add("crl-not-published", subject,
                       fmt::format("{} at the target {}: CRL {} stands there, and CRL {} was signed{}", name,
                                   target.name, *published->current, newest->number,
                                   published->problem.empty() ? "" : ": " + published->problem),
                       fmt::format("everseal ca crl {}", name), "signs a new one and publishes it");
        continue;
      }
      examine_target(session, *artifact, target, fmt::format("everseal ca crl {}", name), complaints);
    }
  }
  const auto directory = base::Directory::open_if_exists(session.host.state + "/authorities");
  for (const std::string& entry : directory ? directory->list() : std::vector<std::string>())
    if (Name::is_valid(entry) && !session.authority_rows.find(Name::parse(entry)))
      complaints.attempt("authority-incomplete", "authority/" + entry, "", [&] {
        authority::require_whole(directory->subdirectory(entry));
        complaints.add("authority-unknown", "authority/" + entry,
                       fmt::format("{}/{} is not in the database", directory->path(), entry), kMend, "takes it in");
      });
}

// A database that was lost does not know an authority whose directory is gone as well: only what it signed still names
// it. One that is made anew by that name can neither revoke that nor be trusted for it.
void tell_lost_authorities(Session& session, Complaints& complaints) {
  std::map<Name, std::vector<std::string>> signed_by;
  for (const inventory::ManagedRecord& managed : session.managed.all())
    if (const auto live = session.versions.live(managed.name); live && live->not_after > session.now())
      signed_by[live->issuer].push_back(managed.name.text());
  for (const auto& [issuer, names] : signed_by) {
    const std::string path = authority::authority_path(session.store, issuer);
    if (session.config.issuers.contains(issuer) || session.config.unusable.contains("issuer/" + issuer.text()) ||
        session.authority_rows.find(issuer) || status_of(path))
      continue;
    complaints.add({.rule = "authority-lost",
                    .severity = Severity::warning,
                    .subject = authority_subject(issuer),
                    .what = fmt::format("{} {} signed by {}, which is no issuer of the config, and {} is missing",
                                        base::join(names, ", "), names.size() == 1 ? "is" : "are", issuer, path),
                    .remedy = fmt::format("where it was an authority of this host, bring that directory back from a "
                                          "backup and then `{}`: another one of that name can revoke nothing of it",
                                          kMend),
                    .command = {}});
  }
}

void examine_accounts(Session& session, Complaints& complaints) {
  using issuer::AcmeEndpoint;
  for (const auto& [name, issuer] : session.config.issuers) {
    if (issuer.type != issuer::kAcme) continue;
    for (const AcmeEndpoint endpoint : {AcmeEndpoint::production, AcmeEndpoint::staging}) {
      if (endpoint == AcmeEndpoint::staging && !issuer.options.has("staging")) continue;
      complaints.attempt("account-key", "account/" + name.text(), "",
                         [&] { issuer::AcmeCa(name, issuer.options, session.surroundings(), endpoint).require_key(); });
    }
  }
}

// Somebody may take them for the config. `told` are named as where an orphan's table stands.
void tell_not_read(const Host& host, const std::set<std::string>& told, Complaints& complaints) {
  for (const base::Problem& one : config::not_read(host.files, host.state))
    if (!told.contains(one.origin.file))
      complaints.add({.rule = "config-not-read",
                      .severity = Severity::warning,
                      .subject = std::string(kStore),
                      .what = without_hint(one),
                      .remedy = one.hint,
                      .command = {}});
}

bool is_failing(const inventory::DeploymentRecord& record) {
  return record.state == inventory::DeploymentState::failed || record.state == inventory::DeploymentState::unverified;
}

std::string made_for(const inventory::ManagedRecord& managed, const Name& target) {
  for (const config::Deployment& wanted : config::from_normal_form(managed.spec, config_kinds({})).deployments)
    if (wanted.name == target) return made_for(open_target(wanted, managed.name)->paths());
  return {};
}

// What is recorded as failing or as left over: the state is sound, and somebody has to act. `files` that still have an
// orphan's table are named here.
void tell_standing(Session& session, std::set<std::string>& files, Complaints& complaints) {
  const auto warn = [&](const char* rule, const std::string& subject, std::string what, std::string remedy) {
    complaints.add({.rule = rule,
                    .severity = Severity::warning,
                    .subject = subject,
                    .what = std::move(what),
                    .remedy = std::move(remedy),
                    .command = {}});
  };
  const auto tell_attempts = [&](const std::string& subject) {
    for (const inventory::AttemptRecord& attempt : session.attempts.of(subject))
      warn(attempt.needs_operator ? "needs-operator" : "failing", subject,
           fmt::format("{} failed {} time(s): {}", describe(attempt), attempt.count, attempt.problem),
           attempt.needs_operator ? "it is not tried again before somebody acts; `everseal plan` says what to do"
                                  : "`everseal plan` says when it is tried again");
  };
  std::optional<Untaken> untaken;
  for (const inventory::ManagedRecord& managed : session.managed.all()) {
    const std::string subject = subject_of(managed.name);
    const auto removal = session.intents.open_removal(managed.name);
    if (removal)
      warn("removal-open", subject, fmt::format("{} is being removed: {}", managed.name, asked_by(*removal)),
           fmt::format("`everseal renew {0}` goes on with it, `everseal remove {0} --cancel` withdraws it",
                       managed.name));
    else if (managed.orphaned) {
      if (!untaken) untaken = look_at_config(session.host, session.store);
      const Orphan how = orphan_of(session.host, session.store, managed, *untaken);
      if (how.file) files.insert(*how.file);
      warn("orphaned", subject, fmt::format("{} {}, so nothing renews it", managed.name, how.what), how.remedy);
    }
    if (managed.pinned)
      if (const auto held = plan::held(certificate_facts(session, managed.name), session.now());
          held && !held->is_in_use)
        warn("hold-lost", subject, held->text, fmt::format("`everseal rollback {} --cancel` forgets it", managed.name));
    tell_attempts(subject);
    for (const inventory::DeploymentRecord& record :
         session.deployments.of(inventory::ArtifactKind::version, managed.name))
      if (is_failing(record))
        warn("deployment-failing", subject, fmt::format("{}: {}", record.target, record.problem),
             removal ? fmt::format("`everseal renew {}` tries again", managed.name)
                     : fmt::format("`{}{}` tries again", made_for(managed, record.target),
                                   trying_again(session.store, managed.name)));
  }
  for (const inventory::AuthorityRecord& record : session.authority_rows.all()) {
    const std::string subject = authority_subject(record.name);
    // Where it is missing that is the complaint.
    if (authority::missing_to_sign(session.store, record.name).empty()) tell_attempts(subject);
    for (const inventory::DeploymentRecord& published :
         session.deployments.of(inventory::ArtifactKind::crl, record.name))
      if (is_failing(published) && !published.current)
        warn("deployment-failing", subject, fmt::format("{}: {}", published.target, published.problem),
             "`everseal plan` says when it is tried again");
  }
}

// The heads of the history that the newest daily copy has, unless another database came since.
std::vector<inventory::Anchor> anchors_of(Session& session) {
  const auto copy = inventory::newest_daily_copy(session.host.state);
  const auto found = copy ? status_of(*copy) : std::nullopt;
  if (!found) return {};
  std::optional<Time> replaced;
  session.events.each({.subject = std::string(kStore)}, [&](const inventory::EventRecord& event) {
    if (event.action == "store.restored" || event.action == "store.rebuilt") replaced = event.when;
  });
  if (replaced && *replaced >= base::from_unix(found->st_mtime)) return {};
  auto database = sql::open(*copy, sql::Access::read_only);
  // Made before an update, which may have changed what a chain is.
  if (sql::schema_version(*database) != sql::newest_schema_version()) return {};
  auto store = inventory::Store::over(session.host.state, std::move(database));
  const auto heads = inventory::Events(store).heads();
  return {heads.begin(), heads.end()};
}

void examine_history(Session& session, Complaints& complaints) {
  std::vector<inventory::Anchor> anchors;
  complaints.attempt("copy-unreadable", std::string(kStore),
                     "remove it; the next run that changes something makes another",
                     [&] { anchors = anchors_of(session); });
  const inventory::HistoryVerdict history = session.events.verify(anchors);
  if (!history.intact())
    complaints.add({.rule = "history",
                    .subject = std::string(kStore),
                    .what = "the history is not what it was: " + history.problem(),
                    .remedy = "compare it with a backup",
                    .command = {}});
}

void examine_clock(Session& session, Complaints& complaints) {
  const auto clock =
      inventory::judge_clock(session.store, session.now(), session.host.build_date, session.host.machine());
  if (clock.trusted) return;
  const Error error = inventory::untrusted_clock(clock);
  complaints.add({.rule = "clock",
                  .subject = std::string(kStore),
                  .what = error.message() + "; no certificate is signed or ordered while it is not believed",
                  .remedy = error.hint(),
                  .command = {}});
}

// What killed runs left. Beside the archive's, which goes with the rest of what it sweeps.
void sweep(const std::string& path) {
  const base::Directory state = base::Directory::open(path);
  inventory::sweep_incoming(state);
  inventory::sweep_backups(path);
  state.sweep_temporaries();
  for (const char* const folder : {"authorities", "accounts"})
    if (const auto directory = state.subdirectory_if_exists(folder))
      for (const std::string& entry : directory->list())
        if (directory->has_directory(entry)) directory->subdirectory(entry).sweep_temporaries();
}

// A disk that is full or read-only keeps nobody from looking at what is on it; that it is, is a complaint.
std::optional<inventory::Store> open_to_look(const Host& host, const std::string& recovery, Complaints& complaints) {
  std::optional<inventory::Store> store;
  const auto open = [&](sql::Access access) { store.emplace(open_store(host, access)); };
  try {
    open(sql::Access::read_write);
    store->prove_writable(host.clock());
    return store;
  } catch (const Error& error) {
    if (error.fault() == Fault::busy || error.fault() == Fault::cancelled) throw;
    store.reset();
    try {
      if (error.fault() == Fault::io) open(sql::Access::read_only);
    } catch (const Error&) {
      // What keeps it from being written is what is told.
    }
    complaints.add({.rule = store ? "not-writable" : "database",
                    .subject = std::string(kStore),
                    .what = error.message(),
                    .remedy = error.hint().empty() ? recovery : error.hint(),
                    .command = {}});
    return store;
  }
}

}  // namespace

std::string_view to_string(Severity severity) noexcept { return severity == Severity::error ? "error" : "warning"; }

std::vector<Complaint> examine(const Host& host) {
  const std::string store_subject(kStore);
  Complaints complaints;
  for (const inventory::Misplaced& one : inventory::misplaced(host.state))
    complaints.add({.rule = one.is_link ? "directory-linked" : "no-directory",
                    .subject = store_subject,
                    .what = one.what,
                    .remedy = one.remedy,
                    .command = one.command});
  if (!complaints.empty()) return std::move(complaints).all();
  std::optional<base::FileLock> lock;
  if (!complaints.attempt("state", store_subject, "", [&] { lock = wait_for_lock(host); }))
    return std::move(complaints).all();
  host.keys->drop_all();  // those on the disk are looked at
  complaints.attempt("state", store_subject, "", [&] { sweep(host.state); });
  complaints.attempt("state", store_subject, "", [&] { examine_access(host, complaints); });
  const std::string recovery =
      "`everseal doctor --rebuild` recreates the database, `everseal restore FILE` takes a backup";
  std::optional<inventory::Store> store = open_to_look(host, recovery, complaints);
  if (!store) return std::move(complaints).all();
  config::Config config;
  complaints.attempt("config", store_subject, "`everseal config check` says where", [&] {
    base::Problems problems;
    config = read_config(host.files, *store, problems);
    for (const base::Problem& problem : problems)
      complaints.add({.rule = "config",
                      .subject = store_subject,
                      .what = without_hint(problem),
                      .remedy = problem.hint.empty() ? "`everseal config check` looks at it again" : problem.hint,
                      .command = {}});
  });
  std::set<std::string> told;
  complaints.attempt("database", store_subject, recovery, [&] {
    Session session(host, config, *store);
    store->database().check_integrity();
    complaints.attempt("not-writable", store_subject, "", [&] { session.archive.sweep(); });
    examine_history(session, complaints);
    examine_clock(session, complaints);
    examine_certificates(session, complaints);
    examine_authorities(session, complaints);
    tell_lost_authorities(session, complaints);
    examine_accounts(session, complaints);
    tell_standing(session, told, complaints);
  });
  complaints.attempt("config", store_subject, "", [&] { tell_not_read(host, told, complaints); });
  return std::move(complaints).all();
}

}  // namespace everseal::reconcile
