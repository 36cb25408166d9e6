#include "scan/dns_round.h"

#include "base/error.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace everseal::scan {
namespace {

constexpr std::size_t kAskers = 8;

class Asking {
 public:
  Asking(const std::vector<DnsQuestion>& questions, const std::vector<dns::Server>& resolvers, dns::CaaRecords caa)
      : questions_(questions), resolvers_(resolvers), caa_(caa) {}

  DnsRound run(const std::function<void(std::size_t, const DnsAnswer&)>& done, const std::stop_token& stop) {
    DnsRound round;
    const std::size_t threads = std::min(kAskers, questions_.size());
    running_ = threads;
    std::vector<std::jthread> askers;
    for (std::size_t i = 0; i < threads; ++i)
      askers.emplace_back([this, stop](const std::stop_token& own) { ask(stop, own); });
    while (auto next = take()) {
      const auto& [question, answer] = *next;
      if (!answer.problem.empty() && round.unanswered++ == 0) round.problem = answer.problem;
      if (answer.observed || answer.tlsa || !answer.problem.empty()) done(question, answer);
    }
    round.has_validated = has_validated_;
    return round;
  }

 private:
  void ask(const std::stop_token& stop, const std::stop_token& own) {
    try {
      dns::Observer observer(resolvers_);
      for (std::size_t at = next_++; at < questions_.size() && !own.stop_requested() && !stop.stop_requested();
           at = next_++)
        put(at, answer_to(questions_[at], observer, stop));
      if (observer.has_validated()) has_validated_ = true;
    } catch (const base::Error& error) {
      for (std::size_t at = next_++; at < questions_.size(); at = next_++) put(at, {{}, {}, error.message()});
    }
    const std::scoped_lock lock(mutex_);
    --running_;
    changed_.notify_all();
  }

  DnsAnswer answer_to(const DnsQuestion& question, dns::Observer& observer, const std::stop_token& stop) const {
    DnsAnswer answer;
    try {
      if (question.kind == DnsQuestion::Kind::tlsa)
        answer.tlsa = observer.tlsa(question.name, stop);
      else
        answer.observed =
            observer.observe(question.name,
                             question.kind == DnsQuestion::Kind::renewal_by_dns ? dns::ChallengeRecords::asked
                                                                                : dns::ChallengeRecords::not_asked,
                             caa_, stop);
    } catch (const base::Error& error) {
      if (error.fault() != base::Fault::cancelled) answer.problem = error.message();
    }
    return answer;
  }

  void put(std::size_t question, DnsAnswer answer) {
    const std::scoped_lock lock(mutex_);
    answers_.emplace_back(question, std::move(answer));
    changed_.notify_all();
  }

  std::optional<std::pair<std::size_t, DnsAnswer>> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !answers_.empty() || running_ == 0; });
    if (answers_.empty()) return std::nullopt;
    auto first = std::move(answers_.front());
    answers_.pop_front();
    return first;
  }

  const std::vector<DnsQuestion>& questions_;
  const std::vector<dns::Server>& resolvers_;
  const dns::CaaRecords caa_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> has_validated_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::size_t, DnsAnswer>> answers_;
  std::size_t running_ = 0;
};

}  // namespace

DnsRound ask_dns(const std::vector<DnsQuestion>& questions, const std::vector<dns::Server>& resolvers,
                 dns::CaaRecords caa, const std::function<void(std::size_t, const DnsAnswer&)>& done,
                 std::stop_token stop) {
  return Asking(questions, resolvers, caa).run(done, stop);
}

}  // namespace everseal::scan
