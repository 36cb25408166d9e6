// What a deployed file holds, made from an artifact.
#pragma once

#include "base/encoding.h"
#include "base/secret.h"
#include "deploy/deploy.h"
#include "pki/pkcs12.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace everseal::deploy {

enum class Content { fullchain, privkey, cert, chain, combined, p12, crl, crl_pem, bundle };

inline constexpr std::array<std::string_view, 9> kContentNames{"fullchain", "privkey", "cert",    "chain", "combined",
                                                               "p12",       "crl",     "crl_pem", "bundle"};
std::string_view to_string(Content content) noexcept;
std::optional<Content> parse_content(std::string_view text) noexcept;
std::string default_file_name(Content content, const Name& name);
bool holds_key(Content content) noexcept;

struct Pkcs12Options {
  std::string password_file;  // as base::read_secret_file takes it; read when it is needed
  pki::Pkcs12Form form = pki::Pkcs12Form::modern;
};

// Throws Error(config) where the artifact has nothing of that kind, as a CRL has no private key.
base::Secret render(Content content, const Artifact& artifact, const Pkcs12Options& pkcs12);

// True where `present` says the same as `wanted`, which render() made of `artifact`. A PKCS#12 file is compared by what
// is in it, as no two of them have the same octets.
bool says_the_same(Content content, base::BytesView present, const base::Secret& wanted, const Artifact& artifact,
                   const Pkcs12Options& pkcs12);

}  // namespace everseal::deploy
