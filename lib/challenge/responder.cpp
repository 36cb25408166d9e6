#include "challenge/responder.h"

#include "challenge/validation_certificate.h"
#include "net/http_server.h"
#include "net/tls_alpn_server.h"

#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace everseal::challenge {
namespace {

constexpr std::string_view kPath = "/.well-known/acme-challenge/";

using Place = std::pair<std::string, std::uint16_t>;  // address and port

// The answers that one server gives, by what it is asked for. Several orders may give the same answer at once.
template <class Answer>
class Answers {
 public:
  void add(const std::string& key, Answer answer) {
    const std::scoped_lock lock(mutex_);
    answers_.emplace(key, std::move(answer));
  }
  // True where nothing is left.
  bool remove(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = answers_.find(key); found != answers_.end()) answers_.erase(found);
    return answers_.empty();
  }
  std::optional<Answer> find(const std::string& key) const {
    const std::scoped_lock lock(mutex_);
    const auto found = answers_.find(key);
    return found == answers_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  mutable std::mutex mutex_;
  std::multimap<std::string, Answer> answers_;
};

// The server ends before its answers do.
struct HttpAnswers {
  Answers<std::string> answers;
  std::optional<net::HttpServer> server;

  net::ServerResponse answer(const net::ServerRequest& request) const {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    const bool is_challenge = request.target.starts_with(kPath);
    const auto found = reads && is_challenge ? answers.find(request.target.substr(kPath.size())) : std::nullopt;
    if (!found) return {.status = 404, .body = "not found\n"};
    return {.status = 200, .content_type = "application/octet-stream", .body = *found};
  }
};

struct TlsAnswers {
  Answers<net::TlsIdentity> answers;
  std::optional<net::TlsAlpnServer> server;
};

class StandAlone final : public Responder {
 public:
  std::unique_ptr<Hold> serve_http(const std::string& address, std::uint16_t port, const std::string& token,
                                   const std::string& key_authorization) override {
    const std::scoped_lock lock(mutex_);
    HttpAnswers& at = listening(http_, {address, port}, [&](HttpAnswers& fresh) {
      fresh.server.emplace(net::ServerSettings{.address = address, .port = port},
                           [&fresh](const net::ServerRequest& request) { return fresh.answer(request); });
    });
    at.answers.add(token, key_authorization);
    return std::make_unique<HoldOf<HttpAnswers>>(*this, http_, Place{address, port}, token);
  }

  std::unique_ptr<Hold> serve_tls_alpn(const std::string& address, std::uint16_t port,
                                       const pki::Identifier& identifier,
                                       const std::string& key_authorization) override {
    const std::string name = server_name_of(identifier);
    net::TlsIdentity identity = make_validation_certificate(identifier, key_authorization, base::wall_clock());
    const std::scoped_lock lock(mutex_);
    TlsAnswers& at = listening(tls_, {address, port}, [&](TlsAnswers& fresh) {
      fresh.server.emplace(address, port, [&fresh](const std::string& asked) { return fresh.answers.find(asked); });
    });
    at.answers.add(name, std::move(identity));
    return std::make_unique<HoldOf<TlsAnswers>>(*this, tls_, Place{address, port}, name);
  }

 private:
  template <class At>
  using Places = std::map<Place, std::unique_ptr<At>>;

  // What listens at `place`; a new one where nothing does yet. Throws what `listen` throws, and nothing is left of it
  // then.
  template <class At, class Listen>
  static At& listening(Places<At>& places, const Place& place, Listen listen) {
    if (const auto found = places.find(place); found != places.end()) return *found->second;
    auto fresh = std::make_unique<At>();
    listen(*fresh);
    return *places.emplace(place, std::move(fresh)).first->second;
  }

  template <class At>
  class HoldOf final : public Hold {
   public:
    HoldOf(StandAlone& owner, Places<At>& places, Place place, std::string key)
        : owner_(owner), places_(places), place_(std::move(place)), key_(std::move(key)) {}
    ~HoldOf() override {
      // The server ends before anybody else may listen there again.
      const std::scoped_lock lock(owner_.mutex_);
      const auto at = places_.find(place_);
      if (at != places_.end() && at->second->answers.remove(key_)) places_.erase(at);
    }

   private:
    StandAlone& owner_;
    Places<At>& places_;
    Place place_;
    std::string key_;
  };

  std::mutex mutex_;
  Places<HttpAnswers> http_;
  Places<TlsAnswers> tls_;
};

}  // namespace

std::unique_ptr<Responder> make_stand_alone_responder() { return std::make_unique<StandAlone>(); }

}  // namespace everseal::challenge
