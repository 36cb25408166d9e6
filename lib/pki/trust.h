// One chain as the clients of several trust stores see it.
#pragma once

#include "base/text.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/chain.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace everseal::pki {

// `system`: public roots alone, to which the dated limits of the web's CAs apply. `own`: what the operator trusts
// beside them; one of the two has to trust a chain. `further`: what some clients hold, asked of public chains only.
enum class StoreKind { system, own, further };

struct TrustStore {
  std::string name;  // "system", "java-8"; printable
  StoreKind kind = StoreKind::system;
  std::vector<Certificate> anchors;
};

struct StoreVerdict {
  std::string store;
  StoreKind kind = StoreKind::system;
  bool trusted = false;           // a path to an anchor stands, but for its dates and what the leaf may be used for
  bool valid = false;             // and these hold too
  int depth = 0;                  // of the certificate at fault
  std::string problem;            // what stands against it, trust before dates; empty where valid
  std::vector<Certificate> path;  // leaf first, to the anchor where it is trusted, else as far as it goes
  base::Untrusted missing;        // the issuer whose certificate is neither sent nor in the store; empty: none is
  // With these of the known ones, which were not sent, it would be trusted; empty where it is, or would not be.
  std::vector<Certificate> absent;
};

// What was sent beside the leaf, whoever trusts it.
struct ChainShape {
  bool self_signed = false;        // the leaf's signature verifies with its own key
  bool leaf_first = true;          // the first certificate issued none of the others
  bool ordered = true;             // no issuer stands before what it issued
  std::vector<Certificate> roots;  // self-signed ones on the way up from the leaf, which a client has or does not trust
  std::vector<Certificate> foreign;  // on no way up from the leaf, or sent before
};

struct ChainVerdict {
  ChainShape shape;
  std::vector<StoreVerdict> stores;  // in the order given

  // The path of the environment's clients: of the first store, `further` ones aside, that finds the chain valid, else
  // of the first that trusts it; null where none does.
  const StoreVerdict* accepted() const noexcept;
  // Ends it in a root of the system's store that the operator did not bring?
  bool is_public() const noexcept;
  // Is the certificate part of a path that some store trusts?
  bool is_needed(const Certificate& certificate) const;
};

// Judges chains at one time against stores that are loaded once, and remembers the verdicts, since thousands of
// endpoints share one chain. It lives as long as one run, whose time it holds. For one thread at a time; verdicts are
// immutable and outlive it.
class ChainJudge {
 public:
  // Remembers at most `most` verdicts; what comes beyond is judged and not kept. `known` are CA certificates from
  // elsewhere, which tell what a chain lacks and never make one trusted.
  ChainJudge(std::vector<TrustStore> stores, base::Time at, std::vector<Certificate> known = {},
             std::size_t most = 10'000);
  ~ChainJudge();
  ChainJudge(const ChainJudge&) = delete;
  ChainJudge& operator=(const ChainJudge&) = delete;

  // `sent` leaf first, as it came. RFC 5280 section 6 as most clients apply it: without OpenSSL's strict checks, and
  // only self-issued anchors end a path. Of more than 32 certificates the rest counts as foreign.
  std::shared_ptr<const ChainVerdict> judge(std::span<const Certificate> sent, Purpose purpose = Purpose::server);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace everseal::pki
