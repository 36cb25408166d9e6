#include "acme/obtain.h"

#include "acme/client.h"
#include "base/error.h"
#include "base/log.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include <fmt/format.h>

namespace everseal::acme {
namespace {

using base::Error;
using base::Fault;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// A CA nearby is done within milliseconds, and says Retry-After in seconds all the same: so long it is looked at
// without regard to that. One that is further away than this is looked at once.
constexpr milliseconds kSoon{50};
constexpr int kGrowth = 3;
constexpr microseconds kLongestPause{5'000'000};
constexpr std::chrono::minutes kPatience{10};  // with the CA, for each thing that is waited for
constexpr int kLooksAtOrderAlone = 6;          // then each look asks an authorization too
constexpr int kFinalizeTries = 3;
constexpr std::size_t kMostAuthorizations = 1000;

// Looks at something again and again: soon at first, then when the CA said, or at growing distances.
class Patience {
 public:
  Patience(Pace& pace, const std::function<base::Time()>& clock, std::stop_token stop)
      : pace_(pace), clock_(clock), stop_(std::move(stop)), next_(pace.first_pause()) {}

  // Error(cancelled); Error(timed_out) where the next look would be too late.
  void pause(const std::optional<base::Time>& retry_after, std::string_view what) {
    if (++pauses_ == 2) pace_.was_not_done();
    const auto now = std::chrono::steady_clock::now();
    microseconds wait = next_;
    next_ = std::min(kLongestPause, next_ * kGrowth);
    if (retry_after && now - began_ >= kSoon && *retry_after > clock_()) wait = *retry_after - clock_();
    if (now + wait > began_ + kPatience)
      throw Error(Fault::timed_out, fmt::format("the CA is not finished with {}", what),
                  "the order stays open; the next run goes on with it")
          .not_before(retry_after);
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any changed;
    changed.wait_for(lock, stop_, wait, [] { return false; });
    if (stop_.stop_requested()) throw Error(Fault::cancelled, fmt::format("stopped while the CA works on {}", what));
  }
  void done() noexcept {
    if (pauses_ == 1) pace_.was_done();
  }

 private:
  Pace& pace_;
  const std::function<base::Time()>& clock_;
  std::stop_token stop_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  microseconds next_;
  int pauses_ = 0;
};

std::string name_of(const Authorization& authorization) {
  return (authorization.wildcard ? "*." : "") + authorization.identifier.text();
}

bool has_common_name(const pki::DistinguishedName& name, const std::string& wanted) {
  return std::ranges::any_of(name.rdns, [&](const auto& rdn) { return rdn.first == "CN" && rdn.second == wanted; });
}

// The one way of an order. One object an order, one thread.
class Flow {
 public:
  Flow(Client& client, const Account& account, const OrderRequest& request, OrderJournal& journal, Solver& solver,
       const std::function<base::Time()>& clock, const Tell& tell, std::stop_token stop)
      : client_(client),
        account_(account),
        identity_{account.key, account.url},
        request_(request),
        journal_(journal),
        solver_(solver),
        clock_(clock),
        tell_(tell),
        stop_(std::move(stop)) {}

  Obtained run() {
    if (!resume()) place();
    if (order_.status == OrderStatus::pending) prove();
    for (int tries = 1; order_.status == OrderStatus::ready; ++tries) finalize(tries);
    if (order_.status == OrderStatus::processing) wait_while(OrderStatus::processing, "the certificate");
    if (order_.status != OrderStatus::valid) throw failure();
    return {download(), std::move(warnings_)};
  }

 private:
  // True where the order of an earlier run can still finish.
  bool resume() {
    if (request_.open_order.empty()) return false;
    const auto found = fetch_order(client_, account_, request_.open_order, stop_);
    if (!found || found->order.status == OrderStatus::invalid) return false;
    order_ = found->order;
    if (!same_identifiers(order_.identifiers, request_.order.identifiers)) {
      abandon_order(client_, account_, order_, stop_);
      return false;
    }
    if (order_.status == OrderStatus::pending) {
      load_authorizations();
      if (!std::ranges::all_of(authorizations_, can_still_be_valid)) {
        abandon_order(client_, account_, order_, stop_);
        authorizations_.clear();
        return false;
      }
    }
    recorded_ = order_.status;
    tell_("going on with the order that was begun");
    return true;
  }

  void place() {
    journal_.intended();
    order_ = place_order(client_, account_, request_.order, stop_);
    journal_.placed(order_);
    recorded_ = order_.status;
  }

  static bool can_still_be_valid(const Authorization& authorization) {
    return authorization.status == AuthorizationStatus::pending || authorization.status == AuthorizationStatus::valid;
  }

  Authorization fetch_authorization(const std::string& url) {
    const Reply reply = client_.fetch(identity_, url, stop_);
    retry_after_ = reply.answer.retry_after;
    return parse_authorization(url, reply.require("authorization").body);
  }

