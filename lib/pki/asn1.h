// Names, times and object identifiers between OpenSSL's form and ours. For pki, and probe.
#pragma once

#include "base/text.h"
#include "base/time.h"
#include "pki/name.h"
#include "pki/openssl.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace everseal::pki {

// Reads `der` into a fresh object with a d2i_ function; empty where it does not decode or octets are left over. Leaves
// errors in the queue.
template <class T, auto Free, class Decode>
base::Handle<T, Free> decode_into(base::Handle<T, Free> fresh, base::BytesView der, Decode decode) {
  const unsigned char* at = der.data();
  T* value = fresh.release();  // freed and nulled by `decode` where it fails
  const bool decoded = decode(&value, &at, static_cast<long>(der.size())) != nullptr;
  base::Handle<T, Free> result(value);
  if (!decoded || at != der.data() + der.size()) result.reset();
  return result;
}

inline base::BytesView octets_of(const ASN1_STRING* string) noexcept {
  return {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string oid_text(const ASN1_OBJECT* object);           // "1.2.3.4"
std::optional<base::Time> to_time(const ASN1_TIME* time);  // nullopt where it is none
// As Certificate::serial() writes it.
std::string serial_text(const ASN1_INTEGER* serial);

// RFC 4514 text, but in the order of the encoding and with every octet of a string as it is: separators are escaped,
// control characters are not. What is no string is "#" and the hex of its DER. The RDNs of several attributes are
// joined by "+".
base::Untrusted name_text(const X509_NAME* name);
DistinguishedName to_distinguished_name(const X509_NAME* name);
// Throws Error(invalid) for an unknown attribute or a value that breaks a rule.
X509NameHandle to_x509_name(const DistinguishedName& name);

std::vector<GeneralName> to_general_names(const GENERAL_NAMES* names);
// Throws Error(internal) where memory is short.
GeneralNamesHandle to_native_names(std::span<const Identifier> identifiers);

}  // namespace everseal::pki
