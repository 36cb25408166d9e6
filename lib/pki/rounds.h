// How much work a password-based encryption may ask for: whoever made the file chose the number of its rounds.
#pragma once

#include "pki/openssl.h"

namespace everseal::pki {

// For one file. Some seconds of work; a file that asks for more wants to keep us busy.
class RoundBudget {
 public:
  // Throws Error(invalid) where the rounds of a PBES1, PKCS#12 or PBES2 algorithm are not positive or exceed what is
  // left. An algorithm whose parameters cannot be read costs nothing: OpenSSL refuses it.
  void spend(const X509_ALGOR& algorithm);
  void spend(long rounds);

 private:
  long left_ = 5'000'000;
};

}  // namespace everseal::pki
