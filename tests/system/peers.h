// Other ACME clients at the site's Pebble: what `import` takes over. certbot and lego are Debian's.
#pragma once

#include "pki/key.h"
#include "system/acme_site.h"

#include <map>
#include <string>

namespace everseal::system {

// For the AcmeSite that peers use: certbot gives up at the second nonce that is refused.
PebbleOptions peaceful(PebbleOptions options = {});

struct PeerRequest {
  Words names;
  pki::KeyType key = pki::KeyType::ecdsa_p256;
  Words more = {};  // of the command line
};

// The account of each is for admin@example.org, and registered with its first certificate.

class Certbot {
 public:
  enum class Proof { standalone, webroot, manual_dns };

  explicit Certbot(const AcmeSite& acme, const std::string& name = "letsencrypt");

  void obtain(const PeerRequest& request, Proof proof = Proof::standalone) const;
  // Now, though it is not due.
  void renew(const std::string& lineage) const;

  // Its --config-dir, /etc/letsencrypt elsewhere.
  const std::string& directory() const noexcept { return directory_; }
  const std::string& webroot() const noexcept { return webroot_; }
  std::string account_directory() const;
  std::string account_url() const;
  std::string chain_file(const std::string& lineage) const {
    return directory_ + "/live/" + lineage + "/fullchain.pem";
  }
  std::string key_file(const std::string& lineage) const { return directory_ + "/live/" + lineage + "/privkey.pem"; }

 private:
  void run(Words words) const;

  const AcmeSite& acme_;
  std::string directory_;
  std::string webroot_;
};

class Lego {
 public:
  explicit Lego(const AcmeSite& acme, const std::string& name = "lego");

  // By dns-01 where a name is a wildcard, else by http-01: what it keeps does not tell. The account's key is of the
  // first request's type.
  void obtain(const PeerRequest& request) const { run(request, {"run"}); }
  void renew(const PeerRequest& request) const;

  // Its --path, ./.lego elsewhere.
  const std::string& directory() const noexcept { return directory_; }
  std::string account_directory() const;
  std::string account_url() const;
  // `name`: the first of the certificate's.
  std::string file(const std::string& name, const std::string& suffix) const;
  std::string chain_file(const std::string& name) const { return file(name, ".crt"); }
  std::string key_file(const std::string& name) const { return file(name, ".key"); }

 private:
  friend class AcmeSh;
  void run(const PeerRequest& request, const Words& command) const;

  const AcmeSite& acme_;
  std::string directory_;
};

struct AcmeShRequest {
  Words names;
  pki::KeyType key = pki::KeyType::ecdsa_p256;
  std::string webroot = "no";  // Le_Webroot: "no" is stand-alone
  // Further lines of its config by name, encoded here where acme.sh does so: {"Le_ReloadCmd", "nginx -s reload"}.
  std::map<std::string, std::string> lines = {};
};

// Debian has no acme.sh: keys made as it makes them, an account and certificates that exist at the CA, in its files.
class AcmeSh {
 public:
  explicit AcmeSh(const AcmeSite& acme, const std::string& name = "acme.sh",
                  pki::KeyType account_key = pki::KeyType::ecdsa_p256);

  void obtain(const AcmeShRequest& request) const;
  // A line of account.conf, such as {"SAVED_CF_Token", "secret"}.
  void save(const std::string& name, const std::string& value) const;

  // Its --home, ~/.acme.sh elsewhere.
  const std::string& directory() const noexcept { return directory_; }
  std::string account_directory() const { return directory_ + "/ca/127.0.0.1/dir"; }
  std::string account_url() const { return lego_.account_url(); }
  // `folder`: the first name, and "_ecc" behind it for an elliptic curve's key.
  std::string chain_file(const std::string& folder) const { return directory_ + "/" + folder + "/fullchain.cer"; }
  std::string key_file(const std::string& folder) const;

 private:
  const AcmeSite& acme_;
  Lego lego_;
  std::string directory_;
};

}  // namespace everseal::system
