// A host of its own for one test: a directory with a config, a state and an internal CA, and the built program run in
// it.
#pragma once

#include "fakes/temporary_directory.h"
#include "pki/certificate.h"
#include "system/program.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace everseal::system {

// Passes where the program ended with `status` by itself.
void require_status(const base::Exit& exit, int status);

// SHA-256 over names, owners, modes, link targets and contents of all below `directory`, in hex.
std::string digest_of_tree(const std::string& directory);

class Site {
 public:
  enum class Ca { none, demo };
  // With `Ca::demo` there is an authority "demo", that certificates may name as their issuer.
  explicit Site(Ca ca = Ca::demo);

  const std::string& path() const noexcept { return directory_.path(); }
  std::string operator/(const std::string& name) const { return directory_ / name; }
  std::string state() const { return directory_ / "state"; }
  std::string config_file() const { return directory_ / "config/everseal.toml"; }
  // The root that clients trust.
  std::string root_file() const { return state() + "/authorities/demo/root.pem"; }

  // Makes `tables` the whole config, after config_version.
  void configure(const std::string& tables) const;
  // An executable file of that name in the site, for hooks.
  std::string script(const std::string& name, const std::string& body) const;
  // A directory that a server reads, holding a self-signed certificate in fullchain.pem and privkey.pem, both also in
  // combined.pem: a server runs before Everseal comes.
  std::string server_directory(const std::string& name, const std::string& owner = "root") const;

  // The words of a run, behind others such as strace or faketime.
  Words command(Words words) const;
  base::Exit everseal(Words words, const base::Command& how = {}) const;
  Json json(Words words) const;

  // What `history` tells of a certificate: {"action", "detail", ...} each.
  std::vector<Json> events(const std::string& name) const;
  std::size_t count_events(const std::string& name, const std::string& action) const;
  Json deployment(const std::string& name, const std::string& target) const;
  std::string deployment_state(const std::string& name, const std::string& target) const;
  // Versions with a certificate.
  std::size_t count_versions(const std::string& name) const;
  // Leaf certificates in the inventory.
  std::size_t count_leaves() const;
  // Every certificate that the authority signed, from its own side.
  std::size_t count_signed() const;
  // Serial of the version that `live` points at.
  std::string live_serial(const std::string& name) const;
  // What a disk took with it: the database and every copy of it.
  void lose_database() const;

 private:
  fakes::TemporaryDirectory directory_;
};

std::string serial_of(const std::string& certificate_file);

// Tables of a config: a certificate for localhost and 127.0.0.1 from `demo`, and a deployment of kind `files` of it.
// `more` is further lines of the table.
std::string certificate_table(const std::string& name, const std::string& more = {});
struct FilesTable {
  std::string certificate = "web";
  std::string target = "server";
  std::string directory;
  std::string reload;  // path of a hook; "": none
  std::string verify;  // HOST:PORT; "": there is no listener
  std::string more = {};
};
std::string deploy_table(const FilesTable& table);

}  // namespace everseal::system
