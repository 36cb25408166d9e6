#include "dns/signature_v4.h"

#include "base/text.h"
#include "dns/api.h"
#include "pki/digest.h"
#include "pki/hmac.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

base::Bytes hmac(base::BytesView key, std::string_view message) {
  return pki::hmac(pki::Hash::sha256, key, base::as_bytes(message));
}

std::string digest(std::string_view text) { return base::hex(pki::sha256(base::as_bytes(text))); }

}  // namespace

std::string amz_date(base::Time now) {
  std::string text = base::format_time(now);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string canonical_query(std::vector<std::pair<std::string, std::string>> query) {
  for (auto& [name, value] : query) {
    name = url_encoded(name);
    value = url_encoded(value);
  }
  std::ranges::sort(query);
  std::string text;
  for (const auto& [name, value] : query) text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

std::string authorization_v4(const AwsRequest& request, const AwsCredentials& credentials, std::string_view region,
                             std::string_view service, base::Time now) {
  auto headers = request.headers;
  std::ranges::sort(headers);
  std::string canonical_headers, names;
  for (const auto& [name, value] : headers) {
    canonical_headers += fmt::format("{}:{}\n", name, base::trim(value));
    names += fmt::format("{}{}", names.empty() ? "" : ";", name);
  }
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path, canonical_query(request.query),
                  canonical_headers, names, digest(request.body));
  const std::string when = amz_date(now);
  const std::string scope = fmt::format("{}/{}/{}/aws4_request", when.substr(0, 8), region, service);
  const std::string to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", when, scope, digest(canonical));
  std::string first = fmt::format("AWS4{}", credentials.secret_access_key.reveal_text());
  base::Bytes key = hmac(base::as_bytes(first), when.substr(0, 8));
  base::wipe(first.data(), first.size());
  for (const std::string_view part : {region, service, std::string_view("aws4_request")}) key = hmac(key, part);
  return fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}", credentials.access_key_id,
                     scope, names, base::hex(hmac(key, to_sign)));
}

}  // namespace everseal::dns
