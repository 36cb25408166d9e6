// TLS inside the packets of TDS (MS-TDS section 2.2.6.5 and 3.2.5.2), as MSSQL speaks it until the handshake is done.
#pragma once

#include "probe/framing.h"

#include <cstdint>
#include <memory>

namespace everseal::probe {

inline constexpr std::size_t kTdsHead = 8;
inline constexpr char kTdsPrelogin = 0x12;
inline constexpr char kTdsResponse = 0x04;

// One packet: type, "end of message", the size of all of it, and octets that say nothing here.
std::string tds_packet(char type, bool last, std::string_view body);
std::unique_ptr<Framing> make_tds_framing();

}  // namespace everseal::probe
