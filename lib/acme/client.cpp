#include "acme/client.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

#include <chrono>
#include <mutex>
#include <utility>

#include <fmt/format.h>

namespace everseal::acme {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kMostNonces = 64;
constexpr int kNonceTries = 6;
constexpr int kConnectionTries = 3;
constexpr base::Seconds kLargestSkew = std::chrono::minutes(5);

// The targets of Link headers with rel="alternate" (RFC 8288 section 3).
std::vector<std::string> alternates_of(const net::HttpResponse& response) {
  constexpr std::size_t kMost = 20;
  std::vector<std::string> urls;
  for (const std::string& header : response.all("link")) {
    std::size_t at = 0;
    while (urls.size() < kMost && (at = header.find('<', at)) != std::string::npos) {
      const std::size_t end = header.find('>', at);
      if (end == std::string::npos) break;
      const std::size_t next = std::min(header.find('<', end), header.size());
      const std::string parameters = base::lower(header.substr(end, next - end));
      if (parameters.find("rel=\"alternate\"") != std::string::npos ||
          parameters.find("rel=alternate") != std::string::npos)
        urls.push_back(header.substr(at + 1, end - at - 1));
      at = end;
    }
  }
  return urls;
}

bool is_nonce(std::string_view text) noexcept {
  constexpr std::string_view kBase64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return !text.empty() && text.size() <= 1024 && text.find_first_not_of(kBase64url) == std::string_view::npos;
}

}  // namespace

const Answer& Reply::require(std::string_view doing) const& {
  if (problem) throw to_error(*problem, answer.retry_after).within(doing);
  return answer;
}

struct Client::State {
  ClientSettings settings;
  std::mutex fetching;  // one fetches the directory, the others wait for it
  mutable std::mutex mutex;
  std::optional<Directory> directory;
  bool is_remembered = false;
  std::string fetched;
  std::vector<std::string> nonces;
  std::vector<net::HttpClient> idle;
  struct PeerDate {
    base::Time date;
    std::chrono::steady_clock::time_point seen;
  };
  std::optional<PeerDate> peer_date;
  Pace validation;
  Pace issuance;

  // A connection of one's own for one request; given back where the request went well.
  net::HttpClient borrow() {
    const std::scoped_lock lock(mutex);
    if (idle.empty()) return net::HttpClient(settings.http);
    net::HttpClient client = std::move(idle.back());
    idle.pop_back();
    return client;
  }

  net::HttpResponse send(const net::HttpRequest& request, const std::stop_token& stop) {
    net::HttpClient client = borrow();
    net::HttpResponse response = client.send(request, stop);
    const std::scoped_lock lock(mutex);
    idle.push_back(std::move(client));
    if (const auto nonce = response.header("replay-nonce"); nonce && is_nonce(*nonce) && nonces.size() < kMostNonces)
      nonces.push_back(*nonce);
    if (const auto date = net::date(response)) peer_date = {*date, std::chrono::steady_clock::now()};
    return response;
  }

  std::optional<base::Time> peer_time() const {
    const std::scoped_lock lock(mutex);
    if (!peer_date) return std::nullopt;
    return peer_date->date +
           std::chrono::duration_cast<base::Seconds>(std::chrono::steady_clock::now() - peer_date->seen);
  }

  void require_same_clock() const {
    const auto theirs = peer_time();
    if (!theirs) return;
    const base::Time ours = settings.clock();
    if (std::chrono::abs(*theirs - ours) <= kLargestSkew) return;
    throw Error(
        Fault::clock,
        fmt::format("the clock here says {}, that of the CA {}", base::format_time(ours), base::format_time(*theirs)),
        "set the clock of this machine; nothing is ordered while the two are more than 5 minutes apart");
  }

  Reply to_reply(net::HttpResponse response) const {
    Reply reply;
    reply.answer.status = response.status;
    reply.answer.location = response.header("location").value_or("");
    reply.answer.alternates = alternates_of(response);
    reply.answer.retry_after = net::retry_after(response, settings.clock());
    if (!response.ok()) reply.problem = parse_problem(response.status, response.body);
    reply.answer.body = std::move(response.body);
    return reply;
  }