  void load_authorizations() {
    if (!authorizations_.empty()) return;
    if (order_.authorizations.size() > kMostAuthorizations)
      throw Error(Fault::invalid, fmt::format("the CA wants {} authorizations", order_.authorizations.size()));
    for (const std::string& url : order_.authorizations) {
      Authorization authorization = fetch_authorization(url);
      const std::string name = name_of(authorization);
      if (std::ranges::none_of(order_.identifiers, [&](const pki::Identifier& i) { return i.text() == name; }))
        throw Error(Fault::invalid,
                    fmt::format("the CA wants proof of {}, which was not ordered", base::printable(name)));
      authorizations_.push_back(std::move(authorization));
    }
  }

  // All challenges are presented, then all started, then the order is looked at.
  void prove() {
    load_authorizations();
    std::vector<Authorization> pending;
    for (const Authorization& authorization : authorizations_) {
      if (!can_still_be_valid(authorization)) throw failure();
      if (authorization.status == AuthorizationStatus::pending) pending.push_back(authorization);
    }
    const CleanUp clean_up{*this};
    if (!pending.empty()) {
      const std::vector<std::size_t> chosen = solver_.present(pending, account_, stop_);
      for (std::size_t i = 0; i < pending.size(); ++i) start(pending[i], pending[i].challenges.at(chosen.at(i)));
    }
    wait_while(OrderStatus::pending, "the validation");
    if (order_.status == OrderStatus::invalid) throw failure();
  }

  struct CleanUp {
    Flow& flow;
    ~CleanUp() {
      for (std::string& warning : flow.solver_.clean_up()) {
        flow.tell_(warning);
        flow.warnings_.push_back(std::move(warning));
      }
    }
  };

  void start(const Authorization& authorization, const Challenge& challenge) {
    tell_(fmt::format("proving {} by {}", name_of(authorization), base::printable(challenge.type)));
    if (challenge.status != ChallengeStatus::pending) return;  // an earlier run started it
    const Reply reply = client_.post_again(identity_, challenge.url, "{}", stop_);
    retry_after_ = reply.answer.retry_after;
    if (!reply.problem) return;
    // What was started already, by a request whose answer was lost, is no failure.
    const Authorization now = fetch_authorization(authorization.url);
    const bool is_untouched = std::ranges::all_of(
        now.challenges, [](const Challenge& one) { return one.status == ChallengeStatus::pending; });
    if (now.status == AuthorizationStatus::pending && is_untouched)
      static_cast<void>(
          reply.require(fmt::format("start {} for {}", base::printable(challenge.type), name_of(authorization))));
  }

  void wait_while(OrderStatus status, std::string_view what) {
    Patience patience(client_.pace(status == OrderStatus::pending ? Waiting::for_validation : Waiting::for_certificate),
                      clock_, stop_);
    for (int looks = 1; order_.status == status; ++looks) {
      patience.pause(retry_after_, what);
      look();
      // Some CAs leave an order pending although an authorization of it has failed.
      if (order_.status == OrderStatus::pending && looks >= kLooksAtOrderAlone) look_at_authorization();
    }
    patience.done();
    record();
  }

  void look() {
    const auto found = fetch_order(client_, account_, order_.url, stop_);
    if (!found) throw Error(Fault::unreachable, "the CA forgot the order", "the next run orders anew");
    const std::vector<pki::Identifier> ordered = std::move(order_.identifiers);
    order_ = found->order;
    if (!same_identifiers(order_.identifiers, ordered))
      throw Error(Fault::invalid,
                  fmt::format("the CA changed the names of the order to {}", pki::to_string(order_.identifiers)));
    retry_after_ = found->retry_after;
  }

  void look_at_authorization() {
    for (Authorization& authorization : authorizations_) {
      if (authorization.status != AuthorizationStatus::pending) continue;
      const std::optional<base::Time> earlier = retry_after_;
      authorization = fetch_authorization(authorization.url);
      if (!can_still_be_valid(authorization)) throw failure();
      retry_after_ = std::min(retry_after_, earlier);
      return;
    }
  }

  void finalize(int tries) {
    record();
    const std::string payload = fmt::format(R"({{"csr":"{}"}})", base::base64url(request_.csr));
    Reply reply;
    try {
      reply = client_.post(identity_, order_.finalize, payload, stop_);
    } catch (const Error& error) {
      if (error.fault() != Fault::unreachable || tries == kFinalizeTries) throw;
      return look();  // it may have arrived
    }
    retry_after_ = reply.answer.retry_after;
    if (reply.problem && reply.problem->is("orderNotReady") && tries < kFinalizeTries) {
      Patience(client_.pace(Waiting::for_validation), clock_, stop_).pause(retry_after_, "the order");
      look();
      if (order_.status == OrderStatus::pending) wait_while(OrderStatus::pending, "the validation");
      return;
    }
    const Order answered = parse_order(order_.url, reply.require("finalize the order").body);
    order_.status = answered.status;
    order_.certificate = answered.certificate;
    order_.error = answered.error;
    if (order_.status == OrderStatus::ready && tries == kFinalizeTries)
      throw Error(Fault::unreachable, "the CA leaves the order ready, whatever is sent",
                  "the order stays open; the next run goes on with it");
    record();
  }

