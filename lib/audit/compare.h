// Judges of what more than one place showed: facts small enough to be kept for a whole run of many thousands.
#pragma once

#include "audit/criteria.h"
#include "audit/finding.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/digest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace everseal::audit {

// A listener may hold an RSA key beside one of another kind: certificates of the two are held apart.
bool has_rsa_key(const pki::Certificate& certificate);

// The leaf that one place showed; some 200 octets.
struct Shown {
  std::string place;
  std::string endpoint;  // whose addresses ought to agree: "www.example.org:443"; "" where none need to
  std::string leaf;      // for people, as the certificate has it
  pki::Fingerprint certificate;
  pki::Sha256 key{};                 // of its SubjectPublicKeyInfo
  pki::Sha256 serial{};              // of issuer, its key and serial number
  std::vector<std::uint64_t> names;  // hashes of the subject alternative names, sorted
  bool is_rsa = false;
  const Criteria* criteria = nullptr;  // the place's environment's, which outlive it; never null
};
Shown shown(std::string place, std::string endpoint, const pki::Certificate& leaf, const Criteria& criteria);

// For one thread at a time.
class Comparison {
 public:
  void add(Shown one) { all_.push_back(std::move(one)); }
  // key-reused, serial-reused and addresses-differ, each once for all places concerned, at the first of them in order.
  // The same whatever the order of `add`.
  std::vector<Finding> findings();

 private:
  std::vector<Shown> all_;
};

// What a server ought to show: the file that it reads, or the version that was deployed to it.
struct Expected {
  std::string where;  // "/etc/nginx/tls/fullchain.pem"
  pki::Certificate leaf;
  std::optional<base::Time> since;  // when it came there; a reload gets an hour
};
// served-differs: an error where the expected one is the newer.
std::vector<Finding> judge_served(const std::string& place, const pki::Certificate& served, const Expected& expected,
                                  const Criteria& criteria, base::Time now);

// A version of a managed certificate that another one took the place of.
struct Superseded {
  std::string name;   // of the managed certificate
  int served = 0;     // its version at the place
  int in_use = 0;     // the one that ought to be there
  base::Time ends;    // of that
  std::string where;  // what is known of it beside: "was deployed to nginx"
  base::Time since;   // when it came into use; a reload gets an hour
};
// superseded-served. `leaf`: that is served.
std::vector<Finding> judge_superseded(const std::string& place, const pki::Certificate& leaf,
                                      const Superseded& superseded, const Criteria& criteria, base::Time now);

// Where a server passes on what came in by TLS.
struct Upstream {
  std::string target;  // "http://10.0.0.5:8080", as the config has it
  enum class Transport : std::uint8_t { plain, unverified, verified } transport = Transport::plain;
  bool leaves_host = true;  // neither loopback nor a Unix socket
};
// upstream-plain, upstream-unverified.
std::vector<Finding> judge_upstream(const std::string& place, const Upstream& upstream, const Criteria& criteria);

// Why a host gave no CRL. not_asked: the operator's rules forbid it, which is a notice.
enum class Unfetched : std::uint8_t { failed, not_asked };
// revocation-unknown: once for a host, whatever it is asked about. `place`: the host.
std::vector<Finding> judge_fetch(const std::string& place, Unfetched why, const std::string& problem,
                                 const Criteria& criteria);

}  // namespace everseal::audit