  Directory fetch_directory(const std::stop_token& stop) {
    const net::HttpResponse response = send({.url = settings.directory_url}, stop);
    if (!response.ok())
      throw to_error(parse_problem(response.status, response.body), net::retry_after(response, settings.clock()))
          .within(fmt::format("directory {}", base::printable(settings.directory_url)));
    Directory parsed = parse_directory(response.body);
    const std::scoped_lock lock(mutex);
    directory = parsed;
    is_remembered = false;
    fetched = response.body;
    return parsed;
  }

  std::optional<std::string> take_nonce() {
    const std::scoped_lock lock(mutex);
    if (nonces.empty()) return std::nullopt;
    std::string nonce = std::move(nonces.back());
    nonces.pop_back();
    return nonce;
  }
};

Client::Client(ClientSettings settings) : state_(std::make_unique<State>()) {
  state_->settings = std::move(settings);
  if (state_->settings.remembered_directory.empty()) return;
  try {
    state_->directory = parse_directory(state_->settings.remembered_directory);
    state_->is_remembered = true;
  } catch (const Error&) {
    state_->directory.reset();  // fetched again
  }
}

Client::~Client() = default;

const std::string& Client::directory_url() const noexcept { return state_->settings.directory_url; }

Directory Client::directory(std::stop_token stop) {
  const std::scoped_lock one(state_->fetching);
  {
    const std::scoped_lock lock(state_->mutex);
    if (state_->directory) return *state_->directory;
  }
  return state_->fetch_directory(stop);
}

Directory Client::refresh_directory(std::stop_token stop) {
  const std::scoped_lock one(state_->fetching);
  return state_->fetch_directory(stop);
}

std::string Client::fetched_directory() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->fetched;
}

void Client::require_same_clock() const { state_->require_same_clock(); }

std::optional<base::Time> Client::peer_time() const { return state_->peer_time(); }

Reply Client::post(const Identity& identity, const std::string& url, std::string_view payload, std::stop_token stop,
                   ClockCheck check) {
  for (int tries = 1;; ++tries) {
    std::optional<std::string> nonce = state_->take_nonce();
    if (!nonce) {
      net::HttpResponse response = state_->send({.method = "HEAD", .url = directory(stop).new_nonce}, stop);
      // A directory that was remembered for long may name what is no more.
      if (!response.ok() && std::exchange(state_->is_remembered, false))
        response = state_->send({.method = "HEAD", .url = refresh_directory(stop).new_nonce}, stop);
      nonce = state_->take_nonce();
      if (!nonce)
        throw Error(response.ok() ? Fault::invalid : Fault::unreachable,
                    fmt::format("the CA gave no nonce (HTTP {})", response.status),
                    "the next run asks again; see the CA's status page")
            .not_before(net::retry_after(response, state_->settings.clock()));
    }
    if (check == ClockCheck::required) require_same_clock();
    net::HttpRequest request{.method = "POST", .url = url};
    request.headers.emplace_back("Content-Type", "application/jose+json");
    request.body = sign_jws(identity, url, *nonce, payload);
    Reply reply = state_->to_reply(state_->send(request, stop));
    if (check == ClockCheck::required) require_same_clock();
    if (!reply.problem || !reply.problem->is("badNonce") || tries == kNonceTries) return reply;
  }
}

Reply Client::post_again(const Identity& identity, const std::string& url, std::string_view payload,
                         std::stop_token stop, ClockCheck check) {
  for (int tries = 1;; ++tries) {
    try {
      return post(identity, url, payload, stop, check);
    } catch (const Error& error) {
      if (error.fault() != Fault::unreachable || tries == kConnectionTries) throw;
      base::log::info("{}; trying again", error.message());
    }
  }
}

Reply Client::get(const std::string& url, std::stop_token stop) {
  return state_->to_reply(state_->send({.url = url}, stop));
}

Pace& Client::pace(Waiting what) noexcept {
  return what == Waiting::for_validation ? state_->validation : state_->issuance;
}

}  // namespace everseal::acme
