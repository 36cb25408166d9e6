#include "net/resolver.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"
#include "net/system_resolver.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <unordered_map>

#include <ares.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/time.h>

namespace everseal::net {
namespace {

using Clock = Resolver::Clock;
using Addresses = std::vector<sockaddr_storage>;
using Channel = base::Handle<ares_channeldata, ares_destroy>;

// One datagram to each server, then the question is put again until the name's time is up.
constexpr int kPatience = 700;  // ms

socklen_t size_of(const sockaddr_storage& address) {
  return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

bool same(const sockaddr_storage& one, const sockaddr_storage& other) {
  return one.ss_family == other.ss_family && std::memcmp(&one, &other, size_of(one)) == 0;
}

// Whether the kernel knows a way there; nothing is sent.
bool has_route(sockaddr_storage address) {
  const base::FileDescriptor socket(::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return false;
  if (address.ss_family == AF_INET6)
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(53);
  else
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(53);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size_of(address)) == 0;
}

void put_in_order(Addresses& addresses) {
  Addresses distinct;
  for (const sockaddr_storage& one : addresses)
    if (std::ranges::none_of(distinct, [&](const sockaddr_storage& other) { return same(one, other); }))
      distinct.push_back(one);
  std::ranges::stable_partition(distinct, [](const sockaddr_storage& one) { return one.ss_family == AF_INET6; });
  if (distinct.size() > 1) std::ranges::stable_partition(distinct, has_route);
  addresses = std::move(distinct);
}

// hosts(5), read once: a file of 100,000 lines is not gone through for every name.
std::unordered_map<std::string, Addresses> read_hosts(int family) {
  std::unordered_map<std::string, Addresses> hosts;
  std::ifstream file("/etc/hosts");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address;
    if (!(words >> address)) continue;
    const SystemAnswer literal = look_up(address, family, AI_NUMERICHOST);
    if (literal.addresses.empty()) continue;
    for (std::string name; words >> name;) hosts[base::lower(name)].push_back(literal.addresses.front());
  }
  return hosts;
}

int family_of(Families families) {
  return families == Families::ipv4 ? AF_INET : families == Families::ipv6 ? AF_INET6 : AF_UNSPEC;
}

}  // namespace

struct Resolver::State {
  struct Question {
    std::string host;
    Clock::time_point until;
    int open = 0;            // families that no answer came for yet
    std::vector<int> again;  // those of them whose datagram or answer was lost
    enum class System { not_asked, asked, answered } system = System::not_asked;
    Addresses addresses;
    std::string problem;
  };
  // What a callback of c-ares has to know.
  struct Asked {
    State* state;
    std::uint64_t number;
    int family;
  };

  Watch watch;
  Families families;
  std::chrono::milliseconds limit;
  bool own_servers;
  std::unordered_map<std::string, Addresses> hosts;
  SystemResolver system;
  std::map<std::uint64_t, Question> questions;  // in the order in which their time is up
  std::vector<std::uint64_t> touched;           // something came for these
  std::vector<std::pair<std::uint64_t, Resolved>> answers;
  bool server_answered = false;
  Channel channel;  // goes first: it calls back

