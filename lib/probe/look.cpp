#include "probe/look.h"

#include "base/error.h"
#include "pki/certificate.h"

#include <utility>

namespace everseal::probe {
namespace {

// Alerts that no other list of versions, ciphers and groups would have spared (RFC 8446 section 6.2): of a certificate
// that is missing or wrong, a name, a protocol.
bool is_about_the_offer(int alert) {
  switch (alert) {
    case SSL_AD_NO_CERTIFICATE:
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_UNRECOGNIZED_NAME:
    case SSL_AD_CERTIFICATE_REQUIRED:
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return false;
    default:
      return true;
  }
}

bool was_refused(const Capture& capture) {
  if (capture.phase != Phase::handshake || !capture.chain.empty()) return false;
  if (capture.outcome == Outcome::unreachable) return true;  // closed or reset in place of an answer
  return capture.outcome == Outcome::handshake_failed && (!capture.alert || is_about_the_offer(*capture.alert));
}

// A key of the other family than the leaf's, that a listener may hold beside it.
std::optional<pki::KeyType> other_key_than(const base::Bytes& leaf) {
  try {
    const auto type = pki::Certificate::parse(leaf).public_key().type;
    if (!type) return std::nullopt;
    switch (*type) {
      case pki::KeyType::rsa_2048:
      case pki::KeyType::rsa_3072:
      case pki::KeyType::rsa_4096:
        return pki::KeyType::ecdsa_p256;
      default:
        return pki::KeyType::rsa_2048;
    }
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

// The octets that a ClientHello with a share of X25519MLKEM768 has, and some more.
constexpr std::size_t kLargeHello = 1'800;

// Of the head of an answer by HTTP; nullopt where it is none.
std::optional<base::Untrusted> strict_transport_of(std::string_view head) {
  if (!head.starts_with("HTTP/1.")) return std::nullopt;
  constexpr std::string_view kName = "strict-transport-security:";
  for (const std::string& line : base::split(head.substr(0, head.find("\r\n\r\n")), '\n'))
    if (base::lower(line).starts_with(kName))
      return base::Untrusted(std::string(base::trim(std::string_view(line).substr(kName.size()))));
  return base::Untrusted();
}

}  // namespace

std::string server_name_of(const Target& target) {
  std::string name = target.sni;
  if (name.empty() && !is_address(target.host)) name = target.host;
  if (name.ends_with('.')) name.pop_back();
  return name;
}

Look::Look(const Target& target, const Asked& asked)
    : target_(target), depth_(asked.depth), alone_(asked.alone), server_name_(server_name_of(target)) {}

Order Look::shake(std::string server_name) const {
  Order order;
  order.target = &target_;
  order.server_name = std::move(server_name);
  order.what = ShakeOrder{.offer = offer_, .key = target_.key};
  return order;
}

Order Look::greet(ClientHello hello) const {
  Order order;
  order.target = &target_;
  order.what = GreetOrder{.hello = std::move(hello)};
  return order;
}

std::optional<Order> Look::next() {
  switch (step_) {
    case Step::usual:
    case Step::everything: {
      Order order = shake(server_name_);
      std::get<ShakeOrder>(order.what).await_ticket = depth_ >= Depth::further;
      return order;
    }
    case Step::resume: {
      Order order = shake(server_name_);
      std::get<ShakeOrder>(order.what).resume = std::move(session_);
      return order;
    }
    case Step::post_quantum: {
      ClientHello hello = usual_hello(server_name_);
      hello.versions = {TLS1_3_VERSION};
      hello.groups = {kX25519MlKem768};
      return greet(std::move(hello));
    }
    case Step::split_hello: {
      Order order = greet(usual_hello(server_name_));
      std::get<GreetOrder>(order.what).in_halves = true;
      return order;
    }
    case Step::whole_hello:
      return greet(usual_hello(server_name_));
    case Step::default_chain:
      return shake({});
    case Step::other_key: {
      Order order = greet(
          hello_for_key(server_name_, other_key_ == pki::KeyType::rsa_2048 ? KeyFamily::rsa : KeyFamily::elliptic));
      std::get<GreetOrder>(order.what).until = ServerFlight::Until::chain;
      return order;
    }
    case Step::other_new_key: {
      Order order = shake(server_name_);
      std::get<ShakeOrder>(order.what).key = other_key_;
      return order;
    }
    case Step::large_hello: {
      ClientHello hello = usual_hello(server_name_);
      hello.least = kLargeHello;
      return greet(std::move(hello));
    }
    case Step::strict_transport: {
      Order order = shake(server_name_);
      std::get<ShakeOrder>(order.what).ask_http = true;
      return order;
    }
    case Step::survey: {
      Order order = greet(*survey_->next());
      std::get<GreetOrder>(order.what).until = survey_->until();
      return order;
    }
    case Step::end:
      break;
  }
  return std::nullopt;
}

void Look::take_first(Result result) {
  const bool second = step_ == Step::everything;
  const bool better = !result.capture.chain.empty() || result.capture.outcome == Outcome::complete;
  // A peer that takes nothing at all is told by what it said to the usual offer.
  if (!second || better) {
    capture_ = std::move(result.capture);
    session_ = std::move(result.session);
  }
  if (!second && was_refused(capture_)) {
    step_ = Step::everything;
    offer_ = Offer::everything;
    return;
  }
  if (depth_ == Depth::first) {
    step_ = Step::end;
    return;
  }
  if (capture_.outcome != Outcome::complete) {
    // Also of a peer that speaks only what the library here does not there is something to be told.
    const bool speaks = capture_.phase == Phase::handshake && capture_.outcome == Outcome::handshake_failed;
    step_ = depth_ == Depth::deep && speaks ? Step::survey : Step::end;
    if (step_ == Step::survey) survey_.emplace(server_name_);
    return;
  }
  capture_.depth = depth_;
  if (!target_.key && !capture_.chain.empty() && !is_known_alone(capture_.chain.front()))
    other_key_ = other_key_than(capture_.chain.front());
  if (depth_ >= Depth::further) {
    if (!capture_.client_certificate_required) capture_.further.resumes = false;
    if (capture_.tls_version != "TLSv1.3") capture_.further.post_quantum = false;
  }
  go_on();
}

bool Look::is_known_alone(const base::Bytes& leaf) const {
  return depth_ == Depth::keys && alone_ && alone_->octets == pki::sha256(leaf);
}

bool Look::has_sense(Step step) const {
  if (depth_ == Depth::keys && step != Step::other_key && step != Step::other_new_key && step != Step::end)
    return false;
  switch (step) {
    case Step::resume:
      return session_ != nullptr;
    case Step::post_quantum:
      return !capture_.further.post_quantum;
    case Step::whole_hello:
      return capture_.further.split_hello == false;
    case Step::default_chain:
      return !server_name_.empty();
    case Step::other_key:
      return other_key_.has_value();
    case Step::other_new_key:
      // Who refuses the suites of TLS 1.2 for want of such a key has none, unless it takes fewer of them there.
      return other_key_ && capture_.further.other_chain.empty() && capture_.tls_version == "TLSv1.3" &&
             (!lacks_other_key_ || depth_ >= Depth::further);
    // Both hellos make the usual offer: who refuses that refuses them whatever their form.
    case Step::split_hello:
      return offer_ == Offer::usual;
    case Step::large_hello:
      return depth_ == Depth::deep && capture_.further.split_hello;
    case Step::survey:
      return depth_ == Depth::deep;
    case Step::strict_transport:
      return depth_ == Depth::deep && target_.starttls.empty() && !capture_.client_certificate_required;
    default:
      return true;
  }
}

void Look::go_on() {
  do {
    step_ = static_cast<Step>(static_cast<int>(step_) < static_cast<int>(Step::resume) ? static_cast<int>(Step::resume)
                                                                                       : static_cast<int>(step_) + 1);
  } while (!has_sense(step_));
  if (step_ == Step::survey) survey_.emplace(server_name_);
}

void Look::take(Result result) {
  Further& further = capture_.further;
  const Capture& seen = result.capture;
  const bool reached = seen.phase == Phase::handshake;
  switch (step_) {
    case Step::usual:
    case Step::everything:
      return take_first(std::move(result));
    case Step::resume:
      if (seen.outcome == Outcome::complete)
        further.resumes = result.resumed;
      else
        further.resumes.reset();
      break;
    case Step::post_quantum:
      // Some close where others send an alert.
      if (reached && seen.outcome != Outcome::timed_out)
        further.post_quantum = result.hello.kind == ServerHello::Kind::hello && result.hello.group == kX25519MlKem768;
      break;
    case Step::split_hello:
      if (reached) further.split_hello = result.hello.kind == ServerHello::Kind::hello;
      break;
    case Step::whole_hello:
      // Who takes nothing that this hello offers does not answer it in one piece either.
      if (!reached || result.hello.kind != ServerHello::Kind::hello) further.split_hello.reset();
      break;
    case Step::default_chain:
      further.default_chain = std::move(result.capture.chain);
      break;
    case Step::other_key:
      lacks_other_key_ =
          result.hello.kind == ServerHello::Kind::alert &&
          (result.hello.alert == SSL_AD_HANDSHAKE_FAILURE || result.hello.alert == SSL_AD_INSUFFICIENT_SECURITY);
      [[fallthrough]];
    case Step::other_new_key:
      if (!seen.chain.empty() && other_key_than(seen.chain.front()) != other_key_)
        further.other_chain = std::move(result.capture.chain);
      break;
    case Step::large_hello:
      if (reached) further.large_hello = result.hello.kind == ServerHello::Kind::hello;
      break;
    case Step::strict_transport:
      further.strict_transport = strict_transport_of(result.http_head);
      break;
    case Step::survey:
      survey_->take(reached && seen.outcome != Outcome::timed_out ? Survey::Answer::told : Survey::Answer::not_told,
                    result.hello);
      if (survey_->next()) return;
      capture_.accepted = survey_->take_accepted();
      break;
    case Step::end:
      break;
  }
  go_on();
}

}  // namespace everseal::probe
