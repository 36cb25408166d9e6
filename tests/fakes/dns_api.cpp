#include "fakes/dns_api.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::fakes {
namespace {

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      result += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

ApiRequest taken_apart(const net::ServerRequest& request) {
  ApiRequest result;
  result.method = request.method;
  result.target = request.target;
  result.body = request.body;
  for (const auto& [name, value] : request.headers) result.headers[name] = value;
  const auto mark = request.target.find('?');
  for (const std::string& segment : base::split(request.target.substr(1, mark == 0 ? 0 : mark - 1), '/'))
    result.path.push_back(decoded(segment));
  if (mark == std::string::npos) return result;
  for (const std::string& pair : base::split(std::string_view(request.target).substr(mark + 1), '&')) {
    const auto equals = pair.find('=');
    result.query[decoded(pair.substr(0, equals))] = equals == std::string::npos ? "" : decoded(pair.substr(equals + 1));
  }
  return result;
}

std::string found_in(const std::map<std::string, std::string>& table, const std::string& name) {
  const auto found = table.find(name);
  return found == table.end() ? std::string() : found->second;
}

}  // namespace

std::string ApiRequest::header(const std::string& name) const { return found_in(headers, name); }
std::string ApiRequest::parameter(const std::string& name) const { return found_in(query, name); }

bool ApiRequest::is(const std::string& wanted_method, const std::vector<std::string>& wanted_path) const {
  return method == wanted_method && std::ranges::equal(path, wanted_path, [](const auto& segment, const auto& wanted) {
           return wanted == "*" || segment == wanted;
         });
}

// The strings of a presentation form (RFC 1035 section 5.1), joined; text without quotes is itself.
std::string DnsModel::value_of(const std::string& text) const {
  if (!text.starts_with('"')) return text;
  std::string value;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      value += text[++i];
    else if (text[i] == '"')
      inside = !inside;
    else if (inside)
      value += text[i];
  }
  return value;
}

std::vector<ApiRecord> DnsModel::at(const std::string& name) const {
  std::vector<ApiRecord> found;
  std::ranges::copy_if(records, std::back_inserter(found), [&](const ApiRecord& one) { return one.name == name; });
  return found;
}

ApiRecord& DnsModel::add(const std::string& name, const std::string& text) {
  return records.emplace_back(ApiRecord{.id = ++last_id_, .name = name, .text = text});
}

void DnsModel::erase(const std::string& name) {
  std::erase_if(records, [&](const ApiRecord& one) { return one.name == name; });
}

void DnsModel::erase(const std::string& name, const std::string& text) {
  std::erase_if(records, [&](const ApiRecord& one) { return one.name == name && one.text == text; });
}

DnsApi::DnsApi(std::unique_ptr<DnsModel> model)
    : model_(std::move(model)),
      server_({.address = "127.0.0.1"}, [this](const net::ServerRequest& request) { return handle(request); }) {}

net::ServerResponse DnsApi::handle(const net::ServerRequest& request) {
  const std::scoped_lock lock(mutex_);
  ++requests_;
  if (rule_)
    if (auto said = rule_(request, requests_)) return std::move(*said);
  return model_->answer(taken_apart(request));
}

ApiOptions DnsApi::options(Secrets secrets) const {
  return model_->options(fmt::format("http://127.0.0.1:{}", server_.port()), secrets);
}

std::vector<std::string> DnsApi::secrets() const { return model_->secrets(); }

std::vector<ApiRecord> DnsApi::records(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  return model_->at(name);
}

std::vector<std::string> DnsApi::values(const std::string& name) const {
  std::vector<std::string> values;
  for (const ApiRecord& one : records(name))
    if (!one.disabled) values.push_back(model_->value_of(one.text));
  std::ranges::sort(values);
  return values;
}

int DnsApi::ttl(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = model_->ttls.find(name);
  return found == model_->ttls.end() ? 0 : found->second;
}

void DnsApi::put(const std::string& name, const std::string& text, int ttl) {
  const std::scoped_lock lock(mutex_);
  model_->add(name, text);
  model_->ttls[name] = ttl;
}

void DnsApi::put_disabled(const std::string& name, const std::string& text) {
  const std::scoped_lock lock(mutex_);
  model_->add(name, text).disabled = true;
}

void DnsApi::take(const std::string& name, const std::string& text) {
  const std::scoped_lock lock(mutex_);
  model_->erase(name, text);
}

void DnsApi::set_rule(Rule rule) {
  const std::scoped_lock lock(mutex_);
  rule_ = std::move(rule);
  requests_ = 0;
}

int DnsApi::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

}  // namespace everseal::fakes
