// The connections of one thread.
#pragma once

#include "probe/attempt.h"
#include "probe/inbox.h"

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace everseal::probe {

// For the thread that runs `loop`.
class Worker final : Attempt::Host {
 public:
  // `places`: how many TLS sessions there may be at once; a session takes fifty times what a socket does.
  Worker(Loop& loop, Inbox<Result>& results, int places) : loop_(loop), results_(results), places_(places) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void begin(std::vector<Order> orders);
  // Hands over what ended. After each run of the loop.
  void deliver();

 private:
  SSL_CTX& context(Offer offer) override;
  bool admit(Attempt& attempt) override;
  void ended(Attempt& attempt) override;

  Loop& loop_;
  Inbox<Result>& results_;
  int places_;
  SslContextHandle contexts_[2];
  std::deque<Attempt*> queue_;  // for a place
  std::unordered_map<const Attempt*, std::unique_ptr<Attempt>> attempts_;
  std::vector<Attempt*> ended_;
};

}  // namespace everseal::probe
