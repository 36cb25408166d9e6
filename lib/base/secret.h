// Bytes that must not outlive their use: private keys, passphrases, tokens.
#pragma once

#include "base/encoding.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace everseal::base {

// Overwrites memory in a way that the compiler keeps.
void wipe(void* memory, std::size_t size) noexcept;

// Move-only, wiped when it ends or is moved from, and without any way to be formatted or compared by accident.
class Secret {
 public:
  Secret() = default;
  explicit Secret(BytesView bytes);             // copies; the caller wipes its own copy
  explicit Secret(std::string_view text) : Secret(as_bytes(text)) {}
  static Secret take(std::string& text);        // copies, then wipes and empties `text`
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  Secret copy() const { return Secret(reveal()); }
  bool empty() const noexcept { return bytes_.empty(); }
  std::size_t size() const noexcept { return bytes_.size(); }

  // The named door: search for it to see who looks inside.
  BytesView reveal() const noexcept { return bytes_; }
  std::string_view reveal_text() const noexcept { return as_text(bytes_); }

 private:
  Bytes bytes_;
};

}  // namespace everseal::base
