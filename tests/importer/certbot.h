// A directory such as certbot leaves.
#pragma once

#include "importer/fixture.h"
#include "pki/json_web_key.h"

namespace everseal::importer::testing {

inline constexpr const char* kCertbotServer = "https://ca.example.net:14000/dir";
inline constexpr const char* kCertbotAccount = "68648a125f17544b2c8f5a25bf2606c0";

struct CertbotTree : Tree {
  std::string server = kCertbotServer;  // of the lineages that are added from now on
  std::string account = kCertbotAccount;

  void add_account(const std::string& server_and_id, const pki::PrivateKey& key, std::string_view registration) const {
    const std::string folder = "accounts/" + server_and_id;
    write(folder + "/meta.json", R"({"creation_dt": "2026-11-26T18:58:11Z", "creation_host": "localhost"})");
    write(folder + "/regr.json", registration);
    write(folder + "/private_key.json", pki::testing::jwk_of(key).dump());
  }

  // `top` is what stands above [renewalparams].
  void add_conf(const std::string& name, const std::string& parameters, const std::string& top = {}) const {
    std::string text = "# renew_before_expiry = 30 days\nversion = 2.1.0\n" + top;
    text += fmt::format("archive_dir = {}/archive/{}\n", path(), name);
    for (const char* const file : {"cert", "privkey", "chain", "fullchain"})
      text += fmt::format("{} = {}/live/{}/{}.pem\n", file, path(), name, file);
    write(fmt::format("renewal/{}.conf", name),
          fmt::format("{}\n# Options used in the renewal process\n[renewalparams]\naccount = {}\n{}", text, account,
                      parameters));
  }

  void add_files(const std::string& name, const Issued& issued) const {
    const std::pair<const char*, std::string> files[] = {{"cert", issued.leaf_pem()},
                                                         {"chain", issued.issuer_pem()},
                                                         {"fullchain", issued.chain_pem()},
                                                         {"privkey", issued.key_pem()}};
    for (const auto& [file, text] : files) {
      write(fmt::format("archive/{}/{}2.pem", name, file), text);
      link(fmt::format("live/{}/{}.pem", name, file), fmt::format("../../archive/{}/{}2.pem", name, file));
    }
    write(fmt::format("live/{}/README", name), "Do not touch.\n");
  }

  void add(const std::string& name, const Issued& issued,
           const std::string& parameters = "authenticator = standalone\n", const std::string& top = {}) const {
    add_conf(name, fmt::format("server = {}\n{}", server, parameters), top);
    add_files(name, issued);
  }

  Found read() const { return read_as("certbot", path()); }
};

}  // namespace everseal::importer::testing
