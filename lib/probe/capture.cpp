#include "probe/capture.h"

namespace everseal::probe {

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::complete:
      return "complete";
    case Outcome::name_not_resolved:
      return "name_not_resolved";
    case Outcome::connection_refused:
      return "connection_refused";
    case Outcome::unreachable:
      return "unreachable";
    case Outcome::timed_out:
      return "timed_out";
    case Outcome::proxy_refused:
      return "proxy_refused";
    case Outcome::starttls_refused:
      return "starttls_refused";
    case Outcome::starttls_injected:
      return "starttls_injected";
    case Outcome::not_tls:
      return "not_tls";
    case Outcome::chain_too_large:
      return "chain_too_large";
    case Outcome::handshake_failed:
      return "handshake_failed";
  }
  return "unknown";
}

std::string_view to_string(Phase phase) noexcept {
  switch (phase) {
    case Phase::resolve:
      return "resolve";
    case Phase::connect:
      return "connect";
    case Phase::proxy:
      return "proxy";
    case Phase::starttls:
      return "starttls";
    case Phase::handshake:
      return "handshake";
  }
  return "unknown";
}

}  // namespace everseal::probe