  State(Watch its_watch, Families its_families, std::chrono::milliseconds its_limit,
        const std::vector<std::string>& servers)
      : watch(std::move(its_watch)),
        families(its_families),
        limit(its_limit),
        own_servers(!servers.empty()),
        hosts(own_servers ? std::unordered_map<std::string, Addresses>() : read_hosts(family_of(families))),
        system(family_of(families)) {
    ares_options options{};
    options.timeout = kPatience;
    options.tries = 1;
    char lookups[] = "b";
    options.lookups = lookups;
    options.sock_state_cb = [](void* data, ares_socket_t socket, int readable, int writable) {
      static_cast<State*>(data)->watch(socket, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    ares_channel made = nullptr;
    const int failed = ares_init_options(
        &made, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
    if (failed != ARES_SUCCESS)
      throw base::Error(base::Fault::io, fmt::format("cannot resolve names: {}", base::lower(ares_strerror(failed))));
    channel.reset(made);
    if (own_servers && (std::ranges::count(servers, std::string()) > 0 ||
                        ares_set_servers_ports_csv(made, base::join(servers, ",").c_str()) != ARES_SUCCESS))
      throw base::Error(base::Fault::usage,
                        fmt::format("\"{}\" names no name server", base::printable(base::join(servers, ", "))),
                        "write addresses, for example 10.0.0.53 or 10.0.0.53:5300");
    watch(system.descriptor(), true, false);
  }

  ~State() {
    channel.reset();
    watch(system.descriptor(), false, false);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void query(std::uint64_t number, const std::string& host, int family) {
    ares_addrinfo_hints hints{};
    hints.ai_family = family;
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(channel.get(), host.c_str(), nullptr, &hints, on_answer, new Asked{this, number, family});
  }

  static void on_answer(void* argument, int status, int, ares_addrinfo* list) {
    const std::unique_ptr<Asked> asked(static_cast<Asked*>(argument));
    const base::Handle<ares_addrinfo, ares_freeaddrinfo> owned(list);
    if (status != ARES_EDESTRUCTION && status != ARES_ECANCELLED) asked->state->take(*asked, status, list);
  }

  void take(const Asked& asked, int status, const ares_addrinfo* list) {
    const auto found = questions.find(asked.number);
    if (found == questions.end()) return;
    Question& question = found->second;
    touched.push_back(asked.number);
    if (status == ARES_ETIMEOUT) {
      question.again.push_back(asked.family);
      return;
    }
    --question.open;
    server_answered = server_answered || status != ARES_ECONNREFUSED;
    if (status != ARES_SUCCESS) {
      question.problem = base::lower(ares_strerror(status));
      return;
    }
    for (const ares_addrinfo_node* node = list->nodes; node != nullptr; node = node->ai_next) {
      sockaddr_storage address{};
      if (node->ai_addrlen > sizeof address) continue;
      std::memcpy(&address, node->ai_addr, node->ai_addrlen);
      question.addresses.push_back(address);
    }
  }

  void take_from_system() {
    for (SystemAnswer& answer : system.take()) {
      const auto found = questions.find(answer.number);
      if (found == questions.end()) continue;
      found->second.system = Question::System::answered;
      found->second.addresses.insert(found->second.addresses.end(), answer.addresses.begin(), answer.addresses.end());
      found->second.problem = answer.problem;
      touched.push_back(answer.number);
    }
  }

  void answer(std::uint64_t number, Addresses addresses, std::string problem) {
    put_in_order(addresses);
    answers.emplace_back(number, Resolved{.addresses = std::move(addresses), .problem = std::move(problem)});
  }

  void ask_system(std::uint64_t number, Question& question) {
    if (own_servers || question.system != Question::System::not_asked) return;
    question.system = Question::System::asked;
    system.ask(number, question.host);
  }

  // True where the question has its answer.
  bool go_on(std::uint64_t number, Question& question) {
    for (const int family : std::exchange(question.again, {})) {
      // Where no server answers at all, the system may still know the name from elsewhere.
      if (!server_answered) ask_system(number, question);
      query(number, question.host, family);
    }
    const bool by_system = question.system == Question::System::answered && !question.addresses.empty();
    if (question.open > 0 && !by_system) return false;
    if (question.addresses.empty()) {
      ask_system(number, question);
      if (question.system == Question::System::asked) return false;
      answer(number, {},
             fmt::format("cannot resolve {}: {}", base::printable(question.host),
                         question.problem.empty() ? "it has no address" : question.problem));
      return true;
    }
    answer(number, std::move(question.addresses), {});
    return true;
  }

  void give_up(std::uint64_t number, Question& question) {
    if (!question.addresses.empty()) return answer(number, std::move(question.addresses), {});
    answers.emplace_back(number,
                         Resolved{.addresses = {},
                                  .problem = fmt::format("resolving {} took too long", base::printable(question.host)),
                                  .timed_out = true});
  }
};

Resolver::Resolver(Watch watch, Families families, std::chrono::milliseconds limit,
                   const std::vector<std::string>& servers)
    : state_(std::make_unique<State>(std::move(watch), families, limit, servers)) {}

Resolver::~Resolver() = default;

void Resolver::ask(std::uint64_t number, const std::string& host) {
  std::string name = base::lower(host);
  if (name.ends_with('.')) name.pop_back();
  if (const auto known = state_->hosts.find(name); known != state_->hosts.end())
    return state_->answer(number, known->second, {});
  State::Question& question = state_->questions[number];
  question.host = host;
  question.until = Clock::now() + state_->limit;
  const bool both = state_->families == Families::both;
  question.open = both ? 2 : 1;
  if (state_->families != Families::ipv4) state_->query(number, host, AF_INET6);
  if (state_->families != Families::ipv6) state_->query(number, host, AF_INET);
}

void Resolver::ready(int descriptor, bool readable, bool writable) {
  if (descriptor == state_->system.descriptor()) return state_->take_from_system();
  ares_process_fd(state_->channel.get(), readable ? descriptor : ARES_SOCKET_BAD,
                  writable ? descriptor : ARES_SOCKET_BAD);
}

std::optional<Clock::time_point> Resolver::tick() {
  auto& questions = state_->questions;
  ares_process_fd(state_->channel.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  while (!state_->touched.empty()) {
    for (const std::uint64_t number : std::exchange(state_->touched, {})) {
      const auto found = questions.find(number);
      if (found != questions.end() && state_->go_on(number, found->second)) questions.erase(found);
    }
  }
  const auto now = Clock::now();
  for (; !questions.empty() && questions.begin()->second.until <= now; questions.erase(questions.begin()))
    state_->give_up(questions.begin()->first, questions.begin()->second);
  if (questions.empty()) return std::nullopt;
  auto due = questions.begin()->second.until;
  timeval wait{};
  if (const timeval* next = ares_timeout(state_->channel.get(), nullptr, &wait); next != nullptr)
    due = std::min(due, now + std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec));
  return due;
}

std::vector<std::pair<std::uint64_t, Resolved>> Resolver::take_answers() { return std::exchange(state_->answers, {}); }

}  // namespace everseal::net
