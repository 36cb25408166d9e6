// The requests of an ACME client and nothing else, straight through libcurl and OpenSSL: one connection, a key made for
// each certificate, no file, no check of what comes back.
#pragma once

#include <string>

namespace everseal::bench {

class BareAcme {
 public:
  // Fetches the directory and makes an account.
  BareAcme(const std::string& directory_url, const std::string& ca_file);
  ~BareAcme();
  BareAcme(const BareAcme&) = delete;
  BareAcme& operator=(const BareAcme&) = delete;

  // One certificate of a CA that validates nothing, and its renewal information; the chain as PEM. Asks again without a
  // pause where the CA is not finished.
  std::string certificate(const std::string& name);

 private:
  struct State;
  State* state_;
};

}  // namespace everseal::bench
