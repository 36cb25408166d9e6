#include "base/error.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace everseal::base {

std::string_view to_string(Fault fault) noexcept {
  switch (fault) {
    case Fault::usage:
      return "usage";
    case Fault::config:
      return "config";
    case Fault::invalid:
      return "invalid";
    case Fault::denied:
      return "denied";
    case Fault::not_found:
      return "not_found";
    case Fault::exists:
      return "exists";
    case Fault::busy:
      return "busy";
    case Fault::io:
      return "io";
    case Fault::corrupt:
      return "corrupt";
    case Fault::newer:
      return "newer";
    case Fault::clock:
      return "clock";
    case Fault::unreachable:
      return "unreachable";
    case Fault::timed_out:
      return "timed_out";
    case Fault::cancelled:
      return "cancelled";
    case Fault::internal:
      return "internal";
  }
  return "internal";
}

Error::Error(Fault fault, std::string message, std::string hint)
    : fault_(fault), message_(std::move(message)), hint_(std::move(hint)) {}

Error::Error(const Error&) = default;
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(const Error&) = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

std::string Error::text() const { return hint_.empty() ? message_ : fmt::format("{} ({})", message_, hint_); }

Error&& Error::not_before(std::optional<Time> when) && {
  retry_at_ = when;
  return std::move(*this);
}

Error&& Error::within(std::string_view context) && {
  message_ = fmt::format("{}: {}", context, message_);
  return std::move(*this);
}

std::string errno_text(int code) {
  std::string text = std::generic_category().message(code);
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  // "No such file" but not "RPC version wrong".
  if (text.size() > 1 && is_upper(text[0]) && !is_upper(text[1])) text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

Error errno_error(std::string_view doing, std::string_view what) {
  const int code = errno;
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) hint = "free some space on that file system, then run the same command again";
  if (code == ENOTDIR) hint = "something else stands where a directory belongs: move it away";
  if (code == EPERM)
    hint = "what is immutable refuses that to root too (`lsattr` shows it, `chattr -i` ends it); else it is another user's";
  if (code == EROFS) hint = "the file system is mounted read-only";
  return Error(Fault::io, fmt::format("cannot {} {}: {}", doing, what, errno_text(code)), std::move(hint));
}

}  // namespace everseal::base
