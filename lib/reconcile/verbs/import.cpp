#include "reconcile/verbs/import.h"

#include "acme/order.h"
#include "base/error.h"
#include "base/text.h"
#include "config/fragment.h"
#include "importer/foreign_files.h"
#include "importer/references.h"
#include "inventory/accounts.h"
#include "issuer/acme_ca.h"
#include "reconcile/kinds.h"
#include "reconcile/reconcile.h"
#include "reconcile/steps.h"
#include "reconcile/take_in.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;
using importer::Account;
using importer::Lineage;
using importer::Remark;

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

// The first of NAME, NAME-2, NAME-3, ... that is free.
Name free_name(const std::string& wanted, const std::function<bool(const Name&)>& is_taken) {
  Name name = Name::parse(wanted);
  for (int i = 2; is_taken(name); ++i) {
    const std::string end = fmt::format("-{}", i);
    name = Name::parse(wanted.substr(0, Name::kLongest - end.size()) + end);
  }
  return name;
}

std::vector<pki::Identifier> identifiers_of(const pki::Certificate& leaf) {
  std::vector<pki::Identifier> identifiers;
  for (const pki::GeneralName& name : leaf.names()) {
    const auto identifier = pki::to_identifier(name);
    if (!identifier)
      throw Error(Fault::invalid,
                  fmt::format("its name {} is none that can be asked for", base::printable(name.value)));
    identifiers.push_back(*identifier);
  }
  if (identifiers.empty()) throw Error(Fault::invalid, "it has no subject alternative name");
  return identifiers;
}

// What is wrong elsewhere in the config is for `renew` and `config check` to say.
config::Config everything(const Host& host, inventory::Store& store) {
  base::Problems elsewhere;
  return read_config(host.files, store, elsewhere);
}

class Takeover {
 public:
  Takeover(const Host& host, const ImportRequest& request, importer::Found& found, ImportReport& report)
      : host_(host),
        request_(request),
        found_(found),
        report_(report),
        run_(host),
        kinds_(config_kinds(authority_names(run_.store))),
        config_(everything(host, run_.store)),
        draft_(host.files, kinds_) {}

  void take_all() {
    if (request_.issuer) require_fitting(*request_.issuer);
    for (std::size_t i = 0; i < found_.accounts.size(); ++i) {
      if (host_.stop.stop_requested()) throw Error(Fault::cancelled, "stopped; doing it again goes on from there");
      if (is_used(i))
        alone("account/" + found_.accounts[i].label, [&] { take_account(i); });
      else
        leave(found_.accounts[i].label, "no certificate uses this account, so it is not taken over");
    }
    for (Lineage& lineage : found_.lineages) {
      if (host_.stop.stop_requested()) throw Error(Fault::cancelled, "stopped; doing it again goes on from there");
      alone(subject_of(lineage), [&] { take_lineage(lineage); });
    }
    write_config();
    for (const Taken& one : taken_) alone(reconcile::subject_of(one.name), [&] { finish(one); });
    for (const Remark& remark : found_.remarks)
      if (remark.kind == Remark::Kind::unreadable) add(remark.subject, {}, Result::failed, remark.text);
    std::ranges::stable_sort(report_.verdict.outcomes, {}, &Outcome::subject);
  }

 private:
  // A certificate that is here, but for what the config says of it.
  struct Taken {
    Name name;
    int number = 0;  // of its version
    std::string issuer;
    std::string what;
  };

  void leave(std::string subject, std::string text, std::string advice = {}) {
    report_.remarks.push_back({Remark::Kind::left, std::move(subject), std::move(text), std::move(advice)});
  }

  void add(std::string subject, std::string target, Result result, std::string text) {
    report_.verdict.outcomes.push_back({std::move(subject), std::move(target), "import", result, std::move(text)});
  }

