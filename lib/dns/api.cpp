#include "dns/api.h"

#include "base/error.h"
#include "base/text.h"
#include "net/json.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kShown = 300;
constexpr std::chrono::seconds kLongestWait{30};

net::HttpSettings settings_for(const std::string& url) {
  net::HttpSettings settings;
  if (url.starts_with("http://")) settings.schemes = net::Schemes::http_too;
  return settings;
}

base::Secret prefixed(std::string_view prefix, const base::Secret& token) {
  std::string text(prefix);
  text += token.reveal_text();
  return base::Secret::take(text);
}

Error refusal(const net::HttpResponse& response, const std::string& where, base::Time now) {
  const std::string said = base::printable(std::string_view(response.body).substr(0, kShown));
  const std::string message = fmt::format("{}: HTTP {}{}{}", where, response.status, said.empty() ? "" : ": ", said);
  if (response.status == 401 || response.status == 403)
    return Error(Fault::denied, message, "does the token exist, and may it change records of that zone?");
  const bool later = response.status == 429 || response.status >= 500;
  return Error(later ? Fault::unreachable : Fault::denied, message).not_before(net::retry_after(response, now));
}

void pause(base::Seconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any changed;
  changed.wait_for(lock, stop, duration, [] { return false; });
}

}  // namespace

base::Option api_option(std::string_view url) {
  return {.name = "api", .summary = "base URL of its API", .fallback = url};
}

Api::Api(const std::string& base_url, std::string header, std::string_view prefix, const base::Secret& token)
    : base_url_(base_url),
      header_(std::move(header)),
      value_(prefixed(prefix, token)),
      client_(settings_for(base_url)) {
  while (base_url_.ends_with('/')) base_url_.pop_back();
}

std::optional<std::string> Api::body(std::string_view method, const std::string& path, const std::string& json,
                                     std::stop_token stop) {
  for (int tries = 1;; ++tries) {
    net::HttpRequest request{
        .method = std::string(method), .url = base_url_ + path, .headers = {}, .secret_headers = {}, .body = json};
    request.headers.emplace_back("Accept", "application/json");
    if (!json.empty()) request.headers.emplace_back("Content-Type", "application/json");
    if (!header_.empty()) request.secret_headers.emplace_back(header_, value_.copy());
    net::HttpResponse response = client_.send(request, stop);
    if (response.ok()) return std::move(response.body);
    if (response.status == 404) return std::nullopt;
    const base::Time now = base::wall_clock();
    const auto when = net::retry_after(response, now);
    if (response.status == 429 && tries == 1 && when && *when - now <= kLongestWait && !stop.stop_requested()) {
      pause(*when - now, stop);
      continue;
    }
    throw refusal(response, fmt::format("{} {}", method, base::printable(base_url_)), now);
  }
}

std::optional<base::Table> Api::call(std::string_view method, const std::string& path, const std::string& json,
                                     std::stop_token stop) {
  const auto text = body(method, path, json, std::move(stop));
  if (!text) return std::nullopt;
  if (base::trim(*text).empty()) return base::Table{};
  return net::parse_json_object(*text, fmt::format("the answer of {}", base::printable(base_url_)));
}

base::Table Api::require(std::string_view method, const std::string& path, const std::string& json,
                         std::stop_token stop) {
  auto found = call(method, path, json, std::move(stop));
  if (!found)
    throw Error(Fault::config, fmt::format("{} {}: HTTP 404", method, base::printable(base_url_)),
                "does the account of the token hold that zone?");
  return std::move(*found);
}

std::string url_encoded(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::string quoted(std::string_view value) { return fmt::format("\"{}\"", value); }

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

std::string relative_name(const std::string& name, const std::string& zone) {
  if (name == zone) return "@";
  if (name.size() > zone.size() && name.ends_with(zone) && name[name.size() - zone.size() - 1] == '.')
    return name.substr(0, name.size() - zone.size() - 1);
  throw Error(Fault::config, fmt::format("{} is not in the zone {}", name, zone));
}

}  // namespace everseal::dns
