#include "reconcile/artifact.h"

#include "base/error.h"
#include "base/text.h"
#include "pki/chain.h"
#include "plan/certificate.h"
#include "probe/probe.h"
#include "reconcile/facts.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::Served;

// The worse of two looks counts: what proves a wrong certificate before what proves nothing.
int rank(Served served) noexcept {
  switch (served) {
    case Served::wanted:
      return 0;
    case Served::unknown:
      return 1;
    case Served::unreachable:
      return 2;
    case Served::handshake_failed:
      return 3;
    case Served::previous:
      return 4;
    case Served::other:
      return 5;
  }
  return 1;
}

bool is_of_another_key(const probe::Capture& capture, pki::KeyType wanted) {
  if (capture.chain.empty()) return false;
  try {
    const auto type = pki::Certificate::parse(capture.chain.front()).public_key().type;
    return !type || probe::signature_algorithms(*type) != probe::signature_algorithms(wanted);
  } catch (const base::Error&) {
    return false;  // what cannot be read is not ours
  }
}

class CertificateArtifact final : public Deployable {
 public:
  CertificateArtifact(Session& session, const Name& name) : session_(session), name_(name) {}

  inventory::ArtifactKind kind() const override { return inventory::ArtifactKind::version; }
  const Name& name() const override { return name_; }
  std::string subject() const override { return subject_of(name_); }

  void with(std::int64_t number, const std::function<void(const deploy::Artifact&)>& use) override {
    const auto version = session_.archive.read(name_, static_cast<int>(number));
    if (!version)
      throw base::Error(base::Fault::corrupt,
                        fmt::format("version {} of {} is missing from the archive", number, name_),
                        fmt::format("`everseal renew --force {}` makes a new one", name_));
    const auto key = session_.archive.key_pem(name_, static_cast<int>(number));
    // No server is given a key that its certificate does not fit.
    if (key && !pki::key_matches(*session_.archive.key(name_, static_cast<int>(number)), version->chain.front()))
      throw base::Error(
          base::Fault::corrupt,
          fmt::format("the key of version {} of {} in the archive does not match its certificate", number, name_),
          fmt::format("bring the key back from a backup, or `everseal renew --force {}` makes a new version", name_));
    const auto managed = session_.managed.find(name_);
    use({.name = name_,
         .number = number,
         .chain = version->chain,
         .key_pem = key ? &*key : nullptr,
         .is_key_lost = !key && managed && managed->key_owner == inventory::KeyOwner::ours,
         .crl = {},
         .bundle = {},
         .directory = version->directory});
  }

  Sight look(const config::Deployment& target, deploy::Target&, std::int64_t number,
             std::optional<std::int64_t> previous) override {
    if (target.verify.empty()) return {};
    const auto wanted = fingerprint_of(number);
    const auto former = previous ? fingerprint_of(*previous) : std::nullopt;
    Sight worst{Served::wanted, {}};
    std::vector<Seen> seen;
    for (const config::VerifyTarget& listener : target.verify) {
      probe::Target endpoint = probe::Target::parse(listener.connect);
      endpoint.sni = listener.sni;
      endpoint.starttls = listener.starttls;
      const auto look_once = [&] {
        std::vector<probe::Capture> captures = captures_of(endpoint, listener.all_addresses);
        Sight least{Served::wanted, {}};
        for (const probe::Capture& capture : captures)
          if (Sight sight = judge(capture, wanted, former, number, previous); rank(sight.served) > rank(least.served))
            least = std::move(sight);
        return std::pair(std::move(least), std::move(captures));
      };
      auto [sight, captures] = look_once();
      // A listener may hold a certificate for each kind of key, and shows the one that it prefers of those asked for.
      const auto key = sight.served == Served::wanted ? std::nullopt : key_of(wanted);
      if (key &&
          std::ranges::any_of(captures, [&](const probe::Capture& one) { return is_of_another_key(one, *key); })) {
        endpoint.key = key;
        if (auto again = look_once(); again.first.served == Served::wanted)
          std::tie(sight, captures) = std::move(again);
      }
      for (const probe::Capture& capture : captures)
        seen.push_back({capture.address,
                        capture.chain.empty() ? std::string() : pki::fingerprint(capture.chain.front()).text(),
                        capture.problem});
      if (rank(sight.served) > rank(worst.served)) worst = std::move(sight);
    }
    if (worst.served == Served::wanted) {
      std::vector<std::string> addresses;
      for (const Seen& one : seen) addresses.push_back(one.address);
      worst.text = fmt::format("version {} is served by {}", number, base::join(addresses, ", "));
    }
    worst.seen = std::move(seen);
    return worst;
  }

