// What another ACME client left in its directory, in our words: read and never changed, parsed and never sourced.
#pragma once

#include "base/secret.h"
#include "base/value.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "pki/name.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::importer {

// The CA as the client knows it.
struct Server {
  std::string directory;  // URL of its directory; "" where the client does not keep it
  std::string authority;  // "acme-v02.api.letsencrypt.org", "localhost:14000"; "" only where nothing tells
  auto operator<=>(const Server&) const = default;
};

struct Account {
  std::string label;  // how the client's files call it; printable
  Server server;
  std::string url;                   // as the client remembers it, or ""
  std::vector<std::string> contact;  // URLs
  std::string ca_file;               // what the client trusts in place of the system's anchors, absolute; or ""
  pki::PrivateKey key;
};

// How names were proved, as a [challenge.NAME] of our config. `secrets` become files that options name.
struct Challenge {
  std::string type;                    // "http-01", ...
  std::vector<pki::Identifier> names;  // of the certificate
  base::Table options;                 // of the kind and of its provider, which is among them
  std::vector<std::pair<std::string, base::Secret>> secrets;
};

// A file outside the client's directory that it wrote for servers.
struct Copy {
  std::string content;  // in the words of our deployments: "fullchain", "privkey", "cert", "chain"
  std::string file;     // absolute
  auto operator<=>(const Copy&) const = default;
};

// One certificate that the client kept alive.
struct Lineage {
  std::string label;  // printable
  std::optional<std::size_t> account;
  Server server;
  std::string profile;                  // of the CA, or ""
  std::string preferred_chain;          // or ""
  std::vector<pki::Certificate> chain;  // leaf first
  std::optional<pki::PrivateKey> key;   // nullopt: of a type that is not used here
  std::vector<Challenge> challenges;    // of names of which nothing is known none
  std::vector<std::string> files;       // in the directory, absolute; of a folder all that is in it
  std::vector<Copy> copies;
  std::string reload;  // the command line that the client ran after a renewal, or ""
};

// What a person must know: of something that has no counterpart here, or that could not be read.
struct Remark {
  enum class Kind { left, unreadable };
  Kind kind = Kind::left;
  std::string subject;  // the lineage's or account's label, or the file; printable
  std::string text;     // printable
  std::string advice;   // what to do, printable; or ""
};

struct Found {
  std::vector<Account> accounts;
  std::vector<Lineage> lineages;
  std::vector<Remark> remarks;

  void leave(std::string subject, std::string text, std::string advice = {}) {
    remarks.push_back({Remark::Kind::left, std::move(subject), std::move(text), std::move(advice)});
  }
};

struct Kind {
  std::string_view name;  // as the client is called: "certbot"
  std::string_view summary;
  // Whatever cannot be read of one lineage or account is a remark. Error(config) where `directory` (absolute) is not of
  // this client; Error(io).
  Found (*read)(const std::string& directory);
};

std::span<const Kind* const> kinds();
const Kind* find_kind(std::string_view name) noexcept;

}  // namespace everseal::importer
