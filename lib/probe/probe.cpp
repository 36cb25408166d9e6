#include "probe/probe.h"

#include "base/error.h"
#include "probe/handshake.h"
#include "probe/resolve.h"
#include "probe/starttls.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace everseal::probe {

using base::Error;
using base::Fault;

namespace {

constexpr int kMostThreads = 128;

template <class Work>
auto timed(std::chrono::microseconds& spent, Work&& work) {
  const auto began = Clock::now();
  struct Stop {
    std::chrono::microseconds& spent;
    Clock::time_point began;
    ~Stop() { spent = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began); }
  } stop{spent, began};
  return work();
}

std::string sni_of(const Target& target) {
  std::string name = target.sni;
  if (name.empty() && !is_address(target.host)) name = target.host;
  if (name.ends_with('.')) name.pop_back();  // RFC 6066 section 3
  return name;
}

std::string server_name(const Target& target) { return target.sni.empty() ? target.host : target.sni; }

Capture failure(Outcome outcome, std::string problem) {
  Capture capture;
  capture.outcome = outcome;
  capture.problem = std::move(problem);
  return capture;
}

Outcome outcome_of(Dialogue::State state) {
  switch (state) {
    case Dialogue::State::talking:
    case Dialogue::State::done:
      return Outcome::complete;
    case Dialogue::State::refused:
      return Outcome::starttls_refused;
    case Dialogue::State::other_protocol:
      return Outcome::not_tls;
    case Dialogue::State::injected:
      return Outcome::starttls_injected;
  }
  return Outcome::not_tls;
}

// The clear-text part before TLS; false where it ended the probe.
bool begin_tls(const Starttls& protocol, const std::string& server, Connection& connection, const Limits& limits,
               Capture& capture) {
  connection.set_deadline(connection.waiter().within(limits.handshake));
  capture.phase = Phase::starttls;
  try {
    const auto dialogue = protocol.begin(server);
    timed(capture.starttls_time, [&] {
      for (base::Bytes heard;; heard = connection.receive()) {
        connection.send(dialogue->advance(heard));
        if (dialogue->state() != Dialogue::State::talking) return 0;
      }
    });
    capture.outcome = outcome_of(dialogue->state());
    capture.problem = dialogue->problem();
  } catch (const Error& error) {
    if (error.fault() != Fault::timed_out && error.fault() != Fault::unreachable) throw;
    capture.outcome = error.fault() == Fault::timed_out ? Outcome::timed_out : Outcome::unreachable;
    capture.problem = error.message();
  }
  if (capture.outcome == Outcome::complete) return true;
  capture.problem = fmt::format("{}: {}", protocol.name, capture.problem);
  return false;
}

Capture look_at(const Address& address, const Target& target, const Limits& limits, SSL_CTX& context, Waiter& waiter) {
  Capture capture;
  capture.address = address.text;
  capture.phase = Phase::connect;
  Connection connection(waiter);
  const auto opened = timed(capture.connect_time, [&] { return connection.open(address, limits.connect); });
  capture.outcome = opened.outcome;
  capture.problem = opened.problem;
  if (!opened.problem.empty()) return capture;
  if (!target.starttls.empty() &&
      !begin_tls(require_starttls(target.starttls), server_name(target), connection, limits, capture)) {
    return capture;
  }
  shake_hands(context, connection, target, sni_of(target), limits.handshake, capture);
  return capture;
}

bool answered(const Capture& capture) {
  return !capture.chain.empty() || capture.outcome == Outcome::complete || capture.outcome == Outcome::not_tls ||
         capture.outcome == Outcome::starttls_refused || capture.outcome == Outcome::starttls_injected ||
         capture.outcome == Outcome::handshake_failed;
}