  bool stands(deploy::Target& place, std::int64_t number) override { return place.stands(number); }

  std::optional<std::string> against_rollback(const inventory::DeploymentRecord& record, Time now) override {
    return plan::against_rollback(certificate_facts(session_, name_), record, record.after, now);
  }

  std::vector<std::int64_t> kept() override {
    std::vector<std::int64_t> numbers;
    for (const inventory::VersionRecord& version : session_.versions.recent(name_))
      if (version.has_key) numbers.push_back(version.number);
    return numbers;
  }

  Facts facts(std::int64_t number) override {
    const auto version = session_.versions.find(name_, static_cast<int>(number));
    return version ? facts_of(session_, *version) : Facts{.version = number};
  }

  std::optional<plan::Validity> in_use() override {
    const auto live = session_.versions.live(name_);
    if (!live || !live->not_before || !live->not_after) return std::nullopt;
    return plan::Validity{*live->not_before, *live->not_after};
  }

 private:
  std::optional<pki::Fingerprint> fingerprint_of(std::int64_t number) {
    const auto version = session_.versions.find(name_, static_cast<int>(number));
    return version ? version->certificate : std::nullopt;
  }

  std::optional<pki::KeyType> key_of(const std::optional<pki::Fingerprint>& certificate) {
    const auto der = certificate ? session_.certificates.der(*certificate) : std::nullopt;
    return der ? pki::Certificate::parse(*der).public_key().type : std::nullopt;
  }

  std::vector<probe::Capture> captures_of(const probe::Target& endpoint, bool all_addresses) {
    std::vector<probe::Capture> captures;
    bool given = false;
    probe::probe_all(
        [&]() -> std::optional<probe::Target> {
          if (given) return std::nullopt;
          given = true;
          return endpoint;
        },
        [&](const probe::Target&, probe::Capture capture) { captures.push_back(std::move(capture)); }, probe::Limits{},
        {.addresses = all_addresses ? probe::Addresses::all : probe::Addresses::one}, session_.host.stop);
    // What was not looked at to the end proves nothing.
    if (session_.host.stop.stop_requested())
      throw base::Error(base::Fault::cancelled, fmt::format("stopped while looking at {}", endpoint.text()));
    return captures;
  }

  static Sight judge(const probe::Capture& capture, const std::optional<pki::Fingerprint>& wanted,
                     const std::optional<pki::Fingerprint>& former, std::int64_t number,
                     std::optional<std::int64_t> previous) {
    // A leaf that was sent tells what is served, also where the server then wanted a certificate of ours.
    if (!capture.chain.empty()) {
      const pki::Fingerprint leaf = pki::fingerprint(capture.chain.front());
      if (leaf == wanted) return {Served::wanted, fmt::format("{} serves version {}", capture.address, number)};
      if (leaf == former)
        return {Served::previous, fmt::format("{} still serves version {}", capture.address, *previous)};
      return {Served::other,
              fmt::format("{} serves another certificate ({})", capture.address, leaf.text().substr(0, 16))};
    }
    const bool spoke = capture.outcome == probe::Outcome::handshake_failed ||
                       capture.outcome == probe::Outcome::not_tls ||
                       capture.outcome == probe::Outcome::starttls_refused;
    return {spoke ? Served::handshake_failed : Served::unreachable,
            fmt::format("{}: {}", capture.address, capture.problem)};
  }

