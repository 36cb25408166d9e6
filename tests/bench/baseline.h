// What OpenSSL alone needs for the same certificate: parse and check the CSR, build, sign, PEM; nothing is kept.
#pragma once

#include <string>

namespace everseal::bench {

class BareAuthority {
 public:
  BareAuthority();
  ~BareAuthority();
  BareAuthority(const BareAuthority&) = delete;
  BareAuthority& operator=(const BareAuthority&) = delete;
  std::string sign(const std::string& csr_pem);

 private:
  struct State;
  State* state_;
};

}  // namespace everseal::bench
