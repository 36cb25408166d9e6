#include "probe/dialogue.h"

#include <algorithm>
#include <utility>

namespace everseal::probe {
namespace {

constexpr std::size_t kLongestLine = 4096;
constexpr std::size_t kLongestPacket = 16'384;
constexpr int kMostUnits = 1000;

}  // namespace

std::string Dialogue::advance(base::BytesView heard) {
  if (!begun_) {
    begun_ = true;
    begin();
  }
  heard_ += base::as_text(heard);
  std::size_t taken = 0;
  while (state_ == State::talking && taken < heard_.size()) {
    const std::size_t size = take(std::string_view(heard_).substr(taken));
    if (size == 0) break;
    taken += size;
    if (++units_ > kMostUnits && state_ == State::talking) reject("the peer talks without end");
  }
  heard_.erase(0, taken);
  if (state_ == State::done && behind_ == Behind::nothing && !heard_.empty())
    end(State::injected, "the peer sent more in the clear behind its go-ahead for TLS");
  return std::exchange(to_say_, {});
}

void Dialogue::go_ahead(Behind behind) {
  state_ = State::done;
  behind_ = behind;
}

void Dialogue::end(State state, std::string problem) {
  state_ = state;
  problem_ = std::move(problem);
}

std::size_t LineDialogue::take(std::string_view heard) {
  const auto end = heard.substr(0, kLongestLine + 1).find('\n');
  if (end == std::string_view::npos) {
    if (heard.size() > kLongestLine) reject("the peer sent a line without end");
    return 0;
  }
  std::string_view line = heard.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  on_line(line);
  return end + 1;
}

std::size_t PacketDialogue::take(std::string_view heard) {
  const auto size = size_of(heard);
  if (!size) return 0;
  if (*size == 0 || *size > kLongestPacket) {
    reject("the peer announced a packet of a size that none has");
    return 0;
  }
  if (heard.size() < *size) return 0;
  on_packet(heard.substr(0, *size));
  return *size;
}

}  // namespace everseal::probe
