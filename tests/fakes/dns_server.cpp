#include "fakes/dns_server.h"

#include "base/encoding.h"
#include "base/handle.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <thread>
#include <tuple>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace everseal::fakes {
namespace {

using base::FileDescriptor;
using Transport = DnsQuestion::Transport;

constexpr std::size_t kLargestDatagram = 1232;
constexpr std::size_t kHeader = 12;
constexpr int kPortsTried = 50;

std::string number(unsigned value) { return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)}; }

unsigned number_at(std::string_view octets, std::size_t at) {
  return static_cast<unsigned char>(octets[at]) * 256U + static_cast<unsigned char>(octets[at + 1]);
}

std::string wire_name(const std::string& name) {
  std::string wire;
  if (!name.empty())
    for (const std::string& label : base::split(name, '.')) wire += static_cast<char>(label.size()) + label;
  return wire + '\0';
}

std::string wire_record(const DnsRecord& record) {
  return wire_name(record.name) + number(static_cast<unsigned>(record.type)) + number(1) + number(0) + number(1) +
         number(static_cast<unsigned>(record.data.size())) + record.data;
}

std::string wire_question(const DnsQuestion& question) {
  return wire_name(question.name) + number(static_cast<unsigned>(question.type)) + number(1);
}

std::string wire_answer(unsigned id, const DnsQuestion& asked, const DnsAnswer& answer) {
  if (answer.raw) return number(id) + *answer.raw;
  constexpr unsigned kIsAnswer = 0x8400;  // and authoritative
  constexpr unsigned kIsCut = 0x0200;
  constexpr unsigned kIsAuthentic = 0x0020;
  const auto head = [&](unsigned flags, std::size_t answers, std::size_t authority) {
    return number(id ^ answer.id_changed_by) +
           number(kIsAnswer | (answer.is_authentic ? kIsAuthentic : 0) | flags | static_cast<unsigned>(answer.code)) +
           number(1) + number(static_cast<unsigned>(answers)) + number(static_cast<unsigned>(authority)) + number(0) +
           wire_question(answer.question.value_or(asked));
  };
  std::string records;
  for (const DnsRecord& record : answer.answers) records += wire_record(record);
  for (const DnsRecord& record : answer.authority) records += wire_record(record);
  std::string whole = head(0, answer.answers.size(), answer.authority.size()) + records;
  if (asked.transport == Transport::udp && whole.size() > kLargestDatagram) return head(kIsCut, 0, 0);
  return whole;
}

std::optional<DnsQuestion> read_question(std::string_view packet, Transport transport) {
  if (packet.size() < kHeader + 5) return std::nullopt;
  DnsQuestion question{.name = {}, .type = {}, .transport = transport, .number = 0};
  std::size_t at = kHeader;
  while (at < packet.size() && packet[at] != '\0') {
    const auto length = static_cast<unsigned char>(packet[at]);
    question.name += (question.name.empty() ? "" : ".") + base::lower(packet.substr(at + 1, length));
    at += 1U + length;
  }
  if (at + 5 > packet.size()) return std::nullopt;
  question.type = static_cast<DnsType>(number_at(packet, at + 1));
  question.checking_disabled = (packet[3] & 0x10) != 0;
  return question;
}

sockaddr_in socket_address(const std::string& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &result.sin_addr) != 1) throw std::runtime_error("no address: " + address);
  return result;
}

// Whole, or empty where the client goes away.
std::string read_all(int descriptor, std::size_t size) {
  std::string octets(size, '\0');
  for (std::size_t at = 0; at < size;) {
    const ssize_t got = ::recv(descriptor, octets.data() + at, size - at, 0);
    if (got <= 0) return {};
    at += static_cast<std::size_t>(got);
  }
  return octets;
}

}  // namespace

DnsRecord txt_record(const std::string& name, const std::vector<std::string>& strings) {
  std::string data;
  for (const std::string& text : strings) data += static_cast<char>(text.size()) + text;
  return {name, DnsType::txt, data};
}

