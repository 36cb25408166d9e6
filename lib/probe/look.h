// All that is done at one address, connection after connection, and what comes of it.
#pragma once

#include "probe/attempt.h"
#include "probe/probe.h"
#include "probe/survey.h"

#include <optional>

namespace everseal::probe {

// Decides and remembers; whoever runs it makes the connections. The target outlives it.
class Look {
 public:
  Look(const Target& target, const Asked& asked);

  // The next connection; nullopt where the look has come to its end. What only the caller knows is left open: number,
  // limits, address and time.
  std::optional<Order> next();
  // What became of it.
  void take(Result result);
  // True until the first handshake, or the second that replaced it, has ended: this is what Limits::total bounds.
  bool at_first() const noexcept { return step_ == Step::usual || step_ == Step::everything; }

  Capture take_capture() { return std::move(capture_); }

 private:
  enum class Step {
    usual,
    everything,
    resume,
    post_quantum,
    split_hello,
    whole_hello,
    default_chain,
    other_key,
    other_new_key,
    large_hello,
    strict_transport,
    survey,
    end
  };
  Order shake(std::string server_name) const;
  Order greet(ClientHello hello) const;
  void take_first(Result result);
  void go_on();  // to the next step that has a sense
  bool has_sense(Step step) const;
  bool is_known_alone(const base::Bytes& leaf) const;

  const Target& target_;
  Depth depth_;
  std::optional<pki::Fingerprint> alone_;
  std::string server_name_;
  Step step_ = Step::usual;
  Offer offer_ = Offer::usual;  // that the peer took
  Capture capture_;
  SessionHandle session_;
  std::optional<pki::KeyType> other_key_;
  bool lacks_other_key_ = false;
  std::optional<Survey> survey_;
};

// As the client names the server in TLS: "" for an address (RFC 6066 section 3).
std::string server_name_of(const Target& target);

}  // namespace everseal::probe
