// Targets and artifacts for tests of deployments.
#pragma once

#include "base/value.h"
#include "deploy/deploy.h"
#include "fakes/issuing_ca.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace everseal::fakes {

inline base::Value text(std::string value) { return {.data = std::move(value), .origin = {}}; }
inline base::Value words(std::vector<std::string> values) {
  base::List list;
  for (std::string& value : values) list.push_back(text(std::move(value)));
  return {.data = std::move(list), .origin = {}};
}
inline base::Value rows(std::vector<base::Value> values) {
  return {.data = base::List(std::move(values)), .origin = {}};
}
inline base::Value row(base::Table table) { return {.data = std::move(table), .origin = {}}; }

// Validated options of a deploy kind; throws where they are wrong.
inline base::Options deploy_options(std::string_view kind, const base::Table& table) {
  base::Problems problems;
  auto options = base::Options::validate(table, deploy::find_kind(kind)->options, "deploy", {}, {}, problems);
  if (!problems.empty()) throw std::runtime_error(base::to_string(problems.front()));
  return options;
}

// Versions of one certificate, each with a key of its own.
struct Material {
  base::Name name = base::Name::parse("www");
  std::string directory;  // of the version in an archive
  base::Secret key;
  std::vector<pki::Certificate> chain;

  Material(IssuingCa& ca, std::string archive)
      : directory(std::move(archive)),
        key(pki::PrivateKey::generate(pki::KeyType::ecdsa_p256).pem()),
        chain(ca.issue(key)) {}

  deploy::Artifact artifact(std::int64_t number) const {
    return {.name = name,
            .number = number,
            .chain = chain,
            .key_pem = &key,
            .crl = {},
            .bundle = {},
            .directory = directory};
  }
};

}  // namespace everseal::fakes
