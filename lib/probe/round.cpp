#include "probe/round.h"

#include "base/error.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace everseal::probe {

using base::Error;
using base::Fault;
using std::chrono::microseconds;

namespace {

constexpr int kMostInFlight = 2'000;
constexpr int kMostPlaces = 1'024;  // TLS sessions at once
constexpr unsigned kMostThreads = 4;
// Targets that may wait because of their host's limits while others go on.
constexpr std::size_t kMostAhead = 8'192;

void check(const Target& target) {
  if (!target.starttls.empty()) require_starttls(target.starttls);
  for (const std::string& protocol : target.alpn)
    if (protocol.empty() || protocol.size() > 255) throw Error(Fault::usage, "an ALPN name has 1 to 255 octets");
  if (server_name_of(target).size() > 255)
    throw Error(Fault::usage, fmt::format("cannot ask for the name {}", base::printable(target.sni)));
}

bool answered(const Capture& capture) {
  switch (capture.outcome) {
    case Outcome::complete:
    case Outcome::not_tls:
    case Outcome::starttls_refused:
    case Outcome::starttls_injected:
    case Outcome::chain_too_large:
    case Outcome::handshake_failed:
    case Outcome::proxy_refused:
      return true;
    default:
      return !capture.chain.empty();
  }
}

microseconds spent_on(const Capture& capture) {
  return capture.connect_time + capture.proxy_time + capture.starttls_time + capture.handshake_time;
}

bool matches(const sockaddr_storage& address, net::Families families) {
  if (families == net::Families::both) return true;
  return (address.ss_family == AF_INET6) == (families == net::Families::ipv6);
}

}  // namespace

struct Round::Crew {
  Loop loop;
  Inbox<Order> orders{loop};
  Worker worker;
  std::atomic<bool> ends = false;
  std::thread thread;  // begins last

