// One ACME CA as one [issuer.NAME] of the config knows it: its client, and our account there with the key on disk.
#pragma once

#include "acme/account.h"
#include "acme/client.h"
#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "inventory/records.h"
#include "issuer/issuer.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace everseal::issuer {

inline constexpr std::string_view kAcme = "acme";  // the kind's name

// The options of the kind `acme`, and what is wrong with a set of them beyond their types.
std::span<const base::Option> acme_options() noexcept;
std::vector<std::string> check_acme_options(const base::Options& options, const Name& name,
                                            std::vector<std::string>& claims);

enum class AcmeEndpoint { production, staging };

// Runs `work`; hints that say ISSUER, as acme/ does not know what the config calls a CA, say `issuer`. An answer that
// breaks the protocol (Fault::invalid) says what to do about such a CA.
base::Error naming(const base::Error& error, const Name& issuer);
template <class Work>
decltype(auto) naming(const Name& issuer, Work&& work) {
  try {
    return std::invoke(std::forward<Work>(work));
  } catch (const base::Error& error) {
    throw naming(error, issuer);
  }
}

// Used by one thread at a time; processes exclude each other by a lock on the account's folder. All calls throw what
// acme/ throws.
class AcmeCa {
 public:
  // Error(config) where `options` name no staging directory and it is asked for.
  AcmeCa(const Name& issuer, const base::Options& options, const Surroundings& surroundings,
         AcmeEndpoint endpoint = AcmeEndpoint::production);

  acme::Client& client() noexcept { return *client_; }
  const std::string& directory_url() const noexcept { return directory_url_; }

  // Our account; registered where there is none yet. An account whose registration was not seen to end is looked for
  // first.
  const acme::Account& account(std::stop_token stop);
  // Our account as it is recorded; nullopt where there is none.
  std::optional<inventory::AccountRecord> known_account();

  // Makes an account; the one that stands, where there is one. With a new key where the CA does not know the present
  // one (any more).
  inventory::AccountRecord register_account(std::stop_token stop);
  // Asks the CA. Error(not_found) where we have none.
  inventory::AccountRecord refresh_account(std::stop_token stop);
  inventory::AccountRecord update_contact(std::stop_token stop);  // to what the config says
  inventory::AccountRecord rotate_key(std::stop_token stop);
  inventory::AccountRecord deactivate(std::stop_token stop);

  // Error where our account's key is missing, broken, or not the one that its manifest names, or where others can read
  // it. Asks nobody and changes nothing; fine where there is no account, or one that has ended.
  void require_key() const;

  // Takes an account that another client made, with its key; `url` as that client remembers it, or "". Where it is ours
  // already nothing changes, though its key may have been changed here. Error(exists) where another is ours.
  inventory::AccountRecord adopt(const pki::PrivateKey& key, const std::string& url, std::stop_token stop);

  // The key of an account in that state directory; nullopt where it is missing.
  static std::optional<pki::Signer> key_of(const std::string& state, const inventory::AccountRecord& account);

  // Tells the surroundings what the CA's clock shows, where it was seen.
  void tell_peer_time() const;
  // Keeps the directory for the next process where it was fetched by this one.
  void remember_directory();

 private:
  std::string command(std::string_view verb) const;  // "`everseal account VERB ISSUER`"
  std::string remedy() const;                        // of a key that cannot be used
  base::Error missing_key() const;
  std::string folder_path() const;
  base::FileLock lock() const;
  base::Directory folder() const;
  std::optional<inventory::AccountRecord> row() const;
  acme::Account require_account(std::stop_token stop);
  std::optional<pki::Signer> settled_key(const base::Directory& folder, std::stop_token stop);
  inventory::AccountRecord record(const acme::AccountState& state, const pki::Signer& key);
  acme::AccountState ask_for_account(const pki::Signer& key, std::stop_token stop);
  void write_manifest(const inventory::AccountRecord& account, const pki::Signer& key) const;

  // Under the lock. The row as the manifest beside the key has it: of the two it is the newer one.
  std::optional<inventory::AccountRecord> settled_account();
  inventory::AccountRecord register_under_lock(std::stop_token stop);
  acme::Account account_under_lock(std::stop_token stop);

  Name issuer_;
  const base::Options& options_;
  const Surroundings surroundings_;
  AcmeEndpoint endpoint_;
  std::string directory_url_;
  std::string folder_name_;
  acme::Client* client_ = nullptr;
  std::optional<acme::Account> account_;
  std::string thumbprint_;  // of the key that the manifest speaks of
};

}  // namespace everseal::issuer
