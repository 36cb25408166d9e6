#include "probe/worker.h"

namespace everseal::probe {

void Worker::begin(std::vector<Order> orders) {
  for (Order& order : orders) {
    auto attempt = std::make_unique<Attempt>(loop_, static_cast<Attempt::Host&>(*this), std::move(order));
    Attempt* const begun = attempt.get();
    attempts_.emplace(begun, std::move(attempt));
    begun->begin();
  }
}

void Worker::deliver() {
  std::vector<Result> results;
  while (!ended_.empty()) {
    for (Attempt* const attempt : std::exchange(ended_, {})) {
      if (attempt->holds_place()) ++places_;
      results.push_back(attempt->take_result());
      attempts_.erase(attempt);
    }
    while (places_ > 0 && !queue_.empty()) {
      Attempt* const next = queue_.front();
      queue_.pop_front();
      --places_;
      next->admitted();
    }
  }
  results_.put(results);
}

SSL_CTX& Worker::context(Offer offer) {
  SslContextHandle& context = contexts_[static_cast<std::size_t>(offer)];
  if (!context) context = make_context(offer);
  return *context;
}

bool Worker::admit(Attempt& attempt) {
  if (places_ > 0) {
    --places_;
    return true;
  }
  queue_.push_back(&attempt);
  return false;
}

void Worker::ended(Attempt& attempt) { ended_.push_back(&attempt); }

}  // namespace everseal::probe