  Crew(Inbox<Result>& results, int places)
      : worker(loop, results, places), thread([this, &results] { run(results); }) {}
  ~Crew() {
    ends = true;
    loop.wake();
    thread.join();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void run(Inbox<Result>& results) {
    try {
      while (!ends) {
        loop.run_once();
        worker.begin(orders.take());
        worker.deliver();
      }
    } catch (...) {
      std::vector<Result> last(1);
      last.front().failed = std::current_exception();
      results.put(last);
    }
  }
};

Round::Round(const Next& next, const Done& done, const Limits& limits, const Scope& scope, std::stop_token stop)
    : next_(next),
      done_(done),
      limits_(limits),
      scope_(scope),
      stop_(std::move(stop)),
      names_(loop_, scope.families, limits.resolve, scope.name_servers),
      gate_({.at_once = std::clamp(limits.in_flight, 1, kMostInFlight),
             .at_once_per_host = limits.in_flight_per_host,
             .per_second = limits.per_second,
             .per_second_per_host = limits.per_second_per_host}),
      results_(loop_) {
  limits_.in_flight = std::clamp(limits.in_flight, 1, kMostInFlight);
  const auto threads = limits_.in_flight == 1 ? 0U : std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
  try {
    for (unsigned i = 0; i < threads; ++i)
      crews_.push_back(std::make_unique<Crew>(results_, kMostPlaces / static_cast<int>(threads)));
  } catch (const std::system_error& error) {
    if (crews_.empty()) throw Error(Fault::io, "cannot start a thread that probes: " + error.code().message());
  }
  if (crews_.empty()) own_ = std::make_unique<Worker>(loop_, results_, kMostPlaces);
  orders_.resize(std::max<std::size_t>(crews_.size(), 1));
  busy_.resize(orders_.size());
}

Round::~Round() { crews_.clear(); }  // while what their orders point at still stands

bool Round::run() {
  const std::stop_callback wake(stop_, [this] { loop_.wake(); });
  while (!stop_.stop_requested()) {
    take_results();
    take_names();
    do {
      admit();
    } while (draw());
    send();
    if (drained_ && jobs_.empty()) return !stop_.stop_requested();
    loop_.run_once(due());
    if (own_) own_->deliver();
  }
  return false;
}

std::optional<Clock::time_point> Round::due() const {
  auto due = names_.due();
  if (const auto again = gate_.again()) due = std::min(due.value_or(Clock::time_point::max()), *again);
  // Nobody may wait, as the next target is drawn only where it may go on.
  if (!drained_ && gate_.opens() > Clock::now()) due = std::min(due.value_or(Clock::time_point::max()), gate_.opens());
  return due;
}

// One target more, where there is room for it.
bool Round::draw() {
  if (drained_ || !gate_.open(Clock::now())) return false;
  const auto room = static_cast<std::size_t>(limits_.in_flight);
  if (static_cast<std::size_t>(gate_.inside()) + names_.waiting() >= room) return false;
  if (jobs_.size() >= (room == 1 ? 1 : room + kMostAhead)) return false;
  std::optional<Target> target = next_();
  drained_ = !target;
  if (target) admit_target(std::move(*target));
  return target.has_value();
}

void Round::admit_target(Target target) {
  check(target);
  const std::uint64_t number = ++last_;
  Job& job = *(jobs_[number] = std::make_unique<Job>());
  job.target = std::move(target);
  job.when = base::wall_clock();
  job.left = limits_.total;
  const bool proxied = job.target.proxy != nullptr;
  const std::string host = proxied ? job.target.proxy->host : job.target.address.value_or(job.target.host);
  const int port = proxied ? job.target.proxy->port : job.target.port;
  if (auto literal = Address::parse(host, port)) {
    net::Resolved resolved;
    if (matches(literal->socket, scope_.families))
      resolved.addresses.push_back(literal->socket);
    else
      resolved.problem = fmt::format("{} is of a family that was not to be probed", host);
    return this->resolved(number, resolved, {});
  }
  names_.ask(host, number);
}

void Round::take_names() {
  for (const Names::Answer& answer : names_.take())
    for (const std::uint64_t asker : answer.askers) resolved(asker, *answer.resolved, answer.time);
}

void Round::resolved(std::uint64_t number, const net::Resolved& resolved, microseconds time) {
  Job& job = *jobs_.at(number);
  job.resolve_time = time;
  job.left = std::max(job.left - time, microseconds(1));
  if (resolved.addresses.empty()) {
    Capture capture;
    capture.outcome = resolved.timed_out ? Outcome::timed_out : Outcome::name_not_resolved;
    capture.problem = resolved.problem;
    hand_over(job, std::move(capture));
    jobs_.erase(number);
    return;
  }
  const int port = job.target.proxy ? job.target.proxy->port : job.target.port;
  for (const sockaddr_storage& address : resolved.addresses) job.addresses.push_back(Address::of(address, port));
  // Behind a proxy its addresses are of no interest, but the first that answers.
  if (scope_.addresses == Addresses::one || job.target.proxy) return begin_look(number, job.addresses.front());
  if (scope_.most_addresses > 0 && job.addresses.size() > scope_.most_addresses)
    job.addresses.resize(scope_.most_addresses);
  job.looks = static_cast<int>(job.addresses.size());
  for (const Address& address : job.addresses) begin_look(number, address);
}

void Round::begin_look(std::uint64_t number, const Address& address) {
  Job& job = *jobs_.at(number);
  ++job.next_address;
  const std::uint64_t look = ++last_;
  const std::string& place = job.target.proxy ? job.target.text() : address.text;
  const Asked asked = scope_.asked ? scope_.asked(job.target, place) : Asked{.depth = scope_.depth, .alone = {}};
  auto running = std::make_unique<Running>(Running{.job = number,
                                                   .address = address,
                                                   .host = job.target.proxy ? job.target.host : address.host,
                                                   .look = Look(job.target, asked),
                                                   .left = job.left});
  running->order = running->look.next();
  gate_.wait(running->host, look);
  looks_[look] = std::move(running);
}

std::size_t Round::least_busy() const {
  return static_cast<std::size_t>(std::ranges::min_element(busy_) - busy_.begin());
}

// Those who may connect now.
void Round::admit() {
  while (const auto admitted = gate_.admit(Clock::now())) {
    Running& running = *looks_.at(*admitted);
    Order order = std::move(*running.order);
    running.order.reset();
    // A look stays where it began: a session goes on only within its context.
    if (!running.has_worker) running.worker = least_busy();
    running.has_worker = true;
    order.number = *admitted;
    order.limits = &limits_;
    order.address = running.address;
    order.left = running.look.at_first() ? running.left : microseconds(limits_.total);
    ++busy_[running.worker];
    orders_[running.worker].push_back(std::move(order));
  }
}

void Round::send() {
  if (own_) {
    own_->begin(std::exchange(orders_.front(), {}));
    own_->deliver();
    return;
  }
  for (std::size_t i = 0; i < crews_.size(); ++i) crews_[i]->orders.put(orders_[i]);
}

void Round::take_results() {
  const auto now = Clock::now();
  for (Result& result : results_.take()) {
    if (result.failed) std::rethrow_exception(result.failed);
    const std::uint64_t number = result.number;
    Running& running = *looks_.at(number);
    --busy_[running.worker];
    gate_.leave(running.host, now);
    if (result.returned) {
      if (gate_.inside() == 0) throw Error(Fault::io, result.capture.problem, "the limit of open files is too low");
      // The others give theirs back; no more at once from now on.
      gate_.shrink();
      running.order = std::move(result.returned);
      gate_.wait(running.host, number);
      continue;
    }
    if (running.look.at_first()) running.left -= spent_on(result.capture);
    running.look.take(std::move(result));
    running.order = running.look.next();
    if (running.order)
      gate_.wait(running.host, number);
    else
      look_ended(number);
  }
}

void Round::look_ended(std::uint64_t number) {
  const std::unique_ptr<Running> running = std::move(looks_.extract(number).mapped());
  Job& job = *jobs_.at(running->job);
  Capture capture = running->look.take_capture();
  if (job.looks > 0) {
    hand_over(job, std::move(capture));
    if (--job.looks == 0) jobs_.erase(running->job);
    return;
  }
  // The addresses share the time.
  job.left = running->left;
  const bool stands = answered(capture);
  if (!job.kept || stands)
    job.kept = std::move(capture);
  else
    job.kept->problem += "; " + capture.problem;
  if (!stands && job.next_address < job.addresses.size() && job.left > microseconds(0))
    return begin_look(running->job, job.addresses[job.next_address]);
  hand_over(job, std::move(*job.kept));
  jobs_.erase(running->job);
}

void Round::hand_over(const Job& job, Capture capture) {
  if (stop_.stop_requested()) return;
  capture.resolve_time = job.resolve_time;
  capture.when = job.when;
  done_(job.target, std::move(capture));
}

}  // namespace everseal::probe
