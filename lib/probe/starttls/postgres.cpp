// PostgreSQL: SSLRequest of the message formats, answered by one octet.
#include "probe/starttls.h"

namespace everseal::probe {
namespace {

class PostgresDialogue final : public PacketDialogue {
  void begin() override {
    static constexpr char request[] = {0, 0, 0, 8, 0x04, '\xd2', 0x16, 0x2f};  // 80877103
    say({request, sizeof request});
  }

  std::optional<std::size_t> size_of(std::string_view head) override {
    switch (head.front()) {
      case 'S':
        return 1;
      case 'N':
        refuse("the PostgreSQL server has TLS switched off (ssl = off)");
        break;
      case 'E':
        refuse("the PostgreSQL server answered the request for TLS with an error");
        break;
      default:
        reject("the peer does not answer as a PostgreSQL server");
    }
    return std::nullopt;
  }

  void on_packet(std::string_view) override { go_ahead(); }
};

std::unique_ptr<Dialogue> begin_postgres(const std::string&) { return std::make_unique<PostgresDialogue>(); }

}  // namespace

extern const Starttls postgres_kind;
const Starttls postgres_kind{"postgres", "PostgreSQL, SSLRequest", 5432, begin_postgres};

}  // namespace everseal::probe
