// Gathers what the readers of containers find in one file. For discover only.
#pragma once

#include "base/encoding.h"
#include "base/secret.h"
#include "discover/found.h"
#include "discover/passwords.h"

#include <string>
#include <vector>

namespace everseal::discover {

class Collector {
 public:
  Collector(File& file, const Passwords& passwords) : file_(file), passwords_(passwords) {}

  const Passwords& passwords() const noexcept { return passwords_; }
  void is(Container container) noexcept { file_.container = container; }
  Container container() const noexcept { return file_.container; }
  void is_trust_store() noexcept { file_.is_trust_store = true; }

  // One certificate; what does not decode is a trouble. `entry` as FoundCertificate::entry.
  void certificate(base::BytesView der, const std::string& entry = {});
  // PKCS#8, PKCS#1 or SEC 1.
  void key(base::BytesView der, const std::string& entry = {});
  // One by the digest of its public half; nullopt: it is encrypted, or cannot be read.
  void key(std::optional<pki::Sha256> pin, const std::string& entry);
  // A certificate stands here that cannot be read; its trouble is told apart.
  void lost_certificate() noexcept { ++position_; }
  void trouble(Reason reason, const std::string& what);
  bool has_keys() const noexcept { return !file_.keys.empty(); }
  bool found_anything() const noexcept { return !file_.certificates.empty() || !file_.keys.empty(); }
  bool has_trouble() const noexcept { return !file_.troubles.empty(); }

  // Which key belongs to which certificate. The last call.
  void finish();

 private:
  bool has_room();

  File& file_;
  const Passwords& passwords_;
  int position_ = 0;
  bool has_too_many_certificates_ = false;
  bool has_too_many_keys_ = false;
};

// Readers of one kind of container each.
void read_pem(base::BytesView octets, Collector& found);
void read_der(base::BytesView octets, Collector& found);
void read_pkcs7(base::BytesView octets, Collector& found);
void read_pkcs12(base::BytesView octets, Collector& found);
bool begins_jks(base::BytesView octets) noexcept;
void read_jks(base::BytesView octets, Collector& found);

}  // namespace everseal::discover
