#include "system/curl.h"

#include "base/encoding.h"

namespace everseal::system {
namespace {

Words words_for(const std::string& url, const std::string& ca_file) {
  Words words{"curl", "--disable", "--silent", "--show-error", "--fail-with-body", "--max-time",
              "30",   "--noproxy", "*"};
  if (!ca_file.empty()) words.insert(words.end(), {"--cacert", ca_file});
  words.push_back(url);
  return words;
}

}  // namespace

std::string http_get(const std::string& url, const std::string& ca_file) {
  return run_or_fail(words_for(url, ca_file), {.output_limit = 64 << 20});
}

std::string http_post(const std::string& url, const std::string& body, const std::string& ca_file) {
  Words words = words_for(url, ca_file);
  words.insert(words.end(), {"--header", "Content-Type: application/json", "--data-binary", "@-"});

  return run_or_fail(std::move(words), {.input = base::to_bytes(body), .output_limit = 64 << 20});
}

}  // namespace everseal::system
