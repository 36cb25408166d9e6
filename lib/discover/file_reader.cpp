#include "discover/file_reader.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/reading.h"
#include "base/secret.h"
#include "base/system_calls.h"
#include "discover/contents.h"
#include "pki/digest.h"

#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

namespace everseal::discover {
namespace {

constexpr std::size_t kReadWhole = 64 << 10;  // what costs no more than a look at its head

std::int64_t nanoseconds(const struct timespec& time) noexcept {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// Wiped at the end, as a private key may be in it.
struct Octets {
  base::Bytes all;
  Octets() = default;
  Octets(const Octets&) = delete;
  Octets& operator=(const Octets&) = delete;
  ~Octets() { base::wipe(all.data(), all.size()); }
};

void read_open(int descriptor, std::size_t largest, const Passwords& passwords, File& file) {
  if (file.stamp.size > kReadWhole) {
    std::array<std::uint8_t, kHead> head{};
    const ssize_t count = base::retried([&] { return ::pread(descriptor, head.data(), head.size(), 0); });
    if (count < 0) throw base::errno_error("read", "it");
    const base::BytesView seen(head.data(), static_cast<std::size_t>(count));
    const bool is_too_large = file.stamp.size > largest;
    if (is_too_large && (begins_container(seen) || is_container_name(file.path)))
      file.troubles.push_back(too_large(file.stamp.size, largest));
    const bool is_worth_it = !is_too_large && may_hold(seen);
    base::wipe(head.data(), head.size());
    if (!is_worth_it) return;
  }
  Octets octets;
  octets.all = base::read_to_end(descriptor, largest, "it");
  read_contents(octets.all, passwords, file);
  if (!file.empty()) file.digest = pki::sha256(octets.all);
}

}  // namespace

Trouble too_large(std::uint64_t size, std::size_t limit) {
  return {Reason::too_large, fmt::format("{} octets are more than the limit of {}", size, limit)};
}

Stamp stamp_of(const struct stat& status) noexcept {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

void read_file(int descriptor, std::size_t largest, const Passwords& passwords, File& file) {
  try {
    read_open(descriptor, largest, passwords, file);
  } catch (const base::Error& error) {
    file.troubles.push_back({Reason::unreadable, error.message()});
  }
}

void read_file_at(int directory, const std::string& name, int link_flag, std::size_t largest,
                  const Passwords& passwords, File& file) {
  base::FileDescriptor descriptor;
  try {
    descriptor = base::open_regular(directory, name, link_flag, "it");
    struct stat status {};
    if (!descriptor) {
      file.troubles.push_back({Reason::not_found, "it is not there any more"});
      return;
    }
    if (::fstat(descriptor.get(), &status) != 0) throw base::errno_error("read", "it");
    file.stamp = stamp_of(status);
  } catch (const base::Error& error) {
    file.troubles.push_back({Reason::unreadable, error.message()});
    return;
  }
  read_file(descriptor.get(), largest, passwords, file);
}

}  // namespace everseal::discover
