// A name server for what no real one can be made to do: it answers as the test says, over UDP and TCP, on loopback.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace everseal::fakes {

enum class DnsType : std::uint16_t { a = 1, ns = 2, cname = 5, soa = 6, txt = 16, tlsa = 52, caa = 257 };

struct DnsQuestion {
  std::string name;  // in lower case, without the trailing dot
  DnsType type;
  enum class Transport { udp, tcp } transport;
  int number;                      // of those of that name and type over that transport, from 1
  bool checking_disabled = false;  // RFC 4035 section 3.2.2
};

struct DnsRecord {
  std::string name;
  DnsType type;
  std::string data;  // as on the wire
};
DnsRecord txt_record(const std::string& name, const std::vector<std::string>& strings);
DnsRecord cname_record(const std::string& name, const std::string& target);
DnsRecord ns_record(const std::string& zone, const std::string& server);
DnsRecord soa_record(const std::string& zone);
DnsRecord caa_record(const std::string& name, const std::string& tag, const std::string& value);
DnsRecord a_record(const std::string& name, const std::string& address);

struct DnsAnswer {
  enum class Code : std::uint8_t { no_error = 0, server_failure = 2, no_such_name = 3, refused = 5 };
  Code code = Code::no_error;
  std::vector<DnsRecord> answers = {};
  std::vector<DnsRecord> authority = {};
  std::optional<std::string> raw = std::nullopt;       // sent in place of everything behind the ID
  std::optional<DnsQuestion> question = std::nullopt;  // shown in place of the one that was asked
  std::uint16_t id_changed_by = 0;                     // exclusive or
  bool is_authentic = false;                           // RFC 4035 section 3.2.3
};

// Listens from the constructor's return to the destructor's.
class DnsServer {
 public:
  // nullopt: silence. Called on the server's own thread, one question at a time.
  using Script = std::function<std::optional<DnsAnswer>(const DnsQuestion&)>;
  // `port` 0: any that is free. What does not fit into 1232 octets is cut over UDP (RFC 1035 section 4.2.1).
  explicit DnsServer(Script script, const std::string& address = "127.0.0.1", std::uint16_t port = 0);
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  std::uint16_t port() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace everseal::fakes
