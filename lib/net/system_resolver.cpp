#include "net/system_resolver.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace everseal::net {
namespace {

constexpr int kMostThreads = 8;

using AddressList = base::Handle<addrinfo, freeaddrinfo>;

}  // namespace

struct SystemResolver::Shared {
  int family = AF_UNSPEC;
  base::FileDescriptor answered;
  std::mutex mutex;
  std::condition_variable asked;
  // Guarded by mutex.
  std::deque<std::pair<std::uint64_t, std::string>> questions;
  std::vector<SystemAnswer> answers;
  int threads = 0, idle = 0;
  bool ended = false;

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      ++idle;
      asked.wait(lock, [this] { return ended || !questions.empty(); });
      --idle;
      if (ended) return;
      const auto [number, host] = std::move(questions.front());
      questions.pop_front();
      lock.unlock();
      SystemAnswer answer = look_up(host, family, 0);
      answer.number = number;
      lock.lock();
      answers.push_back(std::move(answer));
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = ::write(answered.get(), &one, sizeof one);
    }
  }
};

SystemResolver::SystemResolver(int family) : shared_(std::make_shared<Shared>()) {
  shared_->family = family;
  shared_->answered = base::FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared_->answered) throw base::errno_error("make", "an event descriptor");
}

SystemResolver::~SystemResolver() {
  const std::scoped_lock lock(shared_->mutex);
  shared_->ended = true;
  shared_->asked.notify_all();
}

void SystemResolver::ask(std::uint64_t number, const std::string& host) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->questions.emplace_back(number, host);
  if (shared_->idle < static_cast<int>(shared_->questions.size()) && shared_->threads < kMostThreads) {
    try {
      std::thread([shared = shared_] { shared->work(); }).detach();
      ++shared_->threads;
    } catch (const std::system_error& error) {
      if (shared_->threads == 0)
        throw base::Error(base::Fault::io, "cannot start a thread that resolves names: " + error.code().message());
    }
  }
  shared_->asked.notify_one();
}

int SystemResolver::descriptor() const noexcept { return shared_->answered.get(); }

std::vector<SystemAnswer> SystemResolver::take() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(shared_->answered.get(), &count, sizeof count);
  const std::scoped_lock lock(shared_->mutex);
  return std::exchange(shared_->answers, {});
}

SystemAnswer look_up(const std::string& host, int family, int flags) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* first = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &first);
  const AddressList list(first);
  SystemAnswer answer;
  if (failed != 0) {
    answer.problem = base::lower(failed == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(failed));
    return answer;
  }
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
    sockaddr_storage address{};
    if (info->ai_addrlen > sizeof address) continue;
    std::memcpy(&address, info->ai_addr, info->ai_addrlen);
    answer.addresses.push_back(address);
  }
  return answer;
}

std::string numeric_host(const sockaddr& address) {
  const socklen_t size = address.sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  char host[NI_MAXHOST];
  const bool is_ip = address.sa_family == AF_INET6 || address.sa_family == AF_INET;
  return is_ip && ::getnameinfo(&address, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) == 0 ? host
                                                                                                    : std::string();
}

}  // namespace everseal::net
