#include "net/http_client.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/log.h"
#include "base/text.h"
#include "net/curl_library.h"
#include "net/system_resolver.h"
#include "pki/openssl.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

namespace everseal::net {
namespace {

using base::Error;
using base::Fault;

void end_handle(CURL* handle) noexcept { curl().easy_cleanup(handle); }

struct FreeList {
  void operator()(curl_slist* list) const noexcept {
    for (curl_slist* at = list; at != nullptr; at = at->next)
      base::wipe(at->data, std::char_traits<char>::length(at->data));
    curl().slist_free_all(list);
  }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

void append(HeaderList& list, const std::string& line) {
  curl_slist* const longer = curl().slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw Error(Fault::internal, "out of memory for a request");
  static_cast<void>(list.release());
  list.reset(longer);
}

// Queries may hold tokens.
std::string without_query(const std::string& url) {
  return base::printable(url.substr(0, std::min<std::size_t>(url.find('?'), 300)));
}

// One request under way, as the callbacks see it; no exception crosses libcurl.
struct Exchange {
  std::string_view unsent;
  HttpResponse response;
  std::size_t largest_body = 0;
  std::stop_token stop;
  const std::function<bool(const sockaddr&)>* may_connect = nullptr;
  std::string refused;  // the last address that may not be connected to
  bool too_large = false;
  std::size_t header_octets = 0;      // of this response
  std::size_t all_header_octets = 0;  // of those before it, too: redirects, 100 Continue
};

constexpr std::size_t kLargestHeaders = 64 << 10;
constexpr std::size_t kLargestOfAll = 4 * kLargestHeaders;

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) noexcept {
  auto& exchange = *static_cast<Exchange*>(context);
  try {
    if (exchange.response.body.size() + size > exchange.largest_body) {
      exchange.too_large = true;
      return 0;
    }
    exchange.response.body.append(data, size);
    return size;
  } catch (const std::exception&) {
    return 0;
  }
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) noexcept {
  auto& exchange = *static_cast<Exchange*>(context);
  try {
    const std::string_view line = base::trim({data, size});
    auto& headers = exchange.response.headers;
    if (line.starts_with("HTTP/")) {  // of a redirect, or 100 Continue
      headers.clear();
      exchange.header_octets = 0;
    }
    exchange.header_octets += size;
    exchange.all_header_octets += size;
    if (exchange.header_octets > kLargestHeaders || exchange.all_header_octets > kLargestOfAll) {
      exchange.too_large = true;
      return 0;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return size;
    headers.emplace_back(base::lower(base::trim(line.substr(0, colon))), base::trim(line.substr(colon + 1)));
    return size;
  } catch (const std::exception&) {
    return 0;
  }
}

std::size_t on_read(char* data, std::size_t, std::size_t room, void* context) noexcept {
  std::string_view& unsent = static_cast<Exchange*>(context)->unsent;
  const std::size_t size = unsent.copy(data, room);
  unsent.remove_prefix(size);
  return size;
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<Exchange*>(context)->stop.stop_requested() ? 1 : 0;
}

curl_socket_t on_socket(void* context, curlsocktype, curl_sockaddr* address) noexcept {
  auto& exchange = *static_cast<Exchange*>(context);
  try {
    if ((*exchange.may_connect)(address->addr))
      return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    exchange.refused = numeric_host(address->addr);
  } catch (const std::exception&) {
  }
  return CURL_SOCKET_BAD;
}

Fault fault_of(CURLcode code) noexcept {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Fault::timed_out;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_WEIRD_SERVER_REPLY:
      return Fault::invalid;
    case CURLE_SSL_CACERT_BADFILE:
      return Fault::config;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      return Fault::internal;
    default:
      return Fault::unreachable;
  }
}

}  // namespace

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string> HttpResponse::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : headers)
    if (key == name) values.push_back(value);
  return values;
}

namespace {

std::optional<base::Time> parse_date(const std::string& text) {
  const time_t when = curl().getdate(text.c_str(), nullptr);
  if (when < 0) return std::nullopt;
  return base::from_unix(when);
}

}  // namespace

std::optional<base::Time> retry_after(const HttpResponse& response, base::Time now) {
  const auto text = response.header("retry-after");
  if (!text) return std::nullopt;
  if (!text->empty() && text->find_first_not_of("0123456789") == std::string::npos) {
    constexpr std::int64_t kLongest = std::int64_t{366} * 86400;
    std::int64_t seconds = 0;
    for (const char digit : *text) seconds = std::min(kLongest, seconds * 10 + (digit - '0'));
    return now + base::Seconds(seconds);
  }
  const auto when = parse_date(*text);
  return when ? std::optional(std::max(*when, now)) : std::nullopt;
}

std::optional<base::Time> date(const HttpResponse& response) {
  const auto text = response.header("date");
  return text ? parse_date(*text) : std::nullopt;
}

std::string_view user_agent() noexcept { return "Everseal/" EVERSEAL_VERSION; }

struct HttpClient::State {
  HttpSettings settings;
  base::Handle<CURL, end_handle> handle;
  char problem[CURL_ERROR_SIZE] = {};

  template <class Value>
  void set(CURLoption option, Value value) {
    if (const CURLcode code = curl().easy_setopt(handle.get(), option, value); code != CURLE_OK)
      throw Error(Fault::internal, fmt::format("libcurl refuses an option: {}", curl().easy_strerror(code)));
  }

