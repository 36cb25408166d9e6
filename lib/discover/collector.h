// Gathers what the readers of containers find in one file. For discover only.
#pragma once

#include "base/encoding.h"
#include "base/secret.h"
#include "discover/found.h"
#include "discover/passwords.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace everseal::discover {

class Collector {
 public:
  Collector(File& file, const Passwords& passwords) : file_(file), passwords_(passwords) {}

  const Passwords& passwords() const noexcept { return passwords_; }
  void is(Container container) noexcept { file_.container = container; }
  Container container() const noexcept { return file_.container; }
  void is_trust_store() noexcept { file_.is_trust_store = true; }

  // Where what comes next stands; "" for the file as such.
  void stands_at(std::string place) { place_ = std::move(place); }
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
  std::string entry_at(const std::string& entry) const;

  std::string place_;
  int position_ = 0;
  bool has_too_many_certificates_ = false;
  bool has_too_many_keys_ = false;
};

// Reads what a part of a container is, by its octets; `entry` says where it stands. False where that is nothing known.
bool read_part(base::BytesView octets, const std::string& entry, Collector& found);

// Readers of one kind of container each.
void read_pem(base::BytesView octets, Collector& found);
void read_der(base::BytesView octets, Collector& found);
void read_pkcs7(base::BytesView octets, Collector& found);
void read_pkcs12(base::BytesView octets, Collector& found);
bool begins_jks(base::BytesView octets) noexcept;
void read_jks(base::BytesView octets, Collector& found);
bool begins_kubernetes(base::BytesView octets) noexcept;
// False where nothing is found in it: other readers may.
bool read_kubernetes(base::BytesView octets, Collector& found);

}  // namespace everseal::discover
