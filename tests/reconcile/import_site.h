// A host of ours, a CA, and what an import there came to.
#pragma once

#include "base/text.h"
#include "config/fixture.h"
#include "fakes/acme_server.h"
#include "importer/certbot.h"
#include "importer/fixture.h"
#include "inventory/accounts.h"
#include "inventory/managed.h"
#include "reconcile/verbs/account.h"
#include "reconcile/verbs/import.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::reconcile::testing {

using importer::testing::Issued;
using importer::testing::Tree;
using pki::KeyType;

inline const pki::PrivateKey& account_key(int number) { return pki::testing::key_of(KeyType::ecdsa_p256, 50 + number); }

struct ImportSite {
  Tree tree;
  fakes::AcmeServer ca;
  Host host;

  ImportSite() {
    host.state = tree / "state";
    host.files = config::files(tree.write("config/everseal.toml", "config_version = 1\n"), host.state);
    inventory::Store::create(host.state, host.clock());
    tree.make_folder("root");
  }

  void configure(const std::string& text) const { tree.write("config/everseal.toml", "config_version = 1\n" + text); }
  std::string issuer(const std::string& name) const {
    return fmt::format("[issuer.{}]\ntype = \"acme\"\ndirectory = \"{}\"\nca_file = \"{}\"\n", name, ca.directory_url(),
                       ca.ca_file());
  }

  // "localhost:14000/directory"
  std::string server() const { return ca.directory_url().substr(std::string_view("https://").size()); }

  // Who asks for an account gets this problem.
  void refuse_accounts(int status, const std::string& type, const std::string& detail) {
    ca.set_rules(
        [=](fakes::AcmeExchange& exchange) {
          if (exchange.resource == "newAccount") exchange.answer = fakes::AcmeAnswer::problem(status, type, detail);
        },
        nullptr);
  }

  // Makes the CA know the key.
  void register_key(const pki::PrivateKey& key) {
    acme::ClientSettings settings{
        .directory_url = ca.directory_url(), .http = {}, .clock = host.clock, .remembered_directory = {}};
    settings.http.ca_file = ca.ca_file();
    acme::register_account(host.shared->acme_client(settings), key,
                           {.contact = {}, .terms = acme::Terms::agreed, .external = nullptr}, {});
  }

  ImportReport import(std::string_view client, const std::string& directory, ImportMode mode = ImportMode::take) const {
    ImportRequest request = this->request(client, directory);
    request.mode = mode;
    return import_client(host, request);
  }
  ImportRequest request(std::string_view client, const std::string& directory) const {
    ImportRequest request;
    request.kind = importer::find_kind(client);
    request.directory = directory;
    request.ca_file = ca.ca_file();
    request.root = tree / "root";
    return request;
  }

  config::Config config() const { return config::parse_or_throw(config::read(host.files), config::kinds()); }
};

// With the one account that the CA knows.
struct CertbotSite : ImportSite {
  importer::testing::CertbotTree certbot;

  CertbotSite() {
    register_key(account_key(1));
    certbot.server = ca.directory_url();
    certbot.add_account(fmt::format("{}/{}", server(), certbot.account), account_key(1), "{}");
  }
  ImportReport import(ImportMode mode = ImportMode::take) const {
    return ImportSite::import("certbot", certbot.path(), mode);
  }
};

// "SUBJECT TARGET: RESULT", without what the text says.
inline std::string outcomes_of(const ImportReport& report) {
  std::vector<std::string> lines;
  for (const Outcome& outcome : report.verdict.outcomes)
    lines.push_back(fmt::format("{} {}: {}", outcome.subject, outcome.target, to_string(outcome.result)));
  return base::join(lines, " | ");
}

inline std::string texts_of(const ImportReport& report) {
  std::string text;
  for (const Outcome& outcome : report.verdict.outcomes) text += fmt::format("{}: {}\n", outcome.subject, outcome.text);
  return text;
}

}  // namespace everseal::reconcile::testing
