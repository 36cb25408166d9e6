// MySQL and MariaDB: the initial handshake, answered by an SSLRequest behind which TLS begins at once.
#include "base/text.h"
#include "probe/octets.h"
#include "probe/starttls.h"

#include <fmt/format.h>

namespace everseal::probe {
namespace {

constexpr std::size_t kMysqlHead = 4;  // three octets of length, one of sequence
constexpr std::size_t kMysqlClientSsl = 0x0800;

class MysqlDialogue final : public PacketDialogue {
  std::optional<std::size_t> size_of(std::string_view head) override {
    if (head.size() <= kMysqlHead) return std::nullopt;
    const char version = head[kMysqlHead];
    if (head[3] != '\0' || (version != '\x0a' && version != '\xff')) return not_mysql();
    return kMysqlHead + little_endian(head.substr(0, 3));
  }

  void on_packet(std::string_view packet) override {
    const std::string_view body = packet.substr(kMysqlHead);
    if (body.front() == '\xff')  // an error: a code of two octets, then text
      return refuse(fmt::format("the MySQL server greets with an error: \"{}\"",
                                base::printable(body.substr(std::min<std::size_t>(3, body.size())))));
    // The version's text ends with a zero; then 4 octets of thread, 8 of salt, a zero, and the capabilities' lower
    // half.
    const auto end = body.find('\0', 1);
    if (end == std::string_view::npos || body.size() < end + 1 + 13 + 2) return void(not_mysql());
    if ((little_endian(body.substr(end + 1 + 13, 2)) & kMysqlClientSsl) == 0)
      return refuse("the MySQL server does not offer TLS");
    // Capabilities (protocol 4.1, TLS, secure authentication, its plugins), largest packet, character set, 23 zeros.
    static constexpr char request[] = {32, 0, 0, 1, 0, '\x8a', 0x08, 0, 0, 0, 0, 0x01, 0x2d};
    say({request, sizeof request});
    say(std::string(23, '\0'));
    go_ahead();
  }

  std::nullopt_t not_mysql() {
    reject("the peer does not greet as a MySQL server");
    return std::nullopt;
  }
};

std::unique_ptr<Dialogue> begin_mysql(const std::string&) { return std::make_unique<MysqlDialogue>(); }

// Version 10 of the initial handshake, the first packet; MariaDB and MySQL say an error the same way.
bool greets_as_mysql(std::string_view head) {
  return head.size() > kMysqlHead && head[2] == '\0' && head[3] == '\0' &&
         (head[kMysqlHead] == '\x0a' || head[kMysqlHead] == '\xff');
}

}  // namespace

extern const Starttls mysql_kind;
const Starttls mysql_kind{"mysql", "MySQL and MariaDB, SSLRequest", 3306, begin_mysql, nullptr, greets_as_mysql};

}  // namespace everseal::probe
