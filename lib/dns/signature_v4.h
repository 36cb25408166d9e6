// AWS Signature Version 4.
#pragma once

#include "base/secret.h"
#include "base/time.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::dns {

struct AwsCredentials {
  std::string access_key_id;
  base::Secret secret_access_key;
  base::Secret session_token;  // empty where they are permanent
};

struct AwsRequest {
  std::string_view method;
  std::string_view path;                                     // encoded
  std::vector<std::pair<std::string, std::string>> query;    // not encoded
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case names, `host` among them
  std::string_view body;
};

// The value of the Authorization header. `headers` hold x-amz-date already: amz_date(now).
std::string authorization_v4(const AwsRequest& request, const AwsCredentials& credentials, std::string_view region,
                             std::string_view service, base::Time now);
std::string amz_date(base::Time now);  // "20261124T120000Z"
// Sorted and encoded as the signature wants it.
std::string canonical_query(std::vector<std::pair<std::string, std::string>> query);

}  // namespace everseal::dns
