// When the CA wants a certificate to be renewed (RFC 9773).
#pragma once

#include "base/text.h"
#include "base/time.h"
#include "pki/certificate.h"

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace everseal::acme {

class Client;

// Section 4.1: the authority key identifier and the serial number, base64url. "" where the certificate has no authority
// key identifier.
std::string certificate_id(const pki::Certificate& certificate);

struct RenewalInfo {
  base::Time start;
  base::Time end;
  base::Untrusted explanation;  // a URL, or ""
};
// Throws Error(invalid): no window, a time that is none, an end that is not after the start (section 4.2).
RenewalInfo parse_renewal_info(std::string_view json);

// What the CA answered, and when to ask again: between a minute and a day from `now` (section 4.3).
struct RenewalAnswer {
  std::optional<RenewalInfo> info;  // absent where the CA has no renewal information
  base::Time ask_again;
};
RenewalAnswer fetch_renewal_info(Client& client, const pki::Certificate& certificate, base::Time now,
                                 std::stop_token stop);

}  // namespace everseal::acme
