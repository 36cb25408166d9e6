#include "base/error.h"
#include "base/text.h"
#include "config/reader.h"
#include "config/toml.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::config {
namespace {

using base::printable;

constexpr std::size_t kMostIdentifiers = 10'000;

void read_identifiers(const Named& from, const base::Options& options, Certificate& certificate, Reader& reader) {
  const std::string key = from.key + ".identifiers";
  const std::vector<std::string> texts = options.strings("identifiers");
  if (texts.size() > kMostIdentifiers) {
    reader.complain(origin_of(from.table, "identifiers", from.origin), key,
                    fmt::format("{} identifiers are more than the {} that fit", texts.size(), kMostIdentifiers));
    return;
  }
  const base::Value* const written = base::find(from.table, "identifiers");
  const bool has_list = written == nullptr || options.has("identifiers");  // otherwise its type is complained of
  if (texts.empty() && has_list && base::find(from.table, "subject") == nullptr)
    reader.complain(origin_of(from.table, "identifiers", from.origin), key,
                    written == nullptr ? "is missing" : "a certificate needs at least one identifier",
                    "for example identifiers = [\"www.example.org\"]");
  else if (texts.empty() && has_list && !certificate.subject.empty() && !certificate.subject.first("CN"))
    reader.complain(origin_of(from.table, "subject", from.origin), key, "is missing",
                    "without identifiers, the subject must have a CN");
  std::set<pki::Identifier> seen;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const base::Origin& origin = origin_of_item(from.table, "identifiers", i, from.origin);
    try {
      const pki::Identifier identifier = pki::Identifier::parse(texts[i]);
      if (!seen.insert(identifier).second) {
        reader.complain(origin, key, fmt::format("'{}' stands there twice", printable(texts[i])), "remove one of them");
        continue;
      }
      certificate.identifiers.push_back(identifier);
    } catch (const base::Error& error) {
      reader.complain(origin, key, error.message(), error.hint());
    }
  }
}

void check_issuer_exists(const Name& name, const base::Origin& origin, const std::string& key, Reader& reader) {
  if (reader.known == nullptr) return;
  const auto& issuers = reader.known->issuers;
  const auto& authorities = reader.known->authorities;
  if (issuers.contains(name.text()) || authorities.contains(name.text()) || !reader.known->is_nowhere(name.text()))
    return;
  std::vector<std::string> candidates(issuers.begin(), issuers.end());
  candidates.insert(candidates.end(), authorities.begin(), authorities.end());
  const auto near = base::nearest(name.text(), candidates);
  reader.complain(
      origin, key, fmt::format("there is no issuer or authority '{}'", name),
      near ? fmt::format("did you mean '{}'?", *near)
           : fmt::format("add [issuer.{0}] or [authority.{0}], or make one with `everseal ca init {0}`", name));
}

void read_issuers(const Named& from, const base::Options& options, Certificate& certificate, Reader& reader) {
  const std::string key = from.key + ".issuer";
  const std::vector<std::string> texts = options.strings("issuer");
  if (options.has("issuer") && texts.empty())
    reader.complain(origin_of(from.table, "issuer", from.origin), key, "a certificate needs at least one issuer");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const base::Origin& origin = origin_of_item(from.table, "issuer", i, from.origin);
    try {
      Name name = Name::parse(texts[i], "issuer name");
      if (std::ranges::find(certificate.issuers, name) != certificate.issuers.end()) {
        reader.complain(origin, key, fmt::format("'{}' stands there twice", name), "remove one of them");
        continue;
      }
      check_issuer_exists(name, origin, key, reader);
      certificate.issuers.push_back(std::move(name));
    } catch (const base::Error& error) {
      reader.complain(origin, key, error.message(), error.hint());
    }
  }
}

void read_profile_reference(const Named& from, const base::Options& options, Certificate& certificate, Reader& reader) {
  if (!options.has("profile")) return;
  certificate.profile = options.string("profile");
  const base::Origin& origin = origin_of(from.table, "profile", from.origin);
  const std::string key = from.key + ".profile";
  if (!Name::is_valid(*certificate.profile)) {
    reader.complain(origin, key, fmt::format("'{}' is not a name", printable(certificate.profile->substr(0, 80))));
    return;
  }
  if (reader.known == nullptr || reader.known->profiles.contains(*certificate.profile) ||
      !reader.known->is_nowhere(*certificate.profile))
    return;
  const auto is_foreign = [&](const Name& issuer) {
    return reader.known->foreign_issuers.contains(issuer.text()) || !reader.known->is_nowhere(issuer.text());
  };
  if (std::ranges::any_of(certificate.issuers, is_foreign)) return;
  const std::vector<std::string> candidates(reader.known->profiles.begin(), reader.known->profiles.end());
  const auto near = base::nearest(*certificate.profile, candidates);
  reader.complain(
      origin, key, fmt::format("there is no profile '{}'", *certificate.profile),
      near ? fmt::format("did you mean '{}'?", *near)
           : fmt::format("add [profile.{}], or use one of: {}", *certificate.profile, base::join(candidates, ", ")));
}

// Where a target names no server, the probe asks for the first DNS identifier; a wildcard cannot be asked for.
void check_server_names(const Named& from, const Certificate& certificate, Reader& reader) {
  const auto first = std::ranges::find(certificate.identifiers, pki::IdentifierKind::dns, &pki::Identifier::kind);
  if (first == certificate.identifiers.end() || !first->is_wildcard()) return;
  for (const Deployment& deployment : certificate.deployments)
    for (std::size_t i = 0; i < deployment.verify.size(); ++i)
      if (deployment.verify[i].sni.empty())
        reader.complain(
            deployment.origin, fmt::format("{}.deploy.{}.verify[{}]", from.key, deployment.name, i),
            fmt::format("which name to ask for, as '{}' is a wildcard?", first->text()),
            fmt::format("say sni = \"www{}\" or another name that the listener serves", first->text().substr(1)));
}

}  // namespace

Certificate read_certificate(const Named& from, Reader& reader) {
  Certificate certificate;
  certificate.name = from.name;
  certificate.origin = from.origin;
  const base::Options options = read_options(from, Section::certificate, reader);

  read_issuers(from, options, certificate, reader);
  certificate.environment = read_label(from, "environment", options, &Known::environments, reader);
  certificate.team = read_label(from, "team", options, &Known::teams, reader);
  read_profile_reference(from, options, certificate, reader);
  if (const auto key = pki::parse_key_type(options.string("key"))) certificate.key = *key;
  certificate.lifetime = options.duration("lifetime");
  if (options.has("subject")) {
    try {
      certificate.subject = pki::DistinguishedName::parse(options.string("subject"));
    } catch (const base::Error& error) {
      reader.complain(origin_of(from.table, "subject", from.origin), from.key + ".subject", error.message(),
                      error.hint());
    }
  }
  read_identifiers(from, options, certificate, reader);
  certificate.deployments = read_deployments(from, "deploy", Section::deployment, reader);
  check_server_names(from, certificate, reader);
  return certificate;
}

}  // namespace everseal::config
