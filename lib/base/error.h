// The one exception type: what failed, why, and what to do next.
#pragma once

#include "base/time.h"

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace everseal::base {

// What a caller may branch on. Everything finer is text for people.
enum class Fault {
  usage,        // the command line or a request is wrong
  config,       // the configuration is wrong
  invalid,      // data that was handed in does not parse or breaks a rule
  denied,       // a policy, a profile or a permission forbids it
  not_found,    // the thing named does not exist
  exists,       // the thing to be made exists already
  busy,         // somebody else holds the lock
  io,           // the operating system refused: permissions, disk, descriptors
  corrupt,      // stored state contradicts itself
  newer,        // stored state was written by a newer Everseal
  clock,        // the wall clock cannot be trusted
  unreachable,  // a peer could not be talked to
  timed_out,    // a bound in time was reached
  cancelled,    // somebody asked to stop
  internal,     // a library failed in a way that is nobody's input
};

std::string_view to_string(Fault fault) noexcept;

class Error : public std::exception {
 public:
  // `message` is lower case and has no full stop: "cannot open /x: permission denied".
  // `hint` says what to do next, or is empty.
  explicit Error(Fault fault, std::string message, std::string hint = {});
  // Compiled once, with the type's description; every file throws.
  Error(const Error&);
  Error(Error&&) noexcept;
  Error& operator=(const Error&);
  Error& operator=(Error&&) noexcept;
  ~Error() override;

  Fault fault() const noexcept { return fault_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& hint() const noexcept { return hint_; }
  const char* what() const noexcept override { return message_.c_str(); }

  // Both in one line, "message (hint)", where there is no second line for the hint.
  std::string text() const;

  // When a peer said that asking again makes sense, and not before.
  const std::optional<Time>& retry_at() const noexcept { return retry_at_; }
  Error&& not_before(std::optional<Time> when) &&;

  // Puts "context: " before the message.
  Error&& within(std::string_view context) &&;

 private:
  Fault fault_;
  std::string message_;
  std::string hint_;
  std::optional<Time> retry_at_;
};

// Runs `work`; an Error that leaves it carries "context: " before its message.
template <class Work>
decltype(auto) within(std::string_view context, Work&& work) {
  try {
    return std::invoke(std::forward<Work>(work));
  } catch (Error& error) {
    throw std::move(error).within(context);
  }
}

// What the system says of an errno, in the form of our messages: "permission denied".
std::string errno_text(int code);

// An Error with Fault::io for the current `errno`: "cannot DO WHAT: strerror".
Error errno_error(std::string_view doing, std::string_view what);

}  // namespace everseal::base
