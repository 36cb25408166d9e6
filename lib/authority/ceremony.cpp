#include "authority/ceremony.h"

#include "authority/crl.h"
#include "authority/files.h"
#include "authority/founding.h"
#include "authority/lint.h"
#include "authority/upkeep.h"
#include "base/error.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "keystore/keystore.h"
#include "pki/chain.h"
#include "pki/csr.h"
#include "pki/digest.h"
#include "pki/issuance.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::authority {
namespace {

using base::Error;
using base::Fault;
using nlohmann::json;
using pki::IdentifierKind;
using pki::NameConstraint;

constexpr std::size_t kShortestPassphrase = 8;
// A CA must be valid before the back-dated certificates that it signs on its first day.
constexpr base::Seconds kRootBackDate = std::chrono::hours{1};

void require_passphrase(const base::Secret* passphrase, std::string_view what) {
  if (passphrase != nullptr && passphrase->size() < kShortestPassphrase)
    throw Error(Fault::usage, fmt::format("the {} passphrase is shorter than {} octets", what, kShortestPassphrase));
}

void require_sound(const Ceremony& wanted, const Passphrases& passphrases) {
  if (wanted.root == RootPlace::here && passphrases.root == nullptr)
    throw Error(Fault::usage, "the root's key is never kept without a passphrase", "give --root-passphrase-file");
  require_passphrase(passphrases.root, "root's");
  require_passphrase(passphrases.intermediate, "intermediate's");
  if (wanted.root_lifetime <= base::Seconds(0) || wanted.intermediate_lifetime <= base::Seconds(0))
    throw Error(Fault::usage, "an authority's lifetime is not positive");
  if (wanted.root == RootPlace::here && wanted.intermediate_lifetime > wanted.root_lifetime)
    throw Error(Fault::usage, "the intermediate would live longer than its root");
}

std::string constraint_text(const NameConstraint& constraint) {
  switch (constraint.kind) {
    case IdentifierKind::email:
      return "email:" + constraint.text;
    case IdentifierKind::uri:
      return "uri:" + constraint.text;
    case IdentifierKind::dns:
    case IdentifierKind::ip:
      break;
  }
  return constraint.text;
}

json constraint_texts(const std::vector<NameConstraint>& constraints) {
  json texts = json::array();
  for (const NameConstraint& constraint : constraints) texts.push_back(constraint_text(constraint));
  return texts;
}

// What the authority was made as; equal for equal wishes, so that a later run knows its own work again.
std::string manifest_of(const Ceremony& wanted) {
  json manifest{{"format", 1},
                {"name", wanted.name.text()},
                {"made", wanted.root == RootPlace::here ? "here" : "offline"},
                {"organization", wanted.organization},
                {"intermediate_key", to_string(wanted.intermediate_key)},
                {"permitted", constraint_texts(wanted.permitted)},
                {"excluded", constraint_texts(wanted.excluded)}};
  if (wanted.root == RootPlace::here) {
    manifest["root_key"] = to_string(wanted.root_key);
    manifest["root_lifetime"] = base::format_duration(wanted.root_lifetime);
    manifest["intermediate_lifetime"] = base::format_duration(wanted.intermediate_lifetime);
  }
  return manifest.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string manifest_of(const Name& name, const pki::Certificate& intermediate) {
  const json manifest{
      {"format", 1}, {"name", name.text()}, {"made", "imported"}, {"intermediate", intermediate.fingerprint().text()}};
  return manifest.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

pki::DistinguishedName subject(const Ceremony& wanted, std::string_view role) {
  pki::DistinguishedName name;
  if (!wanted.organization.empty()) name.rdns.emplace_back("O", wanted.organization);
  name.rdns.emplace_back("CN", fmt::format("{} {}", wanted.name, role));
  return name;
}

pki::Certificate certify(const pki::Template& wanted, const pki::Certificate* issuer, const pki::Signer& key) {
  auto certificate = pki::Certificate::parse(pki::sign_certificate(wanted, issuer, key));
  const Kind kind = issuer == nullptr ? Kind::root : Kind::intermediate;
  const auto broken = lint(certificate, issuer == nullptr ? certificate : *issuer, kind);
  if (!broken.empty())
    throw Error(Fault::denied, fmt::format("the CA certificate breaks a rule: {}", to_string(broken)));
  return certificate;
}

pki::Certificate certify_root(const Ceremony& wanted, const pki::Signer& key, Time now) {
  return certify({.serial = pki::random_serial(),
                  .subject = subject(wanted, "Root CA"),
                  .public_key_info = key.public_key_info(),
                  .not_before = now - kRootBackDate,
                  .not_after = now + wanted.root_lifetime,
                  .is_ca = true,
                  .path_length = 1,
                  .key_usage = {"keyCertSign", "cRLSign"}},
                 nullptr, key);
}

bool speaks_of_addresses(const std::vector<NameConstraint>& constraints) {
  return std::ranges::find(constraints, IdentifierKind::ip, &NameConstraint::kind) != constraints.end();
}

pki::Certificate certify_intermediate(const Ceremony& wanted, const pki::Signer& key, const pki::Certificate& root,
                                      const pki::Signer& root_key, Time now) {
  pki::Template intermediate{.serial = pki::random_serial(),
                             .subject = subject(wanted, fmt::format("Intermediate CA {}", kFirstGeneration)),
                             .public_key_info = key.public_key_info(),
                             .not_before = now - kRootBackDate,
                             .not_after = std::min(now + wanted.intermediate_lifetime, root.not_after()),
                             .is_ca = true,
                             .path_length = 0,
                             .key_usage = {"keyCertSign", "cRLSign"},
                             .permitted = wanted.permitted,
                             .excluded = wanted.excluded};
  // A kind that no constraint speaks of is unconstrained (RFC 5280 section 4.2.1.10).
  if (!wanted.permitted.empty() && !speaks_of_addresses(wanted.permitted) && !speaks_of_addresses(wanted.excluded))
    for (const std::string_view everything : {"0.0.0.0/0", "::/0"})
      intermediate.excluded.push_back(NameConstraint::parse(everything));
  return certify(intermediate, &root, root_key);
}

pki::Signer make_intermediate_key(const base::Directory& directory, const Ceremony& wanted,
                                  const Passphrases& passphrases) {
  return keystore::file().create({directory, intermediate_key_file(kFirstGeneration), passphrases.intermediate},
                                 wanted.intermediate_key);
}

void build_here(const base::Directory& directory, const Ceremony& wanted, const Passphrases& passphrases, Time now) {
  const pki::Signer root_key = keystore::file().create({directory, kRootKeyFile, passphrases.root}, wanted.root_key);
  if (passphrases.keeping == PassphraseKeeping::beside_key)
    directory.write_new(kRootPassphraseFile, passphrases.root->reveal());
  const pki::Signer key = make_intermediate_key(directory, wanted, passphrases);
  const pki::Certificate root = certify_root(wanted, root_key, now);
  const pki::Certificate intermediate = certify_intermediate(wanted, key, root, root_key, now);
  write_certificates(directory, kRootFile, {&root, 1});
  write_certificates(directory, intermediate_file(kFirstGeneration), {&intermediate, 1});
  write_first_crl(directory, intermediate, key, now);
}

void build_offline(const base::Directory& directory, const Ceremony& wanted, const Passphrases& passphrases) {
  const pki::Signer key = make_intermediate_key(directory, wanted, passphrases);
  const pki::CsrRequest request{subject(wanted, fmt::format("Intermediate CA {}", kFirstGeneration)), {}};
  directory.write_new(kCsrFile, base::as_bytes(pki::csr_pem(pki::make_csr(request, key))), {.mode = 0644});
}

// The keys of an earlier run are only ours to finish where our passphrases open them.
void require_opens(const base::Directory& directory, const std::string& file, const base::Secret* passphrase) {
  const auto refuse = [&](std::string_view why) {
    throw Error(Fault::exists, fmt::format("{}/{} of an earlier run {}", directory.path(), file, why),
                "use that run's passphrase, or move the directory away");
  };
  try {
    if (!keystore::file().open({directory, file, passphrase})) refuse("is missing");
  } catch (const Error& error) {
    if (error.fault() != Fault::invalid) throw;
    refuse("does not open: " + error.message());
  }
}

void check_earlier(const base::Directory& directory, const Ceremony& wanted, const Passphrases& passphrases) {
  require_opens(directory, intermediate_key_file(kFirstGeneration), passphrases.intermediate);
  if (wanted.root == RootPlace::offline) return;
  const auto kept = directory.read_secret(kRootPassphraseFile, kLongestFile);
  require_opens(directory, kRootKeyFile, kept ? &*kept : passphrases.root);
}

struct Chain {
  std::vector<pki::Certificate> intermediates;
  pki::Certificate root;
};

// The chain from the CA of `public_key_info` to its root, where it carries what an authority does.
Chain judge_chain(std::vector<pki::Certificate> certificates, const base::Bytes& public_key_info, Time now) {
  std::vector<pki::Certificate> chain = pki::order_chain(std::move(certificates), nullptr, pki::RootPolicy::keep);
  std::vector<Refusal> refusals;
  const auto demand = [&](bool kept, std::string_view rule, std::string message) {
    if (!kept) refusals.push_back({std::string(rule), std::move(message)});
  };
  const pki::Certificate& intermediate = chain.front();
  const pki::Certificate root = chain.back();
  const auto usage = intermediate.key_usage();
  const auto has = [&](std::string_view name) { return std::ranges::find(usage, name) != usage.end(); };
  demand(intermediate.public_key_info() == public_key_info, "key",
         fmt::format("{} is not for the authority's key", intermediate.describe()));
  demand(intermediate.is_ca(), "basic-constraints", fmt::format("{} is not a CA (CA:TRUE)", intermediate.describe()));
  demand(has("keyCertSign") && has("cRLSign"), "key-usage",
         fmt::format("{} may not sign certificates and CRLs (keyCertSign, cRLSign)", intermediate.describe()));
  demand(!intermediate.subject_key_id().empty(), "key-ids",
         fmt::format("{} has no subject key identifier", intermediate.describe()));
  demand(root.is_self_issued() && pki::is_signed_by(root, root), "root",
         "the chain does not end in a self-signed root");
  demand(chain.size() > 1, "root", "the chain holds no intermediate below its root");
  if (refusals.empty()) {
    const std::span above = std::span(chain).subspan(1, chain.size() - 2);
    const pki::Verdict verdict = pki::verify(intermediate, above, {&root, 1}, now, pki::Purpose::any);
    demand(verdict.valid, "chain", fmt::format("the chain does not verify: {}", base::printable(verdict.problem)));
  }
  if (!refusals.empty())
    throw Error(Fault::denied, to_string(refusals), "give the intermediate, those above it and the root");
  chain.pop_back();
  return {std::move(chain), root};
}

// Without what it was made as, an authority is one that came from elsewhere.
std::vector<std::string> describe_again(const base::Directory& directory, const Name& name) {
  if (directory.has(kManifestFile) || !has_chain(directory)) return {};
  const auto text = directory.read(intermediate_file(kFirstGeneration), kLongestFile);
  const auto intermediate = pki::Certificate::parse_all(*text).front();
  directory.replace(kManifestFile, base::as_bytes(manifest_of(name, intermediate)));
  return {kManifestFile};
}

void write_chain(const base::Directory& directory, const Chain& chain) {
  write_certificates(directory, kRootFile, {&chain.root, 1});
  write_certificates(directory, intermediate_file(kFirstGeneration), chain.intermediates);
}

}  // namespace

Founded create_authority(inventory::Store& store, const Ceremony& wanted, const Passphrases& passphrases, Time now) {
  require_sound(wanted, passphrases);
  Site site = open_site(store, wanted.name);
  const auto build = [&](const base::Directory& directory) {
    if (wanted.root == RootPlace::here) {
      build_here(directory, wanted, passphrases, now);
    } else {
      build_offline(directory, wanted, passphrases);
    }
  };
  const auto check = [&](const base::Directory& directory) { check_earlier(directory, wanted, passphrases); };
  return found(site, manifest_of(wanted), build, check, now);
}

Founded import_intermediate(inventory::Store& store, const Name& name, std::vector<pki::Certificate> chain, Time now) {
  Site site = open_site(store, name);
  inventory::Authorities authorities(store);
  if (!authorities.find(name))
    throw Error(Fault::not_found, fmt::format("there is no authority {}", name),
                fmt::format("make it with `everseal ca init {} --root offline`", name));
  if (!authorities.certificates(name).empty())
    throw Error(Fault::exists, fmt::format("authority {} has its intermediate already", name));
  const base::Directory directory = site.authorities.subdirectory(name.text());
  const auto csr = directory.read(kCsrFile, kLongestFile);
  if (!csr) throw Error(Fault::corrupt, fmt::format("{}/{} is missing", directory.path(), kCsrFile));
  write_chain(directory, judge_chain(std::move(chain), pki::Csr::parse(*csr).public_key_info, now));
  return enrol(store, name, directory, now);
}

Founded import_authority(inventory::Store& store, const Name& name, std::vector<pki::Certificate> chain,
                         const pki::PrivateKey& key, const base::Secret* passphrase, Time now) {
  require_passphrase(passphrase, "intermediate's");
  const Chain judged = judge_chain(std::move(chain), key.public_key_info(), now);
  Site site = open_site(store, name);
  const std::string key_file = intermediate_key_file(kFirstGeneration);
  const auto build = [&](const base::Directory& directory) {
    keystore::file().import_key({directory, key_file, passphrase}, key);
    write_chain(directory, judged);
    write_first_crl(directory, judged.intermediates.front(), key, now);
  };
  const auto check = [&](const base::Directory& directory) { require_opens(directory, key_file, passphrase); };
  return found(site, manifest_of(name, judged.intermediates.front()), build, check, now);
}

Founded adopt_authority(inventory::Store& store, const Name& name, Time now) {
  Site site = open_site(store, name);
  const auto directory = site.authorities.subdirectory_if_exists(name.text());
  if (!directory) throw Error(Fault::not_found, fmt::format("there is no directory of authority {}", name));
  inventory::Authorities authorities(store);
  const bool known = authorities.find(name).has_value();
  if (!known) require_whole(*directory);
  std::vector<std::string> mended = known ? mend_files(store, name) : describe_again(*directory, name);
  // An older database may know it as one that waits still.
  const bool enrols = !known || (authorities.certificates(name).empty() && has_chain(*directory));
  Founded founded = enrols ? enrol(store, name, *directory, now) : describe(*directory);
  founded.mended = std::move(mended);
  merge_published_crl(store, name, now);
  return founded;
}

base::Secret generate_passphrase() {
  // Without letters and digits that look alike; 32 of them, so every octet's low bits choose evenly.
  constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  constexpr std::size_t kGroups = 6;
  constexpr std::size_t kGroupSize = 5;
  base::Bytes random = pki::random_bytes(kGroups * kGroupSize);
  std::string text;
  text.reserve(kGroups * (kGroupSize + 1));
  for (std::size_t i = 0; i < random.size(); ++i) {
    if (i > 0 && i % kGroupSize == 0) text.push_back('-');
    text.push_back(kAlphabet[random[i] % kAlphabet.size()]);
  }
  base::wipe(random.data(), random.size());
  return base::Secret::take(text);
}

}  // namespace everseal::authority
