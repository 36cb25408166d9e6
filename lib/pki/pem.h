// PEM (RFC 7468) and what else a file may hold.
#pragma once

#include "base/encoding.h"
#include "base/secret.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::pki {

struct PemBlock {
  std::string label;  // "CERTIFICATE"
  base::Bytes der;    // wiped when the label names a private key
  PemBlock() = default;
  PemBlock(PemBlock&&) noexcept = default;
  PemBlock& operator=(PemBlock&& other) noexcept;  // what it held is wiped with `other`
  ~PemBlock();
};

// Every block in order; text between blocks is passed over, CRLF and leading blanks are accepted. Throws Error(invalid)
// that gives the line of a block that is not closed, whose base64 is broken or whose labels differ. Encrypted old-style
// ("Proc-Type") blocks keep label only.
std::vector<PemBlock> parse_pem(std::string_view text);
// A block that cannot be read.
struct PemFault {
  std::string label;  // as far as its BEGIN line says one
  int line = 0;       // where the fault is, from 1
  std::string why;
  bool is_cut = false;  // the text ends before the block does
};
// The same for files that may be damaged: each block and each fault in order, and on behind what is broken.
void scan_pem(std::string_view text, const std::function<void(PemBlock&&)>& see,
              const std::function<void(const PemFault&)>& see_fault);
// What was written of a private key lies only in the result, which the caller wipes.
std::string pem(std::string_view label, base::BytesView der);  // 64 columns

// Does a file hold one long DER SEQUENCE rather than PEM? Told by the first octets, so that text inside a DER string
// cannot pose as PEM.
bool looks_like_der(base::BytesView file) noexcept;

}  // namespace everseal::pki
