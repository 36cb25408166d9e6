#include "net/fetch.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"
#include "net/curl_library.h"
#include "net/http_client.h"
#include "net/public_address.h"
#include "net/system_resolver.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::net {
namespace {

using base::Error;
using base::Fault;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kMostRedirects = 3;

void end_url(CURLU* url) noexcept { curl().url_cleanup(url); }

std::string shown(const std::string& url) { return base::printable(url.substr(0, 300)); }

// As libcurl itself will read it: 0x7f.1 is 127.0.0.1.
class Url {
 public:
  explicit Url(const std::string& text) : handle_(curl().url()) { follow(text); }

  // Where a reference leads from here (RFC 3986 section 5).
  void follow(const std::string& reference) {
    if (!handle_ ||
        curl().url_set(handle_.get(), CURLUPART_URL, reference.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
      throw Error(Fault::invalid, fmt::format("{} is no URL", shown(reference)));
    const std::string scheme = part(CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https")
      throw Error(Fault::denied, fmt::format("{} is neither http nor https", shown(reference)));
    if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty())
      throw Error(Fault::denied, fmt::format("{} names a user", shown(reference)));
  }

  std::string text() const { return part(CURLUPART_URL); }
  std::string host() const {
    std::string host = base::lower(part(CURLUPART_HOST));
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    return host;
  }

 private:
  std::string part(CURLUPart which) const {
    char* value = nullptr;
    if (curl().url_get(handle_.get(), which, &value, 0) != CURLUE_OK) return {};
    std::string text(value);
    curl().free(value);
    return text;
  }

  base::Handle<CURLU, end_url> handle_;
};

bool may_connect(const sockaddr& address, const FetchRules& rules) {
  if (is_public(address)) return true;
  const std::string text = numeric_host(address);
  if (text.empty() || rules.allowed.empty()) return false;
  const auto identifier = pki::Identifier::parse(text);
  return std::ranges::any_of(rules.allowed, [&](const auto& range) { return range.contains(identifier); });
}

void check_literal(const std::string& host, const FetchRules& rules) {
  const SystemAnswer literal = look_up(host, AF_UNSPEC, AI_NUMERICHOST);
  const bool is_here = host == "localhost" || host.ends_with(".localhost");
  if (is_here || std::ranges::any_of(literal.addresses, [&](const sockaddr_storage& address) {
        return !may_connect(reinterpret_cast<const sockaddr&>(address), rules);
      }))
    throw Error(Fault::denied, fmt::format("{} may not be connected to", base::printable(host)));
}

}  // namespace

std::optional<std::string> fetched_host(const std::string& url) {
  try {
    return Url(url).host();
  } catch (const Error& error) {
    if (error.fault() == Fault::invalid || error.fault() == Fault::denied) return std::nullopt;
    throw;
  }
}

std::string fetch(const std::string& url, const FetchRules& rules, std::stop_token stop) {
  const auto until = steady_clock::now() + rules.limit;
  Url at(url);
  for (int redirects = 0;; ++redirects) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    if (left.count() <= 0) throw Error(Fault::timed_out, fmt::format("{} redirects for too long", shown(url)));
    if (!rules.proxy.empty()) check_literal(at.host(), rules);
    HttpSettings settings;
    settings.schemes = Schemes::http_too;
    settings.proxy = rules.proxy;
    settings.proxy_login = rules.proxy_login;
    if (rules.proxy.empty())
      settings.may_connect = [&rules](const sockaddr& address) { return may_connect(address, rules); };
    settings.timeout = settings.connect_timeout = left;
    settings.largest_body = rules.largest;
    HttpClient client(std::move(settings));
    HttpResponse response =
        client.send({.method = "GET", .url = at.text(), .headers = {}, .secret_headers = {}, .body = {}}, stop);
    if (response.status == 200) return std::move(response.body);
    const auto location = response.header("location");
    if (response.status < 300 || response.status > 399 || !location)
      throw Error(Fault::invalid, fmt::format("{} answers {}", shown(at.text()), response.status));
    if (redirects == kMostRedirects) throw Error(Fault::invalid, fmt::format("{} redirects too often", shown(url)));
    at.follow(*location);
  }
}

}  // namespace everseal::net
