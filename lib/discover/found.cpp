#include "discover/found.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

constexpr std::array<std::pair<Container, std::string_view>, 8> kContainers{{{Container::none, "none"},
                                                                             {Container::pem, "pem"},
                                                                             {Container::der, "der"},
                                                                             {Container::pkcs7, "pkcs7"},
                                                                             {Container::pkcs12, "pkcs12"},
                                                                             {Container::jks, "jks"},
                                                                             {Container::kubeconfig, "kubeconfig"},
                                                                             {Container::secret, "secret"}}};

}  // namespace

std::string_view to_string(Container container) noexcept {
  for (const auto& [value, text] : kContainers)
    if (value == container) return text;
  return "";
}

std::optional<Container> parse_container(std::string_view text) noexcept {
  for (const auto& [value, word] : kContainers)
    if (word == text) return value;
  return std::nullopt;
}

std::string_view to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::encrypted:
      return "encrypted";
    case Reason::broken:
      return "broken";
    case Reason::truncated:
      return "truncated";
    case Reason::too_large:
      return "too_large";
    case Reason::unreadable:
      return "unreadable";
    case Reason::not_regular:
      return "not_regular";
    case Reason::not_found:
      return "not_found";
    case Reason::unsupported:
      return "unsupported";
    case Reason::too_deep:
      return "too_deep";
    case Reason::too_many_files:
      return "too_many_files";
  }
  return "";
}

std::string_view to_string(KeyBeside key) noexcept {
  switch (key) {
    case KeyBeside::none:
      return "none";
    case KeyBeside::matches:
      return "matches";
    case KeyBeside::other:
      return "other";
    case KeyBeside::unknown:
      return "unknown";
  }
  return "";
}

std::string Stamp::text() const { return fmt::format("{}:{}:{}:{}", inode, size, modified, changed); }

}  // namespace everseal::discover
