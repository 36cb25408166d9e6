// A TCP connection that never blocks.
#pragma once

#include "base/handle.h"
#include "probe/address.h"
#include "probe/framing.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace everseal::probe {

// One thread at a time. Nothing throws.
class Wire {
 public:
  // Begins to connect. An errno where that failed at once, 0 where it stands or is under way.
  int open(const Address& address);
  // An errno where connecting failed, 0 where the connection stands; EINPROGRESS before either.
  int opened() const;
  int descriptor() const noexcept { return socket_.get(); }

  // What is put back is received first; from `frame` on all octets go through the framing, until `unframe`, after which
  // what is sent goes as it is.
  void put_back(std::string octets) { received_ += octets; }
  void frame(std::unique_ptr<Framing> framing) { framing_ = std::move(framing); }
  void unframe() noexcept { wraps_ = false; }

  enum class Got { some, nothing_yet, end, broken };
  // At most `size` octets; `count` says how many.
  Got receive(char* data, std::size_t size, std::size_t& count);
  // Keeps what the socket does not take yet; `flush` goes on with it.
  void send(std::string_view octets) { to_send_ += octets; }
  void flush();

  int error() const noexcept { return error_; }   // errno of what broke it, 0 where nothing did
  bool ended() const noexcept { return ended_; }  // the peer closed
  // The first octets that ever came from the peer since the last call of `forget_head`.
  std::string_view head() const noexcept { return {head_.data(), head_size_}; }
  void forget_head() noexcept { head_size_ = 0; }

 private:
  Got receive_raw(char* data, std::size_t size, std::size_t& count);

  base::FileDescriptor socket_;
  std::unique_ptr<Framing> framing_;
  bool wraps_ = true;
  std::string received_, to_send_, wrapped_;
  std::array<char, 64> head_{};
  std::size_t head_size_ = 0;
  int error_ = 0;
  bool ended_ = false;
};

}  // namespace everseal::probe
