#include "pki/pkcs7.h"

#include "base/error.h"
#include "pki/asn1.h"
#include "pki/openssl.h"

#include <openssl/pkcs7.h>

namespace everseal::pki {
namespace {

using Pkcs7Handle = base::Handle<PKCS7, PKCS7_free>;

constexpr std::size_t kLargestPkcs7 = std::size_t{16} << 20;

}  // namespace

std::vector<base::Bytes> certificates_in_pkcs7(base::BytesView file) {
  if (file.size() > kLargestPkcs7) throw base::Error(base::Fault::invalid, "PKCS#7 file: larger than 16 MiB");
  ERR_clear_error();
  const Pkcs7Handle message = decode_into(Pkcs7Handle(PKCS7_new_ex(look_context(), nullptr)), file, d2i_PKCS7);
  ERR_clear_error();
  if (!message)
    throw base::Error(base::Fault::invalid, "PKCS#7 file: its DER is broken, cut or followed by something else");
  if (!PKCS7_type_is_signed(message.get()) || message->d.sign == nullptr)
    throw base::Error(base::Fault::invalid, "PKCS#7 file: it is no signedData");
  std::vector<base::Bytes> certificates;
  const STACK_OF(X509)* const all = message->d.sign->cert;
  for (int i = 0; i < sk_X509_num(all); ++i) certificates.push_back(encode_der(sk_X509_value(all, i), i2d_X509));
  return certificates;
}

}  // namespace everseal::pki
