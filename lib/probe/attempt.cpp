#include "probe/attempt.h"

#include "base/error.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/epoll.h>

namespace everseal::probe {
namespace {

using std::chrono::microseconds;

// How long a hello waits between its halves: longer than any stack would hold a segment back.
constexpr auto kPause = std::chrono::milliseconds(250);
constexpr std::size_t kLongestAnswer = kLongestChain + 64 * 1024;
constexpr std::size_t kLongestHead = 16 * 1024;
constexpr std::string_view kHttp = "http/1.1";
constexpr auto kHttpPatience = std::chrono::milliseconds(2'000);

// Elsewhere only who agrees by ALPN to speak it is spoken to by HTTP: other protocols would take it for an attack.
bool is_https_by_custom(int port) { return port == 443 || port == 8443; }

microseconds since(Clock::time_point began) { return std::chrono::duration_cast<microseconds>(Clock::now() - began); }

Outcome outcome_of(Dialogue::State state, Phase phase) {
  switch (state) {
    case Dialogue::State::talking:
    case Dialogue::State::done:
      return Outcome::complete;
    case Dialogue::State::refused:
      return phase == Phase::proxy ? Outcome::proxy_refused : Outcome::starttls_refused;
    case Dialogue::State::other_protocol:
      return phase == Phase::proxy ? Outcome::proxy_refused : Outcome::not_tls;
    case Dialogue::State::injected:
      return Outcome::starttls_injected;
  }
  return Outcome::not_tls;
}

}  // namespace

Attempt::Attempt(Loop& loop, Host& host, Order order)
    : loop_(loop), host_(host), order_(std::move(order)), timer_(loop, [this] { expired(); }) {
  result_.number = order_.number;
}

Attempt::~Attempt() {
  if (wire_.descriptor() >= 0) loop_.forget(wire_.descriptor());
}

void Attempt::begin() {
  try {
    connect();
  } catch (...) {
    result_.failed = std::current_exception();
    end();
  }
}

void Attempt::connect() {
  result_.capture.when = base::wall_clock();
  result_.capture.address = order_.target->proxy ? order_.target->text() : order_.address.text;
  deadline_ = Clock::now() + order_.left;
  enter(Stage::connect, Phase::connect, order_.limits->connect);
  const int error = wire_.open(order_.address);
  if (error != 0) {
    const Outcome outcome = error == ECONNREFUSED ? Outcome::connection_refused : Outcome::unreachable;
    fail(outcome, fmt::format("cannot connect to {}: {}", order_.address.text, base::errno_text(error)));
    if (error == EMFILE || error == ENFILE) result_.returned = std::move(order_);
    return;
  }
  // Told once of each change, so that a whole handshake costs one call to say what is waited for.
  loop_.watch(wire_.descriptor(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
}

void Attempt::ready(int, std::uint32_t) { step(); }

void Attempt::step() {
  try {
    switch (stage_) {
      case Stage::connect:
        return connected();
      case Stage::converse:
        return converse();
      case Stage::greet:
        return greet();
      case Stage::shake:
        return shake();
      case Stage::listen:
        return listen();
      case Stage::ask:
        return ask();
      case Stage::wait_for_place:
      case Stage::pause:
      case Stage::over:
        return;
    }
  } catch (...) {
    result_.failed = std::current_exception();
    end();
  }
}

void Attempt::enter(Stage stage, Phase phase, microseconds limit) {
  stage_ = stage;
  result_.capture.phase = phase;
  began_ = Clock::now();
  phase_until_ = std::min(deadline_, began_ + limit);
  timer_.set(phase_until_);
}

microseconds& Attempt::phase_time() {
  Capture& capture = result_.capture;
  switch (capture.phase) {
    case Phase::resolve:
    case Phase::connect:
      return capture.connect_time;
    case Phase::proxy:
      return capture.proxy_time;
    case Phase::starttls:
      return capture.starttls_time;
    case Phase::handshake:
      break;
  }
  return capture.handshake_time;
}

void Attempt::connected() {
  const int error = wire_.opened();
  if (error == EINPROGRESS) return;
  phase_time() = since(began_);
  if (error != 0) {
    const Outcome outcome = error == ECONNREFUSED ? Outcome::connection_refused
                            : error == ETIMEDOUT  ? Outcome::timed_out
                                                  : Outcome::unreachable;
    return fail(outcome, fmt::format("cannot connect to {}: {}", order_.address.text, base::errno_text(error)));
  }
  if (!order_.target->proxy) return after_proxy();
  dialogue_ = make_connect_dialogue(*order_.target->proxy, order_.target->authority());
  enter(Stage::converse, Phase::proxy, order_.limits->starttls);
  converse();
}

void Attempt::after_proxy() {
  if (order_.target->starttls.empty()) return before_tls();
  starttls_ = &require_starttls(order_.target->starttls);
  dialogue_ = starttls_->begin(order_.target->sni.empty() ? order_.target->host : order_.target->sni);
  enter(Stage::converse, Phase::starttls, order_.limits->starttls);
  converse();
}

std::string Attempt::of_dialogue(std::string_view problem) const {
  return fmt::format("{}: {}", result_.capture.phase == Phase::proxy ? "proxy" : starttls_->name, problem);
}

void Attempt::converse() {
  std::string answer = dialogue_->advance({});
  while (true) {
    const auto state = dialogue_->state();
    if (state == Dialogue::State::talking || state == Dialogue::State::done) {
      wire_.send(answer);
      wire_.flush();
    }
    if (state != Dialogue::State::talking) return converse_ended();
    char data[4096];
    std::size_t count = 0;
    switch (wire_.receive(data, sizeof data, count)) {
      case Wire::Got::some:
        answer = dialogue_->advance(base::as_bytes({data, count}));
        break;
      case Wire::Got::nothing_yet:
        return;
      case Wire::Got::end:
        return fail(Outcome::unreachable, of_dialogue("the peer closed the connection"));
      case Wire::Got::broken:
        return fail(Outcome::unreachable,
                    of_dialogue(fmt::format("the connection was lost: {}", base::errno_text(wire_.error()))));
    }
  }
}

void Attempt::converse_ended() {
  const Phase phase = result_.capture.phase;
  phase_time() = since(began_);
  const auto dialogue = std::move(dialogue_);
  if (const Outcome outcome = outcome_of(dialogue->state(), phase); outcome != Outcome::complete)
    return fail(outcome, of_dialogue(dialogue->problem()));
  wire_.put_back(dialogue->rest());
  phase == Phase::proxy ? after_proxy() : before_tls();
}

void Attempt::before_tls() {
  timer_.clear();
  result_.capture.phase = Phase::handshake;
  began_ = Clock::now();
  stage_ = Stage::wait_for_place;
  if (std::holds_alternative<GreetOrder>(order_.what)) return begin_tls();
  place_ = Place::awaited;
  if (host_.admit(*this)) admitted();
}

void Attempt::admitted() {
  if (stage_ != Stage::wait_for_place) return;
  place_ = Place::held;
  deadline_ += Clock::now() - began_;  // that was our own crowd
  try {
    begin_tls();
  } catch (...) {
    result_.failed = std::current_exception();
    end();
  }
}

void Attempt::begin_tls() {
  if (starttls_ != nullptr && starttls_->frame != nullptr) wire_.frame(starttls_->frame());
  wire_.forget_head();
  std::holds_alternative<GreetOrder>(order_.what) ? begin_greeting() : begin_shaking();
}

void Attempt::begin_greeting() {
  const auto& wanted = std::get<GreetOrder>(order_.what);
  hello_ = wanted.hello.record();
  flight_ = ServerFlight(wanted.until);
  enter(Stage::greet, Phase::handshake, order_.limits->handshake);
  if (wanted.in_halves) {
    wire_.send(std::string_view(hello_).substr(0, hello_.size() / 2));
    wire_.flush();
    hello_.erase(0, hello_.size() / 2);
    stage_ = Stage::pause;
    timer_.set(std::min(phase_until_, began_ + kPause));
    return;
  }
  wire_.send(std::exchange(hello_, {}));
  greet();
}

void Attempt::greet() {
  char data[4096];
  std::size_t count = 0;
  Wire::Got got{};
  while ((got = wire_.receive(data, sizeof data, count)) == Wire::Got::some) {
    came_ += count;
    if (flight_.take({data, count}) && came_ <= kLongestAnswer) continue;
    return end_greeting();
  }
  if (got == Wire::Got::nothing_yet) return;
  if (flight_.hello().kind == ServerHello::Kind::hello) return end_greeting();
  fail(Outcome::unreachable, "the peer ended the connection behind the hello");
}

void Attempt::end_greeting() {
  phase_time() = since(began_);
  result_.hello = flight_.hello();
  result_.capture.chain = flight_.take_chain();
  if (result_.hello.kind == ServerHello::Kind::hello) {
    result_.capture.outcome = Outcome::complete;
    return end();
  }
  const bool alert = result_.hello.kind == ServerHello::Kind::alert;
  if (alert) result_.capture.alert = result_.hello.alert;
  fail(alert ? Outcome::handshake_failed : Outcome::not_tls, "the peer did not answer the hello with its own");
}

void Attempt::begin_shaking() {
  const auto& wanted = std::get<ShakeOrder>(order_.what);
  handshake_ = std::make_unique<Handshake>(host_.context(wanted.offer), wire_,
                                           Handshake::Wanted{.target = *order_.target,
                                                             .server_name = order_.server_name,
                                                             .key = wanted.key,
                                                             .resume = wanted.resume.get(),
                                                             .protocol = wanted.ask_http ? kHttp : ""});
  enter(Stage::shake, Phase::handshake, order_.limits->handshake);
  shake();
}

void Attempt::shake() {
  const Handshake::Step step = handshake_->shake();
  if (step == Handshake::Step::waiting) return wire_.flush();
  phase_time() = since(began_);
  if (step == Handshake::Step::failed) return end_handshake(step);
  wire_.flush();
  wire_.unframe();
  if (std::get<ShakeOrder>(order_.what).ask_http) {
    if (handshake_->protocol() != kHttp && !is_https_by_custom(order_.target->port)) return end_handshake(step);
    stage_ = Stage::ask;
    timer_.set(std::min(phase_until_, Clock::now() + kHttpPatience));
    handshake_->say(
        fmt::format("HEAD / HTTP/1.1\r\nHost: {}\r\nUser-Agent: everseal\r\nAccept: */*\r\n"
                    "Connection: close\r\n\r\n",
                    order_.server_name.empty() ? order_.target->host : order_.server_name));
    return ask();
  }
  const bool await = std::get<ShakeOrder>(order_.what).await_ticket || handshake_->certificate_requested();
  if (!await || !handshake_->is_tls13()) return end_handshake(step);
  // A server that has nothing to say keeps nobody waiting for long.
  const auto patience =
      std::clamp<microseconds>(3 * phase_time(), std::chrono::milliseconds(300), std::chrono::milliseconds(2'000));
  stage_ = Stage::listen;
  timer_.set(std::min(phase_until_, Clock::now() + patience));
  listen();
}

void Attempt::listen() {
  if (handshake_->listen() != Handshake::Step::waiting) end_handshake(Handshake::Step::done);
}

// The head of an answer, or as much of it as comes.
void Attempt::ask() {
  const Handshake::Step step = handshake_->hear(result_.http_head, kLongestHead);
  wire_.flush();
  const std::string_view heard = result_.http_head;
  const bool is_http = heard.starts_with("HTTP/") || std::string_view("HTTP/").starts_with(heard);
  if (step == Handshake::Step::waiting && is_http && heard.find("\r\n\r\n") == std::string_view::npos) return;
  end_handshake(Handshake::Step::done);
}

void Attempt::end_handshake(Handshake::Step step) {
  handshake_->show(step, result_.capture);
  result_.resumed = handshake_->resumed();
  if (step == Handshake::Step::done) {
    if (result_.capture.outcome == Outcome::complete) result_.session = handshake_->session();
    handshake_->say_goodbye();
  }
  end();
}

void Attempt::expired() {
  if (stage_ == Stage::pause) {
    stage_ = Stage::greet;
    timer_.set(phase_until_);
    wire_.send(std::exchange(hello_, {}));
    return step();
  }
  if (stage_ == Stage::listen || stage_ == Stage::ask) return end_handshake(Handshake::Step::done);
  phase_time() = since(began_);
  switch (stage_) {
    case Stage::connect:
      return fail(Outcome::timed_out, fmt::format("{} did not accept the connection in time", order_.address.text));
    case Stage::converse:
      return fail(Outcome::timed_out, of_dialogue("the peer did not answer in time"));
    case Stage::shake:
      return end_handshake(Handshake::Step::waiting);
    default:
      return fail(Outcome::timed_out, "the peer did not answer the hello in time");
  }
}

void Attempt::fail(Outcome outcome, std::string problem) {
  result_.capture.outcome = outcome;
  result_.capture.problem = std::move(problem);
  end();
}

void Attempt::end() {
  if (stage_ == Stage::over) return;
  stage_ = Stage::over;
  timer_.clear();
  host_.ended(*this);
}

}  // namespace everseal::probe
