#include "probe/tds_framing.h"

#include "probe/octets.h"

#include <algorithm>

namespace everseal::probe {
namespace {

constexpr std::size_t kLargestPacket = 4096;

class TdsFraming final : public Framing {
  std::string wrap(std::string_view tls) override {
    std::string packets;
    while (!tls.empty()) {
      const std::size_t size = std::min(tls.size(), kLargestPacket - kTdsHead);
      packets += tds_packet(kTdsPrelogin, size == tls.size(), tls.substr(0, size));
      tls.remove_prefix(size);
    }
    return packets;
  }

  bool unwrap(std::string_view came, std::string& tls) override {
    while (!came.empty()) {
      if (left_ == 0 && head_.empty() && came.front() != kTdsPrelogin && came.front() != kTdsResponse) {
        // A record of TLS as it is: the server has ended its part of the handshake.
        tls += came;
        return true;
      }
      if (left_ > 0) {
        const std::size_t size = std::min(left_, came.size());
        tls += came.substr(0, size);
        came.remove_prefix(size);
        left_ -= size;
        continue;
      }
      head_ += came.front();
      came.remove_prefix(1);
      if (head_.size() < kTdsHead) continue;
      const std::size_t size = big_endian(std::string_view(head_).substr(2, 2));
      if (size < kTdsHead) return false;
      left_ = size - kTdsHead;
      head_.clear();
    }
    return true;
  }

  std::string head_;
  std::size_t left_ = 0;  // of the packet's body
};

}  // namespace

std::string tds_packet(char type, bool last, std::string_view body) {
  const std::size_t size = kTdsHead + body.size();
  std::string packet{type, last ? '\x01' : '\0', static_cast<char>(size >> 8U), static_cast<char>(size & 0xffU)};
  packet.append(4, '\0');
  packet += body;
  return packet;
}

std::unique_ptr<Framing> make_tds_framing() { return std::make_unique<TdsFraming>(); }

}  // namespace everseal::probe
