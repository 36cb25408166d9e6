#include "deploy/material.h"

#include "base/error.h"
#include "base/file.h"
#include "pki/crl.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::deploy {
namespace {

using base::Error;
using base::Fault;
using base::Secret;

[[noreturn]] void nothing_of(Content content, const Artifact& artifact, std::string_view why) {
  throw Error(Fault::config, fmt::format("{} has no '{}': {}", artifact.name, to_string(content), why),
              "take it out of the deployment's contents");
}

std::string pem_of(std::span<const pki::Certificate> certificates) {
  std::string text;
  for (const pki::Certificate& certificate : certificates) text += certificate.pem();
  return text;
}

const Secret& key_of(Content content, const Artifact& artifact) {
  if (artifact.chain.empty()) nothing_of(content, artifact, "it is a CRL and a trust bundle, not a certificate");
  if (artifact.is_key_lost)
    throw Error(
        Fault::corrupt,
        fmt::format("the private key of version {} of {} is missing from the archive", artifact.number, artifact.name),
        fmt::format("bring it back from a backup, or `everseal renew --force {}` makes a new version", artifact.name));
  if (artifact.key_pem == nullptr) nothing_of(content, artifact, "its private key is kept elsewhere");
  return *artifact.key_pem;
}

std::span<const pki::Certificate> chain_of(Content content, const Artifact& artifact) {
  if (artifact.chain.empty()) nothing_of(content, artifact, "it is a CRL and a trust bundle, not a certificate");
  return artifact.chain;
}

const base::Bytes& crl_of(Content content, const Artifact& artifact) {
  if (artifact.crl.empty()) nothing_of(content, artifact, "only an authority has a CRL, once it has signed one");
  return artifact.crl;
}

Secret combined(const Artifact& artifact) {
  const Secret& key = key_of(Content::combined, artifact);
  const std::string chain = pem_of(artifact.chain);
  base::Bytes both(key.size() + chain.size());
  std::ranges::copy(key.reveal(), both.begin());
  std::ranges::copy(chain, both.begin() + static_cast<std::ptrdiff_t>(key.size()));
  Secret secret{base::BytesView(both)};
  base::wipe(both.data(), both.size());
  return secret;
}

Secret pkcs12_of(const Artifact& artifact, const Pkcs12Options& options) {
  const auto key = pki::PrivateKey::parse(key_of(Content::p12, artifact));
  const Secret password = base::read_secret_file(options.password_file);
  return pki::make_pkcs12(key, artifact.chain, artifact.name.text(), password, options.form);
}

bool same_octets(base::BytesView one, base::BytesView other) { return std::ranges::equal(one, other); }

bool same_pkcs12(base::BytesView present, const Artifact& artifact, const Pkcs12Options& options) {
  try {
    const auto opened = pki::parse_pkcs12(present, base::read_secret_file(options.password_file));
    const auto key = pki::PrivateKey::parse(key_of(Content::p12, artifact));
    return opened.key && same_octets(opened.key->public_key_info(), key.public_key_info()) &&
           opened.certificates == artifact.chain;
  } catch (const Error&) {
    return false;  // broken, or under a former password: it is made anew
  }
}

}  // namespace

std::string_view to_string(Content content) noexcept { return kContentNames[static_cast<std::size_t>(content)]; }

std::optional<Content> parse_content(std::string_view text) noexcept {
  const auto found = std::ranges::find(kContentNames, text);
  if (found == kContentNames.end()) return std::nullopt;
  return static_cast<Content>(found - kContentNames.begin());
}

std::string default_file_name(Content content, const Name& name) {
  switch (content) {
    case Content::p12:
      return fmt::format("{}.p12", name);
    case Content::crl:
      return "crl.der";
    case Content::crl_pem:
      return "crl.pem";
    default:
      return fmt::format("{}.pem", to_string(content));
  }
}

bool holds_key(Content content) noexcept {
  return content == Content::privkey || content == Content::combined || content == Content::p12;
}

Secret render(Content content, const Artifact& artifact, const Pkcs12Options& pkcs12) {
  switch (content) {
    case Content::fullchain:
      return Secret(std::string_view(pem_of(chain_of(content, artifact))));
    case Content::privkey:
      return key_of(content, artifact).copy();
    case Content::cert:
      return Secret(std::string_view(chain_of(content, artifact).front().pem()));
    case Content::chain:
      return Secret(std::string_view(pem_of(chain_of(content, artifact).subspan(1))));
    case Content::combined:
      return combined(artifact);
    case Content::p12:
      return pkcs12_of(artifact, pkcs12);
    case Content::crl:
      return Secret(base::BytesView(crl_of(content, artifact)));
    case Content::crl_pem:
      return Secret(std::string_view(pki::crl_pem(crl_of(content, artifact))));
    case Content::bundle:
      if (artifact.bundle.empty()) nothing_of(content, artifact, "only an authority has a trust bundle");
      return Secret(std::string_view(pem_of(artifact.bundle)));
  }
  throw Error(Fault::internal, "a content that nobody renders");
}

bool says_the_same(Content content, base::BytesView present, const Secret& wanted, const Artifact& artifact,
                   const Pkcs12Options& pkcs12) {
  if (content == Content::p12) return same_pkcs12(present, artifact, pkcs12);
  return same_octets(present, wanted.reveal());
}

}  // namespace everseal::deploy
