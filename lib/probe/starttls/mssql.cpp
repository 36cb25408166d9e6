// MSSQL: PRELOGIN (MS-TDS section 2.2.6.5), and then TLS inside further packets of that type.
#include "probe/octets.h"
#include "probe/starttls.h"
#include "probe/tds_framing.h"

namespace everseal::probe {
namespace {

constexpr char kMssqlEncryption = 0x01;
constexpr char kMssqlNotSupported = 0x02;

class MssqlDialogue final : public PacketDialogue {
  void begin() override {
    // Options, each with place and size: version, encryption, their end; then the version and "encryption is on".
    static constexpr char options[] = {0, 0, 11, 0, 6, 1, 0, 17, 0, 1, '\xff', 17, 0, 0, 0, 0, 0, 1};
    say(tds_packet(kTdsPrelogin, true, {options, sizeof options}));
  }

  std::optional<std::size_t> size_of(std::string_view head) override {
    if (head.front() != kTdsResponse) return not_mssql();
    if (head.size() < 4) return std::nullopt;
    const std::size_t size = big_endian(head.substr(2, 2));
    if (size <= kTdsHead) return not_mssql();
    return size;
  }

  void on_packet(std::string_view packet) override {
    const std::string_view body = packet.substr(kTdsHead);
    for (std::size_t at = 0; at + 5 <= body.size() && body[at] != '\xff'; at += 5) {
      if (body[at] != kMssqlEncryption) continue;
      const std::size_t place = big_endian(body.substr(at + 1, 2));
      if (place >= body.size()) return void(not_mssql());
      if (body[place] == kMssqlNotSupported) return refuse("the MSSQL server does not offer TLS");
      return go_ahead();
    }
    not_mssql();
  }

  std::nullopt_t not_mssql() {
    reject("the peer does not answer as an MSSQL server");
    return std::nullopt;
  }
};

std::unique_ptr<Dialogue> begin_mssql(const std::string&) { return std::make_unique<MssqlDialogue>(); }

}  // namespace

extern const Starttls mssql_kind;
const Starttls mssql_kind{"mssql", "Microsoft SQL Server, PRELOGIN", 1433, begin_mssql, make_tds_framing};

}  // namespace everseal::probe
