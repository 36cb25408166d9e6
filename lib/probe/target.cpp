#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "pki/name.h"
#include "probe/address.h"
#include "probe/probe.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::probe {

using base::Error;
using base::Fault;

namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw Error(Fault::usage, fmt::format("\"{}\" is no endpoint: {}", base::printable(text), why),
              "write HOST:PORT, for example www.example.org:443 or [2001:db8::1]:443");
}

int parse_port(std::string_view text, std::string_view whole) {
  const auto port = base::parse_number<std::uint16_t>(text);
  if (!port || *port == 0) refuse(whole, "a port is a number from 1 to 65535");
  return *port;
}

// A host name as the resolver takes it; underscores and single labels are somebody's names too.
std::string parse_host(std::string_view text, std::string_view whole) {
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    return pki::Identifier::parse(pki::IdentifierKind::dns, text).text();
  }
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  };
  if (text.empty() || text.size() > 253 || text.front() == '.' || text.front() == '-' ||
      !std::ranges::all_of(text, allowed)) {
    refuse(whole, "that is neither a host name nor an address");
  }
  return base::lower(text);
}

std::string parse_bracketed(std::string_view text, std::string_view whole) {
  std::string host(text);
  if (!host.contains(':') || !is_address(host)) refuse(whole, "in brackets stands an IPv6 address");
  return host;
}

std::string with_port(const std::string& host, int port) {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace

Target Target::parse(std::string_view text) {
  Target target;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) refuse(text, "the bracket is not closed");
    target.host = parse_bracketed(text.substr(1, end - 1), text);
    const std::string_view rest = text.substr(end + 1);
    if (rest.empty()) return target;
    if (!rest.starts_with(':')) refuse(text, "after the bracket comes a colon and the port");
    target.port = parse_port(rest.substr(1), text);
    return target;
  }
  const auto colon = text.find(':');
  if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
    target.host = std::string(text);
    if (!is_address(target.host)) refuse(text, "more than one colon stands only in an IPv6 address");
    return target;
  }
  target.host = parse_host(text.substr(0, colon), text);
  if (colon != std::string_view::npos) target.port = parse_port(text.substr(colon + 1), text);
  return target;
}

std::string Target::text() const { return with_port(host, port); }

std::string Target::authority() const { return with_port(address.value_or(host), port); }

}  // namespace everseal::probe
