// One call of probe_all: draws targets, resolves names, keeps the limits, and hands captures over, all on the caller's
// thread; the connections are made by workers on threads of their own, or on this one where there is only one at a
// time.
#pragma once

#include "probe/gate.h"
#include "probe/look.h"
#include "probe/names.h"
#include "probe/worker.h"

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <vector>

namespace everseal::probe {

class Round {
 public:
  using Next = std::function<std::optional<Target>()>;
  using Done = std::function<void(const Target&, Capture)>;

  Round(const Next& next, const Done& done, const Limits& limits, const Scope& scope, std::stop_token stop);
  ~Round();
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

  // False where it was stopped.
  bool run();

 private:
  // A target until the last of its captures was handed over.
  struct Job {
    Target target;
    base::Time when;
    std::chrono::microseconds resolve_time{}, left{};
    std::vector<Address> addresses;
    std::size_t next_address = 0;
    int looks = 0;
    std::optional<Capture> kept;  // of Addresses::one: what the addresses before had to show
  };
  struct Running {  // one look
    std::uint64_t job = 0;
    Address address;
    std::string host;  // whose limits count
    Look look;
    std::chrono::microseconds left{};  // of Limits::total
    std::size_t worker = 0;
    bool has_worker = false;
    std::optional<Order> order;  // waits at the gate
  };
  // A worker on a thread of its own.
  struct Crew;

  bool draw();
  void admit_target(Target target);
  void take_names();
  void resolved(std::uint64_t number, const net::Resolved& resolved, std::chrono::microseconds time);
  void begin_look(std::uint64_t number, const Address& address);
  void admit();
  void send();
  void take_results();
  void look_ended(std::uint64_t number);
  void hand_over(const Job& job, Capture capture);
  std::optional<Clock::time_point> due() const;
  std::size_t least_busy() const;

  const Next& next_;
  const Done& done_;
  Limits limits_;
  Scope scope_;
  std::stop_token stop_;
  Loop loop_;
  Names names_;
  Gate gate_;
  Inbox<Result> results_;
  bool drained_ = false;
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Job>> jobs_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Running>> looks_;
  std::unique_ptr<Worker> own_;               // on this thread
  std::vector<std::unique_ptr<Crew>> crews_;  // else
  std::vector<std::vector<Order>> orders_;    // by worker, to be sent
  std::vector<int> busy_;                     // by worker: connections
};

}  // namespace everseal::probe