  std::vector<pki::Certificate> fetch_chain(const std::string& url, std::vector<std::string>* alternates) {
    const Reply reply = client_.fetch(identity_, url, stop_);
    const Answer& answer = reply.require("certificate");
    if (alternates != nullptr) *alternates = answer.alternates;
    return base::within("the CA's certificate",
                        [&] { return pki::Certificate::parse_all(base::as_bytes(answer.body)); });
  }

  bool is_preferred(const std::vector<pki::Certificate>& chain) const {
    return std::ranges::any_of(chain, [&](const pki::Certificate& certificate) {
      return has_common_name(certificate.subject_name(), request_.preferred_chain) ||
             base::printable(certificate.issuer()).find("CN=" + request_.preferred_chain) != std::string::npos;
    });
  }

  std::vector<pki::Certificate> download() {
    std::vector<std::string> alternates;
    std::vector<pki::Certificate> chain = fetch_chain(order_.certificate, &alternates);
    if (request_.preferred_chain.empty() || is_preferred(chain)) return chain;
    for (const std::string& url : alternates)
      if (auto other = fetch_chain(url, nullptr); is_preferred(other)) return other;
    warnings_.push_back(
        fmt::format("the CA offers no chain with {}; its default is used", base::printable(request_.preferred_chain)));
    return chain;
  }

  void record() {
    if (order_.status == recorded_) return;
    journal_.changed(order_);
    recorded_ = order_.status;
  }

  // Why the order came to nothing, each name with its reason; and what else was pending is given up.
  Error failure() {
    record();
    std::optional<Problem> first;
    std::string text;
    const auto add = [&](const std::string& what, const Problem& problem) {
      if (!first) first = problem;
      text += fmt::format("{}{}{}", text.empty() ? "" : "; ", what, to_string(problem));
    };
    if (authorizations_.empty()) {
      for (const std::string& url : order_.authorizations) authorizations_.push_back(fetch_authorization(url));
    }
    for (Authorization& authorization : authorizations_) {
      if (authorization.status == AuthorizationStatus::pending) authorization = fetch_authorization(authorization.url);
      if (can_still_be_valid(authorization)) continue;
      bool said = false;
      for (const Challenge& challenge : authorization.challenges) {
        if (!challenge.error) continue;
        add(fmt::format("{} by {}: ", name_of(authorization), base::printable(challenge.type)), *challenge.error);
        said = true;
      }
      if (!said)
        text += fmt::format("{}the authorization for {} is {}", text.empty() ? "" : "; ", name_of(authorization),
                            to_string(authorization.status));
    }
    if (order_.error && !first) add("", *order_.error);
    abandon_order(client_, account_, order_, stop_);
    if (text.empty()) text = "the CA gives no reason";
    const std::string message = fmt::format("the order is {}: {}", to_string(order_.status), text);
    if (!first)
      return Error(Fault::denied, message, "the next run orders anew; where that goes on only the CA knows why")
          .not_before(retry_after_);
    const Error meant = to_error(*first, retry_after_);
    return Error(meant.fault(), message, meant.hint()).not_before(meant.retry_at());
  }

  Client& client_;
  const Account& account_;
  Identity identity_;
  const OrderRequest& request_;
  OrderJournal& journal_;
  Solver& solver_;
  const std::function<base::Time()>& clock_;
  const Tell& tell_;
  std::stop_token stop_;

  Order order_;
  OrderStatus recorded_ = OrderStatus::pending;
  std::vector<Authorization> authorizations_;
  std::optional<base::Time> retry_after_;  // of the newest answer
  std::vector<std::string> warnings_;
};

}  // namespace

Obtained obtain(Client& client, const Account& account, const OrderRequest& request, OrderJournal& journal,
                Solver& solver, const std::function<base::Time()>& clock, const Tell& tell, std::stop_token stop) {
  return Flow(client, account, request, journal, solver, clock, tell, std::move(stop)).run();
}

void abandon_order(Client& client, const Account& account, const Order& order, std::stop_token stop) noexcept {
  const Identity identity{account.key, account.url};
  for (const std::string& url : order.authorizations) {
    try {
      const Reply reply = client.fetch(identity, url, stop);
      if (reply.problem || parse_authorization(url, reply.answer.body).status != AuthorizationStatus::pending) continue;
      static_cast<void>(client.post(identity, url, R"({"status":"deactivated"})", stop));
    } catch (const std::exception& error) {
      base::log::info("could not deactivate an authorization: {}", error.what());
    }
  }
}

}  // namespace everseal::acme
