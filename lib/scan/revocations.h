// What CRLs say of the certificates that an audit meets: fetched beside the looks, each once, and kept for the next
// run.
#pragma once

#include "audit/sight.h"
#include "base/time.h"
#include "net/fetch.h"
#include "pki/digest.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace everseal::scan {

struct CrlSource {
  net::FetchRules rules;  // but for `largest`
  // Where CRLs are kept, made where it is missing; "": nowhere. Whatever lies there is verified like what was fetched,
  // and may go at any time.
  std::string directory;
  // Files that hold the CRL of an issuer of this host, by its key's pin: they are read in place of asking anybody.
  std::map<pki::Sha256, std::string> own{};
};

// Who gave no CRL, or did.
struct CrlHost {
  std::string name;
  std::string problem;      // printable, the same as long as nothing changes; "" where all is well
  bool is_refused = false;  // by the rules alone: nobody was asked
};

// For one thread at a time; it fetches in a few of its own, which end with it. CRLs are asked for where the chain is
// valid for the environment's clients, for each certificate below the anchor that names one and that no staple spoke
// for. A host that does not answer is not asked again.
class Revocations {
 public:
  Revocations(CrlSource source, base::Time now);
  ~Revocations();
  Revocations(const Revocations&) = delete;
  Revocations& operator=(const Revocations&) = delete;

  using Number = std::size_t;
  // Fills in what is known of the sight's path. The number of a CRL that is still under way, without which it is not
  // all.
  std::optional<Number> fill(audit::Sight& sight);
  // Those that arrived, or failed, since it was called last.
  std::vector<Number> take_arrived();
  // Until another arrived. False where none is under way, `stop` is requested or `until` has come.
  bool wait(std::chrono::steady_clock::time_point until, std::stop_token stop);
  // Every host that CRLs were asked of, by name.
  std::vector<CrlHost> hosts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace everseal::scan