  void prepare(const HttpRequest& request, curl_slist* headers, Exchange& exchange) {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    const char* const schemes = settings.schemes == Schemes::https ? "https" : "https,http";
    curl().easy_reset(handle.get());  // keeps connections
    problem[0] = '\0';
    set(CURLOPT_ERRORBUFFER, problem);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, schemes);
    set(CURLOPT_REDIR_PROTOCOLS_STR, schemes);
    set(CURLOPT_FOLLOWLOCATION, reads && settings.redirects > 0 ? 1L : 0L);
    set(CURLOPT_MAXREDIRS, static_cast<long>(settings.redirects));
    set(CURLOPT_USERAGENT, user_agent().data());
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(settings.timeout.count()));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // Without HTTP/2 there is nothing to negotiate; one request at a time gains nothing from it.
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    if (!settings.ca_file.empty()) {
      set(CURLOPT_CAINFO, settings.ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (!settings.proxy.empty() || settings.may_connect) set(CURLOPT_PROXY, settings.proxy.c_str());
    if (settings.may_connect) {
      set(CURLOPT_OPENSOCKETFUNCTION, on_socket);
      set(CURLOPT_OPENSOCKETDATA, &exchange);
      set(CURLOPT_QUICK_EXIT, 1L);  // a name that does not resolve holds nobody up beyond the time
    }
    if (settings.proxy_login) {
      std::string login(settings.proxy_login->reveal_text());
      set(CURLOPT_PROXYUSERPWD, login.c_str());
      base::wipe(login.data(), login.size());
    }
    if (request.method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    } else if (!reads) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      // Not POSTFIELDS: libcurl would send those again by itself where a kept connection breaks after the server may
      // have acted on them.
      set(CURLOPT_POST, 1L);
      set(CURLOPT_READFUNCTION, on_read);
      set(CURLOPT_READDATA, &exchange);
      set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, &exchange);
    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, &exchange);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, on_progress);
    set(CURLOPT_XFERINFODATA, &exchange);
  }
};

HttpClient::HttpClient(HttpSettings settings) : state_(std::make_unique<State>()) {
  state_->settings = std::move(settings);
  state_->handle.reset(curl().easy_init());
  if (!state_->handle) throw Error(Fault::internal, "libcurl gives no handle");
}

HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

HttpResponse HttpClient::send(const HttpRequest& request, std::stop_token stop) {
  HeaderList headers;
  append(headers, "Expect:");  // no 100-continue round trip
  for (const auto& [name, value] : request.headers) append(headers, fmt::format("{}: {}", name, value));
  for (const auto& [name, value] : request.secret_headers) {
    std::string line = fmt::format("{}: {}", name, value.reveal_text());
    append(headers, line);
    base::wipe(line.data(), line.size());
  }
  Exchange exchange;
  exchange.largest_body = state_->settings.largest_body;
  exchange.unsent = request.body;
  exchange.stop = std::move(stop);
  exchange.may_connect = &state_->settings.may_connect;
  state_->prepare(request, headers.get(), exchange);
  const CURLcode code = curl().easy_perform(state_->handle.get());
  const std::string where = without_query(request.url);
  if (exchange.stop.stop_requested() && code == CURLE_ABORTED_BY_CALLBACK)
    throw Error(Fault::cancelled, fmt::format("{} {} was stopped", request.method, where));
  if (exchange.too_large)
    throw Error(Fault::invalid,
                fmt::format("the answer of {} is larger than {} KiB", where, exchange.largest_body >> 10));
  if (code == CURLE_COULDNT_CONNECT && !exchange.refused.empty())
    throw Error(Fault::denied,
                fmt::format("{} {}: {} may not be connected to", request.method, where, exchange.refused));
  if (code != CURLE_OK) {
    std::string text = state_->problem[0] != '\0' ? state_->problem : curl().easy_strerror(code);
    if (code == CURLE_SEND_FAIL_REWIND) text = "the connection was closed before an answer came";
    std::string hint;
    long verified = X509_V_OK;
    curl().easy_getinfo(state_->handle.get(), CURLINFO_SSL_VERIFYRESULT, &verified);
    if (verified == X509_V_ERR_CERT_NOT_YET_VALID || verified == X509_V_ERR_CERT_HAS_EXPIRED)
      hint = "is the clock of this host right? `timedatectl status` shows it";
    else if (code == CURLE_PEER_FAILED_VERIFICATION && state_->settings.ca_file.empty())
      hint = "a private CA's root is given by `ca_file`";
    base::log::debug("{} {}: {}", request.method, base::printable(where), text);
    throw Error(fault_of(code), fmt::format("{} {}: {}", request.method, where, base::printable(text)), hint);
  }
  long status = 0;
  curl().easy_getinfo(state_->handle.get(), CURLINFO_RESPONSE_CODE, &status);
  exchange.response.status = static_cast<int>(status);
  base::log::debug("{} {}: {}", request.method, base::printable(where), status);
  if (const auto type = exchange.response.header("content-type"); type && type->starts_with("application/problem+json"))
    base::log::debug("{}", exchange.response.body);
  return std::move(exchange.response);
}

}  // namespace everseal::net
