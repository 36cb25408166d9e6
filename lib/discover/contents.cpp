#include "discover/contents.h"

#include "base/text.h"
#include "discover/collector.h"
#include "discover/shape.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace everseal::discover {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";

bool has_nul(base::BytesView octets) { return std::ranges::find(octets, 0) != octets.end(); }

}  // namespace

bool is_container_name(std::string_view path) {
  constexpr std::array<std::string_view, 14> kEnds = {".pem", ".crt",   ".cer",      ".cert",      ".der",
                                                      ".p7b", ".p7c",   ".p7s",      ".p12",       ".pfx",
                                                      ".jks", ".jceks", ".keystore", ".truststore"};
  const std::string name = base::lower(path.substr(path.rfind('/') + 1));
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return name.ends_with(end); });
}

bool begins_container(base::BytesView head) noexcept {
  return shape_of(head) != Shape::other || begins_jks(head) ||
         base::as_text(head).find("-----BEGIN CERTIFICATE") != std::string_view::npos;
}

bool may_hold(base::BytesView head) noexcept { return begins_container(head) || !has_nul(head); }

bool read_part(base::BytesView octets, const std::string& entry, Collector& found) {
  const bool is_binary = octets.size() >= 2 && octets[0] == 0x30 && (octets[1] >= 0x80 || has_nul(octets));
  found.stands_at(entry);
  const bool is_known = begins_jks(octets) || is_binary || base::as_text(octets).find(kBegin) != std::string_view::npos;
  if (begins_jks(octets))
    read_jks(octets, found);
  else if (is_binary)
    read_der(octets, found);
  else if (is_known)
    read_pem(octets, found);
  found.stands_at({});
  return is_known && (!is_binary || der_header(octets) || found.container() != Container::der);
}

void read_contents(base::BytesView octets, const Passwords& passwords, File& file) {
  Collector found(file, passwords);
  const bool is_known = (begins_kubernetes(octets) && read_kubernetes(octets, found)) || read_part(octets, {}, found);
  if (!found.found_anything() && !found.has_trouble()) {
    if (octets.empty() && is_container_name(file.path)) found.trouble(Reason::truncated, "it is empty");
    if (!octets.empty() && !is_known && is_container_name(file.path))
      found.trouble(Reason::broken, "its name is that of a certificate, and it holds none");
    found.is(Container::none);
  }
  found.finish();
}

}  // namespace everseal::discover
