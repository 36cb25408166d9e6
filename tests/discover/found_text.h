// What was found in octets or a file, as text.
#pragma once

#include "base/text.h"
#include "discover/contents.h"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::discover::testing {

// "www.example.org/matches": its subject's CN, and what is known of its key where there is one.
inline std::string to_text(const FoundCertificate& one) {
  std::string text = one.certificate.subject_name().first("CN").value_or("?");
  if (!one.entry.empty()) text = one.entry.raw() + "=" + text;
  if (one.key != KeyBeside::none) text += fmt::format("/{}", to_string(one.key));
  return text;
}

// "pem: 1 www.example.org/matches, 2 Issuing; truncated": container, positions, certificates, reasons.
inline std::string to_text(const File& file) {
  std::vector<std::string> parts;
  for (const FoundCertificate& one : file.certificates)
    parts.push_back(fmt::format("{} {}", one.position, to_text(one)));
  std::string text = fmt::format("{}: {}", to_string(file.container), base::join(parts, ", "));
  if (file.is_trust_store) text += " (trust store)";
  for (const Trouble& trouble : file.troubles) text += fmt::format("; {}", to_string(trouble.reason));
  return text;
}

inline File contents_of(base::BytesView octets, const std::string& path = "/x", const Passwords& passwords = {}) {
  File file;
  file.path = path;
  read_contents(octets, passwords, file);
  return file;
}

inline std::string contents_of(std::string_view octets, const Passwords& passwords = {}) {
  return to_text(contents_of(base::as_bytes(octets), "/x", passwords));
}

// Nothing that is cut or changed in one octet makes the reader do more than tell of it.
inline void survive_damage(base::BytesView whole, const Passwords& passwords = {}) {
  std::size_t looked_at = 0;
  for (std::size_t size = 0; size < whole.size(); ++size, ++looked_at) contents_of(whole.first(size), "/x", passwords);
  base::Bytes changed(whole.begin(), whole.end());
  for (std::uint8_t& octet : changed) {
    const std::uint8_t right = octet;
    for (const int other : {right ^ 0x01, right ^ 0x80, 0x00, 0xff}) {
      octet = static_cast<std::uint8_t>(other);
      contents_of(changed, "/x", passwords);
      ++looked_at;
    }
    octet = right;
  }
  CHECK(looked_at == 5 * whole.size());
}

}  // namespace everseal::discover::testing
