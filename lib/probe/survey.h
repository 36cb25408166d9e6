// All that a server takes, asked hello by hello. Only its ServerHello is read, so that it does not matter what the
// library here can speak.
#pragma once

#include "probe/capture.h"
#include "probe/hello.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::probe {

// Pure: decides and remembers; whoever runs it makes the connections. At most some 200 of them.
class Survey {
 public:
  explicit Survey(std::string server_name);

  // The next hello; nullopt where it has come to its end.
  std::optional<ClientHello> next() const;
  // How far its answer is to be read.
  ServerFlight::Until until() const noexcept;
  enum class Answer {
    told,      // `hello` is what it said: a hello of its own, an alert, something else, or the end of the connection
    not_told,  // no connection, or no answer in time
  };
  void take(Answer answer, const ServerHello& hello);

  Accepted take_accepted() { return std::move(accepted_); }

 private:
  enum class Step { version, ciphers, order, new_groups, old_group, odd_groups, odd_group, end };
  ClientHello hello() const;
  void begin_version(std::size_t index);
  void begin_groups();
  void next_old_group(std::size_t index);
  bool has_elliptic_key() const;
  bool asks_old_groups() const noexcept;
  void refused();
  void accepted(const ServerHello& hello);

  std::string server_name_;
  Step step_ = Step::version;
  std::size_t version_ = 0;                 // in protocol_versions()
  std::vector<std::uint16_t> ciphers_;      // still to be offered
  std::vector<std::uint16_t> picked_;       // of this version, in the server's order
  std::vector<std::uint16_t> groups_;       // still to be offered
  std::size_t group_ = 0;                   // in key_exchange_groups()
  bool beside_ = false;                     // the curves that a certificate's key may be on are offered, too
  std::vector<std::uint16_t> old_ciphers_;  // that it takes below TLS 1.3
  bool speaks_new_ = false;
  std::uint16_t old_version_ = 0;  // the newest below TLS 1.3; 0: none
  int untold_ = 0;
  Accepted accepted_;
};

}  // namespace everseal::probe