// Probes the addresses of one target in their order and hands each capture to `done`, until it returns false. With
// Addresses::one all of them share the bound in time.
template <class Done>
void probe_target(const Target& target, const Limits& limits, Addresses addresses, SSL_CTX& context,
                  const std::stop_token& stop, Done done) {
  if (!target.starttls.empty()) require_starttls(target.starttls);
  const base::Time when = base::wall_clock();
  Waiter waiter(Clock::now() + limits.total, stop);
  std::chrono::microseconds resolve_time{};
  const std::string host = target.address.value_or(target.host);
  const Resolved resolved = timed(resolve_time, [&] { return resolve(host, target.port, waiter); });
  const auto hand_over = [&](Capture capture) {
    capture.resolve_time = resolve_time;
    capture.when = when;
    return done(std::move(capture));
  };
  if (resolved.addresses.empty()) {
    hand_over(failure(resolved.timed_out ? Outcome::timed_out : Outcome::name_not_resolved, resolved.problem));
    return;
  }
  for (const Address& address : resolved.addresses) {
    if (addresses == Addresses::one) {
      if (!hand_over(look_at(address, target, limits, context, waiter)) || waiter.expired()) return;
    } else {
      Waiter own(Clock::now() + limits.total, stop);
      if (!hand_over(look_at(address, target, limits, context, own))) return;
    }
  }
}

Capture first_answer(const Target& target, const Limits& limits, SSL_CTX& context, const std::stop_token& stop) {
  std::optional<Capture> kept;
  probe_target(target, limits, Addresses::one, context, stop, [&](Capture capture) {
    const bool stands = answered(capture);
    if (!kept || stands) {
      kept = std::move(capture);
    } else {
      kept->problem += "; " + capture.problem;
    }
    return !stands;
  });
  return std::move(*kept);
}

// What the workers of one probe_all share.
struct Round {
  const std::function<std::optional<Target>()>& next;
  const std::function<void(const Target&, Capture)>& done;
  const Limits& limits;
  Addresses addresses;
  std::stop_source own_stop;  // requested when the caller asks to stop and when a worker fails
  std::mutex mutex;           // around next, done and failed
  std::exception_ptr failed;

  std::optional<Target> draw() {
    const std::scoped_lock lock(mutex);
    if (own_stop.stop_requested()) return std::nullopt;
    return next();
  }
  void hand_over(const Target& target, Capture capture) {
    const std::scoped_lock lock(mutex);
    if (!own_stop.stop_requested()) done(target, std::move(capture));
  }
  void fail() {
    const std::scoped_lock lock(mutex);
    if (!failed) failed = std::current_exception();
    own_stop.request_stop();
  }
};

void work(Round& round) {
  try {
    const SslContextHandle context = make_context();
    const std::stop_token stop = round.own_stop.get_token();
    while (const std::optional<Target> target = round.draw()) {
      if (round.addresses == Addresses::one) {
        round.hand_over(*target, first_answer(*target, round.limits, *context, stop));
        continue;
      }
      probe_target(*target, round.limits, Addresses::all, *context, stop, [&](Capture capture) {
        round.hand_over(*target, std::move(capture));
        return true;
      });
    }
  } catch (const Error& error) {
    if (error.fault() != Fault::cancelled) round.fail();
  } catch (...) {
    round.fail();
  }
}

}  // namespace

void probe_all(const std::function<std::optional<Target>()>& next,
               const std::function<void(const Target&, Capture)>& done, const Limits& limits, Addresses addresses,
               std::stop_token stop) {
  Round round{.next = next, .done = done, .limits = limits, .addresses = addresses};
  const std::stop_callback forward(stop, [&round] { round.own_stop.request_stop(); });
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < std::clamp(limits.in_flight, 1, kMostThreads); ++i) {
      others.emplace_back([&round] { work(round); });
    }
    work(round);
  }
  if (round.failed) std::rethrow_exception(round.failed);
}

Capture probe_one(const Target& target, const Limits& limits, std::stop_token stop) {
  const SslContextHandle context = make_context();
  return first_answer(target, limits, *context, stop);
}

}  // namespace everseal::probe
