#include "dns/api.h"

#include "base/text.h"
#include "net/json.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kShown = 300;
constexpr const char* kAuthorization = "Authorization";
constexpr base::Seconds kLongestDelay{60};
constexpr int kMostDelays = 3;

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// As it is, and as JSON, a URL or a log may spell it.
void blot_out(std::string& text, std::string_view secret) {
  constexpr std::string_view kBlot = "[secret]";
  std::string json = base::json_string(secret);
  std::string slashed(secret);
  replace_all(slashed, "/", "\\/");
  for (const std::string_view spelling :
       {secret, std::string_view(json).substr(1, json.size() - 2), std::string_view(slashed)})
    replace_all(text, spelling, kBlot);
  replace_all(text, url_encoded(secret), kBlot);
}

// Letters and digits alone, in lower case: what is left however a text was spaced, quoted or capitalised.
std::string bare(std::string_view text) {
  std::string letters = base::lower(text);
  std::erase_if(letters, [](char c) { return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')); });
  return letters;
}

// Whether `text` holds a piece of `secret` that is long enough to be no chance.
bool shares_piece(std::string_view text, std::string_view secret) {
  constexpr std::size_t kPiece = 8;
  for (std::size_t at = 0; at + kPiece <= secret.size(); ++at)
    if (text.find(secret.substr(at, kPiece)) != std::string_view::npos) return true;
  return false;
}

// Cut, in capitals, spaced, or in base64, by itself or behind other text ("user:token").
bool betrays(std::string_view text, std::string_view secret) {
  std::string letters = bare(secret);
  bool found = shares_piece(text, letters);
  for (std::size_t skipped = 0; skipped < std::min<std::size_t>(3, secret.size()); ++skipped) {
    std::string encoded = bare(base::base64url(base::as_bytes(secret.substr(skipped))));
    found = found || shares_piece(text, encoded);
    base::wipe(encoded.data(), encoded.size());
  }
  base::wipe(letters.data(), letters.size());
  return found;
}

std::string without_secrets(std::string text, const SecretHeaders& secrets) {
  // As a header's value arrives: without the blanks around it (RFC 9110 section 5.5).
  const auto value_of = [](const base::Secret& value) { return base::trim(value.reveal_text()); };
  const auto token_of = [&](const std::string& name, const base::Secret& value) {
    const std::string_view whole = value_of(value);
    return name == kAuthorization ? whole.substr(whole.rfind(' ') + 1) : whole;  // behind "Bearer"
  };
  for (const auto& [name, value] : secrets) {
    blot_out(text, value.reveal_text());
    blot_out(text, value_of(value));
    blot_out(text, token_of(name, value));
  }
  const std::string letters = bare(text);
  for (const auto& [name, value] : secrets)
    if (betrays(letters, token_of(name, value))) return "(not shown, as it repeats a part of the secret)";
  return base::printable(std::string_view(text).substr(0, kShown));
}

}  // namespace

base::Option api_option(std::string_view url) {
  return {.name = "api", .type = base::OptionType::url, .summary = "base URL of its API", .fallback = url};
}

SecretHeaders authorization(std::string_view word, const base::Secret& token) {
  const std::string_view alone = base::trim(token.reveal_text());
  if (alone.find_first_of(" \t") != std::string_view::npos)
    throw Error(Fault::config, "the token holds a blank, which no token does", "write the token alone into its file");
  std::string text = fmt::format("{} {}", word, alone);
  SecretHeaders headers;
  headers.emplace_back(kAuthorization, base::Secret::take(text));
  return headers;
}

std::optional<std::chrono::milliseconds> asked_delay(const net::HttpResponse& response, int tries) {
  const base::Time now = base::wall_clock();
  const auto when = net::retry_after(response, now);
  if (response.status != 429 || !when || *when - now > kLongestDelay || tries > kMostDelays) return std::nullopt;
  return *when - now;
}

net::HttpSettings api_settings(std::string_view url) {
  net::HttpSettings settings;
  if (url.starts_with("http://")) settings.schemes = net::Schemes::http_too;
  return settings;
}

ApiAnswer exchange(net::HttpClient& client, const std::function<net::HttpRequest()>& make, const DelayOf& delay_of,
                   const std::stop_token& stop) {
  for (int tries = 1;; ++tries) {
    const net::HttpRequest request = make();
    net::HttpResponse response = client.send(request, stop);
    if (const auto delay = delay_of(response, tries)) {
      pause(*delay, stop);
      continue;
    }
    std::string text = without_secrets(response.body, request.secret_headers);
    return {std::move(response), std::move(text)};
  }
}

Error refusal(const net::HttpResponse& response, const std::string& where, const std::string& said) {
  const int status = response.status;
  const std::string message = fmt::format("{}: HTTP {}{}{}", where, status, said.empty() ? "" : ": ", said);
  if (status == 401 || status == 403)
    return Error(Fault::denied, message, "is the secret right, and may it change records of that zone?");
  if (status == 404) return Error(Fault::config, message, "does the account hold that zone?");
  const bool is_locked = status == 409 || status == 423;
  const bool later = status == 408 || status == 429 || status >= 500 || is_locked;
  return Error(later ? Fault::unreachable : Fault::denied, message)
      .not_before(net::retry_after(response, base::wall_clock()));
}

Api::Api(const std::string& base_url, SecretHeaders headers, DelayOf delay_of)
    : base_url_(base_url),
      headers_(std::move(headers)),
      delay_of_(std::move(delay_of)),
      client_(api_settings(base_url)) {
  while (base_url_.ends_with('/')) base_url_.pop_back();
}

ApiAnswer Api::send(std::string_view method, const std::string& path, const std::string& json,
                    const std::stop_token& stop) {
  const auto make = [&] {
    net::HttpRequest request{
        .method = std::string(method), .url = base_url_ + path, .headers = {}, .secret_headers = {}, .body = json};
    request.headers.emplace_back("Accept", "application/json");
    if (!json.empty()) request.headers.emplace_back("Content-Type", "application/json");
    for (const auto& [name, value] : headers_) request.secret_headers.emplace_back(name, value.copy());
    return request;
  };
  return exchange(client_, make, delay_of_, stop);
}

std::string Api::where(std::string_view method) const {
  return fmt::format("{} {}", method, base::printable(base_url_));
}

base::Value Api::parse(const ApiAnswer& answer) const {
  try {
    return net::parse_json(answer.response.body, "the answer");
  } catch (const Error&) {
    throw Error(Fault::invalid,
                fmt::format("the answer of {} is not JSON: \"{}\"", base::printable(base_url_), answer.shown));
  }
}

std::optional<base::Table> Api::call(std::string_view method, const std::string& path, const std::string& json,
                                     const std::stop_token& stop) {
  const ApiAnswer answer = send(method, path, json, stop);
  if (answer.response.status == 404) return std::nullopt;
  if (!answer.response.ok()) throw refusal(answer.response, where(method), answer.shown);
  if (base::trim(answer.response.body).empty()) return base::Table{};
  base::Value value = parse(answer);
  if (auto* const table = std::get_if<base::Table>(&value.data)) return std::move(*table);
  throw Error(Fault::invalid,
              fmt::format("the answer of {} is no object: \"{}\"", base::printable(base_url_), answer.shown));
}

base::Table Api::require(std::string_view method, const std::string& path, const std::string& json,
                         const std::stop_token& stop) {
  auto found = call(method, path, json, stop);
  if (!found) throw refusal({.status = 404, .headers = {}, .body = {}}, where(method), {});
  return std::move(*found);
}

base::List Api::require_list(std::string_view method, const std::string& path, const std::string& json,
                             const std::stop_token& stop) {
  const ApiAnswer answer = send(method, path, json, stop);
  if (!answer.response.ok()) throw refusal(answer.response, where(method), answer.shown);
  base::Value value = parse(answer);
  if (auto* const list = std::get_if<base::List>(&value.data)) return std::move(*list);
  throw Error(Fault::invalid,
              fmt::format("the answer of {} is no list: \"{}\"", base::printable(base_url_), answer.shown));
}

Error Api::not_understood(std::string_view member) const {
  return Error(Fault::invalid,
               fmt::format("an answer of {} lacks \"{}\", or it is no such thing", base::printable(base_url_), member));
}

std::vector<base::Table> Api::rows(const base::Table& answer, std::string_view member) const {
  const base::Value* const value = base::find(answer, member);
  const auto* const list = value == nullptr ? nullptr : std::get_if<base::List>(&value->data);
  if (list == nullptr) throw not_understood(member);
  std::vector<base::Table> rows = net::objects_at(answer, member);
  if (rows.size() != list->size()) throw not_understood(member);
  return rows;
}

const base::Table& Api::object(const base::Table& answer, std::string_view member) const {
  const base::Table* const found = net::object_at(answer, member);
  if (found == nullptr) throw not_understood(member);
  return *found;
}

std::string Api::text(const base::Table& answer, std::string_view member) const {
  std::string text = net::text_at(answer, member);
  if (text.empty()) throw not_understood(member);
  return text;
}

std::vector<std::string> Api::texts(const base::Table& answer, std::string_view member) const {
  const base::Value* const value = base::find(answer, member);
  const auto* const list = value == nullptr ? nullptr : std::get_if<base::List>(&value->data);
  if (list == nullptr) throw not_understood(member);
  std::vector<std::string> texts = net::texts_at(answer, member);
  const bool has_empty = std::ranges::find(texts, std::string()) != texts.end();  // what was null
  if (texts.size() != list->size() || has_empty) throw not_understood(member);
  return texts;
}

std::string Api::shown(const std::string& text) const { return without_secrets(text, headers_); }

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

std::string in_quotes(std::string_view value) { return fmt::format("\"{}\"", value); }

std::string without_quotes(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

std::string relative_name(const std::string& name, const std::string& zone) {
  if (name == zone) return "@";
  if (name.size() > zone.size() && name.ends_with(zone) && name[name.size() - zone.size() - 1] == '.')
    return name.substr(0, name.size() - zone.size() - 1);
  throw Error(Fault::config, fmt::format("{} is not in the zone {}", name, zone));
}

void pause(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any changed;
  changed.wait_for(lock, stop, duration, [] { return false; });
  if (stop.stop_requested()) throw Error(Fault::cancelled, "stopped while a provider of DNS asked to wait");
}

}  // namespace everseal::dns
