// What two peers say to each other in the clear before TLS begins. No I/O: who carries the octets decides when.
#pragma once

#include "base/encoding.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace everseal::probe {

// One dialogue with one peer. Not thread-safe. What it holds is bounded, whatever the peer sends.
class Dialogue {
 public:
  enum class State {
    talking,
    done,            // the next octet belongs to TLS
    refused,         // the peer does not want TLS
    other_protocol,  // the peer does not speak this one
    injected,  // more came in the clear behind the peer's go-ahead. Whoever sits in between can put it there, and a
               // client that takes it for what came through TLS is deceived (CVE-2011-0411, CVE-2021-23222)
  };

  Dialogue() = default;
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;
  virtual ~Dialogue() = default;

  // Takes what the peer sent, in pieces of any size, and gives what is to be sent. Called first with nothing, which
  // begins; not any more once the state is another than `talking`.
  std::string advance(base::BytesView heard);

  State state() const noexcept { return state_; }
  const std::string& problem() const noexcept { return problem_; }  // printable; empty while talking and once done
  // What came behind the go-ahead and belongs to the protocol that follows; empty but for go_ahead(Behind::anything).
  const std::string& rest() const noexcept { return heard_; }

 protected:
  virtual void begin() {}
  // Takes one unit off the front of `heard`, which is never empty, and says how many octets that was; 0 where it is not
  // there as a whole.
  virtual std::size_t take(std::string_view heard) = 0;

  void say(std::string_view text) { to_say_ += text; }
  enum class Behind { nothing, anything };
  void go_ahead(Behind behind = Behind::nothing);
  void refuse(std::string why) { end(State::refused, std::move(why)); }
  void reject(std::string why) { end(State::other_protocol, std::move(why)); }

 private:
  void end(State state, std::string problem);

  State state_ = State::talking;
  Behind behind_ = Behind::nothing;
  bool begun_ = false;
  int units_ = 0;
  std::string heard_, to_say_, problem_;
};

// Lines that end with LF or CRLF, at most 4 KiB each.
class LineDialogue : public Dialogue {
 protected:
  virtual void on_line(std::string_view line) = 0;  // without its end

 private:
  std::size_t take(std::string_view heard) final;
};

// Packets that say how long they are.
class PacketDialogue : public Dialogue {
 protected:
  // The size of the whole packet that begins so; nullopt where more has to be seen, and where it was rejected.
  virtual std::optional<std::size_t> size_of(std::string_view head) = 0;
  virtual void on_packet(std::string_view packet) = 0;

 private:
  std::size_t take(std::string_view heard) final;
};

}  // namespace everseal::probe
