// One connection from its first octet to its last: connect, proxy, STARTTLS, hello or handshake.
#pragma once

#include "probe/handshake.h"
#include "probe/hello.h"
#include "probe/loop.h"
#include "probe/probe.h"
#include "probe/starttls.h"
#include "probe/wire.h"

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace everseal::probe {

struct ShakeOrder {
  Offer offer = Offer::usual;
  std::optional<pki::KeyType> key;
  SessionHandle resume;
  bool await_ticket = false;
  bool ask_http = false;  // once the handshake is done, for the head of "/"
};
struct GreetOrder {  // only a hello, and whatever it is answered with
  ClientHello hello;
  bool in_halves = false;
  ServerFlight::Until until = ServerFlight::Until::hello;
};

// What is to be done at one address. The target and the limits outlive it.
struct Order {
  std::uint64_t number = 0;
  const Target* target = nullptr;
  const Limits* limits = nullptr;
  Address address;
  std::string server_name;  // SNI; "": none
  std::variant<ShakeOrder, GreetOrder> what;
  std::chrono::microseconds left{};  // of the whole look's time, from when the connection is begun
};

struct Result {
  std::uint64_t number = 0;
  Capture capture;
  SessionHandle session;  // where the handshake was complete and can be gone on with
  bool resumed = false;
  ServerHello hello;              // of a GreetOrder
  std::string http_head;          // of ask_http; "": none came, or the peer speaks something else
  std::optional<Order> returned;  // untried, as the machine has no descriptor left
  std::exception_ptr failed;
};

class Attempt final : Loop::Watcher {
 public:
  // Whoever runs it: a place for a TLS session has to be had before the first octet of TLS.
  class Host {
   public:
    virtual SSL_CTX& context(Offer offer) = 0;
    // False: not now; `admitted` is called once there is a place.
    virtual bool admit(Attempt& attempt) = 0;
    virtual void ended(Attempt& attempt) = 0;  // may not destroy it at once

   protected:
    ~Host() = default;
  };
  Attempt(Loop& loop, Host& host, Order order);
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  void begin();
  void admitted();
  bool holds_place() const noexcept { return place_ == Place::held; }
  Result take_result() { return std::move(result_); }

 private:
  enum class Stage { connect, converse, wait_for_place, pause, greet, shake, listen, ask, over };

  void ready(int descriptor, std::uint32_t events) override;
  void step();
  void expired();
  void enter(Stage stage, Phase phase, std::chrono::microseconds limit);
  void connect();
  void connected();
  void after_proxy();
  void before_tls();
  void begin_tls();
  void begin_greeting();
  void begin_shaking();
  void converse();
  void converse_ended();
  void greet();
  void end_greeting();
  void shake();
  void listen();
  void ask();
  void end_handshake(Handshake::Step step);
  void fail(Outcome outcome, std::string problem);
  void end();
  std::string of_dialogue(std::string_view problem) const;
  std::chrono::microseconds& phase_time();

  Loop& loop_;
  Host& host_;
  Order order_;
  Result result_;
  Wire wire_;
  Loop::Timer timer_;
  Stage stage_ = Stage::connect;
  enum class Place { none, awaited, held } place_ = Place::none;
  Clock::time_point deadline_, began_, phase_until_;
  const Starttls* starttls_ = nullptr;
  std::unique_ptr<Dialogue> dialogue_;
  std::unique_ptr<Handshake> handshake_;
  std::string hello_;  // what is still to be sent of it
  ServerFlight flight_;
  std::size_t came_ = 0;  // octets of it
};

}  // namespace everseal::probe
