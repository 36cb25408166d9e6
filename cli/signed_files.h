// Where `ca sign --out-dir` writes: names that are decided before anything is signed.
#pragma once

#include "base/error.h"
#include "base/file.h"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::cli {

// The file that a CSR's certificate gets: the CSR's own name without its directory and without an extension that CSRs
// have, and ".pem". "a/host.csr" makes "host.pem", "www.example.net" makes "www.example.net.pem", "-" makes
// "stdin.pem".
std::string signed_name(std::string_view csr);

// One directory that certificates are written to. A file never takes the place of another that this run writes, of a
// CSR, or of what is no certificate.
class SignedFiles {
 public:
  // Throws Error(not_found/denied) where `directory` is missing or nothing can be written there.
  SignedFiles(const std::string& directory, const std::vector<std::string>& csrs);

  // The path that the `index`th CSR's certificate is written to, or why it cannot be.
  const std::expected<std::string, base::Error>& path(std::size_t index) const { return paths_.at(index); }
  // Durable. Throws Error(io).
  void write(std::size_t index, std::string_view pem) const;

 private:
  base::Directory directory_;
  std::vector<std::string> names_;
  std::vector<std::expected<std::string, base::Error>> paths_;
};

}  // namespace everseal::cli