  Session& session_;
  Name name_;
};

// A published CRL or trust bundle is verified by reading it back, octet for octet.
class AuthorityArtifact final : public Deployable {
 public:
  AuthorityArtifact(Session& session, const Name& name) : session_(session), name_(name) {}

  inventory::ArtifactKind kind() const override { return inventory::ArtifactKind::crl; }
  const Name& name() const override { return name_; }
  std::string subject() const override { return authority_subject(name_); }

  void with(std::int64_t number, const std::function<void(const deploy::Artifact&)>& use) override {
    const inventory::CrlRecord crl = newest(number);
    use({.name = name_,
         .number = number,
         .chain = {},
         .key_pem = nullptr,
         .is_key_lost = false,
         .crl = crl.der,
         .bundle = session_.trust_bundle(name_),
         .directory = session_.host.state + "/authorities/" + name_.text()});
  }

  Sight look(const config::Deployment&, deploy::Target& place, std::int64_t number,
             std::optional<std::int64_t>) override {
    return sight_of(place, number);
  }

  bool stands(deploy::Target& place, std::int64_t number) override {
    const Sight sight = sight_of(place, number);
    return !sight.can_be_seen || sight.served == Served::wanted;
  }

  std::optional<std::string> against_rollback(const inventory::DeploymentRecord&, Time) override {
    return "an older CRL is never published again";
  }

  std::vector<std::int64_t> kept() override { return {}; }

  Facts facts(std::int64_t number) override {
    Facts facts{.version = number};
    const auto crl = session_.authority_rows.newest_crl(name_);
    if (crl && static_cast<std::int64_t>(crl->number) == number) facts.not_after = crl->next_update;
    return facts;
  }

  std::optional<plan::Validity> in_use() override {
    const auto crl = session_.authority_rows.newest_crl(name_);
    if (!crl) return std::nullopt;
    return plan::Validity{crl->this_update, crl->next_update};
  }

 private:
  Sight sight_of(deploy::Target& place, std::int64_t number) {
    if (!place.reads_back()) return {Served::unknown, "what is there cannot be read back", false};
    if (!place.current()) return {Served::unreachable, "nothing is published there"};
    std::vector<std::string> differences;
    with(number, [&](const deploy::Artifact& made) { differences = place.differences(made); });
    if (!differences.empty()) return {Served::other, differences.front()};
    return {Served::wanted, fmt::format("CRL {} is published", number)};
  }

  inventory::CrlRecord newest(std::int64_t number) {
    auto crl = session_.authority_rows.newest_crl(name_);
    if (!crl || static_cast<std::int64_t>(crl->number) != number)
      throw base::Error(base::Fault::not_found, fmt::format("CRL {} of {} is no longer the newest", number, name_));
    return *crl;
  }

  Session& session_;
  Name name_;
};

}  // namespace

Facts facts_of(Session& session, const inventory::VersionRecord& version) {
  Facts facts{.version = version.number};
  facts.not_after = version.not_after;
  facts.renew_at = version.renew_at;
  facts.issuer = version.issuer.text();
  if (!version.certificate) return facts;
  facts.fingerprint = version.certificate->text();
  if (const auto certificate = session.certificates.find(*version.certificate)) facts.serial = certificate->serial;
  return facts;
}

std::unique_ptr<deploy::Target> open_target(const config::Deployment& target, const Name& owner) {
  const deploy::Kind* const kind = deploy::find_kind(target.type);
  if (kind == nullptr) throw base::Error(base::Fault::config, fmt::format("there is no deploy kind {}", target.type));
  return kind->open(target.options, owner);
}

std::unique_ptr<Deployable> certificate_artifact(Session& session, const Name& name) {
  return std::make_unique<CertificateArtifact>(session, name);
}

std::unique_ptr<Deployable> authority_artifact(Session& session, const Name& name) {
  return std::make_unique<AuthorityArtifact>(session, name);
}

}  // namespace everseal::reconcile