  void alone(const std::string& subject, const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      if (error.fault() == Fault::cancelled) throw;
      add(subject, {}, Result::failed, error.text());
    }
  }

  // By the client's name where it has none here.
  static std::string subject_of(const Lineage& lineage) {
    try {
      return reconcile::subject_of(Name::made_of(lineage.label));
    } catch (const Error&) {
      return "certificate/" + lineage.label;
    }
  }

  bool is_used(std::size_t account) const {
    return std::ranges::find(found_.lineages, std::optional(account), &Lineage::account) != found_.lineages.end();
  }

  // Who only looks has none, as it makes directories.
  Session& session() {
    if (!session_) session_.emplace(host_, config_, run_.store);
    return *session_;
  }

  bool is_looking() const { return request_.mode == ImportMode::look; }

  const config::Issuer& require_acme(const Name& name) {
    const auto issuer = config_.issuers.find(name);
    if (issuer == config_.issuers.end() || issuer->second.type != issuer::kAcme)
      throw Error(Fault::config, fmt::format("there is no issuer {} of type acme", name),
                  "write an [issuer.NAME] first, or leave --issuer out: one is made");
    return issuer->second;
  }

  static bool is_at(const config::Issuer& issuer, const importer::Server& server) {
    if (issuer.type != issuer::kAcme) return false;
    const std::string directory = issuer.options.string("directory");
    return server.directory.empty() ? importer::authority_of(directory) == server.authority
                                    : directory == server.directory;
  }

  void require_fitting(const Name& name) {
    const config::Issuer& issuer = require_acme(name);
    const auto fits = [&](const auto& one) { return is_at(issuer, one.server); };
    if (!found_.lineages.empty() && std::ranges::none_of(found_.lineages, fits) &&
        std::ranges::none_of(found_.accounts, fits))
      throw Error(Fault::config,
                  fmt::format("nothing of {} is of the CA of issuer {}, {}", request_.kind->name, name,
                              base::printable(issuer.options.string("directory"))),
                  "name another issuer, or leave --issuer out: one is made");
  }

  // Has an account chosen it in this run?
  bool is_chosen(const Name& issuer) const {
    return std::ranges::any_of(issuers_, [&](const auto& chosen) { return chosen.second == issuer; });
  }

  // No account is there, or this one.
  bool is_free_for(const Name& issuer, const std::string& directory, const Account& account) {
    if (is_chosen(issuer)) return false;
    const auto ours = inventory::Accounts(run_.store).find(issuer, directory);
    if (!ours) return true;
    const auto key = issuer::AcmeCa::key_of(host_.state, *ours);
    if (key && key->public_key_info() == account.key.public_key_info()) return true;
    return ours->url.empty() ? !key : ours->url == account.url;
  }

  std::optional<Name> present_issuer(const Account& account) {
    if (request_.issuer && is_at(require_acme(*request_.issuer), account.server)) return *request_.issuer;
    for (const auto& [name, issuer] : config_.issuers)
      if (is_at(issuer, account.server) && is_free_for(name, issuer.options.string("directory"), account)) return name;
    return std::nullopt;
  }

  config::Fragment new_issuer(const Account& account) {
    const importer::Server& server = account.server;
    if (server.directory.empty())
      throw Error(Fault::config,
                  fmt::format("nothing tells the directory of its CA{}",
                              server.authority.empty() ? "" : " at " + base::printable(server.authority)),
                  "write an [issuer.NAME] with it into the config, then import again");
    const std::vector<Name>& authorities = kinds_.known_authorities;
    config::Fragment issuer{"issuer",
                            free_name(usual_name(server),
                                      [&](const Name& one) {
                                        return config_.issuers.contains(one) || !draft_.is_free({"issuer", one, {}}) ||
                                               !is_free_for(one, server.directory, account) ||
                                               std::ranges::find(authorities, one) != authorities.end();
                                      }),
                            {}};
    issuer.options.emplace_back("type", base::text_value(std::string(issuer::kAcme)));
    issuer.options.emplace_back("directory", base::text_value(server.directory));
    if (!account.contact.empty()) issuer.options.emplace_back("contact", base::list_value(account.contact));
    const std::string& trust = request_.ca_file.empty() ? account.ca_file : request_.ca_file;
    if (!trust.empty()) issuer.options.emplace_back("ca_file", base::text_value(trust));
    return issuer;
  }

  // Is written at the end, with all others; `part` is what the config gets by it.
  void keep(const config::Fragment& fragment, config::Config part) {
    draft_.add(fragment);
    config_.issuers.merge(part.issuers);
    config_.challenges.merge(part.challenges);
    config_.certificates.merge(part.certificates);
  }

  void take_account(std::size_t index) {
    const Account& account = found_.accounts[index];
    if (const auto present = present_issuer(account)) return adopt(index, config_.issuers.at(*present));
    const config::Fragment fragment = new_issuer(account);
    config::Config part = draft_.read(fragment);
    adopt(index, part.issuers.at(fragment.name));
    keep(fragment, std::move(part));
  }

  void adopt(std::size_t index, const config::Issuer& issuer) {
    const Account& account = found_.accounts[index];
    std::string text;
    if (is_looking()) {
      text = fmt::format("account {} would become that of the issuer {}",
                         account.url.empty() ? account.label : base::printable(account.url), issuer.name);
    } else {
      issuer::AcmeCa ca(issuer.name, issuer.options, session().surroundings());
      const inventory::AccountRecord ours = ca.adopt(account.key, account.url, host_.stop);
      text = fmt::format("account {} is that of the issuer {} now", base::printable(ours.url), issuer.name);
    }
    issuers_.emplace(index, issuer.name);
    add("account/" + issuer.name.text(), {}, Result::done, std::move(text));
  }

  Name issuer_of(const Lineage& lineage) {
    if (lineage.account) {
      const auto taken = issuers_.find(*lineage.account);
      if (taken == issuers_.end()) throw Error(Fault::not_found, "its account could not be taken over");
      return taken->second;
    }
    for (const auto& [name, issuer] : config_.issuers)
      if (is_at(issuer, lineage.server)) return name;
    throw Error(Fault::config, "its account is not here, and the config has no issuer at its CA",
                "write an [issuer.NAME] for it into the config, then import again");
  }

  config::Certificate wanted_of(const Lineage& lineage) {
    config::Certificate wanted;
    wanted.name = Name::made_of(lineage.label, "certificate name");
    wanted.identifiers = identifiers_of(lineage.chain.front());
    wanted.issuers = {issuer_of(lineage)};
    wanted.key = lineage.key.type();
    if (!lineage.profile.empty()) wanted.profile = Name::parse(lineage.profile, "profile").text();
    return wanted;
  }

  void take_lineage(Lineage& lineage) {
    const config::Certificate wanted = wanted_of(lineage);
    if (const auto [first, is_first] = labels_.emplace(wanted.name, lineage.label); !is_first)
      throw Error(Fault::exists,
                  fmt::format("{} and {} would both be called {} here", first->second, lineage.label, wanted.name),
                  "`everseal issue --as NAME` keeps this one alive under another name");
    const std::string what = fmt::format("{}, valid until {}", pki::to_string(wanted.identifiers),
                                         base::format_time(lineage.chain.front().not_after()));
    const std::string issuer = wanted.issuers.front().text();
    note_chain(lineage, wanted.issuers.front());
    const config::Fragment fragment = config::fragment_of(wanted);
    std::optional<config::Config> part;
    if (!config_.certificates.contains(wanted.name)) part = draft_.read(fragment);
    if (is_looking()) {
      add(reconcile::subject_of(wanted.name), issuer, Result::done, "would be taken over: " + what);
      return;
    }
    const int number = take_version(lineage, wanted);
    take_challenges(lineage, wanted.name);
    if (part) keep(fragment, std::move(*part));
    taken_.push_back({wanted.name, number, issuer, what});
  }

  // After the versions: a certificate of the config that has none would be ordered.
  void write_config() {
    if (draft_.empty() || is_looking()) return;
    try {
      write_secrets();
      draft_.write();
    } catch (const Error&) {
      remove_secrets();
      throw;
    }
    run_.desired = Desired(host_, run_.store);
  }

  std::string secrets_directory() const { return host_.state + "/secrets"; }

  void write_secrets() const {
    if (secrets_.empty()) return;
    const auto directory = base::Directory::create(secrets_directory(), 0700);
    for (const auto& [file, secret] : secrets_) directory.replace(file, secret.reveal());
  }

  void remove_secrets() const noexcept {
    try {
      if (const auto directory = base::Directory::open_if_exists(secrets_directory()))
        for (const auto& [file, secret] : secrets_) directory->remove(file);
    } catch (const Error&) {
      // The error that led here is the one to report.
    }
  }

  void finish(const Taken& one) {
    if (session().archive.live(one.name).value_or(0) < one.number) make_live(session(), one.name, {one.number});
    session().subjects.wake(inventory::certificate_subject(one.name), session().now());
    const bool is_deployed = !config_.certificates.at(one.name).deployments.empty();
    add(reconcile::subject_of(one.name), one.issuer, is_deployed ? Result::done : Result::warned,
        fmt::format("version {}: {}{}", one.number, one.what,
                    is_deployed ? "" : "; unverified, as nothing deploys it and no handshake shows it yet"));
  }

  // Its number; taken over once, however often this is done.
  int take_version(const Lineage& lineage, const config::Certificate& wanted) {
    const pki::Certificate& leaf = lineage.chain.front();
    inventory::Versions versions(run_.store);
    if (const auto known = versions.by_certificate(leaf.fingerprint())) {
      if (known->name != wanted.name)
        throw Error(Fault::exists, fmt::format("it is version {} of {} already", known->number, known->name));
      return known->number;
    }
    if (const auto managed = session().managed.find(wanted.name)) {
      const config::Certificate present = config::from_normal_form(managed->spec, kinds_);
      if (!acme::same_identifiers(present.identifiers, wanted.identifiers))
        throw Error(
            Fault::exists,
            fmt::format("{} is another certificate here, for {}", wanted.name, pki::to_string(present.identifiers)),
            fmt::format("`everseal remove {}`, or rename one of the two", wanted.name));
    }
    int number = versions.next_number(wanted.name);
    // A run that was killed may have left it complete in the archive.
    while (is_other(session().archive.read(wanted.name, number), leaf)) ++number;
    session().archive.stage_key(wanted.name, number, lineage.key);
    session().archive.complete({.name = wanted.name,
                                .number = number,
                                .issuer = wanted.issuers.front(),
                                .spec = config::normal_form(wanted),
                                .spec_hash = config::issuance_hash(wanted),
                                .fingerprint = leaf.fingerprint().text(),
                                .created = session().now(),
                                .external_key = false,
                                .imported_from = request_.directory},
                               lineage.chain);
    take_in(session(), session().archive.read(wanted.name, number).value(), "certificate.imported",
            Detail{{"version", std::to_string(number)},
                   {"client", std::string(request_.kind->name)},
                   {"directory", base::printable(request_.directory)},
                   {"serial", leaf.serial()}});
    return number;
  }

  static bool is_other(const std::optional<archive::Version>& version, const pki::Certificate& leaf) {
    return version && version->chain.front().fingerprint() != leaf.fingerprint();
  }

  // Does the config say how all names in `zone` that `type` can prove are proved? Only dns-01 and its kind prove
  // wildcards.
  bool is_covered(const std::string& zone, const std::string& type) {
    const auto is_dns = [](std::string_view one) { return one.starts_with("dns-"); };
    return std::ranges::any_of(config_.challenges, [&](const auto& one) {
      return std::ranges::find(one.second.zones, zone) != one.second.zones.end() &&
             (is_dns(one.second.type) || !is_dns(type));
    });
  }

  // What the config covers already is the operator's.
  void take_challenges(Lineage& lineage, const Name& certificate) {
    for (importer::Challenge& challenge : lineage.challenges) {
      std::erase_if(challenge.zones, [&](const std::string& zone) { return is_covered(zone, challenge.type); });
      if (!challenge.zones.empty()) take_challenge(challenge, lineage.label, certificate);
    }
  }

  // One that the config refuses is left to the operator; the certificate is taken all the same.
  void take_challenge(importer::Challenge& challenge, const std::string& label, const Name& certificate) {
    config::Fragment fragment{
        "challenge",
        free_name(certificate.text(),
                  [&](const Name& name) {
                    return config_.challenges.contains(name) || !draft_.is_free({"challenge", name, {}});
                  }),
        {}};
    fragment.options.emplace_back("type", base::text_value(challenge.type));
    fragment.options.emplace_back("zones", base::list_value(challenge.zones));
    std::ranges::move(challenge.options, std::back_inserter(fragment.options));
    const auto file_of = [&](const std::string& option) { return fmt::format("{}.{}", fragment.name, option); };
    for (const auto& [option, secret] : challenge.secrets)
      fragment.options.emplace_back(option,
                                    base::text_value(fmt::format("{}/{}", secrets_directory(), file_of(option))));
    try {
      keep(fragment, draft_.read(fragment));
    } catch (const Error& error) {
      if (error.fault() != Fault::config && error.fault() != Fault::usage) throw;  // usage: a text that is no UTF-8
      return leave(label, fmt::format("how it was proved cannot be taken over: {}", error.message()),
                   fmt::format("a [challenge.NAME] for zones = [\"{}\"] says how it is proved from now on",
                               base::printable(base::join(challenge.zones, "\", \""))));
    }
    for (auto& [option, secret] : challenge.secrets) secrets_.emplace_back(file_of(option), std::move(secret));
  }

  void note_chain(const Lineage& lineage, const Name& issuer) {
    if (lineage.preferred_chain.empty()) return;
    const auto configured = config_.issuers.find(issuer);
    if (configured != config_.issuers.end() &&
        configured->second.options.string("preferred_chain") == lineage.preferred_chain)
      return;
    leave(lineage.label, fmt::format("preferred the chain '{}'", base::printable(lineage.preferred_chain)),
          fmt::format("`preferred_chain` of [issuer.{}] says so for all its certificates", issuer));
  }

  const Host& host_;
  const ImportRequest& request_;
  importer::Found& found_;
  ImportReport& report_;
  Run run_;
  config::Kinds kinds_;
  config::Config config_;  // with what the draft adds to it
  config::Draft draft_;
  std::vector<std::pair<std::string, base::Secret>> secrets_;  // of the draft, by file
  std::vector<Taken> taken_;
  std::optional<Session> session_;
  std::map<std::size_t, Name> issuers_;  // by account
  std::map<Name, std::string> labels_;   // of lineages, by their name here
};

