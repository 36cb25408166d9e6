// A directory such as acme.sh leaves.
#pragma once

#include "importer/fixture.h"

#include <map>

namespace everseal::importer::testing {

inline constexpr const char* kAcmeShServer = "https://ca.example.net:14000/dir";

struct AcmeShTree : Tree {
  using Lines = std::map<std::string, std::string>;

  static std::string text_of(const Lines& lines) {
    std::string text;
    for (const auto& [name, value] : lines) text += fmt::format("{}='{}'\n", name, value);
    return text;
  }

  AcmeShTree() { settings({}); }
  void settings(const Lines& lines) const {
    write("account.conf", "\n#LOG_FILE=\"/root/.acme.sh/acme.sh.log\"\n#LOG_LEVEL=1\n" + text_of(lines));
  }
  void add_account(const std::string& below, const pki::PrivateKey& key, const Lines& lines) const {
    write(fmt::format("ca/{}/ca.conf", below), text_of(lines));
    write(fmt::format("ca/{}/account.json", below), R"({"status":"valid"})");
    write(fmt::format("ca/{}/account.key", below), traditional_pem(key));
  }
  // `folder` is that of the first name, or with "_ecc" behind it.
  void add(const std::string& folder, const Issued& issued, Lines lines = {}, const std::string& home = {}) const {
    const std::string name = folder.ends_with("_ecc") ? folder.substr(0, folder.size() - 4) : folder;
    lines.insert(
        {{"Le_Domain", name}, {"Le_Alt", "no"}, {"Le_Webroot", "no"}, {"Le_API", kAcmeShServer}, {"Le_PreHook", ""}});
    const std::string path = fmt::format("{}{}/", home, folder);
    write(path + name + ".conf", text_of(lines));
    write(path + name + ".cer", issued.leaf_pem());
    write(path + name + ".key", traditional_pem(issued.key));
    write(path + "ca.cer", issued.issuer_pem());
    write(path + "fullchain.cer", issued.chain_pem());
  }

  Found read() const { return read_as("acme.sh", path()); }
};

}  // namespace everseal::importer::testing
