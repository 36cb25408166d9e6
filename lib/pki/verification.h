// What every verification by OpenSSL needs. For pki only.
#pragma once

#include "pki/chain.h"
#include "pki/openssl.h"

namespace everseal::pki {

namespace internal {
inline void free_borrowing(STACK_OF(X509) * stack) { sk_X509_free(stack); }
}  // namespace internal
// Frees the stack alone, not what stands in it.
using BorrowedStack = base::Handle<STACK_OF(X509), internal::free_borrowing>;

// 0 for any.
inline int native_purpose(Purpose purpose) noexcept {
  switch (purpose) {
    case Purpose::server:
      return X509_PURPOSE_SSL_SERVER;
    case Purpose::client:
      return X509_PURPOSE_SSL_CLIENT;
    case Purpose::any:
      break;
  }
  return 0;
}

}  // namespace everseal::pki