std::string canonical(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(directory, error);
  if (error)
    throw Error(Fault::not_found, fmt::format("cannot read {}: {}", base::printable(directory), error.message()));
  return path.string();
}

// As it was written, without following links.
std::string absolute(const std::string& directory) {
  std::string path = std::filesystem::absolute(directory).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// As the host's own programs see a path below `root`.
std::string seen_from(const std::string& root, const std::string& path) {
  return root != "/" && path.starts_with(root + "/") ? path.substr(root.size()) : path;
}

std::string list_of(const std::vector<importer::Trace>& traces) {
  std::string text;
  for (const importer::Trace& trace : traces)
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", base::printable(trace.file),
                        trace.line == 0 ? std::string() : fmt::format(":{}", trace.line));
  return text;
}

}  // namespace

ImportReport import_client(const Host& host, const ImportRequest& given) {
  ImportRequest request = given;
  request.directory = canonical(given.directory);
  request.root = canonical(given.root);
  importer::Found found = request.kind->read(request.directory);
  ImportReport report;
  report.schedules = importer::active_schedules(request.root, request.kind->name);
  std::vector<std::string> paths{seen_from(request.root, request.directory),
                                 seen_from(absolute(given.root), absolute(given.directory))};
  for (const Lineage& lineage : found.lineages) paths.insert(paths.end(), lineage.copies.begin(), lineage.copies.end());
  report.references = importer::references(request.root, paths);
  if (request.mode == ImportMode::take && request.coexistence == Coexistence::refused && !report.schedules.empty())
    throw Error(Fault::denied,
                fmt::format("{} still runs by itself: {}", request.kind->name, list_of(report.schedules)),
                "disable that first (`systemctl disable --now TIMER`, remove the cron line), or say --keep-both; "
                "--dry-run shows what would be taken over");
  Takeover(host, request, found, report).take_all();
  std::ranges::move(found.remarks, std::back_inserter(report.remarks));
  return report;
}

}  // namespace everseal::reconcile
