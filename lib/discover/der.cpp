#include "base/text.h"
#include "discover/collector.h"
#include "discover/shape.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

// Nothing but what editors and transfers leave at the end of a file.
bool is_padding(base::BytesView octets) {
  return std::ranges::all_of(octets, [](std::uint8_t c) { return c == 0 || c == '\n' || c == '\r' || c == ' '; });
}

Container container_of(Shape shape) noexcept {
  if (shape == Shape::pkcs7) return Container::pkcs7;
  return shape == Shape::pkcs12 ? Container::pkcs12 : Container::der;
}

void read_value(base::BytesView value, Collector& found) {
  switch (shape_of(value)) {
    case Shape::certificate:
      return found.certificate(value);
    case Shape::pkcs7:
      return read_pkcs7(value, found);
    case Shape::pkcs12:
      return read_pkcs12(value, found);
    case Shape::private_key:
      return found.key(value);
    case Shape::encrypted_key:
      return found.key(std::nullopt, {});
    case Shape::other:
      return;  // a request, a CRL, parameters
  }
}

}  // namespace

void read_der(base::BytesView octets, Collector& found) {
  found.is(container_of(shape_of(octets)));
  int count = 0;
  for (base::BytesView rest = octets; !rest.empty(); ++count) {
    if (count > 0 && is_padding(rest)) return;
    const std::optional<DerHeader> header = der_header(rest);
    const bool is_known = shape_of(rest) != Shape::other;
    if (!header && is_known) return read_value(rest, found);  // of indefinite length, as Windows writes PKCS#7
    if (header && header->size() > rest.size() && is_known) {
      if (shape_of(rest) == Shape::certificate) found.lost_certificate();
      return found.trouble(Reason::truncated, fmt::format("it ends {} octets too early", header->size() - rest.size()));
    }
    if (!header || header->size() > rest.size()) {
      if (found.found_anything())
        found.trouble(Reason::broken, fmt::format("{} octets of something else follow", rest.size()));
      return;
    }
    read_value(rest.first(header->size()), found);
    rest = rest.subspan(header->size());
  }
}

}  // namespace everseal::discover
