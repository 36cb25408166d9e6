// What was found in a file, decoded.
#pragma once

#include "base/secret.h"
#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/csr.h"
#include "pki/signer.h"

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace everseal::cli {

// Its type only: `signer` is absent where it stays encrypted or is of a type that Everseal does not use.
struct FoundKey {
  std::optional<pki::Signer> signer;
  std::string text;  // "ecdsa-p256", "encrypted"; printable
};

// Something that is no certificate, CSR, key or CRL, or claims to be one and does not decode.
struct Undecoded {
  std::string label;    // "CERTIFICATE", "DH PARAMETERS"; printable
  std::string problem;  // empty where it is merely nothing that Everseal decodes; printable
};

using Item = std::variant<pki::Certificate, pki::Csr, pki::Crl, FoundKey, Undecoded>;

struct Contents {
  std::string source;  // path; printable
  std::string form;    // "PEM", "DER", "PKCS#12", "PKCS#7", "JKS"
  std::vector<Item> items;

  std::vector<pki::Certificate> certificates() const;
};

// Gives a password when one is needed; nullopt: there is none to be had.
using AskPassword = std::function<std::optional<base::Secret>(const std::string& for_what)>;

// Reads a regular file, or standard input for "-", at most 16 MiB. Throws Error(not_found/io), and Error(invalid) for
// what is too large, no file, or nothing that can be decoded, saying what it looks like.
Contents inspect_file(const std::string& path, const AskPassword& ask);

}  // namespace everseal::cli