DnsRecord cname_record(const std::string& name, const std::string& target) {
  return {name, DnsType::cname, wire_name(target)};
}

DnsRecord ns_record(const std::string& zone, const std::string& server) {
  return {zone, DnsType::ns, wire_name(server)};
}

DnsRecord soa_record(const std::string& zone) {
  std::string data = wire_name("ns." + zone) + wire_name("root." + zone);
  for (int i = 0; i < 5; ++i) data += number(0) + number(1);
  return {zone, DnsType::soa, data};
}

DnsRecord caa_record(const std::string& name, const std::string& tag, const std::string& value) {
  return {name, DnsType::caa, std::string(1, '\0') + static_cast<char>(tag.size()) + tag + value};
}

DnsRecord a_record(const std::string& name, const std::string& address) {
  const sockaddr_in parsed = socket_address(address, 0);
  return {name, DnsType::a, std::string(reinterpret_cast<const char*>(&parsed.sin_addr), sizeof parsed.sin_addr)};
}

struct DnsServer::State {
  Script script;
  FileDescriptor datagrams, listener, end;
  std::uint16_t port = 0;
  std::map<std::tuple<std::string, DnsType, Transport>, int> asked;
  std::jthread thread;

  bool bind_both(const std::string& address, std::uint16_t wanted) {
    datagrams = FileDescriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    listener = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where = socket_address(address, wanted);
    socklen_t size = sizeof where;
    if (::bind(datagrams.get(), reinterpret_cast<const sockaddr*>(&where), size) != 0 ||
        ::getsockname(datagrams.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0)
      return false;
    port = ntohs(where.sin_port);
    return ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&where), size) == 0 &&
           ::listen(listener.get(), 16) == 0;
  }

  // Empty: silence.
  std::string answer(std::string_view packet, Transport transport) {
    auto question = read_question(packet, transport);
    if (!question) return {};
    question->number = ++asked[{question->name, question->type, transport}];
    const auto said = script(*question);
    return said ? wire_answer(number_at(packet, 0), *question, *said) : std::string();
  }

  void answer_datagram() {
    std::array<char, 4096> buffer;
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const ssize_t got =
        ::recvfrom(datagrams.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
    if (got <= 0) return;
    const std::string said = answer({buffer.data(), static_cast<std::size_t>(got)}, Transport::udp);
    if (!said.empty())
      ::sendto(datagrams.get(), said.data(), said.size(), 0, reinterpret_cast<const sockaddr*>(&peer), size);
  }

  void answer_connection() {
    const FileDescriptor connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) return;
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const std::string length = read_all(connection.get(), 2);
    if (length.empty()) return;
    std::string said = answer(read_all(connection.get(), number_at(length, 0)), Transport::tcp);
    if (said.empty()) return;
    said.insert(0, number(static_cast<unsigned>(said.size())));
    for (std::string_view left = said; !left.empty();) {
      const ssize_t sent = ::send(connection.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      left.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void run() {
    std::array<pollfd, 3> polled{{{datagrams.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}, {end.get(), POLLIN, 0}}};
    while (::poll(polled.data(), polled.size(), -1) > 0 && polled[2].revents == 0) {
      if (polled[0].revents != 0) answer_datagram();
      if (polled[1].revents != 0) answer_connection();
    }
  }
};

DnsServer::DnsServer(Script script, const std::string& address, std::uint16_t port)
    : state_(std::make_unique<State>()) {
  state_->script = std::move(script);
  state_->end = FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  int tries = 0;
  while (!state_->bind_both(address, port))
    if (port != 0 || ++tries == kPortsTried) throw std::runtime_error("no port for a name server at " + address);
  state_->thread = std::jthread([state = state_.get()] { state->run(); });
}

DnsServer::~DnsServer() {
  const std::uint64_t one = 1;
  if (::write(state_->end.get(), &one, sizeof one) == sizeof one) state_->thread.join();
}

std::uint16_t DnsServer::port() const noexcept { return state_->port; }

}  // namespace everseal::fakes
